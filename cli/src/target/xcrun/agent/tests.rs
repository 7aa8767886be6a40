//! An app whose console is a script.

use std::path::Path;
use std::process::{ChildStdin, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use packbench_core::job::Job;
use packbench_core::record::wire::Purpose;
use packbench_core::unit::Bytes;

use super::*;

const END: &str = r#"packbench: 1 line={"kind":"end","status":"complete","runs":1,"missing":0}"#;

/// A device whose app is a script of this machine's shell, for what a console can do to whoever reads it.
#[derive(Debug)]
struct Scripted {
    console: String,
    kept: Option<&'static str>,
    is_there: AtomicBool,
    /// What it begins its answer with.
    word: Mutex<String>,
    is_terminated: AtomicBool,
}

impl Scripted {
    fn new(console: &str, kept: Option<&'static str>, is_there: bool) -> Arc<Self> {
        let (console, is_there) = (console.to_owned(), is_there.into());
        Arc::new(Scripted { console, kept, is_there, word: Mutex::default(), is_terminated: false.into() })
    }
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
    fn holds(&self, _name: &str, _len: Option<Bytes>) -> anyhow::Result<bool> {
        unreachable!("nobody asks")
    }
    fn put(&self, _doing: &str, _local: &Path, _name: &str) -> anyhow::Result<()> {
        Ok(())
    }
    fn fetch(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        assert_eq!(name, ANSWER);
        let word = self.word.lock().unwrap().clone();
        Ok(self.kept.map(|kept| format!("{word}\n{kept}").into_bytes()))
    }
    fn launch(&self, arguments: &[&str]) -> Command {
        assert_eq!((arguments[0], arguments[2]), ("--assignment", "--answer"));
        if self.kept != Some("stale") {
            *self.word.lock().unwrap() = arguments[3].to_owned();
        }
        let mut command = Command::new("sh");
        command.args(["-c", &self.console]);
        command
    }
    fn interrupt(&self, _input: &Mutex<ChildStdin>) {}
    fn terminate(&self) {
        self.is_terminated.store(true, Ordering::Relaxed);
    }
    fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Relaxed)
    }
}

fn assignment() -> Assignment {
    Assignment::new(Purpose::Measure, Job::default(), session::new_name(), None)
}

fn launched(device: Arc<Scripted>) -> AppAgent {
    let mut agent = AppAgent::start(device, Expected::default(), &assignment(), Rc::default()).unwrap();
    let milliseconds = Duration::from_millis;
    agent.patience =
        Patience { silence: milliseconds(200), at_most: milliseconds(1000), farewell: milliseconds(200) };
    agent
}

/// The lines that are told, and how it ended.
fn told_by(console: &str, kept: Option<&'static str>, is_there: bool) -> (usize, String) {
    let mut agent = launched(Scripted::new(console, kept, is_there));
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
    let stays = format!("echo '{END}'; echo packbench: 2 outcome=passed; exec sleep 100");
    assert_eq!(told_by(&stays, None, true), (1, "Finished".to_owned()), "its outcome is enough");
    let (lines, how) = told_by("exec sleep 100", None, false);
    assert!(lines == 0 && how.contains("launching the app: X went away"), "{how}");
}

#[test]
fn what_the_app_kept_is_believed_only_of_this_launch() {
    let (kept, outcome) =
        (Some("packbench: 1 progress=1\npackbench: 2 outcome=again\npackbench: 3 out"), "Again");
    assert_eq!(told_by("echo packbench: 1 progress=1", kept, true), (0, outcome.to_owned()));
    assert_eq!(told_by("true", kept, true), (0, outcome.to_owned()));
    let (_, how) = told_by("echo App terminated due to signal 5.", Some("stale"), true);
    assert_eq!(
        how,
        "launching the app: it told nothing. The last of its console: App terminated due to signal 5."
    );
}

#[test]
fn an_app_that_tells_nothing_for_too_long_is_given_up_though_its_device_is_there() {
    let begun = Instant::now();
    let (lines, how) = told_by(&format!("echo '{END}'; exec sleep 100"), None, true);
    assert!(
        lines == 1 && how.contains("Died") && how.contains("it told nothing for 0 min: was the phone"),
        "{how}"
    );
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn an_app_that_nobody_listens_to_any_more_is_ended_by_force_and_its_command_waited_for() {
    let device = Scripted::new("echo $$; exec sleep 100", None, true);
    let agent = launched(device.clone());
    let pid = agent.console.line(Duration::from_secs(60)).unwrap();
    drop(agent);
    assert!(device.is_terminated.load(Ordering::Relaxed));
    let is_alive = Command::new("kill").args(["-0", pid.trim()]).stderr(std::process::Stdio::null()).status();
    assert!(!is_alive.unwrap().success(), "neither it nor a zombie of it is left");
}

#[test]
fn lines_are_told_once_and_in_their_order_whatever_else_is_on_the_console() {
    let line = |number, runs| {
        format!(r#"packbench: {number} line={{"kind":"end","status":"complete","runs":{runs},"missing":0}}"#)
    };
    let strays = format!("echo '{0}'; echo packbench: a=b; echo '{0}'; echo '{1}'", line(1, 1), line(2, 2));
    // The second line was heard: the file tells the third.
    let kept = r#"packbench: 1 line={"kind":"end","status":"complete","runs":1,"missing":0}
packbench: 2 line={"kind":"end","status":"complete","runs":2,"missing":0}
packbench: 3 line={"kind":"end","status":"complete","runs":3,"missing":0}
packbench: 4 outcome=passed
"#;
    assert_eq!(told_by(&strays, Some(kept), true), (3, "Finished".to_owned()));
    let gap = format!("echo '{}'; echo '{}'; echo packbench: 4 outcome=passed", line(1, 1), line(3, 3));
    assert_eq!(
        told_by(&gap, Some(kept), true),
        (3, "Finished".to_owned()),
        "the file tells what was lost, too"
    );
}

#[test]
fn what_the_app_tells_is_told_from_the_rest_of_its_console() {
    assert!(
        matches!(told("packbench: 7 outcome=again\r\n"), Some((7, Told::Outcome(outcome))) if outcome == "again")
    );
    assert!(matches!(told("packbench: 1 error=a=b\n"), Some((1, Told::Error(error))) if error == "a=b"));
    assert!(matches!(told("packbench: 1 progress=1/2 x\n"), Some((1, Told::Progress))));
    assert!(matches!(told("packbench: 1 line={\"kind\":\"ru2025 UIKit\n"), Some((1, Told::Garbled(_)))));
    let line =
        r#"2025-09-16 packbench[1]packbench: 5 line={"kind":"end","status":"complete","runs":1,"missing":0}"#;
    assert!(matches!(told(line), Some((5, Told::Line(_)))));
    assert!(told("packbench: progress=1/2 x\n").is_none(), "it has no number: the app didn't write it");
    assert!(told("Waiting for the application to terminate…\n").is_none());
}
