"""All that a model file says and holds, a line each, as gguf-py or the safetensors library reads it."""

import hashlib
import sys

import gguf
import safetensors


def of_gguf(path):
    reader = gguf.GGUFReader(path)
    for field in reader.fields.values():
        # What the reader itself makes of the header: counts of entries and tensors.
        if not field.name.startswith("GGUF."):
            print("metadata", field.name, [kind.name for kind in field.types], sha256(repr(field.contents()).encode()))
    for tensor in reader.tensors:
        shape = tensor.shape.tolist()
        print("tensor", tensor.name, tensor.tensor_type.name, shape, sha256(tensor.data.tobytes()))


def of_safetensors(path):
    with safetensors.safe_open(path, framework="numpy") as file:
        for key, value in (file.metadata() or {}).items():
            print("metadata", key, value)
        for name in file.keys():
            tensor = file.get_tensor(name)
            print("tensor", name, tensor.dtype, tensor.shape, sha256(tensor.tobytes()))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    for path in sys.argv[1:]:
        of_safetensors(path) if path.endswith(".safetensors") else of_gguf(path)
