//! Reports that were never measured: lines as a session writes them, with times that are given.
#![allow(dead_code, reason = "each test and bench takes its part")]

use packbench_core::job::{CacheState, Case, Job, Model, Pattern, Policy, Probe, ProbeKind, Timing};
use packbench_core::record::{
    Change, Conditions, Context, Device, Header, Line, Metrics, Report, Run, SCHEMA, SelfTest, Status,
    Storage, Tool, Variant,
};
use packbench_core::session::bytes;

/// A session of the probe `faults` on one model, an arm a policy.
pub struct Synthetic {
    pub session: String,
    pub device: String,
    pub policies: Vec<Policy>,
    pub blocks: u32,
}

impl Synthetic {
    pub fn new(policies: &[Policy], blocks: u32) -> Self {
        Synthetic {
            session: "0000000000000001".to_owned(),
            device: "a phone".to_owned(),
            policies: policies.to_vec(),
            blocks,
        }
    }

    fn job(&self) -> Job {
        Job {
            models: vec![Model { name: "m.gguf".to_owned(), path: None, arrangement: None }],
            probes: vec![ProbeKind::Faults],
            policies: self.policies.clone(),
            patterns: vec![Pattern::Sequential],
            caches: vec![CacheState::Cold],
            blocks: self.blocks.try_into().expect("a session has a block"),
            ..Job::default()
        }
    }

    pub fn header(&self) -> Header {
        Header {
            schema: SCHEMA.to_owned(),
            session: self.session.clone(),
            segment: 0,
            started_unix_ms: 0,
            tool: Tool {
                version: "0.1.0".to_owned(),
                build_profile: "bench-device".to_owned(),
                target: "aarch64-linux-android".to_owned(),
                engine: None,
            },
            job: self.job(),
            context: Context {
                page_size_bytes: 4096,
                kernel: "Linux 6.6".to_owned(),
                device: Device {
                    model: Some(self.device.clone()),
                    cpu: None,
                    cpus: 8,
                    memory_bytes: None,
                    virtual_machine: None,
                },
                cpus: None,
                app: None,
                fixed_performance: false,
            },
        }
    }

    pub fn variant(&self) -> Variant {
        Variant {
            name: "m.gguf".to_owned(),
            file_bytes: 1 << 20,
            payload_hash: "0".repeat(64),
            layout_hash: "0".repeat(64),
            architecture: None,
            tensors: 1,
            tensors_by_offset: true,
            types: Vec::new(),
            plan: None,
            file_system: Some("f2fs".to_owned()),
            storage: Storage::Local,
            readahead_bytes: None,
            largest_request_bytes: None,
            residency_self_test: SelfTest::Truthful,
        }
    }

    /// A run of the arm at `place` among the policies; `position` is its place in the whole session.
    pub fn run(&self, place: usize, block: u32, position: u64, metrics: Metrics) -> Run {
        let policy = self.policies[place];
        let probe = Probe::Faults { policy, pattern: Pattern::Sequential, timing: Timing::Whole };
        let conditions = Conditions { elapsed_ns: position, ..Conditions::default() };
        Run {
            case: Case { variant: "m.gguf".to_owned(), cache: CacheState::Cold, probe },
            block,
            segment: 0,
            status: Status::Ok,
            error: None,
            policy_effective: Some(policy),
            io_effective: None,
            metrics: Some(metrics),
            latency: None,
            first_token: None,
            residency: None,
            conditions: Change { before: Some(conditions.clone()), after: Some(conditions) },
            caveats: Vec::new(),
        }
    }

    /// The lines, with `metrics` of arm and block; the first arm runs first in even blocks.
    pub fn text(&self, metrics: impl Fn(usize, u32) -> Metrics) -> Vec<u8> {
        let arms = self.policies.len();
        let mut text = [Line::Header(self.header()), Line::Variant(self.variant())]
            .iter()
            .flat_map(bytes)
            .collect::<Vec<u8>>();
        for block in 0..self.blocks {
            for turn in 0..arms {
                let place = if block % 2 == 0 { turn } else { arms - 1 - turn };
                let position = u64::from(block) * arms as u64 + turn as u64;
                text.extend(bytes(&Line::Run(self.run(place, block, position, metrics(place, block)))));
            }
        }
        text
    }

    pub fn report(&self, metrics: impl Fn(usize, u32) -> Metrics) -> Report {
        Report::read(&self.text(metrics)).expect("lines are as a session writes them")
    }
}

pub fn wall(wall_ns: u64) -> Metrics {
    Metrics { wall_ns, ..Metrics::default() }
}

pub fn faults(major_faults: u64) -> Metrics {
    Metrics { wall_ns: 1, major_faults: Some(major_faults), ..Metrics::default() }
}
