//! One run: a case carried out through its phases, its cache state proved, its work checked.

mod attempt;
pub mod engine;
mod faults;
mod first_token;
mod latency;
pub mod proof;
mod protocol;
mod reads;
mod replay;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use attempt::measure;
pub use first_token::Asking;
pub use protocol::protocol;

use engine::{EngineError, LoadedModel};

use crate::job::{Case, Io, Policy};
use crate::os::{FileFacts, ModelFile, Os, OsError, page_sum};
use crate::random::Random;
use crate::record::{Caveat, FirstToken, Latency, Metrics, Residency, SelfTest};
use crate::unit::{ByteRange, Bytes, PageRange};

/// The file that a run measures, and what is known of it beforehand.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Where it lies.
    pub path: PathBuf,
    /// Its length when the session began.
    pub len: Bytes,
    /// When it was last written to then, in ns since 1970, and its number on its device.
    pub written: (i128, u64),
    /// The extents of its tensors, in header order.
    pub tensors: Vec<ByteRange>,
    /// Whether residency can say no of it.
    pub self_test: SelfTest,
}

impl Subject {
    /// The file at `path`, of which the system says `facts`. It is distrusted until a self-test.
    pub fn new(path: PathBuf, facts: &FileFacts, tensors: Vec<ByteRange>) -> Self {
        let written = (facts.modified_ns, facts.inode);
        Subject { path, len: facts.len, written, tensors, self_test: SelfTest::MincoreDoesNotTell }
    }
}

/// The bytes that a run covers, and the sum that it must find in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// The bytes.
    pub span: ByteRange,
    /// The sum of the first byte of each page.
    pub checksum: u64,
}

/// One case to measure once, and what it takes.
pub struct Task<'a> {
    /// The file.
    pub subject: &'a Subject,
    /// What is asked.
    pub case: &'a Case,
    /// What must be found.
    pub work: Work,
    /// What random patterns are drawn from.
    pub random: Random,
    /// The pages that an engine reads, in its order, in pieces as large as the case asks for; empty for a case that
    /// doesn't follow an engine.
    pub pieces: &'a [PageRange],
    /// What a first token takes; `None` without an engine.
    pub asking: Option<Asking<'a>>,
    /// The model where this process has loaded it before: what it maps can't be evicted until it is remapped.
    pub loaded: Option<&'a dyn LoadedModel>,
}

/// What a run found.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The policy in force; `None` for a probe that maps nothing.
    pub policy_effective: Option<Policy>,
    /// How reads were made; `None` for a probe that isn't about reads.
    pub io_effective: Option<Io>,
    /// What was counted.
    pub metrics: Metrics,
    /// Latency of single reads or touches.
    pub latency: Option<Latency>,
    /// A first token, taken apart.
    pub first_token: Option<FirstToken>,
    /// The proof.
    pub residency: Residency,
    /// What takes away from the trust in this run.
    pub caveats: Vec<Caveat>,
}

/// Why a run was given up.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The system refused something.
    #[error(transparent)]
    Os(#[from] OsError),
    /// The engine could not do what it was asked.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A stream needs to know the order in which the engine reads, from a process before this one.
    #[error("the weight trace can't be kept for the next process: a cache folder is missing, or full")]
    NowhereToKeep,
    /// The model wasn't traced.
    #[error(
        "it isn't known what a first token needs: the rehearsal could not trace the engine, its first_token runs say why"
    )]
    NoTrace,
    /// There is no engine.
    #[error("this build has no engine: build it with the feature llama")]
    NoEngine,
    /// An app can't start a process.
    #[error(
        "this first token takes a process that has measured nothing yet, and an app has only this one: measure it from a computer, over adb, or on remapped weights (\"ways\": [\"remap\"])"
    )]
    NoFreshProcess,
    /// The model answers otherwise than before.
    #[error(
        "the model answers token {found}, expected {expected} as in the rehearsal: other weights, or other kernels"
    )]
    WrongToken {
        /// Its answer.
        found: u32,
        /// The answer of the rehearsal.
        expected: u32,
    },
    /// The file was written to, or another one lies there.
    #[error("the file was changed since the session began: begin a new one")]
    Changed,
    /// The file has another length than when the session began.
    #[error("the file has {found} bytes now, expected {expected}: it was changed since the session began")]
    LengthChanged {
        /// Its length now.
        found: u64,
        /// Its length then.
        expected: u64,
    },
    /// The file was cut short while it was mapped.
    #[error("the file was cut short at byte {at} while it was mapped")]
    CutShort {
        /// Where it ended.
        at: u64,
    },
    /// The probe found other bytes than its plan foretold.
    #[error(
        "the pages sum to {found}, expected {expected}: the file was changed, or the probe missed a page"
    )]
    WrongWork {
        /// The sum that it found.
        found: u64,
        /// The sum that it should have.
        expected: u64,
    },
}

/// Reads `span` once and sums the first byte of each page: what a run over it must find.
pub fn foretell(os: &dyn Os, file: &dyn ModelFile, span: ByteRange) -> Result<Work, OsError> {
    let (mut checksum, mut start) = (0, span.start);
    file.read_through(span, &mut |piece| {
        checksum += page_sum(piece, start, os.page_size());
        start = start + Bytes(piece.len() as u64);
    })?;
    Ok(Work { span, checksum })
}
