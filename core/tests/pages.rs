//! Fault counts, bytes and residency on the real system: exact, so they are asserted. Times are not.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panics and say what they skip")]
#![cfg(any(target_os = "linux", target_os = "android"))]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use packbench_core::error::chain;
use packbench_core::job::{Advice, CacheState, Case, Pattern, Policy, Probe};
use packbench_core::measure::{MeasureError, Measured, Subject, Task, Work, foretell, measure, proof};
use packbench_core::os::{self, Os, Touches};
use packbench_core::random::Random;
use packbench_core::record::{Proof, SelfTest};
use packbench_core::unit::{ByteRange, Bytes, FileOffset};

const LEN: Bytes = Bytes::mib(24);

/// Bytes fetched are counted per process, and tests are threads of one.
static ALONE: Mutex<()> = Mutex::new(());

/// A file on the disk that holds the build, for /tmp may lie in memory; or where the stage `rig` of scripts/test says.
struct OnDisk {
    _alone: MutexGuard<'static, ()>,
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn on_disk(len: Bytes) -> OnDisk {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let disk = std::env::var_os("PACKBENCH_TEST_DISK").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let folder = tempfile::tempdir_in(disk).unwrap();
    let path = folder.path().join("m");
    let mut random = Random::new(5);
    let bytes: Vec<u8> = (0..len.0 / 8).flat_map(|_| random.next_u64().to_le_bytes()).collect();
    File::create(&path).unwrap().write_all(&bytes).unwrap();
    OnDisk { _alone: alone, _folder: folder, path }
}

fn subject(path: &Path) -> (Subject, Work) {
    let os = os::host();
    let file = os.open(path).unwrap();
    let self_test = proof::self_test(&os, &*file, &*file.map().unwrap()).unwrap();
    let len = file.facts().len;
    let work = foretell(&os, &*file, ByteRange::whole(len)).unwrap();
    (Subject { self_test, ..Subject::new(path.to_owned(), file.facts(), Vec::new()) }, work)
}

fn run(path: &Path, cache: CacheState, probe: Probe) -> Result<Measured, MeasureError> {
    let (subject, work) = subject(path);
    let case = Case { variant: "m".into(), cache, probe };
    measure(&os::host(), task(&subject, &case, work), &mut |_| ())
}

fn task<'a>(subject: &'a Subject, case: &'a Case, work: Work) -> Task<'a> {
    Task { subject, case, work, random: Random::new(1), pieces: &[], asking: None, loaded: None }
}

/// Nothing can be said of pages where nothing can be evicted: a test says so instead of passing by.
fn can_evict(file: &OnDisk) -> bool {
    let truthful = subject(&file.path).0.self_test == SelfTest::Truthful;
    if !truthful {
        eprintln!("skipped: the disk of the build can't prove coldness");
    }
    truthful
}

#[test]
fn a_cold_run_fetches_each_byte_once_whatever_the_policy() {
    let file = on_disk(LEN);
    if !can_evict(&file) {
        return;
    }
    for policy in [Policy::Normal, Policy::Sequential, Policy::WillNeed, Policy::Populate] {
        let measured = run(&file.path, CacheState::Cold, Probe::faults(policy, Pattern::Random)).unwrap();
        assert_eq!(measured.residency.proof, Proof::Cold, "{policy}");
        assert_eq!(measured.metrics.bytes_fetched, Some(LEN.0), "{policy}");
    }
}

#[test]
fn a_warm_run_fetches_nothing() {
    let file = on_disk(LEN);
    if !can_evict(&file) {
        return;
    }
    let reads = Probe::reads(Bytes::kib(128), Pattern::Random);
    for probe in [Probe::faults(Policy::Normal, Pattern::Random), reads] {
        let measured = run(&file.path, CacheState::Warm, probe).unwrap();
        assert_eq!(measured.residency.proof, Proof::Warm);
        assert_eq!(measured.metrics.major_faults, Some(0));
        assert_eq!(measured.metrics.bytes_fetched, Some(0));
        assert_eq!(measured.metrics.bytes_covered, Some(LEN.0));
    }
}

#[test]
fn every_read_is_timed() {
    let file = on_disk(Bytes(LEN.0 + 1000));
    let probe = Probe::reads(Bytes::kib(4), Pattern::Random);
    let measured = run(&file.path, CacheState::Cold, probe).unwrap();
    let reads = (LEN.0 + 1000).div_ceil(4096);
    assert_eq!(measured.metrics.operations, Some(reads));
    let buckets = measured.latency.unwrap().buckets_ns;
    assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), reads);
}

#[test]
fn a_file_in_memory_is_never_cold() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Ok(folder) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("skipped: there is no /dev/shm");
        return;
    };
    let path = folder.path().join("m");
    fs::write(&path, vec![7; 1 << 20]).unwrap();
    assert_eq!(subject(&path).0.self_test, SelfTest::CannotEvict);
    let measured = run(&path, CacheState::Cold, Probe::faults(Policy::Normal, Pattern::Sequential)).unwrap();
    assert_eq!(measured.residency.proof, Proof::NotCold);
}

#[test]
fn a_file_cut_short_under_a_mapping_leaves_the_process_alive() {
    let file = on_disk(LEN);
    let os = os::host();
    let mapping = os.open(&file.path).unwrap().map().unwrap();
    let kept = Bytes::mib(1);
    File::options().write(true).open(&file.path).unwrap().set_len(kept.0).unwrap();
    let pages = os.page_size().count(LEN) as u32;
    mapping.touch(&Touches::new(0, (0..pages).collect()));
    assert_eq!(mapping.cut_short(), Some(FileOffset(kept.0)));
    assert!(mapping.bytes()[kept.0 as usize..].iter().all(|&byte| byte == 0));
}

#[test]
fn a_file_that_changed_fails_its_run() {
    let file = on_disk(LEN);
    let (subject, work) = subject(&file.path);
    let probe = Probe::faults(Policy::Normal, Pattern::Sequential);
    let case = Case { variant: "m".into(), cache: CacheState::Cold, probe };
    let run = || measure(&os::host(), task(&subject, &case, work), &mut |_| ());
    let written = fs::metadata(&file.path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&file.path).unwrap();
    // The first of the second page: one byte of each is looked at.
    bytes[os::host().page_size().bytes() as usize] ^= 1;
    fs::write(&file.path, &bytes).unwrap();
    assert!(matches!(run(), Err(MeasureError::Changed)));
    File::options().write(true).open(&file.path).unwrap().set_modified(written).unwrap();
    assert!(matches!(run(), Err(MeasureError::WrongWork { .. })), "its bytes tell when its time doesn't");
    fs::write(&file.path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(run(), Err(MeasureError::LengthChanged { .. })));
    fs::remove_file(&file.path).unwrap();
    let error = run().unwrap_err();
    assert!(chain(&error).starts_with("open: No such file"), "{error:?}");
}

#[test]
fn an_empty_file_is_mapped_and_has_no_pages() {
    let file = on_disk(Bytes(0));
    let mapping = os::host().open(&file.path).unwrap().map().unwrap();
    assert!(mapping.bytes().is_empty());
    assert_eq!(mapping.cut_short(), None);
}

/// What takes a kernel that follows advice: qemu-user passes none on. Left out there by this name.
mod advice {
    use super::*;

    #[test]
    fn random_faults_exactly_once_a_page() {
        let file = on_disk(LEN);
        if !can_evict(&file) {
            return;
        }
        let pages = os::host().page_size().count(LEN);
        for pattern in [Pattern::Sequential, Pattern::Reverse, Pattern::Strided, Pattern::Random] {
            let measured = run(&file.path, CacheState::Cold, Probe::faults(Policy::Random, pattern)).unwrap();
            assert_eq!(measured.residency.proof, Proof::Cold);
            assert_eq!(measured.metrics.major_faults, Some(pages), "{pattern}");
            assert_eq!(measured.metrics.bytes_fetched, Some(LEN.0), "{pattern}");
            assert_eq!(measured.residency.after_pages, Some(pages));
        }
    }

    /// A request for more than the device takes at once loses the rest, and the kernel says nothing.
    #[test]
    fn what_is_asked_for_comes_in_without_a_touch() {
        let file = on_disk(LEN);
        if !can_evict(&file) {
            return;
        }
        let os = os::host();
        let pages = os.page_size().spanned_by(ByteRange::whole(LEN));
        let open = os.open(&file.path).unwrap();
        let mapping = open.map().unwrap();
        proof::evict(&*open, &*mapping, pages).unwrap();
        assert_eq!(mapping.resident(pages).unwrap(), 0);
        mapping.apply(Advice::WillNeed, pages).unwrap();
        for _ in 0..1000 {
            if mapping.resident(pages).unwrap() == pages.count {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{} of {} pages came", mapping.resident(pages).unwrap(), pages.count);
    }
}
