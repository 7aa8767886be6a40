//! The README shows what was measured, and nothing else.

use std::path::Path;

use crate::scratch::{Scratch, stdout};

#[test]
fn the_readmes_figures_are_those_of_the_report_that_it_names() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let command = readme.lines().find_map(|line| line.strip_prefix("$ packbench report ")).unwrap();
    let report = root.join(command);
    let shown = stdout(&mut Scratch::new().packbench(&["report", report.to_str().unwrap()]));
    assert!(shown.lines().count() > 10, "{shown}");
    let quoted = readme.split("```").find(|block| block.contains(command)).unwrap();
    assert_eq!(
        quoted.split_once(command).unwrap().1.trim(),
        shown.trim(),
        "renew it: packbench report {command}"
    );
}
