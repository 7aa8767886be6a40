//! `packbench eval`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use packbench_core::measure::engine::{Engine, LoadedModel, Token};
use packbench_core::record::Evaluation;
use packbench_engine::{LlamaCpp, LoadedLlama};
use packbench_fim::{Cut, Sequence};
use rayon::ThreadPool;

use super::output;
use crate::cache::cache_dir;
use crate::quality::divergence::{Foretold, Held};
use crate::quality::evaluation::{Circumstances, Measured, assemble};
use crate::quality::logits::{self, Kept};
use crate::quality::{self, ModelFile, Texts};
use crate::render;

/// Arguments of `eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  packbench eval model-f16.gguf model-q4_k_m.gguf model-fim.gguf --text held-out.txt
  packbench eval model-f16.gguf stock.gguf fim.gguf --text a.txt --text b.txt \\
      --chunks 32 --baseline stock.gguf

The text must not be one that the model was scored on.")]
pub struct Args {
    /// The model that the others were made of.
    pub(super) reference: PathBuf,
    /// The models.
    #[arg(required = true)]
    pub(super) models: Vec<PathBuf>,
    /// A text to measure on; may be repeated.
    #[arg(long, value_name = "FILE", required = true)]
    pub(super) text: Vec<PathBuf>,
    /// How many chunks, spread evenly over the texts.
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(super) chunks: u32,
    /// Tokens of a chunk.
    #[arg(long, value_name = "L", default_value_t = 512)]
    pub(super) length: u32,
    /// The model that the others are held against; the first behind the reference by default.
    #[arg(long, value_name = "NAME")]
    pub(super) baseline: Option<String>,
    /// The seed of the bootstrap.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Keep at most so many MiB of the reference's logits for later evaluations, in the user's cache.
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    pub(super) cache: u64,
    /// Threads that compute; all processors by default.
    #[arg(long)]
    pub(super) threads: Option<usize>,
    /// The results.
    #[arg(short, long, value_name = "FILE", default_value = "eval_results.json")]
    pub(super) output: PathBuf,
}

/// Evaluates models.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let inputs = args.models.iter().chain(&args.text).chain([&args.reference]);
    output::check([args.output.as_path()], inputs.map(PathBuf::as_path))?;
    let evaluation = evaluate(args, &Texts::read(&args.text)?)?;
    output::write_json(&args.output, &evaluation)?;
    write!(io::stdout().lock(), "{}", render::evaluation(&evaluation))?;
    Ok(ExitCode::SUCCESS)
}

/// Measures the models on `texts`, and shows how far it is.
pub fn evaluate(args: &Args, texts: &Texts) -> anyhow::Result<Evaluation> {
    let paths = std::iter::once(&args.reference).chain(&args.models);
    let files = paths.map(|path| ModelFile::open(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let baseline = check_names(args, &files)?;
    warn_of_noise(&files)?;
    let engine = LlamaCpp::new()?;
    let threads = quality::threads(args.threads);
    let loaded = files.iter().map(|file| file.load(&engine, threads)).collect::<anyhow::Result<Vec<_>>>()?;
    let chunks = chunks(args, &loaded, texts)?;
    let contents = files.iter().map(ModelFile::content).collect::<anyhow::Result<Vec<_>>>()?;
    let engine = engine.identity();
    let key = |chunk: &Sequence| logits::key(&contents[0], &engine, &chunk.tokens);
    let keys: Vec<String> = chunks.iter().map(key).collect();
    let kept = Kept::new(cache_dir(), args.cache << 20, keys.iter().cloned().collect());
    let reference = Reference { file: &files[0], model: &loaded[0], kept };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let mut measured: Vec<Measured<'_>> =
        files.iter().map(|file| Measured { file, chunks: Vec::new() }).collect();
    quality::stop_on_interrupt();
    let mut bar = render::Share::new();
    for (index, (chunk, key)) in chunks.iter().zip(&keys).enumerate() {
        let (tokens, vocabulary) = (&chunk.tokens, loaded[0].facts().vocabulary as usize);
        let logits = reference.logits(key, tokens, vocabulary)?;
        let foretold = pool.install(|| Foretold::new(logits, vocabulary));
        for (place, model) in loaded.iter().enumerate() {
            let held = match same_content(&contents, place) {
                0 => pool.install(|| foretold.hold_itself(&tokens[1..])),
                first if first < place => measured[first].chunks[index].clone(),
                _ => hold(model, &foretold, tokens, &pool)
                    .with_context(|| files[place].path.display().to_string())?,
            };
            measured[place].chunks.push(held);
        }
        bar.show("chunks", (index + 1) as f64 / chunks.len() as f64);
    }
    drop(bar);
    let circumstances = Circumstances { baseline, texts, length: args.length, seed: args.seed };
    Ok(assemble(&measured, &circumstances))
}

fn check_names(args: &Args, files: &[ModelFile]) -> anyhow::Result<String> {
    let names: Vec<&str> = files.iter().map(|file| file.variant.name.as_str()).collect();
    if let Some(twice) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        bail!("two models are named {}: results are known by the names of their files", twice.1);
    }
    let baseline = args.baseline.clone().unwrap_or_else(|| names[1].to_owned());
    match names.contains(&baseline.as_str()) {
        true => Ok(baseline),
        false => bail!("no model is named {baseline}, expected one of {}", names.join(", ")),
    }
}

/// Noise that a model has and the reference doesn't counts as divergence.
fn warn_of_noise(files: &[ModelFile]) -> anyhow::Result<()> {
    let seed = files[0].dither_seed();
    for file in files[1..].iter().filter(|file| file.dither_seed() != seed) {
        let of = |seed: Option<u64>| seed.map_or("none".to_owned(), |seed| format!("that of seed {seed}"));
        writeln!(
            io::stderr(),
            "{} has other noise in it than the reference, {} and {}: the divergence is that of the noise, too. Hold it \
             against what packbench quantize --dither --type F32 makes of the model",
            file.variant.name,
            of(file.dither_seed()),
            of(seed)
        )?;
    }
    Ok(())
}

/// The chunks, which must be the same tokens to all models.
fn chunks(args: &Args, loaded: &[LoadedLlama<'_>], texts: &Texts) -> anyhow::Result<Vec<Sequence>> {
    let cut = |model: &LoadedLlama<'_>| {
        let beginning = model.beginning().map(|token| token.0);
        let cut = Cut { sequences: args.chunks, length: args.length, beginning };
        anyhow::Ok(cut.sequences(&quality::tokens(model, texts)?)?)
    };
    let chunks = cut(&loaded[0])?;
    let vocabulary = |model: &LoadedLlama<'_>| model.facts().vocabulary;
    for (model, path) in loaded[1..].iter().zip(&args.models) {
        let (found, expected) = (vocabulary(model), vocabulary(&loaded[0]));
        if found != expected {
            let path = path.display();
            bail!("{path} foretells {found} tokens, and the reference {expected}: was it made of it?");
        }
        if cut(model)? != chunks {
            bail!("{} reads the text as other tokens than the reference: was it made of it?", path.display());
        }
    }
    Ok(chunks)
}

/// The first file with the content of the one at `place`: what is the same is measured once.
fn same_content(contents: &[String], place: usize) -> usize {
    contents.iter().position(|content| *content == contents[place]).unwrap_or(place)
}

struct Reference<'r> {
    file: &'r ModelFile,
    model: &'r LoadedLlama<'r>,
    kept: Kept,
}

impl Reference<'_> {
    /// The logits after each token of a chunk, a row behind the other.
    fn logits(&self, key: &str, tokens: &[u32], vocabulary: usize) -> anyhow::Result<Vec<f32>> {
        let count = tokens.len() * vocabulary;
        if let Some(logits) = self.kept.load(key, count) {
            return Ok(logits);
        }
        let mut all = Vec::with_capacity(count);
        each(self.model, tokens, &mut |rows| all.extend_from_slice(rows))
            .with_context(|| self.file.path.display().to_string())?;
        self.kept.keep(key, &all);
        Ok(all)
    }
}

fn each(model: &LoadedLlama<'_>, tokens: &[u32], each: &mut dyn FnMut(&[f32])) -> anyhow::Result<()> {
    let tokens: Vec<Token> = tokens.iter().copied().map(Token).collect();
    let mut context = model.evaluation(u32::try_from(tokens.len()).unwrap_or(u32::MAX))?;
    Ok(context.logits(&tokens, each)?)
}

/// Each token but the first, as it was foretold.
fn hold(
    model: &LoadedLlama<'_>,
    reference: &Foretold,
    tokens: &[u32],
    pool: &ThreadPool,
) -> anyhow::Result<Vec<Held>> {
    let mut held = Vec::with_capacity(tokens.len());
    each(model, tokens, &mut |rows| pool.install(|| reference.hold(&mut held, rows, &tokens[1..])))?;
    Ok(held)
}
