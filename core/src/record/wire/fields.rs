//! Cases and jobs, flat: in memory a probe holds its own parameters, in JSON what a probe doesn't have is `null`.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::job::{CacheState, Case, Job, Model, Pattern, Policy, Probe, ProbeKind};
use crate::unit::Bytes;

/// A case, flat: what the probe doesn't have is `null`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Case")]
struct CaseFields {
    variant: String,
    probe: ProbeKind,
    cache: CacheState,
    policy: Option<Policy>,
    pattern: Option<Pattern>,
    io_size_bytes: Option<u64>,
    prompt_tokens: Option<u32>,
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
            prompt_tokens: case.prompt_tokens(),
        }
    }
}

impl TryFrom<CaseFields> for Case {
    type Error = &'static str;

    fn try_from(fields: CaseFields) -> Result<Self, Self::Error> {
        let CaseFields { policy, pattern, io_size_bytes, prompt_tokens, .. } = fields;
        let probe = match (fields.probe, policy, pattern, io_size_bytes, prompt_tokens) {
            (ProbeKind::Faults, Some(policy), Some(pattern), None, None) => Probe::Faults { policy, pattern },
            (ProbeKind::Reads, None, Some(pattern), Some(size), None) => {
                Probe::Reads { io_size: Bytes(size), pattern }
            }
            (ProbeKind::FirstToken, Some(policy), None, None, Some(prompt_tokens)) => {
                Probe::FirstToken { policy, prompt_tokens }
            }
            (ProbeKind::Faults, ..) => return Err("a case of probe faults has a policy and a pattern"),
            (ProbeKind::Reads, ..) => return Err("a case of probe reads has io_size_bytes and a pattern"),
            (ProbeKind::FirstToken, ..) => {
                return Err("a case of probe first_token has a policy and prompt_tokens");
            }
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
    prompts_tokens: Vec<u32>,
    threads: Option<NonZeroU32>,
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
            prompts_tokens: job.prompts_tokens.clone(),
            threads: job.threads,
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
            prompts_tokens: fields.prompts_tokens,
            threads: fields.threads,
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
                <$fields>::from(self).serialize(to)
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
