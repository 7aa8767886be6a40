//! What this machine can prove, found out on a scratch file, and what to do about what it can't.

use std::path::Path;

use crate::job::Advice;
use crate::measure::proof;
use crate::os::{Mapping, ModelFile, Os, OsError, Scope, Touches, scratch};
use crate::record::{Check, Finding, SelfTest, Storage};
use crate::unit::{Bytes, PageRange};

/// Larger than any readahead, so that the last page is never fetched along with the first.
const SCRATCH: Bytes = Bytes::mib(64);

/// Examines the machine, and the storage under `folder` by a scratch file that is gone afterwards.
pub fn examine(os: &dyn Os, folder: &Path) -> Result<Vec<Check>, OsError> {
    let scratch = scratch(folder, SCRATCH)?;
    let file = os.open(scratch.path())?;
    let mapping = file.map()?;
    let residency = proof::self_test(os, &*file, &*mapping)?;
    let mut checks = vec![self::residency(residency), storage(&*file), readahead(&*file)];
    checks.extend(counters(os, &*file, &*mapping)?);
    checks.push(populate(&*mapping));
    checks.push(page_size(os));
    checks.extend(conditions(os));
    checks.push(build());
    Ok(checks)
}

fn check(name: &str, finding: Finding, found: impl Into<String>, advice: &str) -> Check {
    let advice = (finding != Finding::Good).then(|| advice.to_owned());
    Check { name: name.to_owned(), finding, found: found.into(), advice }
}

fn residency(self_test: SelfTest) -> Check {
    let (finding, found) = match self_test {
        SelfTest::Truthful => {
            (Finding::Good, "an evicted page is said to be gone: cold and warm can be proved")
        }
        SelfTest::CannotEvict => (Finding::Bad, "an evicted page stays in memory: nothing here can be cold"),
        SelfTest::MincoreDoesNotTell => {
            (Finding::Bad, "an evicted page is said to be in memory: cold can't be proved")
        }
    };
    check(
        "residency",
        finding,
        found,
        "keep models in a folder of your own, on a disk (not tmpfs), writable by you",
    )
}

fn storage(file: &dyn ModelFile) -> Check {
    let facts = file.facts();
    let name = facts.file_system.clone().unwrap_or_else(|| "of unknown kind".to_owned());
    let finding = match facts.storage {
        Storage::Local => Finding::Good,
        Storage::Unknown => Finding::Poor,
        Storage::Memory | Storage::Fuse | Storage::Network => Finding::Bad,
    };
    check("storage", finding, name, "measure on a file system of a local block device: ext4, f2fs …")
}

fn readahead(file: &dyn ModelFile) -> Check {
    match file.facts().readahead {
        Some(bytes) => check("readahead", Finding::Good, bytes.exact(), ""),
        None => check("readahead", Finding::Poor, "not readable", "reports will say null; the results stand"),
    }
}

/// A page that was evicted is touched: what counts it?
fn counters(os: &dyn Os, file: &dyn ModelFile, mapping: &dyn Mapping) -> Result<[Check; 2], OsError> {
    let last = PageRange { first: os.page_size().count(file.facts().len) - 1, count: 1 };
    proof::evict(file, mapping, last)?;
    let mut meter = os.meter(Scope::Thread)?;
    meter.start();
    mapping.touch(&Touches::new(last.first, vec![0]));
    let usage = meter.stop();
    let seen = |count: Option<u64>, what: &str| match count {
        None => (Finding::Bad, format!("{what} can't be read")),
        Some(0) => (Finding::Bad, format!("a touch of an evicted page counts no {what}")),
        Some(n) => (Finding::Good, format!("a touch of an evicted page counts {n} {what}")),
    };
    let (faults, faults_found) = match (usage.major_faults, usage.pages_paged_in) {
        (None, Some(n)) => {
            (Finding::Poor, format!("not counted; a touch of an evicted page counts {n} page(s) paged in"))
        }
        (counted, _) => seen(counted, "major fault(s)"),
    };
    let (fetched, fetched_found) = seen(usage.bytes_fetched.map(|bytes| bytes.0), "byte(s) fetched");
    Ok([
        check(
            "major faults",
            faults,
            faults_found,
            "compare times only: this system counts faults otherwise",
        ),
        check(
            "bytes fetched",
            fetched,
            fetched_found,
            "reports will say null: /proc/self/io must be readable",
        ),
    ])
}

fn populate(mapping: &dyn Mapping) -> Check {
    match mapping.apply(Advice::Populate, PageRange { first: 0, count: 1 }) {
        Ok(()) => check("policy populate", Finding::Good, "supported", ""),
        Err(error) => check("policy populate", Finding::Poor, error.to_string(), "leave it out of --policy"),
    }
}

fn page_size(os: &dyn Os) -> Check {
    check("page size", Finding::Good, Bytes(os.page_size().bytes()).exact(), "")
}

fn conditions(os: &dyn Os) -> [Check; 3] {
    let now = os.conditions();
    let told = |name: &str, value: Option<String>, lost: &str| match value {
        Some(value) => check(name, Finding::Good, value, ""),
        None => check(name, Finding::Poor, "not readable", lost),
    };
    let clock = now.cpu_min_khz.map(|khz| format!("slowest processor at {} MHz", khz / 1000));
    let heat = now.temperature_max_milli_c.map(|milli| format!("hottest sensor at {} °C", milli / 1000));
    let load = now.load_1m_milli;
    let busy = load.is_some_and(|milli| milli > 500 * u64::from(os.context().device.cpus));
    let load_found = load.map_or("not readable".to_owned(), |milli| format!("{:.2}", milli as f64 / 1000.0));
    let load_finding = if busy || load.is_none() { Finding::Poor } else { Finding::Good };
    [
        told("throttling: clock", clock, "a throttled run will not be noticed by its clock"),
        told("throttling: heat", heat, "a throttled run will not be noticed by its temperature"),
        check("load", load_finding, load_found, "end what else is running: it widens every interval"),
    ]
}

fn build() -> Check {
    match cfg!(debug_assertions) {
        false => check("build", Finding::Good, "optimised", ""),
        true => check("build", Finding::Poor, "debug", "build with --profile bench-device to measure"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::host;

    #[test]
    fn a_local_disk_is_examined_and_left_as_it_was() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let checks = examine(&host(), folder.path()).unwrap();
        assert!(checks.iter().any(|check| check.name == "residency"));
        assert!(checks.iter().all(|check| (check.finding == Finding::Good) == check.advice.is_none()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
