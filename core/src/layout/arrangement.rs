//! What a file's layout is to be: an order of its tensors, and boundaries for them to begin on.

use std::fmt;
use std::str::FromStr;

use super::{Order, OrderError};
use crate::unit::Bytes;

const ALIGN: &str = ":align=";

/// What a file's layout is to be: `ORDER` or `ORDER:align=BYTES`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arrangement {
    /// The order of the tensors.
    pub order: Order,
    /// What each tensor begins at a multiple of; `None` to keep the file's own.
    pub align: Option<Alignment>,
}

/// An alignment that a file may be given: a power of two from 32 B to 2 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alignment(u32);

impl Alignment {
    /// The alignment of that many bytes; `None` unless it is one that a file may be given.
    pub fn new(bytes: Bytes) -> Option<Self> {
        let bytes = u32::try_from(bytes.0).ok()?;
        (bytes.is_power_of_two() && (32..=2 << 20).contains(&bytes)).then_some(Alignment(bytes))
    }

    /// In bytes, as `general.alignment` holds it.
    pub const fn bytes(self) -> u32 {
        self.0
    }
}

impl FromStr for Alignment {
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
        let found = text.parse()?;
        Alignment::new(found).ok_or(OrderError::Alignment { found })
    }
}

impl fmt::Display for Alignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Arrangement {
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
        Ok(match text.rsplit_once(ALIGN) {
            Some((order, align)) => Arrangement { order: order.parse()?, align: Some(align.parse()?) },
            None => Arrangement { order: text.parse()?, align: None },
        })
    }
}

impl fmt::Display for Arrangement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arrangement { order, align } = self;
        match align {
            Some(align) => write!(f, "{order}{ALIGN}{align}"),
            None => write!(f, "{order}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_arrangement_is_refused() {
        let texts = [
            "",
            "backward",
            "forward:",
            "file:x",
            "trace",
            "like:",
            "shuffled",
            "shuffled:x",
            "shuffled:-1",
            "forward:align=",
            "forward:align=48",
            "forward:align=16",
            "forward:align=4MiB",
            "forward:align=16384:align=32",
        ];
        let report = |text: &&str| format!("{text}: {}", text.parse::<Arrangement>().unwrap_err());
        insta::assert_snapshot!(texts.iter().map(report).collect::<Vec<_>>().join("\n"), @r#"
        : found order "", expected file, forward, trace:FILE, like:FILE or shuffled:SEED, with :align=BYTES behind it if you like
        backward: found order "backward", expected file, forward, trace:FILE, like:FILE or shuffled:SEED, with :align=BYTES behind it if you like
        forward:: found order "forward:", expected file, forward, trace:FILE, like:FILE or shuffled:SEED, with :align=BYTES behind it if you like
        file:x: found order "file:x", expected file, forward, trace:FILE, like:FILE or shuffled:SEED, with :align=BYTES behind it if you like
        trace: found order "trace", expected file, forward, trace:FILE, like:FILE or shuffled:SEED, with :align=BYTES behind it if you like
        like:: found order "like:", expected file, forward, trace:FILE, like:FILE or shuffled:SEED, with :align=BYTES behind it if you like
        shuffled: found order "shuffled", expected file, forward, trace:FILE, like:FILE or shuffled:SEED, with :align=BYTES behind it if you like
        shuffled:x: found seed "x", expected a whole number below 2^64, such as shuffled:7
        shuffled:-1: found seed "-1", expected a whole number below 2^64, such as shuffled:7
        forward:align=: found size "", expected a whole number with an optional unit: 4096, 128K, 128KiB, 4MiB, 1GB
        forward:align=48: found an alignment of 48 B, expected a power of two from 32 B to 2 MiB
        forward:align=16: found an alignment of 16 B, expected a power of two from 32 B to 2 MiB
        forward:align=4MiB: found an alignment of 4 MiB, expected a power of two from 32 B to 2 MiB
        forward:align=16384:align=32: found order "forward:align=16384", expected file, forward, trace:FILE, like:FILE or shuffled:SEED, with :align=BYTES behind it if you like
        "#);
    }

    fn order() -> impl Strategy<Value = Order> {
        prop_oneof![
            Just(Order::File),
            Just(Order::Forward),
            any::<u64>().prop_map(Order::Shuffled),
            "[a-z/:=.]{1,20}".prop_map(|path| Order::Trace(path.into())),
            "[a-z/:=.]{1,20}".prop_map(|path| Order::Like(path.into())),
        ]
    }

    proptest! {
        #[test]
        fn an_arrangement_reads_back_what_it_shows(order in order(), power in prop::option::of(5u32..=21)) {
            let align = power.map(|power| Alignment::new(Bytes(1 << power)).unwrap());
            let arrangement = Arrangement { order, align };
            prop_assert_eq!(arrangement.to_string().parse(), Ok(arrangement));
        }
    }
}
