//! Any bytes at all through the reader of fim_scores.json: no panic, and what reads is written as what reads the same.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run scores fuzz/corpus/scores fuzz/seeds/scores -- -max_total_time=60`

#![no_main]

use libfuzzer_sys::fuzz_target;
use packbench_core::record::FimScores;

fuzz_target!(|file: &[u8]| if let Ok(read) = FimScores::read(file) {
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    assert_eq!(FimScores::read(&written).expect("what was written can be read"), read);
});
