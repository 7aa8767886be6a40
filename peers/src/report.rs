//! What a stage shows: a table for people, and, where asked for, a line of JSON a row.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

/// One thing that was held against its bar.
pub trait Row {
    /// The names of the columns; the first holds words, the others numbers.
    const HEADER: &'static [&'static str];
    /// The row as people read it.
    fn cells(&self) -> Vec<String>;
    /// The row with all that it was made of, in base units.
    fn json(&self) -> Value;
    /// Whether the bar was reached; `None` for a row that stands there for orientation.
    fn holds(&self) -> Option<bool>;
}

/// What a stage has shown so far.
pub struct Report {
    json: Option<File>,
    holds: bool,
}

impl Report {
    /// Nothing yet; lines of JSON will go to the file `json`.
    pub fn new(json: Option<&Path>) -> Result<Self> {
        let create = |path: &Path| File::create(path).with_context(|| format!("creating {}", path.display()));
        Ok(Report { json: json.map(create).transpose()?, holds: true })
    }

    /// Prints a table of `rows`.
    pub fn show<R: Row>(&mut self, rows: &[R]) -> Result<()> {
        println!("{}", table(rows));
        if let Some(file) = &mut self.json {
            rows.iter().try_for_each(|row| writeln!(file, "{}", row.json()))?;
        }
        self.holds &= rows.iter().all(|row| row.holds() != Some(false));
        Ok(())
    }

    /// Whether all bars were reached.
    pub fn holds(&self) -> bool {
        self.holds
    }
}

/// Without borders, as the tables of packbench.
fn table<R: Row>(rows: &[R]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(R::HEADER.iter().copied().chain([""]));
    for row in rows {
        table.add_row(row.cells().into_iter().chain([verdict(row.holds()).to_owned()]));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        let words = index == 0 || index == R::HEADER.len();
        column.set_cell_alignment(if words { CellAlignment::Left } else { CellAlignment::Right });
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn verdict(holds: Option<bool>) -> &'static str {
    match holds {
        Some(true) => "ok",
        Some(false) => "MISSED",
        None => "not gated",
    }
}
