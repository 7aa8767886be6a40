//! Sessions as an app sees them, with an app that is written here.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::Job;
use packbench_core::record::wire::{Assignment, Purpose};
use packbench_core::record::{Line, Status};
use packbench_ffi::{
    AppError, Carried, EndStatus, Facts, Gate, Identity, Listener, Outcome, PackbenchError, Phone, Progress,
    Question, Session, ThermalStatus, compare, inspect, medians, missing, repack,
};
use tempfile::TempDir;

/// The tests take turns, as the sessions of a process do; the one that wants `Busy` makes it itself.
static TURN: Mutex<()> = Mutex::new(());

#[derive(Default)]
struct TestPhone {
    facts: Facts,
    panics: bool,
}

impl Phone for TestPhone {
    fn identity(&self) -> Result<Identity, AppError> {
        Ok(Identity { model: Some("Phone 1".into()), ..Identity::default() })
    }

    fn facts(&self) -> Result<Facts, AppError> {
        assert!(!self.panics, "the phone is on fire");
        Ok(self.facts.clone())
    }
}

/// Does something at each progress, and remembers all.
struct TestListener<F>(F, Mutex<Vec<Progress>>);

impl<F: Fn(&Progress) -> Result<(), AppError> + Send + Sync> Listener for TestListener<F> {
    fn told(&self, progress: Progress) -> Result<(), AppError> {
        self.1.lock().unwrap().push(progress.clone());
        (self.0)(&progress)
    }
}

fn listener<F: Fn(&Progress) -> Result<(), AppError> + Send + Sync>(react: F) -> Arc<TestListener<F>> {
    Arc::new(TestListener(react, Mutex::default()))
}

/// An app that remembers each call that crosses to it, in order.
#[derive(Default)]
struct Witness {
    calls: Mutex<Vec<String>>,
    lines: Mutex<Vec<String>>,
}

impl Witness {
    fn called(&self, call: impl Into<String>) {
        self.calls.lock().unwrap().push(call.into());
    }
}

impl Phone for Witness {
    fn identity(&self) -> Result<Identity, AppError> {
        self.called("identity");
        Ok(Identity::default())
    }

    fn facts(&self) -> Result<Facts, AppError> {
        self.called("facts");
        Ok(Facts::default())
    }
}

impl Listener for Witness {
    fn told(&self, progress: Progress) -> Result<(), AppError> {
        self.called(progress.text);
        self.lines.lock().unwrap().push(progress.line);
        Ok(())
    }
}

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Place { folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() };
        fs::write(place.path("m.gguf"), TinyModel::new(3).bytes()).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn job(&self, rest: &str) -> String {
        format!(
            r#"{{"models":[{{"path":{:?}}}],"probes":["faults"],"policies":["normal","random"],"patterns":["sequential"],"caches":["cold"]{rest}}}"#,
            self.path("m.gguf")
        )
    }

    fn run(
        &self,
        session: &Session,
        job: &str,
        phone: TestPhone,
        listener: Arc<dyn Listener>,
    ) -> Result<Outcome, PackbenchError> {
        session.run(job, &self.text("r.jsonl"), &self.text("cache"), Arc::new(phone), listener)
    }
}

#[test]
fn a_session_is_recorded_told_and_compared() {
    let _turn = TURN.lock();
    let (place, heard) = (Place::new(), listener(|_| Ok(())));
    let outcome = place
        .run(&Session::new(), &place.job(r#","blocks":6"#), TestPhone::default(), heard.clone())
        .unwrap();
    let problem = None;
    assert_eq!(outcome, Outcome { status: EndStatus::Complete, runs: 12, missing: 0, failed: 0, problem });
    let heard = heard.1.lock().unwrap();
    let told: String = heard.iter().map(|progress| format!("{}\n", progress.line)).collect();
    assert_eq!(told, fs::read_to_string(place.path("r.jsonl")).unwrap(), "the app hears the report");
    assert!(heard.is_sorted_by_key(|progress| progress.done));
    assert_eq!(heard.last().map(|last| (last.done, last.total)), Some((12, 12)));

    let report = place.text("r.jsonl");
    let question = |by: &str| Question {
        by: by.into(),
        metric: "wall_ns".into(),
        base: None,
        threshold: 0.05,
        allow: vec![],
    };
    let answer = compare(&report, &question("policy")).unwrap();
    assert!(answer.json.contains("\"candidate\": \"random\"") && answer.gate != Gate::Invalid);
    assert!(matches!(compare(&report, &question("colour")), Err(PackbenchError::Question { .. })));
    assert!(matches!(compare(&report, &question("variant")), Err(PackbenchError::Question { .. })));
    let cases: Vec<_> = medians(&report).unwrap();
    let cases: Vec<_> = cases.iter().map(|median| (median.case.as_str(), median.cold, median.runs)).collect();
    assert_eq!(
        cases,
        [
            ("m.gguf: faults, sequential, normal, cold", true, 6),
            ("m.gguf: faults, sequential, random, cold", true, 6)
        ]
    );
}

#[test]
fn nothing_crosses_in_a_measured_region() {
    let _turn = TURN.lock();
    let (place, app) = (Place::new(), Arc::new(Witness::default()));
    let job = place.job(r#","blocks":2"#).replace(r#"["faults"]"#, r#"["faults","reads"]"#);
    let (report, cache) = (place.text("r.jsonl"), place.text("cache"));
    let outcome = Session::new().run(&job, &report, &cache, app.clone(), app.clone()).unwrap();
    let calls = app.calls.lock().unwrap();
    assert!(regions(&calls) >= outcome.runs && outcome.failed == 0, "{calls:?}");
    assert!(calls.iter().any(|call| call == "facts"), "it is asked around them: {calls:?}");
}

/// How many measured regions there were. The first call after each tells of it: of its phases, where it has some.
fn regions(calls: &[String]) -> u64 {
    let tells = |call: &str| [": account", ": load"].iter().any(|phase| call.ends_with(phase));
    let regions: Vec<_> = calls.windows(2).filter(|calls| calls[0].ends_with(": measure")).collect();
    assert!(regions.iter().all(|calls| tells(&calls[1])), "{calls:?}");
    regions.len() as u64
}

#[test]
fn nothing_crosses_while_a_first_token_is_computed_in_a_process_of_its_own() {
    let _turn = TURN.lock();
    if packbench_agent::tool().engine.is_none() {
        return;
    }
    let place = Place::new();
    let job = place.job(r#","blocks":1,"prompts":[1]"#).replace(r#"["faults"]"#, r#"["first_token"]"#);
    let (job, cache) = (Job::from_json(&job).unwrap(), place.path("cache"));
    let mut assignment = Assignment::new(Purpose::Measure, job, "s".into(), Some(cache));
    let mut runs = 0;
    // As a computer does it that starts the app again and again.
    loop {
        let app = Arc::new(Witness::default());
        let json = serde_json::to_string(&assignment).unwrap();
        let carried = Session::new().carry_out(&json, app.clone(), app.clone()).unwrap();
        runs += regions(&app.calls.lock().unwrap());
        for line in app.lines.lock().unwrap().iter().map(|line| serde_json::from_str(line).unwrap()) {
            match line {
                Line::Variant(variant) => assignment.variants.push(variant),
                Line::Plan(plan) => assignment.plan = Some(plan),
                Line::Run(run) if run.status == Status::Ok => assignment.done.push(run.key()),
                Line::Run(run) => panic!("{run:?}"),
                _ => {}
            }
        }
        assignment.elapsed_ns = Some(1);
        if carried == Carried::Through {
            break;
        }
    }
    assert!(runs >= 2 && assignment.done.len() as u64 == runs, "{runs}");
}

#[test]
fn a_cancelled_session_is_gone_on_with() {
    let _turn = TURN.lock();
    let (place, session) = (Place::new(), Session::new());
    let canceller = session.clone();
    let after_one = listener(move |progress| {
        (progress.done == 1).then(|| canceller.cancel());
        Ok(())
    });
    let job = place.job(r#","blocks":2"#);
    let cut = place.run(&session, &job, TestPhone::default(), after_one).unwrap();
    assert_eq!((cut.status, cut.runs, cut.missing), (EndStatus::Cancelled, 1, 3));
    assert_eq!(cut.problem.as_deref(), Some("the session was cancelled"));

    let models = HashMap::from([("m.gguf".to_owned(), place.text("m.gguf"))]);
    let phone: Arc<dyn Phone> = Arc::new(TestPhone::default());
    let (report, cache) = (place.text("r.jsonl"), place.text("cache"));
    let heard = listener(|_| Ok(()));
    let rest = Session::new().resume(&report, models, &cache, phone, heard.clone()).unwrap();
    assert_eq!((rest.status, rest.runs), (EndStatus::Complete, 4));
    assert_eq!(heard.1.lock().unwrap().first().map(|first| (first.done, first.total)), Some((1, 4)));
}

#[test]
fn a_run_that_ends_the_app_is_not_met_again_at_once() {
    let _turn = TURN.lock();
    let (place, heard) = (Place::new(), listener(|_| Ok(())));
    place.run(&Session::new(), &place.job(r#","blocks":2"#), TestPhone::default(), heard).unwrap();
    let whole = fs::read_to_string(place.path("r.jsonl")).unwrap();
    let (third, _) = whole.match_indices(r#""phase":"measure""#).nth(2).unwrap();
    let cut = third + whole[third..].find('\n').unwrap() + 1;
    fs::write(place.path("r.jsonl"), &whole[..cut]).unwrap();
    let report = place.text("r.jsonl");
    assert_eq!(missing(&report).unwrap(), 2);

    let resumed = || {
        let models = HashMap::from([("m.gguf".to_owned(), place.text("m.gguf"))]);
        let phone: Arc<dyn Phone> = Arc::new(TestPhone::default());
        let heard = listener(|_| Ok(()));
        Session::new().resume(&report, models, &place.text("cache"), phone, heard).unwrap();
        fs::read_to_string(&report).unwrap()
    };
    let text = resumed();
    let killed = text[cut..].lines().next().unwrap();
    assert!(killed.contains("\"status\":\"killed\",\"error\":\"the agent died in phase measure"), "{killed}");
    assert_eq!(missing(&report).unwrap(), 1, "the other one was made");
    resumed();
    assert_eq!(missing(&report).unwrap(), 0, "and then it is tried once more");
}

#[test]
fn a_model_is_repacked_and_is_the_same_model() {
    let place = Place::new();
    let (model, new) = (place.text("m.gguf"), place.text("new.gguf"));
    let answer = repack(&model, &new, "shuffled:1").unwrap();
    assert!(answer.contains(r#""order": "shuffled:1""#), "{answer}");
    assert_ne!(fs::read(&model).unwrap(), fs::read(&new).unwrap());
    let back = place.text("back.gguf");
    repack(&new, &back, &format!("like:{model}")).unwrap();
    assert_eq!(fs::read(&model).unwrap(), fs::read(&back).unwrap());
    assert!(matches!(repack(&model, &new, "forward"), Err(PackbenchError::Model { .. })), "it is there");
    assert!(matches!(repack(&model, &place.text("x"), "sideways"), Err(PackbenchError::Job { .. })));
    assert!(matches!(missing(&model), Err(PackbenchError::Report { .. })));
}

#[test]
fn a_session_that_was_cancelled_before_it_began_measures_nothing() {
    let _turn = TURN.lock();
    let (place, session) = (Place::new(), Session::new());
    session.cancel();
    let ended = place.run(&session, &place.job(""), TestPhone::default(), listener(|_| Ok(()))).unwrap();
    assert_eq!((ended.status, ended.runs), (EndStatus::Cancelled, 0));
}

#[test]
fn a_second_session_is_told_that_one_is_under_way() {
    let _turn = TURN.lock();
    let place = Place::new();
    let (other, seen) = (Arc::new(Place::new()), Arc::new(Mutex::new(Vec::new())));
    let seen_by = seen.clone();
    let asks = listener(move |_| {
        let second = other.run(&Session::new(), &other.job(""), TestPhone::default(), listener(|_| Ok(())));
        seen_by.lock().unwrap().push(matches!(second, Err(PackbenchError::Busy)));
        Ok(())
    });
    place.run(&Session::new(), &place.job(r#","blocks":1"#), TestPhone::default(), asks).unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.len() > 4 && seen.iter().all(|busy| *busy), "{seen:?}");
}

#[test]
fn what_the_app_throws_ends_the_session_and_keeps_what_was_finished() {
    let _turn = TURN.lock();
    let place = Place::new();
    let throws = listener(|progress| match progress.done {
        0 => Ok(()),
        _ => Err(AppError::Threw { reason: "no more".into() }),
    });
    let error = place.run(&Session::new(), &place.job(""), TestPhone::default(), throws).unwrap_err();
    assert!(
        matches!(&error, PackbenchError::App { reason } if reason == "the app threw: no more"),
        "{error}"
    );
    assert_eq!(medians(&place.text("r.jsonl")).unwrap().len(), 1);
}

#[test]
fn a_panic_is_an_error_and_the_next_session_runs() {
    let _turn = TURN.lock();
    let place = Place::new();
    let on_fire = TestPhone { panics: true, ..TestPhone::default() };
    let error = place.run(&Session::new(), &place.job(""), on_fire, listener(|_| Ok(()))).unwrap_err();
    insta::assert_snapshot!(error, @"this is a bug of packbench: the phone is on fire");
    let job = place.job(r#","blocks":1"#);
    place.run(&Session::new(), &job, TestPhone::default(), listener(|_| Ok(()))).unwrap();
}

#[test]
fn each_mistake_is_an_error_of_its_own_kind() {
    let _turn = TURN.lock();
    let place = Place::new();
    let run = |job: &str, facts: Facts| {
        let phone = TestPhone { facts, panics: false };
        place.run(&Session::new(), job, phone, listener(|_| Ok(()))).unwrap_err()
    };
    let no_job = run("{", Facts::default());
    assert!(matches!(no_job, PackbenchError::Job { .. }), "{no_job}");
    let empty = run("{}", Facts::default());
    assert!(matches!(&empty, PackbenchError::Job { reason } if reason.contains("no model")), "{empty}");
    let missing = run(&place.job("").replace("m.gguf", "n.gguf"), Facts::default());
    assert!(
        matches!(&missing, PackbenchError::Model { reason } if reason.starts_with("n.gguf: ")),
        "{missing}"
    );
    let charging = run(&place.job(""), Facts { charging: Some(true), ..Facts::default() });
    assert!(
        matches!(&charging, PackbenchError::Guarded { guards, .. } if guards == &["Charging"]),
        "{charging}"
    );
    assert!(!place.path("r.jsonl").exists(), "a session that can't begin leaves no report");
    fs::write(place.path("r.jsonl"), "taken").unwrap();
    let taken = run(&place.job(""), Facts::default());
    assert!(matches!(&taken, PackbenchError::Report { reason } if reason.contains("exists")), "{taken}");
    assert!(matches!(medians(&place.text("r.jsonl")), Err(PackbenchError::Report { .. })));
    assert!(matches!(inspect("/no/model"), Err(PackbenchError::Model { .. })));
    assert!(inspect(&place.text("m.gguf")).unwrap().contains("\"architecture\": \"llama\""));
}

#[test]
fn what_the_app_tells_is_recorded() {
    let _turn = TURN.lock();
    let place = Place::new();
    let facts =
        Facts { thermal_status: Some(ThermalStatus::Severe), battery_percent: Some(50), ..Facts::default() };
    let phone = TestPhone { facts, panics: false };
    let job = place.job(r#","blocks":1,"wait_ms":0"#);
    place.run(&Session::new(), &job, phone, listener(|_| Ok(()))).unwrap();
    let report = fs::read_to_string(place.path("r.jsonl")).unwrap();
    for told in
        ["\"model\":\"Phone 1\"", "\"thermal_status\":\"severe\"", "\"battery_percent\":50", "Throttled"]
    {
        assert!(report.contains(told), "{told}");
    }
}
