//! The command that launched the app: what comes out of it is the app's console, what goes into it ends the app.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{Device, tool};

/// How often it is asked whether the command has ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A command under way.
pub struct Console {
    child: Child,
    /// Kept open: some commands take its end for a wish.
    input: Arc<Mutex<ChildStdin>>,
    lines: Receiver<String>,
}

impl Console {
    /// Starts `command`, in a group of its own: Ctrl-C reaches us alone.
    pub fn open(mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(tool::missing)?;
        let (sender, lines) = mpsc::channel();
        listen(child.stdout.take().context("xcrun has no output")?, sender.clone());
        listen(child.stderr.take().context("xcrun has no errors")?, sender);
        let input = child.stdin.take().context("xcrun has no input")?;
        Ok(Console { child, input: Arc::new(Mutex::new(input)), lines })
    }

    /// What the command takes.
    pub fn input(&self) -> Arc<Mutex<ChildStdin>> {
        self.input.clone()
    }

    /// The next line, if one comes within `patience`.
    pub fn line(&self, patience: Duration) -> Result<String, RecvTimeoutError> {
        self.lines.recv_timeout(patience)
    }

    /// Has the app end and waits for the command, `patience` at the most: then both are ended by force. No line comes any more.
    pub fn hang_up(&mut self, device: &dyn Device, patience: Duration) {
        self.lines = mpsc::channel().1;
        device.interrupt(&self.input);
        if !self.ends_within(patience) {
            device.terminate();
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    /// Waits for a command whose lines have ended.
    pub fn wait(&mut self) -> anyhow::Result<()> {
        self.child.wait().context("waiting for xcrun").map(drop)
    }

    /// Whether it is still under way.
    pub fn is_open(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn ends_within(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while self.is_open() {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
        true
    }
}

/// Sends the lines of a stream on until it ends.
fn listen(stream: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut bytes = Vec::new();
        // A line that was cut short is the file's to tell.
        while matches!(stream.read_until(b'\n', &mut bytes), Ok(1..)) && bytes.ends_with(b"\n") {
            if to.send(String::from_utf8_lossy(&bytes).into_owned()).is_err() {
                break;
            }
            bytes.clear();
        }
    });
}
