//! Models for tests.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use packbench_core::gguf::sample::{Architecture, TinyModel, Traits};
use packbench_core::gguf::{Gguf, Tensor, Value, Version, Writer};
use packbench_core::measure::engine::{LoadRequest, LoadWay, LoadedModel, Token};
use packbench_core::quant::ColumnWeights;
use packbench_engine::{LlamaCpp, Mix, Recipe};
use tempfile::TempDir;

static NEVER: AtomicBool = AtomicBool::new(false);

/// A model of each family, and whatever sets some of them apart, which takes no more than two layers to tell but where
/// the sixth is another one.
pub fn samples(layers: u32) -> Vec<TinyModel> {
    use Architecture::{Gemma3, Llama, Qwen2};
    let none = Traits::NONE;
    let samples = [
        (Llama, none),
        (Qwen2, none),
        (Gemma3, none),
        (Qwen2, Traits { untied: true, ..none }),
        (Llama, Traits { unshared_heads: true, rope_factors: true, ..none }),
        (Llama, Traits { linear_scaling: true, ..none }),
        (Gemma3, Traits { linear_scaling: true, soft_cap: true, ..none }),
    ];
    let sample = |(architecture, traits)| {
        let layers = if traits == none || architecture == Gemma3 { layers } else { layers.min(2) };
        TinyModel { architecture, traits, ..TinyModel::new(layers) }
    };
    samples.map(sample).to_vec()
}

/// Enough layers for one of gemma3's that looks back to the first token.
pub const LAYERS: u32 = 6;

pub fn engine() -> LlamaCpp {
    LlamaCpp::new().expect("tests run where the engine does")
}

/// A model in F32: llama.cpp rounds nothing of it while it computes, and tests may move single weights.
pub struct F32Model {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    _folder: TempDir,
}

impl F32Model {
    pub fn tiny(sample: &TinyModel) -> F32Model {
        F32Model::of_bytes(&sample.bytes())
    }

    pub fn of_bytes(bytes: &[u8]) -> F32Model {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.gguf");
        std::fs::write(&path, bytes).unwrap();
        F32Model::of(&path)
    }

    pub fn of(source: &Path) -> F32Model {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let path = folder.path().join("f32.gguf");
        let weights = ColumnWeights::new();
        let recipe = Recipe { mix: Mix::F32, types: &[], weights: &weights, notes: &[], threads: 2 };
        engine().quantize(source, &path, &recipe).unwrap();
        F32Model { bytes: std::fs::read(&path).unwrap(), path, _folder: folder }
    }

    /// llama.cpp's logits after each token.
    pub fn engine_logits(&self, tokens: &[u32]) -> Vec<Vec<f32>> {
        let request = LoadRequest {
            path: &self.path,
            way: LoadWay::Stock,
            extra_buffers: false,
            threads: 2,
            memory: None,
            cancel: &NEVER,
        };
        let tokens: Vec<Token> = tokens.iter().copied().map(Token).collect();
        let loaded = engine().open(&request).unwrap();
        let (vocabulary, mut all) = (loaded.facts().vocabulary as usize, Vec::new());
        let mut context = loaded.evaluation(tokens.len() as u32).unwrap();
        let mut each = |rows: &[f32]| all.extend(rows.chunks(vocabulary).map(<[f32]>::to_vec));
        context.logits(&tokens, &mut each).unwrap();
        all
    }
}

/// Where a tensor lies in an F32 file.
pub fn place(bytes: &[u8], name: &str) -> Range<usize> {
    let gguf = Gguf::parse(bytes).unwrap();
    let &Tensor { data, .. } = gguf.tensor(name).unwrap();
    data.start.0 as usize..data.end().0 as usize
}

/// The same file with other metadata values.
pub fn edited(file: &[u8], values: &[(&str, Value<'_>)]) -> Vec<u8> {
    let (gguf, mut writer) = (Gguf::parse(file).unwrap(), Writer::new(Version::V3));
    gguf.metadata.entries().iter().for_each(|entry| writer.set(entry.key, entry.value));
    values.iter().for_each(|(key, value)| writer.set(key, *value));
    for tensor in &gguf.tensors {
        writer.tensor(tensor.name, tensor.dims, tensor.ggml_type).unwrap();
    }
    let mut edited = Vec::new();
    let payload = |name: &str| gguf.payload(gguf.tensor(name).unwrap()).unwrap();
    writer.write(&mut edited, |tensor, out| out.write_all(payload(tensor.name))).unwrap();
    edited
}

/// A model that scripts/get-model fetches.
pub fn real(name: &str) -> PathBuf {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../models");
    let models = std::env::var_os("PACKBENCH_MODELS").unwrap_or(models.into());
    let path = Path::new(&models).join(name);
    assert!(path.exists(), "{name} is not in models/ or $PACKBENCH_MODELS: fetch it by scripts/get-model");
    path
}

/// Tokens far apart.
pub fn tokens(count: u32, vocabulary: u32) -> Vec<u32> {
    (0..count).map(|index| (1000 + 7919 * index) % vocabulary).collect()
}
