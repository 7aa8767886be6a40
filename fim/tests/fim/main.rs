//! Gradients held against finite differences, logits against llama.cpp's, scores against each other.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests fail by panics and say what they skip")]

mod gradients;
mod logits;
mod scores;
mod shared;
