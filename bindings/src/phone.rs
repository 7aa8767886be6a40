//! What only an app can ask its system. It tells the facts; core decides what follows.

use std::sync::Arc;

use packbench_core::os::{self, FactSource};
use packbench_core::record;

use crate::AppError;

/// The app's knowledge of its phone. It is asked on the thread of the session, before and after each run.
#[uniffi::export(with_foreign)]
pub trait Phone: Send + Sync {
    /// What the app and the phone are called.
    fn identity(&self) -> Result<Identity, AppError>;
    /// How things are now.
    fn facts(&self) -> Result<Facts, AppError>;
}

/// What the app and the phone are; what isn't known is null.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct Identity {
    /// The phone's name.
    #[uniffi(default = None)]
    pub model: Option<String>,
    /// The processor's name.
    #[uniffi(default = None)]
    pub cpu: Option<String>,
    /// The operating system as its makers call it.
    #[uniffi(default = None)]
    pub system: Option<String>,
    /// Whether the app can be debugged.
    #[uniffi(default = None)]
    pub debuggable: Option<bool>,
    /// Whether the phone is an emulator.
    #[uniffi(default = None)]
    pub emulator: Option<bool>,
}

/// How things are; what isn't known is null.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct Facts {
    /// How far the system has throttled, the worst since it was asked last.
    #[uniffi(default = None)]
    pub thermal_status: Option<ThermalStatus>,
    /// How near it is to severe throttling: 1000 is there.
    #[uniffi(default = None)]
    pub thermal_headroom_milli: Option<u32>,
    /// What the battery holds.
    #[uniffi(default = None)]
    pub battery_percent: Option<u32>,
    /// Whether it is being charged.
    #[uniffi(default = None)]
    pub charging: Option<bool>,
    /// Whether the system saves power.
    #[uniffi(default = None)]
    pub power_save: Option<bool>,
    /// Whether the screen is on.
    #[uniffi(default = None)]
    pub screen_on: Option<bool>,
    /// Whether the app is in front.
    #[uniffi(default = None)]
    pub foreground: Option<bool>,
    /// Memory that apps could still have.
    #[uniffi(default = None)]
    pub memory_available_bytes: Option<u64>,
    /// What this process may still take before its system ends it; pages of mapped files aren't taken from that.
    #[uniffi(default = None)]
    pub process_memory_left_bytes: Option<u64>,
}

/// How far a system has throttled, by Android's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ThermalStatus {
    /// Not at all.
    None,
    /// Nobody notices.
    Light,
    /// Hardly anybody notices.
    Moderate,
    /// Everybody notices.
    Severe,
    /// All that can be done has been done.
    Critical,
    /// Parts of the phone are being turned off.
    Emergency,
    /// It is about to turn itself off.
    Shutdown,
}

impl From<ThermalStatus> for record::ThermalStatus {
    fn from(status: ThermalStatus) -> Self {
        match status {
            ThermalStatus::None => record::ThermalStatus::None,
            ThermalStatus::Light => record::ThermalStatus::Light,
            ThermalStatus::Moderate => record::ThermalStatus::Moderate,
            ThermalStatus::Severe => record::ThermalStatus::Severe,
            ThermalStatus::Critical => record::ThermalStatus::Critical,
            ThermalStatus::Emergency => record::ThermalStatus::Emergency,
            ThermalStatus::Shutdown => record::ThermalStatus::Shutdown,
        }
    }
}

impl From<Facts> for record::Facts {
    fn from(facts: Facts) -> Self {
        record::Facts {
            thermal_status: facts.thermal_status.map(Into::into),
            thermal_headroom_milli: facts.thermal_headroom_milli,
            battery_percent: facts.battery_percent,
            charging: facts.charging,
            power_save: facts.power_save,
            screen_on: facts.screen_on,
            foreground: facts.foreground,
            memory_available_bytes: facts.memory_available_bytes,
            process_memory_left_bytes: facts.process_memory_left_bytes,
        }
    }
}

impl From<Identity> for os::Identity {
    fn from(identity: Identity) -> Self {
        let Identity { model, cpu, system, debuggable, emulator } = identity;
        os::Identity { model, cpu, app: record::App { system, debuggable, emulator } }
    }
}

/// A phone that has answered once.
pub(crate) struct Asked {
    identity: os::Identity,
    phone: Arc<dyn Phone>,
}

impl Asked {
    /// Asks everything once: an app that can't answer is told so before anything is measured.
    pub fn new(phone: Arc<dyn Phone>) -> Result<Self, AppError> {
        phone.facts()?;
        Ok(Asked { identity: phone.identity()?.into(), phone })
    }
}

impl FactSource for Asked {
    fn identity(&self) -> os::Identity {
        self.identity.clone()
    }

    fn facts(&self) -> Option<record::Facts> {
        let told = self.phone.facts().inspect_err(|error| tracing::warn!(%error, "facts"));
        told.ok().map(Into::into)
    }
}
