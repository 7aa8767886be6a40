//! The same tensors in another order: what is planned, what is made, and what can go wrong.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod apply;
mod gguf;
mod safetensors;
mod shared;
