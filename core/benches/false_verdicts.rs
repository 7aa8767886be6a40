//! How often two arms that are alike are called different: 10,000 simulated sessions for each kind of noise.
//!
//! ```text
//! cargo bench -p packbench-core --bench false_verdicts [-- --json]
//! ```
//! Exits 1 when, with the order of the arms drawn in each block, more than 5 % of the sessions of any row give a false
//! verdict, beyond what chance does to a count of that many sessions. Rows with a fixed order aren't gated: they show
//! what randomising is for.
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

#[path = "../tests/simulate/mod.rs"]
mod simulate;

use std::process::ExitCode;

use simulate::{Noise, Order, false_verdicts};

const SESSIONS: u64 = 10_000;
const SEED: u64 = 20_261_124;
const LIMIT: f64 = 0.05;

/// Three standard deviations of the share of sessions that a true rate of exactly [`LIMIT`] gives.
///
/// ```text
/// 3 √(0.05 · 0.95 / 10,000) = 0.65 %
/// ```
fn tolerance() -> f64 {
    3.0 * (LIMIT * (1.0 - LIMIT) / SESSIONS as f64).sqrt()
}

/// One kind of session, and how many of [`SESSIONS`] gave a false verdict.
struct Row {
    order: Order,
    noise: Noise,
    blocks: usize,
    false_verdicts: u64,
}

impl Row {
    fn simulate(order: Order, noise: Noise, blocks: usize) -> Row {
        Row { order, noise, blocks, false_verdicts: false_verdicts(noise, order, blocks, SESSIONS, SEED) }
    }

    fn rate(&self) -> f64 {
        self.false_verdicts as f64 / SESSIONS as f64
    }

    fn holds(&self) -> bool {
        self.order == Order::Fixed || self.rate() <= LIMIT + tolerance()
    }

    fn print(&self) {
        let Row { order, noise, blocks, .. } = self;
        let (wrong, coverage) = (100.0 * self.rate(), 100.0 - 100.0 * self.rate());
        let verdict = match order {
            Order::Fixed => "not gated",
            Order::Randomised if self.holds() => "ok",
            Order::Randomised => "TOO MANY",
        };
        println!("{order:<12}{noise:<16}{blocks:>6}{wrong:>16.2} %{coverage:>10.2} %   {verdict}");
    }

    fn print_json(&self) {
        let line = serde_json::json!({
            "order": self.order.to_string(),
            "noise": self.noise.to_string(),
            "blocks": self.blocks,
            "sessions": SESSIONS,
            "seed": SEED,
            "false_verdicts": self.false_verdicts,
            "limit": LIMIT,
            "tolerance": tolerance(),
            "gated": self.order == Order::Randomised,
            "holds": self.holds(),
        });
        println!("{line}");
    }
}

fn main() -> ExitCode {
    let json = std::env::args().any(|argument| argument == "--json");
    if !json {
        println!(
            "{SESSIONS} sessions a row, seed {SEED}; limit {} % + {:.2} % (three standard deviations)\n",
            100.0 * LIMIT,
            100.0 * tolerance()
        );
        println!("order       noise           blocks   false verdicts    coverage");
    }
    let mut hold = true;
    for (order, noise, blocks) in rows() {
        let row = Row::simulate(order, noise, blocks);
        if json {
            row.print_json()
        } else {
            row.print()
        }
        hold &= row.holds();
    }
    if hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rows() -> impl Iterator<Item = (Order, Noise, usize)> {
    let noises = |order| Noise::ALL.into_iter().map(move |noise| (order, noise));
    [Order::Randomised, Order::Fixed]
        .into_iter()
        .flat_map(noises)
        .flat_map(|(order, noise)| [6, 10, 20].map(|blocks| (order, noise, blocks)))
}
