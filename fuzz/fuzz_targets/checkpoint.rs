//! Any bytes at all through the reader of a score's checkpoints, behind their hash and in spite of it: no panic, and what
//! reads is written as the same bytes.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run checkpoint fuzz/corpus/checkpoint fuzz/seeds/checkpoint -- -max_total_time=60`

#![no_main]

use libfuzzer_sys::fuzz_target;
use packbench_core::quant::checkpoint::{State, read, write};

const KEY: [u8; 32] = [7; 32];

fuzz_target!(|bytes: &[u8]| {
    let _ = read(bytes, &KEY);
    if let Some(state) = State::decode(bytes) {
        let mut encoded = Vec::new();
        state.encode(&mut encoded);
        assert_eq!(encoded, bytes);
        assert!(read(&write(&state, &KEY), &KEY).is_ok(), "what was written can be read");
        let first = state.log_sums.first().map_or(0, Vec::len);
        let _ = state.fits(1, state.deltas.len(), first, 1);
    }
});
