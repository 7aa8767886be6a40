//! Where to measure, as the command line names it.

use std::fmt;
use std::str::FromStr;

use super::{Host, Target};

/// Flags that name a target.
#[derive(Clone, Debug, clap::Args)]
pub struct Place {
    /// The device that measures: host is this machine.
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub on: On,
}

impl Place {
    /// Reaches the device.
    pub fn open(&self) -> anyhow::Result<Box<dyn Target>> {
        match &self.on {
            On::Host => Ok(Box::new(Host::new()?)),
        }
    }

    /// The flags that name the same target again; nothing for this machine.
    pub fn flags(&self) -> String {
        match &self.on {
            On::Host => String::new(),
        }
    }
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum On {
    /// This machine.
    #[default]
    Host,
}

/// Names no device.
#[derive(Debug, thiserror::Error)]
#[error("found {found:?}, expected host")]
pub struct NoDevice {
    found: String,
}

impl FromStr for On {
    type Err = NoDevice;

    fn from_str(text: &str) -> Result<Self, NoDevice> {
        match text {
            "host" => Ok(On::Host),
            found => Err(NoDevice { found: found.to_owned() }),
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            On::Host => f.write_str("host"),
        }
    }
}
