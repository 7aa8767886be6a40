//! How a plan is made, and what it may cost: the words of the command line.

use std::fmt;
use std::str::FromStr;

use crate::gguf::GgmlType;
use crate::record::Price;
use crate::unit::{Bytes, Nanos};

/// What a plan keeps small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objective {
    /// ½ Σ F·Δ², F from gradients of whole sequences: about the KL divergence, in nats per token.
    BySequence,
    /// The same with F from gradients of single tokens.
    ByToken,
    /// Σ Δ².
    SquaredError,
    /// Σ x²·Δ², x the input of the matrix; plain Σ Δ² where no input was seen.
    ImatrixSquaredError,
}

impl Objective {
    /// What `price` loses; per token, when sums over `tokens` are asked for.
    pub fn loss(self, price: &Price, tokens: u64) -> f64 {
        match self {
            Objective::BySequence => price.loss_by_sequence_nats / tokens as f64,
            Objective::ByToken => price.loss_by_token_nats / tokens as f64,
            Objective::SquaredError => price.squared_error,
            Objective::ImatrixSquaredError => {
                price.imatrix_squared_error.map_or(price.squared_error, |error| error / tokens as f64)
            }
        }
    }
}

/// How a plan is made.
#[derive(Clone, Debug, PartialEq)]
pub enum Strategy {
    /// The least of an objective within the budget.
    Least(Objective),
    /// From the smallest types up: each tensor, the one of the highest score first, gets the largest that fits.
    Trace,
    /// Types drawn from a seed, then raised or lowered at random to the budget.
    Random(u64),
    /// One type for all, or the nearest that a tensor's rows take.
    Uniform(GgmlType),
    /// A recipe of the engine's.
    Stock(String),
    /// Published: `ffn_down` of so many layers is raised.
    TopLayers(u32),
    /// Published: of each group of attention and feed-forward, the layers in the top percentage are raised.
    TopPercent(f64),
    /// Published: so many groups are raised in all layers.
    Groups(u32),
    /// Published: each group gets the type that its score calls for.
    Thresholds,
}

/// The strategies as they are spelt, for help and errors.
pub const STRATEGIES: &str = "fisher, fisher-token, mse, imatrix, g2, random:SEED, uniform:TYPE, stock:MIX, top-layers:K, \
                              top-percent:P, groups:N, thresholds";

impl Strategy {
    /// Whether it works towards a budget. The others come to what they come to.
    pub fn takes_budget(&self) -> bool {
        matches!(self, Strategy::Least(_) | Strategy::Trace | Strategy::Random(_))
    }
}

impl FromStr for Strategy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, argument) =
            text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let plain = match name {
            "fisher" => Some(Strategy::Least(Objective::BySequence)),
            "fisher-token" => Some(Strategy::Least(Objective::ByToken)),
            "mse" => Some(Strategy::Least(Objective::SquaredError)),
            "imatrix" => Some(Strategy::Least(Objective::ImatrixSquaredError)),
            "g2" => Some(Strategy::Trace),
            "thresholds" => Some(Strategy::Thresholds),
            _ => None,
        };
        let with_argument = argument.and_then(|argument| match name {
            "random" => argument.parse().ok().map(Strategy::Random),
            "uniform" => argument.parse().ok().map(Strategy::Uniform),
            "stock" => Some(Strategy::Stock(argument.to_owned())),
            "top-layers" => argument.parse().ok().map(Strategy::TopLayers),
            "top-percent" => percent(argument).map(Strategy::TopPercent),
            "groups" => argument.parse().ok().map(Strategy::Groups),
            _ => None,
        });
        let found = if argument.is_some() { with_argument } else { plain };
        found.ok_or_else(|| format!("expected one of {STRATEGIES}"))
    }
}

fn percent(text: &str) -> Option<f64> {
    text.trim_end_matches('%').parse().ok().filter(|percent| (0.0..=100.0).contains(percent))
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strategy::Least(Objective::BySequence) => f.write_str("fisher"),
            Strategy::Least(Objective::ByToken) => f.write_str("fisher-token"),
            Strategy::Least(Objective::SquaredError) => f.write_str("mse"),
            Strategy::Least(Objective::ImatrixSquaredError) => f.write_str("imatrix"),
            Strategy::Trace => f.write_str("g2"),
            Strategy::Random(seed) => write!(f, "random:{seed}"),
            Strategy::Uniform(ggml_type) => write!(f, "uniform:{ggml_type}"),
            Strategy::Stock(mix) => write!(f, "stock:{mix}"),
            Strategy::TopLayers(layers) => write!(f, "top-layers:{layers}"),
            Strategy::TopPercent(percent) => write!(f, "top-percent:{percent}"),
            Strategy::Groups(groups) => write!(f, "groups:{groups}"),
            Strategy::Thresholds => f.write_str("thresholds"),
        }
    }
}

/// What a file may cost.
#[derive(Clone, Debug, PartialEq)]
pub enum Budget {
    /// So many bytes.
    Bytes(Bytes),
    /// As many bytes as a stock mix of the same model.
    SameAs(String),
    /// So many bits per weight, the whole file divided by the weights of all tensors.
    BitsPerWeight(f64),
    /// The fewest bytes that are foretold to lose no more than so many nats per token.
    Loss(f64),
    /// As many bytes as a device brings in and computes on within a time, by its own report.
    FirstToken {
        /// The time from nothing to the first token, cold.
        within: Nanos,
        /// Where the report lies.
        report: String,
        /// What that comes to, once somebody has read the report.
        bytes: Option<Bytes>,
    },
}

/// The budgets as they are spelt, for help and errors.
pub const BUDGETS: &str = "BYTES, same-as:MIX, bpw:X, loss:X, first-token:Nms@REPORT";

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let positive = |text: &str| text.parse().ok().filter(|x: &f64| x.is_finite() && *x > 0.0);
        let found = match text.split_once(':') {
            None => text.parse().ok().map(Budget::Bytes),
            Some(("same-as", mix)) => Some(Budget::SameAs(mix.to_owned())),
            Some(("bpw", bits)) => positive(bits).map(Budget::BitsPerWeight),
            Some(("loss", nats)) => positive(nats).map(Budget::Loss),
            Some(("first-token", rest)) => first_token(rest),
            Some(_) => None,
        };
        found.ok_or_else(|| {
            format!(
                "expected one of {BUDGETS}, X above 0 and N whole, such as 400MB, same-as:Q3_K_M, bpw:3.5, loss:0.05 or \
                 first-token:800ms@report.jsonl"
            )
        })
    }
}

fn first_token(text: &str) -> Option<Budget> {
    let (time, report) = text.split_once('@')?;
    let milliseconds: u64 = time.strip_suffix("ms")?.parse().ok()?;
    let within = Nanos(milliseconds.checked_mul(1_000_000)?);
    Some(Budget::FirstToken { within, report: report.to_owned(), bytes: None })
}

/// What a plan may say of where a report lies.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Budget::Bytes(bytes) => write!(f, "{}", bytes.0),
            Budget::SameAs(mix) => write!(f, "same-as:{mix}"),
            Budget::BitsPerWeight(bits) => write!(f, "bpw:{bits}"),
            Budget::Loss(nats) => write!(f, "loss:{nats}"),
            Budget::FirstToken { within, report, .. } => {
                write!(f, "first-token:{}ms@{}", within.0 / 1_000_000, file_name(report))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_as_they_are_shown() {
        for text in [
            "fisher",
            "fisher-token",
            "mse",
            "imatrix",
            "g2",
            "random:7",
            "uniform:Q4_K",
            "stock:Q3_K_M",
            "top-layers:4",
            "top-percent:12.5",
            "groups:2",
            "thresholds",
        ] {
            assert_eq!(text.parse::<Strategy>().map(|strategy| strategy.to_string()), Ok(text.to_owned()));
        }
        for text in ["1000", "same-as:Q3_K_M", "bpw:3.5", "loss:0.05", "first-token:800ms@phone.jsonl"] {
            assert_eq!(text.parse::<Budget>().map(|budget| budget.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("400MB".parse(), Ok(Budget::Bytes(Bytes(400_000_000))));
    }

    #[test]
    fn other_words_are_refused() {
        for text in
            ["", "fishr", "fisher:1", "random", "random:x", "uniform:Q7", "top-percent:101", "top-layers:-1"]
        {
            assert!(text.parse::<Strategy>().is_err(), "{text}");
        }
        for text in
            ["", "-1", "bpw:0", "bpw:NaN", "loss:-1", "first-token:800@r", "first-token:800ms", "small:1"]
        {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
    }
}
