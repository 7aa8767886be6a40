//! Values of arguments by the names that reports have for them.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use packbench_core::job::{Policy, PolicyKind};
use strum::VariantArray;

/// Parses an enum of core by the names that it has in reports, and lists them in `--help`.
pub fn named<T>() -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr + strum::VariantArray + Clone + Send + Sync + 'static,
    &'static str: for<'a> From<&'a T>,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    PossibleValuesParser::new(T::VARIANTS.iter().map(<&'static str>::from)).try_map(|name| name.parse::<T>())
}

/// Parses one of many, such as a quantization type in whatever case, and lists them where it is none.
pub fn one_of<T: FromStr + VariantArray + ToString>(name: &str) -> Result<T, String> {
    let names = || T::VARIANTS.iter().map(T::to_string).collect::<Vec<_>>().join(", ");
    name.parse().map_err(|_| format!("expected one of {}", names()))
}

/// Parses a policy, and lists those with the usual parameters in `--help`.
pub fn policy() -> impl TypedValueParser<Value = Policy> {
    PolicyParser
}

#[derive(Clone)]
struct PolicyParser;

impl TypedValueParser for PolicyParser {
    type Value = Policy;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Policy, clap::Error> {
        StringValueParser::new().try_map(|text| text.parse::<Policy>()).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(PolicyKind::VARIANTS.iter().map(|kind| PossibleValue::new(<&'static str>::from(kind)))))
    }
}
