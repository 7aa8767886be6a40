//! Progress on a terminal; in a pipe only what is worth keeping.

use std::fmt;
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressState, ProgressStyle};
use packbench_core::record::{Line, Phase, Redo, Run, Status};

use super::plan;

/// Shows where a session is.
pub struct Progress {
    bar: Option<ProgressBar>,
    blocks: u32,
}

impl Progress {
    /// On standard error, if somebody watches there.
    pub fn new() -> Self {
        Progress { bar: stderr().is_terminal().then(ProgressBar::no_length), blocks: 1 }
    }

    /// How many runs there will be, and how many there are.
    pub fn expect(&mut self, total: usize, done: usize) {
        if let Some(bar) = &self.bar {
            bar.set_style(style("{bar:24} {pos}/{len} {msg}{left}"));
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            bar.reset_eta();
        }
    }

    /// Shows what a line says. Redraws only then: no timer disturbs the measurement.
    pub fn show(&mut self, line: &Line) {
        match line {
            Line::Header(header) => self.blocks = header.job.blocks.get(),
            Line::Plan(plan) => {
                self.say(&plan::estimate(plan, self.blocks));
                plan.spans.iter().for_each(|span| self.say(&plan::span(span)));
            }
            Line::Run(run @ Run { status: Status::Failed | Status::Killed, .. }) => {
                let error = run.error.as_deref().unwrap_or("no reason is known");
                self.say(&format!("block {}: {}: {}: {error}", run.block, run.case, run.status));
            }
            Line::Redo(Redo { case, block, .. }) => {
                self.say(&format!("block {block}: {case}: the device throttled, so it is made again"));
            }
            Line::Run(_) | Line::Variant(_) | Line::Phase(_) | Line::Wait(_) | Line::End(_) => {}
        }
        if let Some(bar) = &self.bar {
            advance(bar, line);
        }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }
}

/// `{left}` is the time left, once something is done that it can be told by.
fn style(template: &str) -> ProgressStyle {
    let left = |state: &ProgressState, text: &mut dyn fmt::Write| {
        if state.eta() > Duration::ZERO {
            // A bar that can't be written to isn't seen.
            let _ = write!(text, " ({:#} left)", HumanDuration(state.eta()));
        }
    };
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("left", left)
}

fn advance(bar: &ProgressBar, line: &Line) {
    match line {
        Line::Phase(phase) => bar.set_message(of_phase(phase)),
        Line::Run(_) => bar.inc(1),
        Line::End(_) => bar.finish_and_clear(),
        Line::Header(_) | Line::Variant(_) | Line::Plan(_) | Line::Wait(_) | Line::Redo(_) => {}
    }
}

fn of_phase(phase: &Phase) -> String {
    match phase {
        Phase { case: Some(case), block: Some(block), .. } => format!("block {block}: {case}"),
        Phase { phase, variant: Some(variant), .. } => format!("{phase} of {variant}"),
        Phase { phase, .. } => phase.to_string(),
    }
}

/// Shows how far a computation is.
#[cfg(feature = "llama")]
pub struct Share {
    bar: Option<ProgressBar>,
}

#[cfg(feature = "llama")]
impl Share {
    const WHOLE: u64 = 10_000;

    /// On standard error, if somebody watches there.
    pub fn new() -> Self {
        let bar = stderr().is_terminal().then(|| ProgressBar::new(Self::WHOLE));
        if let Some(bar) = &bar {
            bar.set_style(style("{bar:24} {percent} % {msg}{left}"));
        }
        Share { bar }
    }

    /// That a share of the work is done, and what is being done.
    pub fn show(&mut self, phase: &str, done: f64) {
        if let Some(bar) = &self.bar {
            bar.set_message(phase.to_owned());
            bar.set_position((done * Self::WHOLE as f64) as u64);
        }
    }
}

#[cfg(feature = "llama")]
impl Drop for Share {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
