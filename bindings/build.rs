//! What is linked here holds the engine, whose prefetch is withheld at link time
//! (docs/adr/0006-prefetch-stripped-at-link-time.md).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let link_args = std::env::var("DEP_PACKBENCH_ENGINE_LINK_ARGS").unwrap_or_default();
    link_args.split_whitespace().for_each(|argument| println!("cargo::rustc-link-arg={argument}"));
}
