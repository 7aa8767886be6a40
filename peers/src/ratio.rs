//! Times of two programs, as a ratio with its interval, held against a bar.

use std::fmt;

use anyhow::{Context, Result};
use packbench_core::stats::{Confidence, Interval, Ratio, Summary, paired_ratio};
use packbench_core::unit::Nanos;
use serde_json::{Value, json};

use crate::report::Row;

/// What the 95 % interval of a ratio must keep to.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// Ours ÷ peer lies between these.
    Within(f64, f64),
    /// Ours ÷ peer is at most this: less is no fault.
    AtMost(f64),
    /// Peer ÷ ours is at least this.
    TimesFaster(f64),
    /// Peer ÷ ours may be this: we are not shown to be slower.
    NoSlower(f64),
    /// Nothing: the row stands there for orientation.
    None,
}

/// Rounds in which ours, ours again and a peer did the same work, in any order.
pub struct Rounds {
    /// What ours took.
    pub ours: Vec<Nanos>,
    /// What ours took when it ran a second time: the difference that no program makes.
    pub again: Vec<Nanos>,
    /// What the peer took.
    pub peer: Vec<Nanos>,
}

/// A comparison of times.
pub struct RatioRow {
    /// What both did.
    pub what: String,
    /// Their times.
    pub rounds: Rounds,
    /// What is asked of the ratio.
    pub bar: Bar,
    ratio: Ratio,
    interval: Interval,
    null: Interval,
}

impl RatioRow {
    /// Compares times round by round.
    pub fn new(what: impl Into<String>, rounds: Rounds, bar: Bar) -> Result<Self> {
        let (base, over) = match bar {
            Bar::TimesFaster(_) | Bar::NoSlower(_) => (&rounds.ours, &rounds.peer),
            Bar::Within(..) | Bar::AtMost(_) | Bar::None => (&rounds.peer, &rounds.ours),
        };
        let ratio = compare(base, over)?;
        let null = compare(&rounds.ours, &rounds.again)?.interval?;
        Ok(RatioRow { what: what.into(), bar, ratio, interval: ratio.interval?, null, rounds })
    }
}

fn compare(base: &[Nanos], candidate: &[Nanos]) -> Result<Ratio> {
    let values = |samples: &[Nanos]| samples.iter().map(|sample| sample.0 as f64).collect::<Vec<f64>>();
    Ok(paired_ratio(&values(base), &values(candidate), Confidence::P95)?)
}

fn median(samples: &[Nanos]) -> Result<Nanos> {
    let summary = Summary::of(samples.iter().map(|sample| sample.0 as f64)).context("no round was run")?;
    Ok(Nanos(summary.median.round() as u64))
}

impl Row for RatioRow {
    const HEADER: &'static [&'static str] =
        &["", "rounds", "ours", "peer", "ratio", "95 % interval", "ours against ours", "bar"];

    fn cells(&self) -> Vec<String> {
        let time = |samples| median(samples).map_or("–".to_owned(), |median| median.to_string());
        let decimals = match self.bar {
            Bar::TimesFaster(_) => 1,
            Bar::Within(..) | Bar::AtMost(_) | Bar::NoSlower(_) | Bar::None => 4,
        };
        let span = |Interval { low, high, .. }, decimals| format!("{low:.decimals$}–{high:.decimals$}");
        vec![
            self.what.clone(),
            self.rounds.ours.len().to_string(),
            time(&self.rounds.ours),
            time(&self.rounds.peer),
            format!("{:.decimals$}", self.ratio.ratio),
            span(self.interval, decimals),
            span(self.null, 4),
            self.bar.to_string(),
        ]
    }

    fn json(&self) -> Value {
        let nanos = |samples: &[Nanos]| samples.iter().map(|sample| sample.0).collect::<Vec<u64>>();
        json!({
            "what": self.what,
            "ratio": self.ratio.ratio,
            "low": self.interval.low,
            "high": self.interval.high,
            "null_low": self.null.low,
            "null_high": self.null.high,
            "bar": self.bar.to_string(),
            "holds": self.holds(),
            "ours_ns": nanos(&self.rounds.ours),
            "ours_again_ns": nanos(&self.rounds.again),
            "peer_ns": nanos(&self.rounds.peer),
        })
    }

    fn holds(&self) -> Option<bool> {
        let Interval { low, high, .. } = self.interval;
        match self.bar {
            Bar::Within(least, most) => Some(least <= low && high <= most),
            Bar::AtMost(most) => Some(high <= most),
            Bar::TimesFaster(least) => Some(least <= low),
            Bar::NoSlower(least) => Some(least <= high),
            Bar::None => None,
        }
    }
}

/// `0.97–1.03`, `≤ 1.03`, `≥ 30 ×`
impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bar::Within(least, most) => write!(f, "{least}–{most}"),
            Bar::AtMost(most) => write!(f, "≤ {most}"),
            Bar::TimesFaster(least) => write!(f, "≥ {least} ×"),
            Bar::NoSlower(least) => write!(f, "up to ≥ {least}"),
            Bar::None => f.write_str("–"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(ours: u64, peer: u64, bar: Bar) -> Option<bool> {
        let rounds = |ns| (0..20).map(|round| Nanos(ns + round % 3)).collect::<Vec<_>>();
        let rounds = Rounds { ours: rounds(ours), again: rounds(ours), peer: rounds(peer) };
        RatioRow::new("a row", rounds, bar).unwrap().holds()
    }

    #[test]
    fn bars_are_held_against_the_whole_interval() {
        let within = Bar::Within(0.97, 1.03);
        assert_eq!(holds(10_000, 10_000, within), Some(true));
        assert_eq!(holds(10_400, 10_000, within), Some(false));
        assert_eq!(holds(9_600, 10_000, within), Some(false));
        assert_eq!(holds(9_600, 10_000, Bar::AtMost(1.03)), Some(true));
        assert_eq!(holds(10_400, 10_000, Bar::AtMost(1.03)), Some(false));
        assert_eq!(holds(10_000, 310_000, Bar::TimesFaster(30.0)), Some(true));
        assert_eq!(holds(10_000, 290_000, Bar::TimesFaster(30.0)), Some(false));
        assert_eq!(holds(10_000, 9_600, Bar::NoSlower(0.95)), Some(true));
        assert_eq!(holds(10_000, 9_400, Bar::NoSlower(0.95)), Some(false));
        assert_eq!(holds(10_000, 1, Bar::None), None);
    }
}
