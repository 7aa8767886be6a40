//! Each cold first token against its floor, and what stands between the two.

use packbench_core::compare::floors;
use packbench_core::job::Field;
use packbench_core::record::Floored;
use packbench_core::unit::{Bytes, Nanos};

use super::table::table as lines;
use crate::measured::{Section, prompt};
use crate::words::{obstacle, or_dash};

const HEADER: [&str; 8] =
    ["prompt", "policy", "needed", "floor", "first token", "× floor", "95 % interval", "warm"];

/// Those of one file. Empty for a warm section: what is in memory has no floor.
pub fn table(section: &Section<'_>) -> String {
    let is_asked =
        |one: &Floored| (one.case.variant.as_str(), one.case.cache) == (section.variant, section.cache);
    let floored: Vec<Floored> = floors(section.report).into_iter().filter(is_asked).collect();
    match floored.is_empty() {
        true => String::new(),
        false => section.title("First token against its floor") + &rows(&floored),
    }
}

/// A line for each, and one for what stands between.
pub fn rows(floored: &[Floored]) -> String {
    let fields = telling_apart(floored);
    let between = floored.iter().filter(|one| !one.obstacles.is_empty());
    let between = between.map(|one| {
        let obstacles: Vec<String> = one.obstacles.iter().map(obstacle).collect();
        let prompt = or_dash(one.case.prompt());
        format!("{prompt}, {}, against the floor: {}\n", words(one, fields), obstacles.join("; "))
    });
    lines(&HEADER, 2, floored.iter().map(|one| row(one, fields))) + &between.collect::<String>()
}

/// What first tokens of one prompt differ in: the variant goes without saying where there is one.
fn telling_apart(floored: &[Floored]) -> &'static [Field] {
    let one_variant = floored.windows(2).all(|pair| pair[0].case.variant == pair[1].case.variant);
    let fields = &[Field::Variant, Field::Policy, Field::Threads, Field::Way];
    if one_variant { &fields[1..] } else { fields }
}

fn words(one: &Floored, fields: &[Field]) -> String {
    let told = fields.iter().filter_map(|field| one.case.told(*field));
    told.collect::<Vec<_>>().join(", ")
}

fn row(one: &Floored, fields: &[Field]) -> Vec<String> {
    vec![
        prompt(&one.case),
        words(one, fields),
        Bytes(one.needed_bytes).to_string(),
        Nanos(one.floor_ns).to_string(),
        Nanos(one.first_token_ns).to_string(),
        or_dash(one.ratio.map(|ratio| format!("{ratio:.2}"))),
        or_dash(one.interval.map(|(low, high)| format!("{low:.2} – {high:.2}"))),
        or_dash(one.warm_ns.map(Nanos)),
    ]
}
