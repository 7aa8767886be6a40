//! llama.cpp's prefetch is withheld by functions that the linker puts in place of the system's (src/hooks.rs). That
//! takes arguments where a program or a library is linked, and cargo hands those of a library's build script to nobody:
//! they go to the build scripts of the packages that depend on this one, as `DEP_PACKBENCH_ENGINE_LINK_ARGS`, which
//! repeat them. docs/adr/0006-prefetch-stripped-at-link-time.md has the lines.
//!
//! Where the compiler has given llama.cpp's calls the names of these functions, nothing is left to the linker:
//! docs/adr/0011-apple-platforms.md. That is Apple's way, and Linux's when `CXXFLAGS` say so.

/// The functions that src/hooks.rs takes the place of.
const WRAPPED: [&str; 4] = ["mmap", "munmap", "posix_madvise", "posix_fadvise"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CXXFLAGS");
    println!("cargo::rustc-check-cfg=cfg(renamed)");
    let system = std::env::var("CARGO_CFG_TARGET_OS").expect("cargo sets CARGO_CFG_TARGET_OS");
    let renamed = std::env::var("CXXFLAGS").is_ok_and(|flags| flags.contains("=__wrap_mmap"));
    if renamed || !["linux", "android"].contains(&system.as_str()) {
        println!("cargo::rustc-cfg=renamed");
        return;
    }
    let arguments = WRAPPED.map(|function| format!("-Wl,--wrap={function}"));
    println!("cargo::metadata=link_args={}", arguments.join(" "));
    for argument in arguments {
        println!("cargo::rustc-link-arg={argument}"); // for the tests of this package
    }
}
