//! The JSON of a report and of a job. The only types that are serialized live here, with their units in their names:
//! integers in base units, `null` for what this system doesn't tell, never 0.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use super::{Caveat, RunKey};
use crate::job::{CacheState, Case, Job, Model, Pattern, Policy, Probe, ProbeKind};
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
    /// One case measured once.
    Run(Run),
    /// Closes a segment.
    End(End),
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// How they are quantized, the type with the most bytes first.
    pub types: Vec<TypeShare>,
    /// As the system calls it: ext4, f2fs, fuse …
    pub file_system: Option<String>,
    /// Where the file lies.
    pub storage: Storage,
    /// The block device's readahead.
    pub readahead_bytes: Option<u64>,
    /// Whether the system tells the truth about this file's pages.
    pub residency_self_test: SelfTest,
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
    /// The policy that was in force; `null` for a probe that maps nothing, and when it could not be set.
    pub policy_effective: Option<Policy>,
    /// What was counted; `null` when nothing was.
    pub metrics: Option<Metrics>,
    /// Latency of single reads; `null` for other probes.
    pub latency: Option<Latency>,
    /// The proof of the cache state; `null` when the run didn't come so far.
    pub residency: Option<Residency>,
    /// The machine around the run.
    pub conditions: Change,
    /// Why it deserves less trust.
    pub caveats: Vec<Caveat>,
}

/// What a run counted. All are differences over the measured region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// Elapsed time.
    pub wall_ns: u64,
    /// Processor time of the measuring thread, user and system.
    pub cpu_ns: Option<u64>,
    /// Faults of the measuring thread that waited for storage.
    pub major_faults: Option<u64>,
    /// Faults of the measuring thread that found the page in memory.
    pub minor_faults: Option<u64>,
    /// Bytes that the process caused to be fetched from storage, readahead included.
    pub bytes_fetched: Option<u64>,
    /// Bytes of the file that the probe covered.
    pub bytes_covered: u64,
    /// Touches or reads made.
    pub operations: u64,
    /// Sum of the first byte of each page covered, as the access plan foretold it.
    pub checksum: u64,
}

/// Latencies as a histogram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Decimal digits to which a bucket holds a latency.
    pub significant_digits: u8,
    /// The largest latency of each bucket that isn't empty, in ns, and how many reads fell into it.
    pub buckets_ns: Vec<(u64, u64)>,
}

/// What was in memory of the bytes that the probe covers, in pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Residency {
    /// Just before the measured region; `null` when this system doesn't tell.
    pub before_pages: Option<u64>,
    /// Just after it; `null` when this system doesn't tell.
    pub after_pages: Option<u64>,
    /// All of them.
    pub total_pages: u64,
    /// What `before_pages` proves.
    pub proof: Proof,
}

/// The machine before and after a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Before.
    pub before: Conditions,
    /// After; `null` when the process died.
    pub after: Option<Conditions>,
}

/// What may differ from run to run on one machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conditions {
    /// Since the segment began.
    pub elapsed_ns: u64,
    /// Memory that could be had without swapping.
    pub memory_available_bytes: Option<u64>,
    /// Runnable tasks, averaged over a minute, in thousandths.
    pub load_1m_milli: Option<u64>,
    /// The slowest processor's clock.
    pub cpu_min_khz: Option<u64>,
    /// The hottest sensor, in thousandths of a degree Celsius.
    pub temperature_max_milli_c: Option<i64>,
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

macro_rules! wire_names {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
        #[strum(serialize_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }
    )+};
}

wire_names! {
    /// How a run went.
    Status {
        /// It was measured, and it did the work that its plan foretold.
        Ok,
        /// It was given up: see the error.
        Failed,
        /// The process died in it.
        Killed,
    }
    /// What residency before the measured region proves.
    Proof {
        /// No page was in memory.
        Cold,
        /// Every page was in memory.
        Warm,
        /// Evicted; this system doesn't tell.
        ColdUnverified,
        /// Read; not every page is known to have been in memory.
        WarmUnverified,
        /// Evicted, and yet some pages were in memory.
        NotCold,
    }
    /// Whether residency can say no: the answer for a page that was just evicted.
    SelfTest {
        /// Evicted, and said to be.
        Truthful,
        /// The page stays in memory whatever is tried, as on tmpfs.
        CannotEvict,
        /// The page had to be fetched again, and yet was said to be in memory.
        MincoreDoesNotTell,
    }
    /// The class of a file's storage.
    Storage {
        /// A file system on a local block device.
        Local,
        /// In memory: nothing to be fetched.
        Memory,
        /// FUSE.
        Fuse,
        /// On a network, or handed in by a hypervisor.
        Network,
        /// Of a file system that this version doesn't know.
        Unknown,
    }
    /// Why a segment ends.
    EndStatus {
        /// Nothing is missing.
        Complete,
        /// It was asked to stop.
        Cancelled,
        /// The budget was used up.
        Budget,
    }
    /// What a phase line announces.
    PhaseName {
        /// Reading the tensors once, to know the model by its content.
        Hash,
        /// Asking whether residency can say no.
        SelfTest,
        /// Each case once on a few megabytes, to know how long a block takes.
        Rehearse,
        /// Opening the file anew.
        Open,
        /// Dropping its pages.
        Evict,
        /// Reading its pages.
        Fill,
        /// Asking which pages are in memory.
        Prove,
        /// The measured region.
        Measure,
        /// Asking again, and closing.
        Account,
    }
}

/// Serializes an enum by the one name that it has everywhere: in reports, in jobs, on the command line.
macro_rules! by_name {
    ($($type:ty as $schema:literal),+ $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.into())
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let found = Cow::<str>::deserialize(from)?;
                found.parse().map_err(|_| {
                    let names: Vec<&str> = <$type>::VARIANTS.iter().map(Into::into).collect();
                    de::Error::custom(format!("found {found:?}, expected one of {}", names.join(", ")))
                })
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $schema.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let names: Vec<&str> = <$type>::VARIANTS.iter().map(Into::into).collect();
                schemars::json_schema!({ "type": "string", "enum": names })
            }
        }
    )+};
}

by_name!(
    CacheState as "CacheState",
    Caveat as "Caveat",
    EndStatus as "EndStatus",
    Pattern as "Pattern",
    PhaseName as "PhaseName",
    Policy as "Policy",
    ProbeKind as "ProbeKind",
    Proof as "Proof",
    SelfTest as "SelfTest",
    Status as "Status",
    Storage as "Storage",
);

/// A case, flat: what the probe doesn't have is `null`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Case")]
struct CaseFields {
    variant: String,
    probe: ProbeKind,
    cache: CacheState,
    policy: Option<Policy>,
    pattern: Pattern,
    io_size_bytes: Option<u64>,
}

impl From<&Case> for CaseFields {
    fn from(case: &Case) -> Self {
        CaseFields {
            variant: case.variant.clone(),
            probe: case.probe.into(),
            cache: case.cache,
            policy: case.policy(),
            pattern: case.pattern(),
            io_size_bytes: case.io_size().map(|size| size.0),
        }
    }
}

impl TryFrom<CaseFields> for Case {
    type Error = &'static str;

    fn try_from(fields: CaseFields) -> Result<Self, Self::Error> {
        let pattern = fields.pattern;
        let probe = match (fields.probe, fields.policy, fields.io_size_bytes) {
            (ProbeKind::Faults, Some(policy), None) => Probe::Faults { policy, pattern },
            (ProbeKind::Faults, ..) => {
                return Err("a case of probe faults has a policy and no io_size_bytes");
            }
            (ProbeKind::Reads, None, Some(size)) => Probe::Reads { io_size: Bytes(size), pattern },
            (ProbeKind::Reads, ..) => return Err("a case of probe reads has io_size_bytes and no policy"),
        };
        Ok(Case { variant: fields.variant, cache: fields.cache, probe })
    }
}

/// A job as people write it; what is left out is as in the default job.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Job")]
struct JobFields {
    models: Vec<ModelFields>,
    probes: Vec<ProbeKind>,
    policies: Vec<Policy>,
    patterns: Vec<Pattern>,
    caches: Vec<CacheState>,
    io_sizes_bytes: Vec<u64>,
    blocks: NonZeroU32,
    seed: u64,
    budget_ms: u64,
    cpus: Vec<u32>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Model")]
struct ModelFields {
    /// What reports call it; the file's name when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Where it lies; never in a report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
}

impl Default for JobFields {
    fn default() -> Self {
        JobFields::from(&Job::default())
    }
}

impl From<&Job> for JobFields {
    fn from(job: &Job) -> Self {
        let model = |model: &Model| ModelFields { name: Some(model.name.clone()), path: model.path.clone() };
        JobFields {
            models: job.models.iter().map(model).collect(),
            probes: job.probes.clone(),
            policies: job.policies.clone(),
            patterns: job.patterns.clone(),
            caches: job.caches.clone(),
            io_sizes_bytes: job.io_sizes.iter().map(|size| size.0).collect(),
            blocks: job.blocks,
            seed: job.seed,
            budget_ms: u64::try_from(job.budget.as_millis()).unwrap_or(u64::MAX),
            cpus: job.cpus.clone(),
        }
    }
}

impl TryFrom<JobFields> for Job {
    type Error = &'static str;

    fn try_from(fields: JobFields) -> Result<Self, Self::Error> {
        Ok(Job {
            models: fields.models.into_iter().map(Model::try_from).collect::<Result<_, _>>()?,
            probes: fields.probes,
            policies: fields.policies,
            patterns: fields.patterns,
            caches: fields.caches,
            io_sizes: fields.io_sizes_bytes.into_iter().map(Bytes).collect(),
            blocks: fields.blocks,
            seed: fields.seed,
            budget: Duration::from_millis(fields.budget_ms),
            cpus: fields.cpus,
        })
    }
}

impl TryFrom<ModelFields> for Model {
    type Error = &'static str;

    fn try_from(fields: ModelFields) -> Result<Self, Self::Error> {
        let file_name = || {
            fields
                .path
                .as_ref()
                .and_then(|path| path.file_name())
                .map(|name| name.to_string_lossy().into_owned())
        };
        let name = fields.name.clone().or_else(file_name).ok_or("a model needs a path or a name")?;
        Ok(Model { name, path: fields.path })
    }
}

/// Serializes a type of `job` by way of its flat fields.
macro_rules! by_fields {
    ($($type:ty as $fields:ty),+ $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                ser::Serialize::serialize(&<$fields>::from(self), to)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                <$fields>::deserialize(from)?.try_into().map_err(de::Error::custom)
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                <$fields>::schema_name()
            }
            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$fields>::json_schema(generator)
            }
        }
    )+};
}

by_fields!(Case as CaseFields, Job as JobFields);

/// What a target hands to its agent, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// What to do with the job.
    pub purpose: Purpose,
    /// What was asked, models with their paths.
    pub job: Job,
    /// The session's name.
    pub session: String,
    /// Which segment of the session this is.
    pub segment: u32,
    /// Runs that the report holds already.
    pub done: Vec<RunKey>,
    /// What an earlier segment planned: a session measures the same bytes from its beginning to its end.
    pub plan: Option<Plan>,
    /// Where payload hashes are kept; `None` to keep none.
    pub cache_dir: Option<PathBuf>,
}

wire_names! {
    /// What to do with a job.
    Purpose {
        /// Carry it out.
        Measure,
        /// Each case once, nothing recorded.
        Verify,
        /// Find out how long it would take.
        Estimate,
    }
}
by_name!(Purpose as "Purpose");

#[derive(Serialize, Deserialize)]
struct RunKeyFields {
    case: Case,
    block: u32,
}

impl Serialize for RunKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        RunKeyFields { case: self.case.clone(), block: self.block }.serialize(to)
    }
}

impl<'de> Deserialize<'de> for RunKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        RunKeyFields::deserialize(from).map(|fields| RunKey { case: fields.case, block: fields.block })
    }
}
