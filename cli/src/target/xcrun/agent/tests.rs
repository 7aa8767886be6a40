//! An app whose console is a script.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use packbench_core::unit::Bytes;

use super::*;

const END: &str = r#"packbench: line={"kind":"end","status":"complete","runs":1,"missing":0}"#;

/// A device whose app is a script of this machine's shell, for what a console can do to whoever reads it.
#[derive(Debug)]
struct Scripted {
    console: String,
    kept: Option<&'static str>,
    is_there: AtomicBool,
    /// What it begins its answer with.
    word: std::sync::Mutex<String>,
}

impl Device for Scripted {
    fn name(&self) -> &str {
        "X"
    }
    fn install(&self, _app: &Path) -> anyhow::Result<()> {
        unreachable!("nothing is installed")
    }
    fn has_app(&self) -> anyhow::Result<bool> {
        unreachable!("nobody asks")
    }
    fn holds(&self, _name: &str, _len: Bytes) -> anyhow::Result<bool> {
        unreachable!("nobody asks")
    }
    fn put(&self, _doing: &str, _local: &Path, _name: &str) -> anyhow::Result<()> {
        unreachable!("nothing is pushed")
    }
    fn fetch(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        assert_eq!(name, ANSWER);
        let word = self.word.lock().unwrap().clone();
        Ok(self.kept.map(|kept| format!("{word}\n{kept}").into_bytes()))
    }
    fn launch(&self, arguments: &[&str]) -> Command {
        assert_eq!(arguments[..3], ["--assignment", ASSIGNMENT, "--answer"]);
        if self.kept != Some("stale") {
            *self.word.lock().unwrap() = arguments[3].to_owned();
        }
        let mut command = Command::new("sh");
        command.args(["-c", &self.console]);
        command
    }
    fn stop(&self, _console: u32) {}
    fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed)
    }
}

/// The lines that are told, and how it ended.
fn told_by(console: &str, kept: Option<&'static str>, is_there: bool) -> (usize, String) {
    let (is_there, word) = (AtomicBool::new(is_there), std::sync::Mutex::default());
    let device = Arc::new(Scripted { console: console.to_owned(), kept, is_there, word });
    let mut agent = AppAgent::start(device, Expected::default()).unwrap();
    agent.silence = Duration::from_millis(200);
    let mut lines = 0;
    while agent.next_line().unwrap().is_some() {
        lines += 1;
    }
    (lines, Box::new(agent).finish().map_or_else(|error| error.to_string(), |ended| format!("{ended:?}")))
}

#[test]
fn a_console_that_falls_silent_is_left_when_its_device_is_gone() {
    let silent = format!("echo '{END}'; exec sleep 100");
    assert_eq!(told_by(&silent, None, false), (1, r#"Lost { how: "X: its answer was cut off" }"#.to_owned()));
    let stays = format!("echo '{END}'; echo packbench: verdict=passed; exec sleep 100");
    assert_eq!(told_by(&stays, None, true), (1, "Finished".to_owned()), "its verdict is enough");
    let (lines, how) = told_by("exec sleep 100", None, false);
    assert!(lines == 0 && how.contains("launching the app: X went away"), "{how}");
}

#[test]
fn what_the_app_kept_is_believed_only_of_this_launch() {
    let (kept, verdict) = (Some("packbench: progress=1\npackbench: verdict=again\npackbench: ver"), "Again");
    assert_eq!(told_by("echo packbench: progress=1", kept, true), (0, verdict.to_owned()));
    assert_eq!(told_by("true", kept, true), (0, verdict.to_owned()));
    let (_, how) = told_by("echo App terminated due to signal 5.", Some("stale"), true);
    assert_eq!(
        how,
        "launching the app: it told nothing. The last of its console: App terminated due to signal 5."
    );
}

#[test]
fn what_the_app_tells_is_told_from_the_rest_of_its_console() {
    assert!(
        matches!(told("packbench: verdict=again\r\n"), Some(Told::Verdict(verdict)) if verdict == "again")
    );
    assert!(matches!(told("packbench: error=a=b\n"), Some(Told::Error(error)) if error == "a=b"));
    assert!(matches!(told("packbench: progress=1/2 x\n"), Some(Told::Progress)));
    assert!(matches!(told("packbench: line={\"kind\":\"ru2025 UIKit\n"), Some(Told::Garbled(_))));
    let line =
        r#"2025-09-16 packbench[1]packbench: line={"kind":"end","status":"complete","runs":1,"missing":0}"#;
    assert!(matches!(told(line), Some(Told::Line(_))));
    assert!(told("Waiting for the application to terminate…\n").is_none());
}
