//! New files on a real file system, and what happens while they are made.

use std::cell::Cell;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use packbench_core::error::chain;
use packbench_core::gguf::Gguf;
use packbench_core::os::{self, Existing, NewFileError, Os};
use packbench_core::record::ReadBack;
use packbench_core::repack::{self, Apply, ApplyError, Plan, Source};
use packbench_core::unit::Bytes;
use tempfile::TempDir;

use crate::shared::{file, in_memory};

/// Large enough to be copied in several steps.
const TENSORS: [(&str, u64); 4] = [("a", 5), ("b", 9 << 20), ("c", 100), ("d", 9 << 20)];
const ORDER: [&str; 4] = ["d", "a", "c", "b"];

/// A source, and the plan to turn it around.
struct Case {
    folder: TempDir,
    bytes: &'static [u8],
    plan: Plan,
    cancel: AtomicBool,
}

impl Case {
    /// On the disk that holds the build, where pages can be evicted.
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| file(&TENSORS, None));
        let bytes = &**BYTES;
        fs::write(folder.path().join("source"), bytes).unwrap();
        let plan = repack::gguf(&[Gguf::parse(bytes).unwrap()], &ORDER, None, None);
        Case { folder, bytes, plan, cancel: AtomicBool::new(false) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn unfinished(&self) -> Option<PathBuf> {
        let mut entries = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.find(|path| path.file_name().unwrap().to_string_lossy().starts_with(".packbench-unfinished-"))
    }

    fn make(&self, source: &Path, progress: &mut dyn FnMut(Bytes)) -> Result<ReadBack, ApplyError> {
        let os = os::host();
        let sources = [Source { path: source.to_owned(), file: os.open(source).unwrap() }];
        let describes = |bytes: &[u8]| Gguf::parse(bytes).is_ok();
        let (plan, cancel) = (&self.plan, &self.cancel);
        let apply = Apply { os: &os, plan, sources: &sources, describes: &describes, cancel, progress };
        apply.make(&self.path("new"), Existing::Keep, ReadBack::Storage)
    }

    /// What is said when `meanwhile` happens at the second step; then there must be no file, not even half of one.
    fn said(&self, meanwhile: impl Fn()) -> String {
        let steps = Cell::new(0);
        let made = self.make(&self.path("source"), &mut |_| {
            steps.set(steps.get() + 1);
            if steps.get() == 2 {
                meanwhile();
            }
        });
        let names: Vec<_> =
            fs::read_dir(self.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["source"]);
        chain(&made.unwrap_err()).replace(&format!("{}/", self.folder.path().display()), "")
    }
}

#[test]
fn the_file_is_what_was_planned_and_was_read_back_from_storage() {
    let case = Case::new();
    let copied = Cell::new(0);
    let from = case.make(&case.path("source"), &mut |bytes| copied.set(copied.get() + bytes.0)).unwrap();
    let expected = in_memory(&case.plan, &[case.bytes]);
    assert!(fs::read(case.path("new")).unwrap() == expected);
    assert_eq!(copied.get(), TENSORS.iter().map(|(_, len)| len).sum::<u64>());
    assert_eq!(from, ReadBack::Storage);
    assert!(fs::read(case.path("source")).unwrap() == case.bytes);
}

#[test]
fn a_source_on_another_file_system_is_copied_as_well() {
    let case = Case::new();
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("skipped: there is no /dev/shm");
        return;
    };
    let source = elsewhere.path().join("source");
    fs::copy(case.path("source"), &source).unwrap();
    case.make(&source, &mut |_| ()).unwrap();
    assert!(fs::read(case.path("new")).unwrap() == in_memory(&case.plan, &[case.bytes]));
}

#[test]
fn what_happens_to_the_source_meanwhile_is_noticed() {
    let case = Case::new();
    let source = OpenOptions::new().write(true).open(case.path("source")).unwrap();
    let said = case.said(|| source.write_all_at(b"x", 1 << 20).unwrap());
    assert_eq!(said, "source: the file was changed while it was read: try again when nobody writes to it");
    source.write_all_at(case.bytes, 0).unwrap();
    let said = case.said(|| source.set_len(1 << 20).unwrap());
    // Whoever copies or whoever compares, whichever comes to its end first.
    assert!(said.starts_with("source: the file ends at byte 1048576, expected at least "), "{said}");
}

#[test]
fn a_new_file_that_holds_something_else_is_noticed() {
    let case = Case::new();
    let said = case.said(|| {
        let new = OpenOptions::new().write(true).open(case.unfinished().unwrap()).unwrap();
        new.write_all_at(&[0], 5000).unwrap();
    });
    assert!(said.starts_with("from byte 5000 on the new file isn't what was copied there"), "{said}");
}

#[test]
fn a_header_that_describes_something_else_ends_it_before_anything_is_copied() {
    let mut case = Case::new();
    case.plan.header.pop();
    let never = |_| panic!("nothing is copied");
    let made = case.make(&case.path("source"), &mut { never });
    assert!(matches!(made, Err(ApplyError::Header)), "{made:?}");
    assert_eq!(case.unfinished(), None);
}

#[test]
fn it_can_be_called_off() {
    let case = Case::new();
    let said = case.said(|| case.cancel.store(true, Ordering::Relaxed));
    assert_eq!(said, "stopped: there is no new file");
}

#[test]
fn a_name_that_is_taken_stays_taken() {
    let case = Case::new();
    fs::write(case.path("new"), b"precious").unwrap();
    let made = case.make(&case.path("source"), &mut |_| ());
    assert!(matches!(made, Err(ApplyError::NewFile(NewFileError::Exists { .. }))), "{made:?}");
    assert_eq!(fs::read(case.path("new")).unwrap(), b"precious");
}
