//! The program xcrun: what a command of it answers, within a time.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use packbench_core::unit::Bytes;

/// For what is answered at once.
pub const LOOK: Duration = Duration::from_secs(30);
/// For an app, which the device checks.
pub const INSTALL: Duration = Duration::from_secs(300);
/// How often a command is asked whether it has ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
/// Slower is no cable and no Wi-Fi that anybody would wait for.
const SLOWEST_BYTES_PER_SECOND: u64 = 1_000_000;

/// For a copy of so many bytes: copies over Wi-Fi are known to hang for good.
pub fn copying(len: Bytes) -> Duration {
    LOOK + Duration::from_secs(len.0 / SLOWEST_BYTES_PER_SECOND)
}

/// What a command answered.
pub struct Answer {
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// xcrun's `tool`.
pub fn xcrun(tool: &str) -> Command {
    let mut command = Command::new("xcrun");
    command.arg(tool);
    command
}

/// Why there is no xcrun.
pub fn missing(error: io::Error) -> anyhow::Error {
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    let hint = if is_missing { ": it comes with Xcode 16 or newer, on a Mac" } else { "" };
    anyhow::Error::new(error).context(format!("starting xcrun{hint}"))
}

/// Waits for the answer of `command`, `limit` at the most. `doing` says in an error what failed.
pub fn ask(doing: &str, mut command: Command, limit: Duration) -> anyhow::Result<Answer> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(missing)?;
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    let until = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().context("waiting for xcrun")? {
            break status;
        }
        if Instant::now() >= until {
            let _ = child.kill();
            let _ = child.wait();
            bail!(
                "{doing}: found no answer of xcrun within {} s, expected one: unlock the device, plug it in again, and \
                 start again",
                limit.as_secs_f64()
            );
        }
        std::thread::sleep(BETWEEN_LOOKS);
    };
    let text = |thread: JoinHandle<String>| thread.join().unwrap_or_default();
    Ok(Answer { success: status.success(), stdout: text(stdout), stderr: text(stderr) })
}

fn read(stream: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read until then is better than nothing.
        let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn an_answer_is_waited_for_but_not_for_ever() {
        let answer = ask("asking", shell("echo out; echo err >&2; exit 3"), LOOK).unwrap();
        assert_eq!((answer.success, &*answer.stdout, &*answer.stderr), (false, "out\n", "err\n"));
        let error = ask("asking", shell("exec sleep 100"), Duration::from_millis(50)).err().unwrap();
        assert!(error.to_string().contains("asking: found no answer of xcrun within 0.05 s"), "{error}");
    }
}
