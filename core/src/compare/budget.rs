//! From a time to bytes: how large a file may be for its first token to come in time, by a device's own report.
//!
//! ```text
//! bytes = bytes of the measured file + (time − its first token) · bytes of the floor / time of the floor
//! ```
//! What doesn't depend on the file (loading, compute) is in the measured first token; what more or fewer bytes take is
//! told by the floor, read in requests of the same size in the same blocks. Where the report holds files of several sizes
//! of the model, they tell it themselves: the line goes through two of them, between which the time lies, or the nearest.
//!
//! ```text
//! bytes = bytes of one + (time − its first token) · difference of their bytes / difference of their first tokens
//! ```
//! A time below what the first token takes with everything in memory is out of reach, however small the file.

use super::floors;
use crate::job::{Case, Way};
use crate::record::{Floored, Report};
use crate::unit::{Bytes, Nanos};

/// How large a file may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Affordable {
    /// The whole file.
    pub bytes: Bytes,
    /// The first token that this was worked out from.
    pub by: Floored,
    /// That of a file of another size, through which the line goes, too.
    pub and: Option<Floored>,
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
    /// The first token took no longer from storage than from memory.
    #[error(
        "{within} is out of reach by this report: the first token took {cold} from storage and {warm} from memory, so that \
         storage isn't what it waits for: measure again on a quiet device"
    )]
    StorageHidden {
        /// The time asked for.
        within: Nanos,
        /// The cold first token.
        cold: Nanos,
        /// The warm one.
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
    let measured = floors(report).into_iter().filter_map(|one| Some(OfSize { bytes: bytes_of(&one)?, one }));
    let mut measured: Vec<OfSize> =
        measured.filter(|sized| sized.one.case.way() == Some(Way::Process)).collect();
    let soonest = measured.iter().min_by_key(|sized| sized.one.first_token_ns).cloned();
    let soonest = soonest.ok_or(NotAffordable::NoFloor)?;
    measured.retain(|sized| is_another_size(report, &soonest.one.case, &sized.one.case));
    measured.sort_by_key(|sized| sized.bytes);
    match secant(&measured, within) {
        Some((by, and)) if !is_compute_alone(&soonest.one, within) => {
            let bytes = on_the_line(by, and, within)?;
            Ok(Affordable { bytes, by: by.one.clone(), and: Some(and.one.clone()) })
        }
        _ => {
            let bytes = bytes_within(soonest.bytes, &soonest.one, within)?;
            Ok(Affordable { bytes, by: soonest.one, and: None })
        }
    }
}

/// A first token, and the bytes of its whole file.
#[derive(Clone, Debug)]
struct OfSize {
    bytes: u64,
    one: Floored,
}

/// Whether two cases differ in the file alone, and the files are the same model as far as a report tells.
fn is_another_size(report: &Report, one: &Case, other: &Case) -> bool {
    let model = |case: &Case| {
        let variant = report.variants.iter().find(|variant| variant.name == case.variant)?;
        Some((&variant.architecture, variant.tensors))
    };
    let same_file = Case { variant: one.variant.clone(), ..other.clone() };
    same_file == *one && model(one) == model(other)
}

/// Two files between whose first tokens the time lies, or the nearest two; `None` where there are none, or more bytes don't
/// take longer. `measured` is in the order of bytes.
fn secant(measured: &[OfSize], within: Nanos) -> Option<(&OfSize, &OfSize)> {
    let pairs = || measured.windows(2).map(|pair| (&pair[0], &pair[1]));
    let reaches = |(_, larger): &(&OfSize, &OfSize)| within.0 <= larger.one.first_token_ns;
    let pair = pairs().find(reaches).or_else(|| pairs().next_back());
    pair.filter(|(smaller, larger)| {
        smaller.bytes < larger.bytes && smaller.one.first_token_ns < larger.one.first_token_ns
    })
}

fn on_the_line(smaller: &OfSize, larger: &OfSize, within: Nanos) -> Result<Bytes, NotAffordable> {
    let bytes = (larger.bytes - smaller.bytes) as f64;
    let bytes_per_ns = bytes / (larger.one.first_token_ns - smaller.one.first_token_ns) as f64;
    from(smaller.bytes, smaller.one.first_token_ns, bytes_per_ns, within)
}

fn from(bytes: u64, first_token_ns: u64, bytes_per_ns: f64, within: Nanos) -> Result<Bytes, NotAffordable> {
    let bytes = bytes as f64 + (within.0 as f64 - first_token_ns as f64) * bytes_per_ns;
    if bytes >= 1.0 { Ok(Bytes(bytes as u64)) } else { Err(NotAffordable::TooShort { within }) }
}

/// With everything in memory. What came sooner from storage doesn't take longer from memory: on a busy machine it may have
/// been measured so.
fn warm(by: &Floored) -> Option<Nanos> {
    by.warm_ns.map(|warm| Nanos(warm.min(by.first_token_ns)))
}

fn is_compute_alone(by: &Floored, within: Nanos) -> bool {
    warm(by).is_some_and(|warm| within <= warm)
}

fn bytes_within(file_bytes: u64, by: &Floored, within: Nanos) -> Result<Bytes, NotAffordable> {
    if is_compute_alone(by, within) {
        let (cold, warm) = (Nanos(by.first_token_ns), Nanos(by.warm_ns.unwrap_or_default()));
        return Err(match warm < cold {
            true => NotAffordable::ComputeAlone { within, warm },
            false => NotAffordable::StorageHidden { within, cold, warm },
        });
    }
    from(file_bytes, by.first_token_ns, by.needed_bytes as f64 / by.floor_ns as f64, within)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{CacheState, Policy, Probe, Prompt};

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

    /// Three files whose first tokens lie on no line.
    #[test]
    fn sizes_that_were_measured_tell_what_bytes_take() {
        let sized = |megabytes: u64, ms: u64| OfSize {
            bytes: megabytes * 1_000_000,
            one: Floored { first_token_ns: ms * 1_000_000, ..measured() },
        };
        let sizes = [sized(80, 2000), sized(135, 2600), sized(200, 4000)];
        let bytes = |sizes: &[OfSize], ms: u64| {
            let within = Nanos(ms * 1_000_000);
            let (smaller, larger) = secant(sizes, within)?;
            Some(on_the_line(smaller, larger, within).unwrap().0 / 1000)
        };
        let found = [1400, 2000, 2300, 2600, 3300, 5400].map(|ms| bytes(&sizes, ms).unwrap());
        assert_eq!(found, [25_000, 80_000, 107_500, 135_000, 167_500, 265_000]);
        assert_eq!(bytes(&sizes[..1], 2000), None);
        assert_eq!(bytes(&[sized(80, 2000), sized(90, 1900)], 2000), None, "more bytes that came sooner");
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
        let noisy = Floored { warm_ns: Some(400_000_000), ..measured() };
        assert_eq!(
            bytes_within(101_000_000, &noisy, Nanos(150_000_000)).unwrap_err().to_string(),
            "150 ms is out of reach by this report: the first token took 150 ms from storage and 400 ms from memory, so \
             that storage isn't what it waits for: measure again on a quiet device"
        );
        let never_warm = Floored { warm_ns: None, ..measured() };
        let within = Nanos(40_000_000);
        assert_eq!(bytes_within(101_000_000, &never_warm, within), Err(NotAffordable::TooShort { within }));
    }
}
