//! What is asked: a [`Job`] and the [`Case`]s that it stands for. Pure data.

mod case;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

pub use case::{Advice, CacheState, Case, Field, Pattern, Policy, Probe, ProbeKind};

use crate::unit::Bytes;

/// A model file to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What reports call it: the file's name, made unique within the job.
    pub name: String,
    /// Where it lies on the device that measures. A report never holds it.
    pub path: Option<PathBuf>,
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
    /// Sizes of one read, for the reads probe.
    pub io_sizes: Vec<Bytes>,
    /// Lengths of the prompt, for the first_token probe.
    pub prompts_tokens: Vec<u32>,
    /// Threads that the engine computes with; as many as there are processors when `None`.
    pub threads: Option<NonZeroU32>,
    /// How often each case is measured. A verdict needs at least 6.
    pub blocks: NonZeroU32,
    /// Draws the order of the cases in each block and the random patterns.
    pub seed: u64,
    /// The longest that the session may take; a model too large for it is sampled.
    pub budget: Duration,
    /// The processors that the measuring thread may use; all when empty.
    pub cpus: Vec<u32>,
}

impl Default for Job {
    fn default() -> Self {
        Job {
            models: Vec::new(),
            probes: vec![ProbeKind::FirstToken, ProbeKind::Faults, ProbeKind::Reads],
            policies: Vec::new(),
            patterns: vec![Pattern::Sequential, Pattern::Random],
            caches: vec![CacheState::Cold, CacheState::Warm],
            io_sizes: vec![Bytes::kib(4), Bytes::kib(128), Bytes::mib(1), Bytes::mib(4)],
            prompts_tokens: vec![1, 16],
            threads: None,
            blocks: NonZeroU32::new(6).expect("6 is not 0"),
            seed: 1,
            budget: Duration::from_secs(300),
            cpus: Vec::new(),
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
    #[error("found a prompt of 0 tokens, expected at least 1")]
    EmptyPrompt,
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

    /// All cases of one block, variants in job order, in the order in which tables list them.
    ///
    /// A policy changes little once all is in memory, so a job that asks for cold and warm measures warm runs under its
    /// first policy only; a job that asks for warm alone measures them under each.
    pub fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        for model in &self.models {
            for &cache in &self.caches {
                let variant = &model.name;
                cases.extend(self.probes_in(cache).into_iter().map(|probe| Case {
                    variant: variant.clone(),
                    cache,
                    probe,
                }));
            }
        }
        cases
    }

    fn probes_in(&self, cache: CacheState) -> Vec<Probe> {
        let of_kind = |&kind: &ProbeKind| -> Vec<Probe> {
            let policies = self.policies_of(kind, cache);
            match kind {
                ProbeKind::Faults => each(&policies, &self.patterns_of(kind), |policy, pattern| {
                    Probe::Faults { policy, pattern }
                }),
                ProbeKind::Reads => each(&self.io_sizes, &self.patterns_of(kind), |io_size, pattern| {
                    Probe::Reads { io_size, pattern }
                }),
                ProbeKind::FirstToken => each(&policies, &self.prompts_tokens, |policy, prompt_tokens| {
                    Probe::FirstToken { policy, prompt_tokens }
                }),
            }
        };
        self.probes.iter().flat_map(of_kind).collect()
    }

    fn patterns_of(&self, kind: ProbeKind) -> Vec<Pattern> {
        self.patterns.iter().copied().filter(|pattern| pattern.applies_to(kind)).collect()
    }

    fn policies_of(&self, kind: ProbeKind, cache: CacheState) -> Vec<Policy> {
        let named = if self.policies.is_empty() { kind.default_policies() } else { &self.policies };
        let mut policies: Vec<Policy> =
            named.iter().copied().filter(|policy| policy.applies_to(kind)).collect();
        if cache == CacheState::Warm && self.caches.contains(&CacheState::Cold) {
            policies.truncate(1);
        }
        policies
    }

    /// Whether the job can be carried out at all.
    pub fn check(&self) -> Result<(), JobError> {
        let lists = [
            ("model", self.models.is_empty()),
            ("probe", self.probes.is_empty()),
            ("pattern", self.patterns.is_empty()),
            ("cache state", self.caches.is_empty()),
            ("io_size", self.io_sizes.is_empty()),
            ("prompt", self.prompts_tokens.is_empty()),
        ];
        if let Some(&(what, _)) = lists.iter().find(|(_, empty)| *empty) {
            return Err(JobError::Nothing { what });
        }
        self.check_names()?;
        if self.prompts_tokens.contains(&0) {
            return Err(JobError::EmptyPrompt);
        }
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

    fn check_names(&self) -> Result<(), JobError> {
        let mut names: Vec<&str> = self.models.iter().map(|model| model.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(JobError::SameName { name: pair[0].to_owned() }),
            None => Ok(()),
        }
    }
}

/// All pairs, the first list's items outermost.
fn each<A: Copy, B: Copy, C>(outer: &[A], inner: &[B], pair: impl Fn(A, B) -> C) -> Vec<C> {
    outer.iter().flat_map(|&a| inner.iter().map(move |&b| (a, b))).map(|(a, b)| pair(a, b)).collect()
}

fn names(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(names: &[&str]) -> Job {
        let models = names.iter().map(|&name| Model { name: name.to_owned(), path: None }).collect();
        Job { models, ..Job::default() }
    }

    #[test]
    fn the_default_job_is_what_the_readme_says() {
        let cases: Vec<String> = job(&["m"]).cases().iter().map(Case::to_string).collect();
        insta::assert_snapshot!(cases.join("\n"), @r"
        m: first_token, stock_load, prompt 1, cold
        m: first_token, stock_load, prompt 16, cold
        m: first_token, normal, prompt 1, cold
        m: first_token, normal, prompt 16, cold
        m: first_token, stream, prompt 1, cold
        m: first_token, stream, prompt 16, cold
        m: faults, sequential, normal, cold
        m: faults, random, normal, cold
        m: faults, sequential, random, cold
        m: faults, random, random, cold
        m: faults, sequential, will_need, cold
        m: faults, random, will_need, cold
        m: reads, sequential, 4 KiB, cold
        m: reads, random, 4 KiB, cold
        m: reads, sequential, 128 KiB, cold
        m: reads, random, 128 KiB, cold
        m: reads, sequential, 1 MiB, cold
        m: reads, random, 1 MiB, cold
        m: reads, sequential, 4 MiB, cold
        m: reads, random, 4 MiB, cold
        m: first_token, stock_load, prompt 1, warm
        m: first_token, stock_load, prompt 16, warm
        m: faults, sequential, normal, warm
        m: faults, random, normal, warm
        m: reads, sequential, 4 KiB, warm
        m: reads, random, 4 KiB, warm
        m: reads, sequential, 128 KiB, warm
        m: reads, random, 128 KiB, warm
        m: reads, sequential, 1 MiB, warm
        m: reads, random, 1 MiB, warm
        m: reads, sequential, 4 MiB, warm
        m: reads, random, 4 MiB, warm
        ");
    }

    #[test]
    fn warm_alone_is_measured_under_each_policy() {
        let warm = Job { caches: vec![CacheState::Warm], probes: vec![ProbeKind::Faults], ..job(&["m"]) };
        assert_eq!(warm.cases().len(), 3 * 2);
    }

    #[test]
    fn a_job_that_cannot_be_carried_out_says_why() {
        assert_eq!(job(&[]).check(), Err(JobError::Nothing { what: "model" }));
        assert_eq!(job(&["m", "m"]).check(), Err(JobError::SameName { name: "m".into() }));
        let odd = Job { io_sizes: vec![Bytes(1000)], ..job(&["m"]) };
        assert_eq!(odd.check(), Err(JobError::IoSize { found: Bytes(1000) }));
        let none =
            Job { probes: vec![ProbeKind::Reads], patterns: vec![Pattern::TensorOrder], ..job(&["m"]) };
        assert!(matches!(none.check(), Err(JobError::NoCase { .. })));
        assert_eq!(job(&["a", "b"]).check(), Ok(()));
    }
}
