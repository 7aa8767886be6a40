//! The seeds of the fuzz target: here they are made, and held against what is in git.

use std::path::PathBuf;

use packbench_core::safetensors::{Index, Safetensors};

use crate::{bytes, file};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/safetensors")
}

fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let scalar = r#""s":{"dtype":"F4","shape":[2,1],"data_offsets":[8,9]}"#;
    let metadata = r#""__metadata__":{"format":"pt","\u00e4":""}"#;
    let model = format!("{{{metadata},{},{},{scalar}}}   ", bytes("model.b", 3, 8), bytes("a", 0, 3));
    let index =
        r#"{"metadata":{"total_size":9},"weight_map":{"a":"m-1.safetensors","model.b":"m-2.safetensors"}}"#;
    vec![
        ("empty", file("{}", 0)),
        ("model", file(&model, 9)),
        ("no-metadata", file(&format!("{{{}}}", bytes("a", 0, 3)), 3)),
        ("index.json", index.as_bytes().to_vec()),
    ]
}

#[test]
fn the_seeds_in_git_are_current() {
    for (name, made) in seeds() {
        let stored = std::fs::read(directory().join(name)).unwrap();
        assert!(
            stored == made,
            "{name} differs: regenerate with `cargo test -p packbench-core seeds -- --ignored`"
        );
        assert_eq!(Safetensors::parse(&stored).is_ok(), name != "index.json", "{name}");
        assert_eq!(Index::parse(&stored).is_ok(), name == "index.json", "{name}");
    }
}

#[test]
#[ignore = "writes the seeds into fuzz/seeds/safetensors"]
fn regenerate_the_seeds() {
    std::fs::create_dir_all(directory()).unwrap();
    for (name, file) in seeds() {
        std::fs::write(directory().join(name), file).unwrap();
    }
}
