//! What a load brings into memory, what the hooks withhold, and what fresh mappings leave.

use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::Advice;
use packbench_core::measure::engine::{CPU, Engine, LoadFacts, LoadWay, Prompt};
use packbench_core::unit::Bytes;

use crate::shared::{Model, Pages, engine, request};

fn tiny() -> Model {
    Model::tiny(&TinyModel { payload: Bytes::mib(24), ..TinyModel::new(12) })
}

#[test]
fn tiny_models_come_in_as_asked() {
    a_stock_load_fetches_everything_and_a_stripped_one_little(&tiny());
    a_policy_shows_from_the_first_byte(&tiny());
    fresh_mappings_are_cold_and_hold_the_same_weights(&tiny());
}

#[test]
#[ignore = "takes real models: scripts/test --stage model"]
fn real_models_come_in_as_asked() {
    for model in Model::real_ones() {
        a_stock_load_fetches_everything_and_a_stripped_one_little(&model);
        a_policy_shows_from_the_first_byte(&model);
        fresh_mappings_are_cold_and_hold_the_same_weights(&model);
    }
}

/// Loads from a cold start; the facts, and how many pages are in memory then. `None` where nothing can be evicted.
fn cold_load(model: &Model, pages: &Pages, way: LoadWay) -> Option<(LoadFacts, u64)> {
    assert_eq!(pages.evict()?, 0);
    let loaded = engine().load(&request(&model.path, way)).unwrap();
    Some((loaded.facts().clone(), pages.resident()))
}

fn a_stock_load_fetches_everything_and_a_stripped_one_little(model: &Model) {
    let pages = Pages::of(&model.path);
    let Some((stock, all)) = cold_load(model, &pages, LoadWay::Stock) else { return };
    assert_eq!((stock.way, stock.hook_hits, all), (LoadWay::Stock, 0, pages.count()));

    let way = LoadWay::Stripped(Advice::Random);
    let (stripped, few) = cold_load(model, &pages, way).unwrap();
    assert_eq!((stripped.way, stripped.hook_hits), (way, 3), "populate, will need and sequential");
    assert!(few < pages.count() / 3, "{few} of {} pages: the header and what is read ahead", pages.count());
    assert_eq!(stripped.copied, Bytes(0));
    assert_eq!(stripped.backend, CPU, "this build has no other");
}

fn a_policy_shows_from_the_first_byte(model: &Model) {
    let pages = Pages::of(&model.path);
    let way = LoadWay::Stripped(Advice::Populate);
    let Some((_, all)) = cold_load(model, &pages, way) else { return };
    assert_eq!(all, pages.count());
}

#[test]
fn direct_reading_leaves_the_page_cache_alone() {
    let model = tiny();
    let pages = Pages::of(&model.path);
    let Some((facts, few)) = cold_load(&model, &pages, LoadWay::Direct) else { return };
    if facts.way == LoadWay::Direct {
        assert!(few < pages.count() / 3, "{few} of {} pages", pages.count());
    }
    let (facts, all) = cold_load(&model, &pages, LoadWay::Read).unwrap();
    assert_eq!((facts.way, facts.mapped), (LoadWay::Read, Bytes(0)));
    assert!(all >= pages.count() - 1, "{all} of {} pages: all but the end", pages.count());
}

fn fresh_mappings_are_cold_and_hold_the_same_weights(model: &Model) {
    let pages = Pages::of(&model.path);
    let loaded = engine().load(&request(&model.path, LoadWay::Stock)).unwrap();
    let prompt = loaded.tokens(&Prompt::Count(1)).unwrap();
    let mut context = loaded.context(64).unwrap();
    let warm = context.prefill(&prompt).unwrap();
    for policy in [Advice::Normal, Advice::Sequential] {
        context.clear();
        loaded.remap().unwrap();
        loaded.advise(policy).unwrap();
        let Some(left) = pages.evict() else { return };
        assert_eq!(left, 0, "nothing holds a page of the old mappings");
        assert_eq!(context.prefill(&prompt).unwrap(), warm);
        assert!(pages.resident() > 0);
    }
}
