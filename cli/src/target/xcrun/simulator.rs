//! A simulator, as simctl reaches it. Its files are files of this Mac.

use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command};
use std::sync::Mutex;
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, bail};
use packbench_core::unit::Bytes;
use serde_json::Value;

use super::Device;
use super::tool::{Answer, INSTALL, LOOK, ask, xcrun};
use super::trouble::{complaint, with_remedy};
use crate::target::choice::{self, Kind, Seen};
use crate::target::went_away;

const SIMULATOR: Kind = Kind {
    name: "sim",
    noun: "booted simulator",
    remedy: "xcrun simctl boot \"iPhone 16\", or open -a Simulator",
};

/// A simulator that is booted.
#[derive(Debug)]
pub struct Simulator {
    udid: String,
    /// What the app is known by.
    app_id: String,
}

impl Simulator {
    /// Reaches the simulator of that UDID or name, or the only one that is booted.
    pub fn open(wanted: Option<&str>, app_id: &str) -> anyhow::Result<Self> {
        let mut seen = seen(&list()?);
        // Every Mac has dozens that aren't.
        seen.retain(|device| wanted.is_some() || device.remedy.is_none());
        let udid = choice::choose(&seen, wanted, SIMULATOR)?;
        Ok(Simulator { udid, app_id: app_id.to_owned() })
    }

    fn simctl(&self, verb: &str) -> Command {
        let mut command = xcrun("simctl");
        command.args([verb, &self.udid]);
        command
    }

    /// Does something. A simulator that isn't booted any more is said to have gone.
    fn answer(&self, doing: &str, command: Command, limit: Duration) -> anyhow::Result<Answer> {
        let answer = ask(doing, command, limit)?;
        match answer.success || self.is_there() {
            true => Ok(answer),
            false => Err(went_away(doing, &self.udid, &with_remedy(&complaint(&answer, &Value::Null)))),
        }
    }

    /// The same, where a refusal is an error.
    fn done(&self, doing: &str, command: Command, limit: Duration) -> anyhow::Result<Answer> {
        let answer = self.answer(doing, command, limit)?;
        match answer.success {
            true => Ok(answer),
            false => bail!("{doing}: {}", with_remedy(&complaint(&answer, &Value::Null))),
        }
    }

    /// Asked for each time: where it lies changes with each installation.
    fn file(&self, name: &str) -> anyhow::Result<PathBuf> {
        let mut command = self.simctl("get_app_container");
        command.args([&*self.app_id, "data"]);
        let answer = self.done("asking for the app's files", command, LOOK)?;
        let documents = Path::new(answer.stdout.trim()).join("Documents");
        // An app that was never launched may have none.
        fs::create_dir_all(&documents).with_context(|| documents.display().to_string())?;
        Ok(documents.join(name))
    }
}

impl Device for Simulator {
    fn name(&self) -> &str {
        &self.udid
    }

    fn install(&self, app: &Path) -> anyhow::Result<()> {
        let mut command = self.simctl("install");
        command.arg(app);
        self.done("installing the app", command, INSTALL).map(drop)
    }

    fn has_app(&self) -> anyhow::Result<bool> {
        let mut command = self.simctl("get_app_container");
        command.arg(&self.app_id);
        Ok(self.answer("asking for the app", command, LOOK)?.success)
    }

    fn holds(&self, name: &str, len: Option<Bytes>) -> anyhow::Result<bool> {
        let facts = fs::metadata(self.file(name)?);
        Ok(facts.is_ok_and(|facts| len.is_none_or(|len| facts.len() == len.0)))
    }

    fn put(&self, doing: &str, local: &Path, name: &str) -> anyhow::Result<()> {
        fs::copy(local, self.file(name)?).with_context(|| doing.to_owned()).map(drop)
    }

    fn fetch(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        match fs::read(self.file(name)?) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("fetching {name}")),
        }
    }

    fn launch(&self, arguments: &[&str]) -> Command {
        let mut command = xcrun("simctl");
        command.args(["launch", "--console", "--terminate-running-process", &self.udid, &self.app_id]);
        command.args(arguments);
        command
    }

    /// Its console takes nothing.
    fn interrupt(&self, _input: &Mutex<ChildStdin>) {
        self.terminate();
    }

    fn terminate(&self) {
        let mut command = self.simctl("terminate");
        command.arg(&self.app_id);
        let _ = ask("stopping the app", command, LOOK);
    }

    fn is_there(&self) -> bool {
        let listed = list().map(|json| seen(&json)).unwrap_or_default();
        listed.iter().any(|device| device.id == self.udid && device.remedy.is_none())
    }
}

fn list() -> anyhow::Result<Value> {
    let mut command = xcrun("simctl");
    command.args(["list", "devices", "--json"]);
    let answer = ask("asking for simulators", command, LOOK)?;
    if !answer.success {
        bail!("asking for simulators: {}", with_remedy(&complaint(&answer, &Value::Null)));
    }
    serde_json::from_str(&answer.stdout).context("reading what xcrun simctl list devices --json answers")
}

/// The simulators of iPhones and iPads in `{"devices": {"com.apple.CoreSimulator.SimRuntime.iOS-17-0": [{"udid": …, "name": …,
/// "state": "Booted"}]}}`.
fn seen(json: &Value) -> Vec<Seen> {
    let runtimes = json["devices"].as_object().into_iter().flatten();
    let ours = runtimes.filter(|(runtime, _)| runtime.contains(".iOS-"));
    ours.flat_map(|(_, devices)| devices.as_array().into_iter().flatten()).filter_map(simulator).collect()
}

fn simulator(device: &Value) -> Option<Seen> {
    let text = |key: &str| device[key].as_str().map(str::to_owned);
    let state = text("state").unwrap_or_default();
    let remedy = (state != "Booted").then_some("boot it: xcrun simctl boot UDID");
    Some(Seen { id: text("udid")?, other_names: text("name").into_iter().collect(), state, remedy })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    /// As device_finder's `test/test_data.dart` quotes simctl.
    fn said(wanted: Option<&str>) -> String {
        let json = serde_json::json!({"devices": {
        "com.apple.CoreSimulator.SimRuntime.tvOS-14-2": [{"udid": "T", "state": "Booted", "name": "Apple TV"}],
        "com.apple.CoreSimulator.SimRuntime.iOS-17-0": [
            {"udid": "A", "isAvailable": true, "state": "Shutdown", "name": "iPhone 15"},
            {"udid": "B", "isAvailable": true, "state": "Booted", "name": "iPhone 16"}
        ]}});
        choice::choose(&seen(&json), wanted, SIMULATOR).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn the_simulator_that_is_meant_is_taken() {
        assert_eq!([None, Some("B"), Some("iPhone 16")].map(said), ["B", "B", "B"]);
        assert_snapshot!(said(Some("A")), @"found A Shutdown, expected it ready: boot it: xcrun simctl boot UDID");
        assert_snapshot!(said(Some("T")), @"found no booted simulator T, expected one of: A, B");
    }
}
