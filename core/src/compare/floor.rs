//! The floor of a cold first token, and what stands between the two.
//!
//! ```text
//! floor        the bytes that the engine reads, read past the page cache in the same block
//! first token  = floor + bytes nobody needed + waits + compute not overlapped
//!                        └───── replay − floor ─────┘ where one was measured
//! ```

use std::collections::HashMap;

use super::judge::median;
use super::pairing::{Arm, Sieve, runs_by_case};
use crate::job::{CacheState, Case, Policy, Probe, Prompt};
use crate::record::{Floored, Metrics, Need, Obstacle, ObstacleName, Report, Run};
use crate::stats::{Confidence, paired_ratio};

/// A wait for less than this is for a request that is too small.
const SMALL_REQUEST_BYTES: u64 = 512 << 10;
/// What costs less of a first token than this isn't worth naming.
const WORTH_NAMING: f64 = 0.02;

/// Each cold first token of `report` that has a floor, prompt by prompt, in the order of the job.
pub fn floors(report: &Report) -> Vec<Floored> {
    let runs = Runs { of: runs_by_case(report), sieve: Sieve::new(report, &[]), cases: report.cases() };
    let cold = runs.cases.iter().filter(|case| case.cache == CacheState::Cold);
    let mut floors: Vec<Floored> = cold.filter_map(|case| floored(report, &runs, case)).collect();
    let prompts = &report.job().prompts;
    floors.sort_by_key(|one| prompts.iter().position(|prompt| Some(prompt) == one.case.prompt()));
    floors
}

/// The runs of a report that may be paired.
struct Runs<'a> {
    of: HashMap<&'a Case, Vec<&'a Run>>,
    sieve: Sieve<'a>,
    cases: Vec<Case>,
}

impl<'a> Runs<'a> {
    fn arm(&self, case: &Case) -> Arm<'a> {
        let runs = self.of.get(case).map(Vec::as_slice).unwrap_or_default();
        self.sieve.arm(vec![case.to_string()], runs)
    }

    /// Of all runs of `case`.
    fn median(&self, case: &Case, value: fn(&Metrics) -> Option<u64>) -> Option<f64> {
        let arm = self.arm(case);
        let values = arm.runs.values().filter_map(|run| value(run.metrics.as_ref()?));
        median(&values.map(|value| value as f64).collect::<Vec<_>>())
    }
}

fn wall(metrics: &Metrics) -> Option<u64> {
    Some(metrics.wall_ns)
}

fn floored(report: &Report, runs: &Runs<'_>, case: &Case) -> Option<Floored> {
    let Probe::FirstToken { policy, prompt, .. } = &case.probe else { return None };
    let floor = floor_of(runs, case, *policy, prompt)?;
    let need = |need: &&Need| need.variant == case.variant && need.prompt == *prompt;
    let needed_bytes = report.plan.as_ref()?.needs.iter().find(need)?.bytes;
    let (base, token) = (runs.arm(floor), runs.arm(case));
    let both = |(block, floor): (&u32, &&Run)| {
        let wall = |run: &Run| run.metrics.as_ref().map(|metrics| metrics.wall_ns as f64);
        Some((wall(floor)?, wall(token.runs.get(block)?)?))
    };
    let (floors, tokens): (Vec<f64>, Vec<f64>) = base.runs.iter().filter_map(both).unzip();
    let (floor_ns, first_token_ns) = (median(&floors)?, median(&tokens)?);
    let paired = paired_ratio(&floors, &tokens, Confidence::P95).ok();
    let warm_ns = warm(runs, case);
    let between = Between {
        floor: floor_ns,
        first_token: first_token_ns,
        warm: warm_ns,
        replay: replay(runs, case, *policy, prompt),
        needed: needed_bytes as f64,
        fetched: runs.median(case, |metrics| metrics.bytes_fetched),
        waits: runs.median(case, |metrics| metrics.major_faults),
    };
    Some(Floored {
        case: case.clone(),
        io_size_bytes: floor.io_size()?.0,
        needed_bytes,
        blocks: floors.len() as u32,
        floor_ns: floor_ns as u64,
        first_token_ns: first_token_ns as u64,
        warm_ns: warm_ns.map(|warm| warm as u64),
        ratio: paired.as_ref().map(|paired| paired.ratio),
        interval: paired
            .and_then(|paired| paired.interval.ok())
            .map(|interval| (interval.low, interval.high)),
        obstacles: between.obstacles(),
    })
}

/// The floor of the same bytes, by requests of the stream's own size where there is one, else by the largest.
fn floor_of<'r>(runs: &'r Runs<'_>, case: &Case, policy: Policy, prompt: &Prompt) -> Option<&'r Case> {
    let is_floor = |other: &&Case| {
        matches!(other.probe, Probe::Floor { .. })
            && (other.cache, &other.variant) == (case.cache, &case.variant)
            && other.prompt() == Some(prompt)
    };
    let chunk = policy.ahead().map(|ahead| ahead.chunk);
    runs.cases.iter().filter(is_floor).max_by_key(|floor| (floor.io_size() == chunk, floor.io_size()))
}

/// The same first token with everything in memory.
fn warm(runs: &Runs<'_>, case: &Case) -> Option<f64> {
    let same = Case { cache: CacheState::Warm, ..case.clone() };
    let alike = |other: &&Case| {
        other.cache == CacheState::Warm
            && other.variant == case.variant
            && (other.prompt(), other.way(), other.threads()) == (case.prompt(), case.way(), case.threads())
            && matches!(other.probe, Probe::FirstToken { .. })
    };
    let others = runs.cases.iter().filter(alike);
    std::iter::once(&same).chain(others).find_map(|case| runs.median(case, wall))
}

/// The same pages touched under the same policy without compute.
fn replay(runs: &Runs<'_>, case: &Case, policy: Policy, prompt: &Prompt) -> Option<f64> {
    let probe = Probe::Replay { policy, prompt: prompt.clone() };
    runs.median(&Case { probe, ..case.clone() }, wall)
}

/// What is known of the time between a floor and its first token: times in ns, medians over blocks.
struct Between {
    floor: f64,
    first_token: f64,
    warm: Option<f64>,
    replay: Option<f64>,
    needed: f64,
    fetched: Option<f64>,
    waits: Option<f64>,
}

impl Between {
    fn obstacles(&self) -> Vec<Obstacle> {
        let gap = (self.first_token - self.floor).max(0.0);
        let surplus = self.fetched.map_or(0.0, |fetched| (fetched - self.needed).max(0.0));
        let useless = (surplus / self.needed * self.floor).min(gap);
        let rest = gap - useless;
        let waiting = match (self.replay, self.warm) {
            (Some(replay), _) => Some((replay - self.floor - useless).clamp(0.0, rest)),
            (None, Some(warm)) => Some((rest - warm).max(0.0)),
            (None, None) => None,
        };
        let per_wait = self.fetched.zip(self.waits).filter(|(_, waits)| *waits > 0.0);
        let per_wait = per_wait.map(|(fetched, waits)| (fetched / waits) as u64);
        let small = per_wait.is_some_and(|bytes| bytes < SMALL_REQUEST_BYTES);
        let waits = if small { ObstacleName::RequestsTooSmall } else { ObstacleName::WaitsInARow };
        let (bytes, count) = (Some(surplus as u64), self.waits.filter(|waits| *waits > 0.0));
        let count = count.map(|waits| waits as u64);
        let all = [
            (ObstacleName::BytesNobodyNeeded, useless, bytes, None),
            (waits, waiting.unwrap_or(0.0), per_wait, count),
            (ObstacleName::ComputeNotOverlapped, waiting.map_or(0.0, |waiting| rest - waiting), None, None),
            (ObstacleName::NotToldApart, if waiting.is_none() { rest } else { 0.0 }, None, None),
        ];
        let worth = |(_, wall, ..): &(_, f64, _, _)| *wall > WORTH_NAMING * self.first_token;
        let obstacle = |(what, wall, bytes, count)| Obstacle { what, wall_ns: wall as u64, bytes, count };
        all.into_iter().filter(worth).map(obstacle).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Between = Between {
        floor: 1000.0,
        first_token: 3000.0,
        warm: Some(400.0),
        replay: None,
        needed: 1e9,
        fetched: Some(1.5e9),
        waits: Some(10_000.0),
    };

    fn named(between: &Between) -> Vec<(ObstacleName, u64)> {
        between.obstacles().iter().map(|obstacle| (obstacle.what, obstacle.wall_ns)).collect()
    }

    #[test]
    fn what_stands_between_adds_up_to_the_difference() {
        use ObstacleName::*;
        let lower_bound = [(BytesNobodyNeeded, 500), (RequestsTooSmall, 1100), (ComputeNotOverlapped, 400)];
        assert_eq!(named(&KNOWN), lower_bound);
        let replayed = Between { replay: Some(2800.0), ..KNOWN };
        assert_eq!(
            named(&replayed),
            [(BytesNobodyNeeded, 500), (RequestsTooSmall, 1300), (ComputeNotOverlapped, 200)]
        );
        let large = Between { waits: Some(10.0), fetched: Some(1e9), ..KNOWN };
        assert_eq!(named(&large), [(WaitsInARow, 1600), (ComputeNotOverlapped, 400)]);
    }

    #[test]
    fn where_little_is_known_neither_waits_nor_compute_are_claimed() {
        use ObstacleName::NotToldApart;
        let unknown = Between { warm: None, fetched: None, waits: None, ..KNOWN };
        assert_eq!(named(&unknown), [(NotToldApart, 2000)]);
        assert_eq!(named(&Between { first_token: 900.0, ..KNOWN }), [], "sooner than its floor");
    }
}
