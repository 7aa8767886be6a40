//! Jobs that an app offers, and those that it is handed.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::HashMap;

use packbench_core::job::{CacheState, Guard, Job, ProbeKind, Way};
use packbench_core::record::wire::{Assignment, Purpose};
use packbench_ffi::{PackbenchError, Preset, model_files, placed, preset_job, presets};

fn job(json: &str) -> Job {
    serde_json::from_str(json).unwrap()
}

#[test]
fn each_preset_is_a_job_of_that_model() {
    for preset in presets() {
        let job = job(&preset_job(preset, "/here/m.gguf", vec!["Charging".into()]).unwrap());
        assert_eq!(job.models[0].path.as_deref().unwrap().to_str(), Some("/here/m.gguf"));
        assert_eq!((&*job.models[0].name, &*job.suppress), ("m.gguf", &[Guard::Charging][..]));
    }
    let first_token = job(&preset_job(Preset::FirstToken, "m.gguf", vec![]).unwrap());
    assert_eq!((&*first_token.probes, &*first_token.ways), (&[ProbeKind::FirstToken][..], &[Way::Remap][..]));
    assert_eq!(first_token.caches, [CacheState::Cold]);
}

#[test]
fn models_of_a_job_are_taken_from_where_the_app_has_them() {
    let asked = r#"{"models":[{"path":"/desk/a.gguf","name":"A"},{"path":"b.gguf"},{"path":"b.gguf","name":"again",
        "arrangement":"forward"}],"suppress":["Charging"]}"#;
    assert_eq!(model_files(asked).unwrap(), ["a.gguf", "b.gguf"]);
    let mut places = HashMap::from([("a.gguf".to_owned(), "/app/a.gguf".to_owned())]);
    let missing = placed(asked, places.clone(), vec![], "/cache").unwrap_err();
    assert_eq!(missing.to_string(), "b.gguf is missing: copy it to where the job is");
    places.insert("b.gguf".to_owned(), "/app/b.gguf".to_owned());
    let job = job(&placed(asked, places, vec!["Debuggable".into()], "/cache").unwrap());
    let paths: Vec<_> =
        job.models.iter().map(|model| model.path.as_deref().unwrap().to_str().unwrap()).collect();
    assert_eq!(paths, ["/app/a.gguf", "/app/b.gguf", "/app/b.gguf"]);
    assert_eq!(job.models[0].name, "A");
    assert_eq!(job.suppress, [Guard::Charging, Guard::Debuggable]);
}

#[test]
fn an_assignment_is_placed_whole() {
    let job = job(r#"{"models":[{"path":"/desk/m.gguf"}]}"#);
    let assignment = Assignment::new(Purpose::Measure, job, "session".into(), Some("/desk/cache".into()));
    let asked = serde_json::to_string(&assignment).unwrap();
    assert_eq!(model_files(&asked).unwrap(), ["m.gguf"]);
    let places = HashMap::from([("m.gguf".to_owned(), "/app/m.gguf".to_owned())]);
    let placed: Assignment =
        serde_json::from_str(&placed(&asked, places, vec![], "/app/cache").unwrap()).unwrap();
    assert_eq!(placed.job.models[0].path.as_deref().unwrap().to_str(), Some("/app/m.gguf"));
    assert_eq!(placed.cache_dir.as_deref().unwrap().to_str(), Some("/app/cache"));
    assert_eq!(placed.session, "session");
}

#[test]
fn what_is_no_job_is_refused() {
    for asked in ["", "{", "[]", r#"{"models":[],"blocks":0}"#, r#"{"job":{}}"#] {
        let refused = model_files(asked).unwrap_err();
        assert!(matches!(refused, PackbenchError::Job { .. }));
        assert!(refused.to_string().starts_with("found no job and no assignment: "), "{refused}");
    }
    let refused = preset_job(Preset::Quick, "m.gguf", vec!["Raining".into()]).unwrap_err();
    assert!(refused.to_string().starts_with("found no guard \"Raining\""), "{refused}");
}
