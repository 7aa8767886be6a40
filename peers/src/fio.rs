//! fio: passes over every block of a file, and tells how long that took and how many of its faults were major.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use packbench_core::job::{Pattern, Policy, Probe};
use packbench_core::unit::{Bytes, Nanos, PageSize};
use serde_json::Value;

/// What fio is asked to do: what `probe` does.
pub struct Job<'a> {
    /// The file, brought into its cache state already.
    pub file: &'a Path,
    /// Its length.
    pub len: Bytes,
    /// The size of a touch.
    pub page: PageSize,
    /// Touches by fio's mmap engine, reads by psync.
    pub probe: &'a Probe,
    /// How many passes: fio's clock has steps of a millisecond.
    pub passes: u32,
    /// Decides a random order.
    pub seed: u64,
}

/// What fio found.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Faults that waited for storage, of all passes.
    pub major_faults: u64,
    /// Elapsed time of one pass.
    pub wall: Nanos,
}

/// Whether fio is installed.
pub fn is_there() -> bool {
    Command::new("fio").arg("--version").output().is_ok_and(|output| output.status.success())
}

impl Job<'_> {
    /// Runs it in a process of its own.
    pub fn run(&self) -> Result<Answer> {
        let output = Command::new("fio").args(self.arguments()?).output().context("starting fio")?;
        ensure!(output.status.success(), "fio: {}", String::from_utf8_lossy(&output.stderr).trim());
        let report = String::from_utf8(output.stdout).context("fio's report is text")?;
        read_report(&report, self.len, self.passes)
    }

    fn arguments(&self) -> Result<Vec<String>> {
        let (engine, block, advice, pattern) = match *self.probe {
            Probe::Faults { policy, pattern, .. } => {
                ("mmap", Bytes(self.page.bytes()), advice(policy, pattern)?, order(pattern)?)
            }
            Probe::Reads { io_size, pattern, .. } => ("psync", io_size, 0, order(pattern)?),
            Probe::Replay { .. } | Probe::FirstToken { .. } | Probe::Floor { .. } => {
                bail!("fio follows no engine")
            }
        };
        let fixed = [
            "--name=peer",
            "--output-format=json",
            "--thread",
            "--readonly",
            "--allow_file_create=0",
            // What is in memory was proved beforehand.
            "--invalidate=0",
            "--randrepeat=0",
            // Each block once, in an order near to a uniform permutation; fio's default bends where few blocks are left.
            "--random_generator=lfsr",
        ];
        let ours = [
            format!("--ioengine={engine}"),
            format!("--filename={}", self.file.display()),
            format!("--size={}", self.len.0),
            format!("--bs={}", block.0),
            format!("--rw={pattern}"),
            format!("--fadvise_hint={advice}"),
            format!("--loops={}", self.passes),
            format!("--randseed={}", self.seed),
        ];
        Ok(fixed.map(str::to_owned).into_iter().chain(ours).collect())
    }
}

fn order(pattern: Pattern) -> Result<&'static str> {
    match pattern {
        Pattern::Sequential => Ok("read"),
        Pattern::Random => Ok("randread"),
        other => bail!("fio has no order {other}"),
    }
}

/// fio gives the advice that belongs to the order, or none.
fn advice(policy: Policy, pattern: Pattern) -> Result<u8> {
    match (policy, pattern) {
        (Policy::Normal, _) => Ok(0),
        (Policy::Random, Pattern::Random) | (Policy::Sequential, Pattern::Sequential) => Ok(1),
        _ => bail!("fio has no policy {policy} for the order {pattern}"),
    }
}

/// An answer, if the report covers all of the file. fio may print warnings before it.
fn read_report(report: &str, len: Bytes, passes: u32) -> Result<Answer> {
    let start = report.find('{').with_context(|| format!("found {report:?}, expected a report of fio"))?;
    let report: Value = serde_json::from_str(&report[start..]).context("fio's report is JSON")?;
    let job = &report["jobs"][0];
    let number = |value: &Value| value.as_u64().context("fio's report has majf, io_bytes and runtime");
    let (read, expected) = (number(&job["read"]["io_bytes"])?, len.0 * u64::from(passes));
    ensure!(read == expected, "fio read {read} bytes, expected {expected}");
    let wall_ns = number(&job["read"]["runtime"])? * 1_000_000 / u64::from(passes);
    Ok(Answer { major_faults: number(&job["majf"])?, wall: Nanos(wall_ns) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_only_when_all_was_read() {
        let report = r#"fio: a warning
            {"jobs": [{"read": {"io_bytes": 8192, "runtime": 3}, "majf": 7, "minf": 9}]}"#;
        let answer = Answer { major_faults: 7, wall: Nanos(1_500_000) };
        assert_eq!(read_report(report, Bytes(4096), 2).unwrap(), answer);
        assert!(read_report(report, Bytes(4096), 1).is_err());
        assert!(read_report("fio: no such file", Bytes(4096), 1).is_err());
    }
}
