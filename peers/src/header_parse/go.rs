//! gguf-parser-go, in a process that reads the file once for every line it is sent and answers with its own time.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use packbench_core::unit::Nanos;

/// The process. It ends when its input does.
pub struct Reader {
    process: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Reader {
    /// Starts `program`, which will get at `file` by `access`: "file" or "mmap".
    pub fn start(program: &Path, file: &Path, access: &str) -> Result<Self> {
        let mut process = Command::new(program)
            .arg(file)
            .arg(access)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let ask = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("its output is piped"));
        Ok(Reader { process, ask, answers })
    }

    /// Reads the file once.
    pub fn read(&mut self) -> Result<Nanos> {
        self.ask.as_mut().expect("open until it is dropped").write_all(b"\n")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.trim().parse().map(Nanos).with_context(|| format!("found {answer:?}, expected nanoseconds"))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        drop(self.ask.take());
        // It has no more to say, and how it ends changes no answer that it gave.
        let _ = self.process.wait();
    }
}
