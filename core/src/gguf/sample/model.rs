//! Models in miniature that llama.cpp loads and runs: names, shapes, types and metadata of the real thing, payload of
//! any size.

use std::io::{self, Write};

use super::super::{ArrayBuf, Dims, GgmlType, Tensor, Value, ValueType, Version, WriteError, Writer};
use crate::unit::Bytes;

const EMBEDDING: u64 = 128;
const HEADS: u64 = 4;
const KV_HEADS: u64 = 2;
/// `<unk>`, `<s>`, `</s>`, a token for each byte, and a few words.
const TOKENS: u64 = 320;
/// Elements and bytes of a block of Q8_0, the type of all matrices here.
const BLOCK: u64 = 32;
const BLOCK_BYTES: usize = 34;

/// In which order a file holds the layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerOrder {
    /// 0, 1, 2, … 10: the order in which a model runs.
    Numeric,
    /// 0, 1, 10, 11, … 2: the order of many files in the wild, sorted by name.
    Lexicographic,
}

/// The family that a model belongs to. All have the same vocabulary and the same matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// The plain one.
    Llama,
    /// With biases on queries, keys and values, which it computes in the order q, k, v or another.
    Qwen2,
    /// With norms on queries and keys, and behind attention and feed-forward.
    Gemma3,
}

impl Architecture {
    /// As `general.architecture` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Architecture::Llama => "llama",
            Architecture::Qwen2 => "qwen2",
            Architecture::Gemma3 => "gemma3",
        }
    }

    /// The numbers that its metadata hold beside those of all.
    const fn hyperparameters(self) -> &'static [(&'static str, u64)] {
        match self {
            Architecture::Llama | Architecture::Qwen2 => &[],
            Architecture::Gemma3 => &[
                ("attention.key_length", EMBEDDING / HEADS),
                ("attention.value_length", EMBEDDING / HEADS),
                // short prompts reach beyond it
                ("attention.sliding_window", 8),
            ],
        }
    }

    /// The vectors that a layer has beside `attn_norm` and `ffn_norm`, with their elements.
    fn vectors(self, kv: u64) -> Vec<(&'static str, u64)> {
        match self {
            Architecture::Llama => vec![],
            Architecture::Qwen2 => vec![("attn_k.bias", kv), ("attn_q.bias", EMBEDDING), ("attn_v.bias", kv)],
            Architecture::Gemma3 => vec![
                ("attn_k_norm.weight", EMBEDDING / HEADS),
                ("attn_q_norm.weight", EMBEDDING / HEADS),
                ("post_attention_norm.weight", EMBEDDING),
                ("post_ffw_norm.weight", EMBEDDING),
            ],
        }
    }
}

/// What sets a model apart from the plain one of its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Logits are made with a matrix of their own, not with the embeddings.
    pub untied: bool,
    /// Each head of queries has keys and values of its own.
    pub unshared_heads: bool,
    /// Logits have a soft cap. llama.cpp knows of gemma3's alone.
    pub soft_cap: bool,
    /// Each frequency of rotations has a factor. llama.cpp knows of llama's alone.
    pub rope_factors: bool,
    /// Positions are divided by 4; gemma3's, in layers without a window.
    pub linear_scaling: bool,
    /// Tokens that others of the family don't have.
    pub more_tokens: u32,
}

impl Traits {
    /// The plain one.
    pub const NONE: Traits = Traits {
        untied: false,
        unshared_heads: false,
        soft_cap: false,
        rope_factors: false,
        linear_scaling: false,
        more_tokens: 0,
    };
}

/// A model to write. Files that differ only in their layer order hold the same payload under each name.
#[derive(Clone, Copy, Debug)]
pub struct TinyModel {
    /// Its family.
    pub architecture: Architecture,
    /// How many layers.
    pub layers: u32,
    /// The order in which the file holds them. Inside a layer the order is alphabetical, as in files in the wild.
    pub order: LayerOrder,
    /// The bytes of all tensors together, at most: the feed-forward matrices are as large as this allows, and never
    /// smaller than 32 columns (43 KiB, and 65 KiB a layer).
    pub payload: Bytes,
    /// Decides the weights.
    pub seed: u64,
    /// What sets it apart.
    pub traits: Traits,
}

impl TinyModel {
    /// The smallest llama of that many layers, in numeric order.
    pub const fn new(layers: u32) -> Self {
        let (architecture, order) = (Architecture::Llama, LayerOrder::Numeric);
        TinyModel { architecture, layers, order, payload: Bytes(0), seed: 0, traits: Traits::NONE }
    }

    /// The file in memory.
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = Vec::new();
        self.write(&mut file).expect("a Vec takes all that is written to it, and the shapes fit the types");
        file
    }

    /// Writes the file and answers its length.
    ///
    /// # Errors
    /// Whatever `out` fails with.
    pub fn write(&self, out: impl Write) -> Result<Bytes, WriteError> {
        let tokens: ArrayBuf = (0..self.tokens()).map(token).collect();
        let mut scores = ArrayBuf::new(ValueType::F32);
        let mut types = ArrayBuf::new(ValueType::I32);
        for index in 0..self.tokens() {
            scores.push(Value::F32(-(index as f32))).expect("an f32 in an array of f32");
            types.push(Value::I32(token_type(index))).expect("an i32 in an array of i32");
        }
        let (name, hyperparameters) = (format!("tiny {}", self.architecture.name()), self.hyperparameters());
        let (epsilon, base) = (self.key("attention.layer_norm_rms_epsilon"), self.key("rope.freq_base"));
        let (factor, cap) = (self.key("rope.scaling.factor"), self.key("final_logit_softcapping"));
        let mut writer = Writer::new(Version::V3);
        writer.set("general.architecture", Value::String(self.architecture.name().as_bytes()));
        writer.set("general.name", Value::String(name.as_bytes()));
        for (key, value) in &hyperparameters {
            writer.set(key, Value::U32(*value));
        }
        writer.set(&epsilon, Value::F32(1e-5));
        if self.architecture == Architecture::Gemma3 {
            // Its layers with a window keep to 10,000.
            writer.set(&base, Value::F32(1_000_000.0));
        }
        if self.traits.linear_scaling {
            writer.set(&factor, Value::F32(4.0));
        }
        if self.traits.soft_cap {
            writer.set(&cap, Value::F32(2.0));
        }
        writer.set("tokenizer.ggml.model", Value::String(b"llama"));
        writer.set("tokenizer.ggml.tokens", Value::Array(tokens.as_array()));
        writer.set("tokenizer.ggml.scores", Value::Array(scores.as_array()));
        writer.set("tokenizer.ggml.token_type", Value::Array(types.as_array()));
        let shapes = self.shapes();
        for (name, dims, ggml_type) in &shapes {
            writer.tensor(name, *dims, *ggml_type)?;
        }
        writer.write(out, |tensor, out| self.write_payload(tensor, out))
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture.name())
    }

    fn hyperparameters(&self) -> Vec<(String, u32)> {
        let common = [
            ("block_count", self.layers.into()),
            ("context_length", 2048),
            ("embedding_length", EMBEDDING),
            ("feed_forward_length", self.feed_forward()),
            ("attention.head_count", HEADS),
            ("attention.head_count_kv", self.kv_heads()),
            ("rope.dimension_count", EMBEDDING / HEADS),
            ("vocab_size", self.tokens()),
        ];
        let own = self.architecture.hyperparameters().iter().copied();
        let named = |(name, n)| (self.key(name), u32::try_from(n).unwrap_or(u32::MAX));
        common.into_iter().chain(own).map(named).collect()
    }

    fn tokens(&self) -> u64 {
        TOKENS + u64::from(self.traits.more_tokens)
    }

    const fn kv_heads(&self) -> u64 {
        if self.traits.unshared_heads { HEADS } else { KV_HEADS }
    }

    /// The columns of the feed-forward matrices that fill the payload that was asked for.
    fn feed_forward(&self) -> u64 {
        let block_column = 3 * EMBEDDING * BLOCK_BYTES as u64 * u64::from(self.layers.max(1));
        let rest: u64 = self.shapes_with(0).iter().map(payload_bytes).sum();
        let steps = self.payload.0.saturating_sub(rest) / block_column;
        steps.max(1) * BLOCK
    }

    fn shapes(&self) -> Vec<(String, Dims, GgmlType)> {
        self.shapes_with(self.feed_forward())
    }

    fn shapes_with(&self, feed_forward: u64) -> Vec<(String, Dims, GgmlType)> {
        let matrix = |name: String, columns, rows| (name, dims(&[columns, rows]), GgmlType::Q8_0);
        let vector = |name: String, elements| (name, dims(&[elements]), GgmlType::F32);
        let kv = EMBEDDING / HEADS * self.kv_heads();
        let mut shapes = vec![matrix("token_embd.weight".into(), EMBEDDING, self.tokens())];
        for layer in self.layers_in_order() {
            let name = |part: &str| format!("blk.{layer}.{part}.weight");
            let mut shapes_of_layer = vec![
                matrix(name("attn_k"), EMBEDDING, kv),
                vector(name("attn_norm"), EMBEDDING),
                matrix(name("attn_output"), EMBEDDING, EMBEDDING),
                matrix(name("attn_q"), EMBEDDING, EMBEDDING),
                matrix(name("attn_v"), EMBEDDING, kv),
                matrix(name("ffn_down"), feed_forward, EMBEDDING),
                matrix(name("ffn_gate"), EMBEDDING, feed_forward),
                vector(name("ffn_norm"), EMBEDDING),
                matrix(name("ffn_up"), EMBEDDING, feed_forward),
            ];
            let vectors = self.architecture.vectors(kv).into_iter();
            shapes_of_layer.extend(vectors.map(|(part, n)| vector(format!("blk.{layer}.{part}"), n)));
            shapes_of_layer.sort_by(|(a, ..), (b, ..)| a.cmp(b));
            shapes.append(&mut shapes_of_layer);
        }
        shapes.push(vector("output_norm.weight".into(), EMBEDDING));
        if self.traits.untied {
            shapes.push(matrix("output.weight".into(), EMBEDDING, self.tokens()));
        }
        if self.traits.rope_factors {
            shapes.push(vector("rope_freqs.weight".into(), EMBEDDING / HEADS / 2));
        }
        shapes
    }

    fn layers_in_order(&self) -> Vec<u32> {
        let mut layers: Vec<u32> = (0..self.layers).collect();
        if self.order == LayerOrder::Lexicographic {
            layers.sort_by_key(u32::to_string);
        }
        layers
    }

    /// Random quants under a fixed scale, so that no weight is infinite; vectors between 3/4 and 5/4. Drawn from seed and
    /// name alone.
    fn write_payload(&self, tensor: &Tensor<'_>, out: &mut dyn Write) -> io::Result<()> {
        const SCALE: [u8; 2] = 0x1400_u16.to_le_bytes(); // 2^-10 in half precision: a matrix leaves sizes as they are
        let mut hasher = blake3::Hasher::new();
        let mut random =
            hasher.update(&self.seed.to_le_bytes()).update(tensor.name.as_bytes()).finalize_xof();
        if tensor.ggml_type == GgmlType::F32 {
            let mut bytes = vec![0; tensor.dims.elements() as usize];
            random.fill(&mut bytes);
            return bytes
                .iter()
                .try_for_each(|byte| out.write_all(&(0.75 + f32::from(*byte) / 510.0).to_le_bytes()));
        }
        let mut blocks = [0; 64 * BLOCK_BYTES];
        let mut left = tensor.data.len.0;
        while left > 0 {
            let now = left.min(blocks.len() as u64);
            random.fill(&mut blocks);
            blocks.chunks_exact_mut(BLOCK_BYTES).for_each(|block| block[..2].copy_from_slice(&SCALE));
            out.write_all(&blocks[..now as usize])?;
            left -= now;
        }
        Ok(())
    }
}

fn dims(ne: &[u64]) -> Dims {
    Dims::new(ne).expect("at most two dimensions of a model that is asked for in bytes")
}

fn payload_bytes((_, dims, ggml_type): &(String, Dims, GgmlType)) -> u64 {
    ggml_type.tensor_bytes(*dims).map_or(0, |bytes| bytes.0)
}

fn token(index: u64) -> String {
    match index {
        0 => "<unk>".to_owned(),
        1 => "<s>".to_owned(),
        2 => "</s>".to_owned(),
        3..259 => format!("<0x{:02X}>", index - 3),
        _ => format!("▁word{index}"),
    }
}

/// llama.cpp's numbers: unknown, control, byte, normal.
fn token_type(index: u64) -> i32 {
    match index {
        0 => 2,
        1 | 2 => 3,
        3..259 => 6,
        _ => 1,
    }
}
