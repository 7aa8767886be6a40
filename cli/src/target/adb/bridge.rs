//! The program adb, and one device behind it.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use anyhow::bail;

use super::devices;
use crate::target::went_away;

/// Before the exit code of a script: adb itself ends with 0 when an answer is cut off.
const ENDED: &str = "packbench: ended with ";

/// `script`, and then its exit code.
pub fn ending(script: &str) -> String {
    format!("({script}\n); echo \"{ENDED}$?\"")
}

/// The exit code, if `line` is what a script ended with.
pub fn exit_code(line: &str) -> Option<i32> {
    line.split_once(ENDED)?.1.trim().parse().ok()
}

/// A device that adb reached.
#[derive(Clone, Debug)]
pub struct Bridge {
    serial: String,
}

impl Bridge {
    /// Reaches the device with that serial number, or the only one.
    pub fn open(wanted: Option<&str>) -> anyhow::Result<Self> {
        let output = adb().arg("devices").output().map_err(missing)?;
        if !output.status.success() {
            bail!("adb devices: {}", said(&output));
        }
        let serial = devices::choose(&String::from_utf8_lossy(&output.stdout), wanted)?;
        Ok(Bridge { serial })
    }

    /// Its serial number.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// What a script of the device's shell prints. `doing` says in an error what failed.
    ///
    /// # Errors
    /// A script that ends with another code than 0, and a device that went away.
    pub fn shell(&self, doing: &str, script: &str) -> anyhow::Result<String> {
        let output = self.adb(&["shell", "-T", &ending(script)]).output().map_err(missing)?;
        let printed = String::from_utf8_lossy(&output.stdout);
        match printed.rsplit_once(ENDED) {
            Some((answer, code)) if code.trim() == "0" => Ok(answer.to_owned()),
            Some((_, code)) => bail!("{doing}: {} (exit code {})", said(&output), code.trim()),
            None => Err(self.gone(doing, &output)),
        }
    }

    /// Copies a file of this machine to the device.
    pub fn push(&self, doing: &str, local: &Path, remote: &str) -> anyhow::Result<()> {
        let output = self.adb(&["push"]).arg(local).arg(remote).output().map_err(missing)?;
        match output.status.success() {
            true => Ok(()),
            false if self.is_there() => bail!("{doing}: {}", said(&output)),
            false => Err(self.gone(doing, &output)),
        }
    }

    /// Starts a script with this input, its output ours, and its errors there. In a group of its own: Ctrl-C reaches us alone.
    pub fn spawn(&self, script: &str, input: Stdio, errors: Stdio) -> anyhow::Result<Child> {
        let mut command = self.adb(&["shell", "-T", script]);
        command.stdin(input).stdout(Stdio::piped()).stderr(errors).process_group(0);
        command.spawn().map_err(missing)
    }

    /// Whether it can be reached now.
    pub fn is_there(&self) -> bool {
        let state = self.adb(&["get-state"]).output();
        state.is_ok_and(|output| output.stdout.trim_ascii() == b"device")
    }

    fn adb(&self, arguments: &[&str]) -> Command {
        let mut command = adb();
        command.args(["-s", &self.serial]).args(arguments);
        command
    }

    fn gone(&self, doing: &str, output: &Output) -> anyhow::Error {
        went_away(doing, &self.serial, &said(output))
    }
}

fn adb() -> Command {
    let mut command = Command::new("adb");
    command.stdin(Stdio::null());
    command
}

fn missing(error: io::Error) -> anyhow::Error {
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    let hint =
        if is_missing { ": install it (Debian's package adb, or Android's platform-tools)" } else { "" };
    anyhow::Error::new(error).context(format!("starting adb{hint}"))
}

/// The last line of what a command complained of.
fn said(output: &Output) -> String {
    let texts = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes));
    let mut lines = texts.iter().flat_map(|text| text.lines().rev()).map(str::trim);
    let says = |line: &&str| !line.is_empty() && exit_code(line).is_none();
    lines.find(says).map_or_else(|| output.status.to_string(), str::to_owned)
}
