//! The seeds of the fuzz target: here they are made, and held against what is in git.

use packbench_core::safetensors::{Index, Safetensors};

use crate::kept_seeds::Seeds;
use crate::{bytes, file};

fn seeds() -> Seeds {
    let scalar = r#""s":{"dtype":"F4","shape":[2,1],"data_offsets":[8,9]}"#;
    let metadata = r#""__metadata__":{"format":"pt","\u00e4":""}"#;
    let model = format!("{{{metadata},{},{},{scalar}}}   ", bytes("model.b", 3, 8), bytes("a", 0, 3));
    let index =
        r#"{"metadata":{"total_size":9},"weight_map":{"a":"m-1.safetensors","model.b":"m-2.safetensors"}}"#;
    let files = vec![
        ("empty", file("{}", 0)),
        ("model", file(&model, 9)),
        ("no-metadata", file(&format!("{{{}}}", bytes("a", 0, 3)), 3)),
        ("index.json", index.as_bytes().to_vec()),
    ];
    Seeds { target: "safetensors", files }
}

#[test]
fn the_seeds_in_git_are_current() {
    let seeds = seeds();
    seeds.assert_current();
    for (name, file) in &seeds.files {
        assert_eq!(Safetensors::parse(file).is_ok(), *name != "index.json", "{name}");
        assert_eq!(Index::parse(file).is_ok(), *name == "index.json", "{name}");
    }
}

#[test]
#[ignore = "writes the seeds into fuzz/seeds"]
fn regenerate_the_seeds() {
    seeds().write();
}
