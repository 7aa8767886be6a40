//! What an app offers to measure without a job file.

use std::time::Duration;

use super::{CacheState, Guard, Job, Model, ProbeKind, Way};

/// A job for somebody who only wants to press a button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// First tokens, cold, two minutes at most.
    FirstToken,
    /// Page faults, cold, about a minute.
    Quick,
    /// Reads, cold, about a minute.
    Reads,
    /// Page faults and reads, cold and warm, five minutes at most.
    All,
}

impl Preset {
    /// Its job on `model`, in spite of the guards in `suppress`.
    pub fn of(self, model: Model, suppress: Vec<Guard>) -> Job {
        Job { models: vec![model], suppress, ..self.job() }
    }

    fn job(self) -> Job {
        let cold = |probe, minutes: u64| Job {
            probes: vec![probe],
            caches: vec![CacheState::Cold],
            budget: Duration::from_secs(60 * minutes),
            ..Job::default()
        };
        match self {
            // In one process a first token is measured on fresh mappings laid over a loaded model.
            Preset::FirstToken => Job { ways: vec![Way::Remap], ..cold(ProbeKind::FirstToken, 2) },
            Preset::Quick => cold(ProbeKind::Faults, 1),
            Preset::Reads => cold(ProbeKind::Reads, 1),
            Preset::All => {
                let budget = Duration::from_secs(300);
                Job { probes: vec![ProbeKind::Faults, ProbeKind::Reads], budget, ..Job::default() }
            }
        }
    }
}
