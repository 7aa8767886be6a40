//! `packbench plan`

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use packbench_core::compare::affordable;
use packbench_core::gguf::GgmlType;
use packbench_core::quant::{Budget, Question, Strategy, curve, plan};
use packbench_core::record::{FimScores, QuantPlan, Report};
use packbench_core::unit::Nanos;

use super::output::{check, write, write_json};
use crate::named::one_of;
use crate::render;
use crate::words::list;

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Strategies:
  fisher         the least predicted KL divergence that the budget buys, with a proof [default]
  fisher-token   the same, from gradients of single tokens
  mse, imatrix   the least squared error, plain or weighted by activations
  g2             the tensors with the largest squared gradients first
  random:SEED    drawn types
  uniform:TYPE   one type for all, or the nearest that a tensor's rows take
  stock:MIX      llama.cpp's own recipe, such as stock:Q4_K_M
  top-layers:K, top-percent:P, groups:N, thresholds
                 the published rules: a stock mix (--base), what ranks highest in --upgrade, or
                 for thresholds in a type by its score

Budgets:
  400MB            the whole file in bytes
  same-as:Q3_K_M   the bytes of that stock mix of the same model
  bpw:3.5          bits per weight, the whole file counted
  loss:0.05        the fewest bytes that are foretold to lose no more nats per token
  first-token:800ms@report.jsonl
                   the bytes whose cold first token comes within that time, by a device's report of
                   first tokens of this model (packbench run MODEL --probe first_token), best of two
                   or more sizes of it

Examples:
  packbench plan fim_scores.json --budget same-as:Q3_K_M -o quant_plan.json
  packbench plan fim_scores.json --budget bpw:4.5 --types Q4_0,Q5_0,Q8_0
  packbench plan fim_scores.json --strategy top-layers:4 --base Q3_K_M --upgrade q6_k -o plan.json
  packbench plan fim_scores.json --curve curve    # writes curve.json and curve.svg
  packbench plan fim_scores.json --budget same-as:Q4_0 -o quant_plan.json \\
      --measure 4 --model model-f16.gguf --text held-out.txt

fisher, fisher-token, mse, imatrix, g2 and random need a budget; the others come to what they come to.")]
pub struct Args {
    /// Scores, as `packbench score` or the published pipeline writes them.
    scores: PathBuf,
    /// How the plan is made: see below.
    #[arg(long, value_name = "NAME", default_value = "fisher")]
    strategy: Strategy,
    /// Choose among these types only.
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = one_of::<GgmlType>)]
    types: Vec<GgmlType>,
    /// What the file may cost: see below.
    #[arg(long)]
    budget: Option<Budget>,
    /// The stock mix that published strategies start from; the others take no notice.
    #[arg(long, value_name = "MIX", default_value = "Q3_K_M")]
    base: String,
    /// The type that published strategies give what ranks highest, larger than the mix's or smaller.
    #[arg(long, value_name = "TYPE", value_parser = one_of::<GgmlType>, default_value = "Q6_K")]
    upgrade: GgmlType,
    /// Write loss against bytes to NAME.json and NAME.svg, stock mixes marked.
    #[arg(long, value_name = "NAME")]
    curve: Option<PathBuf>,
    /// Write the plan to this file; without it, only show it.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the plan as JSON.
    #[arg(long)]
    json: bool,
    #[cfg(feature = "llama")]
    #[command(flatten)]
    measuring: super::measuring::Measuring,
}

/// Plans, and draws what else could be planned.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    check_outputs(args)?;
    let scores = read(&args.scores)?;
    if let Some(name) = &args.curve {
        draw(name, &scores, &args.types)?;
        if args.budget.is_none() && args.strategy.takes_budget() {
            tell_missing(&scores)?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let question = Question {
        strategy: args.strategy.clone(),
        types: args.types.clone(),
        budget: args.budget.clone().map(|budget| resolved(budget, &scores)).transpose()?,
        base: args.base.clone(),
        upgrade: args.upgrade,
        doubt: None,
    };
    let optimum = plan(&scores, &question).with_context(|| args.scores.display().to_string())?;
    let plan = measured(args, &scores, question, optimum)?;
    tell_missing(&scores)?;
    if let Some(path) = &args.output {
        write_json(path, &plan)?;
    }
    let mut out = io::stdout().lock();
    match args.json {
        true => render::json(&mut out, &plan)?,
        false => write!(out, "{}", render::quant_plan(&plan))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check_outputs(args: &Args) -> anyhow::Result<()> {
    let curves: Vec<PathBuf> = args.curve.iter().flat_map(|name| curve_files(name)).collect();
    let outputs = args.output.iter().chain(&curves).map(PathBuf::as_path);
    let report = args.budget.as_ref().and_then(|budget| match budget {
        Budget::FirstToken { report, .. } => Some(PathBuf::from(report)),
        _ => None,
    });
    let inputs = std::iter::once(&args.scores).chain(&report);
    #[cfg(feature = "llama")]
    let inputs = inputs.chain(args.measuring.inputs());
    check(outputs, inputs.map(PathBuf::as_path))
}

/// As numbers, and as a picture.
fn curve_files(name: &Path) -> [PathBuf; 2] {
    ["json", "svg"].map(|extension| name.with_added_extension(extension))
}

/// The optimum, or what was measured to be better.
#[cfg(feature = "llama")]
fn measured(
    args: &Args,
    scores: &FimScores,
    question: Question,
    optimum: QuantPlan,
) -> anyhow::Result<QuantPlan> {
    match args.measuring.count {
        Some(count) => {
            let candidates = candidates(scores, &question, optimum, count as usize)?;
            let scored = scores.packbench.as_ref().map_or(&[][..], |pricing| &pricing.texts);
            args.measuring.best(&args.scores, scored, &candidates)
        }
        None => Ok(optimum),
    }
}

#[cfg(not(feature = "llama"))]
fn measured(_: &Args, _: &FimScores, _: Question, optimum: QuantPlan) -> anyhow::Result<QuantPlan> {
    Ok(optimum)
}

/// The optimum and others that might be better than it, `count` in all, or as many as there are.
#[cfg(feature = "llama")]
fn candidates(
    scores: &FimScores,
    question: &Question,
    optimum: QuantPlan,
    count: usize,
) -> anyhow::Result<Vec<QuantPlan>> {
    // Where there are few choices, doubts lead to plans that are there already.
    const TRIES: u64 = 4;
    let tensors = |plan: &QuantPlan| plan.packbench.as_ref().map(|planning| planning.tensors.clone());
    let mut plans = vec![optimum];
    for seed in 1..=TRIES * count as u64 {
        if plans.len() >= count {
            break;
        }
        let other = plan(scores, &Question { doubt: Some(seed), ..question.clone() })?;
        if plans.iter().all(|known| tensors(known) != tensors(&other)) {
            plans.push(other);
        }
    }
    Ok(plans)
}

/// A part of a scoring may say something else than all of it.
fn tell_missing(scores: &FimScores) -> io::Result<()> {
    if let Some(missing) = scores.packbench.as_ref().and_then(|pricing| list(pricing.shards.missing())) {
        writeln!(io::stderr(), "the scores lack parts of the scoring, which merge-scores adds: {missing}")?;
    }
    Ok(())
}

/// Reads the report that a time is to be turned into bytes by.
fn resolved(budget: Budget, scores: &FimScores) -> anyhow::Result<Budget> {
    let Budget::FirstToken { within, report, .. } = budget else { return Ok(budget) };
    let measured = super::compare::read(Path::new(&report))?;
    let affordable = affordable(&measured, within).with_context(|| report.clone())?;
    let by = &affordable.by;
    check_same_model(&measured, &by.case.variant, scores).with_context(|| report.clone())?;
    let and =
        affordable.and.as_ref().map(|and| format!("; {} for \"{}\"", Nanos(and.first_token_ns), and.case));
    writeln!(
        io::stderr(),
        "{within} buys {}: measured was {} for \"{}\", of which {} are the floor{}",
        affordable.bytes,
        Nanos(by.first_token_ns),
        by.case,
        Nanos(by.floor_ns),
        and.unwrap_or_default()
    )?;
    Ok(Budget::FirstToken { within, report, bytes: Some(affordable.bytes) })
}

/// As far as a report and scores tell: files of one model have its architecture, and as many tensors.
fn check_same_model(report: &Report, variant: &str, scores: &FimScores) -> anyhow::Result<()> {
    let found = report.variants.iter().find(|found| found.name == variant);
    let (Some(found), Some(pricing)) = (found, &scores.packbench) else { return Ok(()) };
    let measured = (found.architecture.as_deref().unwrap_or_default(), u64::from(found.tensors));
    let scored = (pricing.model.architecture.as_str(), pricing.tensors.len() as u64);
    if measured != scored {
        bail!(
            "{variant} is a {} of {} tensors, and the scores are of a {} of {}: expected a report of files of that model",
            measured.0,
            measured.1,
            scored.0,
            scored.1
        );
    }
    Ok(())
}

fn draw(name: &Path, scores: &FimScores, types: &[GgmlType]) -> anyhow::Result<()> {
    let curve = curve(scores, types)?;
    let [numbers, picture] = curve_files(name);
    write_json(&numbers, &curve)?;
    write(&picture, render::curve(&curve)?.as_bytes())?;
    for (mixes, why) in [
        (
            &curve.imatrix_mixes,
            "llama.cpp makes them with an importance matrix only, and the scores are of none",
        ),
        (&curve.unpriced_mixes, "some tensor has no price in their types"),
    ] {
        if !mixes.is_empty() {
            writeln!(io::stderr(), "not on the curve, for {why}: {}", mixes.join(", "))?;
        }
    }
    Ok(())
}

/// Reads scores from their file.
pub fn read(path: &Path) -> anyhow::Result<FimScores> {
    let named = || format!("reading {}", path.display());
    let bytes = std::fs::read(path).with_context(named)?;
    FimScores::read(&bytes).with_context(named)
}
