//! One point of what is asked: a [`Case`] and the words that it is made of.

use std::fmt;

use strum::{Display, EnumDiscriminants, EnumString, IntoStaticStr, VariantArray};

use crate::unit::Bytes;

/// Whether the model's pages are in memory when the measurement begins. Both are proved, neither is taken on trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum CacheState {
    /// No page is: evicted, then asked.
    Cold,
    /// Every page is: read, then asked.
    Warm,
}

/// How the weights come into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Policy {
    /// As the engine does it by itself, prefetch and extra buffers included: what apps ship.
    StockLoad,
    /// No advice: the kernel reads around each fault as it sees fit.
    Normal,
    /// `MADV_RANDOM`: one page a fault.
    Random,
    /// `MADV_SEQUENTIAL`: read ahead further.
    Sequential,
    /// `MADV_WILLNEED` in chunks before the first touch: reading starts, nobody waits for it.
    WillNeed,
    /// `MADV_POPULATE_READ` in chunks before the first touch: waits until each chunk is mapped.
    Populate,
    /// A thread walks the weight trace ahead of compute and asks for it in chunks.
    Stream,
    /// No mapping: the engine reads into memory of its own, through the page cache.
    Read,
    /// No mapping: the engine reads into memory of its own, past the page cache.
    EngineDirect,
}

impl Policy {
    /// Whether `probe` can bring pages in like this: touching a mapping takes advice, everything else takes an engine.
    pub fn applies_to(self, probe: ProbeKind) -> bool {
        match probe {
            ProbeKind::Faults => self.advice().is_some_and(|_| self != Policy::Stream),
            ProbeKind::Reads => false,
            ProbeKind::FirstToken => true,
        }
    }

    /// What the kernel is told about the mapping; `None` where the weights aren't mapped, or not by us.
    pub fn advice(self) -> Option<Advice> {
        match self {
            Policy::Normal | Policy::Stream => Some(Advice::Normal),
            Policy::Random => Some(Advice::Random),
            Policy::Sequential => Some(Advice::Sequential),
            Policy::WillNeed => Some(Advice::WillNeed),
            Policy::Populate => Some(Advice::Populate),
            Policy::StockLoad | Policy::Read | Policy::EngineDirect => None,
        }
    }
}

/// What the kernel can be told about a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Nothing.
    Normal,
    /// `MADV_RANDOM`
    Random,
    /// `MADV_SEQUENTIAL`
    Sequential,
    /// `MADV_WILLNEED`, in chunks.
    WillNeed,
    /// `MADV_POPULATE_READ`, in chunks.
    Populate,
}

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
    /// Whether `probe` can follow this order: reads have a size of their own and know nothing of tensors, and an engine
    /// follows its own.
    pub fn applies_to(self, probe: ProbeKind) -> bool {
        match probe {
            ProbeKind::Faults => true,
            ProbeKind::Reads => self != Pattern::TensorOrder,
            ProbeKind::FirstToken => false,
        }
    }
}

/// What is measured, with the parameters that only this probe has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumDiscriminants)]
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
    },
    /// `pread` through the page cache.
    #[strum_discriminants(doc = "[`Probe::Reads`]")]
    Reads {
        /// Bytes per read.
        io_size: Bytes,
        /// In which order the reads are made.
        pattern: Pattern,
    },
    /// Load the model in a process of its own and compute the first token.
    #[strum_discriminants(doc = "[`Probe::FirstToken`]")]
    FirstToken {
        /// How the weights come in.
        policy: Policy,
        /// How long the prompt is.
        prompt_tokens: u32,
    },
}

impl ProbeKind {
    /// The policies that it is measured under when a job names none; the first one is the base of comparisons.
    pub fn default_policies(self) -> &'static [Policy] {
        match self {
            ProbeKind::Faults => &[Policy::Normal, Policy::Random, Policy::WillNeed],
            ProbeKind::Reads => &[],
            ProbeKind::FirstToken => &[Policy::StockLoad, Policy::Normal, Policy::Stream],
        }
    }
}

/// A field of a case: what `compare --by` may name. Wherever fields are listed, it is in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Field {
    /// The model file.
    Variant,
    /// What is measured.
    Probe,
    /// The order of access.
    Pattern,
    /// How mapped pages come in.
    Policy,
    /// Bytes per read.
    IoSize,
    /// The length of the prompt.
    PromptTokens,
    /// Cold or warm.
    Cache,
}

/// One thing to measure once per block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    /// The name of the model file.
    pub variant: String,
    /// The state of the page cache at the start.
    pub cache: CacheState,
    /// What is measured.
    pub probe: Probe,
}

impl Case {
    /// How the weights come in; `None` for a probe that reads by itself.
    pub fn policy(&self) -> Option<Policy> {
        match self.probe {
            Probe::Faults { policy, .. } | Probe::FirstToken { policy, .. } => Some(policy),
            Probe::Reads { .. } => None,
        }
    }

    /// The order of access; `None` for a probe that leaves it to an engine.
    pub fn pattern(&self) -> Option<Pattern> {
        match self.probe {
            Probe::Faults { pattern, .. } | Probe::Reads { pattern, .. } => Some(pattern),
            Probe::FirstToken { .. } => None,
        }
    }

    /// Bytes per read; `None` for a probe that isn't about reads.
    pub fn io_size(&self) -> Option<Bytes> {
        match self.probe {
            Probe::Reads { io_size, .. } => Some(io_size),
            Probe::Faults { .. } | Probe::FirstToken { .. } => None,
        }
    }

    /// The length of the prompt; `None` for a probe without an engine.
    pub fn prompt_tokens(&self) -> Option<u32> {
        match self.probe {
            Probe::FirstToken { prompt_tokens, .. } => Some(prompt_tokens),
            Probe::Faults { .. } | Probe::Reads { .. } => None,
        }
    }

    /// Whether nothing may have happened in the process before: an engine that was loaded once starts otherwise.
    pub fn needs_fresh_process(&self) -> bool {
        matches!(self.probe, Probe::FirstToken { .. })
    }

    /// Whether an engine may copy weights into a layout that computes faster.
    pub fn uses_extra_buffers(&self) -> bool {
        self.policy() == Some(Policy::StockLoad)
    }

    /// The value of one field as people read it; `None` where this probe has no such field.
    pub fn field(&self, field: Field) -> Option<String> {
        match field {
            Field::Variant => Some(self.variant.clone()),
            Field::Probe => Some(ProbeKind::from(self.probe).to_string()),
            Field::Cache => Some(self.cache.to_string()),
            Field::Policy => self.policy().map(|policy| policy.to_string()),
            Field::Pattern => self.pattern().map(|pattern| pattern.to_string()),
            Field::IoSize => self.io_size().map(Bytes::exact),
            Field::PromptTokens => self.prompt_tokens().map(|tokens| format!("prompt {tokens}")),
        }
    }
}

/// `SmolLM2.gguf: faults, random, will_need, cold`
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = Field::VARIANTS[1..].iter().filter_map(|&field| self.field(field));
        write!(f, "{}: {}", self.variant, others.collect::<Vec<_>>().join(", "))
    }
}
