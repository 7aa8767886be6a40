//! An iPhone that devicectl reaches, or a simulator that simctl reaches: its app measures.
//!
//! ```text
//! install, if asked ─ models into the container ─ (assignment ─ launch ─ lines … ─ end) × fresh processes
//! ```

mod agent;
mod console;
mod phone;
mod simulator;
mod tool;
mod trouble;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use agent::{AppAgent, Expected};
use anyhow::{Context, bail};
use packbench_core::record::wire::Assignment;
use packbench_core::record::{Check, Line, WeightTrace};
use packbench_core::unit::Bytes;
use phone::Phone;
use simulator::Simulator;

use super::app;
use super::local::Local;
use super::{Agent, Target, TraceQuestion};

/// What is asked of a device that has the app. Files are named as they lie in the app's Documents.
trait Device: fmt::Debug + Send + Sync {
    /// Its UDID.
    fn name(&self) -> &str;
    /// Installs the app, or a newer one, in which case its files stay.
    fn install(&self, app: &Path) -> anyhow::Result<()>;
    /// Whether the app is installed.
    fn has_app(&self) -> anyhow::Result<bool>;
    /// Whether there is a file of that name, and where one is given of that length.
    fn holds(&self, name: &str, len: Option<Bytes>) -> anyhow::Result<bool>;
    /// Copies a file of this machine there, over one that is there.
    fn put(&self, doing: &str, local: &Path, name: &str) -> anyhow::Result<()>;
    /// What a file holds; `None` when there is none, or the device says that it can't be read.
    fn fetch(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>>;
    /// The command that starts the app anew, prints what it prints, and ends when it does.
    fn launch(&self, arguments: &[&str]) -> Command;
    /// Asks the app to end behind a command of `launch`, which takes `input`.
    fn interrupt(&self, input: &Mutex<ChildStdin>);
    /// Ends the app, whatever it does. Nobody hears whether that worked: there is nothing left to try.
    fn terminate(&self);
    /// Whether it can be reached now.
    fn is_there(&self) -> bool;
}

/// The app that measures.
#[derive(Clone, Debug)]
pub struct App {
    /// What the system knows it by.
    pub id: String,
    /// To be installed first.
    pub file: Option<PathBuf>,
}

/// A phone or a simulator.
pub struct Xcrun {
    device: Arc<dyn Device>,
    app: App,
    expected: RefCell<Expected>,
    /// Whether nothing of the session's answers is left on the device.
    has_all: Rc<Cell<bool>>,
}

impl Xcrun {
    /// Reaches the phone of that UDID or name, or the only one.
    pub fn phone(wanted: Option<&str>, app: App) -> anyhow::Result<Self> {
        Ok(Xcrun::new(Arc::new(Phone::open(wanted, &app.id)?), app))
    }

    /// Reaches the simulator of that UDID or name, or the only one that is booted.
    pub fn simulator(wanted: Option<&str>, app: App) -> anyhow::Result<Self> {
        Ok(Xcrun::new(Arc::new(Simulator::open(wanted, &app.id)?), app))
    }

    fn new(device: Arc<dyn Device>, app: App) -> Self {
        Xcrun { device, app, expected: RefCell::default(), has_all: Rc::new(Cell::new(true)) }
    }

    /// Has `local` in the container, whole. Its hash is remembered beside it only then: a copy that was cut is made anew.
    /// What is remembered may only have been unreadable, so it is withdrawn before a push.
    fn bring(&self, local: &Local<'_>) -> anyhow::Result<()> {
        let known = known(&local.name);
        if self.device.fetch(&known)?.as_deref() == Some(local.hash.as_bytes())
            && self.device.holds(&local.name, Some(local.len))?
        {
            return Ok(());
        }
        eprintln!("pushing {} ({}) to {}", local.name, local.len, self.device.name());
        if self.device.holds(&known, None)? {
            forget(&*self.device, &local.name)?;
        }
        self.device.put(&format!("pushing {}", local.name), local.path, &local.name)?;
        note(&*self.device, &known, &local.hash)
    }
}

/// The file that says which model lies there under `name`.
fn known(name: &str) -> String {
    format!("{name}.known")
}

/// Has the next session push the model `name` again.
fn forget(device: &dyn Device, name: &str) -> anyhow::Result<()> {
    note(device, &known(name), "")
}

fn note(device: &dyn Device, name: &str, text: &str) -> anyhow::Result<()> {
    let doing = format!("writing {name}");
    let file = app::file_of(text.as_bytes()).with_context(|| doing.clone())?;
    device.put(&doing, file.path(), name)
}

impl Target for Xcrun {
    fn prepare(&self, assignment: Assignment) -> anyhow::Result<Assignment> {
        if let Some(app) = &self.app.file {
            // devicectl doesn't find what is named from here.
            let app = std::fs::canonicalize(app).with_context(|| app.display().to_string())?;
            eprintln!("installing {} on {}", app.display(), self.device.name());
            self.device.install(&app)?;
        }
        if !self.device.has_app()? {
            bail!(
                "found no {} on {}, expected it: give --app packbench.app, or install it (ios/README.md)",
                self.app.id,
                self.device.name()
            );
        }
        for local in app::models(&assignment)? {
            self.bring(&local)?;
        }
        *self.expected.borrow_mut() = Expected::new(&assignment);
        self.has_all.set(assignment.segment == 0);
        Ok(assignment)
    }

    fn left(&self, assignment: &Assignment) -> anyhow::Result<Vec<Line>> {
        match self.has_all.get() {
            true => Ok(Vec::new()),
            false => agent::left(&*self.device, assignment),
        }
    }

    fn start(&self, assignment: &Assignment) -> anyhow::Result<Box<dyn Agent>> {
        let expected = self.expected.borrow().clone();
        Ok(Box::new(AppAgent::start(self.device.clone(), expected, assignment, self.has_all.clone())?))
    }

    fn trace(&self, _question: &TraceQuestion) -> anyhow::Result<WeightTrace> {
        unanswered()
    }

    fn doctor(&self, _folder: &Path) -> anyhow::Result<Vec<Check>> {
        unanswered()
    }
}

fn unanswered<T>() -> anyhow::Result<T> {
    bail!(
        "found --on ios or sim, expected host or adb: the app carries out sessions and answers nothing else"
    )
}
