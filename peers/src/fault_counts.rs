//! Which faults our probe counts, beside fio's mmap engine, on the same file of a device with readahead 128 KiB.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use packbench_core::job::{CacheState, Pattern, Policy, Probe};
use packbench_core::os::{Os, host};
use packbench_core::random::Random;
use packbench_core::unit::Bytes;

use crate::counts::{CountBar, CountRow};
use crate::fio::Job;
use crate::harness::Harness;

const FILE: Bytes = Bytes::mib(128);
/// Other windows give other counts.
const READAHEAD: Bytes = Bytes::kib(128);
/// How many orders a count that depends on the order is taken over.
const SEEDS: u64 = 8;

/// All rows, with a file in `folder`.
pub fn run(folder: &Path) -> Result<Vec<CountRow>> {
    let harness = Harness::new(host(), folder, FILE)?;
    let readahead = harness.os.open(harness.path())?.facts().readahead;
    ensure!(
        readahead == Some(READAHEAD),
        "found readahead {readahead:?} in {}, expected {}: run it on scripts/rig",
        folder.display(),
        READAHEAD.exact()
    );
    let pages = harness.page().count(FILE);
    let faults = |policy, pattern| Probe::faults(policy, pattern);
    let sequential = faults(Policy::Normal, Pattern::Sequential);
    let advised = faults(Policy::Random, Pattern::Random);
    let random = faults(Policy::Normal, Pattern::Random);
    Ok(vec![
        row(&harness, "major faults, sequential", &sequential, 1, CountBar::Equal)?,
        row(&harness, "major faults, random, MADV_RANDOM", &advised, 1, CountBar::Exactly(pages))?,
        row(&harness, "major faults, random, default advice", &random, SEEDS, CountBar::MeansWithin(0.03))?,
    ])
}

fn row(harness: &Harness<impl Os>, what: &str, probe: &Probe, seeds: u64, bar: CountBar) -> Result<CountRow> {
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for seed in 1..=seeds {
        let measured = harness.run(CacheState::Cold, probe, &Random::new(seed))?;
        ours.push(measured.metrics.major_faults.context("this system counts no major faults")?);
        harness.prepare(CacheState::Cold)?;
        let job = Job { file: harness.path(), len: FILE, page: harness.page(), probe, passes: 1, seed };
        peer.push(job.run()?.major_faults);
    }
    Ok(CountRow { what: what.to_owned(), ours, peer, bar })
}
