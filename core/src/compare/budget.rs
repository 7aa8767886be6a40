//! From a time to bytes: how large a file may be for its first token to come in time, by a device's own report.
//!
//! ```text
//! bytes = bytes of the measured file + (time − its first token) · bytes of the floor / time of the floor
//! ```
//! What doesn't depend on the file (loading, compute) is in the measured first token; what more or fewer bytes take is
//! told by the floor, read in requests of the same size in the same blocks. A time below what the first token takes with
//! everything in memory is out of reach, however small the file.

use super::floors;
use crate::job::Way;
use crate::record::{Floored, Report};
use crate::unit::{Bytes, Nanos};

/// How large a file may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Affordable {
    /// The whole file.
    pub bytes: Bytes,
    /// The first token that this was worked out from.
    pub by: Floored,
}

/// Why a time can't be turned into bytes.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum NotAffordable {
    /// The report tells no bandwidth.
    #[error(
        "the report holds no cold first token beside its floor: measure with packbench run MODEL --probe first_token"
    )]
    NoFloor,
    /// Not even a file without weights would come in that time.
    #[error("{within} is out of reach on this device: what doesn't depend on the file takes longer")]
    TooShort {
        /// The time asked for.
        within: Nanos,
    },
    /// Waiting for storage isn't what takes the time.
    #[error(
        "{within} is out of reach on this device: with everything in memory the first token takes {warm}"
    )]
    ComputeAlone {
        /// The time asked for.
        within: Nanos,
        /// The warm first token.
        warm: Nanos,
    },
}

/// The largest file whose cold first token comes `within` a time, under the policy that was soonest in `report`.
///
/// # Errors
/// A report without a floor; a time below what compute takes.
pub fn affordable(report: &Report, within: Nanos) -> Result<Affordable, NotAffordable> {
    let bytes_of = |one: &Floored| {
        let variant = report.variants.iter().find(|variant| variant.name == one.case.variant)?;
        (one.floor_ns > 0 && one.needed_bytes > 0).then_some(variant.file_bytes)
    };
    let measured = floors(report).into_iter().filter_map(|one| Some((bytes_of(&one)?, one)));
    let soonest = measured
        .filter(|(_, one)| one.case.way() == Some(Way::Process))
        .min_by_key(|(_, one)| one.first_token_ns);
    let (file_bytes, by) = soonest.ok_or(NotAffordable::NoFloor)?;
    let bytes = bytes_within(file_bytes, &by, within)?;
    Ok(Affordable { bytes, by })
}

fn bytes_within(file_bytes: u64, by: &Floored, within: Nanos) -> Result<Bytes, NotAffordable> {
    // what came sooner from storage doesn't take longer from memory: on a busy machine it may have been measured so
    let warm = by.warm_ns.map(|warm| Nanos(warm.min(by.first_token_ns)));
    if let Some(warm) = warm.filter(|warm| within <= *warm) {
        return Err(NotAffordable::ComputeAlone { within, warm });
    }
    let bytes_per_ns = by.needed_bytes as f64 / by.floor_ns as f64;
    let bytes = file_bytes as f64 + (within.0 as f64 - by.first_token_ns as f64) * bytes_per_ns;
    if bytes >= 1.0 { Ok(Bytes(bytes as u64)) } else { Err(NotAffordable::TooShort { within }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{CacheState, Case, Policy, Probe, Prompt};

    /// 100 MB that come in at 1 GB/s, and 50 ms beside that.
    fn measured() -> Floored {
        Floored {
            case: Case {
                variant: "m".into(),
                cache: CacheState::Cold,
                probe: Probe::FirstToken {
                    policy: Policy::Normal,
                    prompt: Prompt::Count(1),
                    way: Way::Process,
                    threads: None,
                },
            },
            io_size_bytes: 2 << 20,
            needed_bytes: 100_000_000,
            blocks: 6,
            floor_ns: 100_000_000,
            first_token_ns: 150_000_000,
            warm_ns: Some(40_000_000),
            ratio: None,
            interval: None,
            obstacles: vec![],
        }
    }

    #[test]
    fn more_time_buys_bytes_at_the_floors_bandwidth() {
        let bytes = |ms: u64| bytes_within(101_000_000, &measured(), Nanos(ms * 1_000_000));
        assert_eq!(bytes(150), Ok(Bytes(101_000_000)), "what was measured");
        assert_eq!(bytes(250), Ok(Bytes(201_000_000)));
        assert_eq!(bytes(60), Ok(Bytes(11_000_000)));
        assert_eq!(
            bytes(40).unwrap_err().to_string(),
            "40.0 ms is out of reach on this device: with everything in memory the first token takes 40.0 ms"
        );
        let never_warm = Floored { warm_ns: None, ..measured() };
        let within = Nanos(40_000_000);
        assert_eq!(bytes_within(101_000_000, &never_warm, within), Err(NotAffordable::TooShort { within }));
    }
}
