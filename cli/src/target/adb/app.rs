//! The agent as an instrumentation of the app: each process is `am instrument`, started anew.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout};

use anyhow::{Context, bail};
use packbench_core::record::Line;
use packbench_core::record::wire::Assignment;

use super::bridge::Bridge;
use super::push::bring;
use crate::shell::quoted;
use crate::target::app::{self, ASSIGNMENT, PACKAGE};
use crate::target::local::Local;
use crate::target::{Agent, Ended, Stopper};

/// What adb and the app both reach. The app copies models from there into its own directory.
const EXCHANGE: &str = "/sdcard/Android/media/dev.packbench.app";

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
            bring(bridge, &local, EXCHANGE)?;
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

/// An instrumentation under way.
pub struct AppAgent {
    bridge: Bridge,
    child: Child,
    output: BufReader<ChildStdout>,
    models: Vec<String>,
    error: Option<String>,
    code: Option<i32>,
}

impl AppAgent {
    /// Starts the app anew on an assignment.
    pub fn start(bridge: &Bridge, assignment: &Assignment) -> anyhow::Result<Self> {
        let file = app::written(assignment)?;
        bridge.push("handing over the assignment", file.path(), &format!("{EXCHANGE}/{ASSIGNMENT}"))?;
        let script = format!(
            "am force-stop {PACKAGE}; am instrument -w -r -e assignment {ASSIGNMENT} {PACKAGE}/.BenchInstrumentation 2>&1"
        );
        let mut child = bridge.spawn(&script)?;
        let output = BufReader::new(child.stdout.take().context("adb has no output")?);
        let models = app::names(assignment);
        Ok(AppAgent { bridge: bridge.clone(), child, output, models, error: None, code: None })
    }

    /// Once it has measured, the app has its models, and what was pushed would only be hashed again by each process. Once
    /// it was refused, nobody knows what the app has.
    fn remember(&self, has_models: bool) -> anyhow::Result<()> {
        for name in &self.models {
            let file = quoted(&format!("{EXCHANGE}/{name}"));
            let script = match has_models {
                true => format!(
                    "[ ! -f {file} ] || {{ cut -c1-64 {file}.known > {file}.taken; rm -f {file} {file}.known; }}"
                ),
                false => format!("rm -f {file}.taken"),
            };
            self.bridge.shell("remembering models", &script)?;
        }
        Ok(())
    }
}

/// What a line of `am instrument -r` tells.
enum Told<'a> {
    Line(&'a str),
    Error(&'a str),
    Code(i32),
    Nothing,
}

fn told(line: &str) -> Told<'_> {
    let line = line.trim_end();
    if let Some(json) = line.strip_prefix("INSTRUMENTATION_STATUS: line=") {
        return Told::Line(json);
    }
    let errors =
        ["INSTRUMENTATION_RESULT: error=", "INSTRUMENTATION_RESULT: longMsg=", "INSTRUMENTATION_FAILED: "];
    if let Some(error) = errors.iter().find_map(|prefix| line.strip_prefix(prefix)) {
        return Told::Error(error);
    }
    let code = line.strip_prefix("INSTRUMENTATION_CODE: ").and_then(|code| code.parse().ok());
    code.map_or(Told::Nothing, Told::Code)
}

impl Agent for AppAgent {
    fn next_line(&mut self) -> anyhow::Result<Option<Line>> {
        loop {
            let mut text = String::new();
            self.output.read_line(&mut text).context("reading from adb")?;
            if !text.ends_with('\n') {
                return Ok(None);
            }
            match told(&text) {
                Told::Line(json) => {
                    return serde_json::from_str(json)
                        .map(Some)
                        .with_context(|| format!("reading the app's line {json:?}"));
                }
                Told::Error(error) => self.error = Some(error.to_owned()),
                Told::Code(code) => self.code = Some(code),
                Told::Nothing => {}
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
        let error = self.error.take();
        let ended = match (self.code, error) {
            // Android's RESULT_OK.
            (Some(-1), _) => Ended::Finished,
            (Some(code), error) if Ended::told(code) == Some(Ended::Refused) => {
                app::refused(error.as_deref())
            }
            (Some(code), _) if Ended::told(code) == Some(Ended::Again) => Ended::Again,
            (_, Some(how)) => Ended::Died { how },
            (None, None) if !self.bridge.is_there() => {
                return Ok(Ended::Lost { how: format!("{}: its answer was cut off", self.bridge.serial()) });
            }
            (code, None) => Ended::Died { how: format!("the app ended with code {code:?}") },
        };
        self.remember(matches!(ended, Ended::Finished | Ended::Again))?;
        Ok(ended)
    }
}
