//! Which weights an operation reads, and how much of each.

use packbench_core::layout::{Extent, TraceBuilder};
use packbench_core::unit::Bytes;

use crate::ffi::{Node, Picks};

/// Notes the weights that `node` has read.
pub fn note(node: Node<'_>, trace: &mut TraceBuilder) {
    if !node.computes() {
        return;
    }
    let operation = node.operation();
    for (index, source) in node.sources().enumerate() {
        let weight = source.whole();
        if !weight.is_weight() {
            continue;
        }
        let picks = if index == 0 { node.picks() } else { Picks::Nothing };
        let part = Bytes(weight.part_bytes(picks));
        // A view of a weight counts as all of it: nothing says which pages it spares.
        match (picks, picked(node, picks)) {
            (Picks::Rows, Some(rows)) => trace.read(&weight.name(), &operation, Extent::Rows(&rows, part)),
            (Picks::Experts, Some(experts)) => {
                trace.read(&weight.name(), &operation, Extent::Experts(&experts, part));
            }
            _ => trace.read(&weight.name(), &operation, Extent::Whole(Bytes(weight.bytes()))),
        }
    }
}

/// The numbers of the parts that `node` picked.
fn picked(node: Node<'_>, picks: Picks) -> Option<Vec<u32>> {
    let index = match picks {
        Picks::Rows => 1,
        Picks::Experts => 2,
        Picks::Nothing => return None,
    };
    node.sources().nth(index)?.numbers()
}
