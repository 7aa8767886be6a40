//! What score, quantize and eval have in common: models known by their content, texts as tokens, weights for columns.

pub mod divergence;
pub mod evaluation;
pub mod logits;
pub mod scores;
mod texts;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};
use packbench_core::gguf::{ALIGNMENT_KEY, Gguf, Version, Writer};
use packbench_core::job::{Advice, Model};
use packbench_core::measure::engine::{LoadRequest, LoadWay};
use packbench_core::os::{self, Mapping, Os};
use packbench_core::quant::cost::{DITHER_SEED_KEY, OWN_KEYS};
use packbench_core::quant::{ColumnWeights, imatrix};
use packbench_core::record::Variant;
use packbench_core::session;
use packbench_engine::{LlamaCpp, LoadedLlama};

pub use texts::{Texts, tokens};

use crate::cache::cache_dir;
use crate::interrupt;

/// Set by Ctrl-C.
pub static CANCEL: AtomicBool = AtomicBool::new(false);

/// Lets Ctrl-C set [`CANCEL`].
pub fn stop_on_interrupt() {
    interrupt::stops(Box::new(|| CANCEL.store(true, std::sync::atomic::Ordering::Relaxed)));
}

/// # Errors
/// When Ctrl-C was pressed: what is unfinished goes with the error.
pub fn go_on() -> anyhow::Result<()> {
    match interrupt::came() {
        true => bail!("it was asked to stop: nothing is kept"),
        false => Ok(()),
    }
}

/// A model file, known by its content.
pub struct ModelFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is.
    pub variant: Variant,
    mapping: Box<dyn Mapping>,
}

impl ModelFile {
    /// Reads all of it once, unless it is known already.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || path.display().to_string();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let model = Model { name, path: Some(path.to_owned()), arrangement: None };
        let mapping = os::host().open(path).with_context(named)?.map().with_context(named)?;
        let variant = session::identify(&os::host(), &model, cache_dir().as_deref()).with_context(named)?;
        Ok(ModelFile { path: path.to_owned(), variant, mapping })
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.mapping.bytes()
    }

    /// What it computes is known by: its weights, and the metadata but for what tokens are called and how the file is put
    /// together.
    pub fn content(&self) -> anyhow::Result<String> {
        let named = || self.path.display().to_string();
        let (gguf, mut writer) = (Gguf::parse(self.bytes()).with_context(named)?, Writer::new(Version::V3));
        let is_other = |key: &str| {
            key == ALIGNMENT_KEY || ["tokenizer.", OWN_KEYS].iter().any(|prefix| key.starts_with(prefix))
        };
        let entries = gguf.metadata.entries().iter().filter(|entry| !is_other(entry.key));
        entries.for_each(|entry| writer.set(entry.key, entry.value));
        let mut hasher = blake3::Hasher::new();
        writer.write(&mut hasher, |_, _| Ok(())).with_context(named)?;
        Ok(format!("{} {}", self.variant.payload_hash, hasher.finalize()))
    }

    /// The seed of the noise in it, or in what it was made of.
    pub fn dither_seed(&self) -> Option<u64> {
        Gguf::parse(self.bytes()).ok()?.metadata.unsigned(DITHER_SEED_KEY).ok()?
    }

    /// Lets go of pages that were read: they stay in the page cache, and don't count as this process's.
    pub fn unmap_pages(&self) {
        // Pages that stay mapped do no harm.
        let _ = self.mapping.unmap_pages();
    }

    /// The model in the engine: for its tokens, and for logits computed by `threads` threads.
    pub fn load(&self, engine: &LlamaCpp, threads: usize) -> anyhow::Result<LoadedLlama<'_>> {
        let request = LoadRequest {
            path: &self.path,
            way: LoadWay::Stripped(Advice::Normal),
            extra_buffers: false,
            threads: u32::try_from(threads).unwrap_or(u32::MAX),
            memory: None,
            cancel: &CANCEL,
        };
        engine.open(&request).with_context(|| self.path.display().to_string())
    }
}

/// Processors to compute on.
pub fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The column weights of an importance matrix.
pub fn column_weights(path: &Path) -> anyhow::Result<ColumnWeights> {
    let named = || path.display().to_string();
    imatrix::read(&std::fs::read(path).with_context(named)?).with_context(named)
}
