//! How fast a header with the vocabulary of a real model is read, beside other readers of GGUF.
//!
//! Ours opens, maps and parses the file and unmaps it again; a peer opens and reads it. What a peer takes to give its
//! memory back isn't counted against it.

mod candle;
mod go;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use packbench_core::gguf::{Gguf, sample};
use packbench_core::os::{Os, host};
use packbench_core::unit::{Bytes, Nanos};

use crate::allocations::allocated;
use crate::counts::{CountBar, CountRow};
use crate::ratio::{Bar, RatioRow, Rounds};
use crate::rounds::{Arm, Plan, alternate};

/// As many as the vocabularies of current small models have.
const TOKENS: u32 = 150_000;

type CandleRead = fn(&Path) -> Result<Nanos>;

/// Beside candle, read as its examples do, through a buffer, and from memory.
pub fn beside_candle(folder: &Path, plan: Plan) -> Result<Vec<RatioRow>> {
    let file = vocabulary_file(folder)?;
    let peers: [(&str, CandleRead); 3] = [
        ("candle-core, from a File", candle::read_file),
        ("candle-core, from a BufReader", candle::read_buffered),
        ("candle-core, from a mapping", candle::read_mapped),
    ];
    let row =
        |(what, read): (&str, CandleRead)| compare(what, Bar::TimesFaster(30.0), &file, plan, || read(&file));
    peers.into_iter().map(row).collect()
}

/// Beside gguf-parser-go, large metadata skipped, in a process of its own that `reader` is the program of.
pub fn beside_go(folder: &Path, plan: Plan, reader: &Path) -> Result<Vec<RatioRow>> {
    let file = vocabulary_file(folder)?;
    let row = |access| {
        let mut peer = go::Reader::start(reader, &file, access)?;
        let what = format!("gguf-parser-go, {access}, skipping large metadata");
        compare(&what, Bar::TimesFaster(5.0), &file, plan, || peer.read())
    };
    ["file", "mmap"].into_iter().map(row).collect()
}

/// What one parse of ours allocates.
pub fn allocation(folder: &Path) -> Result<CountRow> {
    let mapping = host().open(&vocabulary_file(folder)?)?.map()?;
    let (parsed, Bytes(bytes)) = allocated(|| Gguf::parse(mapping.bytes()).map(drop));
    parsed?;
    Ok(CountRow {
        what: "bytes allocated by a parse".to_owned(),
        ours: vec![bytes],
        peer: Vec::new(),
        bar: CountBar::Below(Bytes::mib(1)),
    })
}

fn vocabulary_file(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("vocabulary.gguf");
    fs::write(&path, sample::vocabulary(TOKENS))?;
    Ok(path)
}

fn compare(
    what: &str,
    bar: Bar,
    file: &Path,
    plan: Plan,
    mut peer: impl FnMut() -> Result<Nanos>,
) -> Result<RatioRow> {
    let os = host();
    let (mut ours, mut again) = (|_| read_ours(&os, file), |_| read_ours(&os, file));
    let arms: [Arm; 3] = [&mut ours, &mut again, &mut |_| peer()];
    let [ours, again, peer] = alternate(plan, arms)?;
    RatioRow::new(what, Rounds { ours, again, peer }, bar)
}

fn read_ours(os: &impl Os, path: &Path) -> Result<Nanos> {
    let start = os.now();
    let entries = Gguf::parse(os.open(path)?.map()?.bytes())?.metadata.entries().len();
    let wall = Nanos(os.now().0 - start.0);
    ensure!(entries > 0, "the vocabulary is there");
    Ok(wall)
}
