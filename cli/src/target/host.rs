//! This machine: an agent is this program, started again.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use anyhow::{Context, bail};
use packbench_core::record::wire::{Assignment, Request};
use packbench_core::record::{Check, Line, WeightTrace};
use serde::de::DeserializeOwned;

use super::{Agent, Ended, Stopper, Target, TraceQuestion, stopper};

/// This machine.
pub struct Host {
    program: PathBuf,
}

impl Host {
    /// This machine, with this very program as agent.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Host { program: std::env::current_exe().context("finding this program, to start it as agent")? })
    }

    fn spawn(&self, request: &Request) -> anyhow::Result<HostAgent> {
        let mut command = Command::new(&self.program);
        command.arg("agent").stdin(Stdio::piped()).stdout(Stdio::piped());
        // A group of its own: Ctrl-C reaches us alone, and we ask the agent to stop between two runs.
        command.process_group(0);
        let mut child =
            command.spawn().with_context(|| format!("starting the agent {}", self.program.display()))?;
        let mut input = child.stdin.take().context("the agent has no input")?;
        let output = child.stdout.take().context("the agent has no output")?;
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        input.write_all(&line).context("handing the agent its request")?;
        Ok(HostAgent { child, input: Arc::new(Mutex::new(input)), output: BufReader::new(output) })
    }

    /// A request that is answered by one line.
    fn ask<T: DeserializeOwned>(&self, request: &Request) -> anyhow::Result<T> {
        let mut agent = self.spawn(request)?;
        let mut answer = String::new();
        agent.output.read_line(&mut answer).context("reading the agent's answer")?;
        match Box::new(agent).finish()? {
            Ended::Died { how } | Ended::Lost { how } => bail!("the agent died: {how}"),
            Ended::Refused => bail!("nothing was done"),
            Ended::Finished | Ended::Again => {
                serde_json::from_str(&answer).context("reading the agent's answer")
            }
        }
    }
}

impl Target for Host {
    fn prepare(&self, assignment: Assignment) -> anyhow::Result<Assignment> {
        Ok(assignment)
    }

    fn start(&self, assignment: &Assignment) -> anyhow::Result<Box<dyn Agent>> {
        Ok(Box::new(self.spawn(&Request::Session(Box::new(assignment.clone())))?))
    }

    fn trace(&self, question: &TraceQuestion) -> anyhow::Result<WeightTrace> {
        let TraceQuestion { model, prompt, cache_dir } = question.clone();
        self.ask(&Request::Trace { model, prompt, cache_dir })
    }

    fn doctor(&self, folder: &Path) -> anyhow::Result<Vec<Check>> {
        self.ask(&Request::Doctor { folder: folder.to_owned() })
    }
}

struct HostAgent {
    child: Child,
    /// Kept open as long as the agent is wanted: it ends when this closes.
    input: Arc<Mutex<ChildStdin>>,
    output: BufReader<ChildStdout>,
}

impl Agent for HostAgent {
    fn next_line(&mut self) -> anyhow::Result<Option<Line>> {
        let mut line = String::new();
        self.output.read_line(&mut line).context("reading from the agent")?;
        // An agent that was killed may leave the beginning of a line.
        if !line.ends_with('\n') {
            return Ok(None);
        }
        serde_json::from_str(&line).map(Some).with_context(|| format!("reading the agent's line {line:?}"))
    }

    fn stopper(&self) -> Stopper {
        stopper(&self.input)
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Ended> {
        let status = self.child.wait().context("waiting for the agent")?;
        let told = status.code().and_then(Ended::told);
        Ok(told.unwrap_or_else(|| Ended::Died { how: status.to_string() }))
    }
}
