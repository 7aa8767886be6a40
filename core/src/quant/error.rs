//! Why there is no plan.

use crate::gguf::GgmlType;
use crate::record::JsonError;
use crate::unit::Bytes;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The scores were made elsewhere.
    #[error(
        "the scores hold no prices, which {strategy} needs: make them with packbench score, or take top-layers, \
         top-percent, groups or thresholds"
    )]
    NoPrices {
        /// The strategy.
        strategy: String,
    },
    /// The scores don't rank what a strategy chooses among.
    #[error("the scores hold no {what}")]
    NoScore {
        /// What is missing.
        what: &'static str,
    },
    /// A tensor can't have any of the types that were asked for.
    #[error(
        "tensor {tensor:?} was priced in none of the types that were asked for, but in {priced}: add one of these to --types"
    )]
    NoType {
        /// The tensor.
        tensor: String,
        /// What it could have.
        priced: String,
    },
    /// A type that no tensor was priced in.
    #[error(
        "no tensor was priced in {ggml_type}, expected one of {priced}: score with it among --types, if any rows take it"
    )]
    NotPriced {
        /// The type.
        ggml_type: GgmlType,
        /// Those that there are prices of.
        priced: String,
    },
    /// What nobody told the quantizer.
    #[error(
        "llama.cpp makes {mix} under an importance matrix only, and the scores are of none: score with --imatrix"
    )]
    WeightsNeeded {
        /// The stock mix.
        mix: String,
    },
    /// Even the smallest types take more.
    #[error("the budget is {} bytes and the smallest types take {}: raise the budget, or allow smaller types", budget.0, least.0)]
    OutOfReach {
        /// What was asked for.
        budget: Bytes,
        /// The whole file in the smallest types.
        least: Bytes,
    },
    /// Even the largest types lose more.
    #[error(
        "the least that the types lose is {least:.3e} nats per token, above the {asked:.3e} asked for: allow larger types"
    )]
    LossOutOfReach {
        /// What was asked for.
        asked: f64,
        /// The loss in the best types.
        least: f64,
    },
    /// A strategy that works towards a budget was given none.
    #[error("{strategy} needs a --budget: {}", super::BUDGETS)]
    NoBudget {
        /// The strategy.
        strategy: String,
    },
    /// A strategy that comes to what it comes to was given one.
    #[error("{strategy} takes no --budget: it comes to what it comes to")]
    BudgetNotTaken {
        /// The strategy.
        strategy: String,
    },
    /// No such recipe.
    #[error("found no stock mix {found:?} in the scores, expected one of {known}")]
    NoSuchMix {
        /// The name asked for.
        found: String,
        /// Those that the scores hold.
        known: String,
    },
    /// A time that wasn't turned into bytes.
    #[error("the report behind a first-token budget was not read")]
    NotResolved,
    /// A type that a tensor's rows don't take.
    #[error("{ggml_type} for tensor {tensor:?}")]
    Type {
        /// The tensor.
        tensor: String,
        /// The type.
        ggml_type: GgmlType,
        /// Why not.
        source: JsonError,
    },
    /// The scores contradict themselves.
    #[error(transparent)]
    Json(#[from] JsonError),
}
