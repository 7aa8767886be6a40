//! The app as an agent: each process of it is launched anew, and its console is read.
//!
//! What it tells it also keeps in a file of its container. The console is what is listened to; the file is fetched when the
//! console ended without an outcome, lacks a line or carried something unreadable, so that nothing told is lost. Where the
//! device went, too, the next launch of the session fetches it first.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use anyhow::{Context, bail};
use packbench_core::job::Model;
use packbench_core::os;
use packbench_core::record::wire::Assignment;
use packbench_core::record::{Line, Run, Status, Variant};
use packbench_core::session;

use super::console::Console;
use super::trouble::{remedy, with_remedy};
use super::{Device, forget};
use crate::cache::cache_dir;
use crate::target::app;
use crate::target::{Agent, Ended, Stopper, went_away};

/// Before what the app tells; everything else on its console is the system's.
const MARK: &str = "packbench: ";
/// The file in which the app keeps what it tells. Its first line is the word that it was given for that.
const ANSWER: &str = "answer.txt";

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
    Outcome(String),
    Progress,
    Garbled(serde_json::Error),
}

/// What a line of the console tells, if the app wrote it, and its number: the app counts them from 1.
fn told(text: &str) -> Option<(usize, Told)> {
    let (number, text) = text.trim_end().split_once(MARK)?.1.split_once(' ')?;
    let (key, value) = text.split_once('=')?;
    let told = match key {
        "line" => serde_json::from_str(value).map_or_else(Told::Garbled, Told::Line),
        "error" => Told::Error(value.to_owned()),
        "outcome" => Told::Outcome(value.to_owned()),
        _ => Told::Progress,
    };
    Some((number.parse().ok()?, told))
}

/// What the app kept of its answer: the lines that are whole, if they are the answer to a launch whose word `is_meant`.
fn kept(device: &dyn Device, is_meant: impl Fn(&str) -> bool) -> anyhow::Result<Vec<(usize, Told)>> {
    let bytes = device.fetch(ANSWER)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    // The last line may have been cut.
    let mut lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    match lines.next() {
        Some(word) if is_meant(word.trim_end()) => Ok(lines.filter_map(told).collect()),
        _ => Ok(Vec::new()),
    }
}

/// The runs of the session that an earlier launch finished and told nobody: its console and its device may have gone at
/// once. Those whose model isn't known yet are left out.
pub fn left(device: &dyn Device, assignment: &Assignment) -> anyhow::Result<Vec<Line>> {
    let is_missing = |run: &Run| {
        run.status == Status::Ok
            && !assignment.done.contains(&run.key())
            && assignment.variants.iter().any(|variant| variant.name == run.case.variant)
    };
    let lines = kept(device, |word| word.starts_with(&assignment.session))?.into_iter();
    let missing = lines.filter_map(|(_, told)| match told {
        Told::Line(line) if matches!(&*line, Line::Run(run) if is_missing(run)) => Some(*line),
        _ => None,
    });
    Ok(missing.collect())
}

/// A process of the app.
pub struct AppAgent {
    device: Arc<dyn Device>,
    expected: Expected,
    /// What the file of its answer begins with.
    word: String,
    console: Console,
    patience: Patience,
    /// How long the console has been silent.
    silent: Duration,
    /// The number of the last line of the app that was understood, from the console and then from the file.
    heard: usize,
    /// Whether one wasn't.
    garbled: bool,
    /// What the file has beyond them, once the console has ended.
    kept: Option<std::vec::IntoIter<(usize, Told)>>,
    error: Option<String>,
    outcome: Option<String>,
    /// Set once it is known that nothing of its answer is left on the device.
    has_all: Rc<Cell<bool>>,
    /// What else was on the console.
    system: String,
}

/// How long is waited.
#[derive(Clone, Copy)]
struct Patience {
    /// After this long without a word the device is asked whether it is still there.
    silence: Duration,
    /// After this long an app on a device that is there isn't waited for any more: iOS may have suspended it.
    at_most: Duration,
    /// An app that has told its outcome, or was told to end, ends; a console that stays is not waited for.
    farewell: Duration,
}

impl Patience {
    /// With the app on `assignment`, which tells nothing while the phone cools.
    fn with(assignment: &Assignment) -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let at_most = minutes(15) + assignment.job.wait;
        Patience { silence: minutes(2), at_most, farewell: Duration::from_secs(5) }
    }
}

impl AppAgent {
    /// Hands `assignment` to the app and launches it. Sets `has_all` once all of its answer was heard.
    pub fn start(
        device: Arc<dyn Device>,
        expected: Expected,
        assignment: &Assignment,
        has_all: Rc<Cell<bool>>,
    ) -> anyhow::Result<Self> {
        let launch = session::new_name();
        let (file, word) = (format!("assignment-{launch}.json"), format!("{}.{launch}", assignment.session));
        device.put("handing over the assignment", app::written(assignment)?.path(), &file)?;
        let console = Console::open(device.launch(&["--assignment", &file, "--answer", &word]))?;
        has_all.set(false);
        Ok(AppAgent {
            device,
            expected,
            word,
            console,
            patience: Patience::with(assignment),
            silent: Duration::ZERO,
            heard: 0,
            garbled: false,
            kept: None,
            error: None,
            outcome: None,
            has_all,
            system: String::new(),
        })
    }

    /// What the app tells next.
    fn next_told(&mut self) -> anyhow::Result<Option<Told>> {
        while self.kept.is_none() {
            let Patience { silence, farewell, .. } = self.patience;
            let patience = if self.outcome.is_some() { farewell } else { silence };
            match self.console.line(patience) {
                Ok(text) => {
                    self.silent = Duration::ZERO;
                    if let Some(told) = self.understood(&text) {
                        return Ok(Some(told));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.silent += patience;
                    if self.outcome.is_some() || !self.is_waited_for() {
                        self.hang_up();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => self.kept = Some(self.unheard().into_iter()),
            }
        }
        match self.kept.as_mut().and_then(Iterator::next) {
            Some((_, Told::Garbled(error))) => Err(error).context("reading what the app kept of its answer"),
            Some((number, told)) => {
                self.heard = number;
                Ok(Some(told))
            }
            None => Ok(None),
        }
    }

    /// What a line of the console tells, in its turn. Other writers may have got between: from there on the file counts.
    fn understood(&mut self, text: &str) -> Option<Told> {
        let Some((number, told)) = told(text) else {
            self.system.push_str(text);
            return None;
        };
        self.garbled |= number > self.heard + 1 || matches!(told, Told::Garbled(_));
        match told {
            Told::Outcome(_) if self.garbled => self.hang_up(),
            _ if self.garbled || number <= self.heard => {}
            told => {
                self.heard = number;
                return Some(told);
            }
        }
        None
    }

    /// Whether an app that has fallen silent may yet tell something.
    fn is_waited_for(&self) -> bool {
        self.silent < self.patience.at_most && self.device.is_there()
    }

    /// What is on its way is in the file, too.
    fn hang_up(&mut self) {
        self.console.hang_up(&*self.device, self.patience.farewell);
    }

    /// What the app kept beyond what was heard. Nothing where the device is gone or keeps an earlier answer.
    fn unheard(&self) -> Vec<(usize, Told)> {
        if self.outcome.is_some() {
            return Vec::new();
        }
        let mut kept = kept(&*self.device, |word| word == self.word).unwrap_or_default();
        kept.retain(|(number, _)| *number > self.heard);
        kept
    }

    /// How a process ended that told no outcome.
    fn without_outcome(&self) -> anyhow::Result<Ended> {
        let mut lines = self.system.lines().rev().filter(|line| !line.trim().is_empty());
        let last = lines.clone().find(|line| line.contains("terminated due to signal")).or(lines.next());
        let last = last.unwrap_or("the app ended without an outcome").trim();
        if !self.device.is_there() {
            return match self.heard {
                0 => Err(went_away("launching the app", self.device.name(), last)),
                _ => Ok(Ended::Lost { how: format!("{}: its answer was cut off", self.device.name()) }),
            };
        }
        match (self.heard, remedy(&self.system)) {
            (0, Some(_)) => bail!("launching the app: {}", with_remedy(&self.complaint(last))),
            (0, None) => bail!("launching the app: it told nothing. The last of its console: {last}"),
            _ if self.silent >= self.patience.at_most => Ok(Ended::Died { how: self.silence() }),
            _ => Ok(Ended::Died { how: died(last) }),
        }
    }

    fn silence(&self) -> String {
        format!(
            "it told nothing for {} min: was the phone locked, or the app left? Keep it in front",
            self.silent.as_secs() / 60
        )
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
                Told::Outcome(outcome) => {
                    self.outcome = Some(outcome);
                    self.has_all.set(true);
                }
                Told::Progress | Told::Garbled(_) => {}
            }
        }
        Ok(None)
    }

    /// The app listens to nobody: it is ended at once, and its last run is lost.
    fn stopper(&self) -> Stopper {
        let (device, input) = (self.device.clone(), self.console.input());
        Box::new(move || device.interrupt(&input))
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<Ended> {
        self.console.wait()?;
        match self.outcome.as_deref() {
            Some("passed") => Ok(Ended::Finished),
            Some("again") => Ok(Ended::Again),
            Some(_) => Ok(app::refused(self.error.as_deref())),
            None => self.without_outcome(),
        }
    }
}

impl Drop for AppAgent {
    /// A process whose answer nobody wants any more would measure on.
    fn drop(&mut self) {
        if self.console.is_open() {
            self.hang_up();
        }
    }
}

#[cfg(test)]
mod tests;
