//! Any bytes at all through the reader of reports: no panic, what reads is written as what reads the same, and a report
//! that reads can be asked.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run report fuzz/corpus/report fuzz/seeds/report -- -max_total_time=60`

#![no_main]

use libfuzzer_sys::fuzz_target;
use packbench_core::compare::{Question, compare, floors};
use packbench_core::job::Field;
use packbench_core::record::{Line, Metric, Report};

fuzz_target!(|file: &[u8]| {
    for line in file.split(|&byte| byte == b'\n') {
        if let Ok(read) = Line::read(line) {
            let written = serde_json::to_vec(&read).expect("what was read can be written");
            assert_eq!(Line::read(&written).expect("what was written can be read"), read);
        }
    }
    if let Ok(report) = Report::read(file) {
        let by = vec![Field::Policy];
        let question =
            Question { by, metric: Metric::WallNs, base: None, threshold: 0.05, allow: Vec::new() };
        let _ = compare(&report, &question);
        let _ = floors(&report);
    }
});
