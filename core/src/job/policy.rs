//! How weights come into memory.

use std::fmt;
use std::str::FromStr;

use strum::{Display, EnumDiscriminants, EnumString, IntoStaticStr, VariantArray};

use super::ProbeKind;
use crate::unit::Bytes;

/// How the weights come into memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumDiscriminants)]
#[strum_discriminants(name(PolicyKind), derive(Hash, Display, EnumString, IntoStaticStr, VariantArray))]
#[strum_discriminants(
    strum(serialize_all = "snake_case"),
    doc = "The name of a policy, without its parameters."
)]
pub enum Policy {
    /// As the engine does it by itself, prefetch and extra buffers included: what apps ship.
    #[strum_discriminants(doc = "[`Policy::StockLoad`]")]
    StockLoad,
    /// No advice: the kernel reads around each fault as it sees fit.
    #[strum_discriminants(doc = "[`Policy::Normal`]")]
    Normal,
    /// `MADV_RANDOM`: one page a fault.
    #[strum_discriminants(doc = "[`Policy::Random`]")]
    Random,
    /// `MADV_SEQUENTIAL`: read ahead further.
    #[strum_discriminants(doc = "[`Policy::Sequential`]")]
    Sequential,
    /// `MADV_WILLNEED` in chunks before the first touch: reading starts, nobody waits for it.
    #[strum_discriminants(doc = "[`Policy::WillNeed`]")]
    WillNeed,
    /// `MADV_POPULATE_READ` in chunks before the first touch: waits until each chunk is mapped.
    #[strum_discriminants(doc = "[`Policy::Populate`]")]
    Populate,
    /// A thread walks the weight trace ahead of compute and asks for it in chunks.
    #[strum_discriminants(doc = "[`Policy::Stream`]")]
    Stream(Ahead),
    /// No mapping: the engine reads into memory of its own, through the page cache.
    #[strum_discriminants(doc = "[`Policy::Read`]")]
    Read,
    /// No mapping: the engine reads into memory of its own, past the page cache.
    #[strum_discriminants(doc = "[`Policy::EngineDirect`]")]
    EngineDirect,
}

impl Policy {
    /// A stream with the usual chunk and lead.
    pub const STREAM: Policy = Policy::Stream(Ahead::USUAL);

    /// Whether `probe` can bring pages in like this: touching a mapping takes advice, a trace can be streamed, everything
    /// else takes an engine.
    pub fn applies_to(self, probe: ProbeKind) -> bool {
        match probe {
            ProbeKind::Faults => self.advice().is_some() && self.ahead().is_none(),
            ProbeKind::Replay => self.advice().is_some(),
            ProbeKind::Reads | ProbeKind::Floor => false,
            ProbeKind::FirstToken => true,
        }
    }

    /// What the kernel is told about the mapping; `None` where the weights aren't mapped, or not by us.
    pub fn advice(self) -> Option<Advice> {
        match self {
            Policy::Normal | Policy::Stream(_) => Some(Advice::Normal),
            Policy::Random => Some(Advice::Random),
            Policy::Sequential => Some(Advice::Sequential),
            Policy::WillNeed => Some(Advice::WillNeed),
            Policy::Populate => Some(Advice::Populate),
            Policy::StockLoad | Policy::Read | Policy::EngineDirect => None,
        }
    }

    /// How a stream asks; `None` for other policies.
    pub fn ahead(self) -> Option<Ahead> {
        match self {
            Policy::Stream(ahead) => Some(ahead),
            _ => None,
        }
    }
}

impl From<PolicyKind> for Policy {
    /// With the usual parameters.
    fn from(kind: PolicyKind) -> Self {
        match kind {
            PolicyKind::StockLoad => Policy::StockLoad,
            PolicyKind::Normal => Policy::Normal,
            PolicyKind::Random => Policy::Random,
            PolicyKind::Sequential => Policy::Sequential,
            PolicyKind::WillNeed => Policy::WillNeed,
            PolicyKind::Populate => Policy::Populate,
            PolicyKind::Stream => Policy::STREAM,
            PolicyKind::Read => Policy::Read,
            PolicyKind::EngineDirect => Policy::EngineDirect,
        }
    }
}

/// `normal`, `stream`, `stream:chunk=512KiB:lead=8MiB`: parameters are shown where they aren't the usual ones.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        PolicyKind::from(self).fmt(f)?;
        let Some(Ahead { chunk, lead }) = self.ahead() else { return Ok(()) };
        for (name, value, usual) in [("chunk", chunk, Ahead::USUAL.chunk), ("lead", lead, Ahead::USUAL.lead)]
        {
            if value != usual {
                write!(f, ":{name}={}", value.exact().replace(' ', ""))?;
            }
        }
        Ok(())
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let kind: PolicyKind = name.parse().map_err(|_| PolicyError::Unknown { found: name.to_owned() })?;
        let mut policy = Policy::from(kind);
        for part in parts {
            let no_such = || PolicyError::Parameter { policy: kind, found: part.to_owned() };
            let Policy::Stream(ahead) = &mut policy else { return Err(no_such()) };
            let (name, value) = part.split_once('=').ok_or_else(no_such)?;
            let value: Bytes = value.parse().map_err(|_| no_such())?;
            match name {
                "chunk" => ahead.chunk = value,
                "lead" => ahead.lead = value,
                _ => return Err(no_such()),
            }
        }
        match policy.ahead() {
            Some(ahead) if !ahead.is_possible() => Err(PolicyError::Ahead { found: ahead }),
            _ => Ok(policy),
        }
    }
}

/// Why a text names no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// There is no policy of this name.
    #[error("found {found:?}, expected one of {}", PolicyKind::VARIANTS.iter().map(PolicyKind::to_string).collect::<Vec<_>>().join(", "))]
    Unknown {
        /// The name.
        found: String,
    },
    /// It has no such parameter.
    #[error(
        "found {found:?} after {policy}, expected chunk=SIZE or lead=SIZE after stream, as in stream:chunk=512KiB:lead=8MiB"
    )]
    Parameter {
        /// The policy.
        policy: PolicyKind,
        /// What follows it.
        found: String,
    },
    /// No thread could ask so.
    #[error(
        "found chunks of {} with a lead of {}, expected chunks of 4 KiB to 1 GiB and a lead that holds one",
        found.chunk.exact(), found.lead.exact()
    )]
    Ahead {
        /// What was asked for.
        found: Ahead,
    },
}

/// How a stream asks for pages ahead of compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ahead {
    /// The most that one request asks for.
    pub chunk: Bytes,
    /// The most that is asked for ahead of what has come.
    pub lead: Bytes,
}

impl Ahead {
    /// Requests as large as storage serves best, and enough of them to keep its queue full.
    pub const USUAL: Ahead = Ahead { chunk: Bytes::mib(2), lead: Bytes::mib(64) };

    fn is_possible(self) -> bool {
        (Bytes::kib(4)..=Bytes::mib(1024)).contains(&self.chunk) && self.lead >= self.chunk
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_reads_back_what_it_shows() {
        for text in ["normal", "stock_load", "stream", "stream:chunk=512KiB", "stream:chunk=4KiB:lead=8MiB"] {
            assert_eq!(text.parse::<Policy>().unwrap().to_string(), text);
        }
        assert_eq!("stream:lead=64MiB".parse(), Ok(Policy::STREAM), "the usual one has one name");
        for &kind in PolicyKind::VARIANTS {
            assert_eq!(kind.to_string().parse(), Ok(Policy::from(kind)));
        }
    }

    #[test]
    fn what_is_no_policy_says_why() {
        let error = |text: &str| text.parse::<Policy>().unwrap_err().to_string();
        assert!(error("fast").starts_with("found \"fast\", expected one of stock_load, normal,"));
        assert!(error("normal:chunk=4KiB").starts_with("found \"chunk=4KiB\" after normal"));
        for wrong in ["stream:", "stream:chunk", "stream:chunk=x", "stream:ahead=4KiB"] {
            assert!(error(wrong).contains("expected chunk=SIZE"), "{wrong}");
        }
        for wrong in ["stream:chunk=1KiB", "stream:chunk=4MiB:lead=2MiB", "stream:chunk=2048MiB:lead=4096MiB"]
        {
            assert!(error(wrong).contains("expected chunks of 4 KiB to 1 GiB"), "{wrong}");
        }
    }
}
