//! Any bytes at all through the reader of jobs: no panic, and what reads is written as what reads the same.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run job fuzz/corpus/job fuzz/seeds/job -- -max_total_time=60`

#![no_main]

use libfuzzer_sys::fuzz_target;
use packbench_core::job::Job;

fuzz_target!(|file: &[u8]| if let Ok(read) = serde_json::from_slice::<Job>(file) {
    assert_eq!(file.trim_ascii_start().first(), Some(&b'{'), "a job is an object");
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let again: Job = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(again, read);
});
