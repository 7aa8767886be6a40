//! Models of several files: the index, and the files held against it.

use packbench_core::safetensors::{Index, Safetensors};

use crate::{bytes, file};

const INDEX: &str = r#"{"metadata": {"total_size": 16}, "weight_map": {
    "b": "m-00002-of-00002.safetensors", "a": "m-00001-of-00002.safetensors", "c": "m-00001-of-00002.safetensors"}}"#;

#[test]
fn files_come_in_the_order_of_their_numbers() {
    let index = Index::parse(INDEX.as_bytes()).unwrap();
    assert_eq!(index.files(), ["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"]);
}

#[test]
fn the_files_are_held_against_the_index() {
    let index = Index::parse(INDEX.as_bytes()).unwrap();
    let check = |first: &[(&str, u64)], second: &[(&str, u64)]| {
        let made = [first, second].map(|names| {
            let entry = |(name, begin): &(&str, u64)| bytes(name, *begin, begin + 2);
            let entries: Vec<String> = names.iter().map(entry).collect();
            file(&format!("{{{}}}", entries.join(",")), 2 * names.len())
        });
        let files = made.each_ref().map(|file| Safetensors::parse(file).unwrap());
        index.check(&files).map_err(|error| error.to_string())
    };
    assert_eq!(check(&[("a", 0), ("c", 2)], &[("b", 0)]), Ok(()));
    assert_eq!(
        check(&[("a", 0), ("c", 2)], &[("b", 0), ("unlisted", 2)]),
        Ok(()),
        "it is loaded all the same"
    );
    insta::assert_snapshot!(check(&[("a", 0)], &[("b", 0), ("c", 2)]).unwrap_err(), @r#"tensor 2 "c", weight_map: it should lie in "m-00001-of-00002.safetensors", and there is no such tensor"#);
    insta::assert_snapshot!(check(&[("a", 0), ("c", 2)], &[("b", 0), ("a", 2)]).unwrap_err(), @r#"tensor 1 "a", weight_map: it lies in "m-00001-of-00002.safetensors" and in "m-00002-of-00002.safetensors", expected one file"#);
}

#[test]
fn an_index_that_lies_is_refused() {
    let with = |file: &str| format!(r#"{{"weight_map": {{"a": "{file}"}}}}"#);
    let texts = [
        "{}".to_owned(),
        "[]".to_owned(),
        r#"{"weight_map": {"a": "f", "a": "g"}}"#.to_owned(),
        r#"{"weight_map": {"a": 1}}"#.to_owned(),
        with("../f"),
        with("/etc/passwd"),
        with(".."),
        with(""),
        with("d\\\\f"),
    ];
    let report = |text: &String| Index::parse(text.as_bytes()).unwrap_err().to_string();
    insta::assert_snapshot!(texts.iter().map(report).collect::<Vec<_>>().join("\n"), @r#"
    byte 1, header, JSON: missing field `weight_map`
    header, first byte: found "[", expected "{"
    tensor 1 "a", weight_map: found "a" again, expected each once
    byte 21, header, JSON: invalid type: integer `1`, expected a string
    tensor 0 "a", weight_map: found the file name "../f", expected one without a folder
    tensor 0 "a", weight_map: found the file name "/etc/passwd", expected one without a folder
    tensor 0 "a", weight_map: found the file name "..", expected one without a folder
    tensor 0 "a", weight_map: found the file name "", expected one without a folder
    tensor 0 "a", weight_map: found the file name "d\\f", expected one without a folder
    "#);
    assert!(Index::parse(b"{\"weight_map\": {\"\xff\": \"f\"}}").is_err());
}
