//! The forward order that core derives from names is the order in which llama.cpp runs.

use packbench_core::gguf::Gguf;
use packbench_core::gguf::sample::{LayerOrder, TinyModel};
use packbench_core::layout::{Names, Order};
use packbench_core::measure::engine::{Engine, Prompt};

use crate::shared::{ARCHITECTURES, Model, NEVER, Pages, engine};

fn the_derived_order_is_the_traced_one(model: &Model) {
    let pages = Pages::of(&model.path);
    let gguf = Gguf::parse(pages.bytes()).unwrap();
    let mut names: Vec<&str> = gguf.tensors.iter().map(|tensor| tensor.name).collect();
    // whatever order the file has
    names.sort_unstable();
    let architecture = gguf.metadata.str("general.architecture").unwrap();
    let derived = Order::Forward.arrange(&Names { in_file: &names, architecture, reference: None }).unwrap();
    let derived: Vec<&str> = derived.into_iter().map(|index| names[index]).collect();
    let trace = engine().trace(&model.path, &Prompt::Count(1), &NEVER).unwrap();
    assert_eq!(derived, trace.tensors(), "{architecture:?}");
}

#[test]
fn of_each_architecture() {
    for architecture in ARCHITECTURES {
        let order = LayerOrder::Lexicographic;
        let model = Model::tiny(&TinyModel { architecture, order, ..TinyModel::new(12) });
        the_derived_order_is_the_traced_one(&model);
    }
}

#[test]
fn of_real_models() {
    for model in Model::real_ones() {
        the_derived_order_is_the_traced_one(&model);
    }
}
