//! Words: each enum has one name per variant, in reports, in jobs and on the command line.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::gguf::GgmlType;
use crate::job::{CacheState, Field, Guard, Io, Pattern, Policy, PolicyKind, ProbeKind, Timing, Way};
use crate::record::Caveat;

macro_rules! wire_names {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
        #[strum(serialize_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }
    )+};
}

wire_names! {
    /// How a run went.
    Status {
        /// It was measured, and it did the work that its plan foretold.
        Ok,
        /// It was given up: see the error.
        Failed,
        /// The process died in it.
        Killed,
    }
    /// What residency before the measured region proves.
    Proof {
        /// No page was in memory.
        Cold,
        /// Every page was in memory.
        Warm,
        /// Evicted; this system doesn't tell.
        ColdUnverified,
        /// Read; not every page is known to have been in memory.
        WarmUnverified,
        /// Evicted, and yet some pages were in memory.
        NotCold,
    }
    /// Whether residency can say no: the answer for a page that was just evicted.
    SelfTest {
        /// Evicted, and said to be.
        Truthful,
        /// The page stays in memory whatever is tried, as on tmpfs.
        CannotEvict,
        /// The page had to be fetched again, and yet was said to be in memory.
        MincoreDoesNotTell,
    }
    /// The class of a file's storage.
    Storage {
        /// A file system on a local block device.
        Local,
        /// In memory: nothing to be fetched.
        Memory,
        /// FUSE.
        Fuse,
        /// On a network, or handed in by a hypervisor.
        Network,
        /// Of a file system that this version doesn't know.
        Unknown,
    }
    /// Why a segment ends.
    EndStatus {
        /// Nothing is missing.
        Complete,
        /// It was asked to stop.
        Cancelled,
        /// The budget was used up.
        Budget,
    }
    /// What a phase line announces.
    PhaseName {
        /// Making a copy of the model in another arrangement.
        Repack,
        /// Reading the tensors once, to know the model by its content.
        Hash,
        /// Asking whether residency can say no.
        SelfTest,
        /// Each case once, probes of pages on a few megabytes, to know how long a block takes.
        Rehearse,
        /// Letting the phone cool down.
        Wait,
        /// Opening the file anew.
        Open,
        /// Dropping its pages.
        Evict,
        /// Reading its pages.
        Fill,
        /// Asking which pages are in memory.
        Prove,
        /// The measured region.
        Measure,
        /// The engine opens the file and brings its weights in.
        Load,
        /// The engine makes room for a conversation.
        Context,
        /// The engine takes the prompt in: at its end the first token is there.
        Prefill,
        /// The engine computes the token after.
        Decode,
        /// Asking again, and closing.
        Account,
    }
    /// How far a system has throttled, by Android's names.
    ThermalStatus {
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
    /// How a wait ended.
    WaitStatus {
        /// What was waited for has come.
        Over,
        /// It was as long as a wait may be.
        GivenUp,
        /// The session was asked to stop.
        Cancelled,
    }
    /// Whether whoever drives a session can start another process for a run that takes a fresh one.
    FreshProcess {
        /// As on a target.
        Available,
        /// As in an app left to itself.
        Unavailable,
    }
    /// What to do with a job.
    Purpose {
        /// Carry it out.
        Measure,
        /// Each case once, nothing recorded.
        Verify,
        /// Find out how long it would take.
        Estimate,
    }
    /// What the runs of two arms say of each other.
    Verdict {
        /// The candidate takes less: the interval lies below 1.
        Faster,
        /// The candidate takes more: the interval lies above 1.
        Slower,
        /// The interval holds 1 and lies within the threshold.
        Same,
        /// The interval holds 1 and reaches beyond the threshold, or there are too few blocks for one.
        Inconclusive,
        /// The arms may not be compared.
        Incomparable,
    }
    /// What came of a gate.
    Outcome {
        /// No comparison is a regression, and each is known well enough to say so.
        Passed,
        /// No comparison is a regression; of some, an effect as large as the threshold isn't excluded.
        Inconclusive,
        /// A comparison is a regression.
        Regression,
        /// There is nothing valid to say.
        Invalid,
    }
    /// What stands between a cold first token and its floor. Times add up to what lies between the two medians.
    ObstacleName {
        /// Bytes came in that the first token doesn't need. They are taken to come at the floor's bandwidth.
        BytesNobodyNeeded,
        /// Compute waits for storage again and again, for less than half a MiB at a time. As long as touching the same
        /// pages under the same policy takes without compute (replay); without such a run, what is left when all of the
        /// warm time is taken off: a lower bound.
        RequestsTooSmall,
        /// The same for larger requests: each begins when the one before it has ended.
        WaitsInARow,
        /// Storage waits for compute, or for what else happens between opening the file and the first token.
        ComputeNotOverlapped,
        /// One or the other: without a warm run or a replay, waits and compute can't be told apart.
        NotToldApart,
    }
    /// How something found on a machine bears on measurements.
    Finding {
        /// As it should be.
        Good,
        /// Measurements stand, and say less.
        Poor,
        /// Something can't be proved or counted.
        Bad,
    }
    /// What of a run is compared.
    Metric {
        /// Elapsed time.
        WallNs,
        /// Processor time.
        CpuNs,
        /// Faults that waited for storage.
        MajorFaults,
        /// Faults that found the page in memory.
        MinorFaults,
        /// Pages that had to be brought in when they were first touched, as Darwin counts them.
        PagesPagedIn,
        /// Bytes fetched from storage.
        BytesFetched,
    }
    /// Where the labels of a loss come from.
    Labels {
        /// Drawn from what the model itself foretells: the squared gradients are then the Fisher information.
        Sampled,
        /// The text's own tokens: the empirical Fisher information.
        Data,
    }
    /// What a quantizer is told of the weight of each column.
    Imatrix {
        /// Nothing.
        None,
        /// The mean square of what each column is multiplied with.
        Activations,
        /// The column sums of the squared gradients.
        Fisher,
        /// What a file says.
        File,
    }
}

/// Serializes an enum by its one name.
macro_rules! by_name {
    ($($type:ty as $schema:literal),+ $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.into())
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let found = Cow::<str>::deserialize(from)?;
                found.parse().map_err(|_| {
                    let names: Vec<&str> = <$type>::VARIANTS.iter().map(Into::into).collect();
                    de::Error::custom(format!("found {found:?}, expected one of {}", names.join(", ")))
                })
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $schema.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let names: Vec<&str> = <$type>::VARIANTS.iter().map(Into::into).collect();
                schemars::json_schema!({ "type": "string", "enum": names })
            }
        }
    )+};
}

by_name!(
    CacheState as "CacheState",
    Caveat as "Caveat",
    EndStatus as "EndStatus",
    Field as "Field",
    Finding as "Finding",
    FreshProcess as "FreshProcess",
    GgmlType as "GgmlType",
    Guard as "Guard",
    Imatrix as "Imatrix",
    Labels as "Labels",
    Metric as "Metric",
    ObstacleName as "ObstacleName",
    Outcome as "Outcome",
    Io as "Io",
    Pattern as "Pattern",
    PhaseName as "PhaseName",
    ProbeKind as "ProbeKind",
    Proof as "Proof",
    Purpose as "Purpose",
    SelfTest as "SelfTest",
    Status as "Status",
    Storage as "Storage",
    ThermalStatus as "ThermalStatus",
    Timing as "Timing",
    Verdict as "Verdict",
    Way as "Way",
    WaitStatus as "WaitStatus",
);

/// A policy is its name, with the parameters that aren't the usual ones.
impl Serialize for Policy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Policy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Policy {
    fn schema_name() -> Cow<'static, str> {
        "Policy".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = PolicyKind::VARIANTS.iter().map(Into::into).collect();
        let pattern = format!("^({})(:[a-z]+=[0-9]+[KMG]?i?B)*$", names.join("|"));
        schemars::json_schema!({ "type": "string", "pattern": pattern })
    }
}
