//! Scores are what gradients add up to, whichever way they were come by.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use packbench_core::gguf::sample::{Architecture, TinyModel, Traits};
use packbench_core::gguf::{GgmlType, Gguf};
use packbench_core::record::Labels;
use packbench_engine::rows;
use packbench_fim::{
    Checkpoint, Columns, FimError, LabelSource, Model, Par, Phase, Progress, Request, Scores, Sequence,
    Watch, gradients, score,
};

use crate::shared::{F32Model, LAYERS, place, samples, tokens};

const TYPES: [GgmlType; 3] = [GgmlType::Q4_0, GgmlType::Q8_0, GgmlType::Q4_K];

fn sequences(numbers: impl Iterator<Item = u64>) -> Vec<Sequence> {
    let tokens = |number: u64| tokens(20 + number as u32, 320)[number as usize..].to_vec();
    numbers.map(|number| Sequence { number, tokens: tokens(number) }).collect()
}

fn request(sequences: Vec<Sequence>, labels: Labels) -> Request<'static> {
    Request { sequences, labels, seed: 3, types: &TYPES, columns: Columns::None, threads: 2 }
}

fn run(model: &Model<'_>, request: &Request<'_>) -> Result<Scores, FimError> {
    let cancel = AtomicBool::new(false);
    score(model, request, None, &mut Watch { progress: &mut |_| {}, cancel: &cancel })
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-4 * a.abs().max(b.abs())
}

/// Each price is ½ Σ F·Δ² of the gradients of each sequence by itself.
#[test]
fn prices_are_made_of_gradients() {
    for sample in samples(2) {
        let file = F32Model::tiny(&sample);
        let model = Model::new(Gguf::parse(&file.bytes).unwrap(), None).unwrap();
        let request = request(sequences(0..3), Labels::Data);
        let scores = run(&model, &request).unwrap();
        let mut squares: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for Sequence { tokens, .. } in &request.sequences {
            let found = gradients::gradients(&model, tokens, LabelSource::Data(tokens), Par::Seq).unwrap();
            for (name, gradient) in found {
                let sums = squares.entry(name).or_insert_with(|| vec![0.0; gradient.data.len()]);
                sums.iter_mut().zip(&gradient.data).for_each(|(sum, g)| *sum += f64::from(*g).powi(2));
            }
        }
        assert_eq!(scores.tensors.len(), squares.len());
        for tensor in &scores.tensors {
            let squares = &squares[&tensor.name];
            assert!(close(tensor.trace, squares.iter().sum()), "{sample:?} {}", tensor.name);
            let weight = weights(&model, &tensor.name);
            assert_eq!(tensor.prices.len(), 2, "rows of 128 don't take Q4_K");
            for price in &tensor.prices {
                let errors =
                    errors(&weight, price.ggml_type, model.source.tensor(&tensor.name).unwrap().dims.row());
                let expected: f64 = squares.iter().zip(&errors).map(|(f, e)| 0.5 * f * e).sum();
                assert!(close(price.loss_by_sequence_nats, expected), "{sample:?} {}", tensor.name);
                assert!(close(price.squared_error, errors.iter().sum()), "{}", tensor.name);
            }
        }
    }
}

fn weights(model: &Model<'_>, name: &str) -> Vec<f32> {
    let tensor = model.source.tensor(name).unwrap();
    let [cols, rows] = tensor.dims.as_slice() else { panic!("{name} is no matrix") };
    model.source.matrix(name, *rows as usize, *cols as usize).unwrap().data
}

fn errors(weight: &[f32], ggml_type: GgmlType, row: u64) -> Vec<f64> {
    let row = row as usize;
    let mut blocks = vec![0; rows::bytes(ggml_type, weight.len() / row, row).unwrap().0 as usize];
    rows::quantize(ggml_type, weight, row, None, &mut blocks).unwrap();
    let mut rounded = vec![0.0; weight.len()];
    rows::dequantize(ggml_type, &blocks, &mut rounded).unwrap();
    rounded.iter().zip(weight).map(|(a, b)| f64::from(a - b).powi(2)).collect()
}

/// One token with a label: then both ways of squaring are one.
#[test]
fn by_token_and_by_sequence_agree_where_they_must() {
    let file = F32Model::tiny(&TinyModel::new(1));
    let model = Model::new(Gguf::parse(&file.bytes).unwrap(), None).unwrap();
    let two = vec![Sequence { number: 0, tokens: vec![5, 9] }];
    let scores = run(&model, &request(two, Labels::Data)).unwrap();
    assert_eq!(scores.tokens, 1);
    let down = scores.tensors.iter().find(|tensor| tensor.name == "blk.0.ffn_down.weight").unwrap();
    for price in &down.prices {
        assert!(close(price.loss_by_token_nats, price.loss_by_sequence_nats), "{price:?}");
    }
}

#[test]
fn shards_add_up_to_the_whole() {
    let file = F32Model::tiny(&TinyModel { architecture: Architecture::Gemma3, ..TinyModel::new(LAYERS) });
    let model = Model::new(Gguf::parse(&file.bytes).unwrap(), None).unwrap();
    let part =
        |numbers: Vec<u64>| run(&model, &request(sequences(numbers.into_iter()), Labels::Sampled)).unwrap();
    let (whole, even, odd) = (part(vec![0, 1, 2, 3]), part(vec![0, 2]), part(vec![1, 3]));
    assert_eq!(whole.tokens, even.tokens + odd.tokens);
    assert!(close(whole.nll, even.nll + odd.nll), "labels are drawn by the number of the sequence");
    for ((whole, even), odd) in whole.tensors.iter().zip(&even.tensors).zip(&odd.tensors) {
        assert!(close(whole.trace, even.trace + odd.trace), "{}", whole.name);
        for ((whole, even), odd) in whole.prices.iter().zip(&even.prices).zip(&odd.prices) {
            assert!(close(whole.loss_by_token_nats, even.loss_by_token_nats + odd.loss_by_token_nats));
            assert!(close(
                whole.loss_by_sequence_nats,
                even.loss_by_sequence_nats + odd.loss_by_sequence_nats
            ));
            assert_eq!(whole.squared_error, even.squared_error, "the weights are the same");
        }
    }
}

/// Stopped after each share of the work in turn, and gone on with.
#[test]
fn a_score_that_was_stopped_goes_on_as_if_it_had_not_been() {
    let file = F32Model::tiny(&TinyModel { architecture: Architecture::Qwen2, ..TinyModel::new(LAYERS) });
    let model = Model::new(Gguf::parse(&file.bytes).unwrap(), None).unwrap();
    let request = request(sequences(0..2), Labels::Sampled);
    let whole = run(&model, &request).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint { path: folder.path().join("partial"), key: [7; 32] };
    let mut resumed = 0;
    for stop_at in [0.1, 0.5, 0.7, 0.9] {
        let cancel = AtomicBool::new(false);
        let mut stop = |progress: Progress| {
            if progress.done > stop_at {
                cancel.store(true, Ordering::Relaxed);
            }
        };
        let stopped =
            score(&model, &request, Some(&checkpoint), &mut Watch { progress: &mut stop, cancel: &cancel });
        assert!(matches!(stopped, Err(FimError::Cancelled)), "stopped at {stop_at}");
        resumed += u32::from(checkpoint.path.exists());
    }
    assert!(resumed > 0, "something was kept");
    let cancel = AtomicBool::new(false);
    let gone_on =
        score(&model, &request, Some(&checkpoint), &mut Watch { progress: &mut |_| {}, cancel: &cancel })
            .unwrap();
    assert_eq!(Scores { spent: whole.spent, ..gone_on }, whole);
    assert!(checkpoint.path.exists(), "until somebody has the scores in safety");
    checkpoint.remove();
    assert!(!checkpoint.path.exists(), "nothing is left behind");
}

/// Cut behind each of the tensors that are as wide as the vocabulary.
#[test]
fn rows_of_the_vocabulary_that_are_done_are_not_gone_through_again() {
    for sample in samples(2) {
        let file = F32Model::tiny(&sample);
        let model = Model::new(Gguf::parse(&file.bytes).unwrap(), None).unwrap();
        let request = request(sequences(0..2), Labels::Sampled);
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint { path: folder.path().join("partial"), key: [7; 32] };
        let cancel = AtomicBool::new(false);
        let scored = || {
            score(&model, &request, Some(&checkpoint), &mut Watch { progress: &mut |_| {}, cancel: &cancel })
        };
        let whole = scored().unwrap();
        let mut state = checkpoint.load(|_| true).unwrap().unwrap();
        let wide = whole.tensors.iter().filter(|tensor| !tensor.name.starts_with("blk.")).count();
        let rows = state.rows_done / wide as u64;
        for done in (1..=wide).rev() {
            state.rows_done = rows * done as u64;
            state.tensors.truncate(whole.tensors.len() - wide + done);
            let marked = state.tensors.last_mut().unwrap();
            let trace = std::mem::replace(&mut marked.trace, 12345.0);
            checkpoint.save(&state).unwrap();
            let mut gone_on = scored().unwrap();
            let kept = &mut gone_on.tensors[state.tensors.len() - 1].trace;
            assert_eq!(std::mem::replace(kept, trace), 12345.0, "{sample:?}: {done} of {wide} are done");
            assert_eq!(gone_on.tensors, whole.tensors, "{sample:?}: {done} of {wide} are done");
        }
    }
}

/// Stopped as soon as some rows are done, of many.
#[test]
fn a_score_goes_on_in_the_middle_of_the_vocabulary() {
    for untied in [false, true] {
        let traits = Traits { more_tokens: 16 * 4096, untied, ..Traits::NONE };
        let file = F32Model::tiny(&TinyModel { traits, ..TinyModel::new(1) });
        let model = Model::new(Gguf::parse(&file.bytes).unwrap(), None).unwrap();
        let request = request(sequences(0..2), Labels::Sampled);
        let whole = run(&model, &request).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint { path: folder.path().join("partial"), key: [7; 32] };
        let cancel = AtomicBool::new(false);
        let mut stop = |progress: Progress| {
            cancel.fetch_or(progress.phase == Phase::Vocabulary, Ordering::Relaxed);
        };
        let stopped =
            score(&model, &request, Some(&checkpoint), &mut Watch { progress: &mut stop, cancel: &cancel });
        assert!(matches!(stopped, Err(FimError::Cancelled)), "{stopped:?}");
        let rows = checkpoint.load(|_| true).unwrap().unwrap().rows_done;
        assert!(rows > 0 && rows < 16 * 4096, "{rows} are done");
        cancel.store(false, Ordering::Relaxed);
        let mut pass = |_| {};
        let gone_on =
            score(&model, &request, Some(&checkpoint), &mut Watch { progress: &mut pass, cancel: &cancel })
                .unwrap();
        assert_eq!(Scores { spent: whole.spent, ..gone_on }, whole, "untied: {untied}");
    }
}

#[test]
fn what_would_come_out_wrong_is_refused() {
    let bytes = TinyModel::new(1).bytes();
    let plain = Model::new(Gguf::parse(&bytes).unwrap(), None).unwrap();
    let error = run(&plain, &request(sequences(0..1), Labels::Data)).unwrap_err();
    assert!(matches!(&error, FimError::OnGrid { found: GgmlType::Q8_0, .. }), "{error}");
    assert!(error.to_string().contains("--dither"), "{error}");
    let dithered = Model::new(Gguf::parse(&bytes).unwrap(), Some(1)).unwrap();
    let unwritable =
        Request { types: &[GgmlType::Q8_0, GgmlType::Q8_K], ..request(sequences(0..1), Labels::Data) };
    let mut began = false;
    let mut progress = |_| began = true;
    let mut watch = Watch { progress: &mut progress, cancel: &AtomicBool::new(false) };
    let error = score(&dithered, &unwritable, None, &mut watch).unwrap_err();
    assert_eq!(error.to_string(), "the engine can't write Q8_K: leave it out");
    assert!(!began, "found out before anything is computed");
    let scores = run(&dithered, &request(sequences(0..1), Labels::Data)).unwrap();
    assert!(scores.tensors.iter().flat_map(|tensor| &tensor.prices).all(|price| price.squared_error > 0.0));
    let error = run(&dithered, &request(vec![], Labels::Data)).unwrap_err();
    assert!(error.to_string().contains("expected some, all of one length"), "{error}");
}

#[test]
fn weights_that_are_no_numbers_are_named() {
    let mut file = F32Model::tiny(&TinyModel::new(1));
    let start = place(&file.bytes, "blk.0.ffn_up.weight").start;
    file.bytes[start..start + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let model = Model::new(Gguf::parse(&file.bytes).unwrap(), None).unwrap();
    let error = run(&model, &request(sequences(0..1), Labels::Data)).unwrap_err();
    assert!(error.to_string().contains("blk.0.ffn_up.weight"), "{error}");
}

/// A network that multiplies by next to nothing and then by very much: there and back it isn't the same.
#[test]
fn a_gradient_that_is_no_number_is_named() {
    let mut file = F32Model::tiny(&TinyModel::new(1));
    for (name, factor) in [("output_norm", 1e6), ("blk.0.ffn_up", 1e-36), ("blk.0.ffn_down", 1e36)] {
        let place = place(&file.bytes, &format!("{name}.weight"));
        let (words, _) = file.bytes[place].as_chunks_mut();
        words.iter_mut().for_each(|word| *word = (f32::from_le_bytes(*word) * factor).to_le_bytes());
    }
    let model = Model::new(Gguf::parse(&file.bytes).unwrap(), None).unwrap();
    let error = run(&model, &request(sequences(0..1), Labels::Data)).unwrap_err();
    assert!(error.to_string().contains("the gradient of blk.0.ffn_gate.weight"), "{error}");
}
