//! gguf-parser-go, in a process that reads the file once for every line it is sent and answers with its own time.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use packbench_core::unit::Nanos;

use crate::helper::Helper;

/// The process.
pub struct Reader(Helper);

impl Reader {
    /// Starts `program`, which will get at `file` by `access`: "file" or "mmap".
    pub fn start(program: &Path, file: &Path, access: &str) -> Result<Self> {
        Helper::start(Command::new(program).arg(file).arg(access)).map(Reader)
    }

    /// Reads the file once.
    pub fn read(&mut self) -> Result<Nanos> {
        let answer = self.0.ask("")?;
        answer.parse().map(Nanos).with_context(|| format!("found {answer:?}, expected nanoseconds"))
    }
}
