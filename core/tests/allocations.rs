//! Nothing is allocated in a measured region: an allocator counts, a meter says where the region begins and ends.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
#![cfg(any(target_os = "linux", target_os = "android"))]

mod counting;

use std::cell::Cell;
use std::num::NonZeroU32;
use std::path::Path;
use std::rc::Rc;

use counting::{Counting, calls};
use packbench_core::job::{CacheState, Case, Io, Pattern, Policy, Probe, Prompt, Timing};
use packbench_core::measure::{Subject, Task, Work, foretell, measure};
use packbench_core::os::{self, Meter, ModelFile, Os, OsError, Scope, Stream, Usage};
use packbench_core::random::Random;
use packbench_core::record::{Conditions, Context};
use packbench_core::unit::{ByteRange, Bytes, Nanos, PageRange, PageSize};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The real system, with a meter that notes what was allocated between start and stop.
struct Watched<O> {
    os: O,
    allocated: Rc<Cell<Option<u64>>>,
}

struct WatchedMeter {
    meter: Box<dyn Meter>,
    before: u64,
    allocated: Rc<Cell<Option<u64>>>,
}

impl Meter for WatchedMeter {
    fn start(&mut self) {
        self.before = calls();
        self.meter.start();
    }

    fn stop(&mut self) -> Usage {
        let usage = self.meter.stop();
        self.allocated.set(Some(calls() - self.before));
        usage
    }
}

impl<O: Os> Os for Watched<O> {
    fn page_size(&self) -> PageSize {
        self.os.page_size()
    }
    fn context(&self) -> Context {
        self.os.context()
    }
    fn conditions(&self) -> Conditions {
        self.os.conditions()
    }
    fn now(&self) -> Nanos {
        self.os.now()
    }
    fn sleep(&self, time: Nanos) {
        self.os.sleep(time);
    }
    fn unix_time_ms(&self) -> u64 {
        self.os.unix_time_ms()
    }
    fn pin(&self, cpus: &[u32]) -> Result<(), OsError> {
        self.os.pin(cpus)
    }
    fn open(&self, path: &Path) -> Result<Box<dyn ModelFile>, OsError> {
        self.os.open(path)
    }
    fn open_direct(&self, path: &Path) -> Result<(Box<dyn ModelFile>, Io), OsError> {
        self.os.open_direct(path)
    }
    fn anonymous_memory(&self) -> Option<Bytes> {
        self.os.anonymous_memory()
    }
    fn stream(&self, path: &Path, pieces: &[PageRange], lead: Bytes) -> Result<Box<dyn Stream>, OsError> {
        self.os.stream(path, pieces, lead)
    }
    fn meter(&self, scope: Scope) -> Result<Box<dyn Meter>, OsError> {
        let meter = self.os.meter(scope)?;
        Ok(Box::new(WatchedMeter { meter, before: 0, allocated: self.allocated.clone() }))
    }
}

fn allocated_by(probe: Probe, cache: CacheState) -> Option<u64> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("m");
    std::fs::write(&path, vec![3; 4 << 20]).unwrap();
    let allocated = Rc::new(Cell::new(None));
    let os = Watched { os: os::host(), allocated: allocated.clone() };
    let span = ByteRange::whole(Bytes::mib(4));
    let work = foretell(&os, &*os.open(&path).unwrap(), span).unwrap();
    let subject = Subject::new(path.clone(), os.open(&path).unwrap().facts(), Vec::new());
    let case = Case { variant: "m".into(), cache, probe };
    let pieces = [PageRange { first: 9, count: 40 }, PageRange { first: 0, count: 9 }];
    let checksum = match case.follows_engine() {
        true => 49 * 3,
        false => work.checksum,
    };
    let (work, random) = (Work { checksum, ..work }, Random::new(1));
    let (subject, case) = (&subject, &case);
    let task = Task { subject, case, work, random, pieces: &pieces, asking: None, loaded: None };
    measure(&os, task, &mut |_| ()).unwrap();
    allocated.get()
}

#[test]
fn no_probe_allocates_while_it_is_measured() {
    let policies = [Policy::Normal, Policy::Random, Policy::Sequential, Policy::WillNeed, Policy::Populate];
    let (pattern, io_size, prompt) = (Pattern::Random, Bytes::kib(4), Prompt::Count(1));
    let mut probes: Vec<Probe> = policies.map(|policy| Probe::faults(policy, pattern)).into();
    probes.extend([Bytes::kib(4), Bytes::mib(1)].map(|io_size| Probe::reads(io_size, pattern)));
    probes.extend(policies.map(|policy| Probe::Replay { policy, prompt: prompt.clone() }));
    probes.push(Probe::Faults { policy: Policy::Normal, pattern, timing: Timing::Each });
    for threads in [1, 3].map(|threads| NonZeroU32::new(threads).unwrap()) {
        probes.push(Probe::Reads { io_size, pattern, io: Io::Direct, threads });
    }
    probes.push(Probe::Floor { prompt, io_size });
    for probe in probes {
        for cache in [CacheState::Cold, CacheState::Warm] {
            assert_eq!(allocated_by(probe.clone(), cache), Some(0), "{probe:?}, {cache}");
        }
    }
}

#[test]
fn the_allocator_does_count() {
    let before = calls();
    drop(std::hint::black_box(vec![0u8; 100]));
    assert_eq!(calls() - before, 2);
}
