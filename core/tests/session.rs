//! A session from its first line to its last, over a scripted system and over the real one.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use packbench_core::compare::{Question, compare};
use packbench_core::error::chain;
use packbench_core::gguf::sample::{LayerOrder, TinyModel};
use packbench_core::job::{CacheState, Field, Job, Model, Pattern, Policy, ProbeKind};
use packbench_core::os::fake::{Eviction, FakeOs};
use packbench_core::os::{self, Os};
use packbench_core::record::wire::{Assignment, Purpose};
use packbench_core::record::{
    Caveat, EndStatus, Line, Metric, Outcome, PhaseName, Proof, Report, Run, SCHEMA, Status, Tool, Variant,
    json_schema,
};
use packbench_core::session::{SessionError, bytes, carry_out, go_on};

fn tool() -> Tool {
    let text = || "test".to_owned();
    Tool { version: text(), build_profile: text(), target: text(), engine: None }
}

fn job(models: &[(&str, &Path)], blocks: u32) -> Job {
    let model = |&(name, path): &(&str, &Path)| Model {
        name: name.into(),
        path: Some(path.into()),
        arrangement: None,
    };
    Job {
        models: models.iter().map(model).collect(),
        probes: vec![ProbeKind::Faults],
        policies: vec![Policy::Normal, Policy::Random],
        patterns: vec![Pattern::Sequential],
        caches: vec![CacheState::Cold],
        blocks: NonZeroU32::new(blocks).unwrap(),
        ..Job::default()
    }
}

fn assignment(job: Job) -> Assignment {
    Assignment::new(Purpose::Measure, job, "s".into(), None)
}

/// The lines of a session that is asked to stop after `runs` runs.
fn lines_until(os: &dyn Os, assignment: &Assignment, runs: usize) -> Result<Vec<Line>, SessionError> {
    let (cancel, mut lines, mut seen) = (AtomicBool::new(runs == 0), Vec::new(), 0);
    carry_out(os, None, tool(), assignment, &cancel, &mut |line: &Line| {
        seen += usize::from(matches!(line, Line::Run(_)));
        cancel.store(seen >= runs, Ordering::Relaxed);
        lines.push(line.clone());
        Ok(())
    })?;
    Ok(lines)
}

fn lines(os: &dyn Os, assignment: &Assignment) -> Vec<Line> {
    lines_until(os, assignment, usize::MAX).unwrap()
}

fn written(lines: &[Line]) -> Vec<u8> {
    lines.iter().flat_map(bytes).collect()
}

fn runs(lines: &[Line]) -> Vec<&Run> {
    lines.iter().filter_map(|line| if let Line::Run(run) = line { Some(run) } else { None }).collect()
}

fn fake(eviction: Eviction) -> FakeOs {
    FakeOs::new(TinyModel::new(3).bytes(), eviction)
}

#[test]
fn a_session_tells_its_story_in_order() {
    let told = lines(&fake(Eviction::Works), &assignment(job(&[("m", Path::new("m"))], 1)));
    let story: Vec<String> = told
        .iter()
        .map(|line| match line {
            Line::Header(header) => format!("header {}", header.schema),
            Line::Variant(variant) => format!("variant {}, {}", variant.name, variant.residency_self_test),
            Line::Plan(plan) => format!("plan of {} cases", plan.cases),
            Line::Phase(phase) => format!("  {}", phase.phase),
            Line::Wait(wait) => format!("  waited, {}", wait.status),
            Line::Redo(redo) => format!("  again: {}", redo.case),
            Line::Run(run) => format!("run {}: {}", run.case, run.status),
            Line::End(end) => format!("end: {}, {} runs, {} missing", end.status, end.runs, end.missing),
        })
        .collect();
    insta::assert_snapshot!(story.join("\n"), @r"
    header packbench.report/1
      hash
      self_test
    variant m, truthful
      rehearse
    plan of 2 cases
      open
      evict
      prove
      measure
      account
    run m: faults, sequential, normal, cold: ok
      open
      evict
      prove
      measure
      account
    run m: faults, sequential, random, cold: ok
    end: complete, 2 runs, 0 missing
    ");
}

#[test]
fn every_line_follows_the_committed_schema_and_reads_back() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/report.schema.json");
    let schema = json_schema();
    let text = fs::read_to_string(&committed).unwrap_or_default();
    let current: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    assert!(current == schema, "renew it: packbench schema > docs/report.schema.json");

    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut all = lines(&fake(Eviction::Works), &assignment(job(&[("m", Path::new("m"))], 2)));
    all.extend(lines(&fake(Eviction::Unseen), &assignment(job(&[("m", Path::new("m"))], 1))));
    for line in all {
        let json: serde_json::Value = serde_json::from_slice(&bytes(&line)).unwrap();
        validator.validate(&json).unwrap_or_else(|error| panic!("{error} in {json}"));
        assert_eq!(serde_json::from_value::<Line>(json).unwrap(), line);
    }
}

#[test]
fn a_run_is_written_with_every_field_and_null_for_what_is_not_known() {
    let told = lines(&fake(Eviction::Works), &assignment(job(&[("m", Path::new("m"))], 1)));
    let run = Run { caveats: vec![Caveat::Sampled], ..runs(&told)[0].clone() };
    let json: serde_json::Value = serde_json::from_slice(&bytes(&Line::Run(run))).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap(), @r#"
    {
      "block": 0,
      "case": {
        "cache": "cold",
        "io": null,
        "io_size_bytes": null,
        "pattern": "sequential",
        "policy": "normal",
        "probe": "faults",
        "prompt": null,
        "threads": null,
        "timing": null,
        "variant": "m",
        "way": null
      },
      "caveats": [
        "Sampled"
      ],
      "conditions": {
        "after": {
          "cpu_min_khz": null,
          "elapsed_ns": 0,
          "facts": null,
          "load_1m_milli": null,
          "memory_available_bytes": null,
          "temperature_max_milli_c": null
        },
        "before": {
          "cpu_min_khz": null,
          "elapsed_ns": 0,
          "facts": null,
          "load_1m_milli": null,
          "memory_available_bytes": null,
          "temperature_max_milli_c": null
        }
      },
      "error": null,
      "first_token": null,
      "io_effective": null,
      "kind": "run",
      "latency": null,
      "metrics": {
        "bytes_covered": 252576,
        "bytes_fetched": null,
        "checksum": 6856,
        "cpu_ns": null,
        "major_faults": 1,
        "minor_faults": null,
        "operations": 62,
        "pages_paged_in": null,
        "wall_ns": 1
      },
      "policy_effective": "normal",
      "residency": {
        "after_pages": 62,
        "before_pages": 0,
        "proof": "cold",
        "total_pages": 62
      },
      "segment": 0,
      "status": "ok"
    }
    "#);
}

#[test]
fn a_report_names_no_path() {
    let told = lines(&fake(Eviction::Works), &assignment(job(&[("m", Path::new("/secret/place/m"))], 1)));
    assert!(!String::from_utf8(written(&told)).unwrap().contains("secret"));
}

#[test]
fn a_cut_session_goes_on_with_what_is_missing_and_does_not_pair_across_the_seam() {
    let os = fake(Eviction::Works);
    let asked = assignment(job(&[("m", Path::new("m"))], 7));
    let first = lines_until(&os, &asked, 5).unwrap();
    assert_eq!(runs(&first).len(), 5);
    let cut = Report::read(&written(&first)).unwrap();

    let rest = lines(&os, &go_on(&cut, asked.job.models.clone()));
    assert_eq!(runs(&rest).len(), 14 - 5);
    assert!(
        !rest.iter().any(|line| matches!(line, Line::Plan(_))),
        "the spans are those of the first segment"
    );
    let whole = Report::read(&[written(&first), written(&rest)].concat()).unwrap();
    assert_eq!((whole.runs.len(), whole.headers.len()), (14, 2));
    assert_eq!(whole.seams().into_iter().collect::<Vec<_>>(), [2]);

    let uncut = Report::read(&written(&lines(&os, &asked))).unwrap();
    let order = |report: &Report| report.runs.iter().map(Run::key).collect::<Vec<_>>();
    assert_eq!(order(&whole), order(&uncut), "the order depends on the seed alone");
}

#[test]
fn blocks_that_were_added_are_not_forgotten() {
    let os = fake(Eviction::Works);
    let asked = assignment(job(&[("m", Path::new("m"))], 1));
    let first = written(&lines(&os, &asked));
    let mut more = go_on(&Report::read(&first).unwrap(), asked.job.models.clone());
    more.job.blocks = NonZeroU32::new(4).unwrap();
    let second = written(&lines_until(&os, &more, 2).unwrap());
    let cut = Report::read(&[first, second].concat()).unwrap();
    assert_eq!(go_on(&cut, asked.job.models.clone()).job.blocks.get(), 4);
    assert_eq!(runs(&lines(&os, &go_on(&cut, asked.job.models))).len(), 4);
}

#[test]
fn an_order_of_tensors_that_is_the_files_own_is_not_measured_again() {
    let os = fake(Eviction::Works);
    let patterns = vec![Pattern::Sequential, Pattern::TensorOrder];
    let asked = assignment(Job { patterns, ..job(&[("m", Path::new("m"))], 1) });
    let told = lines(&os, &asked);
    assert!(variants(&told)[0].tensors_by_offset);
    assert!(runs(&told).iter().all(|run| run.case.pattern() == Some(Pattern::Sequential)));
    let Some(Line::End(end)) = told.last() else { panic!("no end") };
    assert_eq!((end.status, end.runs, end.missing), (EndStatus::Complete, 2, 0));
}

#[test]
fn a_session_that_is_cancelled_early_ends_in_order() {
    let asked = assignment(job(&[("m", Path::new("m"))], 3));
    let told = lines_until(&fake(Eviction::Works), &asked, 0).unwrap();
    let Some(Line::End(end)) = told.last() else { panic!("no end") };
    assert_eq!((end.status, end.missing), (EndStatus::Cancelled, 6));
    assert!(!told.iter().any(|line| matches!(line, Line::Plan(_))));
}

#[test]
fn an_unfinished_last_line_is_passed_over_and_nothing_else_is() {
    let told = lines(&fake(Eviction::Works), &assignment(job(&[("m", Path::new("m"))], 2)));
    let bytes = written(&told);
    let whole = Report::read(&bytes).unwrap();
    for cut in 1..bytes.len() {
        match Report::read(&bytes[..cut]) {
            Ok(report) => {
                assert!(whole.runs.starts_with(&report.runs));
                assert!(bytes[..report.whole_bytes as usize].ends_with(b"\n"));
            }
            Err(error) => assert!(!bytes[..cut].contains(&b'\n'), "{error} at {cut}"),
        }
    }
    let mut damaged = bytes.clone();
    let middle = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 5;
    damaged[middle] = b'#';
    let error = Report::read(&damaged).unwrap_err();
    assert!(chain(&error).starts_with("line 2, column "), "{error}");
}

#[test]
fn what_is_no_report_is_said_to_be_none() {
    let message = |text: &str| Report::read(text.as_bytes()).unwrap_err().to_string();
    assert!(message("").contains("is this a packbench report?"));
    assert!(message("GGUF\n").contains("is this a packbench report?"));
    assert!(
        message("{\"kind\":\"header\",\"schema\":\"packbench.report/9\"}\n").contains("packbench.report/9")
    );
    let told = lines(&fake(Eviction::Works), &assignment(job(&[("m", Path::new("m"))], 1)));
    let twice = [written(&told), bytes(&Line::Run(runs(&told)[0].clone()))].concat();
    assert!(Report::read(&twice).unwrap_err().to_string().contains("recorded before"));
    let later = |line: Line| {
        let text = [written(&told), bytes(&line)].concat();
        Report::read(&text).unwrap_err().to_string()
    };
    let run = runs(&told)[0].clone();
    assert!(
        later(Line::Run(Run { block: u32::MAX, ..run.clone() })).ends_with("less than the job's 1 blocks")
    );
    assert!(later(Line::Run(Run { segment: 7, ..run })).contains("field segment: found 7"));
    let variant = told.iter().find_map(|line| match line {
        Line::Variant(variant) => Some(variant.clone()),
        _ => None,
    });
    let variant = Variant { payload_hash: "0".repeat(64), ..variant.expect("a session names its model") };
    assert!(later(Line::Variant(variant)).contains("m is another model here than in an earlier line"));
}

#[test]
fn another_file_under_the_same_name_is_refused() {
    let asked = assignment(job(&[("m", Path::new("m"))], 2));
    let cut = Report::read(&written(&lines_until(&fake(Eviction::Works), &asked, 1).unwrap())).unwrap();
    let other = FakeOs::new(TinyModel { seed: 9, ..TinyModel::new(3) }.bytes(), Eviction::Works);
    let error = lines_until(&other, &go_on(&cut, asked.job.models), 9).unwrap_err();
    assert_eq!(
        chain(&error),
        "m: its payload hash differs from the report's: the file was changed since, or it is another one"
    );
}

#[test]
fn another_machine_is_refused() {
    let asked = assignment(job(&[("m", Path::new("m"))], 2));
    let cut = Report::read(&written(&lines_until(&fake(Eviction::Works), &asked, 1).unwrap())).unwrap();
    let mut there = go_on(&cut, asked.job.models);
    there.began.as_mut().unwrap().context.page_size_bytes = 16384;
    let error = lines_until(&fake(Eviction::Works), &there, 9).unwrap_err();
    assert!(error.to_string().contains("the page size differs: 16384 bytes against 4096 bytes"), "{error}");
}

#[test]
fn a_model_that_cannot_be_measured_is_refused_before_the_first_line() {
    let refused = |bytes: Vec<u8>| {
        let os = FakeOs::new(bytes, Eviction::Works);
        let mut told = 0;
        let asked = assignment(job(&[("m", Path::new("m"))], 1));
        let never = AtomicBool::new(false);
        let result = carry_out(&os, None, tool(), &asked, &never, &mut |_: &Line| {
            told += 1;
            Ok(())
        });
        assert_eq!(told, 0, "a report that can't begin leaves no file");
        chain(&result.unwrap_err())
    };
    assert!(refused(b"<html>".to_vec()).starts_with("m: "));
    assert!(refused(packbench_core::gguf::sample::vocabulary(100)).contains("no tensors"));
}

#[test]
fn a_budget_that_is_used_up_ends_after_the_first_block() {
    // The scripted clock stands still, so only the real system can use up a budget.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let model = write(folder.path(), "m", TinyModel::new(2));
    let asked = Job { budget: Duration::ZERO, ..job(&[("m", &model)], 50) };
    let told = lines(&os::host(), &assignment(asked));
    assert_eq!(runs(&told).len(), 2);
    let Some(Line::End(end)) = told.last() else { panic!("no end") };
    assert_eq!((end.status, end.missing), (EndStatus::Budget, 98));
}

fn write(folder: &Path, name: &str, model: TinyModel) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, model.bytes()).unwrap();
    path
}

fn variants(lines: &[Line]) -> Vec<&Variant> {
    lines
        .iter()
        .filter_map(|line| if let Line::Variant(variant) = line { Some(variant) } else { None })
        .collect()
}

#[test]
fn two_layouts_of_one_model_are_one_payload() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let numeric = write(folder.path(), "n", TinyModel::new(12));
    let sorted = TinyModel { order: LayerOrder::Lexicographic, ..TinyModel::new(12) };
    let sorted = write(folder.path(), "l", sorted);
    let cache_dir = Some(folder.path().join("cache"));
    let asked = Assignment { cache_dir, ..assignment(job(&[("n", &numeric), ("l", &sorted)], 6)) };
    let told = lines(&os::host(), &asked);
    let [n, l] = variants(&told)[..] else { panic!("two variants") };
    assert_eq!(n.payload_hash, l.payload_hash);
    assert_ne!(n.layout_hash, l.layout_hash);
    assert_eq!(n.architecture.as_deref(), Some("llama"));
    let again = lines(&os::host(), &asked);
    assert_eq!(variants(&again)[0], n, "the hash that was kept is the hash");

    let report = Report::read(&written(&told)).unwrap();
    assert_eq!(report.header().schema, SCHEMA);
    let question = Question {
        by: vec![Field::Variant],
        metric: Metric::WallNs,
        base: None,
        threshold: 0.05,
        allow: vec![],
    };
    let answer = compare(&report, &question).unwrap();
    assert_eq!(answer.comparisons.len(), 2, "one for each policy");
    assert!(answer.comparisons.iter().all(|one| one.blocks == 6 && one.interval.is_some()));
    assert_ne!(answer.outcome(), Outcome::Invalid);
}

#[test]
fn a_file_that_shrinks_meanwhile_fails_its_runs_and_not_the_session() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let model = write(folder.path(), "m", TinyModel::new(4));
    let asked = assignment(job(&[("m", &model)], 3));
    let mut told = Vec::new();
    carry_out(&os::host(), None, tool(), &asked, &AtomicBool::new(false), &mut |line: &Line| {
        told.push(line.clone());
        if runs(&told).len() == 2 {
            fs::OpenOptions::new().write(true).open(&model)?.set_len(4096)?;
        }
        Ok(())
    })
    .unwrap();
    let runs = runs(&told);
    assert_eq!(runs.len(), 6);
    assert!(runs[..2].iter().all(|run| run.status == Status::Ok));
    assert!(runs[2..].iter().all(|run| run.status == Status::Failed && run.metrics.is_none()));
    assert!(runs[5].error.as_ref().unwrap().contains("the file has 4096 bytes now"));
}

#[test]
fn a_file_cut_in_the_middle_of_a_run_fails_that_run_alone() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let whole = TinyModel { payload: packbench_core::unit::Bytes::mib(8), ..TinyModel::new(4) };
    let model = write(folder.path(), "m", whole);
    let bytes = fs::read(&model).unwrap();
    let written = fs::metadata(&model).unwrap().modified().unwrap();
    let restore = || {
        fs::write(&model, &bytes)?;
        fs::File::options().write(true).open(&model)?.set_modified(written)
    };
    let asked = assignment(job(&[("m", &model)], 2));
    let mut told = Vec::new();
    carry_out(&os::host(), None, tool(), &asked, &AtomicBool::new(false), &mut |line: &Line| {
        told.push(line.clone());
        let Line::Phase(phase) = line else { return Ok(()) };
        match (runs(&told).len(), phase.phase) {
            (1, PhaseName::Measure) => fs::OpenOptions::new().write(true).open(&model)?.set_len(1 << 20),
            (2, PhaseName::Open) => restore(),
            _ => Ok(()),
        }
    })
    .unwrap();
    let status: Vec<Status> = runs(&told).iter().map(|run| run.status).collect();
    assert_eq!(status, [Status::Ok, Status::Failed, Status::Ok, Status::Ok]);
    let error = runs(&told)[1].error.clone().unwrap();
    assert_eq!(error, "the file was cut short at byte 1048576 while it was mapped");
}

#[test]
fn a_doubtful_system_leaves_its_caveat() {
    let told = lines(&fake(Eviction::Unseen), &assignment(job(&[("m", Path::new("m"))], 1)));
    for run in runs(&told) {
        assert!(run.caveats.contains(&Caveat::ColdUnverified));
        assert_eq!(run.residency.as_ref().unwrap().proof, Proof::ColdUnverified);
    }
}
