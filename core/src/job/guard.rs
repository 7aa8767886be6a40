//! What keeps an app from measuring unless it is told to measure all the same.

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A state of the phone or of the app in which numbers mislead. The names are those of the caveats that runs carry when
/// it is suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
pub enum Guard {
    /// The app can be debugged: its runtime checks more and compiles less.
    Debuggable,
    /// An emulator: its storage is the host's page cache.
    Emulator,
    /// Below a quarter the system saves power.
    LowBattery,
    /// Charging heats.
    Charging,
    /// The battery saver is on.
    PowerSave,
    /// Another app is in front, or the screen is off: what is left are slow processors.
    Background,
    /// The model lies on FUSE or on a network.
    SharedStorage,
}

impl Guard {
    /// What to do about it, in a phrase.
    pub fn remedy(self) -> &'static str {
        match self {
            Guard::Debuggable => "install a build that isn't debuggable",
            Guard::Emulator => "use a phone",
            Guard::LowBattery => "charge it to a quarter or more",
            Guard::Charging => "unplug it",
            Guard::PowerSave => "turn the battery saver off",
            Guard::Background => "bring the app to the front and keep the screen on",
            Guard::SharedStorage => "copy the model into the app's own directory",
        }
    }
}
