//! What is asked: a [`Job`] and the [`Case`]s that it stands for. Pure data.

mod case;
mod cases;
mod guard;
mod policy;
mod preset;
mod probe;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

pub use case::{CacheState, Case, Field};
pub use guard::Guard;
pub use policy::{Advice, Ahead, Policy, PolicyError, PolicyKind};
pub use preset::Preset;
pub use probe::{Io, Pattern, Probe, ProbeKind, Prompt, Timing, Way};

use crate::layout::Arrangement;
use crate::unit::Bytes;

/// A model file to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What reports call it: the file's name, made unique within the job.
    pub name: String,
    /// Where it lies on the device that measures. A report never holds it.
    pub path: Option<PathBuf>,
    /// The arrangement in which it is measured: such a copy of it is made there. `None` for the file as it is.
    pub arrangement: Option<Arrangement>,
}

/// What to measure, how often, and for how long at the most.
///
/// [`Job::default`] is the default job of `packbench run`: how long the first token takes, and how this device brings pages
/// in, sequentially and at random, cold and warm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The model files; the first one is the base of comparisons.
    pub models: Vec<Model>,
    /// Which probes.
    pub probes: Vec<ProbeKind>,
    /// How the weights come in, for the probes that this applies to; the first one is the base of comparisons. Each
    /// probe's [own](ProbeKind::default_policies) when empty.
    pub policies: Vec<Policy>,
    /// Orders of access.
    pub patterns: Vec<Pattern>,
    /// Cache states.
    pub caches: Vec<CacheState>,
    /// How often the clock is read, for the faults probe.
    pub timings: Vec<Timing>,
    /// Sizes of one read, for the reads probe.
    pub io_sizes: Vec<Bytes>,
    /// Through the page cache or past it, for the reads probe.
    pub io: Vec<Io>,
    /// What the model is asked, for the probes that follow an engine.
    pub prompts: Vec<Prompt>,
    /// In which process first tokens are computed.
    pub ways: Vec<Way>,
    /// Threads that read or compute. When empty one reads, and as many compute as there are processors.
    pub threads: Vec<NonZeroU32>,
    /// Tokens that are computed after the first, each with a cost of its own.
    pub decodes: NonZeroU32,
    /// How often each case is measured. A verdict needs at least 6.
    pub blocks: NonZeroU32,
    /// Draws the order of the cases in each block and the random patterns.
    pub seed: u64,
    /// The longest that the session may take; a model too large for it is sampled.
    pub budget: Duration,
    /// The processors that the measuring thread may use; all when empty.
    pub cpus: Vec<u32>,
    /// Guards that an app measures in spite of; each run then carries the caveat of the same name.
    pub suppress: Vec<Guard>,
    /// The longest that a phone may cool down before a block, where an app tells how warm it is.
    pub wait: Duration,
}

impl Default for Job {
    fn default() -> Self {
        Job {
            models: Vec::new(),
            probes: vec![ProbeKind::FirstToken, ProbeKind::Faults, ProbeKind::Reads],
            policies: Vec::new(),
            patterns: vec![Pattern::Sequential, Pattern::Random],
            caches: vec![CacheState::Cold, CacheState::Warm],
            timings: vec![Timing::Whole],
            io_sizes: vec![Bytes::kib(4), Bytes::kib(128), Bytes::mib(1), Bytes::mib(4)],
            io: vec![Io::Buffered],
            prompts: vec![Prompt::Count(1), Prompt::Count(16)],
            ways: vec![Way::Process],
            threads: Vec::new(),
            decodes: NonZeroU32::MIN,
            blocks: NonZeroU32::new(6).expect("6 is not 0"),
            seed: 1,
            budget: Duration::from_secs(300),
            cpus: Vec::new(),
            suppress: Vec::new(),
            wait: Duration::from_secs(60),
        }
    }
}

/// Why a job cannot be carried out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JobError {
    /// A list that must not be empty is.
    #[error("the job names no {what}: name at least one")]
    Nothing {
        /// What there is none of.
        what: &'static str,
    },
    /// The lists are not empty and yet nothing combines to a case.
    #[error(
        "the job comes to no case: {probes} cannot be combined with the patterns {patterns} or the policies named"
    )]
    NoCase {
        /// The probes asked for.
        probes: String,
        /// The patterns asked for.
        patterns: String,
    },
    /// Two models share a name.
    #[error("two models are named {name:?}: give each a name of its own")]
    SameName {
        /// The name.
        name: String,
    },
    /// There is nothing to answer.
    #[error("found an empty prompt, expected at least 1 token")]
    EmptyPrompt,
    /// More than a run may hold.
    #[error("found {found} {what}, expected at most {most}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many.
        found: u32,
        /// How many there may be.
        most: u32,
    },
    /// An arrangement that another file decides.
    #[error(
        "found {found}, which follows another file: make that copy by packbench repack, and name it as a model"
    )]
    Arrangement {
        /// What it was.
        found: Arrangement,
    },
    /// A read of this size is not possible.
    #[error("found io_size {}, expected a multiple of 512 bytes from 512 B to 64 MiB", found.exact())]
    IoSize {
        /// The size asked for.
        found: Bytes,
    },
}

impl Job {
    /// The largest read that is measured: its buffer is allocated for each run.
    pub const LARGEST_IO_SIZE: Bytes = Bytes::mib(64);
    /// The most threads that read or compute.
    pub const MOST_THREADS: u32 = 1024;
    /// The most tokens that are computed after the first.
    pub const MOST_DECODES: u32 = 1024;

    /// Whether the job can be carried out at all.
    pub fn check(&self) -> Result<(), JobError> {
        let lists = [
            ("model", self.models.is_empty()),
            ("probe", self.probes.is_empty()),
            ("pattern", self.patterns.is_empty()),
            ("cache state", self.caches.is_empty()),
            ("io_size", self.io_sizes.is_empty()),
            ("timing", self.timings.is_empty()),
            ("kind of I/O", self.io.is_empty()),
            ("prompt", self.prompts.is_empty()),
            ("way", self.ways.is_empty()),
        ];
        if let Some(&(what, _)) = lists.iter().find(|(_, empty)| *empty) {
            return Err(JobError::Nothing { what });
        }
        self.check_names()?;
        let mut arrangements = self.models.iter().filter_map(|model| model.arrangement.as_ref());
        if let Some(found) = arrangements.find(|arrangement| arrangement.order.reference().is_some()) {
            return Err(JobError::Arrangement { found: found.clone() });
        }
        let empty = |prompt: &Prompt| match prompt {
            Prompt::Count(count) => *count == 0,
            Prompt::Text(text) => text.is_empty(),
        };
        if self.prompts.iter().any(empty) {
            return Err(JobError::EmptyPrompt);
        }
        self.check_numbers()?;
        let possible =
            |size: Bytes| size.0 >= 512 && size.0.is_multiple_of(512) && size <= Self::LARGEST_IO_SIZE;
        if let Some(&found) = self.io_sizes.iter().find(|&&size| !possible(size)) {
            return Err(JobError::IoSize { found });
        }
        if self.cases().is_empty() {
            return Err(JobError::NoCase { probes: names(&self.probes), patterns: names(&self.patterns) });
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), JobError> {
        let threads = self.threads.iter().map(|threads| threads.get()).max().unwrap_or(1);
        let numbers =
            [("threads", threads, Self::MOST_THREADS), ("decodes", self.decodes.get(), Self::MOST_DECODES)];
        match numbers.into_iter().find(|(_, found, most)| found > most) {
            Some((what, found, most)) => Err(JobError::TooMany { what, found, most }),
            None => Ok(()),
        }
    }

    fn check_names(&self) -> Result<(), JobError> {
        let mut names: Vec<&str> = self.models.iter().map(|model| model.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(JobError::SameName { name: pair[0].to_owned() }),
            None => Ok(()),
        }
    }
}

fn names(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
