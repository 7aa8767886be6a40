//! The documents show what was measured, and nothing else.

use std::path::Path;

use crate::scratch::{Scratch, stdout};

/// What a fenced block quotes: a command that reads results, and what it printed.
fn quotes(text: &str) -> Vec<(&str, &str)> {
    let blocks = text.split("```").skip(1).step_by(2);
    let quoted = blocks.filter_map(|block| {
        let (command, shown) = block.split_once("$ packbench ")?.1.split_once('\n')?;
        command.contains("bench-results/").then_some((command, shown.trim()))
    });
    quoted.collect()
}

#[test]
fn figures_in_documents_are_those_of_the_results_that_they_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for name in ["README.md", "docs/FINDINGS.md", "docs/METHODOLOGY.md", "docs/CI.md"] {
        let text = std::fs::read_to_string(root.join(name)).unwrap();
        for (command, quoted) in quotes(&text) {
            let args: Vec<&str> = command.split(' ').collect();
            let mut program = Scratch::new().packbench(&args);
            let shown = stdout(program.current_dir(root));
            assert_eq!(quoted, shown.trim(), "{name}: renew it: packbench {command}");
        }
    }
}

#[test]
fn the_readme_quotes_a_report() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let quotes = quotes(&readme);
    assert!(
        quotes.iter().any(|(command, shown)| command.starts_with("report ") && shown.lines().count() > 10)
    );
}
