//! Counts of two programs, held against a bar.

use std::fmt;

use packbench_core::unit::Bytes;
use serde_json::{Value, json};

use crate::report::Row;

/// What is asked of counts.
#[derive(Clone, Copy, Debug)]
pub enum CountBar {
    /// Ours is the peer's.
    Equal,
    /// Both are this.
    Exactly(u64),
    /// The means differ by no more than this share of the peer's.
    MeansWithin(f64),
    /// Ours is less than so many bytes.
    Below(Bytes),
}

/// Counts of one thing, a repetition an entry.
pub struct CountRow {
    /// What was counted.
    pub what: String,
    /// Ours.
    pub ours: Vec<u64>,
    /// The peer's; empty where there is none.
    pub peer: Vec<u64>,
    /// What is asked of them.
    pub bar: CountBar,
}

impl Row for CountRow {
    const HEADER: &'static [&'static str] = &["", "times", "ours", "peer", "difference", "bar"];

    fn cells(&self) -> Vec<String> {
        let (ours, peer) = (mean(&self.ours), mean(&self.peer));
        let dash = || "–".to_owned();
        vec![
            self.what.clone(),
            self.ours.len().to_string(),
            span(&self.ours),
            span(&self.peer),
            ours.zip(peer).map_or_else(dash, |(ours, peer)| format!("{:+.2} %", 100.0 * (ours / peer - 1.0))),
            self.bar.to_string(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what,
            "ours": self.ours,
            "peer": self.peer,
            "bar": self.bar.to_string(),
            "holds": self.holds(),
        })
    }

    fn holds(&self) -> Option<bool> {
        let all = |counts: &[u64], expected| counts.iter().all(|&count| count == expected);
        Some(match self.bar {
            CountBar::Equal => self.ours == self.peer,
            CountBar::Exactly(count) => all(&self.ours, count) && all(&self.peer, count),
            CountBar::MeansWithin(share) => {
                let means = mean(&self.ours).zip(mean(&self.peer));
                means.is_some_and(|(ours, peer)| (ours - peer).abs() <= share * peer)
            }
            CountBar::Below(Bytes(limit)) => self.ours.iter().all(|&count| count < limit),
        })
    }
}

fn mean(counts: &[u64]) -> Option<f64> {
    (!counts.is_empty()).then(|| counts.iter().sum::<u64>() as f64 / counts.len() as f64)
}

/// One count as it is; of several the mean, with the smallest and the largest.
fn span(counts: &[u64]) -> String {
    match (counts, mean(counts), counts.iter().min(), counts.iter().max()) {
        ([one], ..) => one.to_string(),
        (_, Some(mean), Some(min), Some(max)) => format!("{mean:.1} ({min}–{max})"),
        _ => "–".to_owned(),
    }
}

impl fmt::Display for CountBar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CountBar::Equal => f.write_str("equal"),
            CountBar::Exactly(count) => write!(f, "both {count}"),
            CountBar::MeansWithin(share) => write!(f, "means within {} %", 100.0 * share),
            CountBar::Below(bytes) => write!(f, "< {}", bytes.exact()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(ours: &[u64], peer: &[u64], bar: CountBar) -> Option<bool> {
        CountRow { what: String::new(), ours: ours.to_vec(), peer: peer.to_vec(), bar }.holds()
    }

    #[test]
    fn bars_are_held_against_what_was_counted() {
        assert_eq!(holds(&[1], &[1], CountBar::Equal), Some(true));
        assert_eq!(holds(&[1], &[2], CountBar::Equal), Some(false));
        assert_eq!(holds(&[8], &[8], CountBar::Exactly(9)), Some(false));
        assert_eq!(holds(&[100, 106], &[100, 100], CountBar::MeansWithin(0.03)), Some(true));
        assert_eq!(holds(&[100, 108], &[100, 100], CountBar::MeansWithin(0.03)), Some(false));
        assert_eq!(holds(&[100], &[], CountBar::MeansWithin(0.03)), Some(false), "nothing is near nothing");
        assert_eq!(holds(&[1024], &[], CountBar::Below(Bytes(1024))), Some(false));
    }
}
