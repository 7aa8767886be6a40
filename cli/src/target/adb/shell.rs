//! The agent as a program of the device's shell.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use anyhow::Context;
use packbench_core::record::Line;
use packbench_core::record::wire::Request;

use super::bridge::{Bridge, ending, exit_code};
use crate::shell::quoted;
use crate::target::{Agent, Ended, Stopper, stopper};

/// All that is ours on the device.
pub const HOME: &str = "/data/local/tmp/packbench";
/// Models, each in a folder of its own.
pub const MODELS: &str = "/data/local/tmp/packbench/models";

/// Since Android 12 the shell may have the whole page cache dropped. Proof is the agent's. Where it is refused there is a file
/// that says so: not each process waits for it again.
const DROP_CACHES: &str = "\
if [ ! -e keeps-caches ] && [ \"$(getprop ro.build.version.sdk 2>/dev/null || echo 0)\" -ge 31 ] 2>/dev/null; then
    sync; n=0; setprop perf.drop_caches 3 2>/dev/null || n=100
    while [ \"$(getprop perf.drop_caches)\" != 0 ] && [ $n -lt 100 ]; do sleep 0.05; n=$((n + 1)); done
    [ $n -lt 100 ] || : > keeps-caches
fi";

/// Another session may be let do what an earlier one was refused.
pub fn forget_refusals(bridge: &Bridge) -> anyhow::Result<()> {
    bridge.shell("looking around", &format!("rm -f {HOME}/keeps-caches")).map(drop)
}

/// A process on the device, started by its shell.
pub struct ShellAgent {
    bridge: Bridge,
    child: Child,
    /// Kept open as long as the agent is wanted.
    input: Arc<Mutex<ChildStdin>>,
    output: BufReader<ChildStdout>,
    complaints: Option<JoinHandle<Option<String>>>,
    code: Option<i32>,
}

impl ShellAgent {
    /// Starts `program` of the device on a request.
    pub fn start(bridge: &Bridge, program: &str, request: &Request) -> anyhow::Result<Self> {
        let script = format!("cd {HOME}; {DROP_CACHES}\nexec {}", quoted(program));
        let mut child = bridge.spawn(&ending(&script), Stdio::piped(), Stdio::piped())?;
        let mut input = child.stdin.take().context("adb has no input")?;
        let output = child.stdout.take().context("adb has no output")?;
        let errors = child.stderr.take().context("adb has no errors")?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        // Where it can't be written the device is gone: reading says so, and how.
        let _ = input.write_all(&line);
        let complaints = Some(std::thread::spawn(move || pass_on(BufReader::new(errors))));
        let (bridge, input) = (bridge.clone(), Arc::new(Mutex::new(input)));
        Ok(ShellAgent { bridge, child, input, output: BufReader::new(output), complaints, code: None })
    }

    /// The next line of the agent, without its end.
    pub fn next_text(&mut self) -> anyhow::Result<Option<String>> {
        let mut line = String::new();
        self.output.read_line(&mut line).context("reading from adb")?;
        // What was cut off may end in the middle of a line.
        let Some(line) = line.strip_suffix('\n') else { return Ok(None) };
        let line = line.trim_end_matches('\r');
        self.code = exit_code(line);
        // An agent that was killed may leave the beginning of a line before it.
        Ok(self.code.is_none().then(|| line.to_owned()))
    }

    fn ended(&mut self) -> Ended {
        let complaint = self.complaints.take().and_then(|thread| thread.join().ok()).flatten();
        let Some(code) = self.code else {
            let how = complaint.unwrap_or_else(|| "its answer was cut off".to_owned());
            return Ended::Lost { how: format!("{}: {how}", self.bridge.serial()) };
        };
        if let Some(ended) = Ended::told(code) {
            return ended;
        }
        match code {
            126 | 127 => Ended::Died { how: complaint.unwrap_or_else(|| "it can't be started".to_owned()) },
            // As shells say it.
            code if code > 128 => Ended::Died { how: format!("signal: {}", code - 128) },
            code => Ended::Died { how: format!("exit status: {code}") },
        }
    }
}

/// Shows what the agent, or adb, complains of, and returns the last of it.
fn pass_on(errors: impl BufRead) -> Option<String> {
    errors.lines().map_while(Result::ok).inspect(|line| eprintln!("{line}")).last()
}

impl Agent for ShellAgent {
    fn next_line(&mut self) -> anyhow::Result<Option<Line>> {
        let Some(text) = self.next_text()? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).with_context(|| format!("reading the agent's line {text:?}"))
    }

    fn stopper(&self) -> Stopper {
        stopper(&self.input)
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Ended> {
        let ended = self.ended();
        self.child.wait().context("waiting for adb")?;
        Ok(ended)
    }
}

/// The agent for a device whose processor calls itself `machine`, beside this program.
pub fn default_agent(machine: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("finding this program")?;
    Ok(program.with_file_name(format!("packbench-agent-{machine}")))
}

/// Whether `agent` is made for a processor that calls itself `machine`.
pub fn check_agent(agent: &Path, machine: &str) -> anyhow::Result<()> {
    let remedy = "build it with: cargo build --profile bench-device -p packbench-agent --target \
                  TARGET, and name it by --agent";
    let bytes = std::fs::read(agent)
        .with_context(|| format!("{}: expected an agent for {machine} there: {remedy}", agent.display()))?;
    let found = match (bytes.get(..4), bytes.get(18..20)) {
        (Some(b"\x7fELF"), Some([0x3e, 0])) => "x86_64",
        (Some(b"\x7fELF"), Some([0xb7, 0])) => "aarch64",
        (Some(b"\x7fELF"), Some([0x28, 0])) => "arm",
        (Some(b"\x7fELF"), Some([0x03, 0])) => "i686",
        _ => "no program",
    };
    let runs = machine == found || (machine.starts_with("arm") && found == "arm");
    anyhow::ensure!(runs, "{}: found {found}, expected one for {machine}: {remedy}", agent.display());
    Ok(())
}
