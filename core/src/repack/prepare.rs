//! Reads the headers, and plans. What was mapped for it is unmapped before anything is copied.

use std::path::Path;

use super::plan::{self, Plan};
use super::{RepackError, Repacking, Source};
use crate::layout::{FilesError, Format, Layout, MappedFile, ModelFiles, Names, Order, TraceError};
use crate::os::{Os, OsError};
use crate::record::WeightTrace;

/// A plan, and what it takes bytes from.
pub(super) struct Prepared {
    pub plan: Plan,
    pub format: Format,
    /// Of the model.
    pub layout: Layout,
    pub sources: Vec<Source>,
}

impl Prepared {
    pub fn new(os: &dyn Os, repacking: &Repacking<'_>) -> Result<Self, RepackError> {
        let model = open(os, repacking.model)?;
        let layout = layout(&model, repacking.model)?;
        check(repacking, &model, &layout)?;
        let reference = Reference::read(os, &repacking.arrangement.order)?;
        let read: Vec<&MappedFile> = model.files().iter().chain(reference.files()).collect();
        check_out(os, repacking.out, &read)?;
        let plan = planned(repacking, &model, &layout, &reference)?;
        let sources = read.into_iter().map(|file| source(os, file)).collect::<Result<_, _>>()?;
        Ok(Prepared { plan, format: model.format(), layout, sources })
    }
}

/// What an order follows.
#[derive(Default)]
struct Reference {
    trace: Option<WeightTrace>,
    like: Option<(ModelFiles, Layout)>,
}

impl Reference {
    fn read(os: &dyn Os, order: &Order) -> Result<Self, RepackError> {
        let mut reference = Reference::default();
        match order {
            Order::File | Order::Forward | Order::Shuffled(_) => {}
            Order::Trace(path) => reference.trace = Some(trace(os, path)?),
            Order::Like(path) => {
                let model = open(os, path)?;
                let layout = layout(&model, path)?;
                reference.like = Some((model, layout));
            }
        }
        Ok(reference)
    }

    fn names(&self) -> Option<Vec<&str>> {
        let traced = self.trace.as_ref().map(|trace| trace.reads.iter().map(|read| &*read.tensor).collect());
        traced.or_else(|| self.like.as_ref().map(|(_, layout)| names(layout)))
    }

    /// The files that a plan may take bytes from, too.
    fn files(&self) -> &[MappedFile] {
        self.like.as_ref().map_or(&[], |(model, _)| model.files())
    }

    /// The model that the new file may be like in more than its order: one in one file, of that format.
    fn like(&self, format: Format) -> Option<&ModelFiles> {
        let model = self.like.as_ref().map(|(model, _)| model);
        model.filter(|model| model.format() == format && model.files().len() == 1)
    }
}

fn open(os: &dyn Os, path: &Path) -> Result<ModelFiles, RepackError> {
    ModelFiles::open(os, path).map_err(|error| unreadable(path, error))
}

fn layout(model: &ModelFiles, path: &Path) -> Result<Layout, RepackError> {
    model.layout().map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: FilesError) -> RepackError {
    RepackError::Model { path: path.to_owned(), source: Box::new(error) }
}

fn names(layout: &Layout) -> Vec<&str> {
    layout.tensors.iter().map(|tensor| tensor.name.as_str()).collect()
}

fn trace(os: &dyn Os, path: &Path) -> Result<WeightTrace, RepackError> {
    let opened = os.open(path).and_then(|file| file.map());
    let mapping = opened.map_err(|source| RepackError::Open { path: path.to_owned(), source })?;
    let text = String::from_utf8_lossy(mapping.bytes());
    let trace: Result<_, TraceError> = WeightTrace::from_json(&text);
    trace.map_err(|source| RepackError::Trace { path: path.to_owned(), source })
}

/// Whether what is asked can be done with such a model.
fn check(repacking: &Repacking<'_>, model: &ModelFiles, layout: &Layout) -> Result<(), RepackError> {
    match (model.files().len(), layout.part) {
        (2.., _) if !repacking.merge => Err(RepackError::SeveralFiles { files: model.files().len() }),
        (1, Some(part)) if repacking.merge => {
            Err(RepackError::PartAlone { number: part.number, of: part.of })
        }
        _ if model.format() == Format::Safetensors && repacking.arrangement.align.is_some() => {
            Err(RepackError::NoAlignment)
        }
        _ => Ok(()),
    }
}

/// A file that is read is never replaced, whatever it is called.
fn check_out(os: &dyn Os, out: &Path, read: &[&MappedFile]) -> Result<(), RepackError> {
    let Ok(file) = os.open(out) else { return Ok(()) };
    let there = (file.facts().device, file.facts().inode);
    match read.iter().find(|file| (file.facts.device, file.facts.inode) == there) {
        Some(file) => Err(RepackError::SameFile { path: file.path.clone() }),
        None => Ok(()),
    }
}

fn planned(
    repacking: &Repacking<'_>,
    model: &ModelFiles,
    layout: &Layout,
    reference: &Reference,
) -> Result<Plan, RepackError> {
    let in_file = names(layout);
    let of_reference = reference.names();
    let names = Names {
        in_file: &in_file,
        architecture: layout.architecture.as_deref(),
        reference: of_reference.as_deref(),
    };
    let order = repacking.arrangement.order.arrange(&names)?;
    let names: Vec<&str> = order.into_iter().map(|index| in_file[index]).collect();
    let unreadable = |error| unreadable(repacking.model, error);
    let like = reference.like(model.format());
    match model.format() {
        Format::Gguf => {
            let parts = model.gguf().map_err(unreadable)?;
            let like = like.map(ModelFiles::gguf).transpose().map_err(unreadable)?;
            let like = like.as_ref().and_then(|like| like.first());
            Ok(plan::gguf(&parts, &names, repacking.arrangement.align, like))
        }
        Format::Safetensors => {
            let shards = model.safetensors().map_err(unreadable)?;
            let like = like.map(ModelFiles::safetensors).transpose().map_err(unreadable)?;
            let like = like.as_ref().and_then(|like| like.first());
            Ok(plan::safetensors(&shards, &names, like)?)
        }
    }
}

/// The same file as was mapped, opened to copy from it.
fn source(os: &dyn Os, mapped: &MappedFile) -> Result<Source, RepackError> {
    let path = mapped.path.clone();
    match os.open(&path) {
        Ok(file) if *file.facts() == mapped.facts => Ok(Source { path, file }),
        Ok(_) => Err(RepackError::Open { path, source: OsError::Changed }),
        Err(source) => Err(RepackError::Open { path, source }),
    }
}
