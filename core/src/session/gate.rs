//! What a phone must be like before it is measured. The app tells the facts; what follows from them is decided here.
//!
//! A *guard* that is found when a session begins refuses it, unless the job suppresses it; found later, it is a caveat.
//! The *gate* holds back a block until the phone has cooled down, for a bounded time: by what its system says, or, where
//! that says nothing, by its sensors. A run in which the phone throttles
//! all the same is thrown away and made again, a few times.

use super::model::Examined;
use super::{Session, SessionError};
use crate::job::Guard;
use crate::os;
use crate::record::wire::Assignment;
use crate::record::{
    App, Caveat, Change, Conditions, Facts, Line, PhaseName, ThermalStatus, Wait, WaitStatus,
};
use crate::unit::Nanos;

/// Below this a system may save power by itself; Android's own benchmarks refuse there, too.
const LOW_BATTERY_PERCENT: u32 = 25;
/// At 1000 the system throttles severely.
const COOL_HEADROOM_MILLI: u32 = 850;
/// Where sensors are all that tells. Those of a phone that was left alone read 30 to 50 °C at the most, and processors are
/// slowed down from about 80 °C on.
const COOL_MILLI_C: i64 = 60_000;
/// Android answers once a second at the most.
const BETWEEN_LOOKS: Nanos = Nanos(1_000_000_000);
/// How often a run is made again because the phone throttled during it.
pub(super) const REDOS: usize = 2;

/// The guards that are found in what the app tells.
pub fn guards(app: Option<&App>, facts: Option<&Facts>) -> Vec<Guard> {
    let is = |told: Option<bool>, found: bool| told == Some(found);
    let of_app = |told: fn(&App) -> Option<bool>| is(app.and_then(told), true);
    let of_facts = |told: fn(&Facts) -> Option<bool>, found| is(facts.and_then(told), found);
    let battery = facts.and_then(|facts| facts.battery_percent);
    let all = [
        (Guard::Debuggable, of_app(|app| app.debuggable)),
        (Guard::Emulator, of_app(|app| app.emulator)),
        (Guard::LowBattery, battery.is_some_and(|percent| percent < LOW_BATTERY_PERCENT)),
        (Guard::Charging, of_facts(|facts| facts.charging, true)),
        (Guard::PowerSave, of_facts(|facts| facts.power_save, true)),
        (
            Guard::Background,
            of_facts(|facts| facts.foreground, false) || of_facts(|facts| facts.screen_on, false),
        ),
    ];
    all.into_iter().filter(|(_, found)| *found).map(|(guard, _)| guard).collect()
}

impl Guard {
    /// The caveat of runs that are made in spite of it.
    pub fn caveat(self) -> Caveat {
        match self {
            Guard::Debuggable => Caveat::Debuggable,
            Guard::Emulator => Caveat::Emulator,
            Guard::LowBattery => Caveat::LowBattery,
            Guard::Charging => Caveat::Charging,
            Guard::PowerSave => Caveat::PowerSave,
            Guard::Background => Caveat::Background,
            Guard::SharedStorage => Caveat::SharedStorage,
        }
    }
}

/// What the app tells of the phone around a run takes away from the trust in it.
pub(super) fn caveats(app: Option<&App>, around: [&Conditions; 2]) -> Vec<Caveat> {
    let found = around.map(|conditions| guards(app, conditions.facts.as_ref()));
    let mut caveats: Vec<Caveat> = found.concat().into_iter().map(Guard::caveat).collect();
    if around.into_iter().any(is_throttled) {
        caveats.push(Caveat::Throttled);
    }
    caveats.sort_unstable();
    caveats.dedup();
    caveats
}

fn is_throttled(conditions: &Conditions) -> bool {
    let status = conditions.facts.as_ref().and_then(|facts| facts.thermal_status);
    status.is_some_and(|status| status != ThermalStatus::None)
}

/// Whether the phone throttled between the two. Where it had before, another try would be no better.
pub(super) fn throttled(before: &Conditions, after: &Conditions) -> bool {
    !is_throttled(before) && is_throttled(after)
}

fn is_cool(conditions: &Conditions) -> bool {
    let facts = conditions.facts.as_ref();
    let status = facts.and_then(|facts| facts.thermal_status);
    match (status, facts.and_then(|facts| facts.thermal_headroom_milli)) {
        (None, None) => conditions.temperature_max_milli_c.is_none_or(|milli| milli <= COOL_MILLI_C),
        (_, headroom) => {
            !is_throttled(conditions) && headroom.is_none_or(|milli| milli <= COOL_HEADROOM_MILLI)
        }
    }
}

/// Refuses to begin where a guard is found that the job doesn't suppress. A process that goes on with a segment isn't
/// asked again, and where there is no app nothing is.
pub(super) fn pass(
    now: &Conditions,
    app: Option<&App>,
    assignment: &Assignment,
    models: &[Examined],
) -> Result<(), SessionError> {
    let Some(app) = app.filter(|_| assignment.elapsed_ns.is_none()) else { return Ok(()) };
    let mut found = guards(Some(app), now.facts.as_ref());
    found.extend(models.iter().any(Examined::is_shared).then_some(Guard::SharedStorage));
    found.retain(|guard| !assignment.job.suppress.contains(guard));
    if found.is_empty() { Ok(()) } else { Err(SessionError::Guarded { guards: found }) }
}

impl Session<'_, '_> {
    /// Waits until the phone is cool, but no longer than the job says. A wait is recorded; none is not.
    pub(super) fn wait(&mut self, block: u32) -> Result<(), SessionError> {
        // Other machines have fans.
        if (self.app.is_none() && !os::PHONE) || self.assignment.job.wait.is_zero() {
            return Ok(());
        }
        let before = self.conditions();
        if is_cool(&before) {
            return Ok(());
        }
        self.announce(PhaseName::Wait, None)?;
        let (status, after) = self.until_cool(&before);
        let waited_ns = after.elapsed_ns.saturating_sub(before.elapsed_ns);
        let conditions = Change { before: Some(before), after: Some(after) };
        self.emit(Line::Wait(Wait { block, waited_ns, status, conditions }))
    }

    fn until_cool(&mut self, before: &Conditions) -> (WaitStatus, Conditions) {
        let most = u64::try_from(self.assignment.job.wait.as_nanos()).unwrap_or(u64::MAX);
        let until = before.elapsed_ns.saturating_add(most);
        loop {
            self.os.sleep(BETWEEN_LOOKS);
            let now = self.conditions();
            if is_cool(&now) {
                return (WaitStatus::Over, now);
            } else if self.cancelled() {
                return (WaitStatus::Cancelled, now);
            } else if now.elapsed_ns >= until {
                return (WaitStatus::GivenUp, now);
            }
        }
    }
}

/// `LowBattery (charge it to a quarter or more), Charging (unplug it)`
pub(super) fn remedies(guards: &[Guard]) -> String {
    let each = guards.iter().map(|guard| format!("{guard} ({})", guard.remedy()));
    each.collect::<Vec<_>>().join(", ")
}

/// `["LowBattery","Charging"]`, as a job has it.
pub(super) fn names(guards: &[Guard]) -> String {
    let quoted = guards.iter().map(|guard| format!("\"{guard}\""));
    format!("[{}]", quoted.collect::<Vec<_>>().join(","))
}
