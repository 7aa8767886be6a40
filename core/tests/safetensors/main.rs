//! The safetensors reader against hostile bytes and against the reference implementation.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are tests; the lint knows only functions marked as such"
)]

mod hostile;
mod index;
#[path = "../kept_seeds/mod.rs"]
mod kept_seeds;
mod reference;
mod seeds;

/// A file with this header and so many bytes of data.
fn file(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![7; data]].concat()
}

/// A tensor's entry in a header: bytes from `begin` to `end`.
fn bytes(name: &str, begin: u64, end: u64) -> String {
    format!(
        r#""{name}":{{"dtype":"U8","shape":[{}],"data_offsets":[{begin},{end}]}}"#,
        end.saturating_sub(begin)
    )
}
