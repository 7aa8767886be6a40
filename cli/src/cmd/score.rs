//! `packbench score`

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use packbench_core::error::chain;
use packbench_core::gguf::{GgmlType, Gguf};
use packbench_core::os;
use packbench_core::quant::ColumnWeights;
use packbench_core::quant::checkpoint::TensorScore;
use packbench_core::quant::imatrix::{self, is_needed_in_layers};
use packbench_core::record::{FimScores, Imatrix, Labels, ScoreCost, Shards};
use packbench_engine::LlamaCpp;
use packbench_fim::{
    Checkpoint, Columns, Cut, FimError, Model, Request, Scores, Sequence, Watch, mean_squares,
};

use super::imatrix::Asked;
use super::output;
use crate::named::{named, one_of};
use crate::quality::{self, CANCEL, ModelFile, Texts, scores};
use crate::{exit, render};

/// The types that are priced unless others are asked for: those that take no importance matrix, and one for bytes that
/// would be left over, where there is nothing between it and Q8_0.
const TYPES: &str = "Q2_K,Q3_K,IQ4_XS,Q4_K,Q5_K,Q6_K,Q4_0,IQ4_NL,Q4_1,Q5_0,Q5_1,Q8_0,F16";

/// Arguments of `score`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  packbench score model-f16.gguf --text prose.txt -o fim_scores.json
  packbench score model-q4_k_m.gguf --dither --text prose.txt --text code.txt --sequences 32
  packbench score model-f16.gguf --text prose.txt --shard 2/8 -o part-2.json

Beside fim_scores.json two importance matrices are written, fim_scores.activations.gguf and
fim_scores.fisher.gguf. A score that was stopped goes on from fim_scores.partial when the same is asked
for again. Other names for FILE are put in place of fim_scores.")]
pub struct Args {
    /// The model: F32, F16 or BF16, or quantized with --dither.
    model: PathBuf,
    /// A text to score it on; may be repeated.
    #[arg(long, value_name = "FILE", required = true)]
    text: Vec<PathBuf>,
    /// How many sequences, spread evenly over the texts.
    #[arg(long, value_name = "N", default_value_t = 16)]
    sequences: u32,
    /// Tokens of a sequence.
    #[arg(long, value_name = "L", default_value_t = 512)]
    length: u32,
    /// Where the labels of the loss come from.
    #[arg(long, default_value = "sampled", value_parser = named::<Labels>())]
    labels: Labels,
    /// Take only part I of N of the sequences; merge-scores adds the parts up.
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = shard)]
    shard: (u32, u32),
    /// The seed of labels and noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The types to price.
    #[arg(long, value_delimiter = ',', default_value = TYPES, value_parser = one_of::<GgmlType>)]
    types: Vec<GgmlType>,
    /// Lay noise over quantized weights, within their cells, so that their errors come out as an original's.
    #[arg(long)]
    dither: bool,
    /// What the quantizers are told of the columns: none, activations, or an importance matrix.
    #[arg(long, value_name = "none|activations|FILE", default_value = "none")]
    imatrix: Asked,
    /// Threads that compute; all processors by default.
    #[arg(long)]
    threads: Option<usize>,
    /// The scores.
    #[arg(short, long, value_name = "FILE", default_value = "fim_scores.json")]
    output: PathBuf,
}

fn shard(text: &str) -> Result<(u32, u32), String> {
    let parts = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    let valid = parts.filter(|(part, of)| (1..=*of).contains(part));
    valid.ok_or_else(|| format!("found {text:?}, expected part and number of parts, such as 2/8"))
}

/// Scores a model.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    check_outputs(args)?;
    let file = ModelFile::open(&args.model)?;
    let named = || args.model.display().to_string();
    let gguf = Gguf::parse(file.bytes()).with_context(named)?;
    let dither_seed = args.dither.then_some(args.seed);
    let model = Model::new(gguf.clone(), dither_seed).with_context(named)?;
    let (engine, texts) = (LlamaCpp::new()?, Texts::read(&args.text)?);
    let (imatrix, given) = imatrix(args)?;
    check_types(&args.types, imatrix)?;
    let request = Request {
        sequences: sequences(args, &file, &engine, &texts)?,
        labels: args.labels,
        seed: args.seed,
        types: &args.types,
        columns: match (&given, imatrix) {
            (Some(weights), _) => Columns::Given(weights),
            (None, Imatrix::Activations) => Columns::Activations,
            (None, _) => Columns::None,
        },
        threads: quality::threads(args.threads),
    };
    let checkpoint = checkpoint(args, &file, &texts)?;
    let Some(found) = compute(args, &file, &model, &request, &checkpoint)? else {
        return Ok(ExitCode::from(exit::INTERRUPTED));
    };
    let (taken, cost) = (request.sequences.len() as u32, cost(&model, &request, &found));
    let weights = given.unwrap_or_else(|| match imatrix {
        Imatrix::Activations => activations(&found, taken as usize * args.length as usize),
        _ => ColumnWeights::new(),
    });
    let (stock_mixes, refused) = scores::stock_mixes(&engine, &args.model, &weights);
    if let Some((mix, error)) = refused.first() {
        let count = crate::words::count(refused.len() as u32, "recipe");
        writeln!(
            io::stderr(),
            "left out, for the engine can't make them of this model: {count}, first {mix}: {}",
            chain(error)
        )?;
    }
    let circumstances = scores::Circumstances {
        variant: &file.variant,
        texts: texts.facts,
        labels: args.labels,
        seed: args.seed,
        shards: Shards { of: args.shard.1, held: vec![args.shard.0] },
        sequences: (taken, args.length),
        dither_seed,
        imatrix,
        cost,
        stock_mixes,
    };
    let scores = scores::assemble(&gguf, &found, circumstances)?;
    keep(args, &scores, &found)?;
    checkpoint.remove();
    write!(io::stdout().lock(), "{}", render::scores(&scores))?;
    Ok(ExitCode::SUCCESS)
}

/// Found out before hours of work.
fn check_outputs(args: &Args) -> anyhow::Result<()> {
    let matrices = output::imatrix_paths(&args.output);
    let partial = partial(args);
    let outputs = matrices.iter().chain([&args.output, &partial]).map(PathBuf::as_path);
    let inputs = args.text.iter().chain([&args.model]).chain(args.imatrix.file());
    output::check(outputs, inputs.map(PathBuf::as_path))
}

/// Where a score that is stopped is kept.
fn partial(args: &Args) -> PathBuf {
    output::beside(&args.output, "partial")
}

fn cost(model: &Model<'_>, request: &Request<'_>, found: &Scores) -> ScoreCost {
    let tokens = request.sequences.iter().map(|sequence| sequence.tokens.len() as u64).sum();
    ScoreCost {
        threads: request.threads as u64,
        gradients_ns: found.spent.gradients.as_nanos() as u64,
        pricing_ns: found.spent.pricing.as_nanos() as u64,
        peak_memory_bytes: os::peak_memory().map(|peak| peak.0),
        largest_layer_bytes: model.largest_layer().0,
        activations_bytes: model.activations(tokens).0,
    }
}

/// Types that llama.cpp makes of layers under an importance matrix only have no price without one.
fn check_types(types: &[GgmlType], imatrix: Imatrix) -> anyhow::Result<()> {
    let takes_weights = |ggml_type: &&GgmlType| is_needed_in_layers(**ggml_type);
    let names: Vec<String> = types.iter().filter(takes_weights).map(GgmlType::to_string).collect();
    if imatrix != Imatrix::None || names.is_empty() {
        return Ok(());
    }
    bail!(
        "llama.cpp makes {} under an importance matrix only: add --imatrix activations or --imatrix FILE, or leave {} \
         out of --types",
        names.join(", "),
        if names.len() == 1 { "it" } else { "them" }
    )
}

fn imatrix(args: &Args) -> anyhow::Result<(Imatrix, Option<ColumnWeights>)> {
    Ok(match &args.imatrix {
        Asked::Kind(Imatrix::Activations) if args.shard.1 > 1 => {
            bail!(
                "--imatrix activations differ from part to part, and prices would not add up: give --imatrix FILE"
            )
        }
        Asked::Kind(Imatrix::Fisher) => {
            bail!(
                "--imatrix fisher: column sums of F are what a score finds out, and are told to packbench quantize"
            )
        }
        Asked::Kind(kind) => (*kind, None),
        Asked::File(path) => (Imatrix::File, Some(quality::column_weights(path)?)),
    })
}

/// What the quantizers were told of the columns, where that came of the score itself.
fn activations(scores: &Scores, tokens: usize) -> ColumnWeights {
    let seen = scores.tensors.iter().filter(|tensor| !tensor.inputs.is_empty());
    seen.map(|tensor| (tensor.name.clone(), mean_squares(&tensor.inputs, tokens))).collect()
}

fn sequences(
    args: &Args,
    file: &ModelFile,
    engine: &LlamaCpp,
    texts: &Texts,
) -> anyhow::Result<Vec<Sequence>> {
    let loaded = file.load(engine, 1)?;
    let beginning = loaded.beginning().map(|token| token.0);
    let cut = Cut { sequences: args.sequences, length: args.length, beginning };
    let all = cut.sequences(&quality::tokens(&loaded, texts)?)?;
    let (part, of) = args.shard;
    let mine = |sequence: &Sequence| sequence.number % u64::from(of) == u64::from(part - 1);
    let mine: Vec<Sequence> = all.into_iter().filter(mine).collect();
    match mine.is_empty() {
        true => bail!("found {} sequences, expected at least one for each of {of} parts", args.sequences),
        false => Ok(mine),
    }
}

/// Under a hash of all that the numbers depend on.
fn checkpoint(args: &Args, file: &ModelFile, texts: &Texts) -> anyhow::Result<Checkpoint> {
    let Args { sequences, length, labels, shard, seed, types, dither, imatrix, threads, .. } = args;
    let texts: Vec<&str> = texts.facts.iter().map(|text| text.hash.as_str()).collect();
    let imatrix = match imatrix {
        Asked::Kind(kind) => kind.to_string(),
        Asked::File(path) => {
            let matrix = std::fs::read(path).with_context(|| path.display().to_string())?;
            blake3::hash(&matrix).to_string()
        }
    };
    let all = format!(
        "{} {texts:?} {sequences} {length} {labels} {shard:?} {seed} {types:?} {dither} {imatrix} {threads:?} {}",
        file.content()?,
        env!("CARGO_PKG_VERSION")
    );
    let key = *blake3::hash(all.as_bytes()).as_bytes();
    Ok(Checkpoint { path: partial(args), key })
}

/// `None` when it was stopped.
fn compute(
    args: &Args,
    file: &ModelFile,
    model: &Model<'_>,
    request: &Request<'_>,
    checkpoint: &Checkpoint,
) -> anyhow::Result<Option<Scores>> {
    quality::stop_on_interrupt();
    os::return_freed(packbench_fim::LARGE_MATRIX);
    let mut bar = render::Share::new();
    let mut phase = None;
    let mut progress = |progress: packbench_fim::Progress| {
        file.unmap_pages();
        if phase.replace(progress.phase) != Some(progress.phase) {
            os::trim_heap();
        }
        bar.show(&progress.phase.to_string(), progress.done);
    };
    let mut watch = Watch { progress: &mut progress, cancel: &CANCEL };
    match packbench_fim::score(model, request, Some(checkpoint), &mut watch) {
        Ok(scores) => Ok(Some(scores)),
        Err(FimError::Cancelled) => {
            let kept = checkpoint.path.exists();
            eprintln!(
                "stopped; {}",
                if kept { "the same command goes on from here" } else { "nothing was done yet" }
            );
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| args.model.display().to_string()),
    }
}

fn keep(args: &Args, scores: &FimScores, found: &Scores) -> anyhow::Result<()> {
    let tokens = u64::from(scores.num_samples) * u64::from(scores.seq_length);
    let named = |sums: fn(&TensorScore) -> &[f64]| {
        let of_tensor = move |tensor| {
            let tensor: &TensorScore = tensor;
            (tensor.name.as_str(), sums(tensor))
        };
        found.tensors.iter().map(of_tensor).collect::<Vec<_>>()
    };
    let (activations, fisher) = (named(|tensor| &tensor.inputs), named(|tensor| &tensor.columns));
    for (kind, sums) in [(Imatrix::Activations, activations), (Imatrix::Fisher, fisher)] {
        let mut file = Vec::new();
        imatrix::write(sums.into_iter(), tokens, &mut file)?;
        output::write(&output::imatrix_path(&args.output, kind), &file)?;
    }
    output::write_json(&args.output, scores)
}
