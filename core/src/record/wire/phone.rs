//! A phone as its app tells of it, `null` for what this system has no answer to, and what that led to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Change, ThermalStatus, WaitStatus};
use crate::job::Case;

/// Condition facts: what may differ from run to run, as an app tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// How far the system has throttled, the worst since it was asked last.
    pub thermal_status: Option<ThermalStatus>,
    /// How near it is to severe throttling: 1000 is there.
    pub thermal_headroom_milli: Option<u32>,
    /// What the battery holds.
    pub battery_percent: Option<u32>,
    /// Whether it is being charged.
    pub charging: Option<bool>,
    /// Whether the system saves power.
    pub power_save: Option<bool>,
    /// Whether the screen is on.
    pub screen_on: Option<bool>,
    /// Whether the app is in front.
    pub foreground: Option<bool>,
    /// Memory that apps could still have.
    pub memory_available_bytes: Option<u64>,
    /// What this process may still take before its system ends it. Pages of a mapped file aren't taken from that: it says
    /// nothing of how much of a model stays in memory.
    #[serde(default)]
    pub process_memory_left_bytes: Option<u64>,
}

/// The app that measures, and what it runs on. It doesn't change while the app runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct App {
    /// The operating system as its makers call it, such as `Android 15 (API 35)`.
    pub system: Option<String>,
    /// Whether the app can be debugged.
    pub debuggable: Option<bool>,
    /// Whether the phone is an emulator.
    pub emulator: Option<bool>,
}

/// A wait before a block, for a condition of the phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wait {
    /// The block that it came before.
    pub block: u32,
    /// How long it took.
    pub waited_ns: u64,
    /// How it ended.
    pub status: WaitStatus,
    /// The phone before and after.
    pub conditions: Change,
}

/// A run that is worth nothing because the phone throttled during it. One of the same case and block follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redo {
    /// Of which case.
    pub case: Case,
    /// In which block.
    pub block: u32,
    /// The phone before and after.
    pub conditions: Change,
}
