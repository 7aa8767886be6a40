//! What may be asked of `packbench run`, and the job that it comes to.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use packbench_core::job::{
    CacheState, Guard, Io, Job, Model, Pattern, Policy, ProbeKind, Prompt, Timing, Way,
};
use packbench_core::layout::Arrangement;
use packbench_core::record::wire::Purpose;
use packbench_core::unit::Bytes;

use crate::named::{named, policy};
use crate::target::Place;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The default job measures how long the first token takes and how this device brings the file's pages in: first tokens
under three policies, faults sequentially and at random under three, reads of 4 KiB to 4 MiB, cold and warm, 6 blocks,
at most 5 minutes. Lists are separated by commas.

Examples:
  packbench run model.gguf                              the default job
  packbench run model.gguf --list                       its cases, and how long they will take
  packbench run a.gguf b.gguf --cache cold --blocks 12  two files, interleaved in one report
  packbench run a.gguf b.gguf --with eval_results.json  beside how good each is, by packbench eval
  packbench run model.gguf --probe faults --policy normal,will_need,populate --pattern sequential
  packbench run model.gguf --probe first_token --policy stream:chunk=512KiB --prompt 'Once upon'
  packbench run model.gguf --probe reads --io buffered,direct --threads 1,4,16 --cache cold
  packbench run model.gguf --variants forward,shuffled:7  its tensors in other orders beside it
  packbench run model.gguf --aa                         the harness against itself
  packbench run model.gguf --on adb                     on the phone that is plugged in
  packbench run model.gguf --on adb:R58M123 --as app --suppress Charging
  packbench run model.gguf --on ios --suppress Charging  on the iPhone that is plugged into this Mac
  packbench run --resume report.jsonl                   only what is missing")]
pub struct Args {
    /// The model files; the first one is the base of comparisons.
    #[arg(value_name = "MODEL")]
    models: Vec<PathBuf>,
    /// Take the job from a file; flags given beside it override it.
    #[arg(long, value_name = "FILE")]
    job: Option<PathBuf>,
    /// What to measure.
    #[arg(long, value_delimiter = ',', value_parser = named::<ProbeKind>())]
    probe: Vec<ProbeKind>,
    /// How the weights come in; the first one is the base of comparisons. A stream takes parameters:
    /// stream:chunk=512KiB:lead=8MiB.
    #[arg(long, value_delimiter = ',', value_parser = policy())]
    policy: Vec<Policy>,
    /// In which order.
    #[arg(long, value_delimiter = ',', value_parser = named::<Pattern>())]
    pattern: Vec<Pattern>,
    /// From which state of the page cache.
    #[arg(long, value_delimiter = ',', value_parser = named::<CacheState>())]
    cache: Vec<CacheState>,
    /// Read the clock around all touches, or after each: then their latencies are kept.
    #[arg(long, value_delimiter = ',', value_parser = named::<Timing>())]
    timing: Vec<Timing>,
    /// Bytes per read, such as 4KiB,1MiB.
    #[arg(long, value_name = "SIZE", value_delimiter = ',')]
    io_size: Vec<Bytes>,
    /// Read through the page cache, or past it.
    #[arg(long, value_delimiter = ',', value_parser = named::<Io>())]
    io: Vec<Io>,
    /// Lengths of the prompt before the first token.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    prompt_tokens: Vec<u32>,
    /// A prompt in words; may be given again.
    #[arg(long, value_name = "TEXT")]
    prompt: Vec<String>,
    /// Compute each first token in a process of its own, or over a loaded model with fresh mappings.
    #[arg(long, value_delimiter = ',', value_parser = named::<Way>())]
    way: Vec<Way>,
    /// Threads that read or compute [default: one reads, and one for each processor computes].
    #[arg(long, value_name = "N", value_delimiter = ',')]
    threads: Vec<NonZeroU32>,
    /// Tokens to compute after the first, each with a cost of its own [default: 1].
    #[arg(long, value_name = "N")]
    decodes: Option<NonZeroU32>,
    /// How often each case is measured; a verdict needs at least 6.
    #[arg(long, value_name = "N")]
    pub blocks: Option<NonZeroU32>,
    /// Draws the order of the cases and the random patterns.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// The processors that the measuring thread may use, such as 0,2-3.
    #[arg(long, value_name = "LIST", value_parser = cpu_list)]
    cpus: Option<Cpus>,
    /// The longest that it may take, such as 90s or 5m; a model too large for it is sampled.
    #[arg(long, value_name = "TIME")]
    budget: Option<humantime::Duration>,
    /// Print the report's lines on standard output as they come.
    #[arg(long)]
    pub json: bool,
    /// At the end, show latency, bytes and quality of the files in one table, by this eval_results.json.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "list", "verify"])]
    pub with: Vec<PathBuf>,
    /// The report's file [default: packbench-DATE-TIME.jsonl here].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Go on with a session that was cut short, in its own report.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["job", "probe", "policy", "pattern", "cache", "timing", "io_size", "io", "prompt_tokens", "prompt", "way", "threads", "decodes", "seed", "cpus", "budget", "suppress", "out", "list", "verify", "variants", "aa"])]
    pub resume: Option<PathBuf>,
    /// List the cases and the estimated time, and measure nothing.
    #[arg(long)]
    list: bool,
    /// Try each case once and record nothing.
    #[arg(long, conflicts_with = "list")]
    verify: bool,
    /// Measure each file in these arrangements, too, such as forward,forward:align=16384,shuffled:7. Such copies are made
    /// beside it, in the folder packbench-variants, and stay there for the next session.
    #[arg(long, value_name = "ARRANGEMENT", value_delimiter = ',')]
    variants: Vec<Arrangement>,
    /// Measure each file against itself: a verdict other than "same" or "inconclusive" is the harness's own error.
    #[arg(long, conflicts_with_all = ["list", "verify", "variants"])]
    pub aa: bool,
    /// Measure in spite of these states of a phone that its app tells; each run then carries the caveat.
    #[arg(long, value_name = "GUARD", value_delimiter = ',', value_parser = named::<Guard>())]
    suppress: Vec<Guard>,
    /// Where to measure.
    #[command(flatten)]
    pub place: Place,
}

impl Args {
    pub fn purpose(&self) -> Purpose {
        match self {
            Args { list: true, .. } => Purpose::Estimate,
            Args { verify: true, .. } => Purpose::Verify,
            _ => Purpose::Measure,
        }
    }

    /// The job file, or the default job, with the flags laid over it.
    pub fn job(&self) -> anyhow::Result<Job> {
        let mut job = match &self.job {
            Some(path) => read_job(path)?,
            None => Job::default(),
        };
        lay_over(&mut job.probes, &self.probe);
        lay_over(&mut job.policies, &self.policy);
        lay_over(&mut job.patterns, &self.pattern);
        lay_over(&mut job.caches, &self.cache);
        lay_over(&mut job.io_sizes, &self.io_size);
        lay_over(&mut job.models, &self.models()?);
        lay_over(&mut job.timings, &self.timing);
        lay_over(&mut job.io, &self.io);
        lay_over(&mut job.prompts, &self.prompts());
        lay_over(&mut job.ways, &self.way);
        lay_over(&mut job.threads, &self.threads);
        lay_over(&mut job.suppress, &self.suppress);
        job.decodes = self.decodes.unwrap_or(job.decodes);
        job.blocks = self.blocks.unwrap_or(job.blocks);
        job.seed = self.seed.unwrap_or(job.seed);
        job.budget = self.budget.map_or(job.budget, Into::into);
        job.cpus = self.cpus.as_ref().map_or(job.cpus, |cpus| cpus.0.clone());
        if job.models.is_empty() {
            bail!("no model given: packbench run MODEL.gguf");
        }
        if self.aa && job.models.len() > 1 {
            bail!("--aa measures one model against itself, found {}", job.models.len());
        }
        if self.aa {
            job.models = job.models.into_iter().flat_map(twice).collect();
        }
        job.models = job.models.into_iter().flat_map(|model| with_variants(model, &self.variants)).collect();
        Ok(job)
    }

    fn prompts(&self) -> Vec<Prompt> {
        let counts = self.prompt_tokens.iter().map(|&count| Prompt::Count(count));
        counts.chain(self.prompt.iter().cloned().map(Prompt::Text)).collect()
    }

    /// The model files that were named, under names of their own.
    pub fn models(&self) -> anyhow::Result<Vec<Model>> {
        let mut models: Vec<Model> = Vec::new();
        for path in &self.models {
            models.push(model(path, &models)?);
        }
        Ok(models)
    }
}

/// A model file under a name that none of `others` has.
pub fn model(path: &Path, others: &[Model]) -> anyhow::Result<Model> {
    let absolute = std::fs::canonicalize(path).with_context(|| path.display().to_string())?;
    let file_name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let taken = |name: &str| others.iter().any(|model| model.name == name);
    let numbered = (2..).map(|n| format!("{file_name} #{n}"));
    let mut names = std::iter::once(file_name.clone()).chain(numbered);
    let name = names.find(|name| !taken(name)).expect("there are more numbers than models");
    Ok(Model { name, path: Some(absolute), arrangement: None })
}

pub fn lay_over<T: Clone>(list: &mut Vec<T>, flag: &[T]) {
    if !flag.is_empty() {
        *list = flag.to_vec();
    }
}

fn twice(model: Model) -> [Model; 2] {
    ["a", "b"].map(|arm| Model { name: format!("{} ({arm})", model.name), ..model.clone() })
}

/// The model as it is, and in each of `arrangements`.
fn with_variants(model: Model, arrangements: &[Arrangement]) -> Vec<Model> {
    let variant = |arrangement: &Arrangement| Model {
        name: format!("{} {arrangement}", model.name),
        arrangement: Some(arrangement.clone()),
        ..model.clone()
    };
    let variants: Vec<Model> = arrangements.iter().map(variant).collect();
    std::iter::once(model).chain(variants).collect()
}

/// Paths in a job file are relative to that file.
pub fn read_job(path: &Path) -> anyhow::Result<Job> {
    let shown = || format!("job {}", path.display());
    let text = std::fs::read_to_string(path).with_context(shown)?;
    let mut job = Job::from_json(&text).with_context(shown)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for model in &mut job.models {
        let relative =
            model.path.as_ref().with_context(|| format!("{}: model {} has no path", shown(), model.name))?;
        let joined = folder.join(relative);
        model.path = Some(std::fs::canonicalize(&joined).with_context(|| joined.display().to_string())?);
    }
    Ok(job)
}

/// Processors by number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cpus(Vec<u32>);

fn cpu_list(text: &str) -> Result<Cpus, String> {
    let error = || format!("found {text:?}, expected numbers and ranges: 0,2-3");
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last && last < 4096).then_some(first..=last)
    };
    let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
    ranges.map(|ranges| Cpus(ranges.into_iter().flatten().collect())).ok_or_else(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_numbers_and_ranges() {
        assert_eq!(cpu_list("0,2-3"), Ok(Cpus(vec![0, 2, 3])));
        for wrong in ["", "a", "3-1", "0-", "0-99999999"] {
            assert!(cpu_list(wrong).is_err(), "{wrong}");
        }
    }
}
