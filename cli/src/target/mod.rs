//! Where measuring happens. A target starts agents; each is a fresh process on its device.

mod host;

use std::path::Path;

pub use host::Host;
use packbench_core::record::wire::Assignment;
use packbench_core::record::{Check, Line};

/// A device that can be asked.
pub trait Target {
    /// Starts an agent on `assignment`.
    fn start(&self, assignment: &Assignment) -> anyhow::Result<Box<dyn Agent>>;
    /// Asks what the device can prove.
    fn doctor(&self, folder: &Path) -> anyhow::Result<Vec<Check>>;
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

/// How an agent ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It said all that it had to say.
    Finished,
    /// It can't do what it was asked, and has said why.
    Refused,
    /// It died.
    Died {
        /// As the system calls it.
        how: String,
    },
}
