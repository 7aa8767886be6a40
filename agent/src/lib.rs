//! The agent: measures in a process of its own, on whichever device it was started.
//!
//! It reads one line, a [`Request`], and answers with lines of JSON. A line `stop` ends the session after the run under
//! way; the end of the input without it means that whoever asked has died, and ends the process at once.

#![deny(unsafe_code)]

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
#[cfg(feature = "llama")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use packbench_core::error::chain;
use packbench_core::job::Model;
use packbench_core::measure::engine::{Engine, EngineError, Prompt};
use packbench_core::os::{self, Os, OsError};
use packbench_core::record::wire::{Assignment, Request};
use packbench_core::record::{Tool, WeightTrace};
use packbench_core::session::{self, Carried, SessionError, Sink};
#[cfg(feature = "llama")]
use packbench_engine::LlamaCpp;

/// The line that asks a session to stop.
pub const STOP: &str = "stop";

/// The exit code of an agent that went as far as a run that takes a fresh process.
pub const AGAIN: u8 = 3;

/// The exit code of an agent that said on its standard error why it can't do what it was asked.
pub const REFUSED: u8 = 2;

/// Why an agent can't do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// No request came.
    #[error("reading the request")]
    Input(#[source] io::Error),
    /// The request isn't one.
    #[error("the request can't be read: was this agent started by a packbench of another version?")]
    Request(#[source] serde_json::Error),
    /// The session can't begin or can't go on.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The machine can't be examined.
    #[error(transparent)]
    Os(#[from] OsError),
    /// The engine can't do what it was asked.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There is no engine.
    #[error(
        "this build has no engine that runs here: it takes the feature llama, and on x86 a processor with AVX2"
    )]
    NoEngine,
    /// The answer can't be handed on.
    #[error("writing the answer")]
    Output(#[source] io::Error),
}

/// What this build is.
pub fn tool() -> Tool {
    Tool {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build_profile: env!("PACKBENCH_PROFILE").to_owned(),
        target: env!("PACKBENCH_TARGET").to_owned(),
        engine: engine().map(|engine| engine.identity()),
    }
}

/// The engine of this build, if it runs on this processor; first_token runs fail without one and say why.
#[cfg(feature = "llama")]
fn engine() -> Option<&'static dyn Engine> {
    static ENGINE: OnceLock<Option<LlamaCpp>> = OnceLock::new();
    ENGINE.get_or_init(|| LlamaCpp::new().ok()).as_ref().map(|engine| engine as &dyn Engine)
}

#[cfg(not(feature = "llama"))]
fn engine() -> Option<&'static dyn Engine> {
    None
}

/// Carries out a session with the engine of this build: [`session::carry_out`], whose errors it has.
pub fn carry_out(
    os: &dyn Os,
    assignment: &Assignment,
    cancel: &AtomicBool,
    sink: &mut Sink<'_>,
) -> Result<Carried, SessionError> {
    session::carry_out(os, engine(), tool(), assignment, cancel, sink)
}

/// Serves one request from standard input to standard output.
pub fn main() -> ExitCode {
    match serve(io::BufReader::new(io::stdin()), &mut io::stdout().lock()) {
        Ok(Carried::Through) => ExitCode::SUCCESS,
        Ok(Carried::SoFar) => ExitCode::from(AGAIN),
        Err(error) => {
            // Whoever reads standard output reads JSON there.
            let _ = io::stderr().write_all(format!("error: {}\n", chain(&error)).as_bytes());
            ExitCode::from(REFUSED)
        }
    }
}

/// Reads one request from `input` and writes the answer to `output`.
pub fn serve(
    mut input: impl BufRead + Send + 'static,
    output: &mut dyn Write,
) -> Result<Carried, AgentError> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(AgentError::Input)?;
    match serde_json::from_str(&line).map_err(AgentError::Request)? {
        Request::Doctor { folder } => {
            let checks = session::doctor::examine(&os::host(), &folder)?;
            answer(output, &checks)
        }
        Request::Trace { model, prompt, cache_dir } => {
            answer(output, &trace(model, &prompt, cache_dir.as_deref())?)
        }
        Request::Session(assignment) => {
            let cancel = Arc::new(AtomicBool::new(false));
            watch(input, cancel.clone());
            let mut sink = |line: &_| {
                output.write_all(&session::bytes(line))?;
                output.flush()
            };
            Ok(carry_out(&os::host(), &assignment, &cancel, &mut sink)?)
        }
    }
}

/// Writes an answer of one line.
fn answer(output: &mut dyn Write, answer: &impl serde::Serialize) -> Result<Carried, AgentError> {
    serde_json::to_writer(&mut *output, answer).map_err(|error| AgentError::Output(error.into()))?;
    writeln!(output).map_err(AgentError::Output)?;
    Ok(Carried::Through)
}

fn trace(path: PathBuf, prompt: &Prompt, cache: Option<&Path>) -> Result<WeightTrace, AgentError> {
    let engine = engine().ok_or(AgentError::NoEngine)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let model = Model { name, path: Some(path.clone()), arrangement: None };
    let variant = session::identify(&os::host(), &model, cache)?;
    let trace = engine.trace(&path, prompt, &AtomicBool::new(false))?;
    Ok(WeightTrace { payload_hash: Some(variant.payload_hash), ..trace })
}

/// Waits for [`STOP`] beside the session. The thread sleeps in a read, so it costs the measurement nothing.
fn watch(mut input: impl BufRead + Send + 'static, cancel: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut line = String::new();
        while let Ok(1..) = input.read_line(&mut line) {
            if line.trim_end() == STOP {
                cancel.store(true, Ordering::Relaxed);
                return;
            }
            line.clear();
        }
        // Nobody will read what is measured from here on, and a resumed session must not be disturbed.
        std::process::exit(i32::from(REFUSED));
    });
}
