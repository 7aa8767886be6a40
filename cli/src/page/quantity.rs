//! Numbers with their unit, as a terminal shows them and as a page does.

use std::fmt;

use packbench_core::record::Metric;
use packbench_core::unit::{Bytes, Nanos};

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Unit {
    /// Nanoseconds.
    Nanos,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    Speed,
    /// Things.
    Count,
    /// How many times something.
    Times,
    /// A share: 0.05 is 5 %.
    Share,
    /// Nats per token.
    Nats,
    /// Kilohertz.
    Kilohertz,
    /// Thousandths.
    Milli,
    /// Thousandths of a degree Celsius.
    MilliCelsius,
}

/// A number and what it counts. Shown rounded; the value stays as it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    pub value: f64,
    pub unit: Unit,
}

impl Unit {
    pub const fn of(self, value: f64) -> Quantity {
        Quantity { value, unit: self }
    }
}

impl From<Metric> for Unit {
    fn from(metric: Metric) -> Unit {
        match metric {
            Metric::WallNs | Metric::CpuNs => Unit::Nanos,
            Metric::BytesFetched => Unit::Bytes,
            Metric::MajorFaults | Metric::MinorFaults | Metric::PagesPagedIn => Unit::Count,
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value;
        f.pad(&match self.unit {
            Unit::Nanos => Nanos(value.round() as u64).to_string(),
            Unit::Bytes => Bytes(value.round() as u64).to_string(),
            Unit::Speed => format!("{}/s", Bytes(value.round() as u64)),
            Unit::Count => value.to_string(),
            Unit::Times => format!("{value:.2}"),
            Unit::Share if value * 100.0 < 10.0 => format!("{:.1} %", value * 100.0),
            Unit::Share => format!("{:.0} %", value * 100.0),
            Unit::Nats => format!("{value:.5}"),
            Unit::Kilohertz => format!("{:.2} GHz", value / 1e6),
            Unit::Milli => format!("{:.2}", value / 1e3),
            Unit::MilliCelsius => format!("{:.1} °C", value / 1e3),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn a_number_is_shown_with_its_unit() {
        let shown = [
            Unit::Nanos.of(6_830_123_456.0),
            Unit::Speed.of(2.5e9),
            Unit::Count.of(513.5),
            Unit::Times.of(1.0349),
            Unit::Share.of(0.031),
            Unit::Share.of(0.28),
            Unit::MilliCelsius.of(41_250.0),
        ];
        let shown = shown.map(|quantity| quantity.to_string());
        assert_eq!(shown, ["6.83 s", "2.50 GB/s", "513.5", "1.03", "3.1 %", "28 %", "41.2 °C"]);
    }
}
