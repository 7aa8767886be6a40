use std::collections::BTreeMap;

use packbench_core::gguf::Gguf;
use packbench_core::gguf::sample::{LayerOrder, TinyModel};
use packbench_core::gguf::{Dims, GgmlType, Value, Version, Writer};
use packbench_core::layout::Layout;
use packbench_core::record::{INSPECTION_SCHEMA, Inspections};
use proptest::prelude::*;

use super::map;

fn inspections(files: &[(&str, Vec<u8>)]) -> Inspections {
    let layout =
        |(name, bytes): &(&str, Vec<u8>)| Layout::of_gguf(&[Gguf::parse(bytes).unwrap()], &[name]).unwrap();
    let layouts: Vec<Layout> = files.iter().map(layout).collect();
    let models = layouts.iter().map(|layout| layout.inspect(None).unwrap()).collect();
    let moves = layouts[1..].iter().map(|other| layouts[0].moves_to(other)).collect();
    Inspections { schema: INSPECTION_SCHEMA.into(), models, moves }
}

/// How often each class stands in a map, and all that can be read in it.
fn drawn(files: &[(&str, Vec<u8>)]) -> (BTreeMap<String, usize>, Vec<String>) {
    let svg = map(&inspections(files));
    let xml = roxmltree::Document::parse(&svg).unwrap();
    let mut classes = BTreeMap::new();
    for class in xml.descendants().filter_map(|node| node.attribute("class")) {
        *classes.entry(class.to_owned()).or_insert(0) += 1;
    }
    for number in
        xml.descendants().flat_map(|node| node.attributes()).filter(|attribute| attribute.name() != "class")
    {
        assert!(!number.value().contains("NaN") && !number.value().contains("inf"), "{number:?}");
    }
    let texts = xml.descendants().filter(|node| node.is_text()).filter_map(|node| node.text());
    (classes, texts.map(str::to_owned).collect())
}

/// A file of one F32 vector for each name.
fn gguf(names: &[&str]) -> Vec<u8> {
    let all = names.concat();
    let mut writer = Writer::new(Version::V3);
    writer.set("general.name", Value::String(all.as_bytes()));
    for name in names {
        writer.tensor(name, Dims::new(&[8]).unwrap(), GgmlType::F32).unwrap();
    }
    let mut bytes = Vec::new();
    writer.write(&mut bytes, |tensor, out| out.write_all(&vec![0; tensor.data.len.0 as usize])).unwrap();
    bytes
}

#[test]
fn each_tensor_is_drawn_in_its_band_and_on_the_strip() {
    let (classes, texts) = drawn(&[("m.gguf", TinyModel::new(3).bytes())]);
    // one a layer, drawn on the strip, in a band, and for the first layer close up; queries lie in three layers
    assert_eq!(classes["query"], 3 + 3 + 1 + 1, "and in the legend");
    assert_eq!(classes["band"], 3 + 2, "layers, embedding and output");
    assert_eq!(classes["again"], 1, "the tied embedding");
    for text in ["m.gguf", "layer 2", "embedding", "output", "file", "attn_q, 17.4 kB"] {
        assert!(texts.iter().any(|found| found == text), "{text} in {texts:?}");
    }
}

#[test]
fn what_a_layer_reads_outside_of_it_stands_in_its_band() {
    let names = [
        "token_embd.weight",
        "blk.0.attn_q.weight",
        "rope_freqs.weight",
        "blk.0.attn_v.weight",
        "output.weight",
    ];
    let (classes, _) = drawn(&[("m.gguf", gguf(&names))]);
    assert_eq!(classes["band"], 3, "embedding, layer and output");
    assert!(!classes.contains_key("jump") && !classes.contains_key("back"), "{classes:?}");
    let model = &inspections(&[("m.gguf", gguf(&names))]).models[0];
    let bands: Vec<Vec<usize>> =
        super::bands::bands(model, 0.0).into_iter().map(|band| band.tensors).collect();
    assert_eq!(bands, [vec![0], vec![1, 2, 3], vec![4]]);
}

#[test]
fn a_file_in_forward_order_is_one_line() {
    let names = [
        "token_embd.weight",
        "blk.0.attn_q.weight",
        "blk.0.attn_v.weight",
        "output_norm.weight",
        "output.weight",
    ];
    let (classes, _) = drawn(&[("m.gguf", gguf(&names))]);
    assert!(
        !classes.contains_key("jump") && !classes.contains_key("back") && classes["run"] == 1,
        "{classes:?}"
    );
    let mut swapped = names;
    swapped.swap(1, 2);
    let (classes, _) = drawn(&[("m.gguf", gguf(&swapped))]);
    assert!(classes.contains_key("jump") && classes.contains_key("back"), "{classes:?}");
}

#[test]
fn what_moved_is_joined() {
    let wild = TinyModel { order: LayerOrder::Lexicographic, ..TinyModel::new(11) };
    let (classes, texts) = drawn(&[("wild.gguf", wild.bytes()), ("sorted.gguf", TinyModel::new(11).bytes())]);
    let joins: usize =
        classes.iter().filter(|(class, _)| class.starts_with("join ")).map(|(_, count)| count).sum();
    assert_eq!(joins, 9, "the tensors of layer 10");
    assert!(texts.iter().any(|text| text == "9 of 101"), "{texts:?}");
}

#[test]
fn odd_models_are_drawn() {
    for names in [&[][..], &["x"], &["blk.4294967295.attn_q.weight"], &["blk.0.a.weight", "blk.0.b.weight"]] {
        drawn(&[("odd.gguf", gguf(names))]);
        drawn(&[("odd.gguf", gguf(names)), ("other.gguf", gguf(&["y"]))]);
    }
}

#[test]
fn a_thousand_tensors_stay_small() {
    let svg = map(&inspections(&[("m.gguf", TinyModel::new(111).bytes())]));
    assert!(svg.len() < 400 << 10, "{} bytes", svg.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Names may hold anything that is UTF-8.
    #[test]
    fn any_name_makes_valid_xml(file in "\\PC*|[\\x00-\\x7f]{0,9}", tensor in "\\PC{0,9}|[\\x00-\\x7f]{0,9}") {
        let named = format!("blk.0.{tensor}");
        drawn(&[(&file, gguf(&[&tensor, &named]))]);
    }
}
