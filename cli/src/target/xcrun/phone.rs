//! An iPhone or iPad, as devicectl reaches it: iOS 17 or newer.
//!
//! devicectl's help calls the JSON that it writes into a file its only interface for programs, and doesn't say what stands
//! in it. So it is taken as others have seen it (ios/README.md), and what is missing is `None`.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{ChildStdin, Command};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, anyhow};
use packbench_core::unit::Bytes;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::Device;
use super::tool::{INSTALL, LOOK, ask, copying, xcrun};
use super::trouble::{complaint, with_remedy};
use crate::target::choice::{self, Kind, Seen};
use crate::target::went_away;

const IOS: Kind = Kind {
    name: "ios",
    noun: "iPhone",
    remedy: "plug one in that has iOS 17 or newer, unlock it, and tap Trust (xcrun devicectl list devices)",
};

/// What a terminal makes an interrupt of.
const CTRL_C: &[u8] = b"\x03";

/// A phone.
#[derive(Debug)]
pub struct Phone {
    udid: String,
    /// What the app is known by.
    app_id: String,
}

impl Phone {
    /// Reaches the phone of that UDID or name, or the only one.
    pub fn open(wanted: Option<&str>, app_id: &str) -> anyhow::Result<Self> {
        let udid = choice::choose(&seen(&list()?), wanted, IOS)?;
        Ok(Phone { udid, app_id: app_id.to_owned() })
    }

    /// `devicectl device WORDS… --device UDID`, and what is to follow.
    fn device(&self, words: &[&str]) -> Command {
        let mut command = xcrun("devicectl");
        command.arg("device").args(words).args(["--device", &self.udid]);
        command
    }

    /// The same, of files in the app's data container.
    fn container(&self, words: &[&str]) -> Command {
        let mut command = self.device(words);
        command.args(["--domain-type", "appDataContainer", "--domain-identifier", &self.app_id]);
        command
    }

    /// Does something, and says what devicectl complained of where it refuses. A phone that isn't there any more is said to
    /// have gone.
    fn answer(
        &self,
        doing: &str,
        command: Command,
        limit: Duration,
    ) -> anyhow::Result<Result<Value, String>> {
        let gone = |said: &str| went_away(doing, &self.udid, said);
        match answer(doing, command, limit) {
            Ok(Err(complaint)) if !self.is_there() => Err(gone(&complaint)),
            Err(error) if !self.is_there() => Err(gone(&error.root_cause().to_string())),
            answer => answer,
        }
    }

    /// The processes of the app: those whose program lies where the app is installed.
    fn processes(&self) -> anyhow::Result<Vec<u64>> {
        let Some(place) = self.app()?.and_then(|app| app["url"].as_str().map(str::to_owned)) else {
            return Ok(Vec::new());
        };
        let result = self.result("asking for the app", self.device(&["info", "processes"]), LOOK)?;
        let processes = result["runningProcesses"].as_array().into_iter().flatten();
        let ours = processes.filter(|process| {
            process["executable"].as_str().is_some_and(|program| program.starts_with(&place))
        });
        Ok(ours.filter_map(|process| process["processIdentifier"].as_u64()).collect())
    }

    /// What devicectl tells of the app; `None` where it isn't installed.
    fn app(&self) -> anyhow::Result<Option<Value>> {
        let mut command = self.device(&["info", "apps"]);
        command.args(["--bundle-id", &self.app_id]);
        let mut result = self.result("asking for the app", command, LOOK)?;
        let apps = result["apps"].as_array_mut().map(std::mem::take).unwrap_or_default();
        Ok(apps.into_iter().find(|app| app["bundleIdentifier"] == *self.app_id))
    }

    /// The same, where a refusal is an error.
    fn result(&self, doing: &str, command: Command, limit: Duration) -> anyhow::Result<Value> {
        accepted(doing, self.answer(doing, command, limit)?)
    }
}

impl Device for Phone {
    fn name(&self) -> &str {
        &self.udid
    }

    fn install(&self, app: &Path) -> anyhow::Result<()> {
        let mut command = self.device(&["install", "app"]);
        command.arg(app);
        self.result("installing the app", command, INSTALL).map(drop)
    }

    fn has_app(&self) -> anyhow::Result<bool> {
        Ok(self.app()?.is_some())
    }

    fn holds(&self, name: &str, len: Option<Bytes>) -> anyhow::Result<bool> {
        let mut command = self.container(&["info", "files"]);
        command.args(["--subdirectory", "Documents"]);
        let result = self.result("looking for models", command, LOOK)?;
        let mut files = result["files"].as_array().into_iter().flatten();
        let Some(file) = files.find(|file| file["name"] == name) else { return Ok(false) };
        // One that is there, and whose size devicectl tells in another way, is believed to be whole.
        let size = file["metadata"]["size"].as_u64().map(Bytes);
        Ok(len.zip(size).is_none_or(|(expected, found)| expected == found))
    }

    fn put(&self, doing: &str, local: &Path, name: &str) -> anyhow::Result<()> {
        let len = local.metadata().with_context(|| local.display().to_string())?.len();
        let mut command = self.container(&["copy", "to"]);
        command.arg("--source").arg(local).args(["--destination", &format!("Documents/{name}")]);
        self.result(doing, command, copying(Bytes(len))).map(drop)
    }

    fn fetch(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        // devicectl overwrites nothing.
        let folder = tempfile::tempdir().context("a folder for what is fetched")?;
        let file = folder.path().join("fetched");
        let mut command = self.container(&["copy", "from"]);
        command.args(["--source", &format!("Documents/{name}")]).arg("--destination").arg(&file);
        match self.answer(&format!("fetching {name}"), command, LOOK)? {
            Ok(_) => Ok(Some(std::fs::read(&file).context("reading what was fetched")?)),
            // What isn't there can't be told from what can't be read.
            Err(_) => Ok(None),
        }
    }

    /// devicectl connects an app's streams with a terminal alone: `script` gives it one.
    fn launch(&self, arguments: &[&str]) -> Command {
        let mut launch = self.device(&["process", "launch", "--console", "--terminate-existing"]);
        // Without the two dashes devicectl takes what follows for flags of its own.
        launch.args([&*self.app_id, "--"]).args(arguments);
        let mut command = Command::new("script");
        command.args(["-q", "-t", "0", "/dev/null"]).arg(launch.get_program()).args(launch.get_args());
        command
    }

    /// The terminal makes a signal of it for devicectl, which hands signals on to the app.
    fn interrupt(&self, input: &Mutex<ChildStdin>) {
        let mut input = input.lock().unwrap_or_else(PoisonError::into_inner);
        // An app that has ended needn't be stopped.
        let _ = input.write_all(CTRL_C).and_then(|()| input.flush());
    }

    fn terminate(&self) {
        for process in self.processes().unwrap_or_default() {
            let mut command = self.device(&["process", "terminate"]);
            command.args(["--pid", &process.to_string(), "--kill"]);
            let _ = self.result("ending the app", command, LOOK);
        }
    }

    fn is_there(&self) -> bool {
        let listed = list().map(|result| seen(&result)).unwrap_or_default();
        listed.iter().any(|device| device.id == self.udid && device.remedy.is_none())
    }
}

fn list() -> anyhow::Result<Value> {
    let mut command = xcrun("devicectl");
    command.args(["list", "devices"]);
    let doing = "asking for devices";
    accepted(doing, answer(doing, command, LOOK)?)
}

/// What a command of devicectl came to, or what it complained of, by the JSON that it writes into a file.
///
/// # Errors
/// That it answered nothing: then nobody knows what it did.
fn answer(doing: &str, mut command: Command, limit: Duration) -> anyhow::Result<Result<Value, String>> {
    let file = NamedTempFile::new().context("a file for devicectl's answer")?;
    command.args([OsStr::new("--json-output"), file.path().as_os_str()]);
    let answer = ask(doing, command, limit)?;
    let json = std::fs::read(file.path()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut json: Value = json.unwrap_or_default();
    if !answer.success || json["info"]["outcome"].as_str().is_some_and(|outcome| outcome != "success") {
        return Ok(Err(complaint(&answer, &json)));
    }
    Ok(Ok(json["result"].take()))
}

fn accepted(doing: &str, answer: Result<Value, String>) -> anyhow::Result<Value> {
    answer.map_err(|complaint| anyhow!("{doing}: {}", with_remedy(&complaint)))
}

/// The phones and tablets in what `devicectl list devices` answers.
fn seen(result: &Value) -> Vec<Seen> {
    let devices = result["devices"].as_array().into_iter().flatten();
    devices.filter(|device| is_phone(&device["hardwareProperties"])).filter_map(phone).collect()
}

/// Watches, televisions and simulators are listed, too.
fn is_phone(hardware: &Value) -> bool {
    let is = |key: &str, wanted: &[&str]| hardware[key].as_str().is_none_or(|found| wanted.contains(&found));
    is("platform", &["iOS", "iPadOS"])
        && is("deviceType", &["iPhone", "iPad"])
        && is("reality", &["physical"])
}

fn phone(device: &Value) -> Option<Seen> {
    let (connection, properties) = (&device["connectionProperties"], &device["deviceProperties"]);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let identifier = text(&device["identifier"]);
    let id = text(&device["hardwareProperties"]["udid"]).or_else(|| identifier.clone())?;
    let name = text(&properties["name"]);
    let pairing = connection["pairingState"].as_str().filter(|state| *state != "paired");
    let mode = properties["developerModeStatus"].as_str().filter(|status| *status != "enabled");
    let tunnel = connection["tunnelState"].as_str();
    let (state, remedy) = match (pairing, tunnel, mode) {
        (Some("unsupported"), ..) => ("unsupported", Some("devicectl takes iOS 17 or newer")),
        (Some(pairing), ..) => (pairing, Some("plug it in, unlock it, tap Trust, and enter its passcode")),
        (_, Some("unavailable"), _) => ("unavailable", Some("plug it in, and unlock it")),
        (.., Some(_)) => (
            "without Developer Mode",
            Some("turn it on: Settings › Privacy & Security › Developer Mode, and start the phone again"),
        ),
        _ => ("ready", None),
    };
    let other_names = [identifier, name].into_iter().flatten().collect();
    Some(Seen { id, other_names, state: state.to_owned(), remedy })
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    /// As in flutter_tools' `test/general.shard/ios/core_devices_test.dart`, which quotes devicectl.
    fn listed(connection: &Value, mode: &str) -> Value {
        serde_json::json!({
            "capabilities": [{"featureIdentifier": "com.apple.coredevice.feature.launchapplication"}],
            "connectionProperties": connection,
            "deviceProperties": {"name": "Jo's iPhone", "developerModeStatus": mode, "osVersionNumber": "17.0"},
            "hardwareProperties": {"deviceType": "iPhone", "platform": "iOS", "udid": "00001234-0001234A3C03401E"},
            "identifier": "123456BB5-AEDE-7A22-B890-1234567890DD",
            "visibilityClass": "default"
        })
    }

    fn said(devices: &[Value], wanted: Option<&str>) -> String {
        let listed = seen(&serde_json::json!({ "devices": devices }));
        choice::choose(&listed, wanted, IOS).unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn the_phone_that_is_meant_is_taken() {
        let wired = serde_json::json!({"pairingState": "paired", "transportType": "wired", "tunnelState": "disconnected"});
        let phone = listed(&wired, "enabled");
        let watch = serde_json::json!({"hardwareProperties": {"deviceType": "appleWatch", "platform": "watchOS", "udid": "w"}});
        for wanted in [None, Some("Jo's iPhone"), Some("123456BB5-AEDE-7A22-B890-1234567890DD")] {
            assert_eq!(said(&[watch.clone(), phone.clone()], wanted), "00001234-0001234A3C03401E");
        }
        // A version of devicectl that tells less is believed.
        assert_eq!(said(&[serde_json::json!({"identifier": "A"})], None), "A");
        assert_snapshot!(said(&[watch], None), @"found no iPhone, expected one: plug one in that has iOS 17 or newer, unlock it, and tap Trust (xcrun devicectl list devices)");
        let other = serde_json::json!({"identifier": "B"});
        assert_snapshot!(said(&[phone.clone(), other.clone()], Some("C")), @"found no iPhone C, expected one of: 00001234-0001234A3C03401E, B");
        assert_snapshot!(said(&[phone, other], None), @r"
        found 2 iPhones, expected one. Name it:
          --on ios:00001234-0001234A3C03401E   (ready)
          --on ios:B   (ready)
        ");
    }

    #[test]
    fn one_that_cannot_be_used_says_what_to_do() {
        let unpaired = listed(&serde_json::json!({"pairingState": "unpaired"}), "enabled");
        assert_snapshot!(said(&[unpaired], None), @"found 00001234-0001234A3C03401E unpaired, expected it ready: plug it in, unlock it, tap Trust, and enter its passcode");
        let old = listed(&serde_json::json!({"pairingState": "unsupported"}), "enabled");
        assert_snapshot!(said(&[old], None), @"found 00001234-0001234A3C03401E unsupported, expected it ready: devicectl takes iOS 17 or newer");
        let far =
            listed(&serde_json::json!({"pairingState": "paired", "tunnelState": "unavailable"}), "enabled");
        assert_snapshot!(said(&[far], None), @"found 00001234-0001234A3C03401E unavailable, expected it ready: plug it in, and unlock it");
        let off = listed(&serde_json::json!({"pairingState": "paired"}), "disabled");
        assert_snapshot!(said(&[off], None), @"found 00001234-0001234A3C03401E without Developer Mode, expected it ready: turn it on: Settings › Privacy & Security › Developer Mode, and start the phone again");
    }
}
