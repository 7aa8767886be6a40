//! Any bytes at all through the reader of importance matrices: no panic, and what reads is written as what reads the same.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run imatrix fuzz/corpus/imatrix fuzz/seeds/imatrix -- -max_total_time=60`

#![no_main]

use libfuzzer_sys::fuzz_target;
use packbench_core::quant::imatrix::{read, write};

fuzz_target!(|file: &[u8]| match read(file) {
    Ok(weights) => {
        assert!(weights.values().flatten().all(|weight| weight.is_finite() && *weight >= 0.0));
        let sums: Vec<(&str, Vec<f64>)> = weights
            .iter()
            .map(|(name, weights)| (name.as_str(), weights.iter().copied().map(f64::from).collect()))
            .collect();
        let mut written = Vec::new();
        write(sums.iter().map(|(name, sums)| (*name, sums.as_slice())), 1, &mut written)
            .expect("what was read can be written");
        assert_eq!(read(&written).expect("what was written can be read"), weights);
    }
    Err(error) =>
        assert!(error.to_string().len() < 1000, "an error must not carry a hostile name in full: {error}"),
});
