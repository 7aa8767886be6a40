//! The agent as an instrumentation of the app: each process is `am instrument`, started anew.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};

use anyhow::{Context, bail};
use packbench_core::record::Line;
use packbench_core::record::wire::Assignment;

use super::bridge::{Bridge, ending, exit_code};
use super::push::bring;
use crate::shell::quoted;
use crate::target::app::{self, ASSIGNMENT, PACKAGE};
use crate::target::local::Local;
use crate::target::{Agent, Ended, Stopper};

/// What adb and the app both reach. The app copies models from there into its own directory.
const EXCHANGE: &str = "/sdcard/Android/media/dev.packbench.app";

/// What is pushed there, and what the app has.
const COPIES: u64 = 2;

/// Android's RESULT_OK.
const OK: i32 = -1;

/// In the app's words when it hasn't got a model, or has another one of that name.
const LACKS: &str = "push it";

/// Has the models of `assignment` where the app finds them. It knows them by name.
pub fn prepare(bridge: &Bridge, assignment: &Assignment) -> anyhow::Result<()> {
    let installed = bridge.shell("asking for the app", &format!("pm path {PACKAGE} 2>&1; true"))?;
    if !installed.contains("package:") {
        bail!(
            "found no {PACKAGE} on {}, expected it: install the app first (android/README.md)",
            bridge.serial()
        );
    }
    for local in app::models(assignment)? {
        if !has(bridge, &local)? {
            bring(bridge, &local, EXCHANGE, COPIES)?;
        }
    }
    Ok(())
}

/// Whether the app took it from there in an earlier session.
fn has(bridge: &Bridge, local: &Local<'_>) -> anyhow::Result<bool> {
    let taken = quoted(&format!("{EXCHANGE}/{}.taken", local.name));
    let text = bridge.shell("looking for models", &format!("cat {taken} 2>/dev/null; true"))?;
    Ok(text.trim() == local.hash)
}

/// What a session leaves there is removed with it, and so is the app from the screen.
pub fn leave() -> String {
    format!("am force-stop {PACKAGE}; rm -f {EXCHANGE}/{ASSIGNMENT}")
}

/// An instrumentation under way.
pub struct AppAgent {
    bridge: Bridge,
    child: Child,
    output: BufReader<ChildStdout>,
    models: Vec<PathBuf>,
    error: Option<String>,
    code: Option<i32>,
    /// Whether the answer came to its end.
    whole: bool,
}

impl AppAgent {
    /// Starts the app anew on an assignment.
    pub fn start(bridge: &Bridge, assignment: &Assignment) -> anyhow::Result<Self> {
        let file = app::written(assignment)?;
        bridge.push("handing over the assignment", file.path(), &format!("{EXCHANGE}/{ASSIGNMENT}"))?;
        let script = format!(
            "am force-stop {PACKAGE}; am instrument -w -r -e assignment {ASSIGNMENT} {PACKAGE}/.BenchInstrumentation 2>&1"
        );
        let mut child = bridge.spawn(&ending(&script), Stdio::null(), Stdio::null())?;
        let output = BufReader::new(child.stdout.take().context("adb has no output")?);
        let models = app::paths(assignment).map(Path::to_owned).collect();
        Ok(AppAgent { bridge: bridge.clone(), child, output, models, error: None, code: None, whole: false })
    }

    /// Once it has measured, the app has its models, and what was pushed would only be hashed again by each process.
    fn remember(&self) -> anyhow::Result<()> {
        for path in &self.models {
            let file = quoted(&format!("{EXCHANGE}/{}", Local::new(path)?.name));
            let script = format!(
                "[ ! -f {file} ] || {{ cut -c1-64 {file}.known > {file}.taken; rm -f {file} {file}.known; }}"
            );
            self.bridge.shell("remembering models", &script)?;
        }
        Ok(())
    }

    /// Pushes the models that the app is thought to have, and says that it hasn't. Whether there were any.
    fn bring_again(&self) -> anyhow::Result<bool> {
        let mut again = false;
        for path in &self.models {
            let local = Local::new(path)?;
            if has(&self.bridge, &local)? {
                let taken = quoted(&format!("{EXCHANGE}/{}.taken", local.name));
                self.bridge.shell("forgetting a model", &format!("rm -f {taken}"))?;
                bring(&self.bridge, &local, EXCHANGE, COPIES)?;
                again = true;
            }
        }
        Ok(again)
    }

    fn ended(&mut self) -> anyhow::Result<Ended> {
        if !self.whole {
            return Ok(Ended::Lost { how: format!("{}: its answer was cut off", self.bridge.serial()) });
        }
        let error = self.error.take();
        Ok(match self.code {
            Some(OK) => {
                self.remember()?;
                Ended::Finished
            }
            Some(code) if Ended::told(code) == Some(Ended::Again) => {
                self.remember()?;
                Ended::Again
            }
            Some(code) if Ended::told(code) == Some(Ended::Refused) => {
                let lacks = error.as_ref().is_some_and(|error| error.contains(LACKS));
                if lacks && self.bring_again()? { Ended::Again } else { app::refused(error.as_deref()) }
            }
            _ => Ended::Died { how: error.unwrap_or_else(|| "the app ended without a result".to_owned()) },
        })
    }
}

/// What a line of `am instrument -r` says.
#[derive(Debug, PartialEq, Eq)]
enum Said<'a> {
    Line(&'a str),
    Error(&'a str),
    Code(i32),
    Nothing,
}

fn said(line: &str) -> Said<'_> {
    let line = line.trim_end();
    if let Some(json) = line.strip_prefix("INSTRUMENTATION_STATUS: line=") {
        return Said::Line(json);
    }
    // Of a crash it gives the longer text first: keys are sorted.
    let errors = [
        "INSTRUMENTATION_RESULT: error=",
        "INSTRUMENTATION_RESULT: longMsg=",
        "INSTRUMENTATION_RESULT: shortMsg=",
    ];
    if let Some(error) = errors.iter().find_map(|prefix| line.strip_prefix(prefix)) {
        return Said::Error(error);
    }
    // Newer ones begin otherwise: `onError: commandError=false message=INSTRUMENTATION_ABORTED: …`.
    let failures = ["INSTRUMENTATION_FAILED: ", "INSTRUMENTATION_ABORTED: "];
    if let Some(at) = failures.iter().find_map(|failure| line.find(failure)) {
        return Said::Error(&line[at..]);
    }
    let code = line.strip_prefix("INSTRUMENTATION_CODE: ").and_then(|code| code.parse().ok());
    code.map_or(Said::Nothing, Said::Code)
}

impl Agent for AppAgent {
    fn next_line(&mut self) -> anyhow::Result<Option<Line>> {
        loop {
            let mut text = String::new();
            self.output.read_line(&mut text).context("reading from adb")?;
            if !text.ends_with('\n') {
                return Ok(None);
            }
            self.whole |= exit_code(&text).is_some();
            match said(&text) {
                Said::Line(json) => {
                    return serde_json::from_str(json)
                        .map(Some)
                        .with_context(|| format!("reading the app's line {json:?}"));
                }
                Said::Error(error) => {
                    self.error.get_or_insert_with(|| error.to_owned());
                }
                Said::Code(code) => self.code = Some(code),
                Said::Nothing => {}
            }
        }
    }

    /// An instrumentation listens to nobody: the app is ended at once, and its last run is lost.
    fn stopper(&self) -> Stopper {
        let bridge = self.bridge.clone();
        Box::new(move || drop(bridge.shell("stopping the app", &format!("am force-stop {PACKAGE}"))))
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Ended> {
        self.child.wait().context("waiting for adb")?;
        self.ended()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_adb_and_the_app_meet_is_said_alike() {
        assert!(EXCHANGE.ends_with(&format!("/{PACKAGE}")), "the app's own media folder");
        let said = format!("\nX={EXCHANGE}\n");
        assert!(include_str!("../../../tests/cli/adb/standins/am").contains(&said));
        assert!(include_str!("../../../../android/README.md").contains(&said));
    }

    #[test]
    fn what_am_prints_is_read() {
        // As of Android 8 and of Android 15.
        let printed = "INSTRUMENTATION_STATUS: line={\"kind\":\"end\"}\nINSTRUMENTATION_STATUS: stream=\n1/2 m\nINSTRUMENTATION_STATUS_CODE: 0\nINSTRUMENTATION_RESULT: longMsg=Native crash\nINSTRUMENTATION_RESULT: shortMsg=Native crash\nINSTRUMENTATION_CODE: 0\nINSTRUMENTATION_FAILED: a/.B\nonError: commandError=false message=INSTRUMENTATION_ABORTED: System has crashed.\nINSTRUMENTATION_RESULT: outcome=again\n";
        let read: Vec<Said<'_>> = printed.lines().map(said).filter(|said| *said != Said::Nothing).collect();
        let expected = [
            Said::Line("{\"kind\":\"end\"}"),
            Said::Error("Native crash"),
            Said::Error("Native crash"),
            Said::Code(0),
            Said::Error("INSTRUMENTATION_FAILED: a/.B"),
            Said::Error("INSTRUMENTATION_ABORTED: System has crashed."),
        ];
        assert_eq!(read, expected);
    }
}
