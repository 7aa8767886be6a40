//! Settings of the device that a session changes, and puts back whatever happens to it.
//!
//! Before a setting is changed, the command that puts it back is written into a note on the device. A watch waits there as
//! long as the session holds its end: when it ends, is killed or is unplugged, the watch obeys the note. Should the device
//! itself have stopped, the next session obeys it first.

use std::process::Child;

use anyhow::bail;

use super::bridge::Bridge;
use super::shell::HOME;
use crate::shell::quoted;

/// The settings that a session changed; put back when this is dropped.
pub struct Settings {
    bridge: Bridge,
    watch: Option<Child>,
}

/// A change, and what it was before: commands of the device's shell.
struct Change<'a> {
    name: &'a str,
    set: &'a str,
    undo: &'a str,
}

const FIXED_PERFORMANCE: Change<'_> = Change {
    name: "fixed-performance mode",
    set: "cmd power set-fixed-performance-mode-enabled true",
    // Android tells nobody whether it is on. It is off unless somebody turned it on by this very command.
    undo: "cmd power set-fixed-performance-mode-enabled false",
};

impl Settings {
    /// Obeys the note of an earlier session that couldn't.
    pub fn new(bridge: &Bridge) -> anyhow::Result<Self> {
        let look = format!("[ -f {HOME}/restore ] && echo found; true");
        if bridge.shell("looking for a note", &look)?.trim() == "found" {
            eprintln!("putting back the settings that an earlier session left changed");
            bridge.shell("putting settings back", &obey())?;
        }
        Ok(Settings { bridge: bridge.clone(), watch: None })
    }

    /// Clocks that stay where they are.
    pub fn fix_performance(&mut self) -> anyhow::Result<()> {
        let before = self.clocks()?;
        self.change(&FIXED_PERFORMANCE)?;
        eprintln!("fixed-performance mode: highest clocks {} kHz, before {before}", self.clocks()?);
        Ok(())
    }

    /// A screen that stays on while the device is plugged in, and is on now.
    pub fn keep_screen_on(&mut self) -> anyhow::Result<()> {
        const KEY: &str = "global stay_on_while_plugged_in";
        let before = self.bridge.shell("reading settings", &format!("settings get {KEY}"))?;
        let undo = match before.trim() {
            "null" | "" => format!("settings delete {KEY}"),
            value => format!("settings put {KEY} {}", quoted(value)),
        };
        let set = format!("settings put {KEY} 7 && input keyevent KEYCODE_WAKEUP");
        self.change(&Change { name: "the screen's timeout", set: &set, undo: &undo })?;
        match self.bridge.shell("reading settings", &format!("settings get {KEY}"))?.trim() {
            "7" => Ok(()),
            found => bail!("{KEY}: found {found} after it was set, expected 7: is the phone managed?"),
        }
    }

    fn change(&mut self, change: &Change<'_>) -> anyhow::Result<()> {
        let Change { name, set, undo } = change;
        // What was changed last is put back first.
        let note = format!(
            "mkdir -p {HOME}; cd {HOME}; {{ echo {}; cat restore 2>/dev/null; }} > restore.new; mv restore.new restore",
            quoted(undo)
        );
        self.bridge.shell("writing a note", &note)?;
        if self.watch.is_none() {
            self.watch = Some(self.bridge.spawn(&format!("cat >/dev/null; {}", obey()))?);
        }
        let doing = format!("changing {name} (not every phone has it: measure without it)");
        match self.bridge.shell(&doing, &format!("{set} 2>&1"))? {
            said if said.contains("Failed") => bail!("{doing}: {}", said.trim()),
            _ => Ok(()),
        }
    }

    /// The highest clock of each group of processors: what can be read back.
    fn clocks(&self) -> anyhow::Result<String> {
        let script = "cat /sys/devices/system/cpu/cpufreq/policy*/scaling_max_freq 2>/dev/null; true";
        let text = self.bridge.shell("reading clocks", script)?;
        let clocks: Vec<&str> = text.split_whitespace().collect();
        Ok(if clocks.is_empty() { "not readable".to_owned() } else { clocks.join(", ") })
    }
}

fn obey() -> String {
    format!("[ ! -f {HOME}/restore ] || {{ sh {HOME}/restore; rm -f {HOME}/restore; }}")
}

impl Drop for Settings {
    fn drop(&mut self) {
        let Some(mut watch) = self.watch.take() else { return };
        // With its input closed the watch obeys. One that can't be reached does so by itself.
        drop(watch.stdin.take());
        let _ = watch.wait();
    }
}
