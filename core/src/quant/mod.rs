//! From scores to plans: what each tensor costs in each type, and which types a budget should buy.
//!
//! ```text
//! scores ─ table ─ budget → bytes ─ assign (knapsack, greedy, rules) ─ against ─► plan
//! ```
//! A table is what each tensor could be, `assign` gives each a type, `against` holds that beside a stock mix, and
//! `overrides` puts it into the published form.

mod against;
mod assign;
mod budget;
pub mod checkpoint;
pub mod cost;
mod curve;
mod emit;
mod error;
mod greedy;
pub mod imatrix;
pub mod knapsack;
mod merge;
mod overrides;
mod plan;
mod published;
mod rules;
mod strategy;
mod table;

pub use curve::{CURVE_SCHEMA, curve};
pub use emit::{TensorType, asked_type, tensor_types};
pub use error::PlanError;
pub use imatrix::ColumnWeights;
pub use merge::{MergeError, merge};
pub use plan::{Question, plan};
pub use published::{Scored, published};
pub use strategy::{BUDGETS, Budget, Objective, STRATEGIES, Strategy};
