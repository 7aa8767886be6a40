//! The app as an agent: each process of it is launched anew, and its console is read.
//!
//! What it tells it also keeps in a file of its container. The console is what is listened to; the file is fetched when the
//! console ended without a verdict or carried something unreadable, so that nothing told is lost.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use anyhow::{Context, bail};
use packbench_core::job::Model;
use packbench_core::os;
use packbench_core::record::wire::Assignment;
use packbench_core::record::{Line, Variant};
use packbench_core::session;

use super::trouble::{remedy, with_remedy};
use super::{Device, forget, tool};
use crate::cache::cache_dir;
use crate::target::app::{self, ASSIGNMENT};
use crate::target::{Agent, Ended, Stopper, went_away};

/// Before what the app tells; everything else on its console is the system's.
const MARK: &str = "packbench: ";
/// The file in which the app keeps what it tells. Its first line is the word that it was given for that.
const ANSWER: &str = "answer.txt";
/// After this long without a word the device is asked whether it is still there.
const SILENCE: Duration = Duration::from_secs(120);
/// An app that has told its verdict ends; a console that stays is not waited for.
const FAREWELL: Duration = Duration::from_secs(10);

/// What the models must turn out to be on the device: the files that were pushed.
#[derive(Clone, Default)]
pub struct Expected(BTreeMap<String, Original>);

/// A model file here.
#[derive(Clone)]
struct Original {
    file_name: String,
    payload_hash: String,
    layout_hash: String,
}

impl Expected {
    /// Those of `assignment` that aren't rearranged there. A file that is no model is the app's to refuse.
    pub fn new(assignment: &Assignment) -> Self {
        let pushed = assignment.job.models.iter().filter(|model| model.arrangement.is_none());
        let known = |model: &Model| {
            let Variant { payload_hash, layout_hash, .. } =
                session::identify(&os::host(), model, cache_dir().as_deref()).ok()?;
            let file_name = model.path.as_ref()?.file_name()?.to_string_lossy().into_owned();
            Some((model.name.clone(), Original { file_name, payload_hash, layout_hash }))
        };
        Expected(pushed.filter_map(known).collect())
    }

    /// The file that another one has taken the place of on the device, if `variant` is one.
    fn differs(&self, variant: &Variant) -> Option<&str> {
        let original = self.0.get(&variant.name)?;
        let same =
            original.payload_hash == variant.payload_hash && original.layout_hash == variant.layout_hash;
        (!same).then_some(&*original.file_name)
    }
}

/// Something that the app tells.
enum Told {
    Line(Box<Line>),
    Error(String),
    Verdict(String),
    Progress,
    Garbled(serde_json::Error),
}

/// What a line of the console tells, if the app wrote it.
fn told(text: &str) -> Option<Told> {
    let (key, value) = text.trim_end().split_once(MARK)?.1.split_once('=')?;
    Some(match key {
        "line" => serde_json::from_str(value).map_or_else(Told::Garbled, Told::Line),
        "error" => Told::Error(value.to_owned()),
        "verdict" => Told::Verdict(value.to_owned()),
        _ => Told::Progress,
    })
}

/// A process of the app.
pub struct AppAgent {
    device: Arc<dyn Device>,
    expected: Expected,
    /// What the file of its answer begins with.
    word: String,
    child: Child,
    console: Receiver<String>,
    silence: Duration,
    /// How many lines of the app were understood, from the console and then from the file.
    heard: usize,
    /// Whether one wasn't.
    garbled: bool,
    /// What the file has beyond them, once the console has ended.
    kept: Option<std::vec::IntoIter<String>>,
    error: Option<String>,
    verdict: Option<String>,
    /// What else was on the console.
    system: String,
}

impl AppAgent {
    /// Launches the app on the assignment that lies in its container.
    pub fn start(device: Arc<dyn Device>, expected: Expected) -> anyhow::Result<Self> {
        let word = session::new_name();
        let mut command = device.launch(&["--assignment", ASSIGNMENT, "--answer", &word]);
        // In a group of its own: Ctrl-C reaches us alone.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(tool::missing)?;
        let (sender, console) = mpsc::channel();
        listen(child.stdout.take().context("xcrun has no output")?, sender.clone());
        listen(child.stderr.take().context("xcrun has no errors")?, sender);
        Ok(AppAgent {
            device,
            expected,
            word,
            child,
            console,
            silence: SILENCE,
            heard: 0,
            garbled: false,
            kept: None,
            error: None,
            verdict: None,
            system: String::new(),
        })
    }

    /// What the app tells next.
    fn next_told(&mut self) -> anyhow::Result<Option<Told>> {
        while self.kept.is_none() {
            let patience = if self.verdict.is_some() { FAREWELL.min(self.silence) } else { self.silence };
            match self.console.recv_timeout(patience) {
                Ok(text) => match told(&text) {
                    None => self.system.push_str(&text),
                    // Other writers may have got between. From here on the file counts.
                    Some(Told::Garbled(_)) => self.garbled = true,
                    Some(Told::Verdict(_)) if self.garbled => self.hang_up(),
                    Some(_) if self.garbled => {}
                    Some(told) => {
                        self.heard += 1;
                        return Ok(Some(told));
                    }
                },
                Err(RecvTimeoutError::Timeout) if self.verdict.is_none() && self.device.is_there() => {}
                Err(RecvTimeoutError::Timeout) => self.hang_up(),
                Err(RecvTimeoutError::Disconnected) => self.kept = Some(self.unheard().into_iter()),
            }
        }
        let told = self.kept.as_mut().and_then(Iterator::next).as_deref().and_then(told);
        self.heard += usize::from(told.is_some());
        match told {
            Some(Told::Garbled(error)) => Err(error).context("reading what the app kept of its answer"),
            told => Ok(told),
        }
    }

    /// Ends the command and with it, where that hands signals on, the app.
    fn hang_up(&mut self) {
        self.device.stop(self.child.id());
        let _ = self.child.kill();
        // What is on its way is in the file, too.
        self.console = mpsc::channel().1;
    }

    /// What the app kept beyond what was heard. Nothing where the device is gone or keeps an earlier answer.
    fn unheard(&self) -> Vec<String> {
        if self.verdict.is_some() {
            return Vec::new();
        }
        let bytes = self.device.fetch(ANSWER).ok().flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        // The last line may have been cut.
        let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        match lines.next() {
            Some(word) if word.trim_end() == self.word => {
                lines.filter(|line| told(line).is_some()).skip(self.heard).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// How a process ended that told no verdict.
    fn without_verdict(&self) -> anyhow::Result<Ended> {
        let mut lines = self.system.lines().rev().filter(|line| !line.trim().is_empty());
        let last = lines.clone().find(|line| line.contains("terminated due to signal")).or(lines.next());
        let last = last.unwrap_or("the app ended without a verdict").trim();
        if !self.device.is_there() {
            return match self.heard {
                0 => Err(went_away("launching the app", self.device.name(), last)),
                _ => Ok(Ended::Lost { how: format!("{}: its answer was cut off", self.device.name()) }),
            };
        }
        match (self.heard, remedy(&self.system)) {
            (0, Some(_)) => bail!("launching the app: {}", with_remedy(&self.complaint(last))),
            (0, None) => bail!("launching the app: it told nothing. The last of its console: {last}"),
            _ => Ok(Ended::Died { how: died(last) }),
        }
    }

    /// The line of the console that has a remedy.
    fn complaint(&self, otherwise: &str) -> String {
        self.system.lines().find(|line| remedy(line).is_some()).unwrap_or(otherwise).trim().to_owned()
    }
}

/// iOS ends apps by signal 9, and says why only in a file of its own.
fn died(last: &str) -> String {
    match last.contains("signal 9") {
        true => format!(
            "{last}: iOS ended it, for memory most of the time (a JetsamEvent in Settings › Privacy & Security › \
             Analytics Data)"
        ),
        false => last.to_owned(),
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

impl Agent for AppAgent {
    fn next_line(&mut self) -> anyhow::Result<Option<Line>> {
        while let Some(told) = self.next_told()? {
            match told {
                Told::Line(line) => {
                    if let Line::Variant(variant) = &*line
                        && let Some(name) = self.expected.differs(variant)
                    {
                        forget(&*self.device, name)?;
                        bail!(
                            "{name} on {} isn't the file that was pushed: it was changed there, or arrived damaged. \
                             Start again: it is pushed anew",
                            self.device.name()
                        );
                    }
                    return Ok(Some(*line));
                }
                Told::Error(error) => self.error = Some(error),
                Told::Verdict(verdict) => self.verdict = Some(verdict),
                Told::Progress | Told::Garbled(_) => {}
            }
        }
        Ok(None)
    }

    /// The app listens to nobody: it is ended at once, and its last run is lost.
    fn stopper(&self) -> Stopper {
        let (device, console) = (self.device.clone(), self.child.id());
        Box::new(move || device.stop(console))
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Ended> {
        self.child.wait().context("waiting for xcrun")?;
        match self.verdict.as_deref() {
            Some("passed") => Ok(Ended::Finished),
            Some("again") => Ok(Ended::Again),
            Some(_) => Ok(app::refused(self.error.as_deref())),
            None => self.without_verdict(),
        }
    }
}

impl Drop for AppAgent {
    /// A process whose answer nobody wants any more would measure on.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.device.stop(self.child.id());
        }
    }
}

#[cfg(test)]
mod tests;
