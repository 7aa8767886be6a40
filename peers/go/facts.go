package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	gguf "github.com/gpustack/gguf-parser-go"
)

// printFacts prints a line for each key of the metadata and each tensor, places in the file left out.
func printFacts(path string) error {
	parsed, err := gguf.ParseGGUFFile(path)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for _, pair := range parsed.Header.MetadataKV {
		fmt.Printf("metadata %s %d %x\n", pair.Key, pair.ValueType, sha256.Sum256(fmt.Append(nil, plain(pair.Value))))
	}
	for _, tensor := range parsed.TensorInfos {
		hash := sha256.New()
		start := parsed.TensorDataStartOffset + int64(tensor.Offset)
		data := io.NewSectionReader(file, start, int64(tensor.Bytes()))
		if _, err := io.Copy(hash, data); err != nil {
			return err
		}
		fmt.Printf("tensor %s %s %v %x\n", tensor.Name, tensor.Type, tensor.Dimensions, hash.Sum(nil))
	}
	return nil
}

// plain leaves out where an array lies.
func plain(value any) any {
	if array, ok := value.(gguf.GGUFMetadataKVArrayValue); ok {
		return []any{array.Type, array.Len, array.Array}
	}
	return value
}
