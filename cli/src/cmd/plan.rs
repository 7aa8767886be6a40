//! `packbench plan`

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use packbench_core::compare::affordable;
use packbench_core::gguf::GgmlType;
use packbench_core::quant::{Budget, Question, Strategy, curve, plan};
use packbench_core::record::{FimScores, QuantPlan};
use packbench_core::unit::Nanos;

use super::output::{write, write_json};
use crate::render;

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Strategies:
  fisher         the least predicted KL divergence that the budget buys, with a proof of how close [default]
  fisher-token   the same, from gradients of single tokens
  mse, imatrix   the least squared error, plain or weighted by activations
  g2             the tensors with the largest squared gradients first
  random:SEED    drawn types
  uniform:TYPE   one type for all, or the nearest that a tensor's rows take
  stock:MIX      llama.cpp's own recipe, such as stock:Q4_K_M
  top-layers:K, top-percent:P, groups:N, thresholds
                 the published rules: a stock mix (--base) with the highest scores raised (--upgrade)

Budgets:
  400MB            the whole file in bytes
  same-as:Q3_K_M   the bytes of that stock mix of the same model
  bpw:3.5          bits per weight, the whole file counted
  loss:0.05        the fewest bytes that are foretold to lose no more nats per token
  first-token:800ms@report.jsonl
                   the bytes whose cold first token comes within that time, by the report of a device that measured
                   first tokens of this model (packbench run MODEL --probe first_token), best of two or more sizes of it

Examples:
  packbench plan fim_scores.json --budget same-as:Q3_K_M -o quant_plan.json
  packbench plan fim_scores.json --budget bpw:4.5 --types Q4_0,Q5_0,Q8_0
  packbench plan fim_scores.json --strategy top-layers:4 --base Q3_K_M --upgrade q6_k -o quant_plan.json
  packbench plan fim_scores.json --curve curve    # writes curve.json and curve.svg
  packbench plan fim_scores.json --budget same-as:Q4_0 --measure 4 --model model-f16.gguf --text held-out.txt \\
      -o quant_plan.json")]
pub struct Args {
    /// Scores, as `packbench score` or the published pipeline writes them.
    scores: PathBuf,
    /// How the plan is made: see below.
    #[arg(long, value_name = "NAME", default_value = "fisher")]
    strategy: Strategy,
    /// Choose among these types only.
    #[arg(long, value_name = "TYPE", value_delimiter = ',', value_parser = ggml_type)]
    types: Vec<GgmlType>,
    /// What the file may cost: see below.
    #[arg(long)]
    budget: Option<Budget>,
    /// The stock mix that published strategies start from.
    #[arg(long, value_name = "MIX", default_value = "Q3_K_M")]
    base: String,
    /// The type that published strategies raise to.
    #[arg(long, value_name = "TYPE", value_parser = ggml_type, default_value = "Q6_K")]
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
    let scores = read(&args.scores)?;
    if let Some(name) = &args.curve {
        draw(name, &scores, &args.types)?;
        if args.budget.is_none() && args.strategy.takes_budget() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let question = Question {
        strategy: args.strategy.clone(),
        types: args.types.clone(),
        budget: args.budget.clone().map(resolved).transpose()?,
        base: args.base.clone(),
        upgrade: args.upgrade,
        doubt: None,
    };
    let optimum = plan(&scores, &question).with_context(|| args.scores.display().to_string())?;
    let plan = measured(args, &scores, question, optimum)?;
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
            args.measuring.best(&args.scores, &candidates(scores, &question, optimum, count as usize)?)
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

/// Reads the report that a time is to be turned into bytes by.
fn resolved(budget: Budget) -> anyhow::Result<Budget> {
    let Budget::FirstToken { within, report, .. } = budget else { return Ok(budget) };
    let affordable =
        affordable(&super::compare::read(Path::new(&report))?, within).with_context(|| report.clone())?;
    let by = &affordable.by;
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

fn draw(name: &Path, scores: &FimScores, types: &[GgmlType]) -> anyhow::Result<()> {
    let curve = curve(scores, types)?;
    write_json(&name.with_added_extension("json"), &curve)?;
    write(&name.with_added_extension("svg"), render::curve(&curve)?.as_bytes())?;
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

fn ggml_type(name: &str) -> Result<GgmlType, String> {
    use strum::VariantArray;
    let names = || GgmlType::VARIANTS.iter().map(GgmlType::to_string).collect::<Vec<_>>().join(", ");
    name.parse().map_err(|_| format!("expected one of {}", names()))
}
