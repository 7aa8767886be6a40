use crate::shared::*;
use packbench_core::gguf::sample::TinyModel;
use packbench_core::measure::engine::*;

#[test]
fn smoke() {
    let model = Model::tiny(&TinyModel::new(12));
    let engine = engine();
    eprintln!("{}", engine.identity());
    for way in [
        LoadWay::Stock,
        LoadWay::Stripped(packbench_core::job::Policy::Random),
        LoadWay::Read,
        LoadWay::Direct,
    ] {
        let loaded = engine.load(&request(&model.path, way)).unwrap();
        eprintln!("{:?}", loaded.facts());
        let tokens = loaded.tokens(&Prompt::Count(16)).unwrap();
        let mut c = loaded.context().unwrap();
        eprintln!("{:?} {:?}", c.prefill(&tokens).unwrap(), c.decode().unwrap());
    }
    let t = engine.trace(&model.path, &Prompt::Text("hello".into()), &NEVER).unwrap();
    for r in &t.reads[..30] {
        eprintln!("{r:?}");
    }
}
