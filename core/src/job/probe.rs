//! What is measured, and the words that a probe is made of.

use std::fmt;
use std::num::NonZeroU32;

use strum::{Display, EnumDiscriminants, EnumString, IntoStaticStr, VariantArray};

use super::Policy;
use crate::unit::Bytes;

/// The order in which bytes are touched or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Pattern {
    /// From the first page to the last.
    Sequential,
    /// From the last page to the first.
    Reverse,
    /// Every 64th page, then every 64th from the second on, and so forth until each was touched once.
    Strided,
    /// A uniform permutation drawn from the job's seed, another one in each block.
    Random,
    /// The tensors as the header lists them, where that differs from the order of their offsets.
    TensorOrder,
}

impl Pattern {
    /// Whether `probe` can follow this order: reads have a size of their own and know nothing of tensors, and what an
    /// engine reads it reads in an order of its own.
    pub fn applies_to(self, probe: ProbeKind) -> bool {
        match probe {
            ProbeKind::Faults => true,
            ProbeKind::Reads => self != Pattern::TensorOrder,
            ProbeKind::Replay | ProbeKind::FirstToken | ProbeKind::Floor => false,
        }
    }
}

/// How often the clock is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Timing {
    /// Before the first touch and after the last: it costs the touches nothing.
    Whole,
    /// After each touch, too: the latency of each is known.
    Each,
}

/// Through the page cache, or past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Io {
    /// Through the page cache.
    Buffered,
    /// Past it: `O_DIRECT`.
    Direct,
}

/// In which process a first token is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Way {
    /// In a fresh one, from opening the file on: what a user waits for.
    Process,
    /// In one that has loaded the model before, fresh mappings laid over its weights: many cold ones a process, and
    /// nothing of the load is in them.
    Remap,
}

impl Way {
    /// Whether weights can come in by `policy`: over weights that lie in no mapping of ours none can be laid.
    pub fn allows(self, policy: Policy) -> bool {
        self == Way::Process || policy.advice().is_some()
    }
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Prompt {
    /// So many tokens, spread over the vocabulary, the same in each run.
    Count(u32),
    /// A text, without the marks that a chat has.
    Text(String),
}

/// `prompt 16`, `prompt "Once upon a time"`
impl fmt::Display for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Prompt::Count(count) => write!(f, "prompt {count}"),
            Prompt::Text(text) => write!(f, "prompt {text:?}"),
        }
    }
}

/// What is measured, with the parameters that only this probe has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EnumDiscriminants)]
#[strum_discriminants(name(ProbeKind), derive(Hash, Display, EnumString, IntoStaticStr, VariantArray))]
#[strum_discriminants(
    strum(serialize_all = "snake_case"),
    doc = "The name of a probe, without its parameters."
)]
pub enum Probe {
    /// Touch a mapping, one byte a page.
    #[strum_discriminants(doc = "[`Probe::Faults`]")]
    Faults {
        /// How the pages come in.
        policy: Policy,
        /// In which order they are touched.
        pattern: Pattern,
        /// How often the clock is read.
        timing: Timing,
    },
    /// `pread`.
    #[strum_discriminants(doc = "[`Probe::Reads`]")]
    Reads {
        /// Bytes per read.
        io_size: Bytes,
        /// In which order the reads are made.
        pattern: Pattern,
        /// Through the page cache or past it.
        io: Io,
        /// Threads that read, each taking the next read as soon as it is free.
        threads: NonZeroU32,
    },
    /// Touch the pages that a first token reads, in the order of the weight trace, without computing: what layout and
    /// policy cost when compute is free.
    #[strum_discriminants(doc = "[`Probe::Replay`]")]
    Replay {
        /// How the pages come in.
        policy: Policy,
        /// The prompt of the trace.
        prompt: Prompt,
    },
    /// Load the model and compute the first token.
    #[strum_discriminants(doc = "[`Probe::FirstToken`]")]
    FirstToken {
        /// How the weights come in.
        policy: Policy,
        /// What the model is asked.
        prompt: Prompt,
        /// In which process.
        way: Way,
        /// Threads that compute; as many as there are processors when `None`.
        threads: Option<NonZeroU32>,
    },
    /// Read the bytes that a first token needs past the page cache, large reads side by side: no policy can bring them in
    /// sooner. It is measured beside each cold first token.
    #[strum_discriminants(doc = "[`Probe::Floor`]")]
    Floor {
        /// The prompt of the trace.
        prompt: Prompt,
        /// The most that one read asks for.
        io_size: Bytes,
    },
}

impl Probe {
    /// Touches that are timed as a whole.
    pub const fn faults(policy: Policy, pattern: Pattern) -> Self {
        Probe::Faults { policy, pattern, timing: Timing::Whole }
    }

    /// Reads of one thread through the page cache.
    pub const fn reads(io_size: Bytes, pattern: Pattern) -> Self {
        Probe::Reads { io_size, pattern, io: Io::Buffered, threads: NonZeroU32::MIN }
    }
}

impl ProbeKind {
    /// The policies that it is measured under when a job names none; the first one is the base of comparisons.
    pub fn default_policies(self) -> &'static [Policy] {
        match self {
            ProbeKind::Faults => &[Policy::Normal, Policy::Random, Policy::WillNeed],
            ProbeKind::Replay => &[Policy::Normal, Policy::STREAM],
            ProbeKind::FirstToken => &[Policy::StockLoad, Policy::Normal, Policy::STREAM],
            ProbeKind::Reads | ProbeKind::Floor => &[],
        }
    }
}
