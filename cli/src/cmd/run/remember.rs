//! Where model files lie, kept beside their payload hashes in the user's cache: a report never holds a path, and yet
//! `--resume REPORT` should be enough.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use packbench_core::job::{Job, Model};
use packbench_core::os::{keep, kept};
use packbench_core::record::wire::Assignment;

use crate::cache::cache_dir;

fn file_name(session: &str) -> String {
    format!("session-{session}.json")
}

/// Remembers the paths of a session's models.
pub fn paths(assignment: &Assignment) {
    let paths: BTreeMap<_, _> = super::names(&assignment.job).collect();
    if let (Some(folder), Ok(text)) = (cache_dir(), serde_json::to_string(&paths)) {
        keep(&folder, &file_name(&assignment.session), &text);
    }
}

/// The models of `job`, in its order, with the paths that were named now or else remembered.
pub fn models(session: &str, job: &Job, named: &[Model]) -> anyhow::Result<Vec<Model>> {
    let remembered: BTreeMap<String, PathBuf> = cache_dir()
        .and_then(|folder| kept(&folder, &file_name(session)))
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    if let Some(other) = named.iter().find(|model| !job.models.iter().any(|known| base(known) == base(model)))
    {
        let names: Vec<&str> = job.models.iter().map(|model| model.name.as_str()).collect();
        bail!("the report is not of {}, but of {}", other.name, names.join(", "));
    }
    let model = |known: &Model| {
        let now = named.iter().find(|model| base(model) == base(known)).and_then(|model| model.path.clone());
        let path = now.or_else(|| remembered.get(&known.name).cloned());
        let path = path.with_context(|| {
            format!("it isn't known here where {} lies: packbench run {0} --resume REPORT", base(known))
        })?;
        Ok(Model { path: Some(path), ..known.clone() })
    };
    job.models.iter().map(model).collect()
}

/// The file's name: `--aa` and `--variants` measure a file under several names.
fn base(model: &Model) -> &str {
    let name = &model.name;
    let arranged = model.arrangement.as_ref().map(|arrangement| format!(" {arrangement}"));
    let suffixes = [" (a)", " (b)"].into_iter().chain(arranged.as_deref());
    suffixes.into_iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
