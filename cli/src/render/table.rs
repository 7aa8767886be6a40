//! Tables without borders: they survive a mail, an issue and a narrow terminal.

/// A table whose first `left` columns are words and whose others are numbers.
pub fn table(header: &[&str], left: usize, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let header = header.iter().map(|title| (*title).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
    let width = |row: &Vec<String>, column: usize| row.get(column).map_or(0, |cell| cell.chars().count());
    let widest = |column| rows.iter().map(|row| width(row, column)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(widest).collect();
    let mut text = String::new();
    for row in &rows {
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            text += &if column < left { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") };
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let rows = [["µ", "1", ""], ["longer", "1000", "–"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            table(&["word", "number", "more"], 1, rows),
            "word    number  more\nµ            1\nlonger    1000     –\n"
        );
        assert_eq!(table(&["word"], 1, []), "word\n");
    }
}
