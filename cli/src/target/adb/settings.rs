//! Settings of the device that a session changes, and puts back whatever happens to it.
//!
//! Before a setting is changed, the command that puts it back is written into the session's note on the device. A watch waits
//! there as long as the session holds its end: when it ends, is killed or is unplugged, the watch obeys the note. Should the
//! device itself have stopped, the next session obeys it first. Whoever obeys a note takes it away before, so that nobody else
//! does; the next session waits for one that is being obeyed.

use std::process::{Child, Stdio};

use anyhow::bail;
use packbench_core::session;

use super::bridge::Bridge;
use super::shell::HOME;
use crate::shell::quoted;

/// The settings that a session changed; put back when this is dropped.
pub struct Settings {
    bridge: Bridge,
    /// The file of the session's note.
    note: String,
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

/// What the names of all notes begin with. One that is being obeyed ends with `.obeyed`.
const NOTES: &str = "/data/local/tmp/packbench/restore";

impl Settings {
    /// Obeys the notes of earlier sessions that couldn't.
    pub fn new(bridge: &Bridge) -> anyhow::Result<Self> {
        // A watch needs no time to speak of for its own: what is left after that is left for good.
        let script = format!(
            "n=0; while ls {NOTES}*.obeyed >/dev/null 2>&1 && [ $n -lt 100 ]; do sleep 0.05; n=$((n + 1)); done
            for note in {NOTES}*; do
                obeyed=${{note%.obeyed}}.obeyed
                [ \"$note\" = \"$obeyed\" ] || mv \"$note\" \"$obeyed\" 2>/dev/null || continue
                echo found; sh \"$obeyed\" >/dev/null 2>&1; rm -f \"$obeyed\"
            done"
        );
        if bridge.shell("putting settings back", &script)?.contains("found") {
            eprintln!("put back the settings that an earlier session left changed");
        }
        let note = format!("{NOTES}-{}", session::new_name());
        Ok(Settings { bridge: bridge.clone(), note, watch: None })
    }

    /// Clocks that stay where they are.
    pub fn fix_performance(&mut self) -> anyhow::Result<()> {
        let before = self.clocks()?;
        self.change(&FIXED_PERFORMANCE)?;
        eprintln!("fixed-performance mode: highest clocks {} kHz, before {before}", self.clocks()?);
        Ok(())
    }

    /// A screen that stays on while the device is plugged in, is on now and isn't behind a lock that a swipe opens. A device
    /// without settings has no screen.
    pub fn keep_screen_on(&mut self) -> anyhow::Result<()> {
        const KEY: &str = "global stay_on_while_plugged_in";
        let read = format!("! command -v settings >/dev/null || echo \"is $(settings get {KEY})\"");
        let before = self.bridge.shell("reading settings", &read)?;
        let undo = match before.trim().strip_prefix("is") {
            None => return Ok(()),
            Some(unset) if matches!(unset.trim(), "null" | "") => format!("settings delete {KEY}"),
            Some(value) => format!("settings put {KEY} {}", quoted(value.trim())),
        };
        let set = format!(
            "settings put {KEY} 7 && input keyevent KEYCODE_WAKEUP && {{ wm dismiss-keyguard || true; }}"
        );
        self.change(&Change { name: "the screen's timeout", set: &set, undo: &undo })?;
        match self.bridge.shell("reading settings", &format!("settings get {KEY}"))?.trim() {
            "7" => Ok(()),
            found => bail!("{KEY}: found {found} after it was set, expected 7: is the phone managed?"),
        }
    }

    /// Has `script` run on the device when the session is over, whatever ends it.
    pub fn afterwards(&mut self, script: &str) -> anyhow::Result<()> {
        self.change(&Change { name: "nothing", set: "true", undo: script })
    }

    fn change(&mut self, change: &Change<'_>) -> anyhow::Result<()> {
        let Change { name, set, undo } = change;
        // What was changed last is put back first.
        let (note, undo) = (&self.note, quoted(undo));
        let script = format!(
            "mkdir -p {HOME}; {{ echo {undo}; cat {note} 2>/dev/null; }} > {HOME}/new; mv {HOME}/new {note}"
        );
        self.bridge.shell("writing a note", &script)?;
        if self.watch.is_none() {
            let obey = format!("mv {note} {note}.obeyed && {{ sh {note}.obeyed; rm -f {note}.obeyed; }}");
            let script = format!("cat >/dev/null; {{ {obey}; }} >/dev/null 2>&1");
            self.watch = Some(self.bridge.spawn(&script, Stdio::piped(), Stdio::null())?);
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

impl Drop for Settings {
    fn drop(&mut self) {
        let Some(mut watch) = self.watch.take() else { return };
        // With its input closed the watch obeys. One that can't be reached does so by itself.
        drop(watch.stdin.take());
        let _ = watch.wait();
    }
}
