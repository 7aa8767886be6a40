//! Any bytes at all through the reader of quant_plan.json: no panic, and what reads is written as what reads the same.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run quant_plan fuzz/corpus/quant_plan fuzz/seeds/quant_plan -- -max_total_time=60`

#![no_main]

use libfuzzer_sys::fuzz_target;
use packbench_core::record::QuantPlan;

fuzz_target!(|file: &[u8]| if let Ok(read) = QuantPlan::read(file) {
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    assert_eq!(QuantPlan::read(&written).expect("what was written can be read"), read);
});
