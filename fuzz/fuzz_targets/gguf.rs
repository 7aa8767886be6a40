//! Any bytes at all through the GGUF reader: no panic, and what parses keeps the reader's promises.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run gguf fuzz/corpus/gguf fuzz/seeds/gguf -- -max_total_time=60`

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use packbench_core::gguf::{Array, Gguf, Tensor, Value};

fuzz_target!(|file: &[u8]| match Gguf::parse(file) {
    Ok(gguf) => check(&gguf, file),
    Err(error) =>
        assert!(error.to_string().len() < 1000, "an error must not carry a hostile name in full: {error}"),
});

fn check(gguf: &Gguf<'_>, file: &[u8]) {
    let keys: HashSet<_> = gguf.metadata.entries().iter().map(|entry| entry.key).collect();
    assert_eq!(keys.len(), gguf.metadata.entries().len(), "keys are unique");
    for entry in gguf.metadata.entries() {
        check_value(entry.value);
        let _ = gguf.metadata.str(entry.key);
        let _ = gguf.metadata.unsigned(entry.key);
    }
    let _ = gguf.split();
    check_tensors(gguf, file);
}

fn check_value(value: Value<'_>) {
    if let Value::Array(array) = value {
        assert_eq!(array.iter().inspect(|&element| check_value(element)).count(), array.len());
        check_strings(array);
    }
}

fn check_strings(array: Array<'_>) {
    if let Some(strings) = array.strings() {
        let values = array.iter().map(|value| match value {
            Value::String(bytes) => bytes,
            other => panic!("an array of strings holds {other:?}"),
        });
        assert!(strings.clone().eq(values));
        let walked: usize = strings.map(|string| 8 + string.len()).sum();
        assert_eq!(walked, array.bytes().len(), "the array ends where its last string does");
    }
}

fn check_tensors(gguf: &Gguf<'_>, file: &[u8]) {
    let mut by_place: Vec<&Tensor<'_>> = gguf.tensors.iter().filter(|tensor| tensor.data.len.0 > 0).collect();
    by_place.sort_by_key(|tensor| tensor.data.start);
    for pair in by_place.windows(2) {
        assert!(pair[0].data.end() <= pair[1].data.start, "tensors share no byte");
    }
    for tensor in &gguf.tensors {
        assert!(tensor.data.start >= gguf.data_offset && tensor.data.end().0 <= file.len() as u64);
        assert_eq!(tensor.data.start.0 % gguf.alignment.0, 0);
        assert_eq!(gguf.payload(tensor).map(|bytes| bytes.len() as u64), Some(tensor.data.len.0));
        assert_eq!(gguf.tensor(tensor.name).map(|found| found.data), Some(tensor.data));
    }
}
