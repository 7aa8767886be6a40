//! The trace is the order in which weights really come in: held against the page cache, one operation after another.

use std::cell::RefCell;
use std::collections::HashSet;

use packbench_core::gguf::Gguf;
use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::Advice;
use packbench_core::measure::engine::{Engine, LoadWay, LoadedModel, Prompt};
use packbench_core::record::WeightTrace;
use packbench_core::unit::{ByteRange, Bytes};

use crate::shared::{ARCHITECTURES, Model, NEVER, Pages, engine, request};

/// The weights that have pages of their own, in file order.
fn with_own_pages(pages: &Pages) -> Vec<(String, ByteRange)> {
    let gguf = Gguf::parse(pages.bytes()).unwrap();
    let tensors = gguf.tensors.iter().filter(|tensor| pages.within(tensor.data).count > 0);
    tensors.map(|tensor| (tensor.name.to_owned(), tensor.data)).collect()
}

/// Steps through a prompt from a cold start. For each operation that brought weights in: their names. With it, what the
/// engine was seen to read. `None` where nothing can be evicted.
fn come_in(model: &Model, prompt: &Prompt) -> Option<(Vec<HashSet<String>>, WeightTrace)> {
    let pages = Pages::of(&model.path);
    let weights = with_own_pages(&pages);
    let loaded = engine().open(&request(&model.path, LoadWay::Stripped(Advice::Random))).unwrap();
    let tokens = loaded.tokens(prompt).unwrap();
    loaded.remap().unwrap();
    loaded.advise(Advice::Random).unwrap();
    assert_eq!(pages.evict()?, 0);
    let (seen, order) = (RefCell::new(HashSet::new()), RefCell::new(Vec::new()));
    let reads = loaded.step(&tokens, &mut || {
        let is_new = |name: &String| !seen.borrow().contains(name);
        let news = weights.iter().filter(|(name, at)| is_new(name) && pages.resident_within(*at) > 0);
        let news: HashSet<String> = news.map(|(name, _)| name.clone()).collect();
        seen.borrow_mut().extend(news.iter().cloned());
        if !news.is_empty() {
            order.borrow_mut().push(news);
        }
    });
    Some((order.take(), reads.unwrap().finish(String::new(), Vec::new())))
}

/// The weights with pages of their own, in the order in which `trace` first names them.
fn first_named(trace: &WeightTrace, model: &Model) -> Vec<String> {
    let own: HashSet<String> =
        with_own_pages(&Pages::of(&model.path)).into_iter().map(|(name, _)| name).collect();
    let mut seen = HashSet::new();
    let names = trace.reads.iter().map(|read| read.tensor.clone());
    names.filter(|name| own.contains(name) && seen.insert(name.clone())).collect()
}

/// Whether weights that are named in this order come in in that one. Those of one operation come in together.
fn agree(named: &[String], come_in: &[HashSet<String>]) -> bool {
    let mut named = named.iter();
    let same =
        |group: &HashSet<String>| named.by_ref().take(group.len()).cloned().collect::<HashSet<_>>() == *group;
    come_in.iter().all(same) && named.next().is_none()
}

fn the_trace_is_true(model: &Model, prompt: &Prompt) {
    let Some((come_in, stepped)) = come_in(model, prompt) else { return };
    let trace = engine().trace(&model.path, prompt, &NEVER).unwrap();
    let differ = trace.reads.iter().zip(&stepped.reads).find(|(traced, stepped)| traced != stepped);
    assert!(trace.reads == stepped.reads, "a trace is the same each time: {differ:?}");
    let named = first_named(&trace, model);
    assert!(agree(&named, &come_in), "named: {named:#?}\ncome in: {come_in:#?}");

    let own = trace.reads.iter().filter(|read| named.contains(&read.tensor));
    let own: u64 = own.map(|read| read.bytes).sum();
    assert!(own * 100 > trace.bytes().0 * 95, "{own} of {} bytes were watched", trace.bytes().0);

    for wrong in planted(&named) {
        assert!(!agree(&wrong, &come_in), "a wrong order is noticed");
    }
}

/// Orders that are wrong: neighbours swapped, a weight left out, one named that isn't read, the file's own order.
fn planted(right: &[String]) -> Vec<Vec<String>> {
    let mut swapped = right.to_vec();
    swapped.swap(1, 2);
    let mut late = right.to_vec();
    late.swap(right.len() - 1, right.len() - 2);
    let short = right[..right.len() - 1].to_vec();
    let mut long = right.to_vec();
    long.push("blk.99.attn_q.weight".into());
    let mut sorted = right.to_vec();
    sorted.sort();
    vec![swapped, late, short, long, sorted]
}

#[test]
fn tiny_models_come_in_as_traced() {
    for architecture in ARCHITECTURES {
        let model = Model::tiny(&TinyModel { architecture, payload: Bytes::mib(8), ..TinyModel::new(12) });
        the_trace_is_true(&model, &Prompt::Count(1));
        the_trace_is_true(&model, &Prompt::Count(16));
    }
}

#[test]
#[ignore = "takes real models: scripts/test --stage model"]
fn real_models_come_in_as_traced() {
    for model in Model::real_ones() {
        the_trace_is_true(&model, &Prompt::Count(4));
    }
}

#[test]
fn a_trace_begins_with_the_embedding_goes_through_the_layers_and_ends_with_the_output() {
    for architecture in ARCHITECTURES {
        let model = Model::tiny(&TinyModel { architecture, ..TinyModel::new(12) });
        let trace = engine().trace(&model.path, &Prompt::Count(3), &NEVER).unwrap();
        let (first, last) = (&trace.reads[0], &trace.reads[trace.reads.len() - 1]);
        assert_eq!((first.tensor.as_str(), first.operation.as_str()), ("token_embd.weight", "GET_ROWS"));
        assert_eq!(first.rows.as_deref(), Some(&trace.prompt_tokens[..]));
        assert_eq!(first.bytes, 3 * 128 / 32 * 34, "rows of 128 in Q8_0");
        assert_eq!((last.tensor.as_str(), last.operation.as_str()), ("token_embd.weight", "MUL_MAT"));

        let layers: Vec<u32> = trace.reads.iter().filter_map(|read| read.layer).collect();
        assert!(layers.is_sorted(), "{layers:?}");
        assert_eq!((layers[0], layers[layers.len() - 1]), (0, 11));

        let pages = Pages::of(&model.path);
        let gguf = Gguf::parse(pages.bytes()).unwrap();
        let weights: u64 = gguf.tensors.iter().map(|tensor| tensor.data.len.0).sum();
        assert_eq!(trace.bytes().0, weights, "each byte of a tied model is read, and counted once");
    }
}
