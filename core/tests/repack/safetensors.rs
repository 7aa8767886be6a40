//! Which bytes a plan for a safetensors file takes from where.

use packbench_core::random::Random;
use packbench_core::repack::{self, Plan, SafetensorsError};
use packbench_core::safetensors::{Dtype, Safetensors};
use proptest::prelude::*;
use proptest::sample::select;

use crate::shared::{in_memory, payload};

const TENSORS: [(&str, Dtype, u64); 4] =
    [("b", Dtype::F32, 3), ("é\"", Dtype::BF16, 0), ("a", Dtype::BF16, 10), ("c", Dtype::U8, 7)];

/// A file as the reference implementation writes it, tensors in the order given.
fn file(metadata: &str, tensors: &[(&str, Dtype, u64)]) -> Vec<u8> {
    let (mut header, mut data) = (format!("{{{metadata}"), Vec::new());
    for &(name, dtype, elements) in tensors {
        let (begin, len) = (data.len() as u64, elements * dtype.bits() / 8);
        let name = serde_json::to_string(name).unwrap();
        let comma = if header == "{" { "" } else { "," };
        let end = begin + len;
        header += &format!(
            "{comma}{name}:{{\"dtype\":\"{dtype}\",\"shape\":[{elements}],\"data_offsets\":[{begin},{end}]}}"
        );
        data.extend(payload(&name, len));
    }
    header += "}";
    header += &" ".repeat(header.len().next_multiple_of(8) - header.len());
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

const METADATA: &str = r#""__metadata__":{"format":"pt","é\"":"\n"}"#;

fn plan(shards: &[&[u8]], order: &[&str], like: Option<&[u8]>) -> Result<Plan, SafetensorsError> {
    let shards: Vec<Safetensors> = shards.iter().map(|bytes| Safetensors::parse(bytes).unwrap()).collect();
    let like = like.map(|bytes| Safetensors::parse(bytes).unwrap());
    repack::safetensors(&shards, order, like.as_ref())
}

type Described = Vec<(String, Dtype, Vec<u64>, Vec<u8>)>;
type Metadata = Option<Vec<(String, String)>>;

/// What a file says and holds, whatever the order.
fn meaning(bytes: &[u8]) -> (Metadata, Described) {
    let file = Safetensors::parse(bytes).unwrap();
    let pairs = file.metadata.as_ref().map(|pairs| {
        pairs.iter().map(|(key, value)| (key.clone().into_owned(), value.clone().into_owned())).collect()
    });
    let mut tensors: Vec<_> = file
        .tensors
        .iter()
        .map(|tensor| {
            let payload = file.payload(tensor).unwrap().to_vec();
            (tensor.name.clone().into_owned(), tensor.dtype, tensor.shape.clone(), payload)
        })
        .collect();
    tensors.sort();
    (pairs, tensors)
}

fn names(bytes: &[u8]) -> Vec<String> {
    Safetensors::parse(bytes).unwrap().tensors.iter().map(|tensor| tensor.name.clone().into_owned()).collect()
}

#[test]
fn header_and_data_are_in_the_new_order() {
    let bytes = file(METADATA, &TENSORS);
    let order = ["a", "é\"", "b", "c"];
    let new = in_memory(&plan(&[&bytes], &order, None).unwrap(), &[&bytes]);
    assert_eq!(names(&new), order);
    assert_eq!(meaning(&new), meaning(&bytes));
    let parsed = Safetensors::parse(&new).unwrap();
    assert!(parsed.tensors.is_sorted_by_key(|tensor| tensor.data.start));
    assert!(parsed.data_offset.0.is_multiple_of(8));
}

#[test]
fn the_order_that_a_file_has_gives_the_file_itself() {
    for metadata in ["", METADATA, r#""__metadata__":{}"#] {
        let bytes = file(metadata, &TENSORS);
        let order = TENSORS.map(|(name, ..)| name);
        assert_eq!(in_memory(&plan(&[&bytes], &order, None).unwrap(), &[&bytes]), bytes);
    }
}

#[test]
fn a_tensor_that_readers_cannot_use_in_place_is_refused() {
    let bytes = file("", &TENSORS);
    insta::assert_snapshot!(
        plan(&[&bytes], &["c", "a", "b", "é\""], None).unwrap_err(),
        @r#"tensor "a" of type BF16 would begin 7 bytes behind the start of the data, expected a multiple of 2: the format leaves no gaps, so keep tensors of an odd length behind it"#
    );
    let odd = file("", &[("c", Dtype::U8, 7), ("a", Dtype::BF16, 10)]);
    let plan = plan(&[&odd], &["c", "a"], None).unwrap();
    assert_eq!(in_memory(&plan, &[&odd]), odd, "what never was aligned may stay as it is");
}

#[test]
fn shards_are_merged_if_their_metadata_agree() {
    let whole = file(METADATA, &TENSORS);
    let order = TENSORS.map(|(name, ..)| name);
    let shards = [file(METADATA, &TENSORS[..1]), file(r#""__metadata__":{"format":"pt"}"#, &TENSORS[1..])];
    let shards: Vec<&[u8]> = shards.iter().map(Vec::as_slice).collect();
    assert_eq!(in_memory(&plan(&shards, &order, None).unwrap(), &shards), whole);
    let other = file(r#""__metadata__":{"format":"np"}"#, &TENSORS[1..]);
    let error = plan(&[shards[0], &other], &order, None).unwrap_err();
    assert_eq!(error, SafetensorsError::Metadata { key: "format".into() });
}

/// Spaces between members, as other writers leave them.
#[test]
fn like_restores_a_header_that_was_written_otherwise() {
    let original = file(METADATA, &TENSORS);
    let length = Safetensors::parse(&original).unwrap().data_offset.0 as usize;
    let header = String::from_utf8(original[8..length].to_vec()).unwrap().replace("},", "} ,\n  ");
    let original = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &original[length..]].concat();
    let moved = plan(&[&original], &["a", "b", "c", "é\""], None).unwrap();
    let moved = in_memory(&moved, &[&original]);
    let order = names(&original);
    let order: Vec<&str> = order.iter().map(String::as_str).collect();
    let restored = plan(&[&moved], &order, Some(&original)).unwrap();
    assert!(restored.restores);
    assert_eq!(in_memory(&restored, &[&moved, &original]), original);

    let other = file("", &TENSORS);
    let followed = plan(&[&moved], &order, Some(&other)).unwrap();
    assert!(!followed.restores, "metadata are never taken from elsewhere");
    assert_eq!(meaning(&in_memory(&followed, &[&moved, &other])), meaning(&original));
}

proptest! {
    #[test]
    fn any_order_says_the_same_and_goes_back(
        drawn in prop::collection::vec((select(&[Dtype::F64, Dtype::F32, Dtype::F6_E2M3]), 0u64..20), 0..8),
        metadata in select(&["", METADATA]),
        seed: u64,
    ) {
        // whole multiples of 8 bytes: any order keeps every type aligned
        let named: Vec<(String, Dtype, u64)> = drawn.iter().enumerate()
            .map(|(index, &(dtype, n))| (format!("t{index}"), dtype, 64 * n))
            .collect();
        let tensors: Vec<_> = named.iter().map(|(name, dtype, n)| (name.as_str(), *dtype, *n)).collect();
        let original = file(metadata, &tensors);
        let mut order: Vec<&str> = tensors.iter().map(|(name, ..)| *name).collect();
        let in_file = order.clone();
        Random::new(seed).shuffle(&mut order);
        let new = in_memory(&plan(&[&original], &order, None).unwrap(), &[&original]);
        prop_assert_eq!(names(&new), order);
        prop_assert_eq!(meaning(&new), meaning(&original));
        let back = plan(&[&new], &in_file, Some(&original)).unwrap();
        prop_assert_eq!(in_memory(&back, &[&new, &original]), original);
    }
}
