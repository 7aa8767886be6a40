//! The state of a score comes back whole or not at all.

use std::time::Duration;

use packbench_core::gguf::GgmlType;
use packbench_core::quant::checkpoint::{CheckpointError, Spent, State, TensorScore, read, write};
use packbench_core::record::Price;

/// Of two sequences of two tokens.
pub fn state() -> State {
    let price = Price {
        ggml_type: GgmlType::Q4_0,
        bytes: 18,
        loss_by_sequence_nats: 0.25,
        loss_by_token_nats: 0.5,
        squared_error: 1e-9,
        imatrix_squared_error: Some(3.0),
    };
    let tensor = TensorScore {
        name: "blk.1.attn_q.weight".into(),
        trace: 7.0,
        inputs: vec![1.0, 2.0],
        columns: vec![0.5],
        prices: vec![price.clone(), Price { imatrix_squared_error: None, ..price }],
    };
    State {
        layers_left: 1,
        rows_done: 0,
        nll: 12.5,
        log_sums: vec![vec![1.0, 2.0], vec![3.0, 4.0]],
        labels: vec![vec![5, 6], vec![7]],
        deltas: vec![vec![0.1, 0.2, 0.3, 0.4], vec![0.5, 0.6, 0.7, 0.8]],
        tensors: vec![tensor],
        spent: Spent { gradients: Duration::from_nanos(5), pricing: Duration::from_nanos(6) },
    }
}

const KEY: [u8; 32] = [7; 32];

#[test]
fn what_was_written_comes_back_and_nothing_else_passes() {
    let whole = write(&state(), &KEY);
    assert_eq!(read(&whole, &KEY), Ok(state()));
    assert_eq!(read(&whole, &[8; 32]), Err(CheckpointError::OtherKey));
    assert_eq!(read(&[b'x'; 99], &KEY), Err(CheckpointError::NotAScore));
    for len in 0..whole.len() {
        assert!(read(&whole[..len], &KEY).is_err(), "cut to {len} bytes");
    }
    for place in 18..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        assert_eq!(read(&damaged, &KEY), Err(CheckpointError::Damaged), "byte {place}");
    }
}

/// A damaged file is found by its hash; should that ever match, nothing is read past the end or allocated ahead.
#[test]
fn a_state_is_read_to_its_end_and_not_past_it() {
    let mut bytes = Vec::new();
    state().encode(&mut bytes);
    assert_eq!(State::decode(&bytes), Some(state()));
    for len in 0..bytes.len() {
        assert_eq!(State::decode(&bytes[..len]), None, "{len} bytes");
    }
    bytes.push(0);
    assert_eq!(State::decode(&bytes), None);
    let lengths = |count: u64| [[0; 40].as_slice(), &count.to_le_bytes(), &count.to_le_bytes()].concat();
    for count in [1, u64::from(u32::MAX), u64::MAX / 4, u64::MAX] {
        assert_eq!(State::decode(&lengths(count)), None, "{count}");
    }
}

#[test]
fn a_state_of_something_else_does_not_fit() {
    assert!(state().fits(1, 2, 2, 2));
    for (layers, sequences, tokens, columns) in
        [(0, 2, 2, 2), (1, 1, 2, 2), (1, 2, 1, 4), (1, 2, 2, 1), (1, 2, usize::MAX, usize::MAX)]
    {
        assert!(!state().fits(layers, sequences, tokens, columns), "{layers} {sequences} {tokens} {columns}");
    }
    let missing = State { labels: vec![vec![5, 6]], ..state() };
    assert!(!missing.fits(1, 2, 2, 2));
    let rows_before_layers = State { rows_done: 1, ..state() };
    assert!(!rows_before_layers.fits(1, 2, 2, 2));
    let rows = State { layers_left: 0, rows_done: 1, ..state() };
    assert!(rows.fits(1, 2, 2, 2));
    assert!(!State { tensors: Vec::new(), ..rows }.fits(1, 2, 2, 2), "rows of nothing");
}
