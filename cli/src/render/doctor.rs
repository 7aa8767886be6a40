//! The answer of `packbench doctor`.

use packbench_core::record::{Check, Finding};

use super::table::table;

/// What was found, and what to do about it.
pub fn doctor(checks: &[Check]) -> String {
    let mark = |finding| match finding {
        Finding::Good => "ok",
        Finding::Poor => "poor",
        Finding::Bad => "BAD",
    };
    let row = |check: &Check| vec![check.name.clone(), mark(check.finding).to_owned(), check.found.clone()];
    let mut text = table(&["what", "", "found"], 3, checks.iter().map(row));
    let advice: Vec<String> = checks
        .iter()
        .filter_map(|check| Some(format!("  {}: {}\n", check.name, check.advice.as_ref()?)))
        .collect();
    if !advice.is_empty() {
        text += &format!("\nWhat to do:\n{}", advice.concat());
    }
    text
}
