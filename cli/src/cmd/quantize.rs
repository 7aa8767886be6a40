//! `packbench quantize`

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use packbench_core::gguf::{ALIGNMENT_KEY, GgmlType, Gguf};
use packbench_core::os::{self, Existing, NewFile, Os};
use packbench_core::quant::cost::{self, PLAN_HASH_KEY, PREDICTED_KLD_KEY};
use packbench_core::quant::imatrix::is_needed_for;
use packbench_core::quant::{ColumnWeights, asked_type, tensor_types};
use packbench_core::record::{Imatrix, QuantPlan, StockMix};
use packbench_core::unit::Bytes;
use packbench_engine::{LlamaCpp, Mix, NoteValue, Recipe};
use packbench_fim::{Source, dithered, is_quantized, on_grid};

use super::imatrix::Asked;
use super::output;
use crate::named::one_of;
use crate::quality::{self, ModelFile};
use crate::words;

/// Arguments of `quantize`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
#[command(after_help = "Examples:
  packbench quantize model-f16.gguf --plan quant_plan.json -o model-fim.gguf
  packbench quantize model-f16.gguf --type Q4_K_M -o model-q4_k_m.gguf
  packbench quantize model-q4_k_m.gguf --dither --type F32 -o original.gguf

A plan says which importance matrix and which noise its prediction holds for; both are taken from it.")]
pub struct Args {
    /// The model.
    model: PathBuf,
    /// Which type each tensor gets.
    #[arg(long, value_name = "FILE", group = "what")]
    plan: Option<PathBuf>,
    /// One of the engine's own recipes, such as Q4_K_M.
    #[arg(long = "type", value_name = "TYPE", group = "what", value_parser = one_of::<Mix>)]
    mix: Option<Mix>,
    /// What the quantizer is told of the columns: none, an importance matrix, or what a score left behind.
    #[arg(long, value_name = "none|activations|fisher|FILE")]
    imatrix: Option<Asked>,
    /// The score that left activations and fisher behind; fim_scores.json beside the plan by default.
    #[arg(long, value_name = "FILE")]
    scores: Option<PathBuf>,
    /// Lay noise over quantized weights first, within their cells.
    #[arg(long)]
    dither: bool,
    /// The seed of the noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads that compute; all processors by default.
    #[arg(long)]
    threads: Option<usize>,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// A plan and what it is known by.
struct Plan {
    plan: QuantPlan,
    hash: String,
}

impl Args {
    /// What `packbench quantize MODEL --plan PLAN --scores SCORES -o OUTPUT` asks for, with `--imatrix` if there is one.
    pub fn by_plan(
        model: PathBuf,
        plan: PathBuf,
        scores: PathBuf,
        imatrix: Option<Asked>,
        output: PathBuf,
    ) -> Self {
        let (plan, scores) = (Some(plan), Some(scores));
        Args { model, plan, mix: None, imatrix, scores, dither: false, seed: 1, threads: None, output }
    }
}

/// Quantizes a model.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let made = make(args)?;
    writeln!(io::stdout().lock(), "{made}")?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the file, and says what it came to.
pub fn make(args: &Args) -> anyhow::Result<String> {
    let inputs =
        [&args.model].into_iter().chain(&args.plan).chain(args.imatrix.as_ref().and_then(Asked::file));
    let matrices = output::imatrix_paths(&scores(args));
    let inputs = inputs.chain(&args.scores).chain(&matrices);
    output::check([args.output.as_path()], inputs.map(PathBuf::as_path))?;
    let file = ModelFile::open(&args.model)?;
    let plan = args.plan.as_deref().map(|path| read_plan(path, &file)).transpose()?;
    let planning = plan.as_ref().and_then(|plan| plan.plan.packbench.as_ref());
    let weights = weights(args, planning.map_or(Imatrix::None, |planning| planning.imatrix))?;
    let types = plan.as_ref().map_or_else(Vec::new, |plan| tensor_types(&plan.plan));
    let told = plan.iter().flat_map(|plan| notes(args, plan));
    let notes: Vec<_> = aligned(&file)?.into_iter().chain(told).collect();
    let recipe = Recipe {
        mix: mix(args, plan.as_ref())?,
        types: &types,
        weights: &weights,
        notes: &notes,
        threads: quality::threads(args.threads) as u32,
    };
    let seed =
        planning.and_then(|planning| planning.dither_seed).or_else(|| args.dither.then_some(args.seed));
    let engine = LlamaCpp::new()?;
    // It lies beside the output, and is never finished.
    let source = seed.map(|seed| original(&file, seed, &args.output)).transpose()?;
    quality::go_on()?;
    let path = source.as_ref().map_or(args.model.as_path(), NewFile::unfinished);
    let effective = engine.effective_types(path, &recipe)?;
    check_types(plan.as_ref(), &file, &effective)?;
    check_weights(&recipe, &effective)?;
    if seed.is_none() {
        check_grid(&file, &effective)?;
    }
    write(args, &engine, path, &recipe, &effective)
}

fn read_plan(path: &Path, file: &ModelFile) -> anyhow::Result<Plan> {
    let named = || path.display().to_string();
    let bytes = std::fs::read(path).with_context(named)?;
    let plan = QuantPlan::read(&bytes).with_context(named)?;
    if let Some(planning) = &plan.packbench {
        planning.check_model(&file.variant.payload_hash).with_context(named)?;
    }
    Ok(Plan { plan, hash: blake3::hash(&bytes).to_hex().to_string() })
}

/// What the quantizer makes is aligned in its own way, and it copies what the model says of the matter.
fn aligned(file: &ModelFile) -> anyhow::Result<Option<(&'static str, NoteValue<'static>)>> {
    let otherwise = Gguf::parse(file.bytes())?.alignment.0 != u64::from(cost::ALIGNMENT);
    Ok(otherwise.then_some((ALIGNMENT_KEY, NoteValue::Count(cost::ALIGNMENT))))
}

/// What was foretold holds for the importance matrix of the plan.
fn notes<'p>(args: &Args, plan: &'p Plan) -> Vec<(&'static str, NoteValue<'p>)> {
    let planning = plan.plan.packbench.as_ref().filter(|planning| is_planned(args, planning.imatrix));
    let predicted = planning.and_then(|planning| planning.predicted_kld_nats);
    let hash = (PLAN_HASH_KEY, NoteValue::Text(&plan.hash));
    std::iter::once(hash).chain(predicted.map(|nats| (PREDICTED_KLD_KEY, NoteValue::Number(nats)))).collect()
}

fn mix(args: &Args, plan: Option<&Plan>) -> anyhow::Result<Mix> {
    match (args.mix, plan) {
        (Some(mix), _) => Ok(mix),
        (None, Some(Plan { plan, .. })) => {
            let base = &plan.base_quant;
            base.parse()
                .ok()
                .with_context(|| format!("base_quant is {base:?}, expected a recipe such as Q3_K_M"))
        }
        (None, None) => bail!("expected --plan or --type"),
    }
}

fn is_planned(args: &Args, planned: Imatrix) -> bool {
    args.imatrix.as_ref().is_none_or(|asked| asked.kind() == planned)
}

fn weights(args: &Args, planned: Imatrix) -> anyhow::Result<ColumnWeights> {
    match args.imatrix.clone().unwrap_or(Asked::Kind(planned)) {
        Asked::File(path) => quality::column_weights(&path),
        Asked::Kind(Imatrix::None) => Ok(ColumnWeights::new()),
        Asked::Kind(Imatrix::File) => {
            bail!("the plan was made for an importance matrix from a file: name it by --imatrix FILE")
        }
        Asked::Kind(kind @ (Imatrix::Activations | Imatrix::Fisher)) => {
            quality::column_weights(&output::imatrix_path(&scores(args), kind)).with_context(|| {
                format!(
                    "expected the {kind} that packbench score left beside its scores: name these by --scores"
                )
            })
        }
    }
}

/// Where the scores lie that activations and fisher were left beside.
fn scores(args: &Args) -> PathBuf {
    let beside = || os::folder(args.plan.as_deref().unwrap_or(&args.model)).join("fim_scores.json");
    args.scores.clone().unwrap_or_else(beside)
}

/// The model with noise in it, in an unfinished file that is to be `output`.
fn original(file: &ModelFile, seed: u64, output: &Path) -> anyhow::Result<NewFile> {
    let named = || format!("laying noise over {}", file.path.display());
    let source = Source::new(Gguf::parse(file.bytes())?, Some(seed)).with_context(named)?;
    let original = NewFile::begin(output, Existing::Replace)?;
    dithered::write(&source, io::BufWriter::new(original.as_file())).with_context(named)?;
    Ok(original)
}

/// Makes what dithered scores are of: `model` with noise in it.
pub fn make_original(model: &Path, seed: u64, output: &Path) -> anyhow::Result<()> {
    Ok(original(&ModelFile::open(model)?, seed, output)?.finish()?)
}

/// What the engine would fall back to isn't what was planned, nor is what it would change besides.
fn check_types(
    plan: Option<&Plan>,
    file: &ModelFile,
    effective: &[(String, GgmlType)],
) -> anyhow::Result<()> {
    let Some(plan) = plan else { return Ok(()) };
    let Some(planning) = &plan.plan.packbench else { return tell_fallbacks(&plan.plan, effective) };
    let planned: HashMap<&str, GgmlType> =
        planning.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.ggml_type)).collect();
    let known = |name: &&str| effective.iter().any(|(effective, _)| effective == name);
    if let Some(name) = planned.keys().find(|name| !known(name)) {
        bail!("the plan names {name}, and the model has no such tensor");
    }
    let gguf = Gguf::parse(file.bytes())?;
    for (name, found) in effective {
        let stays = || gguf.tensor(name).map(|tensor| tensor.ggml_type);
        match planned.get(name.as_str()).copied() {
            Some(planned) if planned != *found => {
                bail!("the plan has {planned} for {name}, and the engine would make it {found}")
            }
            None if stays() != Some(*found) => {
                bail!("the plan doesn't name {name}, and the engine would make it {found}: make it anew")
            }
            _ => {}
        }
    }
    Ok(())
}

/// Plans made elsewhere name groups, whose rows the engine finds another type for where they don't take the one asked for.
fn tell_fallbacks(plan: &QuantPlan, effective: &[(String, GgmlType)]) -> anyhow::Result<()> {
    let mut others: BTreeMap<(GgmlType, GgmlType), Vec<&str>> = BTreeMap::new();
    for (name, found) in effective {
        if let Some(asked) = asked_type(plan, name).filter(|asked| asked != found) {
            others.entry((asked, *found)).or_default().push(name);
        }
    }
    for ((asked, found), names) in others {
        let count = words::count(names.len() as u32, "tensor");
        writeln!(
            io::stderr(),
            "the plan asks for {asked} for {count} that the engine makes {found}, the first {}: rows that don't take it?",
            names[0]
        )?;
    }
    Ok(())
}

/// llama.cpp finds it out in the midst of the work.
fn check_weights(recipe: &Recipe<'_>, effective: &[(String, GgmlType)]) -> anyhow::Result<()> {
    let mix = StockMix { name: recipe.mix.to_string(), types: effective.iter().cloned().collect() };
    if recipe.weights.is_empty() && is_needed_for(&mix) {
        bail!(
            "llama.cpp makes what is asked for under an importance matrix only: add --imatrix FILE, or what packbench \
             score left beside its scores, --imatrix activations --scores FILE"
        );
    }
    Ok(())
}

/// A tensor that stays as it is is copied; another that lies on the grid of its new type is refused.
fn check_grid(file: &ModelFile, effective: &[(String, GgmlType)]) -> anyhow::Result<()> {
    let gguf = Gguf::parse(file.bytes())?;
    for (name, to) in effective {
        let changed = gguf.tensor(name).filter(|tensor| is_quantized(tensor) && tensor.ggml_type != *to);
        if let Some(refusal) = changed.and_then(|tensor| on_grid(tensor, &[*to])) {
            return Err(refusal.into());
        }
    }
    Ok(())
}

fn write(
    args: &Args,
    engine: &LlamaCpp,
    source: &Path,
    recipe: &Recipe<'_>,
    effective: &[(String, GgmlType)],
) -> anyhow::Result<String> {
    let named = || args.output.display().to_string();
    let new = NewFile::begin(&args.output, Existing::Replace)?;
    engine.quantize(source, new.unfinished(), recipe).with_context(named)?;
    let written = os::host().open(new.unfinished()).with_context(named)?.map().with_context(named)?;
    let gguf = Gguf::parse(written.bytes()).with_context(named)?;
    for (name, expected) in effective {
        let found = gguf.tensor(name).map(|tensor| tensor.ggml_type);
        if found != Some(*expected) {
            bail!("{name} came out as {found:?}, expected {expected}: nothing is kept");
        }
    }
    let elements: u64 = gguf.tensors.iter().map(|tensor| tensor.dims.elements()).sum();
    let len = written.bytes().len() as u64;
    new.sync().with_context(named)?;
    new.finish()?;
    let bits = len as f64 * 8.0 / elements.max(1) as f64;
    Ok(format!("{}: {}, {bits:.2} bits a weight", args.output.display(), Bytes(len)))
}
