//! Kotlin and Swift agree: each row of `facades.tsv` is found in the sources of both, and no error or guard is without one.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use packbench_core::job::Guard;
use packbench_ffi::PackbenchError;
use strum::VariantArray;

struct Row {
    kind: String,
    name: String,
    kotlin: String,
    swift: String,
}

fn rows() -> Vec<Row> {
    let table = fs::read_to_string(here().join("facades.tsv")).unwrap();
    let row = |line: &str| {
        let [kind, name, kotlin, swift] =
            line.split('\t').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        Row { kind, name, kotlin, swift }
    };
    table.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All sources under `folder` of the repository whose names end with `suffix`.
fn sources(folder: &Path, suffix: &str) -> String {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let text = entries.map(|path| match path.extension() {
        _ if path.is_dir() => sources(&path, suffix),
        Some(found) if found == suffix => fs::read_to_string(&path).unwrap(),
        _ => String::new(),
    });
    text.collect()
}

fn names(kind: &str) -> BTreeSet<String> {
    rows().into_iter().filter(|row| row.kind == kind).map(|row| row.name).collect()
}

#[test]
fn each_row_is_found_in_both_facades() {
    let repository = here().parent().unwrap();
    let kotlin = sources(&repository.join("android/packbench/src/main"), "kt")
        + &sources(&repository.join("android/app/src/main"), "kt");
    let swift = sources(&repository.join("ios/Packbench/Sources"), "swift");
    for Row { kind, name, kotlin: in_kotlin, swift: in_swift } in rows() {
        assert!(kotlin.contains(&in_kotlin), "{kind} {name}: found no {in_kotlin:?} in android/");
        assert!(swift.contains(&in_swift), "{kind} {name}: found no {in_swift:?} in ios/");
    }
}

/// Another variant doesn't compile here, so that it gets its row.
fn name(error: &PackbenchError) -> &'static str {
    match error {
        PackbenchError::Busy => "Busy",
        PackbenchError::Job { .. } => "Job",
        PackbenchError::Model { .. } => "Model",
        PackbenchError::Guarded { .. } => "Guarded",
        PackbenchError::Report { .. } => "Report",
        PackbenchError::Question { .. } => "Question",
        PackbenchError::App { .. } => "App",
        PackbenchError::Bug { .. } => "Bug",
    }
}

#[test]
fn each_error_has_a_row() {
    let reason = String::new();
    let errors = [
        PackbenchError::Busy,
        PackbenchError::Job { reason: reason.clone() },
        PackbenchError::Model { reason: reason.clone() },
        PackbenchError::Guarded { guards: Vec::new(), reason: reason.clone() },
        PackbenchError::Report { reason: reason.clone() },
        PackbenchError::Question { reason: reason.clone() },
        PackbenchError::App { reason: reason.clone() },
        PackbenchError::Bug { reason },
    ];
    assert_eq!(names("error"), errors.iter().map(|error| name(error).to_owned()).collect());
}

#[test]
fn each_guard_that_an_app_tells_of_has_a_row() {
    let told = Guard::VARIANTS.iter().filter(|guard| **guard != Guard::SharedStorage);
    assert_eq!(names("guard"), told.map(ToString::to_string).collect());
}
