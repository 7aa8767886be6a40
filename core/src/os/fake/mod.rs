//! A scripted system: remembers what was asked of it and answers as it was told. For tests of orders and decisions.

mod file;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use file::FakeFile;

use super::darwin_rules::{self as darwin, Lacking};
use super::{FileFacts, Meter, ModelFile, Os, OsError, Scope, Stream, Usage, page_sum};
use crate::job::Io;
use crate::record::{Conditions, Context, Device, Storage};
use crate::unit::{ByteRange, Bytes, Nanos, PageRange, PageSize};

/// How the system treats pages that are to be evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// They go, and residency says so.
    Works,
    /// They go only by the second tool.
    NeedsPageOut,
    /// They stay.
    Fails,
    /// They go, and residency still says that all are there.
    Unseen,
}

/// Whose ways it has where systems differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Faults that wait for storage are counted, there is a second tool of eviction, and pages can be populated.
    Linux,
    /// None of these: pages paged in are counted.
    Darwin,
}

/// The scripted system. Every file that it opens holds the same bytes.
#[derive(Clone)]
pub struct FakeOs(Arc<State>);

struct State {
    bytes: Vec<u8>,
    eviction: Eviction,
    kernel: Kernel,
    clock: AtomicU64,
    in_memory: AtomicBool,
    fetches: AtomicU64,
    asked: Mutex<Vec<String>>,
    storage: Storage,
    /// Told one after the other, and the last one from then on.
    conditions: Mutex<Vec<Conditions>>,
}

impl FakeOs {
    /// A system whose files hold `bytes`, none of them in memory.
    pub fn new(bytes: Vec<u8>, eviction: Eviction) -> Self {
        FakeOs::of(Kernel::Linux, bytes, eviction)
    }

    /// As [`FakeOs::new`], with the ways of `kernel`.
    pub fn of(kernel: Kernel, bytes: Vec<u8>, eviction: Eviction) -> Self {
        let (clock, in_memory, fetches, asked, conditions) = Default::default();
        let storage = Storage::Local;
        FakeOs(Arc::new(State {
            bytes,
            eviction,
            kernel,
            clock,
            in_memory,
            fetches,
            asked,
            storage,
            conditions,
        }))
    }

    /// The same with its files on `storage`.
    pub fn on(mut self, storage: Storage) -> Self {
        self.state().storage = storage;
        self
    }

    /// The same, in which these are the conditions, one after the other, the last of them from then on.
    pub fn under(mut self, conditions: Vec<Conditions>) -> Self {
        self.state().conditions = Mutex::new(conditions);
        self
    }

    fn state(&mut self) -> &mut State {
        Arc::get_mut(&mut self.0).expect("nobody else has it yet")
    }

    /// What was asked since the last time, in order.
    pub fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.asked())
    }
}

impl State {
    fn note(&self, asked: impl Into<String>) {
        self.asked().push(asked.into());
    }

    fn asked(&self) -> MutexGuard<'_, Vec<String>> {
        self.asked.lock().expect("nobody panics while holding it")
    }

    fn fetch(&self) {
        if !self.in_memory.swap(true, Ordering::Relaxed) {
            self.fetches.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn linux_only(&self, what: Lacking) -> Result<(), OsError> {
        match self.kernel {
            Kernel::Linux => Ok(()),
            Kernel::Darwin => Err(darwin::lacks(what)),
        }
    }

    fn sum(&self, range: ByteRange) -> u64 {
        let bytes = &self.bytes[range.start.0 as usize..range.end().0 as usize];
        page_sum(bytes, range.start, PAGE)
    }
}

const PAGE: PageSize = PageSize::new(4096).expect("a power of two");

impl Os for FakeOs {
    fn page_size(&self) -> PageSize {
        PAGE
    }

    fn context(&self) -> Context {
        let device = Device { model: None, cpu: None, cpus: 1, memory_bytes: None, virtual_machine: None };
        Context {
            page_size_bytes: PAGE.bytes() as u32,
            kernel: "Fake 1".to_owned(),
            device,
            cpus: None,
            app: None,
            fixed_performance: false,
        }
    }

    fn conditions(&self) -> Conditions {
        let mut conditions = self.0.conditions.lock().expect("nobody panics while holding it");
        match conditions.len() {
            0 => Conditions::default(),
            1 => conditions[0].clone(),
            _ => conditions.remove(0),
        }
    }

    /// It passes in sleep alone.
    fn now(&self) -> Nanos {
        Nanos(self.0.clock.load(Ordering::Relaxed))
    }

    fn sleep(&self, time: Nanos) {
        self.0.clock.fetch_add(time.0, Ordering::Relaxed);
    }

    fn unix_time_ms(&self) -> u64 {
        0
    }

    fn pin(&self, cpus: &[u32]) -> Result<(), OsError> {
        self.0.note(format!("pin {cpus:?}"));
        self.0.linux_only(Lacking::Pin)
    }

    fn open(&self, _path: &Path) -> Result<Box<dyn ModelFile>, OsError> {
        self.0.note("open");
        let facts = FileFacts {
            len: Bytes(self.0.bytes.len() as u64),
            device: 1,
            inode: 1,
            modified_ns: 0,
            file_system: None,
            storage: self.0.storage,
            readahead: None,
            largest_request: None,
        };
        Ok(Box::new(FakeFile { state: self.0.clone(), facts }))
    }

    fn anonymous_memory(&self) -> Option<Bytes> {
        None
    }

    fn open_direct(&self, path: &Path) -> Result<(Box<dyn ModelFile>, Io), OsError> {
        self.0.note("past the page cache:");
        Ok((self.open(path)?, Io::Direct))
    }

    fn stream(&self, _: &Path, pieces: &[PageRange], _: Bytes) -> Result<Box<dyn Stream>, OsError> {
        Ok(Box::new(FakeStream { state: self.0.clone(), pieces: pieces.len() }))
    }

    fn meter(&self, _: Scope) -> Result<Box<dyn Meter>, OsError> {
        Ok(Box::new(FakeMeter { state: self.0.clone(), fetches: 0 }))
    }
}

struct FakeStream {
    state: Arc<State>,
    pieces: usize,
}

impl Stream for FakeStream {
    fn start(self: Box<Self>) -> Result<Box<dyn Stream>, OsError> {
        self.state.note(format!("stream {} pieces", self.pieces));
        self.state.fetch();
        Ok(self)
    }

    fn finish(self: Box<Self>) -> Result<(), OsError> {
        Ok(())
    }
}

struct FakeMeter {
    state: Arc<State>,
    fetches: u64,
}

impl Meter for FakeMeter {
    fn start(&mut self) {
        self.state.note("start");
        self.fetches = self.state.fetches.load(Ordering::Relaxed);
    }

    fn stop(&mut self) -> Usage {
        self.state.note("stop");
        let (wall, fetches) = (Nanos(1), self.state.fetches.load(Ordering::Relaxed) - self.fetches);
        match self.state.kernel {
            Kernel::Linux => Usage { wall, major_faults: Some(fetches), ..Usage::default() },
            Kernel::Darwin => darwin::usage(wall, None, fetches),
        }
    }
}
