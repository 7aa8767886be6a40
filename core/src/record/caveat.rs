use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// Why a run deserves less trust. Reports spell it as here, and it is the name that `--allow` takes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumString, IntoStaticStr, VariantArray,
)]
pub enum Caveat {
    /// Pages of the file were in memory although they had been evicted.
    NotCold,
    /// The file was evicted, and this system doesn't tell whether its pages have gone.
    ColdUnverified,
    /// Pages of the file were missing although they had been read.
    NotWarm,
    /// The file was read, and residency can't be trusted to tell whether its pages have stayed.
    WarmUnverified,
    /// Only a part of the file was measured, to keep within the budget.
    Sampled,
    /// The engine copied weights out of the mapping: the order of the file and the policy say little.
    LayoutVoid,
    /// The engine computed on the processors alone, where apps have a GPU or an NPU to use.
    CpuOnly,
    /// The file lies on FUSE or on a network: its pages may be cached elsewhere.
    SharedStorage,
    /// The phone had throttled before the run or throttled during it.
    Throttled,
    /// The app can be debugged.
    Debuggable,
    /// The phone is an emulator.
    Emulator,
    /// The battery held less than a quarter.
    LowBattery,
    /// The battery was being charged.
    Charging,
    /// The system was saving power.
    PowerSave,
    /// Another app was in front, or the screen was off.
    Background,
    /// The tool was built without optimisation.
    DebugBuild,
    /// The processors asked for could not be had.
    NotPinned,
    /// Less memory was free than the measured bytes need: pages may have been dropped during the run.
    LowMemory,
    /// The arms were measured in two sessions. Only comparisons carry it.
    CrossSession,
}

impl Caveat {
    /// What it means to the reader of a report, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Caveat::NotCold => "some pages were still in memory after two ways of evicting them",
            Caveat::ColdUnverified => "evicted, but this system doesn't tell whether the pages have gone",
            Caveat::NotWarm => "some pages were missing although they had just been read",
            Caveat::WarmUnverified => {
                "read in full, but here residency can't be trusted to tell whether the pages have stayed"
            }
            Caveat::Sampled => "only a part of the file was measured, to keep within the budget",
            Caveat::LayoutVoid => "the engine copied weights out of the mapping: order and policy say little",
            Caveat::CpuOnly => {
                "the engine computed on the processors alone: apps on phones may use a GPU or an NPU"
            }
            Caveat::SharedStorage => {
                "the file lies on FUSE or a network, where another cache may hold its pages"
            }
            Caveat::Throttled => "the phone was too warm and had slowed down",
            Caveat::Debuggable => "the app can be debugged: its runtime checks more and compiles less",
            Caveat::Emulator => "an emulator's storage is its host's page cache",
            Caveat::LowBattery => "below a quarter of its battery a phone may save power",
            Caveat::Charging => "a phone that charges grows warm",
            Caveat::PowerSave => "the battery saver was on, which slows processors down",
            Caveat::Background => "another app was in front or the screen off, which leaves slow processors",
            Caveat::DebugBuild => {
                "the tool was built without optimisation: build with --profile bench-device"
            }
            Caveat::NotPinned => "the processors asked for could not be had",
            Caveat::LowMemory => "less memory was free than the measured bytes need",
            Caveat::CrossSession => {
                "measured in two sessions: whatever changed between them is in the ratio and not in the interval"
            }
        }
    }
}
