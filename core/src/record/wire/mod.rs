//! The JSON of reports, jobs and comparisons. Only types in this folder are serialized, with their units in their names:
//! integers in base units, `null` for what this system doesn't tell, never 0.

mod assignment;
mod comparison;
mod curve;
mod doctor;
mod evaluation;
mod fields;
mod inspection;
mod lines;
mod maps;
mod metrics;
mod names;
pub(crate) mod object;
mod phone;
mod quant_plan;
mod repacked;
mod scores;
mod summary;
mod trace;

pub use assignment::{Assignment, Request};
pub use comparison::{Comparison, Comparisons, Drift, Floored, Obstacle, OrderEffect};
pub use curve::{Curve, CurvePoint};
pub use doctor::Check;
pub use evaluation::{Evaluated, EvaluatedModel, Evaluation, EvaluationResult, KldDifference};
pub use inspection::*;
pub use lines::*;
pub use metrics::*;
pub use names::*;
pub use phone::{App, Facts, Redo, Wait};
pub use quant_plan::{
    Against, AgreedLayers, Override, PlanBudget, PlanStats, PlannedTensor, Planning, QuantPlan, TypeChange,
};
pub use repacked::{ReadBack, Repacked};
pub use scores::{FimScores, Price, PricedModel, Pricing, ScoreCost, Shards, StockMix, TensorPrices, Text};
pub use summary::Summary;
pub use trace::{WeightRead, WeightTrace};
