//! From bytes to pixels.

/// Bytes across the picture.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub left: f64,
    pub width: f64,
    /// As many as the width.
    pub bytes: u64,
}

impl Scale {
    /// Where an offset lies.
    pub fn at(self, offset: u64) -> f64 {
        self.left + self.width * offset as f64 / self.bytes.max(1) as f64
    }

    /// Bytes from `offset`, never too narrow to be seen.
    pub fn across(self, offset: u64, bytes: u64) -> (f64, f64) {
        const NARROWEST: f64 = 0.7;
        let left = self.at(offset);
        (left, (self.at(offset.saturating_add(bytes)) - left).max(NARROWEST))
    }

    /// A round number of bytes that goes at most ten times into the width: 1, 2 or 5 with zeros behind.
    pub fn round_step(self) -> u64 {
        let decades = (0..=19).map(|zeros| 10u64.pow(zeros));
        let mut steps = decades.flat_map(|decade| [1, 2, 5].map(|factor| decade.saturating_mul(factor)));
        steps.find(|step| self.bytes / step <= 10).unwrap_or(u64::MAX)
    }
}

/// A round number of bytes in the largest unit that it reaches.
pub fn round_label(bytes: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"), (1, "B")];
    let (scale, unit) = units.into_iter().find(|(scale, _)| bytes >= *scale).unwrap_or((1, "B"));
    let value = bytes as f64 / scale as f64;
    format!("{value} {unit}")
}
