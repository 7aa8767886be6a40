//! One point of what is asked: a [`Case`], and the fields that it can be compared by.

use std::fmt;
use std::num::NonZeroU32;

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use super::{Io, Pattern, Policy, Probe, ProbeKind, Prompt, Timing, Way};
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
    /// Through the page cache or past it.
    Io,
    /// Threads that read or compute.
    Threads,
    /// How often the clock is read.
    Timing,
    /// What the model is asked.
    Prompt,
    /// In which process a first token is computed.
    Way,
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
            Probe::Faults { policy, .. }
            | Probe::Replay { policy, .. }
            | Probe::FirstToken { policy, .. } => Some(policy),
            Probe::Reads { .. } | Probe::Floor { .. } => None,
        }
    }

    /// The order of access; `None` for a probe that follows an engine.
    pub fn pattern(&self) -> Option<Pattern> {
        match self.probe {
            Probe::Faults { pattern, .. } | Probe::Reads { pattern, .. } => Some(pattern),
            Probe::Replay { .. } | Probe::FirstToken { .. } | Probe::Floor { .. } => None,
        }
    }

    /// Bytes per read; `None` for a probe that isn't about reads.
    pub fn io_size(&self) -> Option<Bytes> {
        match self.probe {
            Probe::Reads { io_size, .. } | Probe::Floor { io_size, .. } => Some(io_size),
            Probe::Faults { .. } | Probe::Replay { .. } | Probe::FirstToken { .. } => None,
        }
    }

    /// Through the page cache or past it; `None` for a probe that isn't about reads.
    pub fn io(&self) -> Option<Io> {
        match self.probe {
            Probe::Reads { io, .. } => Some(io),
            Probe::Floor { .. } => Some(Io::Direct),
            Probe::Faults { .. } | Probe::Replay { .. } | Probe::FirstToken { .. } => None,
        }
    }

    /// Threads that were asked for; `None` where nobody asked.
    pub fn threads(&self) -> Option<NonZeroU32> {
        match self.probe {
            Probe::Reads { threads, .. } => Some(threads),
            Probe::FirstToken { threads, .. } => threads,
            Probe::Faults { .. } | Probe::Replay { .. } | Probe::Floor { .. } => None,
        }
    }

    /// How often the clock is read; `None` for a probe that leaves no choice.
    pub fn timing(&self) -> Option<Timing> {
        match self.probe {
            Probe::Faults { timing, .. } => Some(timing),
            _ => None,
        }
    }

    /// What the model is asked; `None` for a probe that isn't about a model's answer.
    pub fn prompt(&self) -> Option<&Prompt> {
        match &self.probe {
            Probe::Replay { prompt, .. } | Probe::FirstToken { prompt, .. } | Probe::Floor { prompt, .. } => {
                Some(prompt)
            }
            Probe::Faults { .. } | Probe::Reads { .. } => None,
        }
    }

    /// In which process a first token is computed; `None` for other probes.
    pub fn way(&self) -> Option<Way> {
        match self.probe {
            Probe::FirstToken { way, .. } => Some(way),
            _ => None,
        }
    }

    /// Whether nothing may have happened in the process before: an engine that was loaded once starts otherwise.
    pub fn needs_fresh_process(&self) -> bool {
        self.way() == Some(Way::Process)
    }

    /// Whether the run follows what an engine reads, all over the file: it can't be sampled.
    pub fn follows_engine(&self) -> bool {
        self.prompt().is_some()
    }

    /// Whether an engine may copy weights into a layout that computes faster.
    pub fn uses_extra_buffers(&self) -> bool {
        self.policy() == Some(Policy::StockLoad)
    }

    /// The value of one field as people read it; `None` where this probe has no such field.
    pub fn field(&self, field: Field) -> Option<String> {
        match field {
            Field::Variant => Some(self.variant.clone()),
            Field::Probe => Some(ProbeKind::from(&self.probe).to_string()),
            Field::Cache => Some(self.cache.to_string()),
            Field::Policy => self.policy().map(|policy| policy.to_string()),
            Field::Pattern => self.pattern().map(|pattern| pattern.to_string()),
            Field::IoSize => self.io_size().map(Bytes::exact),
            Field::Io => self.io().map(|io| io.to_string()),
            Field::Threads => self.threads().map(|threads| match threads.get() {
                1 => "1 thread".to_owned(),
                more => format!("{more} threads"),
            }),
            Field::Timing => self.timing().map(|timing| format!("timing {timing}")),
            Field::Prompt => self.prompt().map(Prompt::to_string),
            Field::Way => self.way().map(|way| way.to_string()),
        }
    }

    /// As [`Self::field`], but `None` for what goes without saying: one thread that reads through the page cache, one
    /// clock around all touches, a process for each first token.
    pub fn told(&self, field: Field) -> Option<String> {
        let usual = match field {
            Field::Io => !matches!(self.probe, Probe::Reads { io: Io::Direct, .. }),
            Field::Threads => matches!(self.probe, Probe::Reads { threads: NonZeroU32::MIN, .. }),
            Field::Timing => self.timing() == Some(Timing::Whole),
            Field::Way => self.way() == Some(Way::Process),
            _ => false,
        };
        self.field(field).filter(|_| !usual)
    }
}

/// `SmolLM2.gguf: faults, random, will_need, cold`
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = Field::VARIANTS[1..].iter().filter_map(|&field| self.told(field));
        write!(f, "{}: {}", self.variant, others.collect::<Vec<_>>().join(", "))
    }
}
