//! A process that answers a line for each line that it is sent: how programs take part that aren't written in Rust.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The process. It ends when its input does.
pub struct Helper {
    process: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Helper {
    /// Starts `command`.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        let ask = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("its output is piped"));
        Ok(Helper { process, ask, answers })
    }

    /// Sends `line` and waits for the answer.
    pub fn ask(&mut self, line: &str) -> Result<String> {
        writeln!(self.ask.as_mut().expect("open until it is dropped"), "{line}")?;
        let mut answer = String::new();
        ensure!(self.answers.read_line(&mut answer)? > 0, "the process that was asked has ended");
        Ok(answer.trim_end().to_owned())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.ask.take());
        // It has no more to say, and how it ends changes no answer that it gave.
        let _ = self.process.wait();
    }
}
