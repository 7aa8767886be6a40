//! Where measuring happens. A target starts agents; each is a fresh process on its device.
//!
//! ```text
//! Place::open ─ prepare (push) ─ (start ─ lines … ─ finish) × fresh processes ─ drop (put back)
//! ```

mod adb;
mod app;
mod choice;
mod host;
mod local;
mod place;
mod xcrun;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
pub use host::Host;
use packbench_agent::{AGAIN, REFUSED, STOP};
use packbench_core::job::Prompt;
use packbench_core::record::wire::Assignment;
use packbench_core::record::{Check, Line, WeightTrace};
pub use place::Place;

/// A device that can be asked. Dropped, it leaves the device as it was found, but for what a later session can use again:
/// the models, what is known of them, the agent.
pub trait Target {
    /// Brings what an assignment needs to the device, unless it is there, and gets the device ready. The answer names files
    /// as they lie there, and is what agents are started on.
    ///
    /// # Errors
    /// Also when the device goes away: what was brought whole stays, and isn't brought again.
    fn prepare(&self, assignment: Assignment) -> anyhow::Result<Assignment>;
    /// Lines of the session of `assignment` that an earlier agent left on the device, for it was gone before they were
    /// heard. The next agent that is started writes over them.
    fn left(&self, _assignment: &Assignment) -> anyhow::Result<Vec<Line>> {
        Ok(Vec::new())
    }
    /// Starts an agent on `assignment`.
    fn start(&self, assignment: &Assignment) -> anyhow::Result<Box<dyn Agent>>;
    /// Asks in which order the engine reads a model's weights.
    fn trace(&self, question: &TraceQuestion) -> anyhow::Result<WeightTrace>;
    /// Asks what the device can prove.
    fn doctor(&self, folder: &Path) -> anyhow::Result<Vec<Check>>;
}

/// A model, and a prompt for it.
#[derive(Clone, Debug)]
pub struct TraceQuestion {
    /// The model file.
    pub model: PathBuf,
    /// What it is asked.
    pub prompt: Prompt,
    /// Where payload hashes are kept.
    pub cache_dir: Option<PathBuf>,
}

/// A process that measures.
pub trait Agent {
    /// The next line of its answer; `None` when there will be none.
    fn next_line(&mut self) -> anyhow::Result<Option<Line>>;
    /// Something that asks it to stop, from any thread.
    fn stopper(&self) -> Stopper;
    /// Waits for its end, after the last line.
    fn finish(self: Box<Self>) -> anyhow::Result<Ended>;
}

/// Asks an agent to stop after the run under way.
pub type Stopper = Box<dyn Fn() + Send>;

/// Asks through the input of an agent, or of what hands it on to one.
fn stopper(input: &Arc<Mutex<ChildStdin>>) -> Stopper {
    let input = input.clone();
    Box::new(move || {
        let mut input = input.lock().unwrap_or_else(PoisonError::into_inner);
        // An agent that has ended needn't be stopped.
        let _ = writeln!(input, "{STOP}");
    })
}

/// The error of a device that could not be asked to the end.
fn went_away(doing: &str, device: &str, said: &str) -> anyhow::Error {
    anyhow!("{doing}: {device} went away ({said}). Start again once it is back: what arrived whole is kept")
}

/// How an agent ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It said all that it had to say.
    Finished,
    /// What is left takes a fresh process.
    Again,
    /// It can't do what it was asked, and has said why.
    Refused,
    /// It died.
    Died {
        /// As the system calls it.
        how: String,
    },
    /// Its device went away, and nobody knows what became of it.
    Lost {
        /// What was seen of it.
        how: String,
    },
}

impl Ended {
    /// What an agent says by its exit code; `None` for one that isn't an agent's.
    fn told(code: i32) -> Option<Self> {
        const OF_AGAIN: i32 = AGAIN as i32;
        const OF_REFUSED: i32 = REFUSED as i32;
        match code {
            0 => Some(Ended::Finished),
            OF_AGAIN => Some(Ended::Again),
            OF_REFUSED => Some(Ended::Refused),
            _ => None,
        }
    }
}
