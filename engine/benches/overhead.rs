//! What the engine adds to llama.cpp: a warm decode through `Decoding::decode` beside the same calls made by hand,
//! alternated in one process. Fails above the limit.

#![allow(clippy::print_stdout, reason = "a bench says what it found")]

use std::ffi::CString;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::ExitCode;
use std::ptr;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use llama_cpp_sys_2 as sys;
use packbench_core::gguf::sample::TinyModel;
use packbench_core::measure::engine::{Engine, LoadRequest, LoadWay, Token};
use packbench_core::unit::Bytes;
use packbench_engine::LlamaCpp;

/// Rounds of one decode each way.
const ROUNDS: usize = 400;
/// The most that the median of the ratios may come to.
const LIMIT: f64 = 1.02;
/// Both contexts hold this many tokens.
const CONTEXT: u32 = 64;

fn main() -> ExitCode {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("target/ can be written to");
    let path = folder.path().join("tiny.gguf");
    let file = File::create(&path).expect("a fresh folder takes a file");
    let model = TinyModel { payload: Bytes::mib(96), ..TinyModel::new(24) };
    model.write(BufWriter::new(file)).expect("there is room for 96 MiB");

    let mut ratios = alternate(&path);
    ratios.sort_by(f64::total_cmp);
    let at = |share: f64| ratios[(share * (ratios.len() - 1) as f64) as usize];
    println!(
        "engine ÷ bare, {ROUNDS} rounds: median {:.4}, quartiles {:.4} {:.4}",
        at(0.5),
        at(0.25),
        at(0.75)
    );
    if at(0.5) <= LIMIT { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The ratio of each round. Who goes first changes from round to round.
fn alternate(path: &Path) -> Vec<f64> {
    let cancel = AtomicBool::new(false);
    let (way, extra_buffers, memory) = (LoadWay::Stock, false, None);
    let request = LoadRequest { path, way, extra_buffers, threads: 1, memory, cancel: &cancel };
    let engine = LlamaCpp::new().expect("benches run where the engine does");
    let model = engine.load(&request).expect("a sample loads");
    let mut context = model.context(CONTEXT).expect("64 tokens fit");
    let mut through = || {
        context.clear();
        context.prefill(&[Token(5)]).expect("a sample computes");
        timed(|| {
            std::hint::black_box(context.decode().expect("a sample computes"));
        })
    };
    let bare = Bare::new(path);
    let by_hand = || bare.round();
    let mut round = |index: usize| match index % 2 {
        0 => (through(), by_hand()),
        _ => {
            let second = by_hand();
            (through(), second)
        }
    };
    (0..ROUNDS)
        .map(&mut round)
        .map(|(through, by_hand)| through.as_secs_f64() / by_hand.as_secs_f64())
        .collect()
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// llama.cpp as its own examples use it. It lives as long as the process.
struct Bare {
    context: *mut sys::llama_context,
    vocabulary: usize,
}

impl Bare {
    fn new(path: &Path) -> Bare {
        let path = CString::new(path.as_os_str().as_encoded_bytes()).expect("a path of ours");
        // SAFETY: the path outlives the call; model and context are never freed.
        unsafe {
            let mut parameters = sys::llama_model_default_params();
            parameters.use_extra_bufts = false;
            let model = sys::llama_model_load_from_file(path.as_ptr(), parameters);
            assert!(!model.is_null(), "a sample loads");
            let mut parameters = sys::llama_context_default_params();
            (parameters.n_ctx, parameters.n_batch) = (CONTEXT, CONTEXT);
            (parameters.n_threads, parameters.n_threads_batch) = (1, 1);
            parameters.no_perf = true;
            let context = sys::llama_init_from_model(model, parameters);
            assert!(!context.is_null(), "64 tokens fit");
            let vocabulary = sys::llama_vocab_n_tokens(sys::llama_model_get_vocab(model));
            Bare { context, vocabulary: usize::try_from(vocabulary).expect("a sample has tokens") }
        }
    }

    fn round(&self) -> Duration {
        // SAFETY: the context lives.
        unsafe { sys::llama_memory_clear(sys::llama_get_memory(self.context), true) };
        let first = self.decode(5);
        timed(|| {
            std::hint::black_box(self.decode(first));
        })
    }

    fn decode(&self, token: i32) -> i32 {
        let mut tokens = [token];
        // SAFETY: the batch borrows `tokens` for the time of the call; logits are as many as the vocabulary.
        let logits = unsafe {
            let batch = sys::llama_batch_get_one(tokens.as_mut_ptr(), 1);
            assert_eq!(sys::llama_decode(self.context, batch), 0);
            let logits = sys::llama_get_logits_ith(self.context, -1);
            assert_ne!(logits, ptr::null_mut());
            std::slice::from_raw_parts(logits, self.vocabulary)
        };
        let best =
            (0..logits.len()).fold(0, |best, index| if logits[index] > logits[best] { index } else { best });
        i32::try_from(best).expect("a vocabulary of i32")
    }
}
