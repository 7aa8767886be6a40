//! Any bytes at all through the safetensors reader and the reader of its index: no panic, and what parses keeps the
//! reader's promises.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run safetensors fuzz/corpus/safetensors fuzz/seeds/safetensors -- -max_total_time=60`

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use packbench_core::safetensors::{Index, Safetensors, Tensor};

fuzz_target!(|file: &[u8]| {
    match Safetensors::parse(file) {
        Ok(model) => check(&model, file),
        Err(error) => is_short(&error),
    }
    match Index::parse(file) {
        Ok(index) => check_index(&index, file),
        Err(error) => is_short(&error),
    }
});

fn is_short(error: &dyn std::error::Error) {
    assert!(error.to_string().len() < 1000, "an error must not carry a hostile name in full: {error}");
}

fn check(model: &Safetensors<'_>, file: &[u8]) {
    let names: HashSet<&str> = model.tensors.iter().map(|tensor| &*tensor.name).collect();
    assert_eq!(names.len(), model.tensors.len(), "names are unique");
    let mut by_place: Vec<&Tensor<'_>> = model.tensors.iter().collect();
    by_place.sort_by_key(|tensor| (tensor.data.start, tensor.data.len));
    let mut covered = model.data_offset;
    for tensor in by_place {
        assert_eq!(tensor.data.start, covered, "neither gap nor overlap");
        assert_eq!(tensor.dtype.tensor_bytes(&tensor.shape), Ok(tensor.data.len));
        assert_eq!(model.payload(tensor).map(|bytes| bytes.len() as u64), Some(tensor.data.len.0));
        covered = tensor.data.end();
    }
    assert_eq!(covered.0, file.len() as u64, "all of the file is accounted for");
}

fn check_index(index: &Index<'_>, file: &[u8]) {
    assert!(
        index.files().iter().all(|name| !name.contains('/') && *name != ".."),
        "no way out of the folder"
    );
    if let Ok(model) = Safetensors::parse(file) {
        let _ = index.check(&[model]);
    }
}
