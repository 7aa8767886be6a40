//! A run under way.

use super::{MeasureError, Measured, Task, engine, faults, first_token, proof, protocol, reads, replay};
use crate::access;
use crate::job::{Advice, CacheState, Io, Policy, Probe};
use crate::os::{self, Mapping, ModelFile, Os, Reads, Scope, Usage};
use crate::random::Random;
use crate::record::{Caveat, FirstToken, Latency, Metrics, PhaseName, Proof, Residency, SelfTest};
use crate::unit::{Bytes, FileOffset, PageRange, PageSize};

/// How often a cache state is prepared before a run goes on without proof: other processes bring pages in, and the
/// kernel drops some, between the preparation and the proof.
const PREPARATIONS: u32 = 3;

/// Carries out one case once. `announce` is called before each phase.
pub fn measure(
    os: &dyn Os,
    task: Task<'_>,
    announce: &mut dyn FnMut(PhaseName),
) -> Result<Measured, MeasureError> {
    let [open, prepare, prove, probe, account] = protocol(task.case.cache);
    announce(open);
    let mut attempt = Attempt::open(os, task)?;
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
    attempt.measure(announce)?;
    announce(account);
    attempt.carry_out(account)?;
    attempt.finish()
}

struct Attempt<'a> {
    os: &'a dyn Os,
    task: Task<'a>,
    random: Random,
    file: Box<dyn ModelFile>,
    mapping: Box<dyn Mapping>,
    before_pages: u64,
    after_pages: u64,
    policy_effective: Option<Policy>,
    io_effective: Option<Io>,
    taken: Taken,
}

/// What a probe brings out of the measured region.
#[derive(Default)]
pub(super) struct Taken {
    pub usage: Usage,
    /// `None` for a probe that leaves it to an engine what is read.
    pub work: Option<Done>,
    pub latency: Option<Latency>,
    pub first_token: Option<FirstToken>,
}

/// The work that was done.
pub(super) struct Done {
    pub checksum: u64,
    pub operations: u64,
    pub covered: Bytes,
}

impl<'a> Attempt<'a> {
    fn open(os: &'a dyn Os, task: Task<'a>) -> Result<Self, MeasureError> {
        if let Some(loaded) = task.loaded {
            loaded.remap()?;
        }
        let file = os.open(&task.subject.path)?;
        let (found, expected) = (file.facts().len.0, task.subject.len.0);
        if found != expected {
            return Err(MeasureError::LengthChanged { found, expected });
        }
        if (file.facts().modified_ns, file.facts().inode) != task.subject.written {
            return Err(MeasureError::Changed);
        }
        let mapping = file.map()?;
        Ok(Attempt {
            os,
            random: task.random.clone(),
            policy_effective: task.case.policy(),
            io_effective: None,
            task,
            file,
            mapping,
            before_pages: 0,
            after_pages: 0,
            taken: Taken::default(),
        })
    }

    fn carry_out(&mut self, phase: PhaseName) -> Result<(), MeasureError> {
        let span = self.task.work.span;
        match phase {
            PhaseName::Evict => proof::evict(&*self.file, &*self.mapping, self.pages())?,
            PhaseName::Fill => proof::fill(&*self.file, &*self.mapping, span, self.pages())?,
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
        self.page().spanned_by(self.task.work.span)
    }

    fn page(&self) -> PageSize {
        self.os.page_size()
    }

    fn measure(&mut self, announce: &mut dyn FnMut(PhaseName)) -> Result<(), MeasureError> {
        let (span, page) = (self.task.work.span, self.page());
        self.taken = match &self.task.case.probe {
            &Probe::Faults { policy, pattern, timing } => {
                let tensors = &self.task.subject.tensors;
                let touches = access::touches(span, page, pattern, tensors, &mut self.random);
                let advice = policy.advice().unwrap_or(Advice::Normal);
                let mut meter = self.os.meter(Scope::Thread)?;
                faults::probe(&*self.mapping, meter.as_mut(), advice, &touches, timing, span.len)?
            }
            &Probe::Reads { io_size, pattern, io, threads } => {
                let reads = access::reads(span, io_size, pattern, &mut self.random);
                self.read(io, &reads, threads.get(), span.len)?
            }
            &Probe::Replay { policy, .. } => {
                let scene = replay::Scene { os: self.os, task: &self.task, mapping: &*self.mapping };
                replay::probe(&scene, policy)?
            }
            Probe::FirstToken { policy, prompt, way, .. } => {
                let asked = first_token::Asked { policy: *policy, prompt, way: *way };
                let scene = first_token::Scene {
                    os: self.os,
                    task: &self.task,
                    mapping: &*self.mapping,
                    pages: self.pages(),
                    announce,
                };
                let (effective, taken) = first_token::probe(scene, &asked)?;
                self.policy_effective = Some(effective);
                taken
            }
            Probe::Floor { .. } => {
                let ranges = access::extents(self.task.pieces, page, span);
                let covered = ranges.iter().map(|range| range.len).sum();
                self.read(Io::Direct, &Reads::of(ranges), access::FLOOR_THREADS, covered)?
            }
        };
        Ok(())
    }

    fn read(&mut self, io: Io, reads: &Reads, threads: u32, covered: Bytes) -> Result<Taken, MeasureError> {
        let scope = if threads > 1 { Scope::Process } else { Scope::Thread };
        let mut meter = self.os.meter(scope)?;
        let direct = match io {
            Io::Buffered => None,
            Io::Direct => Some(self.os.open_direct(&self.task.subject.path)?),
        };
        self.io_effective = Some(direct.as_ref().map_or(Io::Buffered, |(_, effective)| *effective));
        let file = direct.as_ref().map_or(&*self.file, |(file, _)| &**file);
        Ok(reads::probe(file, meter.as_mut(), reads, threads, covered)?)
    }

    fn finish(self) -> Result<Measured, MeasureError> {
        if let Some(FileOffset(at)) = self.mapping.cut_short() {
            return Err(MeasureError::CutShort { at });
        }
        let (found, expected) = (self.taken.work.as_ref().map(|work| work.checksum), self.task.work.checksum);
        if let Some(found) = found.filter(|found| *found != expected) {
            return Err(MeasureError::WrongWork { found, expected });
        }
        let residency = self.residency();
        Ok(Measured {
            policy_effective: self.policy_effective,
            io_effective: self.io_effective(),
            caveats: self.caveats(residency.proof),
            residency,
            metrics: self.metrics(),
            latency: self.taken.latency,
            first_token: self.taken.first_token,
        })
    }

    /// A file system may take the flag and read through the page cache all the same: then pages stay behind.
    fn io_effective(&self) -> Option<Io> {
        let came = self.after_pages.saturating_sub(self.before_pages);
        let tells = self.task.subject.self_test == SelfTest::Truthful;
        let stayed = tells && self.task.case.cache == CacheState::Cold && came > self.pages().count / 2;
        self.io_effective.map(|io| if stayed { Io::Buffered } else { io })
    }

    fn caveats(&self, proof: Proof) -> Vec<Caveat> {
        let token = self.taken.first_token.as_ref();
        let copied = token.is_some_and(|token| token.copied_bytes > 0);
        let maps = !matches!(self.policy_effective, Some(Policy::Read | Policy::EngineDirect));
        let all = [
            proof::caveat(proof, self.task.subject.self_test),
            (copied && maps).then_some(Caveat::LayoutVoid),
            token.filter(|token| os::PHONE && token.backend == engine::CPU).map(|_| Caveat::CpuOnly),
        ];
        all.into_iter().flatten().collect()
    }

    fn residency(&self) -> Residency {
        let self_test = self.task.subject.self_test;
        let tells = self_test != SelfTest::MincoreDoesNotTell;
        let total_pages = self.pages().count;
        Residency {
            before_pages: tells.then_some(self.before_pages),
            after_pages: tells.then_some(self.after_pages),
            total_pages,
            proof: proof::prove(self.task.case.cache, self_test, self.before_pages, total_pages),
        }
    }

    fn metrics(&self) -> Metrics {
        let Taken { usage, work, .. } = &self.taken;
        Metrics {
            wall_ns: usage.wall.0,
            cpu_ns: usage.cpu.map(|cpu| cpu.0),
            major_faults: usage.major_faults,
            minor_faults: usage.minor_faults,
            pages_paged_in: usage.pages_paged_in,
            bytes_fetched: usage.bytes_fetched.map(|bytes| bytes.0),
            bytes_covered: work.as_ref().map(|work| work.covered.0),
            operations: work.as_ref().map(|work| work.operations),
            checksum: work.as_ref().map(|work| work.checksum),
        }
    }
}
