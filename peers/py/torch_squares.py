"""Sums squared gradients of a qwen2 model's sequences by PyTorch, in f32: MODEL TEXT SEQUENCES LENGTH THREADS

Each byte of the text is a token. A gradient is squared and dropped as soon as it is there. For each line that is read
all sequences are gone through once, and a line of JSON is printed: how long forward, backward and squares took, the most
memory that this process had so far, and of each matrix the sum of its squares.
"""

import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from gguf import GGUFReader, dequantize


class Model:
    def __init__(self, path):
        reader = GGUFReader(path)
        self.number = lambda key: reader.fields[f"qwen2.{key}"].contents()
        self.weights, self.squares = {}, {}
        for tensor in reader.tensors:
            weight = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
            self.weights[tensor.name] = weight
            if weight.dim() == 2:
                self.squares[tensor.name] = torch.zeros_like(weight)
                weight.requires_grad_().register_post_accumulate_grad_hook(self.square(tensor.name))

    def square(self, name):
        def hook(weight):
            self.squares[name].addcmul_(weight.grad, weight.grad)
            weight.grad = None

        return hook

    def linear(self, x, name):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def norm(self, x, name):
        return F.rms_norm(x, x.shape[-1:], self.weights[f"{name}.weight"], self.number("attention.layer_norm_rms_epsilon"))

    def rope(self, x):  # heads, tokens, elements
        count = x.shape[-1]
        turns = self.number("rope.freq_base") ** (-torch.arange(0, count, 2) / count)
        angles = torch.arange(x.shape[1])[:, None] * turns
        sin, cos = angles.sin(), angles.cos()
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)

    def attention(self, x, name):
        heads, shared = self.number("attention.head_count"), self.number("attention.head_count_kv")
        split = lambda y, n: y.view(len(y), n, -1).transpose(0, 1)
        q = self.rope(split(self.linear(x, name + "attn_q"), heads))
        k = self.rope(split(self.linear(x, name + "attn_k"), shared))
        v = split(self.linear(x, name + "attn_v"), shared)
        y = F.scaled_dot_product_attention(q[None], k[None], v[None], is_causal=True, enable_gqa=True)[0]
        return self.linear(y.transpose(0, 1).flatten(1), name + "attn_output")

    def loss(self, tokens):
        x = F.embedding(tokens, self.weights["token_embd.weight"])
        for layer in range(self.number("block_count")):
            name = f"blk.{layer}."
            x = x + self.attention(self.norm(x, name + "attn_norm"), name)
            y = self.norm(x, name + "ffn_norm")
            y = F.silu(self.linear(y, name + "ffn_gate")) * self.linear(y, name + "ffn_up")
            x = x + self.linear(y, name + "ffn_down")
        logits = self.linear(self.norm(x, "output_norm"), "token_embd")
        return F.cross_entropy(logits[:-1], tokens[1:], reduction="sum")


def main(path, text, sequences, length, threads):
    torch.set_num_threads(threads)
    model = Model(path)
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    tokens = torch.tensor([printed.index(byte) for byte in open(text, "rb").read()])
    for _ in sys.stdin:
        for squares in model.squares.values():
            squares.zero_()
        begun = time.perf_counter_ns()
        for sequence in tokens[: sequences * length].view(sequences, length):
            model.loss(sequence).backward()
        wall = time.perf_counter_ns() - begun
        traces = {name: squares.sum(dtype=torch.float64).item() for name, squares in model.squares.items()}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"wall_ns": wall, "peak_bytes": peak, "traces": traces}), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
