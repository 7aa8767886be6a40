#define _GNU_SOURCE
#include "loops.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void peer_touch(const uint8_t *start, size_t page, const uint32_t *order, size_t count, struct taken *taken) {
    uint64_t sum = 0, begun = now_ns();
    for (size_t i = 0; i < count; i++)
        sum += *(const volatile uint8_t *)(start + (size_t)order[i] * page);
    taken->wall_ns = now_ns() - begun;
    taken->sum = sum;
}

int peer_touch_file(const char *path, size_t page, const uint32_t *order, size_t count, struct taken *taken) {
    int error = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    if (fd < 0)
        return errno;
    if (fstat(fd, &stat) != 0) {
        error = errno;
        close(fd);
        return error;
    }
    void *start = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (start == MAP_FAILED) {
        error = errno;
    } else {
        peer_touch(start, page, order, count, taken);
        munmap(start, (size_t)stat.st_size);
    }
    close(fd);
    return error;
}

static uint64_t page_sum(const uint8_t *piece, size_t len, size_t page) {
    uint64_t sum = 0;
    for (size_t at = 0; at < len; at += page)
        sum += piece[at];
    return sum;
}

/* The measured region of peer_read_file. */
static int read_blocks(int fd, size_t page, size_t io_size, const uint32_t *order, size_t count, uint8_t *buffer,
                       uint64_t *latencies, struct taken *taken) {
    uint64_t sum = 0, begun = now_ns(), last = begun;
    for (size_t i = 0; i < count; i++) {
        ssize_t got = pread(fd, buffer, io_size, (off_t)order[i] * (off_t)io_size);
        if (got != (ssize_t)io_size)
            return got < 0 ? errno : EIO;
        sum += page_sum(buffer, io_size, page);
        uint64_t now = now_ns();
        latencies[i] = now - last;
        last = now;
    }
    taken->wall_ns = now_ns() - begun;
    taken->sum = sum;
    return 0;
}

int peer_read_file(const char *path, size_t page, size_t io_size, const uint32_t *order, size_t count,
                   struct taken *taken) {
    int error = ENOMEM, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    uint8_t *buffer = malloc(io_size);
    uint64_t *latencies = malloc(count * sizeof *latencies);
    if (buffer && latencies) {
        /* Written to, so that no page of fresh memory faults in the measured region. */
        memset(buffer, 1, io_size);
        memset(latencies, 1, count * sizeof *latencies);
        error = read_blocks(fd, page, io_size, order, count, buffer, latencies, taken);
    }
    free(latencies);
    free(buffer);
    close(fd);
    return error;
}
