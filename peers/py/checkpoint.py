"""A checkpoint in safetensors, as its library writes it: types of several sizes, an empty tensor, names to escape."""

import sys

import numpy
from safetensors.numpy import save_file

random = numpy.random.default_rng(1)
tensors = {
    "model.embed_tokens.weight": random.standard_normal((64, 32)).astype("float16"),
    "model.norm.weight": random.standard_normal(32).astype("float32"),
    'odd "name"': numpy.arange(8, dtype="int64"),
    "empty": numpy.zeros((0, 4), dtype="float32"),
}
for layer in range(12):
    for part, shape in [("self_attn.q_proj", (32, 32)), ("mlp.down_proj", (32, 96))]:
        tensors[f"model.layers.{layer}.{part}.weight"] = random.standard_normal(shape).astype("float16")
save_file(tensors, sys.argv[1], metadata={"format": "np", "é": "\n"})
