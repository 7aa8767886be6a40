//! Compiles the C loops at the optimisation of a distribution's packages.

fn main() {
    println!("cargo::rerun-if-changed=c");
    cc::Build::new()
        .file("c/loops.c")
        .opt_level(2)
        .flag("-std=c11")
        .warnings_into_errors(true)
        .compile("loops");
}
