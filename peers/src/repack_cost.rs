//! What it costs to put a model's tensors into another order, beside a plain copy of the file: `cp`, and `sync` of what it
//! made. Both start from a source of which nothing is in memory, and both end when all is on storage.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use packbench_core::gguf::sample::{LayerOrder, TinyModel};
use packbench_core::layout::Arrangement;
use packbench_core::os::{Existing, Os, host};
use packbench_core::record::ReadBack;
use packbench_core::repack::{Repacking, repack};
use packbench_core::unit::{ByteRange, Bytes, Nanos};
use tempfile::TempDir;

use crate::counts::{CountBar, CountRow};
use crate::ratio::{Bar, RatioRow, Rounds};
use crate::rounds::{Arm, Plan, alternate};

/// More than a device's own cache holds.
const FILE: Bytes = Bytes(1_100_000_000);
const LAYERS: u32 = 28;

/// A model, and where its copies go.
pub struct Bench {
    /// Gone with the bench: it is large.
    _folder: TempDir,
    model: PathBuf,
    copy: PathBuf,
    plan: Plan,
}

impl Bench {
    /// A bench with a model in `folder`, layers sorted by name as files in the wild have them.
    pub fn new(folder: &Path, plan: Plan) -> Result<Self> {
        let folder = tempfile::tempdir_in(folder)?;
        let (model, copy) = (folder.path().join("model.gguf"), folder.path().join("copy.gguf"));
        let sample = TinyModel { order: LayerOrder::Lexicographic, payload: FILE, ..TinyModel::new(LAYERS) };
        sample.write(BufWriter::new(File::create(&model)?))?;
        Ok(Bench { _folder: folder, model, copy, plan })
    }

    /// Beside `cp` and `sync`; the row with `--verify` stands there for orientation.
    pub fn beside_cp(&self) -> Result<Vec<RatioRow>> {
        Ok(vec![
            self.row("forward order, read back from memory", ReadBack::Memory, Bar::NoSlower(0.95))?,
            self.row("forward order, read back from storage", ReadBack::Storage, Bar::None)?,
        ])
    }

    /// The most memory that a process of ours had.
    pub fn memory(&self) -> Result<CountRow> {
        let peak = self.ours(ReadBack::Memory)?.1;
        let (what, bar) = ("peak memory of a process of ours".to_owned(), CountBar::Below(Bytes::mib(32)));
        Ok(CountRow { what, ours: vec![peak.0], peer: Vec::new(), bar })
    }

    fn row(&self, what: &str, read_back: ReadBack, bar: Bar) -> Result<RatioRow> {
        let mut ours = |_| Ok(self.ours(read_back)?.0);
        let mut again = |_| Ok(self.ours(read_back)?.0);
        let mut peer = |_| self.cp();
        let arms: [Arm; 3] = [&mut ours, &mut again, &mut peer];
        let [ours, again, peer] = alternate(self.plan, arms)?;
        RatioRow::new(what, Rounds { ours, again, peer }, bar)
    }

    fn ours(&self, read_back: ReadBack) -> Result<(Nanos, Bytes)> {
        self.prepare()?;
        let mut process = Command::new(std::env::current_exe()?);
        process.arg("repack").args([&self.model, &self.copy]).args(verify(read_back));
        let begun = Instant::now();
        let output = process.output().context("starting ourselves")?;
        let wall = elapsed(begun);
        ensure!(output.status.success(), "repack: {}", String::from_utf8_lossy(&output.stderr));
        Ok((wall, Bytes(String::from_utf8(output.stdout)?.trim().parse()?)))
    }

    fn cp(&self) -> Result<Nanos> {
        self.prepare()?;
        let begun = Instant::now();
        run(Command::new("cp").args([&self.model, &self.copy]))?;
        run(Command::new("sync").arg(&self.copy))?;
        Ok(elapsed(begun))
    }

    /// Nothing is there, nothing is in memory, and nothing waits to be written.
    fn prepare(&self) -> Result<()> {
        if self.copy.exists() {
            fs::remove_file(&self.copy)?;
        }
        run(&mut Command::new("sync"))?;
        let os = host();
        let file = os.open(&self.model)?;
        file.drop_cache()?;
        let pages = os.page_size().spanned_by(ByteRange::whole(file.facts().len));
        ensure!(
            file.map()?.resident(pages)? == 0,
            "the source can't be evicted here: it takes a folder on a disk"
        );
        Ok(())
    }
}

/// One repacking, in this process; prints the most memory that it had.
pub fn once(model: &Path, out: &Path, verify: bool) -> Result<()> {
    let arrangement: Arrangement = "forward".parse()?;
    let read_back = if verify { ReadBack::Storage } else { ReadBack::Memory };
    let (arrangement, existing) = (&arrangement, Existing::Keep);
    let repacking = Repacking { model, out, arrangement, merge: false, existing, read_back };
    let done = repack(&host(), &repacking, &AtomicBool::new(false), &mut |_, _| ())?;
    ensure!(done.read_back == read_back, "the new file can't be evicted here");
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let kib: u64 = peak.context("this system doesn't tell VmHWM")?.parse()?;
    println!("{}", Bytes::kib(kib).0);
    Ok(())
}

fn verify(read_back: ReadBack) -> Option<&'static str> {
    (read_back == ReadBack::Storage).then_some("--verify")
}

fn elapsed(begun: Instant) -> Nanos {
    Nanos(begun.elapsed().as_nanos() as u64)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
