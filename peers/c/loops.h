/* What packbench's probes do in their measured regions, written as one would in C: the same system calls, the same
 * clock, the same sum of the first byte of every page. */
#ifndef PACKBENCH_PEERS_LOOPS_H
#define PACKBENCH_PEERS_LOOPS_H

#include <stddef.h>
#include <stdint.h>

struct taken {
    uint64_t wall_ns;
    uint64_t sum;
};

/* Touches page order[0], order[1], ... of a mapping. */
void peer_touch(const uint8_t *start, size_t page, const uint32_t *order, size_t count, struct taken *taken);

/* Opens and maps a file, touches it, unmaps it. 0, or errno. */
int peer_touch_file(const char *path, size_t page, const uint32_t *order, size_t count, struct taken *taken);

/* Opens a file and reads blocks order[0], order[1], ... of it, all of io_size bytes, the clock read once per read.
 * 0, or errno. */
int peer_read_file(const char *path, size_t page, size_t io_size, const uint32_t *order, size_t count,
                   struct taken *taken);

#endif
