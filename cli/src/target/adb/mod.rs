//! A phone that adb reaches: its shell runs the agent that is pushed there, or its app measures.

mod app;
mod bridge;
mod devices;
mod push;
mod settings;
mod shell;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use app::AppAgent;
use bridge::Bridge;
use packbench_core::record::wire::{Assignment, Request};
use packbench_core::record::{Check, WeightTrace};
use push::bring;
use serde::de::DeserializeOwned;
use settings::Settings;
use shell::{HOME, MODELS, ShellAgent};

use super::local::Local;
use super::{Agent, Ended, Target, TraceQuestion};
use crate::shell::quoted;

/// As whom a phone measures.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// The agent, as a program of its shell.
    #[default]
    Shell,
    /// The app, by its instrumentation.
    App,
}

/// What is asked of a phone beside a session.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    pub role: Role,
    /// The agent for its shell; `None` for the one beside this program.
    pub agent: Option<PathBuf>,
    pub fixed_performance: bool,
}

/// A phone.
pub struct Adb {
    bridge: Bridge,
    wishes: Wishes,
    /// What the phone calls its processor.
    machine: String,
    program: OnceCell<String>,
    settings: OnceCell<Settings>,
}

impl Adb {
    /// Reaches the phone with that serial number, or the only one.
    pub fn open(serial: Option<&str>, wishes: Wishes) -> anyhow::Result<Self> {
        let bridge = Bridge::open(serial)?;
        let machine = bridge.shell("asking for its processor", "uname -m")?.trim().to_owned();
        Ok(Adb { bridge, wishes, machine, program: OnceCell::new(), settings: OnceCell::new() })
    }

    /// Puts back what an earlier session left, and changes what this one is to have changed.
    fn settle(&self) -> anyhow::Result<()> {
        if self.settings.get().is_some() {
            return Ok(());
        }
        let mut settings = Settings::new(&self.bridge)?;
        settings.keep_screen_on()?;
        match self.wishes.role {
            Role::App => settings.afterwards(&app::leave())?,
            Role::Shell => shell::forget_refusals(&self.bridge)?,
        }
        if self.wishes.fixed_performance {
            settings.fix_performance()?;
        }
        let _ = self.settings.set(settings);
        Ok(())
    }

    /// The agent on the phone, pushed there unless it is there.
    fn program(&self) -> anyhow::Result<&str> {
        if let Some(program) = self.program.get() {
            return Ok(program);
        }
        let named = self.wishes.agent.clone();
        let agent = named.map_or_else(|| shell::default_agent(&self.machine), Ok)?;
        shell::check_agent(&agent, &self.machine)?;
        let local = Local::new(&agent)?;
        let program = bring(&self.bridge, &local, &format!("{HOME}/agent"), 1)?;
        self.bridge.shell("making the agent a program", &format!("chmod 755 {}", quoted(&program)))?;
        Ok(self.program.get_or_init(|| program))
    }

    /// A model on the phone, in a folder of its own: two may have one name, and copies are made beside it.
    fn model(&self, path: &Path) -> anyhow::Result<PathBuf> {
        let local = Local::new(path)?;
        let folder = format!("{MODELS}/{}", local.short_hash());
        Ok(bring(&self.bridge, &local, &folder, 1)?.into())
    }

    /// A request that is answered by one line.
    fn ask<T: DeserializeOwned>(&self, request: &Request) -> anyhow::Result<T> {
        if self.wishes.role == Role::App {
            bail!(
                "found --as app, expected --as shell: the app carries out sessions and answers nothing else"
            );
        }
        let mut agent = ShellAgent::start(&self.bridge, self.program()?, request)?;
        let answer = agent.next_text()?;
        while agent.next_text()?.is_some() {}
        match Box::new(agent).finish()? {
            Ended::Finished | Ended::Again => {
                let answer = answer.context("the agent answered nothing")?;
                serde_json::from_str(&answer).context("reading the agent's answer")
            }
            Ended::Refused => bail!("nothing was done"),
            Ended::Died { how } => bail!("the agent died: {how}"),
            Ended::Lost { how } => bail!("the device went away: {how}"),
        }
    }
}

impl Target for Adb {
    fn prepare(&self, mut assignment: Assignment) -> anyhow::Result<Assignment> {
        match self.wishes.role {
            Role::App => app::prepare(&self.bridge, &assignment)?,
            Role::Shell => {
                self.program()?;
                for model in &mut assignment.job.models {
                    model.path = model.path.as_deref().map(|path| self.model(path)).transpose()?;
                }
                assignment.cache_dir = Some(format!("{HOME}/cache").into());
            }
        }
        self.settle()?;
        assignment.fixed_performance = self.wishes.fixed_performance;
        Ok(assignment)
    }

    fn start(&self, assignment: &Assignment) -> anyhow::Result<Box<dyn Agent>> {
        match self.wishes.role {
            Role::App => Ok(Box::new(AppAgent::start(&self.bridge, assignment)?)),
            Role::Shell => {
                let request = Request::Session(Box::new(assignment.clone()));
                Ok(Box::new(ShellAgent::start(&self.bridge, self.program()?, &request)?))
            }
        }
    }

    fn trace(&self, question: &TraceQuestion) -> anyhow::Result<WeightTrace> {
        let (model, prompt) = (self.model(&question.model)?, question.prompt.clone());
        self.ask(&Request::Trace { model, prompt, cache_dir: Some(format!("{HOME}/cache").into()) })
    }

    /// Of a folder of the phone; of ours there, where none was named.
    fn doctor(&self, folder: &Path) -> anyhow::Result<Vec<Check>> {
        let folder = if folder == Path::new(".") { Path::new(HOME) } else { folder };
        self.ask(&Request::Doctor { folder: folder.to_owned() })
    }
}
