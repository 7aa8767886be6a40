//! Writes the Kotlin and the Swift that call the library (scripts/bindgen).

fn main() {
    uniffi::uniffi_bindgen_main();
}
