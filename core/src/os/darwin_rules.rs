//! What is decided about Darwin and takes no call of it: tested on every host, and kept to by the scripted system, too.

use super::{OsError, Usage};
#[cfg(any(test, target_vendor = "apple"))]
use crate::record::Storage;
use crate::unit::Nanos;
#[cfg(any(test, target_vendor = "apple"))]
use crate::unit::{ByteRange, Bytes, FileOffset};

/// What only Linux has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    PageOut,
    Populate,
    Pin,
}

/// The answer to whoever asks for it.
pub fn lacks(lacking: Lacking) -> OsError {
    let (call, hint) = match lacking {
        Lacking::PageOut => ("madvise(MADV_PAGEOUT)", "Darwin has one tool of eviction"),
        Lacking::Populate => {
            ("madvise(MADV_POPULATE_READ)", "only Linux has it; leave the policy populate out")
        }
        // There are hints by quality of service.
        Lacking::Pin => ("binding to processors", "Darwin has no such call; leave --cpus out"),
    };
    OsError::Unsupported { call, hint }
}

/// What a meter tells: pages paged in, which are no major faults, and none of what Darwin doesn't count.
pub fn usage(wall: Nanos, cpu: Option<Nanos>, pages_paged_in: u64) -> Usage {
    Usage { wall, cpu, pages_paged_in: Some(pages_paged_in), ..Usage::default() }
}

/// The largest `F_RDADVISE`: its count has 31 bits, and whole pages are asked for.
#[cfg(any(test, target_vendor = "apple"))]
const ADVISORY: Bytes = Bytes::mib(1024);

/// What is asked for, call by call, to have all of `range`.
#[cfg(any(test, target_vendor = "apple"))]
pub fn advisories(range: ByteRange) -> impl Iterator<Item = (FileOffset, i32)> {
    (0..range.len.0).step_by(ADVISORY.0 as usize).map(move |done| {
        let len = ADVISORY.0.min(range.len.0 - done);
        (range.start + Bytes(done), i32::try_from(len).expect("an advisory has 1 GiB at the most"))
    })
}

/// The class of a file system called `name`.
#[cfg(any(test, target_vendor = "apple"))]
pub fn storage(name: &str, is_local: bool) -> Storage {
    match name {
        "tmpfs" => Storage::Memory,
        "macfuse" | "osxfuse" => Storage::Fuse,
        _ if is_local => Storage::Local,
        _ => Storage::Network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advisories_leave_nothing_out_and_fit_31_bits() {
        let asked = |start, len| {
            let range = ByteRange { start: FileOffset(start), len: Bytes(len) };
            advisories(range).map(|(start, count)| (start.0, count)).collect::<Vec<_>>()
        };
        const GIB: u64 = 1 << 30;
        assert_eq!(asked(5, 0), []);
        assert_eq!(asked(4096, 100), [(4096, 100)]);
        assert_eq!(asked(7, GIB), [(7, 1 << 30)]);
        // More than a count holds: what goes beyond is asked for, too.
        assert_eq!(
            asked(16384, (2 << 30) + 1),
            [(16384, 1 << 30), (16384 + GIB, 1 << 30), (16384 + 2 * GIB, 1)]
        );
        let all = asked(3 * GIB, 5 * GIB - 1);
        assert_eq!(all.iter().map(|(_, count)| i64::from(*count)).sum::<i64>(), 5 * GIB as i64 - 1);
        assert!(all.windows(2).all(|two| two[0].0 + two[0].1 as u64 == two[1].0));
    }

    #[test]
    fn what_only_linux_has_is_refused_with_what_to_do() {
        let said = [Lacking::PageOut, Lacking::Populate, Lacking::Pin].map(|what| lacks(what).to_string());
        insta::assert_snapshot!(said.join("\n"), @r"
        madvise(MADV_PAGEOUT) is not supported here: Darwin has one tool of eviction
        madvise(MADV_POPULATE_READ) is not supported here: only Linux has it; leave the policy populate out
        binding to processors is not supported here: Darwin has no such call; leave --cpus out
        ");
    }

    #[test]
    fn pages_paged_in_are_no_faults() {
        let told = usage(Nanos(2), Some(Nanos(1)), 0);
        assert_eq!((told.wall, told.cpu, told.pages_paged_in), (Nanos(2), Some(Nanos(1)), Some(0)));
        assert_eq!((told.major_faults, told.minor_faults, told.bytes_fetched), (None, None, None));
    }

    #[test]
    fn file_systems_have_their_class() {
        for (name, is_local, class) in [
            ("apfs", true, Storage::Local),
            ("hfs", true, Storage::Local),
            ("smbfs", false, Storage::Network),
            ("macfuse", false, Storage::Fuse),
            ("tmpfs", true, Storage::Memory),
        ] {
            assert_eq!(storage(name, is_local), class, "{name}");
        }
    }
}
