//! What squared gradients cost: `packbench score` beside PyTorch, which holds all of a model in f32 and its sums of squares
//! beside it. Both go through the same sequences of models of random weights, on the same threads.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use packbench_core::random::Random;
use packbench_core::record::{FimScores, ScoreCost};
use packbench_core::unit::{Bytes, Nanos};
use serde_json::Value;

use crate::counts::{CountBar, CountRow};
use crate::ratio::{Bar, RatioRow, Rounds};
use crate::rounds::{Plan, alternate};

/// Layers, embedding, feed-forward, heads, heads of keys and values: those of Qwen2.5.
const SHAPES: [(&str, [u32; 5]); 2] = [("0.5B", [24, 896, 4864, 14, 2]), ("1.5B", [28, 1536, 8960, 12, 2])];
/// Sequences, and tokens of each: so few that reading weights and squaring gradients counts, so many that products hide it,
/// and enough of them for what is kept of tokens to weigh.
const TIMED: [[usize; 2]; 2] = [[2, 128], [1, 512]];
const WEIGHED: [usize; 2] = [4, 512];
/// By how much a sum of squares in f32 may differ from another.
const CLOSE: f64 = 1e-3;

/// The programs.
pub struct Programs<'a> {
    /// packbench, built as it is measured.
    pub packbench: &'a Path,
    /// Python, with torch and gguf.
    pub python: &'a Path,
    /// `py/torch_squares.py`; `score_model.py` is beside it.
    pub script: &'a Path,
}

/// A model of one shape, and how both go through it.
pub struct Bench<'a> {
    programs: Programs<'a>,
    shape: &'static str,
    model: PathBuf,
    text: PathBuf,
    threads: usize,
}

impl<'a> Bench<'a> {
    /// Makes the models in `folder`, one after the other: they are large.
    pub fn each(
        folder: &Path,
        programs: &Programs<'a>,
        mut visit: impl FnMut(&Bench<'a>) -> Result<()>,
    ) -> Result<()> {
        let folder = tempfile::tempdir_in(folder)?;
        let (model, text) = (folder.path().join("model.gguf"), folder.path().join("text"));
        let mut random = Random::new(1);
        let letter = |_| b'a' + (random.next_u64() % 26) as u8;
        fs::write(&text, (0..WEIGHED[0] * WEIGHED[1]).map(letter).collect::<Vec<u8>>())?;
        let threads = std::thread::available_parallelism()?.get();
        for (shape, numbers) in SHAPES {
            let script = programs.script.with_file_name("score_model.py");
            let numbers = numbers.map(|number| number.to_string());
            run(Command::new(programs.python).arg(script).arg(&model).args(numbers))?;
            let (model, text, programs) = (model.clone(), text.clone(), Programs { ..*programs });
            visit(&Bench { programs, shape, model, text, threads })?;
        }
        Ok(())
    }

    /// Forward, backward and squares. What quantizing takes is not in it.
    pub fn times(&self, plan: Plan) -> Result<[RatioRow; 2]> {
        let [few, many] = TIMED.map(|tokens| self.time(plan, tokens));
        Ok([few?, many?])
    }

    fn time(&self, plan: Plan, tokens: [usize; 2]) -> Result<RatioRow> {
        let mut torch = self.torch(tokens)?;
        let mut ours = |_| self.gradients(tokens);
        let mut again = |_| self.gradients(tokens);
        let mut peer = |_| Ok(torch.round()?.wall);
        let [ours, again, peer] = alternate(plan, [&mut ours, &mut again, &mut peer])?;
        let what = format!("{} shape, {} x {} tokens", self.shape, tokens[0], tokens[1]);
        RatioRow::new(what, Rounds { ours, again, peer }, Bar::AtMost(1.5))
    }

    /// The most memory that a process had, held against twice what can't be done without; and whether both found the same.
    pub fn memory(&self) -> Result<[CountRow; 2]> {
        let (ours, traces) = self.ours(WEIGHED)?;
        let theirs = self.torch(WEIGHED)?.round()?;
        let close = |(name, trace): (&String, &f64)| {
            theirs.traces.get(name).is_some_and(|theirs| (trace / theirs - 1.0).abs() < CLOSE)
        };
        let found = traces.iter().filter(|trace| close(*trace)).count() as u64;
        let (shape, [sequences, length]) = (self.shape, WEIGHED);
        let peak = ours.peak_memory_bytes.context("this system doesn't tell the most memory of a process")?;
        let least = ours.largest_layer_bytes + ours.activations_bytes;
        Ok([
            CountRow {
                what: format!("{shape} shape, {sequences} x {length} tokens: peak memory of the process"),
                ours: vec![peak],
                peer: vec![theirs.peak.0],
                bar: CountBar::Below(Bytes(2 * least + 1)),
            },
            CountRow {
                what: format!("{shape} shape: matrices of which both find the same, to {CLOSE}"),
                ours: vec![found],
                peer: vec![theirs.traces.len() as u64],
                bar: CountBar::Equal,
            },
        ])
    }

    fn gradients(&self, tokens: [usize; 2]) -> Result<Nanos> {
        Ok(Nanos(self.ours(tokens)?.0.gradients_ns))
    }

    /// What a score took, and the sum of squares of each matrix. One type is priced: that time isn't compared.
    fn ours(&self, [sequences, length]: [usize; 2]) -> Result<(ScoreCost, BTreeMap<String, f64>)> {
        let out = self.model.with_file_name("scores.json");
        let mut packbench = Command::new(self.programs.packbench);
        packbench.arg("score").arg(&self.model).arg("--text").arg(&self.text).arg("--output").arg(&out);
        packbench.args(["--labels", "data", "--types", "Q8_0"]);
        for (flag, number) in [("--sequences", sequences), ("--length", length), ("--threads", self.threads)]
        {
            packbench.arg(flag).arg(number.to_string());
        }
        run(&mut packbench)?;
        let pricing = FimScores::read(&fs::read(&out)?)?.packbench.context("scores without prices")?;
        let traces = pricing.tensors.iter().filter_map(|tensor| Some((tensor.name.clone(), tensor.trace?)));
        Ok((pricing.cost.context("scores without cost")?, traces.collect()))
    }

    fn torch(&self, [sequences, length]: [usize; 2]) -> Result<Torch> {
        let mut python = Command::new(self.programs.python);
        python.arg(self.programs.script).arg(&self.model).arg(&self.text);
        python.args([sequences, length, self.threads].map(|number| number.to_string()));
        let mut process = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let asked = process.stdin.take().context("stdin is piped")?;
        let told = BufReader::new(process.stdout.take().context("stdout is piped")?);
        Ok(Torch { process, asked, told })
    }
}

/// PyTorch, with the model in memory.
struct Torch {
    process: Child,
    asked: ChildStdin,
    told: BufReader<ChildStdout>,
}

struct Told {
    wall: Nanos,
    peak: Bytes,
    traces: BTreeMap<String, f64>,
}

impl Torch {
    fn round(&mut self) -> Result<Told> {
        writeln!(self.asked)?;
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line).context("torch_squares.py told nothing")?;
        let number =
            |key: &str| told[key].as_u64().with_context(|| format!("torch_squares.py told no {key}"));
        let (wall, peak) = (Nanos(number("wall_ns")?), Bytes(number("peak_bytes")?));
        Ok(Told { wall, peak, traces: serde_json::from_value(told["traces"].clone())? })
    }
}

impl Drop for Torch {
    fn drop(&mut self) {
        // One that is gone already is what was wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
