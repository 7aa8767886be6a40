//! What it costs to measure with packbench: its probes beside C loops that make the same system calls, one process,
//! one file, turn by turn. A ratio of 1 says that the times in a report are the machine's and not the harness's.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use packbench_core::access;
use packbench_core::job::{CacheState, Pattern, Policy, Probe};
use packbench_core::os::{Os, Touches, host};
use packbench_core::random::Random;
use packbench_core::unit::{Bytes, Nanos};

use crate::c_loops::{self, Taken};
use crate::fio::Job;
use crate::harness::Harness;
use crate::ratio::{Bar, RatioRow, Rounds};
use crate::rounds::{Arm, Plan, alternate};

const BAR: Bar = Bar::Within(0.97, 1.03);
/// Without a fault or a system call all that is left are the few instructions that two compilers made of a loop.
const LOOP_BAR: Bar = Bar::AtMost(1.03);

/// Small enough that a round is short beside what drifts, too large for the processor's caches.
const FILE: Bytes = Bytes::mib(32);

/// A device varies from pass to pass by far more than memory does: so many times the rounds.
const COLD_ROUNDS: u32 = 4;

/// What stands there for orientation needs no narrow interval.
const FIO_ROUNDS: u32 = 10;

const TOUCH: Probe = Probe::faults(Policy::Normal, Pattern::Random);
const SMALL_READS: Probe = Probe::reads(Bytes::kib(4), Pattern::Random);
const LARGE_READS: Probe = Probe::reads(Bytes::mib(1), Pattern::Random);

/// A file, and how often it is gone through.
pub struct Bench<O: Os> {
    harness: Harness<O>,
    plan: Plan,
}

/// A bench on this system, with a file in `folder`.
pub fn bench(folder: &Path, plan: Plan) -> Result<Bench<impl Os>> {
    Ok(Bench { harness: Harness::new(host(), folder, FILE)?, plan })
}

impl<O: Os> Bench<O> {
    /// Beside C loops.
    pub fn beside_c(&self) -> Result<Vec<RatioRow>> {
        Ok(vec![
            self.mapped("touch warm, pages mapped already")?,
            self.c_row("touch warm, a fresh mapping", CacheState::Warm, &TOUCH)?,
            self.c_row("pread warm, 4 KiB", CacheState::Warm, &SMALL_READS)?,
            self.c_row("pread cold, 1 MiB", CacheState::Cold, &LARGE_READS)?,
        ])
    }

    /// Beside fio, for orientation: a process of its own that does more than ours does, by a coarser clock.
    pub fn beside_fio(&self) -> Result<Vec<RatioRow>> {
        Ok(vec![
            self.fio_row("pread warm, 4 KiB, beside fio psync", CacheState::Warm, &SMALL_READS, 20)?,
            self.fio_row("pread cold, 1 MiB, beside fio psync", CacheState::Cold, &LARGE_READS, 1)?,
        ])
    }

    /// A probe as a session runs it, by the time that its report would show.
    fn ours(&self, cache: CacheState, probe: &Probe, round: u32) -> Result<Nanos> {
        let measured = self.harness.run(cache, probe, &self.random(round))?;
        Ok(Nanos(measured.metrics.wall_ns))
    }

    fn c_row(&self, what: &str, cache: CacheState, probe: &Probe) -> Result<RatioRow> {
        let peer = |round| {
            self.harness.prepare(cache)?;
            self.checked(self.c_loop(probe, self.random(round))?)
        };
        let rounds = match cache {
            CacheState::Cold => COLD_ROUNDS * self.plan.rounds,
            CacheState::Warm => self.plan.rounds,
        };
        let plan = Plan { rounds, ..self.plan };
        self.compare(what, plan, BAR, |round| self.ours(cache, probe, round), peer)
    }

    fn fio_row(&self, what: &str, cache: CacheState, probe: &Probe, passes: u32) -> Result<RatioRow> {
        let peer = |round: u32| {
            self.harness.prepare(cache)?;
            let (file, page) = (self.harness.path(), self.harness.page());
            Ok(Job { file, len: FILE, page, probe, passes, seed: round.into() }.run()?.wall)
        };
        let plan = Plan { rounds: FIO_ROUNDS, ..self.plan };
        self.compare(what, plan, Bar::None, |round| self.ours(cache, probe, round), peer)
    }

    /// The touches alone, without a fault: the row in which a slow loop would show most.
    fn mapped(&self, what: &str) -> Result<RatioRow> {
        let mapping = self.harness.os.open(self.harness.path())?.map()?;
        let ours = |round| {
            let touches = self.touches(Pattern::Random, self.random(round));
            let start = self.harness.os.now();
            let sum = mapping.touch(&touches);
            let wall = Nanos(self.harness.os.now().0 - start.0);
            ensure!(sum == self.harness.work.checksum, "our touches missed a page");
            Ok(wall)
        };
        let peer = |round| {
            let touches = self.touches(Pattern::Random, self.random(round));
            self.checked(c_loops::touch(mapping.bytes(), self.harness.page(), &touches)?)
        };
        self.compare(what, self.plan, LOOP_BAR, ours, peer)
    }

    fn compare(
        &self,
        what: &str,
        plan: Plan,
        bar: Bar,
        ours: impl Fn(u32) -> Result<Nanos>,
        mut peer: impl FnMut(u32) -> Result<Nanos>,
    ) -> Result<RatioRow> {
        let (mut first, mut second) = (&ours, &ours);
        let arms: [Arm; 3] = [&mut first, &mut second, &mut peer];
        let [ours, again, peer] = alternate(plan, arms)?;
        RatioRow::new(what, Rounds { ours, again, peer }, bar)
    }

    fn c_loop(&self, probe: &Probe, mut random: Random) -> Result<Taken> {
        let (path, page) = (self.harness.path(), self.harness.page());
        match *probe {
            Probe::Faults { pattern, .. } => c_loops::touch_file(path, page, &self.touches(pattern, random)),
            Probe::Reads { io_size, pattern, .. } => {
                let reads = access::reads(self.harness.work.span, io_size, pattern, &mut random);
                c_loops::read_file(path, page, &reads)
            }
            Probe::Replay { .. } | Probe::FirstToken { .. } | Probe::Floor { .. } => {
                bail!("a C loop follows no engine")
            }
        }
    }

    fn touches(&self, pattern: Pattern, mut random: Random) -> Touches {
        access::touches(self.harness.work.span, self.harness.page(), pattern, &[], &mut random)
    }

    /// The same order for all arms of a round.
    fn random(&self, round: u32) -> Random {
        Random::derived(self.plan.seed, round.into())
    }

    fn checked(&self, taken: Taken) -> Result<Nanos> {
        let (found, expected) = (taken.sum, self.harness.work.checksum);
        ensure!(found == expected, "the C loop summed its pages to {found}, expected {expected}");
        Ok(taken.wall())
    }
}
