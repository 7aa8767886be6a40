//! JSON files that other tools write, too: read strictly, because a number that can't be true makes a plan that looks
//! like one.

use std::collections::HashSet;

use serde::de::DeserializeOwned;

use super::wire::object;
use crate::gguf::Problem;

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, or not with the keys that it must have.
    #[error("this is no valid {what}")]
    Json {
        /// What was expected.
        what: &'static str,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// What Python writes for values that JSON can't hold.
    #[error(
        "line {line}, column {column}: found {found}, expected a number: whatever made this file ran into a value that is none"
    )]
    NotANumber {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// `NaN`, `Infinity` or `-Infinity`.
        found: &'static str,
    },
    /// Another version wrote it.
    #[error(
        "found schema {found:?}, expected {expected:?}: read it with the version of packbench that wrote it"
    )]
    Schema {
        /// What the file says.
        found: String,
        /// What this version reads.
        expected: &'static str,
    },
    /// What can't be true.
    #[error("{place}: found {found}, expected {expected}")]
    Value {
        /// Where.
        place: String,
        /// What.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A name that came before.
    #[error("{what} {name:?} comes twice, expected each once")]
    Repeated {
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A shape that no tensor of that type has.
    #[error("tensor {tensor:?}")]
    Shape {
        /// The tensor.
        tensor: String,
        /// What is wrong with it.
        source: Problem,
    },
}

const NOT_NUMBERS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Reads `what` from `bytes`.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8], what: &'static str) -> Result<T, JsonError> {
    object::from_slice(bytes).map_err(|source| match not_a_number(bytes, &source) {
        Some(found) => JsonError::NotANumber { line: source.line(), column: source.column(), found },
        None => JsonError::Json { what, source },
    })
}

/// The word at which `error` gave up, if it is one of those.
fn not_a_number(bytes: &[u8], error: &serde_json::Error) -> Option<&'static str> {
    let line = bytes.split(|&byte| byte == b'\n').nth(error.line().checked_sub(1)?)?;
    // serde_json stops at the word's first letter, or behind it
    let around = line.get(error.column().saturating_sub(2)..)?;
    let word = |name: &&&str| {
        (0..3).any(|skip| around.get(skip..).is_some_and(|rest| rest.starts_with(name.as_bytes())))
    };
    NOT_NUMBERS.iter().rev().find(word).copied()
}

/// An object or an array that isn't read to its end.
enum Open<'a> {
    /// The key whose value is being read.
    Object(Option<&'a [u8]>),
    /// The number of the value that is being read.
    Array(usize),
}

/// The field whose value was being read when `column` bytes of `text` were, such as `metrics.wall_ns`; `None` when it was
/// all of it. `text` is JSON as far as it was read.
pub(super) fn field_at(text: &[u8], column: usize) -> Option<String> {
    let mut rest = text.get(..column)?;
    let mut open = Vec::new();
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, open.last_mut()) {
            (b'"', around) => {
                let Some((string, after)) = string(rest) else { break };
                if let Some(Open::Object(key @ None)) = around {
                    *key = Some(string);
                }
                rest = after;
            }
            (b'{', _) => open.push(Open::Object(None)),
            (b'[', _) => open.push(Open::Array(0)),
            (b'}' | b']', _) => drop(open.pop()),
            (b',', Some(Open::Object(key))) => *key = None,
            (b',', Some(Open::Array(index))) => *index += 1,
            _ => {}
        }
    }
    let mut field = String::new();
    for around in open {
        match around {
            Open::Object(Some(key)) => {
                let dot = if field.is_empty() { "" } else { "." };
                field += &format!("{dot}{}", String::from_utf8_lossy(key));
            }
            Open::Object(None) => {}
            Open::Array(index) => field += &format!("[{index}]"),
        }
    }
    Some(field).filter(|field| !field.is_empty())
}

/// What stands before the quote that closes a string, and what behind it.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let closes = |&byte: &u8| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    };
    let length = text.iter().position(closes)?;
    Some((&text[..length], &text[length + 1..]))
}

/// Whether `found` is the schema that this version reads.
pub(super) fn schema(found: &str, expected: &'static str) -> Result<(), JsonError> {
    match found == expected {
        true => Ok(()),
        false => Err(JsonError::Schema { found: found.to_owned(), expected }),
    }
}

/// A value that isn't what it should be.
pub(super) fn value(
    place: impl Into<String>,
    found: impl ToString,
    expected: impl Into<String>,
) -> JsonError {
    JsonError::Value { place: place.into(), found: found.to_string(), expected: expected.into() }
}

/// A count of what there must be some of.
pub(super) fn at_least_one(place: &str, found: u64) -> Result<(), JsonError> {
    match found {
        0 => Err(value(place, found, "at least 1")),
        _ => Ok(()),
    }
}

/// A sum of squares, a loss, a share.
pub(super) fn not_negative(place: impl FnOnce() -> String, found: f64) -> Result<(), JsonError> {
    match found.is_finite() && found >= 0.0 {
        true => Ok(()),
        false => Err(value(place(), found, "a finite number that is not negative")),
    }
}

/// One of BLAKE3's hashes in hexadecimal.
pub(super) fn hash(place: &str, found: &str) -> Result<(), JsonError> {
    let digits = found.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    match digits && found.len() == 64 {
        true => Ok(()),
        false => Err(value(place, format!("{found:?}"), "64 hexadecimal digits in lower case")),
    }
}

/// Names of which none came before.
pub(super) fn none_repeated<'a>(
    what: &'static str,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), JsonError> {
    let mut seen = HashSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(JsonError::Repeated { what, name: name.to_owned() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::field_at;

    #[test]
    fn a_place_in_an_object_has_a_name() {
        let text = br#"{"a":{"b\"}":[{"c":"x,]"},-5]},"d":{},"e":1}"#;
        let after = |what: &str| {
            let text = std::str::from_utf8(text).expect("it is written above");
            field_at(text.as_bytes(), text.find(what).expect("it is there") + what.len())
        };
        let fields = [
            ("{", None),
            (r#"{"a":"#, Some("a")),
            (r#""b\"}":"#, Some(r#"a.b\"}"#)),
            ("[", Some(r#"a.b\"}[0]"#)),
            (r#""c":"x,]""#, Some(r#"a.b\"}[0].c"#)),
            ("x,", Some(r#"a.b\"}[0].c"#)),
            ("-5", Some(r#"a.b\"}[1]"#)),
            ("-5]}", Some("a")),
            (r#""d":{}"#, Some("d")),
            (r#""e":1"#, Some("e")),
            (r#""e":1}"#, None),
        ];
        for (what, field) in fields {
            assert_eq!(after(what).as_deref(), field, "after {what}");
        }
        assert_eq!(field_at(text, text.len() + 1), None);
    }
}
