//! An iPhone that devicectl reaches, or a simulator that simctl reaches: its app measures.
//!
//! ```text
//! install, if asked ─ models into the container ─ (assignment ─ launch ─ lines … ─ end) × fresh processes
//! ```

mod agent;
mod phone;
mod simulator;
mod tool;
mod trouble;

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use agent::{AppAgent, Expected};
use anyhow::{Context, bail};
use packbench_core::record::wire::Assignment;
use packbench_core::record::{Check, WeightTrace};
use packbench_core::unit::Bytes;
use phone::Phone;
use simulator::Simulator;

use super::app::{self, ASSIGNMENT, PACKAGE};
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
    /// Whether there is a file of that length.
    fn holds(&self, name: &str, len: Bytes) -> anyhow::Result<bool>;
    /// Copies a file of this machine there, over one that is there.
    fn put(&self, doing: &str, local: &Path, name: &str) -> anyhow::Result<()>;
    /// What a file holds; `None` when there is none, or the device says that it can't be read.
    fn fetch(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>>;
    /// The command that starts the app anew, prints what it prints, and ends when it does.
    fn launch(&self, arguments: &[&str]) -> Command;
    /// Ends the app behind the command `launch` whose process is `console`.
    fn stop(&self, console: u32);
    /// Whether it can be reached now.
    fn is_there(&self) -> bool;
}

/// A phone or a simulator.
pub struct Xcrun {
    device: Arc<dyn Device>,
    /// To be installed first.
    app: Option<PathBuf>,
    expected: RefCell<Expected>,
}

impl Xcrun {
    /// Reaches the phone of that UDID or name, or the only one.
    pub fn phone(wanted: Option<&str>, app: Option<PathBuf>) -> anyhow::Result<Self> {
        Ok(Xcrun::new(Arc::new(Phone::open(wanted)?), app))
    }

    /// Reaches the simulator of that UDID or name, or the only one that is booted.
    pub fn simulator(wanted: Option<&str>, app: Option<PathBuf>) -> anyhow::Result<Self> {
        Ok(Xcrun::new(Arc::new(Simulator::open(wanted)?), app))
    }

    fn new(device: Arc<dyn Device>, app: Option<PathBuf>) -> Self {
        Xcrun { device, app, expected: RefCell::default() }
    }

    /// Has `local` in the container, whole. Its hash is remembered beside it only then: a copy that was cut is made anew.
    /// What was remembered may only have been unreadable, so it is withdrawn before each push.
    fn bring(&self, local: &Local<'_>) -> anyhow::Result<()> {
        let known = known(&local.name);
        if self.device.fetch(&known)?.as_deref() == Some(local.hash.as_bytes())
            && self.device.holds(&local.name, local.len)?
        {
            return Ok(());
        }
        eprintln!("pushing {} ({}) to {}", local.name, local.len, self.device.name());
        forget(&*self.device, &local.name)?;
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
        if let Some(app) = &self.app {
            // devicectl doesn't find what is named from here.
            let app = std::fs::canonicalize(app).with_context(|| app.display().to_string())?;
            eprintln!("installing {} on {}", app.display(), self.device.name());
            self.device.install(&app)?;
        }
        if !self.device.has_app()? {
            bail!(
                "found no {PACKAGE} on {}, expected it: give --app packbench.app, or install it (ios/README.md)",
                self.device.name()
            );
        }
        for local in app::models(&assignment)? {
            self.bring(&local)?;
        }
        *self.expected.borrow_mut() = Expected::new(&assignment);
        Ok(assignment)
    }

    fn start(&self, assignment: &Assignment) -> anyhow::Result<Box<dyn Agent>> {
        self.device.put("handing over the assignment", app::written(assignment)?.path(), ASSIGNMENT)?;
        let expected = self.expected.borrow().clone();
        Ok(Box::new(AppAgent::start(self.device.clone(), expected)?))
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
