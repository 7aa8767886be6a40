//! The lines of a report.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    App, Change, EndStatus, FirstToken, Latency, Metrics, PhaseName, Redo, Residency, SelfTest, Status,
    Storage, Wait,
};
use crate::job::{Case, Io, Job, Policy, Prompt};
use crate::record::Caveat;
use crate::record::json::field_at;
use crate::unit::{ByteRange, Bytes, FileOffset};

/// One line of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Line {
    /// Opens a report, and each segment that `--resume` adds.
    Header(Header),
    /// What one model file is.
    Variant(Variant),
    /// What will be measured of it, and how long that should take.
    Plan(Plan),
    /// Written before each phase, so that a report of a process that died says where.
    Phase(Phase),
    /// A phone was left to cool down before a block.
    Wait(Wait),
    /// A run was thrown away and is made again.
    Redo(Redo),
    /// One case measured once.
    Run(Run),
    /// Closes a segment.
    End(End),
}

/// What is wrong with a line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// Where in the line, from 1.
    pub column: usize,
    /// The field, such as `metrics.wall_ns`; `None` when the line isn't even JSON, or lacks a field of its own.
    pub field: Option<String>,
    /// What.
    pub what: String,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

impl Line {
    /// Reads a line: its kind first, then what is of that kind, so that an error can name the field.
    pub fn read(text: &[u8]) -> Result<Line, LineError> {
        Ok(match &*parse::<Kind<'_>>(text)?.kind {
            "header" => Line::Header(parse(text)?),
            "variant" => Line::Variant(parse(text)?),
            "plan" => Line::Plan(parse(text)?),
            "phase" => Line::Phase(parse(text)?),
            "wait" => Line::Wait(parse(text)?),
            "redo" => Line::Redo(parse(text)?),
            "run" => Line::Run(parse(text)?),
            "end" => Line::End(parse(text)?),
            other => {
                let what = format!("found {other:?}, which this version doesn't know");
                return Err(LineError { column: 1, field: Some("kind".to_owned()), what });
            }
        })
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, LineError> {
    serde_json::from_slice(text).map_err(|error| {
        let field = error.is_data().then(|| field_at(text, error.column())).flatten();
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default().to_owned();
        LineError { column: error.column(), field, what }
    })
}

/// Who measures, on what, and what was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// `packbench.report/1`.
    pub schema: String,
    /// Drawn when the session began; the same in all its segments.
    pub session: String,
    /// 0, and one more for each time that the session was resumed.
    pub segment: u32,
    /// Milliseconds since 1970-01-01 UTC.
    pub started_unix_ms: u64,
    /// What measures.
    pub tool: Tool,
    /// What was asked.
    pub job: Job,
    /// Where it is measured.
    pub context: Context,
}

/// The tool that measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Of packbench.
    pub version: String,
    /// The cargo profile that it was built with.
    pub build_profile: String,
    /// The target triple that it was built for.
    pub target: String,
    /// The engine and its version; `null` when the engine is not built in.
    pub engine: Option<String>,
}

/// The machine that measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Context {
    /// Of a virtual-memory page.
    pub page_size_bytes: u32,
    /// Of the operating system's kernel: name and release.
    pub kernel: String,
    /// What the machine is. No serial number and no host name.
    pub device: Device,
    /// The processors that the measuring thread was bound to; `null` when it was not bound.
    pub cpus: Option<Vec<u32>>,
    /// The app that measured; `null` outside an app.
    pub app: Option<App>,
    /// Whether the session had a phone hold its clocks, in Android's fixed-performance mode.
    #[serde(default)]
    pub fixed_performance: bool,
}

/// What a machine is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// The product's name.
    pub model: Option<String>,
    /// The processor's name.
    pub cpu: Option<String>,
    /// Processors online.
    pub cpus: u32,
    /// Of main memory.
    pub memory_bytes: Option<u64>,
    /// Whether the processor says that it is a virtual one.
    pub virtual_machine: Option<bool>,
}

/// What a model file is, known by its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Variant {
    /// As in the job and in each case.
    pub name: String,
    /// Of the whole file.
    pub file_bytes: u64,
    /// BLAKE3 over the tensors sorted by name: the same in whatever order the file holds them.
    pub payload_hash: String,
    /// BLAKE3 over the tensors' names, types and offsets in file order.
    pub layout_hash: String,
    /// `general.architecture`.
    pub architecture: Option<String>,
    /// How many tensors the file has.
    pub tensors: u32,
    /// Whether the header lists them in the order of their offsets.
    pub tensors_by_offset: bool,
    /// How they are quantized, the type with the most bytes first.
    pub types: Vec<TypeShare>,
    /// The plan that `packbench quantize` made the file by; `null` for other files.
    #[serde(default)]
    pub plan: Option<NotedPlan>,
    /// As the system calls it: ext4, f2fs, fuse …
    pub file_system: Option<String>,
    /// Where the file lies.
    pub storage: Storage,
    /// The block device's readahead.
    pub readahead_bytes: Option<u64>,
    /// The largest request that the block device is sent.
    pub largest_request_bytes: Option<u64>,
    /// Whether the system tells the truth about this file's pages.
    pub residency_self_test: SelfTest,
}

/// What a file says of the plan that it was made by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotedPlan {
    /// BLAKE3 of the plan, in hexadecimal digits.
    pub hash: String,
    /// What the plan foretold, in nats a token; `null` where it didn't, or under another importance matrix.
    pub predicted_kld_nats: Option<f64>,
}

/// The tensors of one quantization type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TypeShare {
    /// The type's name, such as `Q4_K`.
    #[serde(rename = "type")]
    pub name: String,
    /// How many tensors have it.
    pub tensors: u32,
    /// How many bytes they take.
    pub bytes: u64,
}

/// What the session will measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The bytes of each model file that the probes touch.
    pub spans: Vec<Span>,
    /// Cases in a block.
    pub cases: u32,
    /// How long one block should take, from a rehearsal on a few megabytes.
    pub estimated_block_ns: u64,
    /// The first token of each model after each prompt: what each run must answer.
    pub answers: Vec<Answer>,
    /// What must come in before each of those, where that is known.
    #[serde(default)]
    pub needs: Vec<Need>,
}

/// The pages that an engine reads for a first token, by its weight trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Need {
    /// The model file.
    pub variant: String,
    /// What it is asked.
    pub prompt: Prompt,
    /// All of those pages, each once.
    pub bytes: u64,
    /// Sum of the first byte of each: what probes that follow the trace must find.
    pub checksum: u64,
}

/// What a model answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The model file.
    pub variant: String,
    /// What it is asked.
    #[serde(alias = "prompt_tokens")]
    pub prompt: Prompt,
    /// Whether the engine was free to copy weights into another layout: those kernels round differently.
    pub extra_buffers: bool,
    /// The first token.
    pub token: u32,
}

/// The bytes of one file that the probes touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// The model file.
    pub variant: String,
    /// The first byte.
    pub start_bytes: u64,
    /// How many bytes.
    pub len_bytes: u64,
    /// Whether the budget has cut it short of the whole file.
    pub sampled: bool,
    /// Sum of the first byte of each page: what each probe must find.
    pub checksum: u64,
}

impl Span {
    /// As a range of the file.
    pub fn range(&self) -> ByteRange {
        ByteRange { start: FileOffset(self.start_bytes), len: Bytes(self.len_bytes) }
    }
}

/// What begins now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phase {
    /// What begins.
    pub phase: PhaseName,
    /// Of which model file; `null` when it concerns all.
    pub variant: Option<String>,
    /// Of which case; `null` outside a run.
    pub case: Option<Case>,
    /// In which block; `null` outside a run.
    pub block: Option<u32>,
}

/// One case measured once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// What was measured.
    pub case: Case,
    /// The block that it belongs to, from 0.
    pub block: u32,
    /// The segment of the session that measured it.
    pub segment: u32,
    /// How it went.
    pub status: Status,
    /// What went wrong; `null` unless the run failed or was killed.
    pub error: Option<String>,
    /// The policy that was in force; `null` for a probe that maps nothing, and when the run failed.
    pub policy_effective: Option<Policy>,
    /// Whether reads went through the page cache or past it; `null` for a probe that isn't about reads, and when the run
    /// failed.
    pub io_effective: Option<Io>,
    /// What was counted; `null` when nothing was.
    pub metrics: Option<Metrics>,
    /// Latency of single reads, or of single touches where each was timed; `null` otherwise.
    pub latency: Option<Latency>,
    /// What a first token is made of; `null` for other probes.
    pub first_token: Option<FirstToken>,
    /// The proof of the cache state; `null` when the run didn't come so far.
    pub residency: Option<Residency>,
    /// The machine around the run.
    pub conditions: Change,
    /// Why it deserves less trust.
    pub caveats: Vec<Caveat>,
}

/// Closes a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// Why it ends.
    pub status: EndStatus,
    /// Runs that the whole report holds now.
    pub runs: u64,
    /// Runs that are still missing.
    pub missing: u64,
}
