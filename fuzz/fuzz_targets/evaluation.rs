//! Any bytes at all through the reader of eval_results.json: no panic, and what reads is written as what reads the same.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run evaluation fuzz/corpus/evaluation fuzz/seeds/evaluation -- -max_total_time=60`

#![no_main]

use libfuzzer_sys::fuzz_target;
use packbench_core::record::Evaluation;

fuzz_target!(|file: &[u8]| if let Ok(read) = Evaluation::read(file) {
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    assert_eq!(Evaluation::read(&written).expect("what was written can be read"), read);
});
