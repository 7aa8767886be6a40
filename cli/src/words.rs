//! Words that tables, pages and progress share.

use packbench_core::record::{Obstacle, ObstacleName};
use packbench_core::unit::{Bytes, Nanos};

/// A dash where there is nothing to say.
pub fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or("–".to_owned(), |value| value.to_string())
}

/// `1 case`, `24 cases`
pub fn count(number: u32, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `1, 2, 3, …` as far as somebody would read; `None` where there are none.
pub fn list(numbers: impl Iterator<Item = u32>) -> Option<String> {
    const LONGEST: usize = 10;
    let mut shown: Vec<String> = numbers.take(LONGEST + 1).map(|number| number.to_string()).collect();
    if shown.len() > LONGEST {
        shown[LONGEST] = "…".to_owned();
    }
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// `410 ms in 1407 waits for 93.2 kB each`
pub fn obstacle(obstacle: &Obstacle) -> String {
    let Obstacle { what, wall_ns, bytes, count } = obstacle;
    let (wall, bytes) = (Nanos(*wall_ns), bytes.map(Bytes));
    let (bytes, count) = (or_dash(bytes), or_dash(*count));
    match what {
        ObstacleName::BytesNobodyNeeded => format!("{wall} for {bytes} that nobody needed"),
        ObstacleName::RequestsTooSmall => {
            format!("{wall} in {count} waits for {bytes} each: requests too small")
        }
        ObstacleName::WaitsInARow if obstacle.count.is_none() => format!("{wall} waiting for storage"),
        ObstacleName::WaitsInARow => format!("{wall} in {count} waits in a row for {bytes} each"),
        ObstacleName::ComputeNotOverlapped => format!("{wall} compute not overlapped"),
        ObstacleName::NotToldApart => {
            format!("{wall} waiting or computing, which only warm runs beside it would tell apart")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_where_nobody_would_read_on() {
        assert_eq!(list([].into_iter()), None);
        assert_eq!(list([2, 5].into_iter()).as_deref(), Some("2, 5"));
        assert_eq!(list(1..).as_deref(), Some("1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …"));
    }
}
