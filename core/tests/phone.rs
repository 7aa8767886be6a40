//! Sessions on a phone whose app tells a script: guards, waits, runs made again.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::{CacheState, Guard, Job, Model, Pattern, Policy, ProbeKind, Prompt};
use packbench_core::os::fake::{Eviction, FakeOs};
use packbench_core::os::{FactSource, Identity, Os, Told};
use packbench_core::record::wire::{Assignment, FreshProcess, Purpose};
use packbench_core::record::{
    App, Caveat, Conditions, Facts, Line, PhaseName, Report, Run, Status, Storage, ThermalStatus, Tool,
    WaitStatus, json_schema,
};
use packbench_core::session::gate::guards;
use packbench_core::session::{SessionError, bytes, carry_out};
use proptest::prelude::*;
use strum::VariantArray;

/// Tells its facts one after the other, and the last one from then on.
struct Script {
    app: App,
    facts: RefCell<Vec<Facts>>,
}

impl FactSource for &Script {
    fn identity(&self) -> Identity {
        Identity { model: Some("Phone 1".into()), cpu: None, app: self.app.clone() }
    }

    fn facts(&self) -> Option<Facts> {
        let mut facts = self.facts.borrow_mut();
        if facts.len() > 1 { Some(facts.remove(0)) } else { facts.first().cloned() }
    }
}

fn script(facts: Vec<Facts>) -> Script {
    let app = App { system: Some("Android 15 (API 35)".into()), ..App::default() };
    Script { app, facts: RefCell::new(facts) }
}

fn thermal(statuses: &[ThermalStatus]) -> Vec<Facts> {
    statuses.iter().map(|&status| Facts { thermal_status: Some(status), ..Facts::default() }).collect()
}

fn job(blocks: u32) -> Job {
    Job {
        models: vec![Model { name: "m".into(), path: Some(PathBuf::from("m")), arrangement: None }],
        probes: vec![ProbeKind::Faults],
        policies: vec![Policy::Normal],
        patterns: vec![Pattern::Sequential],
        caches: vec![CacheState::Cold],
        blocks: blocks.try_into().unwrap(),
        ..Job::default()
    }
}

fn assignment(job: Job) -> Assignment {
    Assignment::new(Purpose::Measure, job, "s".into(), None)
}

fn fake() -> FakeOs {
    FakeOs::new(TinyModel::new(3).bytes(), Eviction::Works)
}

fn phone(script: &Script) -> impl Os {
    Told::new(fake(), script)
}

fn tool() -> Tool {
    Tool { version: "t".into(), build_profile: "t".into(), target: "t".into(), engine: None }
}

fn told(script: &Script, assignment: &Assignment) -> Result<Vec<Line>, SessionError> {
    told_by(&phone(script), assignment)
}

fn told_by(os: &dyn Os, assignment: &Assignment) -> Result<Vec<Line>, SessionError> {
    let mut lines = Vec::new();
    carry_out(os, None, tool(), assignment, &AtomicBool::new(false), &mut |line: &Line| {
        lines.push(line.clone());
        Ok(())
    })?;
    Ok(lines)
}

fn runs(lines: &[Line]) -> Vec<&Run> {
    lines.iter().filter_map(|line| if let Line::Run(run) = line { Some(run) } else { None }).collect()
}

fn story(lines: &[Line]) -> String {
    let short = lines.iter().filter_map(|line| match line {
        Line::Wait(wait) => Some(format!("wait {} s, {}", wait.waited_ns / 1_000_000_000, wait.status)),
        Line::Redo(redo) => Some(format!("redo {}", redo.block)),
        Line::Run(run) => Some(format!("run {} {:?}", run.block, caveats(run))),
        _ => None,
    });
    short.collect::<Vec<_>>().join("\n")
}

/// Without those that say how this test was built.
fn caveats(run: &Run) -> Vec<Caveat> {
    run.caveats.iter().copied().filter(|caveat| *caveat != Caveat::DebugBuild).collect()
}

/// All that an app may find wrong with itself and with its phone.
fn bad() -> Script {
    let facts = Facts {
        battery_percent: Some(24),
        charging: Some(true),
        power_save: Some(true),
        foreground: Some(false),
        ..Facts::default()
    };
    let app = App { debuggable: Some(true), emulator: Some(true), system: None };
    Script { app, facts: RefCell::new(vec![facts]) }
}

#[test]
fn every_guard_refuses_the_session_and_says_what_to_do() {
    let error = told(&bad(), &assignment(job(1))).unwrap_err();
    insta::assert_snapshot!(error, @r#"found Debuggable (install a build that isn't debuggable), Emulator (use a phone), LowBattery (charge it to a quarter or more), Charging (unplug it), PowerSave (turn the battery saver off), Background (bring the app to the front and keep the screen on). To measure all the same, let the job say "suppress": ["Debuggable","Emulator","LowBattery","Charging","PowerSave","Background"]"#);
}

#[test]
fn a_suppressed_guard_is_a_caveat_of_every_run() {
    let asked = assignment(Job { suppress: Guard::VARIANTS.to_vec(), ..job(2) });
    let lines = told(&bad(), &asked).unwrap();
    insta::assert_snapshot!(story(&lines), @"
    run 0 [Debuggable, Emulator, LowBattery, Charging, PowerSave, Background]
    run 1 [Debuggable, Emulator, LowBattery, Charging, PowerSave, Background]
    ");
}

#[test]
fn one_guard_that_is_not_suppressed_refuses() {
    for &guard in Guard::VARIANTS.iter().filter(|guard| **guard != Guard::SharedStorage) {
        let suppress = Guard::VARIANTS.iter().copied().filter(|other| *other != guard).collect();
        let error = told(&bad(), &assignment(Job { suppress, ..job(1) })).unwrap_err();
        assert!(matches!(error, SessionError::Guarded { guards } if guards == [guard]));
    }
}

#[test]
fn a_guard_found_after_the_beginning_is_a_caveat() {
    let unplugged = Facts { charging: Some(false), ..Facts::default() };
    let plugged = Facts { charging: Some(true), ..Facts::default() };
    // Asked at the beginning, before the first block, and before and after its run.
    let script = script([vec![unplugged; 4], vec![plugged]].concat());
    let lines = told(&script, &assignment(job(2))).unwrap();
    insta::assert_snapshot!(story(&lines), @"
    run 0 []
    run 1 [Charging]
    ");
}

#[test]
fn a_process_that_goes_on_with_a_session_is_not_guarded_again() {
    let asked = Assignment { elapsed_ns: Some(1), ..assignment(job(1)) };
    let lines = told(&bad(), &asked).unwrap();
    assert_eq!(runs(&lines).len(), 1);
}

#[test]
fn a_block_waits_until_the_phone_is_cool() {
    use ThermalStatus::{Light, None, Severe};
    let script = script(thermal(&[Severe, Severe, Severe, Light, None]));
    let lines = told(&script, &assignment(job(2))).unwrap();
    insta::assert_snapshot!(story(&lines), @"
    wait 3 s, over
    run 0 []
    run 1 []
    ");
}

#[test]
fn little_headroom_is_waited_for() {
    let near = |milli| Facts { thermal_headroom_milli: Some(milli), ..Facts::default() };
    let script = script(vec![near(990), near(990), near(851), near(850)]);
    let lines = told(&script, &assignment(job(1))).unwrap();
    insta::assert_snapshot!(story(&lines), @"
    wait 2 s, over
    run 0 []
    ");
}

#[test]
fn where_nobody_tells_of_heat_but_the_sensors_they_are_waited_for() {
    let hot = |milli| Conditions { temperature_max_milli_c: Some(milli), ..Conditions::default() };
    let waits = |facts: Facts| {
        let temperatures = vec![hot(75_000), hot(75_000), hot(60_001), hot(60_000)];
        let os = fake().under(temperatures);
        let script = script(vec![facts]);
        story(&told_by(&Told::new(os, &script), &assignment(job(1))).unwrap())
    };
    insta::assert_snapshot!(waits(Facts::default()), @"
    wait 2 s, over
    run 0 []
    ");
    let cool = Facts { thermal_status: Some(ThermalStatus::None), ..Facts::default() };
    assert_eq!(waits(cool), "run 0 []", "the system knows better");
}

#[test]
fn a_model_on_shared_storage_refuses_the_session() {
    let silent = script(vec![Facts::default()]);
    let os = || Told::new(fake().on(Storage::Fuse), &silent);
    let error = told_by(&os(), &assignment(job(1))).unwrap_err();
    assert!(matches!(error, SessionError::Guarded { guards } if guards == [Guard::SharedStorage]));
    let suppress = vec![Guard::SharedStorage];
    let lines = told_by(&os(), &assignment(Job { suppress, ..job(1) })).unwrap();
    assert_eq!(caveats(runs(&lines)[0]), [Caveat::SharedStorage]);
}

#[test]
fn a_wait_is_bounded_and_what_follows_says_so() {
    let script = script(thermal(&[ThermalStatus::Severe]));
    let lines = told(&script, &assignment(Job { wait: Duration::from_secs(5), ..job(2) })).unwrap();
    insta::assert_snapshot!(story(&lines), @"
    wait 5 s, given_up
    run 0 [Throttled]
    wait 5 s, given_up
    run 1 [Throttled]
    ");
}

#[test]
fn a_run_in_which_the_phone_throttled_is_made_again_and_counted() {
    use ThermalStatus::{None, Severe};
    // At the beginning, before the block, before the run, and after it.
    let script = script(thermal(&[None, None, None, Severe, Severe, None]));
    let lines = told(&script, &assignment(job(1))).unwrap();
    insta::assert_snapshot!(story(&lines), @"
    redo 0
    wait 1 s, over
    run 0 []
    ");
    let report = Report::read(&lines.iter().flat_map(bytes).collect::<Vec<_>>()).unwrap();
    assert_eq!(report.runs.len(), 1);
}

#[test]
fn a_phone_that_throttles_in_every_run_is_not_asked_for_ever() {
    use ThermalStatus::{None, Severe};
    let every = [None, Severe, Severe, None];
    let script = script(thermal(&[&[None, None], &every[..], &every[..], &every[..]].concat()));
    let lines = told(&script, &assignment(job(1))).unwrap();
    insta::assert_snapshot!(story(&lines), @"
    redo 0
    wait 1 s, over
    redo 0
    wait 1 s, over
    run 0 [Throttled]
    ");
}

#[test]
fn a_first_token_in_an_app_alone_says_what_it_takes_and_the_rest_is_measured() {
    let probes = vec![ProbeKind::FirstToken, ProbeKind::Faults];
    let asked = assignment(Job { probes, prompts: vec![Prompt::Count(1)], ..job(1) });
    let asked = Assignment { fresh_process: FreshProcess::Unavailable, ..asked };
    let lines = told(&script(vec![Facts::default()]), &asked).unwrap();
    let failed = runs(&lines).into_iter().find(|run| run.status == Status::Failed).unwrap();
    assert_eq!(failed.case.prompt(), Some(&Prompt::Count(1)));
    insta::assert_snapshot!(failed.error.clone().unwrap(), @r#"this first token takes a process that has measured nothing yet, and an app has only this one: measure it from a computer, over adb, or on remapped weights ("ways": ["remap"])"#);
    assert!(runs(&lines).iter().any(|run| run.status == Status::Ok));
}

#[test]
fn what_the_app_tells_is_in_the_report_and_follows_the_schema() {
    let script = script(thermal(&[ThermalStatus::Light, ThermalStatus::None]));
    let lines = told(&script, &assignment(job(1))).unwrap();
    let Line::Header(header) = &lines[0] else { panic!("no header") };
    assert_eq!(header.context.device.model.as_deref(), Some("Phone 1"));
    assert_eq!(header.context.app, Some(script.app.clone()));
    let after = runs(&lines)[0].conditions.after.clone().unwrap();
    assert_eq!(after.facts.unwrap().thermal_status, Some(ThermalStatus::None));
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    for line in &lines {
        let json: serde_json::Value = serde_json::from_slice(&bytes(line)).unwrap();
        validator.validate(&json).unwrap_or_else(|error| panic!("{error} in {json}"));
        assert_eq!(serde_json::from_value::<Line>(json).unwrap(), *line);
    }
}

#[test]
fn a_report_from_before_apps_told_anything_is_still_read() {
    let lines = told(&script(vec![Facts::default()]), &assignment(job(1))).unwrap();
    let without = |line: &Line| {
        let mut json: serde_json::Value = serde_json::from_slice(&bytes(line)).unwrap();
        forget(&mut json, &["app", "facts", "suppress", "wait_ms"]);
        format!("{json}\n")
    };
    let old: String = lines.iter().map(without).collect();
    let report = Report::read(old.as_bytes()).unwrap();
    assert_eq!((report.runs.len(), report.header().context.app.clone()), (1, None));
}

fn forget(json: &mut serde_json::Value, keys: &[&str]) {
    if let Some(object) = json.as_object_mut() {
        object.retain(|key, _| !keys.contains(&key.as_str()));
        object.values_mut().for_each(|value| forget(value, keys));
    }
}

proptest! {
    #[test]
    fn a_battery_guards_below_a_quarter(percent in 0..=100u32) {
        let facts = Facts { battery_percent: Some(percent), ..Facts::default() };
        let expected = if percent < 25 { vec![Guard::LowBattery] } else { vec![] };
        prop_assert_eq!(guards(None, Some(&facts)), expected);
    }
}

#[test]
fn a_wait_that_is_stopped_ends_the_session() {
    let script = script(thermal(&[ThermalStatus::Severe]));
    let (cancel, mut waits) = (AtomicBool::new(false), Vec::new());
    carry_out(&phone(&script), None, tool(), &assignment(job(1)), &cancel, &mut |line: &Line| {
        if matches!(line, Line::Phase(phase) if phase.phase == PhaseName::Wait) {
            cancel.store(true, Ordering::Relaxed);
        }
        if let Line::Wait(wait) = line {
            waits.push(wait.status);
        }
        assert!(!matches!(line, Line::Run(_)));
        Ok(())
    })
    .unwrap();
    assert_eq!(waits, [WaitStatus::Cancelled]);
}
