//! What the bridge to apps adds to a run: sessions that a JVM carries out through Kotlin, JNA and uniffi, which tell an
//! app all that happens, beside the same sessions carried out in this process, where nobody is told.
//!
//! A run crosses the bridge as often whatever it measures, and never in its measured region. So runs with next to no work
//! show what that takes: the difference of the two is not lost in the work, which two processes don't do equally fast.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::Job;
use packbench_core::os::{Os, host};
use packbench_core::record::wire::{Assignment, Purpose};
use packbench_core::record::{Line, Tool};
use packbench_core::session::{self, bytes, carry_out};
use packbench_core::stats::{Confidence, Difference, Summary, paired_difference};
use packbench_core::unit::Nanos;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::helper::Helper;
use crate::report::Row;
use crate::rounds::{Arm, Plan, alternate};

/// The run that the bridge must not disturb, and the share of it that it may take.
const RUN: Nanos = Nanos(200_000_000);
const SHARE: f64 = 0.01;
/// Of a session.
const RUNS: u32 = 20;

/// How the JVM runs the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jvm {
    /// As it does of its own accord, and as the tests have it.
    Usual,
    /// Nothing is ever compiled: what the first calls take.
    Interpreted,
}

/// A model, and who measures it.
pub struct Bench {
    folder: TempDir,
    app: RefCell<Helper>,
    jvm: Jvm,
    plan: Plan,
}

impl Bench {
    /// A bench with a model in `folder`. The app is in the JVM's `classpath`, the library that it calls in `library`.
    pub fn new(folder: &Path, classpath: &str, library: &Path, jvm: Jvm, plan: Plan) -> Result<Self> {
        let folder = tempfile::tempdir_in(folder)?;
        fs::write(folder.path().join("model.gguf"), TinyModel::new(2).bytes())?;
        let mut java = Command::new("java");
        java.args((jvm == Jvm::Interpreted).then_some("-Xint"));
        java.args(["-cp", classpath]).arg(format!("-Djna.library.path={}", library.display()));
        java.arg("dev.packbench.BridgeCostKt");
        Ok(Bench { folder, app: RefCell::new(Helper::start(&mut java)?), jvm, plan })
    }

    /// What it adds.
    pub fn added(&self) -> Result<Added> {
        let mut bridge = |_| self.over_the_bridge();
        let mut core = |_| self.in_this_process();
        let arms: [Arm; 2] = [&mut bridge, &mut core];
        let took = alternate(self.plan, arms)?;
        let [bridge, core]: [Vec<f64>; 2] = took.map(|took| took.iter().map(each_run).collect());
        let difference = paired_difference(&core, &bridge, Confidence::P95)?;
        Ok(Added { jvm: self.jvm, bridge, core, difference })
    }

    fn assignment(&self) -> Result<Assignment> {
        let job: Job = serde_json::from_value(json!({
            "models": [{ "path": self.path("model.gguf") }],
            "probes": ["faults"],
            "policies": ["normal"],
            "patterns": ["sequential"],
            "caches": ["warm"],
            "blocks": RUNS,
        }))?;
        let cache = Some(self.path("cache"));
        Ok(Assignment::new(Purpose::Measure, job, session::new_name(), cache))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// From the session's plan to its end, as the app tells.
    fn over_the_bridge(&self) -> Result<Nanos> {
        let answer = self.app.borrow_mut().ask(&serde_json::to_string(&self.assignment()?)?)?;
        answer.parse().map(Nanos).with_context(|| format!("found {answer:?}, expected nanoseconds"))
    }

    fn in_this_process(&self) -> Result<Nanos> {
        let (os, cancel) = (host(), AtomicBool::new(false));
        let tool = Tool {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build_profile: "bench-device".to_owned(),
            target: std::env::consts::ARCH.to_owned(),
            engine: None,
        };
        let (mut begun, mut ended) = (None, None);
        let mut sink = |line: &Line| {
            match line {
                Line::Plan(_) => begun = Some(os.now()),
                Line::End(_) => ended = Some(os.now()),
                _ => {}
            }
            // An agent writes them to its output.
            std::hint::black_box(bytes(line));
            Ok(())
        };
        carry_out(&os, None, tool, &self.assignment()?, &cancel, &mut sink)?;
        let (begun, ended) = begun.zip(ended).context("a session without plan or end")?;
        Ok(Nanos(ended.0 - begun.0))
    }
}

fn each_run(session: &Nanos) -> f64 {
    session.0 as f64 / f64::from(RUNS)
}

/// Time that runs take with the bridge and without.
pub struct Added {
    jvm: Jvm,
    /// Of a run, in ns, a round an entry.
    bridge: Vec<f64>,
    core: Vec<f64>,
    difference: Difference,
}

impl Row for Added {
    const HEADER: &'static [&'static str] =
        &["a run with", "rounds", "bridge", "core alone", "added", "95 % interval", "of 200 ms", "bar"];

    fn cells(&self) -> Vec<String> {
        let ns = |ns: f64| Nanos(ns.max(0.0).round() as u64).to_string();
        let median = |values: &[f64]| {
            Summary::of(values.iter().copied()).map_or("–".to_owned(), |summary| ns(summary.median))
        };
        let interval = self.difference.interval;
        vec![
            match self.jvm {
                Jvm::Usual => "next to no work".to_owned(),
                Jvm::Interpreted => "the same, all interpreted".to_owned(),
            },
            self.bridge.len().to_string(),
            median(&self.bridge),
            median(&self.core),
            ns(self.difference.difference),
            interval
                .map_or("–".to_owned(), |interval| format!("{}–{}", ns(interval.low), ns(interval.high))),
            format!("{:.3} %", 100.0 * self.difference.difference / RUN.0 as f64),
            match self.jvm {
                Jvm::Usual => format!("≤ {} %", 100.0 * SHARE),
                Jvm::Interpreted => "–".to_owned(),
            },
        ]
    }

    fn json(&self) -> Value {
        let interval = self.difference.interval.ok();
        json!({
            "interpreted": self.jvm == Jvm::Interpreted,
            "runs": RUNS,
            "bridge_ns": self.bridge,
            "core_ns": self.core,
            "added_ns": self.difference.difference,
            "low_ns": interval.map(|interval| interval.low),
            "high_ns": interval.map(|interval| interval.high),
            "holds": self.holds(),
        })
    }

    fn holds(&self) -> Option<bool> {
        let low_enough = self.difference.interval.is_ok_and(|interval| interval.high <= SHARE * RUN.0 as f64);
        (self.jvm == Jvm::Usual).then_some(low_enough)
    }
}
