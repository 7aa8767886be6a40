//! What a target hands to its agent.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FreshProcess, Header, Plan, Purpose, Variant};
use crate::job::{Case, Job, Prompt};
use crate::record::{RunKey, cases};

/// What an agent is asked to do, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Carry out a session; it answers with the lines of a report.
    Session(Box<Assignment>),
    /// Tell in which order the engine first reads each weight; it answers with one line, a [`super::WeightTrace`].
    Trace {
        /// The model file.
        model: PathBuf,
        /// What it is asked.
        prompt: Prompt,
        /// Where payload hashes are kept.
        cache_dir: Option<PathBuf>,
    },
    /// Examine the machine and the storage under a folder; it answers with one line, a list of [`super::Check`].
    Doctor {
        /// The folder.
        folder: PathBuf,
    },
}

/// A job, and what of it is done already.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// What to do with the job.
    pub purpose: Purpose,
    /// What was asked, models with their paths.
    pub job: Job,
    /// The session's name.
    pub session: String,
    /// Which segment of the session this is.
    pub segment: u32,
    /// Runs that the report holds already.
    pub done: Vec<RunKey>,
    /// What an earlier segment planned: a session measures the same bytes from its beginning to its end.
    pub plan: Option<Plan>,
    /// What the models were when the session began: a resumed session measures the same files.
    pub variants: Vec<Variant>,
    /// How the session began: a resumed one measures on the same machine, with the same tool.
    pub began: Option<Box<Header>>,
    /// For an agent that goes on with a segment: how long it has been under way. Its models are as `variants` say.
    pub elapsed_ns: Option<u64>,
    /// Where payload hashes and weight traces are kept; `None` to keep none.
    pub cache_dir: Option<PathBuf>,
    /// Whether a run that takes a fresh process can have one.
    pub fresh_process: FreshProcess,
    /// Runs of this segment that were thrown away because the phone throttled, once for each time.
    pub redone: Vec<RunKey>,
    /// Whether the phone is held to its clocks.
    #[serde(default)]
    pub fixed_performance: bool,
}

impl Assignment {
    /// Reads one.
    ///
    /// # Errors
    /// What is none.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text.as_bytes())
    }

    /// How many runs are still to be made.
    pub fn missing(&self) -> usize {
        let Assignment { job, variants, done, .. } = self;
        let blocks = job.blocks.get();
        let total = cases(job, variants).len() * blocks as usize;
        total.saturating_sub(done.iter().filter(|key| key.block < blocks).count())
    }

    /// The beginning of a session: nothing is known and nothing is done.
    pub fn new(purpose: Purpose, job: Job, session: String, cache_dir: Option<PathBuf>) -> Self {
        Assignment {
            purpose,
            job,
            session,
            segment: 0,
            done: Vec::new(),
            plan: None,
            variants: Vec::new(),
            began: None,
            elapsed_ns: None,
            cache_dir,
            fresh_process: FreshProcess::Available,
            redone: Vec::new(),
            fixed_performance: false,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct RunKeyFields {
    case: Case,
    block: u32,
}

impl Serialize for RunKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        RunKeyFields { case: self.case.clone(), block: self.block }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for RunKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        RunKeyFields::deserialize(from).map(|fields| RunKey { case: fields.case, block: fields.block })
    }
}
