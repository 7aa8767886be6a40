//! Tables: numbers as they were measured stand in `value`, as they are read in the text.

use maud::{Markup, html};

use crate::page::{Cell, Claimed, Quantity, Standing, Table};

pub fn table(table: &Table) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(table.title) {
            table.sortable {
                caption { bdi { (table.title) } }
                thead { tr { @for (column, title) in table.head.iter().enumerate() {
                    @if title.is_empty() { td {} } @else { th scope="col" class=[(column >= table.words).then_some("n")] { bdi { (title) } } }
                } } }
                tbody { @for row in &table.rows {
                    tr { @for (column, one) in row.iter().enumerate() {
                        @if column == 0 { th scope="row" { (cell(one)) } }
                        @else { td class=[(column >= table.words).then_some("n")] { (cell(one)) } }
                    } }
                } }
            }
        }
    }
}

fn cell(cell: &Cell) -> Markup {
    html! { @match cell {
        Cell::Word(text) => bdi { (text) },
        Cell::Number(number) => (quantity(*number)),
        Cell::Range(low, high) => { (quantity(*low)) " – " (quantity(*high)) },
        Cell::Missing => span.missing { "–" },
    } }
}

fn quantity(quantity: Quantity) -> Markup {
    let unit: &str = quantity.unit.into();
    html! { data class=(unit) value=(quantity.value) { (quantity) } }
}

/// The claims, this page's answer beside each. A list, so that it can be narrow.
pub fn claims(claims: &[Claimed]) -> Markup {
    html! {
        ol.claims { @for claimed in claims {
            @let standing: &str = claimed.standing.into();
            li {
                p { (claimed.claim.text) " " a href=(claimed.claim.source) rel="noreferrer" { "Source" } }
                p class=(format!("standing {}", class(claimed.standing))) { (standing) }
                p.found {
                    @if claimed.standing == Standing::NotAsked { "Ask: " code { (claimed.claim.command) } }
                    @else { bdi { (claimed.answer) } }
                }
            }
        } }
    }
}

fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::Holds => "holds",
        Standing::DoesNotHold => "fails",
        Standing::InPart | Standing::Measured => "measured",
        Standing::NotAsked => "open",
    }
}
