//! The app, whichever system it runs on: its name, what it is handed, how it refuses.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use packbench_core::record::wire::Assignment;
use tempfile::NamedTempFile;

use super::Ended;
use super::local::Local;

/// What both systems know it by, unless somebody built it under another name.
pub const PACKAGE: &str = "dev.packbench.app";
/// The name under which it finds its assignment.
pub const ASSIGNMENT: &str = "assignment.json";

/// The models of `assignment`, which the app knows by name.
///
/// # Errors
/// Two that have one name, and those that can't be read.
pub fn models(assignment: &Assignment) -> anyhow::Result<Vec<Local<'_>>> {
    let mut by_name: BTreeMap<String, Local<'_>> = BTreeMap::new();
    for path in paths(assignment) {
        let local = Local::new(path)?;
        if let Some(other) = by_name.get(&local.name).filter(|other| other.path != path) {
            bail!(
                "{} and {} have one name, and the app knows models by name: rename one",
                other.path.display(),
                path.display()
            );
        }
        by_name.insert(local.name.clone(), local);
    }
    Ok(by_name.into_values().collect())
}

/// Where its models lie.
pub fn paths(assignment: &Assignment) -> impl Iterator<Item = &Path> {
    assignment.job.models.iter().filter_map(|model| model.path.as_deref())
}

/// `assignment` as a file to be copied to the app. Each model is told with the hash of its content: the app may have another
/// one under that name.
///
/// # Errors
/// Models that can't be read.
pub fn written(assignment: &Assignment) -> anyhow::Result<NamedTempFile> {
    let mut told = serde_json::to_value(assignment)?;
    let models = told["job"]["models"].as_array_mut().into_iter().flatten();
    for (told, model) in models.zip(&assignment.job.models) {
        if let Some(path) = &model.path {
            told["model_sha256"] = Local::new(path)?.hash.into();
        }
    }
    file_of(&serde_json::to_vec(&told)?).context("writing the assignment")
}

/// A file with that content, which the app may read wherever its mode is kept: others own it there.
pub fn file_of(content: &[u8]) -> io::Result<NamedTempFile> {
    let readable = Permissions::from_mode(0o644);
    let mut file = tempfile::Builder::new().permissions(readable).tempfile()?;
    file.write_all(content)?;
    Ok(file)
}

/// Says why it refused.
pub fn refused(error: Option<&str>) -> Ended {
    eprintln!("error: {}", error.unwrap_or("the app refused"));
    Ended::Refused
}
