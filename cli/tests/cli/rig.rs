//! A model larger than memory, on a device that reads like a phone's: `scripts/test --stage rig`.

use std::path::{Path, PathBuf};

use packbench_core::gguf::sample::TinyModel;
use packbench_core::record::{PhaseCost, PhaseName, Proof, Run, Status};
use packbench_core::unit::Bytes;

use crate::scratch::{Scratch, program};

fn rig() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/rig")
}

/// The rig must be up, with less memory than the 64 MiB of the model.
#[test]
#[ignore = "needs the rig: scripts/test --stage rig"]
fn a_model_larger_than_memory_is_fetched_again_for_each_token() {
    let disk = std::env::var_os("PACKBENCH_TEST_DISK").expect("the stage says where the rig is");
    let folder = tempfile::tempdir_in(disk).unwrap();
    let model = folder.path().join("m.gguf");
    std::fs::write(&model, TinyModel { payload: Bytes::mib(64), ..TinyModel::new(8) }.bytes()).unwrap();
    let scratch = Scratch::new();
    let asked = ["--probe", "first_token", "--policy", "stock_load,normal,stream", "--prompt-tokens", "1"];
    let how = ["--cache", "cold", "--decodes", "10", "--blocks", "1", "--out", "r.jsonl"];
    let mut command = assert_cmd::Command::new(rig());
    command.arg("run").arg(program()).arg("run").arg(&model).args(asked).args(how);
    command.current_dir(scratch.path("")).env("XDG_CACHE_HOME", scratch.path("cache"));
    command.assert().success();
    let report = scratch.report("r.jsonl");
    let tokens: Vec<&Run> = report.runs.iter().filter(|run| run.case.policy().is_some()).collect();
    assert_eq!(tokens.len(), 3);
    for run in tokens {
        assert_eq!((run.status, run.residency.as_ref().unwrap().proof), (Status::Ok, Proof::Cold), "{run:?}");
        let phases = &run.first_token.as_ref().unwrap().phases;
        let decodes: Vec<&PhaseCost> = phases.iter().filter(|cost| cost.phase == PhaseName::Decode).collect();
        assert_eq!(decodes.len(), 10, "{}", run.case);
        let again = decodes.iter().filter(|cost| cost.bytes_fetched.unwrap() > Bytes::mib(16).0).count();
        assert_eq!(again, 10, "{}: what was dropped comes in again: {decodes:?}", run.case);
    }
}
