//! One run: a case carried out through its phases, its cache state proved, its work checked.

pub mod engine;
mod faults;
mod first_token;
pub mod proof;
mod protocol;
mod reads;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use first_token::Asking;
pub use protocol::protocol;

use engine::EngineError;

use crate::access;
use crate::job::{Advice, Case, Policy, Probe};
use crate::os::{Mapping, ModelFile, Os, OsError, Scope, Usage, page_sum};
use crate::random::Random;
use crate::record::{Caveat, FirstToken, Latency, Metrics, PhaseName, Proof, Residency, SelfTest};
use crate::unit::{ByteRange, Bytes, FileOffset, PageRange, PageSize};

/// How often a cache state is prepared before a run goes on without proof: other processes bring pages in, and the
/// kernel drops some, between the preparation and the proof.
const PREPARATIONS: u32 = 3;

/// The file that a run measures, and what is known of it beforehand.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Where it lies.
    pub path: PathBuf,
    /// Its length when the session began.
    pub len: Bytes,
    /// The extents of its tensors, in header order.
    pub tensors: Vec<ByteRange>,
    /// Whether residency can say no of it.
    pub self_test: SelfTest,
}

/// The bytes that a run covers, and the sum that it must find in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// The bytes.
    pub span: ByteRange,
    /// The sum of the first byte of each page.
    pub checksum: u64,
}

/// What a run found.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The policy in force; `None` for a probe that maps nothing.
    pub policy_effective: Option<Policy>,
    /// What was counted.
    pub metrics: Metrics,
    /// Latency of single reads.
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
    /// There is no engine.
    #[error("this build has no engine: build it with the feature llama")]
    NoEngine,
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

/// Carries out one case once. `announce` is called before each phase; `asking` is what a first token takes.
pub fn measure(
    os: &dyn Os,
    subject: &Subject,
    case: &Case,
    work: Work,
    random: Random,
    asking: Option<Asking<'_>>,
    announce: &mut dyn FnMut(PhaseName),
) -> Result<Measured, MeasureError> {
    let [open, prepare, prove, probe, account] = protocol(case.cache);
    announce(open);
    let mut attempt = Attempt::open(os, subject, case, work, random)?;
    for _ in 0..PREPARATIONS {
        for phase in [prepare, prove] {
            announce(phase);
            attempt.carry_out(phase)?;
        }
        if attempt.is_proved() {
            break;
        }
    }
    announce(probe);
    attempt.measure(asking, announce)?;
    announce(account);
    attempt.carry_out(account)?;
    attempt.finish()
}

/// A run under way.
struct Attempt<'a> {
    os: &'a dyn Os,
    subject: &'a Subject,
    case: &'a Case,
    work: Work,
    random: Random,
    file: Box<dyn ModelFile>,
    mapping: Box<dyn Mapping>,
    before_pages: u64,
    after_pages: u64,
    policy_effective: Option<Policy>,
    taken: Taken,
}

/// What a probe brings out of the measured region.
#[derive(Default)]
struct Taken {
    usage: Usage,
    /// `None` for a probe that leaves it to an engine what is read.
    work: Option<Done>,
    latency: Option<Latency>,
    first_token: Option<FirstToken>,
}

/// The work that was done.
struct Done {
    checksum: u64,
    operations: u64,
}

impl<'a> Attempt<'a> {
    fn open(
        os: &'a dyn Os,
        subject: &'a Subject,
        case: &'a Case,
        work: Work,
        random: Random,
    ) -> Result<Self, MeasureError> {
        let file = os.open(&subject.path)?;
        let (found, expected) = (file.facts().len.0, subject.len.0);
        if found != expected {
            return Err(MeasureError::LengthChanged { found, expected });
        }
        let mapping = file.map()?;
        Ok(Attempt {
            os,
            subject,
            case,
            work,
            random,
            file,
            mapping,
            before_pages: 0,
            after_pages: 0,
            policy_effective: None,
            taken: Taken::default(),
        })
    }

    fn carry_out(&mut self, phase: PhaseName) -> Result<(), MeasureError> {
        match phase {
            PhaseName::Evict => proof::evict(&*self.file, &*self.mapping, self.pages())?,
            PhaseName::Fill => proof::fill(&*self.file, &*self.mapping, self.work.span, self.pages())?,
            PhaseName::Prove => self.before_pages = self.mapping.resident(self.pages())?,
            PhaseName::Account => self.after_pages = self.mapping.resident(self.pages())?,
            _ => {}
        }
        Ok(())
    }

    fn is_proved(&self) -> bool {
        matches!(self.residency().proof, Proof::Cold | Proof::Warm)
    }

    fn pages(&self) -> PageRange {
        self.page().spanned_by(self.work.span)
    }

    fn page(&self) -> PageSize {
        self.os.page_size()
    }

    fn measure(
        &mut self,
        asking: Option<Asking<'_>>,
        announce: &mut dyn FnMut(PhaseName),
    ) -> Result<(), MeasureError> {
        let (span, page, random) = (self.work.span, self.page(), &mut self.random);
        self.policy_effective = self.case.policy();
        self.taken = match self.case.probe {
            Probe::Faults { policy, pattern } => {
                let advice = policy.advice().unwrap_or(Advice::Normal);
                let touches = access::touches(span, page, pattern, &self.subject.tensors, random);
                let mut meter = self.os.meter(Scope::Thread)?;
                faults::probe(&*self.mapping, meter.as_mut(), advice, &touches)?
            }
            Probe::Reads { io_size, pattern } => {
                let reads = access::reads(span, io_size, pattern, random);
                let mut meter = self.os.meter(Scope::Thread)?;
                reads::probe(&*self.file, meter.as_mut(), &reads)?
            }
            Probe::FirstToken { policy, prompt_tokens } => {
                let asking = asking.ok_or(MeasureError::NoEngine)?;
                let scene = first_token::Scene {
                    os: self.os,
                    path: &self.subject.path,
                    mapping: &*self.mapping,
                    pages: self.pages(),
                    self_test: self.subject.self_test,
                    announce,
                };
                let (effective, taken) = first_token::probe(scene, asking, policy, prompt_tokens)?;
                self.policy_effective = Some(effective);
                taken
            }
        };
        Ok(())
    }

    fn finish(self) -> Result<Measured, MeasureError> {
        if let Some(FileOffset(at)) = self.mapping.cut_short() {
            return Err(MeasureError::CutShort { at });
        }
        let (found, expected) = (self.taken.work.as_ref().map(|work| work.checksum), self.work.checksum);
        if let Some(found) = found.filter(|found| *found != expected) {
            return Err(MeasureError::WrongWork { found, expected });
        }
        let residency = self.residency();
        Ok(Measured {
            policy_effective: self.policy_effective,
            caveats: self.caveats(residency.proof),
            residency,
            metrics: self.metrics(),
            latency: self.taken.latency,
            first_token: self.taken.first_token,
        })
    }

    fn caveats(&self, proof: Proof) -> Vec<Caveat> {
        let copied = self.taken.first_token.as_ref().is_some_and(|token| token.copied_bytes > 0);
        let maps = !matches!(self.policy_effective, Some(Policy::Read | Policy::EngineDirect));
        let void = (copied && maps).then_some(Caveat::LayoutVoid);
        proof::caveat(proof, self.subject.self_test).into_iter().chain(void).collect()
    }

    fn residency(&self) -> Residency {
        let tells = self.subject.self_test != SelfTest::MincoreDoesNotTell;
        let total_pages = self.pages().count;
        let proof: Proof =
            proof::prove(self.case.cache, self.subject.self_test, self.before_pages, total_pages);
        Residency {
            before_pages: tells.then_some(self.before_pages),
            after_pages: tells.then_some(self.after_pages),
            total_pages,
            proof,
        }
    }

    fn metrics(&self) -> Metrics {
        let Taken { usage, work, .. } = &self.taken;
        Metrics {
            wall_ns: usage.wall.0,
            cpu_ns: usage.cpu.map(|cpu| cpu.0),
            major_faults: usage.major_faults,
            minor_faults: usage.minor_faults,
            bytes_fetched: usage.bytes_fetched.map(|bytes| bytes.0),
            bytes_covered: work.as_ref().map(|_| self.work.span.len.0),
            operations: work.as_ref().map(|work| work.operations),
            checksum: work.as_ref().map(|work| work.checksum),
        }
    }
}
