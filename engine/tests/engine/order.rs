//! The forward order that core derives from names is the order in which llama.cpp runs.

use packbench_core::gguf::sample::{LayerOrder, TinyModel};
use packbench_core::gguf::{ArrayBuf, Dims, GgmlType, Gguf, Value, ValueType, Version, Writer};
use packbench_core::layout::{Names, Order};
use packbench_core::measure::engine::{Engine, Prompt};

use crate::shared::{ARCHITECTURES, Model, NEVER, Pages, engine};

fn the_derived_order_is_the_traced_one(model: &Model) {
    let pages = Pages::of(&model.path);
    let gguf = Gguf::parse(pages.bytes()).unwrap();
    let mut names: Vec<&str> = gguf.tensors.iter().map(|tensor| tensor.name).collect();
    // whatever order the file has
    names.sort_unstable();
    let architecture = gguf.metadata.str("general.architecture").unwrap();
    let derived = Order::Forward.arrange(&Names { in_file: &names, architecture, reference: None }).unwrap();
    let derived: Vec<&str> = derived.into_iter().map(|index| names[index]).collect();
    let trace = engine().trace(&model.path, &Prompt::Count(1), &NEVER).unwrap();
    assert_eq!(derived, trace.tensors(), "{architecture:?}");
}

#[test]
fn of_each_architecture() {
    for architecture in ARCHITECTURES {
        let order = LayerOrder::Lexicographic;
        let model = Model::tiny(&TinyModel { architecture, order, ..TinyModel::new(12) });
        the_derived_order_is_the_traced_one(&model);
    }
}

#[test]
#[ignore = "takes real models: scripts/test --stage model"]
fn of_real_models() {
    for model in Model::real_ones() {
        the_derived_order_is_the_traced_one(&model);
    }
}

#[test]
fn of_models_that_are_built_otherwise() {
    let moe = [("expert_count", E), ("expert_used_count", 2), ("expert_feed_forward_length", F)];
    let heads = [("attention.key_length", H), ("attention.value_length", H)];
    let window = [("attention.sliding_window", 32)];
    // (architecture, its own numbers, its layers, what stands outside them)
    let models = [
        (
            "gemma2",
            [&heads[..], &window].concat(),
            vec![[ATTENTION, NORMED, DENSE, POST].concat(); 2],
            vec![],
        ),
        (
            "qwen3",
            heads.to_vec(),
            vec![[ATTENTION, NORMED, DENSE, QUERY_KEY_NORMS].concat(); 2],
            OUTPUT.to_vec(),
        ),
        (
            "qwen3moe",
            [&heads[..], &moe].concat(),
            vec![[ATTENTION, NORMED, EXPERTS, QUERY_KEY_NORMS].concat(); 2],
            OUTPUT.to_vec(),
        ),
        (
            "gpt-oss",
            [&heads[..], &moe, &window].concat(),
            vec![[ATTENTION, EXPERTS, OPENAI].concat(); 2],
            OUTPUT.to_vec(),
        ),
        ("command-r", vec![], vec![[ATTENTION, DENSE].concat(); 2], vec![]),
        (
            "phi3",
            vec![],
            vec![FUSED.to_vec(); 2],
            [OUTPUT, &[("rope_factors_long.weight", &[H / 2])]].concat(),
        ),
        (
            "llama",
            vec![],
            vec![[ATTENTION, NORMED, DENSE].concat(); 2],
            [OUTPUT, &[("rope_freqs.weight", &[H / 2])]].concat(),
        ),
        (
            "deepseek2",
            [&LATENT_NUMBERS[..], &moe].concat(),
            vec![[LATENT, NORMED, DENSE].concat(), [LATENT, NORMED, EXPERTS, SHARED].concat()],
            OUTPUT.to_vec(),
        ),
        (
            "lfm2",
            vec![],
            vec![[CONVOLUTION, NORMED, DENSE].concat(), [ATTENTION, NORMED, DENSE, QUERY_KEY_NORMS].concat()],
            vec![],
        ),
    ];
    for (architecture, numbers, layers, outside) in models {
        the_derived_order_is_the_traced_one(&Model::of_bytes(&small(
            architecture,
            &numbers,
            &layers,
            &outside,
        )));
    }
}

/// Tensors by name, with their shapes.
type Parts = [(&'static str, &'static [u64])];

/// Width of the model and of a head, of queries together, of keys and values together; experts, and their width; of the
/// latent space; tokens.
const W: u64 = 64;
const H: u64 = 16;
const KV: u64 = 32;
const E: u64 = 4;
const F: u64 = 32;
const V: u64 = 64;

const ATTENTION: &Parts = &[
    ("attn_norm", &[W]),
    ("attn_q", &[W, W]),
    ("attn_k", &[W, KV]),
    ("attn_v", &[W, KV]),
    ("attn_output", &[W, W]),
];
const NORMED: &Parts = &[("ffn_norm", &[W])];
const DENSE: &Parts = &[("ffn_gate", &[W, F]), ("ffn_up", &[W, F]), ("ffn_down", &[F, W])];
const POST: &Parts = &[("post_attention_norm", &[W]), ("post_ffw_norm", &[W])];
const QUERY_KEY_NORMS: &Parts = &[("attn_q_norm", &[H]), ("attn_k_norm", &[H])];
const EXPERTS: &Parts = &[
    ("ffn_gate_inp", &[W, E]),
    ("ffn_gate_exps", &[W, F, E]),
    ("ffn_up_exps", &[W, F, E]),
    ("ffn_down_exps", &[F, W, E]),
];
const SHARED: &Parts = &[("ffn_gate_shexp", &[W, F]), ("ffn_up_shexp", &[W, F]), ("ffn_down_shexp", &[F, W])];
const OPENAI: &Parts = &[
    ("post_attention_norm", &[W]),
    ("attn_sinks", &[W / H]),
    ("attn_q.bias", &[W]),
    ("attn_k.bias", &[KV]),
    ("attn_v.bias", &[KV]),
    ("attn_output.bias", &[W]),
    ("ffn_gate_inp.bias", &[E]),
    ("ffn_gate_exps.bias", &[F, E]),
    ("ffn_up_exps.bias", &[F, E]),
    ("ffn_down_exps.bias", &[W, E]),
];
const FUSED: &Parts = &[
    ("attn_norm", &[W]),
    ("attn_qkv", &[W, W + 2 * KV]),
    ("attn_output", &[W, W]),
    ("ffn_norm", &[W]),
    ("ffn_up", &[W, 2 * F]),
    ("ffn_down", &[F, W]),
];
const LATENT: &Parts = &[
    ("attn_norm", &[W]),
    ("attn_q_a", &[W, 24]),
    ("attn_q_a_norm", &[24]),
    ("attn_q_b", &[24, 4 * 24]),
    ("attn_kv_a_mqa", &[W, 40]),
    ("attn_kv_a_norm", &[32]),
    ("attn_k_b", &[16, 32, 4]),
    ("attn_v_b", &[32, 16, 4]),
    ("attn_output", &[4 * 16, W]),
];
const LATENT_NUMBERS: [(&str, u64); 11] = [
    ("attention.head_count_kv", 1),
    ("rope.dimension_count", 8),
    ("leading_dense_block_count", 1),
    ("attention.kv_lora_rank", 32),
    ("attention.q_lora_rank", 24),
    ("attention.key_length", 40),
    ("attention.value_length", 32),
    ("attention.key_length_mla", 24),
    ("attention.value_length_mla", 16),
    ("expert_shared_count", 1),
    ("expert_gating_func", 1),
];
const CONVOLUTION: &Parts = &[
    ("attn_norm", &[W]),
    ("shortconv.conv", &[3, W]),
    ("shortconv.in_proj", &[W, 3 * W]),
    ("shortconv.out_proj", &[W, W]),
];
const OUTPUT: &Parts = &[("output.weight", &[W, V])];

/// A model that llama.cpp runs: numbers that most architectures have, and its own in their place.
fn small(
    architecture: &str,
    numbers: &[(&str, u64)],
    layers: &[Vec<(&str, &[u64])>],
    outside: &[(&str, &[u64])],
) -> Vec<u8> {
    let common = [
        ("block_count", layers.len() as u64),
        ("context_length", 128),
        ("embedding_length", W),
        ("feed_forward_length", F),
        ("attention.head_count", W / H),
        ("attention.head_count_kv", KV / H),
        ("rope.dimension_count", H),
        ("vocab_size", V),
        ("shortconv.l_cache", 3),
    ];
    let key = |name: &str| format!("{architecture}.{name}");
    let named: Vec<(String, u64)> = common.iter().chain(numbers).map(|(name, n)| (key(name), *n)).collect();
    let fractions =
        ["attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon", "logit_scale"].map(key);
    let mut writer = Writer::new(Version::V3);
    writer.set("general.architecture", Value::String(architecture.as_bytes()));
    writer.set("tokenizer.ggml.model", Value::String(b"no_vocab"));
    named.iter().for_each(|(key, n)| writer.set(key, Value::U32(*n as u32)));
    fractions.iter().for_each(|key| writer.set(key, Value::F32(0.5)));
    // a layer without attention has no keys
    let keys_of = |layer: &Vec<(&str, &[u64])>| layer.iter().any(|(name, _)| *name == "attn_k");
    let mut per_layer = ArrayBuf::new(ValueType::I32);
    layers.iter().for_each(|layer| per_layer.push(Value::I32(if keys_of(layer) { 2 } else { 0 })).unwrap());
    if architecture == "lfm2" {
        writer.set("lfm2.attention.head_count_kv", Value::Array(per_layer.as_array()));
    }
    let last_norm = if architecture == "lfm2" { "token_embd_norm.weight" } else { "output_norm.weight" };
    let mut tensors = vec![("token_embd.weight".to_owned(), &[W, V][..]), (last_norm.to_owned(), &[W])];
    for (layer, parts) in layers.iter().enumerate() {
        let suffix = |name: &str| if name.contains(".bias") { "" } else { ".weight" };
        tensors.extend(
            parts.iter().map(|(name, shape)| (format!("blk.{layer}.{name}{}", suffix(name)), *shape)),
        );
    }
    tensors.extend(outside.iter().map(|(name, shape)| ((*name).to_owned(), *shape)));
    for (name, shape) in &tensors {
        writer.tensor(name, Dims::new(shape).unwrap(), GgmlType::F32).unwrap();
    }
    let mut bytes = Vec::new();
    let weights = |len: u64| 0.5f32.to_le_bytes().repeat(len as usize / 4);
    writer.write(&mut bytes, |tensor, out| out.write_all(&weights(tensor.data.len.0))).unwrap();
    bytes
}
