//! Prices as models have them, drawn from a seed.
#![allow(dead_code, reason = "each program that includes this uses a part of it")]

use packbench_core::gguf::{Dims, GgmlType};
use packbench_core::quant::knapsack::Choice;
use packbench_core::quant::{Scored, published};
use packbench_core::random::Random;
use packbench_core::record::{
    FimScores, Imatrix, Labels, Price, PricedModel, Pricing, Shards, StockMix, TensorPrices, Tool,
};
use packbench_core::unit::Bytes;

/// Eight types between 2.6 and 8.5 bits.
const TYPES: [GgmlType; 8] = [
    GgmlType::Q2_K,
    GgmlType::Q3_K,
    GgmlType::IQ4_XS,
    GgmlType::Q4_K,
    GgmlType::Q5_0,
    GgmlType::Q5_K,
    GgmlType::Q6_K,
    GgmlType::Q8_0,
];

/// `tensors` items: shapes of a model's matrices, a loss that falls fourfold with each bit, sensitivities over five
/// orders of magnitude, and noise that puts some types out of order.
pub fn items(tensors: usize, seed: u64) -> Vec<Vec<Choice>> {
    let mut random = Random::new(seed);
    let mut uniform = || random.next_u64() as f64 / u64::MAX as f64;
    let rows = [256, 512, 1536, 1536, 8960];
    let item = |_| {
        let dims = Dims::new(&[1536, rows[(uniform() * 4.99) as usize]]).expect("a matrix");
        let sensitivity = 10_f64.powf(-1.0 - 5.0 * uniform());
        let choice = |ggml_type: &GgmlType| {
            let bytes = ggml_type.tensor_bytes(dims).expect("rows of whole blocks");
            let bits = bytes.0 as f64 * 8.0 / dims.elements() as f64;
            let noise = 0.8 + 0.4 * uniform();
            Choice { bytes, loss: sensitivity * noise * 0.25_f64.powf(bits - 2.0) }
        };
        TYPES.iter().map(choice).collect()
    };
    (0..tensors).map(item).collect()
}

/// What all items take in their `choice`.
pub fn bytes_of(items: &[Vec<Choice>], choice: usize) -> Bytes {
    items.iter().map(|item| item[choice].bytes).sum()
}

/// Scores of a model of `layers` layers with attention and feed-forward, an embedding and norms, whose feed-forward
/// rows take K-quants and whose other rows don't.
pub fn scores(layers: u32, seed: u64) -> FimScores {
    let mut random = Random::new(seed);
    let mut tensors = vec![tensor("token_embd.weight", "token_embedding", None, [320, 1000], &mut random)];
    for layer in 0..layers {
        let mut add = |group: &str, shape| {
            let name = format!("blk.{layer}.{group}.weight");
            tensors.push(tensor(&name, group, Some(layer), shape, &mut random));
        };
        add("attn_norm", [320, 1]);
        ["attn_q", "attn_k", "attn_v", "attn_output"].iter().for_each(|group| add(group, [320, 320]));
        ["ffn_gate", "ffn_up"].iter().for_each(|group| add(group, [320, 1024]));
        add("ffn_down", [1024, 320]);
    }
    let mixes = [("Q4_0", GgmlType::Q4_0, GgmlType::Q4_K), ("Q4_K_M", GgmlType::Q5_0, GgmlType::Q6_K)];
    let stock_mixes = mixes.map(|(name, base, raised)| mix(name, base, raised, &tensors)).to_vec();
    let pricing = Pricing {
        schema: "packbench.scores/1".into(),
        tool: Tool { version: "0".into(), build_profile: "test".into(), target: "none".into(), engine: None },
        model: PricedModel {
            payload_hash: "0a".repeat(32),
            architecture: "llama".into(),
            file_bytes: 1,
            header_bytes: 4096,
            alignment_bytes: 32,
        },
        texts: vec![],
        labels: Labels::Sampled,
        tokens: 1_000,
        shards: Shards { of: 1, held: vec![1] },
        dither_seed: None,
        imatrix: Imatrix::None,
        tensors,
        stock_mixes,
        cost: None,
    };
    let scored = Scored { model: "tiny.gguf".into(), num_samples: 10, seq_length: 101, seed };
    published(scored, pricing)
}

fn tensor(name: &str, group: &str, layer: Option<u32>, shape: [u64; 2], random: &mut Random) -> TensorPrices {
    let dims = Dims::new(&shape).expect("a matrix");
    let sensitivity = 10_f64.powf(3.0 * random.next_u64() as f64 / u64::MAX as f64);
    let is_norm = group.ends_with("norm");
    let price = |ggml_type: GgmlType| {
        let bytes = ggml_type.tensor_bytes(dims).ok()?.0;
        let error = 0.25_f64.powf(bytes as f64 * 8.0 / dims.elements() as f64);
        Some(Price {
            ggml_type,
            bytes,
            loss_by_sequence_nats: sensitivity * error,
            loss_by_token_nats: 1.1 * sensitivity * error,
            squared_error: error,
            imatrix_squared_error: layer.map(|_| 2.0 * error),
        })
    };
    let types =
        [GgmlType::Q3_K, GgmlType::Q4_0, GgmlType::Q4_K, GgmlType::Q5_0, GgmlType::Q6_K, GgmlType::Q8_0];
    TensorPrices {
        name: name.into(),
        group: group.into(),
        layer,
        shape: shape.to_vec(),
        ggml_type: GgmlType::F32,
        bytes: GgmlType::F32.tensor_bytes(dims).expect("plain numbers").0,
        trace: (!is_norm).then_some(sensitivity * 1e3),
        candidates: if is_norm { vec![] } else { types.into_iter().filter_map(price).collect() },
    }
}

/// Everything in `base`, but `ffn_down` of even layers in `raised`.
fn mix(name: &str, base: GgmlType, raised: GgmlType, tensors: &[TensorPrices]) -> StockMix {
    let type_of = |tensor: &TensorPrices| match tensor.layer {
        Some(layer) if tensor.group == "ffn_down" && layer % 2 == 0 => raised,
        _ => base,
    };
    let quantized = tensors.iter().filter(|tensor| !tensor.candidates.is_empty());
    let types = quantized.map(|tensor| (tensor.name.clone(), type_of(tensor))).collect();
    StockMix { name: name.into(), types }
}
