#!/usr/bin/env python3
"""Holds packbench's gradients against PyTorch's, on small models of each architecture.

    cargo run -p packbench-fim --example gradients FOLDER
    fim/examples/torch-gradients.py FOLDER          needs torch, numpy and gguf (pip)

Fails when a matrix's gradient is off by more than 1e-4 of its length. The models are written out below in double
precision, from the descriptions of their architectures: nothing of packbench's own code takes part.
"""

import math
import sys
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader, dequantize

LIMIT = 1e-4
TOKENS = [(1000 + 7919 * index) % 320 for index in range(24)]


class Model:
    def __init__(self, path):
        reader = GGUFReader(path)
        field = lambda key: reader.fields[key].contents() if key in reader.fields else None
        self.architecture = field("general.architecture")
        self.number = lambda key: field(f"{self.architecture}.{key}")
        self.weights = {
            tensor.name: torch.tensor(
                np.array(dequantize(tensor.data, tensor.tensor_type)), dtype=torch.float64
            ).reshape(*(int(n) for n in reversed(tensor.shape))).requires_grad_()
            for tensor in reader.tensors
        }

    def norm(self, x, name):
        if name not in self.weights:
            return x
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.number("attention.layer_norm_rms_epsilon"))
        return x * scale * self.weights[name]

    def linear(self, x, name):
        y = x @ self.weights[f"{name}.weight"].T
        bias = self.weights.get(f"{name}.bias")
        return y if bias is None else y + bias

    def rope(self, x, base):  # heads, tokens, elements
        count = x.shape[-1]
        turns = base ** (-torch.arange(0, count, 2, dtype=torch.float64) / count)
        angles = torch.arange(x.shape[1], dtype=torch.float64)[:, None] * turns
        sin, cos = angles.sin(), angles.cos()
        if self.architecture == "llama":
            a, b = x[..., 0::2], x[..., 1::2]
            return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)
        a, b = x[..., : count // 2], x[..., count // 2 :]
        return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)

    def attention(self, x, layer):
        heads, shared = self.number("attention.head_count"), self.number("attention.head_count_kv")
        split = lambda y, n: y.reshape(len(y), n, -1).transpose(0, 1)
        name = f"blk.{layer}.attn_"
        q = self.norm(split(self.linear(x, name + "q"), heads), name + "q_norm.weight")
        k = self.norm(split(self.linear(x, name + "k"), shared), name + "k_norm.weight")
        v = split(self.linear(x, name + "v"), shared)
        window = self.number("attention.sliding_window") if layer % 6 < 5 else None
        base = 10000.0 if window else self.number("rope.freq_base") or 10000.0
        q, k = self.rope(q, base), self.rope(k, base)
        k, v = (y.repeat_interleave(heads // shared, 0) for y in (k, v))
        scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
        back = torch.arange(len(x))[:, None] - torch.arange(len(x))
        hidden = (back < 0) | (back >= window if window else False)
        shares = scores.masked_fill(hidden, -math.inf).softmax(-1)
        return self.linear((shares @ v).transpose(0, 1).flatten(1), name + "output")

    def feed_forward(self, x, layer):
        gate = self.linear(x, f"blk.{layer}.ffn_gate")
        if self.architecture == "gemma3":
            gate = 0.5 * gate * (1 + torch.tanh(math.sqrt(2 / math.pi) * (gate + 0.044715 * gate**3)))
        else:
            gate = torch.nn.functional.silu(gate)
        return self.linear(gate * self.linear(x, f"blk.{layer}.ffn_up"), f"blk.{layer}.ffn_down")

    def loss(self):
        embedding = self.weights["token_embd.weight"]
        x = embedding[TOKENS]
        if self.architecture == "gemma3":
            x = x * math.sqrt(x.shape[-1])
        for layer in range(self.number("block_count")):
            name = f"blk.{layer}."
            out = self.attention(self.norm(x, name + "attn_norm.weight"), layer)
            x = x + self.norm(out, name + "post_attention_norm.weight")
            out = self.feed_forward(self.norm(x, name + "ffn_norm.weight"), layer)
            x = x + self.norm(out, name + "post_ffw_norm.weight")
        logits = self.norm(x, "output_norm.weight") @ embedding.T
        return torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(TOKENS[1:]), reduction="sum")


def main(folder):
    worst = 0.0
    for path in sorted(folder.glob("*/model.gguf")):
        model = Model(path)
        model.loss().backward()
        found = sorted(path.parent.glob("*.f32"))
        for file in found:
            theirs = model.weights[file.name.removesuffix(".f32") + ".weight"].grad
            ours = torch.from_numpy(np.fromfile(file, dtype="<f4")).double().reshape(theirs.shape)
            off = ((ours - theirs).norm() / theirs.norm()).item()
            worst = max(worst, off)
            if not off < LIMIT:
                sys.exit(f"{path.parent.name} {file.stem}: off by {off:.1e} of its length, expected at most {LIMIT}")
        print(f"{path.parent.name}: {len(found)} gradients")
    if worst == 0.0:
        sys.exit(f"no gradients in {folder}: make them first, see above")
    print(f"largest difference: {worst:.1e} of a gradient's length")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
