//! From values to places: shares of a plot's width or height, and round numbers to mark it with.

use crate::page::{Quantity, Unit};

/// Where values lie on an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

/// From here on values differ too much for a linear axis to show the small ones.
const WIDE: f64 = 60.0;
/// Left free beyond the largest value.
const ROOM: f64 = 1.04;

impl Scale {
    /// From 0 to a little beyond the largest value.
    pub fn from_zero(values: impl Iterator<Item = f64>) -> Scale {
        let high = values.filter(|value| value.is_finite()).fold(0.0, f64::max) * ROOM;
        Scale { low: 0.0, high: if high > 0.0 { high } else { 1.0 }, logarithmic: false }
    }

    /// From a little below the smallest to a little above the largest value; `None` when one has no logarithm.
    pub fn logarithmic(values: impl Iterator<Item = f64>) -> Option<Scale> {
        let (low, high) = ends(values)?;
        (low > 0.0).then(|| Scale { low: low / 1.15, high: high * 1.15, logarithmic: true })
    }

    /// From the smallest to the largest value, some room around.
    pub fn around(values: impl Iterator<Item = f64>) -> Scale {
        let (low, high) = ends(values).unwrap_or((0.0, 1.0));
        let room = if high > low { (high - low) * 0.08 } else { high.abs().max(1.0) * 0.08 };
        Scale { low: (low - room).max(0.0).min(low), high: high + room, logarithmic: false }
    }

    /// Exactly between two values, on a logarithmic axis.
    pub fn between(low: f64, high: f64) -> Scale {
        Scale { low, high, logarithmic: true }
    }

    /// Linear from 0 unless values differ too much for that.
    pub fn fitting(values: impl Iterator<Item = f64> + Clone) -> Scale {
        match ends(values.clone()) {
            Some((low, high)) if low > 0.0 && high / low > WIDE => {
                Scale::logarithmic(values).unwrap_or(Scale { low: 0.0, high: 1.0, logarithmic: false })
            }
            _ => Scale::from_zero(values),
        }
    }

    /// Between 0 and 100.
    pub fn percent(&self, value: f64) -> f64 {
        let way = |value: f64| if self.logarithmic { value.max(f64::MIN_POSITIVE).ln() } else { value };
        let share = (way(value) - way(self.low)) / (way(self.high) - way(self.low));
        (share * 100.0).clamp(0.0, 100.0)
    }

    /// Round values, about `count` of them on a linear axis.
    pub fn ticks(&self, count: f64) -> Vec<f64> {
        let steps = if self.logarithmic { self.decades() } else { self.steps(count) };
        steps.into_iter().filter(|value| (self.low..=self.high).contains(value)).collect()
    }

    fn steps(&self, count: f64) -> Vec<f64> {
        let rough = (self.high - self.low) / count;
        let unit = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * unit).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * unit);
        let first = (self.low / step).ceil() as i64;
        (first..first + 24).map(|index| index as f64 * step).collect()
    }

    fn decades(&self) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let within: &[f64] = match last - first {
            0..=2 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        (first..=last)
            .flat_map(|decade| within.iter().map(move |times| times * 10_f64.powi(decade)))
            .collect()
    }
}

fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.filter(|value| value.is_finite());
    finite.fold(None, |ends, value| {
        let (low, high) = ends.unwrap_or((value, value));
        Some((f64::min(low, value), f64::max(high, value)))
    })
}

/// A round number without the zeros that say nothing: `2 s`, `500 ms`, `0`.
pub fn tick(unit: Unit, value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = unit.of(value).to_string();
    let (number, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let number =
        if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number };
    format!("{number} {rest}").trim_end().to_owned()
}

/// As SVG wants it.
pub fn share(percent: f64) -> String {
    format!("{percent:.2}%")
}

/// The median of a row, and its range, for a screen reader.
pub fn told(unit: Unit, samples: &[f64], median: Quantity) -> String {
    match ends(samples.iter().copied()) {
        Some((low, high)) if samples.len() > 1 => {
            format!("median {median}, {} samples from {} to {}", samples.len(), unit.of(low), unit.of(high))
        }
        _ => median.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let scale = Scale::from_zero([6.83e9, 2e9].into_iter());
        let ticks: Vec<String> = scale.ticks(4.0).into_iter().map(|value| tick(Unit::Nanos, value)).collect();
        assert_eq!(ticks, ["0", "2 s", "4 s", "6 s"]);
        assert_eq!(scale.percent(0.0), 0.0);
        let wide = Scale::fitting([1e3, 9e8].into_iter());
        assert_eq!(wide.ticks(4.0).len(), 7, "from 1 µs to 1 s");
        assert!((wide.percent(1e3) < wide.percent(1e5)) && wide.percent(9e8) < 100.0);
    }

    #[test]
    fn nothing_is_outside_whatever_the_values() {
        for values in [vec![], vec![0.0], vec![f64::NAN], vec![5.0, 5.0], vec![f64::INFINITY, 1.0]] {
            for scale in [Scale::from_zero(values.iter().copied()), Scale::around(values.iter().copied())] {
                assert!(scale.ticks(4.0).len() < 30, "{values:?}");
                assert!((0.0..=100.0).contains(&scale.percent(3.0)), "{values:?}");
            }
        }
    }
}
