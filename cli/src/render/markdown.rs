//! Markdown, short: what a pull request's comment says.

use std::fmt::Write;

use packbench_core::record::{Comparisons, Outcome, Verdict};

use super::comparisons::{NUMBERS, notes, percent, rows, sentence};
use crate::page::{Answer, Cell, Page, Part, Sentence, Table};

/// A page in short: the answer, the tables of first tokens and floors, what takes away from the trust.
pub fn page(page: &Page) -> String {
    let mut text = String::new();
    for device in &page.devices {
        let _ = writeln!(text, "### {}\n", escaped(&device.name));
        text += &answer(&device.answer);
        device
            .sections
            .iter()
            .filter_map(|section| section.summary.as_ref())
            .for_each(|one| text += &table(one));
        device.caveats.iter().for_each(|caveat| {
            let _ = writeln!(text, "- {}", escaped(caveat));
        });
        text += "\n";
    }
    text.trim_end().to_owned() + "\n"
}

/// The answer to a comparison, the worst first.
pub fn comparisons(answer: &Comparisons) -> String {
    let all = &answer.comparisons;
    let regressed = all.iter().filter(|one| one.regression);
    let headline: Vec<String> = regressed.map(|one| bold(&sentence(answer.metric, one))).collect();
    let of = format!("of {} among {} comparisons", answer.metric, all.len());
    let mut text = match (headline.is_empty(), answer.outcome()) {
        (false, _) => format!("{}\n\n", headline.join("\n\n")),
        (true, Outcome::Invalid) => format!("**Invalid**: no regression {of}, but some can't be made.\n\n"),
        (true, Outcome::Inconclusive) => {
            let threshold = percent(answer.threshold);
            format!("**Inconclusive**: no regression was seen {of}, and {threshold} is not excluded.\n\n")
        }
        (true, Outcome::Passed | Outcome::Regression) => format!("**No regression** {of}.\n\n"),
    };
    text += &compared(answer);
    for note in notes(answer) {
        let _ = write!(text, "\n- {}", escaped(&note));
    }
    text.trim_end().to_owned() + "\n"
}

/// The same table as a terminal's; what is faster or slower stands out.
fn compared(answer: &Comparisons) -> String {
    let (header, rows) = rows(answer);
    let words = header.len() - NUMBERS;
    let mut text = line(&header.iter().map(|name| escaped(name)).collect::<Vec<_>>());
    text += &format!("|{}{}\n", "---|".repeat(words), "--:|".repeat(NUMBERS));
    for (row, one) in rows.iter().zip(&answer.comparisons) {
        let mut cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
        if matches!(one.verdict, Verdict::Slower | Verdict::Faster) {
            cells[words - 1] = bold(&cells[words - 1]);
        }
        text += &line(&cells);
    }
    text
}

fn answer(answer: &Answer) -> String {
    let mut text = format!("{}\n", sentence_of(&answer.headline));
    for note in &answer.notes {
        let _ = writeln!(text, "- {}", sentence_of(note));
    }
    text + "\n"
}

fn sentence_of(sentence: &Sentence) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => escaped(text),
        Part::Key(text) => bold(&escaped(text)),
        Part::Interval(..) => escaped(&part.to_string()),
    };
    sentence.iter().map(part).collect()
}

fn table(table: &Table) -> String {
    let marks: Vec<String> = (0..table.head.len())
        .map(|column| if column < table.words { "---" } else { "--:" }.to_owned())
        .collect();
    let mut text = format!("**{}**\n\n", escaped(&table.title));
    text += &line(&table.head.iter().map(|title| escaped(title)).collect::<Vec<_>>());
    text += &line(&marks);
    for row in &table.rows {
        text += &line(&row.iter().map(|cell: &Cell| escaped(&cell.to_string())).collect::<Vec<_>>());
    }
    text + "\n"
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn bold(text: &str) -> String {
    format!("**{text}**")
}

/// Names are text: no markup, no table of theirs, no mention of anyone.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => shown.extend(['\\', letter]),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            '@' => shown.push_str("&#64;"),
            letter if letter.is_control() => shown.push(' '),
            letter => shown.push(letter),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_are_no_markup() {
        let hostile = "<script>|@team *x* `y`\n[a](b)";
        assert_eq!(escaped(hostile), "&lt;script&gt;\\|&#64;team \\*x\\* \\`y\\` \\[a\\](b)");
    }
}
