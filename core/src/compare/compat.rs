//! Why two runs may not be compared.

use std::fmt;

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use super::{Allowed, CompareError, Question};
use crate::job::Field;
use crate::record::{Context, Report, Variant};

/// A kind of difference, by the name that `--allow` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Incomparable {
    /// Pages of another size: faults count other things.
    PageSize,
    /// Another machine.
    Device,
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

/// How the machines of two segments differ.
pub fn device_differences(base: &Context, other: &Context) -> Vec<Difference> {
    let size = |context: &Context| format!("{} bytes", context.page_size_bytes);
    let device = |context: &Context| {
        let device = &context.device;
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "unnamed".to_owned());
        format!("{}, {}, {} processors", name(&device.model), name(&device.cpu), device.cpus)
    };
    let pairs = [
        (Incomparable::PageSize, size(base), size(other)),
        (Incomparable::Device, device(base), device(other)),
    ];
    let differs = pairs.into_iter().filter(|(_, base, other)| base != other);
    differs.map(|(what, base, other)| Difference { what, base, other }).collect()
}

/// The first difference of the report's own parts that the question doesn't allow.
pub(super) fn check(report: &Report, question: &Question) -> Result<(), CompareError> {
    let first = &report.header().context;
    let machines = report.headers.iter().flat_map(|header| device_differences(first, &header.context));
    let models = match question.by {
        Field::Variant => payload_differences(&report.variants),
        _ => Vec::new(),
    };
    let allowed = |difference: &Difference| question.allow.contains(&Allowed::Incomparable(difference.what));
    match machines.chain(models).find(|difference| !allowed(difference)) {
        Some(difference) => Err(CompareError::Incomparable(difference)),
        None => Ok(()),
    }
}

fn payload_differences(variants: &[Variant]) -> Vec<Difference> {
    let Some((base, others)) = variants.split_first() else { return Vec::new() };
    let short = |variant: &Variant| {
        let hash: String = variant.payload_hash.chars().take(12).collect();
        format!("{} {hash}", variant.name)
    };
    let differs = others.iter().filter(|other| other.payload_hash != base.payload_hash);
    differs
        .map(|other| Difference { what: Incomparable::Payload, base: short(base), other: short(other) })
        .collect()
}
