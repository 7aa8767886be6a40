//! A system on which an app tells what only an app can ask: how warm the phone is, what its battery holds, what it is
//! called.

use std::path::Path;

use super::{Meter, ModelFile, Os, OsError, Scope, Stream};
use crate::job::Io;
use crate::record::{App, Conditions, Context, Facts};
use crate::unit::{Bytes, Nanos, PageRange, PageSize};

/// An app that tells what it knows. It is asked before and after each run, never within a measured region.
pub trait FactSource {
    /// What it is, and what it runs on.
    fn identity(&self) -> Identity;
    /// How things are now; `None` when it fails to tell.
    fn facts(&self) -> Option<Facts>;
}

/// The app and its phone by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The product's name.
    pub model: Option<String>,
    /// The processor's name.
    pub cpu: Option<String>,
    /// The rest.
    pub app: App,
}

/// A system, with what an app tells of it laid over what it tells by itself.
pub struct Told<O, F> {
    os: O,
    source: F,
}

impl<O: Os, F: FactSource> Told<O, F> {
    /// `os`, about which `source` knows more.
    pub fn new(os: O, source: F) -> Self {
        Told { os, source }
    }
}

impl<O: Os, F: FactSource> Os for Told<O, F> {
    fn context(&self) -> Context {
        let Identity { model, cpu, app } = self.source.identity();
        let mut context = self.os.context();
        context.device.model = model.or(context.device.model);
        context.device.cpu = cpu.or(context.device.cpu);
        Context { app: Some(app), ..context }
    }

    fn conditions(&self) -> Conditions {
        let (own, facts) = (self.os.conditions(), self.source.facts());
        let memory = facts.as_ref().and_then(|facts| facts.memory_available_bytes);
        Conditions { memory_available_bytes: own.memory_available_bytes.or(memory), facts, ..own }
    }

    fn page_size(&self) -> PageSize {
        self.os.page_size()
    }

    fn now(&self) -> Nanos {
        self.os.now()
    }

    fn sleep(&self, time: Nanos) {
        self.os.sleep(time);
    }

    fn unix_time_ms(&self) -> u64 {
        self.os.unix_time_ms()
    }

    fn pin(&self, cpus: &[u32]) -> Result<(), OsError> {
        self.os.pin(cpus)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn ModelFile>, OsError> {
        self.os.open(path)
    }

    fn open_direct(&self, path: &Path) -> Result<(Box<dyn ModelFile>, Io), OsError> {
        self.os.open_direct(path)
    }

    fn meter(&self, scope: Scope) -> Result<Box<dyn Meter>, OsError> {
        self.os.meter(scope)
    }

    fn anonymous_memory(&self) -> Option<Bytes> {
        self.os.anonymous_memory()
    }

    fn stream(&self, path: &Path, pieces: &[PageRange], lead: Bytes) -> Result<Box<dyn Stream>, OsError> {
        self.os.stream(path, pieces, lead)
    }
}
