//! Why two runs may not be compared.

use std::fmt;

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use super::{CompareError, Question};
use crate::job::Field;
use crate::record::{Device, Header, Report, Tool, Variant};

/// A kind of difference, by the name that `--allow` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Incomparable {
    /// Pages of another size: faults count other things.
    PageSize,
    /// Another machine.
    Device,
    /// A phone that was held to its clocks, and one that wasn't.
    FixedPerformance,
    /// Another version of packbench, or another build of it.
    Tool,
    /// Other tensors: two models, not two layouts of one.
    Payload,
}

/// What differs, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The kind.
    pub what: Incomparable,
    /// On one side.
    pub base: String,
    /// On the other.
    pub other: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { what, base, other } = self;
        write!(f, "the {} differs: {base} against {other}", what.to_string().replace('_', " "))
    }
}

/// How the machines and the tools of two segments differ.
pub fn differences(base: &Header, other: &Header) -> Vec<Difference> {
    let size = |header: &Header| format!("{} bytes", header.context.page_size_bytes);
    let device = |header: &Header| device(&header.context.device);
    let fixed = |header: &Header| if header.context.fixed_performance { "on" } else { "off" }.to_owned();
    let tool = |header: &Header| tool(&header.tool);
    let told = [
        (Incomparable::PageSize, size(base), size(other)),
        (Incomparable::Device, device(base), device(other)),
        (Incomparable::FixedPerformance, fixed(base), fixed(other)),
        (Incomparable::Tool, tool(base), tool(other)),
    ];
    let differ = told.into_iter().filter(|(_, base, other)| base != other);
    differ.map(|(what, base, other)| Difference { what, base, other }).collect()
}

fn device(device: &Device) -> String {
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "unnamed".to_owned());
    format!("{}, {}, {} processors", name(&device.model), name(&device.cpu), device.cpus)
}

fn tool(tool: &Tool) -> String {
    let engine = tool.engine.as_deref().unwrap_or("no engine");
    format!("packbench {} ({}, {}, {engine})", tool.version, tool.build_profile, tool.target)
}

/// The first difference of the report's own parts that the question doesn't allow.
pub(super) fn check(report: &Report, question: &Question) -> Result<(), CompareError> {
    let machines = report.headers.iter().flat_map(|header| differences(report.header(), header));
    let models = match (question.by.contains(&Field::Variant), report.variants.split_first()) {
        (true, Some((base, others))) => {
            others.iter().filter_map(|other| payload_difference(base, other)).collect()
        }
        _ => Vec::new(),
    };
    refuse(machines.chain(models), question)
}

/// The first difference that the question doesn't allow.
pub(super) fn refuse(
    mut found: impl Iterator<Item = Difference>,
    question: &Question,
) -> Result<(), CompareError> {
    match found.find(|difference| !question.allows(difference)) {
        Some(difference) => Err(CompareError::Incomparable(difference)),
        None => Ok(()),
    }
}

/// Whether two model files hold other tensors.
pub(super) fn payload_difference(base: &Variant, other: &Variant) -> Option<Difference> {
    let short = |variant: &Variant| {
        let hash: String = variant.payload_hash.chars().take(12).collect();
        format!("{} {hash}", variant.name)
    };
    let difference = || Difference { what: Incomparable::Payload, base: short(base), other: short(other) };
    (other.payload_hash != base.payload_hash).then(difference)
}
