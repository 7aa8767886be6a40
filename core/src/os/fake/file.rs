//! The files of the scripted system, and what is mapped of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::{Buffer, FileFacts, Mapping, Meter, ModelFile, NewFile, OsError, Reads, Touches, Usage};
use super::{Eviction, Lacking, PAGE, State};
use crate::job::Advice;
use crate::unit::{ByteRange, Bytes, FileOffset, PageRange};

pub(super) struct FakeFile {
    pub state: Arc<State>,
    pub facts: FileFacts,
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
            self.state.in_memory.store(false, Ordering::Relaxed);
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
    state: Arc<State>,
}

impl Mapping for FakeMapping {
    fn bytes(&self) -> &[u8] {
        &self.state.bytes
    }

    fn resident(&self, pages: PageRange) -> Result<u64, OsError> {
        self.state.note("resident?");
        let seen = self.state.in_memory.load(Ordering::Relaxed) || self.state.eviction == Eviction::Unseen;
        Ok(if seen { pages.count } else { 0 })
    }

    fn unmap_pages(&self) -> Result<(), OsError> {
        self.state.note("unmap pages");
        Ok(())
    }

    fn page_out(&self) -> Result<(), OsError> {
        self.state.note("page out");
        self.state.linux_only(Lacking::PageOut)?;
        if self.state.eviction == Eviction::NeedsPageOut {
            self.state.in_memory.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    fn apply(&self, advice: Advice, _: PageRange) -> Result<(), OsError> {
        self.state.note(format!("apply {advice:?}"));
        if advice == Advice::Populate { self.state.linux_only(Lacking::Populate) } else { Ok(()) }
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
