//! packbench itself, with a file of noise as its model: no stage that uses this looks at a header.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use packbench_core::job::{CacheState, Case, Probe};
use packbench_core::measure::{Measured, Subject, Task, Work, foretell, measure, proof};
use packbench_core::os::Os;
use packbench_core::random::Random;
use packbench_core::record::SelfTest;
use packbench_core::unit::{ByteRange, Bytes, PageSize};

/// A file on a system that tells which of its pages are in memory.
pub struct Harness<O: Os> {
    /// The system.
    pub os: O,
    subject: Subject,
    /// The whole file, and the sum that every pass over it must find.
    pub work: Work,
}

impl<O: Os> Harness<O> {
    /// Writes the file into `folder`.
    pub fn new(os: O, folder: &Path, len: Bytes) -> Result<Self> {
        let path = folder.join("noise.bin");
        write_noise(&path, len).with_context(|| format!("writing {}", path.display()))?;
        let file = os.open(&path)?;
        let self_test = proof::self_test(&os, &*file, &*file.map()?)?;
        if self_test != SelfTest::Truthful {
            bail!("found {self_test:?} in {}: choose a folder on a local disk", folder.display());
        }
        let work = foretell(&os, &*file, ByteRange::whole(len))?;
        let subject = Subject { self_test, ..Subject::new(path, file.facts(), Vec::new()) };
        Ok(Harness { os, subject, work })
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.subject.path
    }

    /// The size of a page.
    pub fn page(&self) -> PageSize {
        self.os.page_size()
    }

    /// One run as in a session, its cache state proved.
    pub fn run(&self, cache: CacheState, probe: &Probe, random: &Random) -> Result<Measured> {
        let case = Case { variant: "noise".to_owned(), cache, probe: probe.clone() };
        until_proved(|| {
            let (subject, case, work, random) = (&self.subject, &case, self.work, random.clone());
            let task = Task { subject, case, work, random, pieces: &[], asking: None, loaded: None };
            let measured = measure(&self.os, task, &mut |_| ())?;
            Ok(measured.caveats.is_empty().then_some(measured))
        })
        .with_context(|| case.to_string())
    }

    /// Brings the file into the state in which [`Harness::run`] would find it, for a peer.
    pub fn prepare(&self, cache: CacheState) -> Result<()> {
        let file = self.os.open(self.path())?;
        let mapping = file.map()?;
        let pages = self.page().spanned_by(self.work.span);
        until_proved(|| {
            let expected = match cache {
                CacheState::Cold => {
                    proof::evict(&*file, &*mapping, pages)?;
                    0
                }
                CacheState::Warm => {
                    file.read_through(self.work.span, &mut |_| ())?;
                    pages.count
                }
            };
            Ok((mapping.resident(pages)? == expected).then_some(()))
        })
    }
}

/// Tries until a cache state was proved: some kernels take pages of idle files on their own, at any moment (DAMON).
fn until_proved<T>(mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    const TRIES: u32 = 10;
    for _ in 0..TRIES {
        if let Some(proved) = attempt()? {
            return Ok(proved);
        }
    }
    bail!("the cache state was not proved in {TRIES} tries: see what else uses this file or drops caches")
}

/// Noise, so that no layer below finds blocks to share or leave out.
fn write_noise(path: &Path, len: Bytes) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = Random::new(len.0);
    for _ in 0..len.0 / 8 {
        out.write_all(&random.next_u64().to_le_bytes())?;
    }
    out.into_inner()?.sync_all()?;
    Ok(())
}
