//! Parts of a scoring add up, whatever their order; what isn't a part of the same one is refused.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod prices;

use insta::assert_snapshot;
use packbench_core::quant::merge;
use packbench_core::record::{FimScores, Pricing};
use prices::scores;

/// Part `shard` of three, its sums `shard` times those of the first.
fn part(shard: u32) -> FimScores {
    changed(shard, |_| ())
}

fn changed(shard: u32, change: impl Fn(&mut Pricing)) -> FimScores {
    let mut scores = scores(2, 1);
    let pricing = scores.packbench.as_mut().unwrap();
    (pricing.shards.of, pricing.shards.held) = (3, vec![shard]);
    for tensor in &mut pricing.tensors {
        tensor.trace = tensor.trace.map(|trace| trace * f64::from(shard));
        for price in &mut tensor.candidates {
            price.loss_by_sequence_nats *= f64::from(shard);
            price.loss_by_token_nats *= f64::from(shard);
        }
    }
    change(pricing);
    scores
}

fn refused(other: FimScores) -> String {
    merge(&[part(1), other]).unwrap_err().to_string()
}

#[test]
fn parts_add_up_in_any_order() {
    let whole = merge(&[part(1), part(2), part(3)]).unwrap();
    assert_eq!(merge(&[part(3), part(1), part(2)]).unwrap(), whole);
    let (pricing, first) = (whole.packbench.as_ref().unwrap(), part(1).packbench.unwrap());
    assert_eq!((whole.num_samples, pricing.tokens, &pricing.shards.held[..]), (30, 3_000, &[1, 2, 3][..]));
    for (sum, one) in pricing.tensors.iter().zip(&first.tensors) {
        let near = |sum: f64, one: f64| (sum - one).abs() <= 1e-12 * one;
        assert!(sum.trace.zip(one.trace).is_none_or(|(sum, one)| near(sum, 6.0 * one)));
        for (sum, one) in sum.candidates.iter().zip(&one.candidates) {
            assert!(near(sum.loss_by_sequence_nats, 6.0 * one.loss_by_sequence_nats));
            assert!(near(sum.loss_by_token_nats, 6.0 * one.loss_by_token_nats));
            assert_eq!(sum.squared_error, one.squared_error, "errors don't depend on the sequences");
        }
    }
    let read = FimScores::read(&serde_json::to_vec(&whole).unwrap()).unwrap();
    assert_eq!(read, whole, "the published keys agree with the sums");
}

#[test]
fn a_sum_and_the_rest_add_up_too() {
    let two = merge(&[part(3), part(1)]).unwrap();
    let whole = merge(&[part(2), two]).unwrap();
    assert_eq!(whole.packbench.unwrap().shards.held, [1, 2, 3]);
}

#[test]
fn parts_of_builds_that_round_otherwise_add_up() {
    let rounded = changed(2, |pricing| {
        pricing
            .tensors
            .iter_mut()
            .flat_map(|tensor| &mut tensor.candidates)
            .for_each(|price| price.squared_error *= 1.0 + 1e-9)
    });
    assert!(merge(&[part(1), rounded]).is_ok());
}

#[test]
fn what_isnt_a_part_is_refused() {
    assert_snapshot!(merge(&[]).unwrap_err(), @"found no scores, expected at least one file");
    assert_snapshot!(refused(part(1)), @"file 2 holds part 1, which another file holds, too: each counts once");
    assert_snapshot!(refused(FimScores { packbench: None, ..part(2) }), @"file 2 holds no sums of packbench's own, so it can't be added up");
    assert_snapshot!(refused(FimScores { seed: 9, ..part(2) }), @"file 2 differs from file 1 in the seed: only parts of one scoring add up");
    assert_snapshot!(refused(changed(2, |pricing| pricing.model.payload_hash = "1b".repeat(32))), @"file 2 differs from file 1 in the model: only parts of one scoring add up");
    assert_snapshot!(refused(changed(2, |pricing| pricing.shards.of = 4)), @"file 2 differs from file 1 in the number of parts: only parts of one scoring add up");
    assert_snapshot!(refused(changed(2, |pricing| pricing.tensors[0].candidates.truncate(1))), @r#"file 2 differs from file 1 in tensor "token_embd.weight": only parts of one scoring add up"#);
    assert_snapshot!(refused(changed(2, |pricing| pricing.tensors[0].candidates[0].squared_error *= 1.5)), @r#"file 2 differs from file 1 in what Q4_0 changes in "token_embd.weight", as if each had an imatrix of its own: only parts of one scoring add up"#);
}
