//! What a machine can prove.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Finding;

/// One thing that was examined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// What was examined.
    pub name: String,
    /// How that bears on measurements.
    pub finding: Finding,
    /// What was found.
    pub found: String,
    /// What to do; `null` when all is well.
    pub advice: Option<String>,
}
