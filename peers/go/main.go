// Reads GGUF files with gguf-parser-go.
//
//	reader FILE file|mmap   the header, large metadata skipped, once for every line on standard input; each is answered
//	                        with the nanoseconds that the read took. The caller so decides when it runs: between its own
//	                        reads
//	reader FILE facts       all that the file says and holds, a line each
package main

import (
	"bufio"
	"fmt"
	"os"
	"time"

	gguf "github.com/gpustack/gguf-parser-go"
)

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("found %d arguments, expected 2: reader FILE file|mmap|facts", len(os.Args)-1))
	}
	if os.Args[2] == "facts" {
		if err := printFacts(os.Args[1]); err != nil {
			fail(err)
		}
		return
	}
	options, err := readOptions(os.Args[2])
	if err != nil {
		fail(err)
	}
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() {
		took, err := timeRead(os.Args[1], options)
		if err != nil {
			fail(err)
		}
		fmt.Println(took.Nanoseconds())
	}
}

func readOptions(access string) ([]gguf.GGUFReadOption, error) {
	switch access {
	case "file":
		return []gguf.GGUFReadOption{gguf.SkipLargeMetadata()}, nil
	case "mmap":
		return []gguf.GGUFReadOption{gguf.SkipLargeMetadata(), gguf.UseMMap()}, nil
	default:
		return nil, fmt.Errorf("found access %q, expected file, mmap or facts", access)
	}
}

func timeRead(path string, options []gguf.GGUFReadOption) (time.Duration, error) {
	start := time.Now()
	_, err := gguf.ParseGGUFFile(path, options...)
	return time.Since(start), err
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
