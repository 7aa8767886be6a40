//! Orders held against each other: what is needed, how far apart it lies, how many pages it takes.

use packbench_core::gguf::Gguf;
use packbench_core::gguf::sample::{Architecture, LayerOrder, TinyModel};
use packbench_core::layout::{Extent, Layout, ReadsError, TraceBuilder};
use packbench_core::record::{ForwardSource, Inspection, Locality};
use packbench_core::safetensors::{Config, Safetensors};
use packbench_core::unit::Bytes;
use proptest::prelude::*;

use crate::{gguf, safetensors};

fn layout(bytes: &[u8]) -> Layout {
    Layout::of_gguf(&[Gguf::parse(bytes).unwrap()], &["m.gguf"]).unwrap()
}

fn inspected(bytes: &[u8]) -> Inspection {
    layout(bytes).inspect(None).unwrap()
}

/// Names of an untied model of one layer, each with 8 weights.
const FORWARD: [&str; 5] = [
    "token_embd.weight",
    "blk.0.attn_q.weight",
    "blk.0.attn_v.weight",
    "output_norm.weight",
    "output.weight",
];

fn in_order(names: &[&str]) -> Inspection {
    let tensors: Vec<(&str, &[u64])> = names.iter().map(|name| (*name, &[8, 1][..])).collect();
    inspected(&gguf(&[], &tensors))
}

#[test]
fn a_file_in_forward_order_has_no_break() {
    let forward = in_order(&FORWARD).forward;
    assert_eq!((forward.reads.len(), forward.in_file), (5, Locality::default()));
    assert_eq!(forward.at_best, forward.in_file);
    assert_eq!(forward.needed_bytes, 5 * 32);
}

#[test]
fn each_break_is_measured() {
    // forward: embedding, q, v, norm, output; all of 32 bytes, side by side
    let found = in_order(&[FORWARD[4], FORWARD[0], FORWARD[2], FORWARD[1], FORWARD[3]]).forward.in_file;
    let expected = Locality {
        breaks: 4,          // over v to q, back to v, over q to the norm, back to the output
        backward_breaks: 2, // to v, to the output
        seek_bytes: 32 + 64 + 32 + 160,
        longest_seek_bytes: 160,
        bytes_between: 32 + 32 + 96,
    };
    assert_eq!(found, expected);
}

#[test]
fn padding_is_no_break() {
    let tensors: Vec<(&str, &[u64])> = FORWARD.iter().map(|name| (*name, &[5, 1][..])).collect();
    let padded = inspected(&gguf(&[("general.alignment", 4096)], &tensors));
    assert_eq!(padded.forward.in_file.breaks, 0);
    assert_eq!((padded.gaps.count, padded.gaps.bytes), (5, 5 * (4096 - 20)), "the last is padded, too");
    assert_eq!((padded.alignment_bytes, padded.aligned_to_bytes), (Some(4096), 4096));
}

#[test]
fn a_tied_embedding_is_needed_twice_and_counted_once() {
    let tied = inspected(&gguf(&[], &[("token_embd.weight", &[8, 4]), ("output_norm.weight", &[8])]));
    assert_eq!((tied.forward.reads.len(), tied.forward.needed_bytes), (3, 4 * 32 + 32));
    let untied = inspected(&gguf(
        &[],
        &[("token_embd.weight", &[8, 4]), ("output_norm.weight", &[8]), ("output.weight", &[8, 4])],
    ));
    assert_eq!(untied.forward.needed_bytes, 32 + 32 + 4 * 32, "one row of the embedding");
}

#[test]
fn a_token_takes_some_experts() {
    let numbers = [("llama.expert_count", 8), ("llama.expert_used_count", 2)];
    let stacks = [("blk.0.ffn_up_exps.weight", &[8, 4, 8][..]), ("blk.0.ffn_norm.weight", &[8])];
    assert_eq!(inspected(&gguf(&numbers, &stacks)).forward.needed_bytes, 2 * 128 + 32);
    assert_eq!(inspected(&gguf(&[], &stacks)).forward.needed_bytes, 8 * 128 + 32, "nothing is known");

    let each: Vec<String> =
        (0..8).map(|n| format!("model.layers.0.mlp.experts.{n}.up_proj.weight")).collect();
    let each: Vec<(&str, u64)> = each.iter().map(|name| (name.as_str(), 10)).collect();
    let bytes = safetensors(&each);
    let config = Config { model_type: None, experts: Some(8), experts_used: Some(3) };
    let layout = Layout::of_safetensors(&[Safetensors::parse(&bytes).unwrap()], &["m"], &config);
    let inspection = layout.inspect(None).unwrap();
    assert_eq!(inspection.forward.needed_bytes, 30);
    assert_eq!(inspection.tensors.iter().filter(|tensor| tensor.forward.is_none()).count(), 5);
}

#[test]
fn a_trace_decides() {
    let bytes = gguf(&[], &[("token_embd.weight", &[8, 4]), ("a", &[8]), ("b", &[8])]);
    let traced = |tensor: &str, row: u32| {
        let mut trace = TraceBuilder::default();
        trace.read("b", "MUL", Extent::Whole(Bytes(32)));
        trace.read(tensor, "GET_ROWS", Extent::Rows(&[row, 0], Bytes(32)));
        layout(&bytes).inspect(Some(&trace.finish("engine".into(), vec![1])))
    };
    let found = traced("token_embd.weight", 2).unwrap();
    assert_eq!((found.forward.source, found.forward.needed_bytes), (ForwardSource::Traced, 32 + 64));
    let places: Vec<Option<u32>> = found.tensors.iter().map(|tensor| tensor.forward).collect();
    assert_eq!(places, [Some(1), None, Some(0)]);
    assert_eq!((found.forward.reads.len(), found.forward.in_file.breaks), (3, 2), "each row is a read");
    let row = &found.forward.reads[1];
    assert_eq!((row.offset_bytes - found.tensors[0].offset_bytes, row.bytes), (64, 32));
    assert_eq!(traced("gone", 0), Err(ReadsError::NoTensor { tensor: "gone".into() }));
    let tensor = "token_embd.weight".into();
    assert_eq!(traced("token_embd.weight", 4), Err(ReadsError::NoPart { tensor, part: 4, parts: 4 }));
}

#[test]
fn tensors_on_pages() {
    // a header of 1 KiB, then 4, 2, 2 and 8 KiB
    let tensors: [(&str, &[u64]); 4] = [("a", &[1024]), ("b", &[512]), ("c", &[512]), ("d", &[2048])];
    let bytes = gguf(&[("general.alignment", 1024), ("x", 0)], &tensors);
    let start = Gguf::parse(&bytes).unwrap().data_offset.0;
    assert_eq!(start, 1024);
    let pages = inspected(&bytes).pages[0];
    assert_eq!((pages.page_bytes, pages.pages), (4096, 5));
    assert_eq!(pages.shared_pages, 2, "a, b and c on the second, c and d on the third");
    assert_eq!((pages.straddling_tensors, pages.aligned_tensors), (3, 0), "all but b");
    assert_eq!((pages.needed_pages, pages.fewest_pages), (5, 4));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn figures_hold_together(layers in 1u32..14, lexicographic: bool, payload in 0u64..1 << 18, which in 0usize..3) {
        let architecture = [Architecture::Llama, Architecture::Qwen2, Architecture::Gemma3][which];
        let order = if lexicographic { LayerOrder::Lexicographic } else { LayerOrder::Numeric };
        let model = TinyModel { architecture, order, payload: Bytes(payload), ..TinyModel::new(layers) };
        let found = inspected(&model.bytes());
        prop_assert_eq!(found.header_bytes + found.tensor_bytes + found.gaps.bytes, found.file_bytes);
        prop_assert_eq!(found.forward.needed_bytes, found.tensor_bytes, "of a tied model all is needed");
        for totals in [&found.by_type, &found.by_group, &found.by_layer] {
            prop_assert_eq!(totals.iter().map(|total| total.bytes).sum::<u64>(), found.tensor_bytes);
            prop_assert_eq!(totals.iter().map(|total| total.weights).sum::<u64>(), found.weights);
        }
        let mut places: Vec<u32> = found.tensors.iter().filter_map(|tensor| tensor.forward).collect();
        places.sort_unstable();
        prop_assert!(places.into_iter().eq(0..found.tensors.len() as u32), "each tensor has a place of its own");
        prop_assert!(found.forward.at_best.breaks <= found.forward.in_file.breaks);
        for pages in &found.pages {
            prop_assert!(pages.fewest_pages <= pages.needed_pages && pages.needed_pages <= pages.pages);
            prop_assert!(pages.shared_pages < found.tensors.len() as u64);
        }
    }
}

#[test]
fn layers_are_listed_by_number_whatever_the_file_does() {
    let model = TinyModel { order: LayerOrder::Lexicographic, ..TinyModel::new(11) };
    let by_layer = inspected(&model.bytes()).by_layer;
    let names: Vec<&str> = by_layer.iter().map(|total| total.name.as_str()).collect();
    assert_eq!(names, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "outside layers"]);
}

#[test]
fn what_moved_is_the_least_that_explains_the_new_order() {
    let with = |names: &[(&str, u64)]| {
        let tensors: Vec<(&str, [u64; 1])> = names.iter().map(|(name, len)| (*name, [*len])).collect();
        let tensors: Vec<(&str, &[u64])> = tensors.iter().map(|(name, len)| (*name, &len[..])).collect();
        layout(&gguf(&[], &tensors))
    };
    let base = with(&[("a", 8), ("b", 8), ("c", 8), ("d", 8), ("gone", 8)]);
    let other = with(&[("d", 8), ("a", 8), ("b", 16), ("new", 8), ("c", 8)]);
    let moves = base.moves_to(&other);
    let moved: Vec<_> = moves.moved.iter().map(|moved| (moved.name.as_str(), moved.from, moved.to)).collect();
    assert_eq!(moved, [("d", 3, 0)]);
    assert_eq!((moves.common, moves.changed), (4, vec!["b".to_owned()]));
    assert_eq!((moves.only_in_base, moves.only_in_other), (vec!["gone".to_owned()], vec!["new".to_owned()]));
    assert_eq!(base.moves_to(&base).moved, []);
}
