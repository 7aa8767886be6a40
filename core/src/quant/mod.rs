//! From scores to plans: what each tensor costs in each type, and which types a budget should buy.

pub mod cost;
pub mod knapsack;
mod published;

pub use published::{Scored, published};
