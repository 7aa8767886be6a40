//! Models to test with, and what the page cache holds of them.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use packbench_core::gguf::sample::{Architecture, TinyModel};
use packbench_core::measure::engine::{Engine, LoadRequest, LoadWay, Prompt, Token};
use packbench_core::measure::proof;
use packbench_core::os::{self, Mapping, ModelFile, Os};
use packbench_core::unit::{ByteRange, Bytes, PageRange, PageSize};
use packbench_engine::LlamaCpp;
use tempfile::TempDir;

/// A cancel flag that nobody sets.
pub static NEVER: AtomicBool = AtomicBool::new(false);

pub const ARCHITECTURES: [Architecture; 3] = [Architecture::Llama, Architecture::Qwen2, Architecture::Gemma3];

pub fn engine() -> LlamaCpp {
    LlamaCpp::new().expect("tests run where the engine does")
}

/// One thread: those of llama.cpp spin while they wait for each other, and tests share the processors.
pub fn request(path: &Path, way: LoadWay) -> LoadRequest<'_> {
    let cancel = &NEVER;
    LoadRequest { path, way, extra_buffers: false, threads: 1, memory: None, cancel }
}

/// The first token and the two after it.
pub fn answer(request: &LoadRequest<'_>, prompt: &Prompt) -> [Token; 3] {
    let model = engine().load(request).unwrap();
    let prompt = model.tokens(prompt).unwrap();
    let mut context = model.context(64).unwrap();
    let mut say =
        || [context.prefill(&prompt).unwrap(), context.decode().unwrap(), context.decode().unwrap()];
    let once = say();
    context.clear();
    let mut say =
        || [context.prefill(&prompt).unwrap(), context.decode().unwrap(), context.decode().unwrap()];
    assert_eq!(say(), once, "a cleared context has forgotten");
    once
}

/// A model file on a disk: under target/, since a temporary folder may lie in memory, where nothing can be evicted.
pub struct Model {
    pub path: PathBuf,
    _folder: Option<TempDir>,
    _alone: Option<File>,
}

impl Model {
    pub fn tiny(sample: &TinyModel) -> Model {
        let (path, folder) = fresh();
        sample.write(BufWriter::new(File::create(&path).unwrap())).unwrap();
        Model { path, _folder: Some(folder), _alone: None }
    }

    pub fn of_bytes(bytes: &[u8]) -> Model {
        let (path, folder) = fresh();
        fs::write(&path, bytes).unwrap();
        Model { path, _folder: Some(folder), _alone: None }
    }

    /// A model that scripts/get-model fetches; to one test of one process at a time, on a copy of the tests' own: whoever
    /// else reads the file brings pages in.
    pub fn real(name: &str) -> Model {
        let alone = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("real-models.lock")).unwrap();
        alone.lock().unwrap();
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../models");
        let models = std::env::var_os("PACKBENCH_MODELS").unwrap_or(models.into());
        let source = Path::new(&models).join(name);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        assert!(
            source.exists(),
            "{name} is not in models/ or $PACKBENCH_MODELS: fetch it by scripts/get-model"
        );
        if fs::metadata(&path).map(|copy| copy.len()).ok()
            != fs::metadata(&source).map(|model| model.len()).ok()
        {
            fs::copy(&source, &path).unwrap();
            // What waits to be written can't be evicted.
            File::open(&path).unwrap().sync_all().unwrap();
        }
        Model { path, _folder: None, _alone: Some(alone) }
    }

    /// Both models of scripts/get-model, one after the other.
    pub fn real_ones() -> impl Iterator<Item = Model> {
        ["SmolLM2-135M-Instruct.Q4_1.gguf", "gemma-3-270m-q4_k_m.gguf"].into_iter().map(Model::real)
    }
}

fn fresh() -> (PathBuf, TempDir) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    (folder.path().join("tiny.gguf"), folder)
}

/// A mapping beside the engine's, to ask what is in memory.
pub struct Pages {
    file: Box<dyn ModelFile>,
    mapping: Box<dyn Mapping>,
    page: PageSize,
}

impl Pages {
    pub fn of(path: &Path) -> Pages {
        let os = os::host();
        let file = os.open(path).unwrap();
        Pages { mapping: file.map().unwrap(), file, page: os.page_size() }
    }

    pub fn bytes(&self) -> &[u8] {
        self.mapping.bytes()
    }

    fn whole(&self) -> PageRange {
        self.page.spanned_by(ByteRange::whole(self.file.facts().len))
    }

    pub fn count(&self) -> u64 {
        self.whole().count
    }

    /// Evicts what can be evicted and answers how many pages stay. `None` where nothing can be.
    pub fn evict(&self) -> Option<u64> {
        if proof::self_test(&os::host(), &*self.file, &*self.mapping).unwrap()
            != packbench_core::record::SelfTest::Truthful
        {
            eprintln!("skipped: nothing can be evicted under target/");
            return None;
        }
        proof::evict(&*self.file, &*self.mapping, self.whole()).unwrap();
        Some(self.resident())
    }

    pub fn resident(&self) -> u64 {
        self.mapping.resident(self.whole()).unwrap()
    }

    /// How many pages that lie wholly in `range` are in memory.
    pub fn resident_within(&self, range: ByteRange) -> u64 {
        self.mapping.resident(self.within(range)).unwrap()
    }

    /// The pages that hold nothing but `range`.
    pub fn within(&self, range: ByteRange) -> PageRange {
        let first = self.page.count(Bytes(range.start.0));
        let end = range.end().0 / self.page.bytes();
        PageRange { first, count: end.saturating_sub(first) }
    }
}
