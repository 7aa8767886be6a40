//! `packbench eval`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use packbench_core::measure::engine::{Engine, Token};
use packbench_core::quant::divergence::{Foretold, Held};
use packbench_engine::{LlamaCpp, LoadedLlama};
use packbench_fim::{Cut, Sequence};

use super::output;
use super::run::cache_dir;
use crate::quality::evaluation::{Circumstances, Measured, assemble};
use crate::quality::{self, Kept, ModelFile, Texts};
use crate::render;

/// Arguments of `eval`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  packbench eval model-f16.gguf model-q4_k_m.gguf model-fim.gguf --text held-out.txt
  packbench eval model-f16.gguf stock.gguf fim.gguf --text a.txt --text b.txt --chunks 32 --baseline stock.gguf

The text must not be one that the model was scored on.")]
pub struct Args {
    /// The model that the others were made of.
    reference: PathBuf,
    /// The models.
    #[arg(required = true)]
    models: Vec<PathBuf>,
    /// A text to measure on; may be repeated.
    #[arg(long, value_name = "FILE", required = true)]
    text: Vec<PathBuf>,
    /// How many chunks, spread evenly over the texts.
    #[arg(long, value_name = "N", default_value_t = 16)]
    chunks: u32,
    /// Tokens of a chunk.
    #[arg(long, value_name = "L", default_value_t = 512)]
    length: u32,
    /// The model that the others are held against; the first behind the reference by default.
    #[arg(long, value_name = "NAME")]
    baseline: Option<String>,
    /// The seed of the bootstrap.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Keep at most so many MiB of the reference's logits for later evaluations.
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    cache: u64,
    /// Threads that compute; all processors by default.
    #[arg(long)]
    threads: Option<usize>,
    /// The results.
    #[arg(short, long, value_name = "FILE", default_value = "eval_results.json")]
    output: PathBuf,
}

/// Evaluates models.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let paths = std::iter::once(&args.reference).chain(&args.models);
    let files = paths.map(|path| ModelFile::open(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let baseline = check_names(args, &files)?;
    let (engine, texts) = (LlamaCpp::new()?, Texts::read(&args.text)?);
    let threads = quality::threads(args.threads);
    let loaded = files.iter().map(|file| file.load(&engine, threads)).collect::<anyhow::Result<Vec<_>>>()?;
    let chunks = chunks(args, &loaded, &texts)?;
    let kept = Kept::new(cache_dir(), args.cache << 20);
    let reference = Reference { file: &files[0], model: &loaded[0], kept, engine: engine.identity() };
    let mut measured: Vec<Measured<'_>> =
        files.iter().map(|file| Measured { file, chunks: Vec::new() }).collect();
    quality::stop_on_interrupt();
    let mut bar = render::Share::new();
    for (index, chunk) in chunks.iter().enumerate() {
        let logits = reference.logits(&chunk.tokens)?;
        for (model, measured) in loaded.iter().zip(&mut measured) {
            let is_reference = std::ptr::eq(model, reference.model);
            measured.chunks.push(match is_reference {
                true => against_itself(&logits, &chunk.tokens),
                false => hold(model, &logits, &chunk.tokens)
                    .with_context(|| measured.file.path.display().to_string())?,
            });
        }
        bar.show("chunks", (index + 1) as f64 / chunks.len() as f64);
    }
    drop(bar);
    let circumstances = Circumstances { baseline, texts: &texts, length: args.length, seed: args.seed };
    let evaluation = assemble(&measured, &circumstances);
    output::write_json(&args.output, &evaluation)?;
    write!(io::stdout().lock(), "{}", render::evaluation(&evaluation))?;
    Ok(ExitCode::SUCCESS)
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

/// The chunks, which must be the same tokens to all models.
fn chunks(args: &Args, loaded: &[LoadedLlama<'_>], texts: &Texts) -> anyhow::Result<Vec<Sequence>> {
    let cut = |model: &LoadedLlama<'_>| {
        let beginning = model.beginning().map(|token| token.0);
        let cut = Cut { sequences: args.chunks, length: args.length, beginning };
        anyhow::Ok(cut.sequences(&quality::tokens(model, texts)?)?)
    };
    let chunks = cut(&loaded[0])?;
    for (model, path) in loaded[1..].iter().zip(&args.models) {
        if cut(model)? != chunks {
            bail!("{} reads the text as other tokens than the reference: was it made of it?", path.display());
        }
    }
    Ok(chunks)
}

struct Reference<'r> {
    file: &'r ModelFile,
    model: &'r LoadedLlama<'r>,
    kept: Kept,
    engine: String,
}

impl Reference<'_> {
    /// The logits after each token, a row behind the other.
    fn logits(&self, tokens: &[u32]) -> anyhow::Result<Vec<f32>> {
        use packbench_core::measure::engine::LoadedModel;
        let count = tokens.len() * self.model.facts().vocabulary as usize;
        let key = Kept::key(&self.file.variant, &self.engine, tokens);
        if let Some(logits) = self.kept.load(&key, count) {
            return Ok(logits);
        }
        let mut all = Vec::with_capacity(count);
        each(self.model, tokens, &mut |row| all.extend_from_slice(row))
            .with_context(|| self.file.path.display().to_string())?;
        self.kept.keep(&key, &all);
        Ok(all)
    }
}

fn each(model: &LoadedLlama<'_>, tokens: &[u32], each: &mut dyn FnMut(&[f32])) -> anyhow::Result<()> {
    let tokens: Vec<Token> = tokens.iter().copied().map(Token).collect();
    let mut context = model.evaluation(u32::try_from(tokens.len()).unwrap_or(u32::MAX))?;
    Ok(context.logits(&tokens, each)?)
}

/// Each token but the first, as it was foretold.
fn hold(model: &LoadedLlama<'_>, reference: &[f32], tokens: &[u32]) -> anyhow::Result<Vec<Held>> {
    let mut rows = reference.chunks_exact(reference.len() / tokens.len().max(1)).zip(tokens.iter().skip(1));
    let (mut foretold, mut held) = (Foretold::default(), Vec::new());
    each(model, tokens, &mut |row| {
        if let Some((reference, &next)) = rows.next() {
            foretold.read(reference);
            held.push(foretold.hold(row, next as usize));
        }
    })?;
    Ok(held)
}

fn against_itself(reference: &[f32], tokens: &[u32]) -> Vec<Held> {
    let rows = reference.chunks_exact(reference.len() / tokens.len().max(1)).zip(tokens.iter().skip(1));
    let mut foretold = Foretold::default();
    rows.map(|(row, &next)| {
        foretold.read(row);
        foretold.hold(row, next as usize)
    })
    .collect()
}
