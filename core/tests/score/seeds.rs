//! The seeds of the fuzz targets: here they are made, and held against what is in git.

use packbench_core::quant::checkpoint::State;

use crate::checkpoint::state;
use crate::imatrix::{experts, two_tensors};
use crate::kept_seeds::Seeds;

fn seeds() -> [Seeds; 2] {
    let encoded = |state: &State| {
        let mut bytes = Vec::new();
        state.encode(&mut bytes);
        bytes
    };
    let states = vec![("empty", encoded(&State::default())), ("state", encoded(&state()))];
    let matrices = vec![("two-tensors", two_tensors()), ("experts", experts())];
    [Seeds { target: "checkpoint", files: states }, Seeds { target: "imatrix", files: matrices }]
}

#[test]
fn the_seeds_in_git_are_current() {
    seeds().iter().for_each(Seeds::assert_current);
}

#[test]
#[ignore = "writes the seeds into fuzz/seeds"]
fn regenerate_the_seeds() {
    seeds().iter().for_each(Seeds::write);
}
