//! In which order a file should hold its tensors: asked for in a few letters, answered with the tensors' numbers.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::forward::Tables;
use crate::random::Random;
use crate::unit::{Bytes, ParseBytesError};

/// An order of a model's tensors.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// `file`: as they stand in the file.
    File,
    /// `forward`: as an engine first reads them for a prompt; derived from their names unless a trace is at hand.
    Forward,
    /// `trace:FILE`: as a recorded weight trace has them.
    Trace(PathBuf),
    /// `like:FILE`: as another model file has them.
    Like(PathBuf),
    /// `shuffled:SEED`: drawn uniformly. The draw depends on names and seed alone, so that a file and its reordered
    /// copies are shuffled alike.
    Shuffled(u64),
}

/// What an order needs to know of a model.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The tensors' names, each once, in the order of the file.
    pub in_file: &'a [&'a str],
    /// `general.architecture`, where the file says it.
    pub architecture: Option<&'a str>,
    /// What [`Order::reference`] holds, names in its order: for [`Order::Forward`] those of a trace if there is one.
    pub reference: Option<&'a [&'a str]>,
}

impl Order {
    /// The file without which the order isn't known.
    pub fn reference(&self) -> Option<&Path> {
        match self {
            Order::Trace(path) | Order::Like(path) => Some(path),
            Order::File | Order::Forward | Order::Shuffled(_) => None,
        }
    }

    /// The numbers of `names.in_file` in this order, each once. Tensors that a reference doesn't name come behind those
    /// that it does, as they stand in the file.
    ///
    /// # Errors
    /// A reference that isn't there, or that names none of the tensors.
    pub fn arrange(&self, names: &Names<'_>) -> Result<Vec<usize>, OrderError> {
        match (self, names.reference) {
            (Order::File, _) => Ok((0..names.in_file.len()).collect()),
            (Order::Shuffled(seed), _) => Ok(shuffled(names.in_file, *seed)),
            (Order::Forward, None) => Ok(Tables::of(names.architecture, names.in_file).order(names.in_file)),
            (Order::Forward | Order::Trace(_) | Order::Like(_), Some(reference)) => {
                as_named(names.in_file, reference)
            }
            (Order::Trace(path) | Order::Like(path), None) => {
                Err(OrderError::NoReference { path: path.clone() })
            }
        }
    }
}

fn shuffled(names: &[&str], seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by_key(|&index| names[index]);
    Random::new(seed).shuffle(&mut order);
    order
}

fn as_named(names: &[&str], reference: &[&str]) -> Result<Vec<usize>, OrderError> {
    let mut places = HashMap::new();
    for (place, name) in reference.iter().enumerate() {
        places.entry(*name).or_insert(place);
    }
    if !names.is_empty() && !names.iter().any(|name| places.contains_key(name)) {
        return Err(OrderError::NothingInCommon);
    }
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|&index| places.get(names[index]).copied().unwrap_or(usize::MAX));
    Ok(order)
}

/// Why an order can't be read or followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// It is none.
    #[error(
        "found order {found:?}, expected file, forward, trace:FILE, like:FILE or shuffled:SEED, \
         with :align=BYTES behind it if you like"
    )]
    Unknown {
        /// What it was spelt as.
        found: String,
    },
    /// The seed is no number.
    #[error("found seed {found:?}, expected a whole number below 2^64, such as shuffled:7")]
    Seed {
        /// What it was spelt as.
        found: String,
    },
    /// The alignment is no size.
    #[error(transparent)]
    Size(#[from] ParseBytesError),
    /// The alignment isn't one that a file may have.
    #[error("found an alignment of {}, expected a power of two from 32 B to 2 MiB", found.exact())]
    Alignment {
        /// What it was.
        found: Bytes,
    },
    /// The caller hasn't read the reference.
    #[error("{} was not read: the order follows it", path.display())]
    NoReference {
        /// Where it lies.
        path: PathBuf,
    },
    /// The reference is of another model.
    #[error("what the order follows names none of the tensors: is it of another model?")]
    NothingInCommon,
}

impl FromStr for Order {
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
        let (kind, of) = text.split_once(':').map_or((text, None), |(kind, of)| (kind, Some(of)));
        match (kind, of.filter(|of| !of.is_empty())) {
            ("file", None) if of.is_none() => Ok(Order::File),
            ("forward", None) if of.is_none() => Ok(Order::Forward),
            ("trace", Some(path)) => Ok(Order::Trace(path.into())),
            ("like", Some(path)) => Ok(Order::Like(path.into())),
            ("shuffled", Some(seed)) => {
                seed.parse().map(Order::Shuffled).map_err(|_| OrderError::Seed { found: seed.to_owned() })
            }
            _ => Err(OrderError::Unknown { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::File => f.write_str("file"),
            Order::Forward => f.write_str("forward"),
            Order::Trace(path) => write!(f, "trace:{}", path.display()),
            Order::Like(path) => write!(f, "like:{}", path.display()),
            Order::Shuffled(seed) => write!(f, "shuffled:{seed}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] =
        ["output.weight", "blk.1.attn_q.weight", "blk.0.attn_q.weight", "token_embd.weight", "x"];

    fn arranged(order: &str, reference: Option<&[&str]>) -> Result<Vec<&'static str>, OrderError> {
        let order: Order = order.parse()?;
        let numbers = order.arrange(&Names { in_file: &NAMES, architecture: None, reference })?;
        Ok(numbers.into_iter().map(|index| NAMES[index]).collect())
    }

    #[test]
    fn each_order_holds_each_tensor_once() {
        assert_eq!(arranged("file", None), Ok(NAMES.to_vec()));
        let forward =
            ["token_embd.weight", "blk.0.attn_q.weight", "blk.1.attn_q.weight", "output.weight", "x"];
        assert_eq!(arranged("forward", None), Ok(forward.to_vec()));
        let traced = ["x", "output.weight", "gone", "x"];
        let as_traced =
            ["x", "output.weight", "blk.1.attn_q.weight", "blk.0.attn_q.weight", "token_embd.weight"];
        for order in ["forward", "trace:t.json", "like:m.gguf"] {
            assert_eq!(arranged(order, Some(&traced)), Ok(as_traced.to_vec()), "{order}");
        }
        assert_eq!(arranged("like:m.gguf", Some(&["gone"])), Err(OrderError::NothingInCommon));
        assert_eq!(arranged("like:m", None), Err(OrderError::NoReference { path: "m".into() }));
    }

    /// A recorded seed must give the same file in every version.
    #[test]
    fn a_shuffle_follows_names_and_seed_alone() {
        let drawn = ["blk.0.attn_q.weight", "output.weight", "token_embd.weight", "blk.1.attn_q.weight", "x"];
        assert_eq!(arranged("shuffled:7", None), Ok(drawn.to_vec()));
        let mut reversed = NAMES;
        reversed.reverse();
        let names = Names { in_file: &reversed, architecture: None, reference: None };
        let numbers = Order::Shuffled(7).arrange(&names).unwrap();
        assert_eq!(numbers.into_iter().map(|index| reversed[index]).collect::<Vec<_>>(), drawn);
    }
}
