"""Makes a qwen2 model of random weights in F16: FILE LAYERS EMBEDDING FEED_FORWARD HEADS KV_HEADS

Its vocabulary is as wide as Qwen2.5's; each byte of a text is a token.
"""

import sys

import gguf
import numpy as np

VOCABULARY = 151936


def main(path, layers, embedding, feed_forward, heads, kv_heads):
    random = np.random.default_rng(1)
    kv = embedding // heads * kv_heads
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_block_count(layers)
    writer.add_context_length(4096)
    writer.add_embedding_length(embedding)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    add_vocabulary(writer)

    def matrix(name, outputs, inputs):
        weights = random.standard_normal((outputs, inputs), dtype=np.float32) / 50
        writer.add_tensor(f"{name}.weight", weights.astype(np.float16))

    def vector(name, elements, mean):
        writer.add_tensor(name, mean + random.standard_normal(elements, dtype=np.float32) / 50)

    matrix("token_embd", VOCABULARY, embedding)
    for layer in range(layers):
        name = f"blk.{layer}."
        for map, outputs in [("attn_q", embedding), ("attn_k", kv), ("attn_v", kv)]:
            matrix(name + map, outputs, embedding)
            vector(f"{name}{map}.bias", outputs, 0)
        matrix(name + "attn_output", embedding, embedding)
        matrix(name + "ffn_gate", feed_forward, embedding)
        matrix(name + "ffn_up", feed_forward, embedding)
        matrix(name + "ffn_down", embedding, feed_forward)
        vector(name + "attn_norm.weight", embedding, 1)
        vector(name + "ffn_norm.weight", embedding, 1)
    vector("output_norm.weight", embedding, 1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_vocabulary(writer):
    # Bytes that print stand for themselves, the others for characters from 256 on: GPT-2's alphabet.
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printed]
    alphabet = [chr(byte) for byte in printed] + [chr(256 + index) for index in range(len(others))]
    rest = [f"<|{token}|>" for token in range(256, VOCABULARY)]
    kinds = [gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.UNUSED] * len(rest)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(alphabet + rest)
    writer.add_token_types(kinds)
    # A merge there must be; this one is of a text that nobody writes.
    writer.add_token_merges([f"{alphabet[-1]} {alphabet[-1]}"])
    writer.add_eos_token_id(VOCABULARY - 1)
    writer.add_add_bos_token(False)


if __name__ == "__main__":
    if len(sys.argv) != 7:
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
