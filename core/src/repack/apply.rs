//! Makes the file that a plan describes: in constant memory, compared with its sources, and never half of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::{Plan, Relocation, Section};
use crate::os::{Existing, ModelFile, NewFile, NewFileError, Os, OsError};
use crate::record::ReadBack;
use crate::unit::{ByteRange, Bytes, FileOffset};

/// What is copied, and then compared while it is still in memory.
const STEP: Bytes = Bytes::mib(8);
/// What is compared at once: two of these fit a processor's own cache.
const BUFFER: usize = 128 << 10;

/// Why there is no new file.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It can't be begun, or can't be given its name.
    #[error(transparent)]
    NewFile(#[from] NewFileError),
    /// A source can't be read.
    #[error("{}", path.display())]
    Source {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: OsError,
    },
    /// The new file can't be written, or can't be read back.
    #[error("the new file")]
    Write(#[source] OsError),
    /// The header that was written says something else than what is being copied.
    #[error(
        "the new header doesn't describe the same tensors: this is a bug of packbench, and there is no new file"
    )]
    Header,
    /// What was read back isn't what was copied.
    #[error("from byte {} on the new file isn't what was copied there: memory or storage can't be trusted", at.0)]
    Differs {
        /// Where, in the new file.
        at: FileOffset,
    },
    /// Whoever asked has called it off.
    #[error("stopped: there is no new file")]
    Cancelled,
}

/// A file that a plan takes bytes from.
pub struct Source {
    /// Where it lies.
    pub path: PathBuf,
    /// The file.
    pub file: Box<dyn ModelFile>,
}

/// How a plan is carried out.
pub struct Apply<'a> {
    /// The system.
    pub os: &'a dyn Os,
    /// What to do.
    pub plan: &'a Plan,
    /// The plan's sources.
    pub sources: &'a [Source],
    /// Whether the new file, which so far is nothing but a header, describes what is planned.
    pub describes: &'a dyn Fn(&[u8]) -> bool,
    /// Set to call it off.
    pub cancel: &'a AtomicBool,
    /// Told how many more bytes were copied, again and again.
    pub progress: &'a mut dyn FnMut(Bytes),
}

impl Apply<'_> {
    /// Makes the file at `path`, and answers from where it was read back: `Memory`, although `Storage` was asked for,
    /// where its pages can't be evicted.
    ///
    /// # Errors
    /// Then there is no new file, and what had its name before is untouched.
    pub fn make(mut self, path: &Path, existing: Existing, from: ReadBack) -> Result<ReadBack, ApplyError> {
        let new = NewFile::reserve(path, self.plan.len, existing)?;
        self.header(&new)?;
        let mut back = Back::open(self.os, &new)?;
        if !(self.describes)(back.file.map().map_err(ApplyError::Write)?.bytes()) {
            return Err(ApplyError::Header);
        }
        self.data(&new, &mut back)?;
        new.sync().map_err(ApplyError::Write)?;
        let from = match from {
            ReadBack::Storage if back.evict(self.os).map_err(ApplyError::Write)? => ReadBack::Storage,
            ReadBack::Storage | ReadBack::Memory => ReadBack::Memory,
        };
        if from == ReadBack::Storage {
            self.plan.data.iter().try_for_each(|relocation| back.compare(self.sources, *relocation))?;
        }
        for source in self.sources {
            source.file.check_unchanged().map_err(|why| source.failed(why))?;
        }
        new.finish()?;
        Ok(from)
    }

    fn header(&mut self, new: &NewFile) -> Result<(), ApplyError> {
        for section in &self.plan.header {
            match section {
                Section::Written { at, bytes } => new.write(bytes, *at).map_err(ApplyError::Write)?,
                Section::Copied(relocation) => self.copy(new, *relocation)?,
            }
        }
        Ok(())
    }

    /// Copies; meanwhile what was copied is compared, and the device writes.
    fn data(&mut self, new: &NewFile, back: &mut Back) -> Result<(), ApplyError> {
        let (compare, copied) = sync_channel(1);
        let sources = self.sources;
        thread::scope(|scope| {
            let comparing = thread::Builder::new()
                .name("compare".to_owned())
                .spawn_scoped(scope, move || copied.iter().try_for_each(|step| back.compare(sources, step)))
                .map_err(|source| ApplyError::Write(OsError::Call { call: "starting a thread", source }))?;
            let copied = self.copy_all(new, compare);
            comparing.join().expect("comparing doesn't panic").and(copied)
        })
    }

    /// Ends early when whoever compares hangs up.
    fn copy_all(&mut self, new: &NewFile, compare: SyncSender<Relocation>) -> Result<(), ApplyError> {
        let mut handed_on = FileOffset(0);
        for step in self.plan.data.iter().copied().flat_map(steps) {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(ApplyError::Cancelled);
            }
            self.copy(new, step)?;
            if compare.send(step).is_err() {
                break;
            }
            let end = step.at + step.range.len;
            if end - handed_on >= STEP {
                new.write_behind(ByteRange { start: handed_on, len: end - handed_on });
                handed_on = end;
            }
            (self.progress)(step.range.len);
        }
        Ok(())
    }

    fn copy(&self, new: &NewFile, Relocation { source, range, at }: Relocation) -> Result<(), ApplyError> {
        let source = &self.sources[source];
        source.file.copy(range, new, at).map_err(|why| source.failed(why))
    }
}

impl Source {
    fn failed(&self, source: OsError) -> ApplyError {
        ApplyError::Source { path: self.path.clone(), source }
    }
}

/// The new file, read back.
struct Back {
    file: Box<dyn ModelFile>,
    buffers: [Vec<u8>; 2],
}

impl Back {
    fn open(os: &dyn Os, new: &NewFile) -> Result<Self, ApplyError> {
        let file = os.open(new.unfinished()).map_err(ApplyError::Write)?;
        Ok(Back { file, buffers: [vec![0; BUFFER], vec![0; BUFFER]] })
    }

    fn compare(
        &mut self,
        sources: &[Source],
        Relocation { source, range, at }: Relocation,
    ) -> Result<(), ApplyError> {
        let source = &sources[source];
        let [ours, theirs] = &mut self.buffers;
        for skip in (0..range.len.0).step_by(BUFFER) {
            let len = BUFFER.min((range.len.0 - skip) as usize);
            let (ours, theirs, at) = (&mut ours[..len], &mut theirs[..len], at + Bytes(skip));
            self.file.read_at(ours, at).map_err(ApplyError::Write)?;
            source.file.read_at(theirs, range.start + Bytes(skip)).map_err(|why| source.failed(why))?;
            if ours != theirs {
                let same = ours.iter().zip(&*theirs).take_while(|(ours, theirs)| ours == theirs).count();
                return Err(ApplyError::Differs { at: at + Bytes(same as u64) });
            }
        }
        Ok(())
    }

    /// Drops its pages, and answers whether none is left in memory.
    fn evict(&self, os: &dyn Os) -> Result<bool, OsError> {
        self.file.drop_cache()?;
        let all = os.page_size().spanned_by(ByteRange::whole(self.file.facts().len));
        Ok(self.file.map()?.resident(all)? == 0)
    }
}

/// A relocation in pieces.
fn steps(Relocation { source, range, at }: Relocation) -> impl Iterator<Item = Relocation> {
    (0..range.len.0).step_by(STEP.0 as usize).map(move |skip| {
        let len = Bytes(STEP.0.min(range.len.0 - skip));
        let range = ByteRange { start: range.start + Bytes(skip), len };
        Relocation { source, range, at: at + Bytes(skip) }
    })
}
