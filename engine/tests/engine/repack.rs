//! A model in another layout answers the same.

use std::path::Path;

use packbench_core::gguf::sample::{LayerOrder, TinyModel};
use packbench_core::job::Advice;
use packbench_core::layout::Arrangement;
use packbench_core::measure::engine::{LoadWay, Prompt, Token};
use packbench_core::os::{self, Existing};
use packbench_core::record::ReadBack;
use packbench_core::repack::{Repacking, repack};

use crate::shared::{ARCHITECTURES, Model, NEVER, answer, request};

const ARRANGEMENTS: [&str; 4] = ["forward", "forward:align=16384", "file:align=2MiB", "shuffled:7"];

fn repacked(model: &Path, out: &Path, arrangement: &str) {
    let arrangement: Arrangement = arrangement.parse().unwrap();
    let (existing, read_back) = (Existing::Replace, ReadBack::Memory);
    let repacking = Repacking { model, out, arrangement: &arrangement, merge: false, existing, read_back };
    repack(&os::host(), &repacking, &NEVER, &mut |_, _| ()).unwrap();
}

/// As loaded by itself, and with nothing fetched ahead.
fn answers(path: &Path) -> [[Token; 3]; 2] {
    let ways = [LoadWay::Stock, LoadWay::Stripped(Advice::Normal)];
    ways.map(|way| answer(&request(path, way), &Prompt::Count(16)))
}

fn every_layout_answers_as(model: &Model) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (out, back) = (folder.path().join("out.gguf"), folder.path().join("back.gguf"));
    let (original, expected) = (std::fs::read(&model.path).unwrap(), answers(&model.path));
    for arrangement in ARRANGEMENTS {
        repacked(&model.path, &out, arrangement);
        assert_eq!(answers(&out), expected, "{arrangement} of {}", model.path.display());
        repacked(&out, &back, &format!("like:{}", model.path.display()));
        assert!(std::fs::read(&back).unwrap() == original, "{arrangement} and back is the same file");
    }
}

#[test]
fn tiny_models_answer_the_same_in_every_layout() {
    for architecture in ARCHITECTURES {
        let sample = TinyModel { architecture, order: LayerOrder::Lexicographic, ..TinyModel::new(12) };
        every_layout_answers_as(&Model::tiny(&sample));
    }
}

#[test]
#[ignore = "takes real models: scripts/test --stage model"]
fn a_real_model_answers_the_same_in_every_layout() {
    let model = Model::real("SmolLM2-135M-Instruct.Q4_1.gguf");
    every_layout_answers_as(&model);
}
