//! What a job comes to: its cases, in the order in which tables list them.

use std::num::NonZeroU32;

use super::{Ahead, CacheState, Case, Job, Pattern, Policy, Probe, ProbeKind, Prompt, Timing};
use crate::unit::Bytes;

impl Job {
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
        let of_kind = |&kind: &ProbeKind| match kind {
            ProbeKind::Faults => self.faults(cache),
            ProbeKind::Reads => self.reads(),
            ProbeKind::Replay => self.replays(cache),
            ProbeKind::FirstToken => self.first_tokens(cache),
            ProbeKind::Floor => self.floors(cache),
        };
        self.probes.iter().flat_map(of_kind).collect()
    }

    fn faults(&self, cache: CacheState) -> Vec<Probe> {
        let kind = ProbeKind::Faults;
        let mut probes = Vec::new();
        for policy in self.policies_of(kind, cache) {
            for pattern in self.patterns_of(kind) {
                let probe = |&timing: &Timing| Probe::Faults { policy, pattern, timing };
                probes.extend(self.timings.iter().map(probe));
            }
        }
        probes
    }

    fn reads(&self) -> Vec<Probe> {
        let mut probes = Vec::new();
        for &io_size in &self.io_sizes {
            for pattern in self.patterns_of(ProbeKind::Reads) {
                for &io in &self.io {
                    let probe = |threads| Probe::Reads { io_size, pattern, io, threads };
                    match self.threads.is_empty() {
                        true => probes.push(probe(NonZeroU32::MIN)),
                        false => probes.extend(self.threads.iter().copied().map(probe)),
                    }
                }
            }
        }
        probes
    }

    fn replays(&self, cache: CacheState) -> Vec<Probe> {
        let mut probes = Vec::new();
        for policy in self.policies_of(ProbeKind::Replay, cache) {
            let probe = |prompt: &Prompt| Probe::Replay { policy, prompt: prompt.clone() };
            probes.extend(self.prompts.iter().map(probe));
        }
        probes
    }

    /// A cold first token is held against its floor, so that is measured beside it.
    fn first_tokens(&self, cache: CacheState) -> Vec<Probe> {
        let threads: Vec<Option<NonZeroU32>> = match self.threads.is_empty() {
            true => vec![None],
            false => self.threads.iter().copied().map(Some).collect(),
        };
        let mut probes = Vec::new();
        for policy in self.policies_of(ProbeKind::FirstToken, cache) {
            for prompt in &self.prompts {
                for &way in self.ways.iter().filter(|way| way.allows(policy)) {
                    let probe = |&threads| Probe::FirstToken { policy, prompt: prompt.clone(), way, threads };
                    probes.extend(threads.iter().map(probe));
                }
            }
        }
        if !self.probes.contains(&ProbeKind::Floor) {
            probes.extend(self.floors(cache));
        }
        probes
    }

    /// One for each size of request that a stream is asked to make.
    fn floors(&self, cache: CacheState) -> Vec<Probe> {
        let policies = self.policies_of(ProbeKind::FirstToken, cache);
        let mut sizes: Vec<Bytes> =
            policies.iter().filter_map(|policy| policy.ahead()).map(|ahead| ahead.chunk).collect();
        sizes.sort_unstable();
        sizes.dedup();
        if sizes.is_empty() {
            sizes.push(Ahead::USUAL.chunk);
        }
        let of = |prompt: &Prompt| -> Vec<Probe> {
            sizes.iter().map(|&io_size| Probe::Floor { prompt: prompt.clone(), io_size }).collect()
        };
        match cache {
            CacheState::Cold => self.prompts.iter().flat_map(of).collect(),
            CacheState::Warm => Vec::new(),
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{JobError, Model};

    fn job(names: &[&str]) -> Job {
        let models = names
            .iter()
            .map(|&name| Model { name: name.to_owned(), path: None, arrangement: None })
            .collect();
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
        m: floor, 2 MiB, prompt 1, cold
        m: floor, 2 MiB, prompt 16, cold
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
