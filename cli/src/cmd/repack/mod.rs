//! `packbench repack`

mod convert;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use packbench_core::layout::{Alignment, Arrangement};
use packbench_core::os::{self, Existing};
use packbench_core::record::ReadBack;
use packbench_core::repack::{ApplyError, RepackError, Repacking, repack};

use crate::{exit, render};

static CANCEL: AtomicBool = AtomicBool::new(false);

/// Arguments of `repack`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Orders:
  file           as the tensors lie in the file
  forward        as an engine first reads them, derived from their names
  trace:FILE     as a weight trace has them (packbench trace MODEL -o FILE)
  like:FILE      as another model file has them; header and padding, too, if it has the same tensors
  shuffled:SEED  drawn at random, the same for a file and its copies

Examples:
  packbench repack model.gguf model.forward.gguf --order forward
  packbench repack model.gguf model.16k.gguf --order forward --align 16KiB
  packbench repack model.forward.gguf again.gguf --order like:model.gguf  model.gguf, bit for bit
  packbench repack model-00001-of-00003.gguf model.gguf --merge
  packbench repack model.safetensors.index.json model.safetensors --merge --order forward

Metadata and tensors stay what they are, and every tensor of the new file is compared with the model's. The new file
appears under its name when all of it is on storage, or not at all; the model's files are never written to.

Exit codes: 0 done, 2 not done, and there is no new file, 130 interrupted, and there is none either.")]
pub struct Args {
    /// The model file, GGUF or safetensors; of a model in several files any one, or its index.
    #[arg(value_name = "IN")]
    model: PathBuf,
    /// The new file.
    out: PathBuf,
    /// The order of the tensors.
    #[arg(long, default_value = "file")]
    order: Arrangement,
    /// Let each tensor begin at a multiple of this, a power of two from 32 B to 2 MiB [default: as it is].
    #[arg(long, value_name = "BYTES")]
    align: Option<Alignment>,
    /// Put a model that lies in several files into one.
    #[arg(long)]
    merge: bool,
    /// Replace OUT if it is there.
    #[arg(long)]
    force: bool,
    /// Read the new file back from storage, too, before it gets its name: takes as long again as reading it cold.
    #[arg(long)]
    verify: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Makes the new file, or says how another program makes it.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(advice) = convert::advice(&os::host(), &args.model, &args.out)? {
        writeln!(io::stderr(), "{advice}")?;
        return Ok(ExitCode::from(exit::INVALID));
    }
    let arrangement = args.arrangement()?;
    let repacking = Repacking {
        model: &args.model,
        out: &args.out,
        arrangement: &arrangement,
        merge: args.merge,
        existing: if args.force { Existing::Replace } else { Existing::Keep },
        read_back: if args.verify { ReadBack::Storage } else { ReadBack::Memory },
    };
    // Without a handler an interrupt leaves an unfinished file to be swept by the next repacking.
    drop(ctrlc::set_handler(|| CANCEL.store(true, Ordering::Relaxed)));
    let mut bar = render::Copying::new();
    let repacked = repack(&os::host(), &repacking, &CANCEL, &mut |done, of| bar.show(done, of));
    bar.finish();
    let repacked = match repacked {
        Err(RepackError::Apply(stopped @ ApplyError::Cancelled)) => {
            writeln!(io::stderr(), "{stopped}")?;
            return Ok(ExitCode::from(exit::INTERRUPTED));
        }
        other => other?,
    };
    let mut out = io::stdout().lock();
    match args.json {
        true => render::json(&mut out, &repacked)?,
        false => write!(out, "{}", render::repacked(&repacked, &repacking))?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn arrangement(&self) -> anyhow::Result<Arrangement> {
        match (self.order.align, self.align) {
            (Some(_), Some(_)) => anyhow::bail!("found two alignments, in --order and in --align: name one"),
            (named, align) => Ok(Arrangement { align: named.or(align), ..self.order.clone() }),
        }
    }
}
