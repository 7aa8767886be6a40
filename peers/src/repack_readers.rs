//! Whether other readers find in a repacked file what they find in the model: gguf-py, gguf-parser-go, and the safetensors
//! library. Each tells of a file, a line a fact, places left out; what differs is a fact that was lost or changed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result, ensure};
use packbench_core::gguf::sample::{Architecture, LayerOrder, TinyModel};
use packbench_core::os::{Existing, host};
use packbench_core::record::ReadBack;
use packbench_core::repack::{Repacking, repack};

use crate::counts::{CountBar, CountRow};

const GGUF: [&str; 4] = ["forward", "shuffled:7", "forward:align=16384", "file:align=2MiB"];
const SAFETENSORS: [&str; 2] = ["forward", "shuffled:7"];

/// The programs that read.
pub struct Readers<'a> {
    /// Python, with gguf and safetensors.
    pub python: &'a Path,
    /// `py/facts.py`.
    pub script: &'a Path,
    /// The program built from go/.
    pub go: Option<&'a Path>,
}

/// A row for each reader, model and layout: how many facts it finds again, of how many. `model` is a real one, if there is
/// one.
pub fn rows(folder: &Path, readers: &Readers<'_>, model: Option<&Path>) -> Result<Vec<CountRow>> {
    let mut models = Vec::new();
    for architecture in [Architecture::Llama, Architecture::Qwen2, Architecture::Gemma3] {
        let path = folder.join(format!("{}.gguf", architecture.name()));
        let sample = TinyModel { architecture, order: LayerOrder::Lexicographic, ..TinyModel::new(12) };
        sample.write(BufWriter::new(File::create(&path)?))?;
        models.push(path);
    }
    models.extend(model.map(Path::to_owned));
    let mut rows = Vec::new();
    for model in &models {
        let python = |path: &Path| facts(Command::new(readers.python).arg(readers.script).arg(path));
        rows.extend(GGUF.map(|layout| row("gguf-py", folder, model, layout, &python)));
        if let Some(go) = readers.go {
            let go = |path: &Path| facts(Command::new(go).arg(path).arg("facts"));
            rows.extend(GGUF.map(|layout| row("gguf-parser-go", folder, model, layout, &go)));
        }
    }
    let checkpoint = folder.join("checkpoint.safetensors");
    run(Command::new(readers.python).arg(readers.script.with_file_name("checkpoint.py")).arg(&checkpoint))?;
    let python = |path: &Path| facts(Command::new(readers.python).arg(readers.script).arg(path));
    rows.extend(SAFETENSORS.map(|layout| row("safetensors", folder, &checkpoint, layout, &python)));
    rows.into_iter().collect()
}

fn row(
    reader: &str,
    folder: &Path,
    model: &Path,
    layout: &str,
    facts: &dyn Fn(&Path) -> Result<BTreeSet<String>>,
) -> Result<CountRow> {
    let extension = model.extension().context("a model file has an extension")?;
    let out = folder.join("repacked").with_extension(extension);
    repacked(model, &out, layout)?;
    let (expected, found) = (facts(model)?, facts(&out)?);
    fs::remove_file(&out)?;
    let name = model.file_name().unwrap_or_default().to_string_lossy();
    Ok(CountRow {
        what: format!("{reader}: {name}, {layout}"),
        ours: vec![found.intersection(&expected).count() as u64],
        peer: vec![found.union(&expected).count() as u64],
        bar: CountBar::Equal,
    })
}

fn repacked(model: &Path, out: &PathBuf, layout: &str) -> Result<()> {
    let arrangement = layout.parse()?;
    let (existing, read_back) = (Existing::Replace, ReadBack::Memory);
    let repacking = Repacking { model, out, arrangement: &arrangement, merge: false, existing, read_back };
    repack(&host(), &repacking, &AtomicBool::new(false), &mut |_, _| ())?;
    Ok(())
}

/// What a reader tells, alignment left out: it is what was asked to change.
fn facts(reader: &mut Command) -> Result<BTreeSet<String>> {
    let text = run(reader)?;
    let facts: BTreeSet<String> =
        text.lines().filter(|line| !line.contains("general.alignment")).map(str::to_owned).collect();
    ensure!(!facts.is_empty(), "{reader:?} tells nothing");
    Ok(facts)
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8(output.stdout)?)
}
