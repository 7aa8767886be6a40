//! candle-core's reader, timed from the opening of the file until its contents are in memory.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use candle_core::quantized::gguf_file::Content;
use packbench_core::os::{Os, host};
use packbench_core::unit::Nanos;

/// As candle's own examples do.
pub fn read_file(path: &Path) -> Result<Nanos> {
    read(|| Ok(File::open(path)?))
}

/// With fewer system calls.
pub fn read_buffered(path: &Path) -> Result<Nanos> {
    read(|| Ok(BufReader::new(File::open(path)?)))
}

/// With none but for the mapping.
pub fn read_mapped(path: &Path) -> Result<Nanos> {
    let os = host();
    let start = Instant::now();
    let mapping = os.open(path)?.map()?;
    read_since(start, || Ok(Cursor::new(mapping.bytes())))
}

fn read<R: Read + Seek>(open: impl FnOnce() -> Result<R>) -> Result<Nanos> {
    read_since(Instant::now(), open)
}

fn read_since<R: Read + Seek>(start: Instant, open: impl FnOnce() -> Result<R>) -> Result<Nanos> {
    let content = Content::read(&mut open()?)?;
    let wall = Nanos(start.elapsed().as_nanos() as u64);
    ensure!(!content.metadata.is_empty(), "the vocabulary is there");
    Ok(wall)
}
