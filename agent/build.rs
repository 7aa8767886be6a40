//! Reports name the profile and the target that the tool was built with; only the build knows them. What is linked here
//! holds the engine, whose prefetch is withheld at link time (docs/adr/0006-prefetch-stripped-at-link-time.md).

use std::path::PathBuf;

fn main() {
    // OUT_DIR is target/[triple/]PROFILE/build/CRATE/out; the variable PROFILE says only "debug" or "release".
    let out_dir = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let profile = out_dir.ancestors().nth(3).and_then(|folder| folder.file_name());
    let profile = profile.map_or("unknown".into(), |name| name.to_string_lossy().into_owned());
    let target = std::env::var("TARGET").expect("cargo sets TARGET");
    println!("cargo:rustc-env=PACKBENCH_PROFILE={profile}");
    println!("cargo:rustc-env=PACKBENCH_TARGET={target}");
    println!("cargo:rerun-if-changed=build.rs");
    let link_args = std::env::var("DEP_PACKBENCH_ENGINE_LINK_ARGS").unwrap_or_default();
    link_args.split_whitespace().for_each(|argument| println!("cargo:rustc-link-arg={argument}"));
}
