//! A scripted system: remembers what was asked of it and answers as it was told. For tests of orders and decisions.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{
    Buffer, FileFacts, Mapping, Meter, ModelFile, NewFile, Os, OsError, Reads, Scope, Stream, Touches, Usage,
    page_sum,
};
use crate::job::{Advice, Io};
use crate::record::{Conditions, Context, Device, Storage};
use crate::unit::{ByteRange, Bytes, FileOffset, Nanos, PageRange, PageSize};

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

/// The scripted system. Every file that it opens holds the same bytes.
#[derive(Clone)]
pub struct FakeOs(Rc<State>);

struct State {
    bytes: Vec<u8>,
    eviction: Eviction,
    clock: Cell<u64>,
    in_memory: Cell<bool>,
    fetches: Cell<u64>,
    asked: RefCell<Vec<String>>,
}

impl FakeOs {
    /// A system whose files hold `bytes`, none of them in memory.
    pub fn new(bytes: Vec<u8>, eviction: Eviction) -> Self {
        let (clock, in_memory, fetches, asked) = Default::default();
        FakeOs(Rc::new(State { bytes, eviction, clock, in_memory, fetches, asked }))
    }

    /// What was asked since the last time, in order.
    pub fn take_asked(&self) -> Vec<String> {
        self.0.asked.take()
    }
}

impl State {
    fn note(&self, asked: impl Into<String>) {
        self.asked.borrow_mut().push(asked.into());
    }

    fn fetch(&self) {
        if !self.in_memory.replace(true) {
            self.fetches.set(self.fetches.get() + 1);
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
        }
    }

    fn conditions(&self) -> Conditions {
        Conditions::default()
    }

    /// It passes in sleep alone.
    fn now(&self) -> Nanos {
        Nanos(self.0.clock.get())
    }

    fn sleep(&self, time: Nanos) {
        self.0.clock.set(self.0.clock.get() + time.0);
    }

    fn unix_time_ms(&self) -> u64 {
        0
    }

    fn pin(&self, cpus: &[u32]) -> Result<(), OsError> {
        self.0.note(format!("pin {cpus:?}"));
        Ok(())
    }

    fn open(&self, _path: &Path) -> Result<Box<dyn ModelFile>, OsError> {
        self.0.note("open");
        let facts = FileFacts {
            len: Bytes(self.0.bytes.len() as u64),
            device: 1,
            inode: 1,
            modified_ns: 0,
            file_system: None,
            storage: Storage::Local,
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
    state: Rc<State>,
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
    state: Rc<State>,
    fetches: u64,
}

impl Meter for FakeMeter {
    fn start(&mut self) {
        self.state.note("start");
        self.fetches = self.state.fetches.get();
    }

    fn stop(&mut self) -> Usage {
        self.state.note("stop");
        let major_faults = Some(self.state.fetches.get() - self.fetches);
        Usage { wall: Nanos(1), cpu: None, major_faults, minor_faults: None, bytes_fetched: None }
    }
}

struct FakeFile {
    state: Rc<State>,
    facts: FileFacts,
}

impl ModelFile for FakeFile {
    fn facts(&self) -> &FileFacts {
        &self.facts
    }

    fn map(&self) -> Result<Box<dyn Mapping>, OsError> {
        self.state.note("map");
        Ok(Box::new(FakeMapping { state: self.state.clone() }))
    }

    fn drop_cache(&self) -> Result<(), OsError> {
        self.state.note("drop cache");
        if matches!(self.state.eviction, Eviction::Works | Eviction::Unseen) {
            self.state.in_memory.set(false);
        }
        Ok(())
    }

    fn read_through(&self, range: ByteRange, consume: &mut dyn FnMut(&[u8])) -> Result<(), OsError> {
        self.state.note("read through");
        self.state.fetch();
        consume(&self.state.bytes[range.start.0 as usize..range.end().0 as usize]);
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], start: FileOffset) -> Result<(), OsError> {
        let range = ByteRange { start, len: Bytes(buffer.len() as u64) };
        self.read_through(range, &mut |bytes| buffer.copy_from_slice(bytes))
    }

    fn copy(&self, range: ByteRange, to: &NewFile, at: FileOffset) -> Result<(), OsError> {
        to.write(&self.state.bytes[range.start.0 as usize..range.end().0 as usize], at)
    }

    fn check_unchanged(&self) -> Result<(), OsError> {
        Ok(())
    }

    fn read(
        &self,
        reads: &Reads,
        buffers: &mut [Buffer],
        latencies: &[AtomicU64],
        meter: &mut dyn Meter,
    ) -> Result<(u64, Usage), OsError> {
        meter.start();
        let (count, threads) = (reads.order().len(), buffers.len());
        self.state.note(format!("read {count} × {} by {threads}", reads.io_size().exact()));
        self.state.fetch();
        latencies.iter().for_each(|latency| latency.store(1, Ordering::Relaxed));
        let sum = reads.order().iter().map(|&index| self.state.sum(reads.range(index))).sum();
        Ok((sum, meter.stop()))
    }
}

struct FakeMapping {
    state: Rc<State>,
}

impl Mapping for FakeMapping {
    fn bytes(&self) -> &[u8] {
        &self.state.bytes
    }

    fn resident(&self, pages: PageRange) -> Result<u64, OsError> {
        self.state.note("resident?");
        let seen = self.state.in_memory.get() || self.state.eviction == Eviction::Unseen;
        Ok(if seen { pages.count } else { 0 })
    }

    fn unmap_pages(&self) -> Result<(), OsError> {
        self.state.note("unmap pages");
        Ok(())
    }

    fn page_out(&self) -> Result<(), OsError> {
        self.state.note("page out");
        if self.state.eviction == Eviction::NeedsPageOut {
            self.state.in_memory.set(false);
        }
        Ok(())
    }

    fn apply(&self, advice: Advice, _: PageRange) -> Result<(), OsError> {
        self.state.note(format!("apply {advice:?}"));
        Ok(())
    }

    fn touch(&self, touches: &Touches) -> u64 {
        self.state.note(format!("touch {} pages", touches.order().len()));
        self.state.fetch();
        let first = touches.pages().first;
        let byte = |index: &u32| self.state.bytes[((first + u64::from(*index)) * PAGE.bytes()) as usize];
        touches.order().iter().map(|index| u64::from(byte(index))).sum()
    }

    fn touch_each(&self, touches: &Touches, latencies: &[AtomicU64]) -> u64 {
        self.state.note("each timed:");
        latencies.iter().for_each(|latency| latency.store(1, Ordering::Relaxed));
        self.touch(touches)
    }

    fn cut_short(&self) -> Option<FileOffset> {
        None
    }
}
