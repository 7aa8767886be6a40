//! Results that are only ever added to.

use std::path::Path;

use crate::scratch::{Scratch, stdout};

#[test]
fn a_result_is_added_beside_the_earlier_and_listed() {
    let scratch = Scratch::new();
    scratch.model();
    let run =
        ["run", "m.gguf", "--probe", "faults", "--policy", "normal", "--cache", "warm", "--blocks", "1"];
    scratch.packbench(&[&run[..], &["--out", "r.jsonl"]].concat()).assert().success();
    let add =
        ["log", "add", "r.jsonl", "--label", "warm", "--command", "packbench run m.gguf", "--device", "rig"];
    let first = stdout(&mut scratch.packbench(&add));
    let second = stdout(&mut scratch.packbench(&add));
    assert!(
        first.ends_with("-rig/warm.jsonl\n") && second.ends_with("-rig.2/warm.jsonl\n"),
        "{first}{second}"
    );
    let kept = std::fs::read(scratch.path(first.trim())).unwrap();
    assert_eq!(kept, std::fs::read(scratch.path("r.jsonl")).unwrap());
    let text = std::fs::read_to_string(scratch.path(&first.trim().replace("jsonl", "txt"))).unwrap();
    assert!(text.starts_with("$ packbench run m.gguf\npackbench "), "{text}");
    let index = std::fs::read_to_string(scratch.path("bench-results/INDEX.md")).unwrap();
    assert_eq!(index.matches("| `packbench run m.gguf` |").count(), 2, "{index}");
    scratch.packbench(&["log", "add", "r.jsonl", "--label", "../x", "--command", "x"]).assert().code(2);
}

#[test]
fn the_index_lists_what_is_there() {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench-results");
    let scratch = Scratch::new();
    let copy = scratch.path("results");
    for day in
        std::fs::read_dir(&results).unwrap().map(|entry| entry.unwrap().path()).filter(|day| day.is_dir())
    {
        let there = copy.join(day.file_name().unwrap());
        std::fs::create_dir_all(&there).unwrap();
        for file in std::fs::read_dir(day).unwrap().map(|entry| entry.unwrap().path()) {
            std::fs::copy(&file, there.join(file.file_name().unwrap())).unwrap();
        }
    }
    scratch.packbench(&["log", "index", "--in", "results"]).assert().success();
    assert_eq!(
        std::fs::read_to_string(results.join("INDEX.md")).unwrap(),
        std::fs::read_to_string(copy.join("INDEX.md")).unwrap(),
        "renew it: packbench log index"
    );
}
