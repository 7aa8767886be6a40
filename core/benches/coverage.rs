//! What intervals, gates and verdicts are worth: simulated sessions whose truth is known.
//!
//! ```text
//! cargo bench -p packbench-core --bench coverage [-- --json]
//! ```
//! 1. How often nominal 95 % intervals hold the truth. The gated rows are those of `compare` on one report.
//!    The others show what was not chosen, and what two sessions and the means of `eval` are worth.
//! 2. How often a family of five comparisons has a false regression, where each candidate is worse by exactly the threshold.
//! 3. How often an effect is seen: the power curve.
//!
//! Exits 1 when a gated row misses its limits by more than three standard deviations of a share of that many sessions.
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

#[path = "../tests/simulate/mod.rs"]
mod simulate;

use std::num::NonZero;
use std::process::ExitCode;

use packbench_core::stats::bootstrap::mean_interval;
use packbench_core::stats::{Confidence, holm, paired_ratio, unpaired_ratio};
use simulate::{Noise, Order, Random, arms, log_normal, session};

const SESSIONS: u64 = 10_000;
/// Of methods that draw again and again.
const DRAWN_SESSIONS: u64 = 2_000;
const SEED: u64 = 20_261_124;
const BLOCKS: [usize; 3] = [6, 10, 20];
const COVERAGE: std::ops::RangeInclusive<f64> = 0.94..=0.98;
const EFFECTS: [f64; 6] = [0.01, 0.02, 0.03, 0.05, 0.08, 0.10];

/// A share of simulated sessions, and where it has to lie.
struct Row {
    table: &'static str,
    what: String,
    noise: String,
    blocks: usize,
    sessions: u64,
    hits: u64,
    limits: Option<(f64, f64)>,
}

impl Row {
    fn share(&self) -> f64 {
        self.hits as f64 / self.sessions as f64
    }

    fn holds(&self) -> bool {
        let deviation = |share: f64| 3.0 * (share * (1.0 - share) / self.sessions as f64).sqrt();
        self.limits.is_none_or(|(low, high)| {
            self.share() >= low - deviation(low) && self.share() <= high + deviation(high)
        })
    }

    fn print(&self) {
        let verdict = match (self.limits, self.holds()) {
            (None, _) => "not gated",
            (Some(_), true) => "holds",
            (Some(_), false) => "FAILS",
        };
        let Row { what, noise, blocks, .. } = self;
        println!("{what:<44}{noise:<16}{blocks:>6}{:>10.2} %   {verdict}", 100.0 * self.share());
    }

    fn print_json(&self) {
        let Row { table, what, noise, blocks, sessions, hits, limits } = self;
        let (seed, holds) = (SEED, self.holds());
        let line = serde_json::json!({
            "table": table, "what": what, "noise": noise, "blocks": blocks, "sessions": sessions,
            "hits": hits, "limits": limits, "holds": holds, "seed": seed,
        });
        println!("{line}");
    }
}

fn main() -> ExitCode {
    let json = std::env::args().any(|argument| argument == "--json");
    let mut table = "";
    let mut hold = true;
    for row in rows() {
        if json {
            row.print_json();
        } else {
            if table != row.table {
                println!("\n{}\n{:<44}{:<16}{:>6}{:>12}", row.table, "", "noise", "blocks", "sessions");
            }
            row.print();
        }
        table = row.table;
        hold &= row.holds();
    }
    if hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rows() -> impl Iterator<Item = Row> {
    let cells = || Noise::ALL.into_iter().flat_map(|noise| BLOCKS.map(|blocks| (noise, blocks)));
    let coverage = cells().map(|(noise, blocks)| signed_rank(noise, blocks));
    let bootstrap = cells().map(|(noise, blocks)| block_bootstrap(noise, blocks));
    let sessions = cells().map(|(noise, blocks)| rank_sum(noise, blocks));
    let means = BLOCKS.into_iter().map(mean_of_chunks);
    let families = cells().filter(|(_, blocks)| *blocks >= 10).map(|(noise, blocks)| family(noise, blocks));
    let power = cells().flat_map(|(noise, blocks)| EFFECTS.map(|effect| power(noise, blocks, effect)));
    coverage.chain(bootstrap).chain(sessions).chain(means).chain(families).chain(power)
}

fn count(sessions: u64, mut hits: impl FnMut(&mut Random) -> bool) -> u64 {
    (0..sessions).filter(|&session| hits(&mut Random::derived(SEED, session))).count() as u64
}

const INTERVALS: &str = "Nominal 95 % intervals that hold the truth";

fn signed_rank(noise: Noise, blocks: usize) -> Row {
    const RATIO: f64 = 1.10;
    let hits = count(SESSIONS, |random| {
        let (base, candidate) = arms(noise, Order::Randomised, blocks, RATIO, random);
        let found = paired_ratio(&base, &candidate, Confidence::P95).expect("times are positive and paired");
        !found.interval.expect("6 blocks or more").excludes(RATIO)
    });
    Row {
        table: INTERVALS,
        what: "ratio in blocks, signed rank".to_owned(),
        noise: noise.to_string(),
        blocks,
        sessions: SESSIONS,
        hits,
        limits: Some((*COVERAGE.start(), *COVERAGE.end())),
    }
}

/// The same ratio by the percentiles of what blocks drawn again give.
fn block_bootstrap(noise: Noise, blocks: usize) -> Row {
    const RESAMPLES: usize = 400;
    let count_of_blocks = NonZero::new(blocks as u64).expect("6 blocks or more");
    let hits = count(DRAWN_SESSIONS, |random| {
        let (base, candidate) = arms(noise, Order::Randomised, blocks, 1.0, random);
        let mut ratio = || {
            let (drawn_base, drawn_candidate): (Vec<f64>, Vec<f64>) = (0..blocks)
                .map(|_| random.below(count_of_blocks) as usize)
                .map(|block| (base[block], candidate[block]))
                .unzip();
            paired_ratio(&drawn_base, &drawn_candidate, Confidence::P95).expect("times are positive").ratio
        };
        let mut ratios: Vec<f64> = (0..RESAMPLES).map(|_| ratio()).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        (ratios[RESAMPLES / 40]..=ratios[RESAMPLES - 1 - RESAMPLES / 40]).contains(&1.0)
    });
    Row {
        table: INTERVALS,
        what: "ratio in blocks, block bootstrap (not used)".to_owned(),
        noise: noise.to_string(),
        blocks,
        sessions: DRAWN_SESSIONS,
        hits,
        limits: None,
    }
}

/// Two sessions, one an arm.
fn rank_sum(noise: Noise, blocks: usize) -> Row {
    let hits = count(SESSIONS, |random| {
        let mut one = || session(noise, Order::Randomised, 1, blocks, random).concat();
        let (base, candidate) = (one(), one());
        let found = unpaired_ratio(&base, &candidate, Confidence::P95).expect("times are positive");
        !found.interval.expect("6 blocks or more").excludes(1.0)
    });
    Row {
        table: INTERVALS,
        what: "ratio of two sessions, rank sum".to_owned(),
        noise: noise.to_string(),
        blocks,
        sessions: SESSIONS,
        hits,
        limits: None,
    }
}

/// What `eval` does: values are of chunks, and none is below 0.
fn mean_of_chunks(chunks: usize) -> Row {
    let mean = (0.5_f64 * 0.5 / 2.0).exp();
    let mut seed = SEED;
    let hits = count(DRAWN_SESSIONS, |random| {
        let values: Vec<f64> = (0..chunks).map(|_| log_normal(random)).collect();
        seed += 1;
        mean_interval(&values, seed).is_some_and(|(low, high)| (low..=high).contains(&mean))
    });
    Row {
        table: INTERVALS,
        what: "mean of chunks, studentized bootstrap".to_owned(),
        noise: "log-normal".to_owned(),
        blocks: chunks,
        sessions: DRAWN_SESSIONS,
        hits,
        limits: None,
    }
}

const FAMILIES: &str =
    "Five comparisons gated together, each worse by exactly the threshold: a false regression";

fn family(noise: Noise, blocks: usize) -> Row {
    const ALPHA: f64 = 0.025;
    const CANDIDATES: usize = 5;
    let hits = count(SESSIONS, |random| {
        let runs = session(noise, Order::Randomised, 1 + CANDIDATES, blocks, random);
        let arm = |arm: usize| runs.iter().map(|block| block[arm]).collect::<Vec<f64>>();
        let base = arm(0);
        let above = |candidate: usize| {
            let found = paired_ratio(&base, &arm(candidate), Confidence::P95).expect("times are positive");
            if found.ratio > 1.0 { found.p_value / 2.0 } else { 1.0 }
        };
        let p_values: Vec<f64> = (1..=CANDIDATES).map(above).collect();
        holm(&p_values, ALPHA).contains(&true)
    });
    Row {
        table: FAMILIES,
        what: "one or more of five, Holm".to_owned(),
        noise: noise.to_string(),
        blocks,
        sessions: SESSIONS,
        hits,
        limits: Some((0.0, ALPHA)),
    }
}

const POWER: &str = "Effects that are seen: verdict slower";

fn power(noise: Noise, blocks: usize, effect: f64) -> Row {
    let hits = count(DRAWN_SESSIONS, |random| {
        let (base, candidate) = arms(noise, Order::Randomised, blocks, 1.0 + effect, random);
        let found = paired_ratio(&base, &candidate, Confidence::P95).expect("times are positive and paired");
        found.interval.expect("6 blocks or more").low > 1.0
    });
    Row {
        table: POWER,
        what: format!("effect of {:.0} %", 100.0 * effect),
        noise: noise.to_string(),
        blocks,
        sessions: DRAWN_SESSIONS,
        hits,
        limits: None,
    }
}
