//! Where to measure, as the command line names it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::bail;

use super::adb::{Adb, Role, Wishes};
use super::app::PACKAGE;
use super::xcrun::{App, Xcrun};
use super::{Host, Target};
use crate::named::named;
use crate::shell::quoted;

/// Flags that name a target.
#[derive(Clone, Debug, clap::Args)]
pub struct Place {
    /// The device that measures: host is this machine, adb the only phone that adb sees, adb:SERIAL one of several; ios
    /// and ios:UDID an iPhone that devicectl sees, sim:booted and sim:UDID a simulator.
    #[arg(long, value_name = "DEVICE", default_value_t)]
    pub on: On,
    /// Whether a phone's shell measures, by an agent that is pushed there, or the app that is installed there.
    #[arg(long = "as", value_name = "ROLE", value_parser = named::<Role>())]
    role: Option<Role>,
    /// The agent for a phone's shell [default: packbench-agent-PROCESSOR beside this program].
    #[arg(long, value_name = "FILE")]
    agent: Option<PathBuf>,
    /// Keep a phone's clocks where they are, in Android's fixed-performance mode, until this session ends.
    #[arg(long)]
    fixed_performance: bool,
    /// Install this app on the iPhone or in the simulator first, as Xcode built it.
    #[arg(long, value_name = "FILE")]
    app: Option<PathBuf>,
    /// The identifier that the app on the iPhone or in the simulator was built with [default: dev.packbench.app].
    #[arg(long, value_name = "ID")]
    app_id: Option<String>,
}

impl Place {
    /// Reaches the device.
    pub fn open(&self) -> anyhow::Result<Box<dyn Target>> {
        let for_adb = self.role.is_some() || self.agent.is_some() || self.fixed_performance;
        if for_adb && !matches!(self.on, On::Adb { .. }) {
            bail!(
                "found --on {}, expected adb: --as, --agent and --fixed-performance are for phones of its",
                self.on
            );
        }
        let for_xcrun = self.app.is_some() || self.app_id.is_some();
        if for_xcrun && !matches!(self.on, On::Ios { .. } | On::Simulator { .. }) {
            bail!(
                "found --on {}, expected ios or sim: --app and --app-id are for iPhones and simulators",
                self.on
            );
        }
        match &self.on {
            On::Host => Ok(Box::new(Host::new()?)),
            On::Ios { udid } => Ok(Box::new(Xcrun::phone(udid.as_deref(), self.xcrun_app())?)),
            On::Simulator { udid } => Ok(Box::new(Xcrun::simulator(udid.as_deref(), self.xcrun_app())?)),
            On::Adb { serial } => {
                let (role, fixed_performance) = (self.role.unwrap_or_default(), self.fixed_performance);
                let wishes = Wishes { role, agent: self.agent.clone(), fixed_performance };
                Ok(Box::new(Adb::open(serial.as_deref(), wishes)?))
            }
        }
    }

    fn xcrun_app(&self) -> App {
        let id = self.app_id.clone().unwrap_or_else(|| PACKAGE.to_owned());
        App { id, file: self.app.clone() }
    }

    /// The flags that name the same target again; nothing for this machine. An app that was installed is there.
    pub fn flags(&self) -> String {
        if self.on == On::Host {
            return String::new();
        }
        let role = self.role.map(|role| format!(" --as {}", <&str>::from(role)));
        let agent = self.agent.as_ref().map(|agent| format!(" --agent {}", quoted(&agent.to_string_lossy())));
        let fixed = if self.fixed_performance { " --fixed-performance" } else { "" };
        let app_id = self.app_id.as_ref().map(|id| format!(" --app-id {}", quoted(id)));
        let on = quoted(&self.on.to_string());
        let [role, agent, app_id] = [role, agent, app_id].map(Option::unwrap_or_default);
        format!(" --on {on}{role}{agent}{fixed}{app_id}")
    }
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum On {
    /// This machine.
    #[default]
    Host,
    /// A phone that adb reaches.
    Adb {
        /// As `adb devices` lists it; `None` for the only one.
        serial: Option<String>,
    },
    /// An iPhone that devicectl reaches.
    Ios {
        /// As `devicectl list devices` lists it, or its name; `None` for the only one.
        udid: Option<String>,
    },
    /// A simulator.
    Simulator {
        /// As `simctl list` lists it, or its name; `None` for the only one that is booted.
        udid: Option<String>,
    },
}

/// Names no device.
#[derive(Debug, thiserror::Error)]
#[error("found {found:?}, expected host, adb, adb:SERIAL, ios, ios:UDID, sim:booted or sim:UDID")]
pub struct NoDevice {
    found: String,
}

impl FromStr for On {
    type Err = NoDevice;

    fn from_str(text: &str) -> Result<Self, NoDevice> {
        // Serial numbers of phones on a network have a colon of their own.
        match text.split_once(':').map_or((text, None), |(kind, serial)| (kind, Some(serial))) {
            ("host", None) => Ok(On::Host),
            ("adb", None) => Ok(On::Adb { serial: None }),
            ("adb", Some(serial)) if !serial.is_empty() => Ok(On::Adb { serial: Some(serial.to_owned()) }),
            ("ios", None) => Ok(On::Ios { udid: None }),
            ("ios", Some(udid)) if !udid.is_empty() => Ok(On::Ios { udid: Some(udid.to_owned()) }),
            ("sim", None | Some("booted")) => Ok(On::Simulator { udid: None }),
            ("sim", Some(udid)) if !udid.is_empty() => Ok(On::Simulator { udid: Some(udid.to_owned()) }),
            _ => Err(NoDevice { found: text.to_owned() }),
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            On::Host => f.write_str("host"),
            On::Adb { serial: None } => f.write_str("adb"),
            On::Adb { serial: Some(serial) } => write!(f, "adb:{serial}"),
            On::Ios { udid: None } => f.write_str("ios"),
            On::Ios { udid: Some(udid) } => write!(f, "ios:{udid}"),
            On::Simulator { udid: None } => f.write_str("sim:booted"),
            On::Simulator { udid: Some(udid) } => write!(f, "sim:{udid}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_as_it_is_shown() {
        for name in [
            "host",
            "adb",
            "adb:R58M123",
            "adb:127.0.0.1:5555",
            "ios",
            "ios:00008130-000A",
            "sim:booted",
            "sim:A1",
        ] {
            assert_eq!(name.parse::<On>().unwrap().to_string(), name);
        }
        for wrong in ["", "adb:", "host:1", "phone", "ios:", "sim:"] {
            let error = wrong.parse::<On>().unwrap_err().to_string();
            assert!(error.contains("expected host, adb, adb:SERIAL, ios, ios:UDID"), "{error}");
        }
    }
}
