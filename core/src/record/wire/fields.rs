//! Cases and jobs, flat: in memory a probe holds its own parameters, in JSON what a probe doesn't have is `null`.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::object::object;
use crate::job::{
    CacheState, Case, Field, Guard, Io, Job, Model, Pattern, Policy, Probe, ProbeKind, Prompt, Timing, Way,
};
use crate::layout::OrderError;
use crate::unit::Bytes;

/// A case, flat: what the probe doesn't have is `null`, and so is what goes without saying.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Case")]
struct CaseFields {
    variant: String,
    probe: ProbeKind,
    cache: CacheState,
    policy: Option<Policy>,
    pattern: Option<Pattern>,
    /// `null` for `whole`.
    timing: Option<Timing>,
    io_size_bytes: Option<u64>,
    /// `null` for `buffered`.
    io: Option<Io>,
    /// `null` for one that reads and as many as there are processors that compute.
    threads: Option<NonZeroU32>,
    /// A number of tokens or a text.
    #[serde(alias = "prompt_tokens")]
    prompt: Option<Prompt>,
    /// `null` for `process`.
    way: Option<Way>,
}

impl From<&Case> for CaseFields {
    fn from(case: &Case) -> Self {
        let is_floor = matches!(case.probe, Probe::Floor { .. });
        CaseFields {
            variant: case.variant.clone(),
            probe: (&case.probe).into(),
            cache: case.cache,
            policy: case.policy(),
            pattern: case.pattern(),
            timing: case.timing().filter(|timing| *timing != Timing::Whole),
            io_size_bytes: case.io_size().map(|size| size.0),
            io: case.io().filter(|io| *io != Io::Buffered && !is_floor),
            threads: case.told(Field::Threads).and_then(|_| case.threads()),
            prompt: case.prompt().cloned(),
            way: case.way().filter(|way| *way != Way::Process),
        }
    }
}

impl TryFrom<CaseFields> for Case {
    type Error = String;

    fn try_from(mut fields: CaseFields) -> Result<Self, String> {
        let kind = fields.probe;
        let probe = match kind {
            ProbeKind::Faults => Probe::Faults {
                policy: take(kind, "policy", &mut fields.policy)?,
                pattern: take(kind, "pattern", &mut fields.pattern)?,
                timing: fields.timing.take().unwrap_or(Timing::Whole),
            },
            ProbeKind::Reads => Probe::Reads {
                io_size: take(kind, "io_size_bytes", &mut fields.io_size_bytes).map(Bytes)?,
                pattern: take(kind, "pattern", &mut fields.pattern)?,
                io: fields.io.take().unwrap_or(Io::Buffered),
                threads: fields.threads.take().unwrap_or(NonZeroU32::MIN),
            },
            ProbeKind::Replay => Probe::Replay {
                policy: take(kind, "policy", &mut fields.policy)?,
                prompt: take(kind, "prompt", &mut fields.prompt)?,
            },
            ProbeKind::FirstToken => Probe::FirstToken {
                policy: take(kind, "policy", &mut fields.policy)?,
                prompt: take(kind, "prompt", &mut fields.prompt)?,
                way: fields.way.take().unwrap_or(Way::Process),
                threads: fields.threads.take(),
            },
            ProbeKind::Floor => Probe::Floor {
                prompt: take(kind, "prompt", &mut fields.prompt)?,
                io_size: take(kind, "io_size_bytes", &mut fields.io_size_bytes).map(Bytes)?,
            },
        };
        fields.check_nothing_left()?;
        Ok(Case { variant: fields.variant, cache: fields.cache, probe })
    }
}

fn take<T>(kind: ProbeKind, name: &str, field: &mut Option<T>) -> Result<T, String> {
    field.take().ok_or_else(|| format!("a case of probe {kind} has no {name}, expected one"))
}

impl CaseFields {
    /// Every field that a probe has was taken.
    fn check_nothing_left(&self) -> Result<(), String> {
        let left = [
            ("policy", self.policy.is_some()),
            ("pattern", self.pattern.is_some()),
            ("timing", self.timing.is_some()),
            ("io_size_bytes", self.io_size_bytes.is_some()),
            ("io", self.io.is_some()),
            ("threads", self.threads.is_some()),
            ("prompt", self.prompt.is_some()),
            ("way", self.way.is_some()),
        ];
        match left.iter().find(|(_, is_left)| *is_left) {
            Some((name, _)) => Err(format!("a case of probe {} has {name}, expected null", self.probe)),
            None => Ok(()),
        }
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
    timings: Vec<Timing>,
    io_sizes_bytes: Vec<u64>,
    io: Vec<Io>,
    /// Numbers of tokens and texts.
    #[serde(alias = "prompts_tokens")]
    prompts: Vec<Prompt>,
    ways: Vec<Way>,
    /// `null` for one that reads and as many as there are processors that compute.
    threads: Option<Vec<NonZeroU32>>,
    decodes: NonZeroU32,
    blocks: NonZeroU32,
    seed: u64,
    budget_ms: u64,
    cpus: Vec<u32>,
    suppress: Vec<Guard>,
    wait_ms: u64,
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
    /// The arrangement in which it is measured, such as `forward` or `shuffled:7:align=4096`; as it is when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arrangement: Option<String>,
    /// Of the file, from a computer that hands the job to an app, which holds its own copy against it.
    #[serde(default, skip_serializing)]
    #[schemars(skip)]
    model_sha256: Option<String>,
}

impl Default for JobFields {
    fn default() -> Self {
        JobFields::from(&Job::default())
    }
}

impl From<&Job> for JobFields {
    fn from(job: &Job) -> Self {
        let model = |model: &Model| ModelFields {
            name: Some(model.name.clone()),
            path: model.path.clone(),
            arrangement: model.arrangement.as_ref().map(ToString::to_string),
            model_sha256: None,
        };
        JobFields {
            models: job.models.iter().map(model).collect(),
            probes: job.probes.clone(),
            policies: job.policies.clone(),
            patterns: job.patterns.clone(),
            caches: job.caches.clone(),
            timings: job.timings.clone(),
            io_sizes_bytes: job.io_sizes.iter().map(|size| size.0).collect(),
            io: job.io.clone(),
            prompts: job.prompts.clone(),
            ways: job.ways.clone(),
            threads: (!job.threads.is_empty()).then(|| job.threads.clone()),
            decodes: job.decodes,
            blocks: job.blocks,
            seed: job.seed,
            budget_ms: milliseconds(job.budget),
            cpus: job.cpus.clone(),
            suppress: job.suppress.clone(),
            wait_ms: milliseconds(job.wait),
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Job {
    /// Reads one.
    ///
    /// # Errors
    /// What is none.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        // From bytes, as the lines of a report: for text serde would have all its code a second time.
        serde_json::from_slice(text.as_bytes())
    }
}

impl TryFrom<JobFields> for Job {
    type Error = String;

    fn try_from(fields: JobFields) -> Result<Self, Self::Error> {
        Ok(Job {
            models: fields.models.into_iter().map(Model::try_from).collect::<Result<_, _>>()?,
            probes: fields.probes,
            policies: fields.policies,
            patterns: fields.patterns,
            caches: fields.caches,
            timings: fields.timings,
            io_sizes: fields.io_sizes_bytes.into_iter().map(Bytes).collect(),
            io: fields.io,
            prompts: fields.prompts,
            ways: fields.ways,
            threads: fields.threads.unwrap_or_default(),
            decodes: fields.decodes,
            blocks: fields.blocks,
            seed: fields.seed,
            budget: Duration::from_millis(fields.budget_ms),
            cpus: fields.cpus,
            suppress: fields.suppress,
            wait: Duration::from_millis(fields.wait_ms),
        })
    }
}

impl TryFrom<ModelFields> for Model {
    type Error = String;

    fn try_from(fields: ModelFields) -> Result<Self, Self::Error> {
        let file_name = || {
            fields
                .path
                .as_ref()
                .and_then(|path| path.file_name())
                .map(|name| name.to_string_lossy().into_owned())
        };
        let name = fields.name.clone().or_else(file_name).ok_or("a model needs a path or a name")?;
        let arrangement = fields.arrangement.map(|text| text.parse()).transpose();
        let arrangement = arrangement.map_err(|error: OrderError| error.to_string())?;
        if let Some(hash) = fields.model_sha256.filter(|hash| hash.len() != 64) {
            return Err(format!("model_sha256: found {hash:?}, expected 64 hexadecimal digits"));
        }
        Ok(Model { name, path: fields.path, arrangement })
    }
}

/// Serializes a type of `job` by way of its flat fields, which `read` reads.
macro_rules! by_fields {
    ($read:path: $($type:ty as $fields:ty),+ $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                <$fields>::from(self).serialize(to)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let fields: $fields = $read(from)?;
                fields.try_into().map_err(de::Error::custom)
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

by_fields!(object: Case as CaseFields, Job as JobFields);
by_fields!(Deserialize::deserialize: Prompt as PromptValue);

/// A number of tokens or a text, as one value.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Prompt")]
enum PromptValue {
    Tokens(u32),
    Text(String),
}

impl From<&Prompt> for PromptValue {
    fn from(prompt: &Prompt) -> Self {
        match prompt {
            Prompt::Count(count) => PromptValue::Tokens(*count),
            Prompt::Text(text) => PromptValue::Text(text.clone()),
        }
    }
}

impl From<PromptValue> for Prompt {
    fn from(value: PromptValue) -> Self {
        match value {
            PromptValue::Tokens(count) => Prompt::Count(count),
            PromptValue::Text(text) => Prompt::Text(text),
        }
    }
}
