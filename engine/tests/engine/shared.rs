//! Models to test with, and the machine that they lie on.

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::Policy;
use packbench_core::measure::engine::{LoadRequest, LoadWay};
use packbench_core::measure::proof;
use packbench_core::os::{self, Mapping, ModelFile, Os};
use packbench_core::unit::{Bytes, PageRange};
use packbench_engine::LlamaCpp;
use tempfile::TempDir;

pub static NEVER: AtomicBool = AtomicBool::new(false);

pub fn engine() -> LlamaCpp {
    LlamaCpp::new().expect("tests run where the engine does")
}

pub fn request(path: &Path, way: LoadWay) -> LoadRequest<'_> {
    let cancel = &NEVER;
    LoadRequest { path, way, extra_buffers: false, threads: 2, context_tokens: 64, memory: None, cancel }
}

/// A model file on a disk: under target/, since a temporary folder may lie in memory, where nothing can be evicted.
pub struct Model {
    pub path: PathBuf,
    _folder: Option<TempDir>,
}

impl Model {
    pub fn tiny(sample: &TinyModel) -> Model {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("tiny.gguf");
        sample.write(BufWriter::new(std::fs::File::create(&path).unwrap())).unwrap();
        Model { path, _folder: Some(folder) }
    }
}
