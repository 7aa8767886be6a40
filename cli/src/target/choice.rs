//! Which of the devices that a tool sees is meant.

use std::fmt::Write;

/// A device that a tool sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it is called behind `--on KIND:`.
    pub id: String,
    /// What else people call it.
    pub other_names: Vec<String>,
    /// As the tool calls it.
    pub state: String,
    /// What to do before it can be used; `None` when it can be.
    pub remedy: Option<&'static str>,
}

/// Devices that are reached in one way.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// As in `--on KIND:ID`.
    pub name: &'static str,
    /// Of what there should be one.
    pub noun: &'static str,
    /// What to do where there is none.
    pub remedy: &'static str,
}

/// Why no device can be reached.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// There is none.
    #[error("found no {noun}, expected one: {remedy}")]
    None {
        /// Of the kind.
        noun: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// Another one is meant.
    #[error("found no {noun} {wanted}, expected one of: {found}")]
    Other {
        /// Of the kind.
        noun: &'static str,
        /// What was named.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// It isn't said which.
    #[error("found {count} {noun}s, expected one. Name it:{choices}")]
    Several {
        /// Of the kind.
        noun: &'static str,
        /// How many there are.
        count: usize,
        /// A line for each.
        choices: String,
    },
    /// It is there, and can't be used.
    #[error("found {id} {state}, expected it ready: {remedy}")]
    NotReady {
        /// Which.
        id: String,
        /// As its tool calls it.
        state: String,
        /// What to do.
        remedy: &'static str,
    },
}

/// The device that is `wanted`, or the only one, or the only one that can be used.
pub fn choose(seen: &[Seen], wanted: Option<&str>, kind: Kind) -> Result<String, Unreachable> {
    let Kind { noun, remedy, .. } = kind;
    let chosen = match (wanted, seen) {
        (_, []) => return Err(Unreachable::None { noun, remedy }),
        (Some(wanted), seen) => named(seen, wanted, noun)?,
        (None, [only]) => only,
        (None, seen) => {
            let mut ready = seen.iter().filter(|device| device.remedy.is_none());
            match (ready.next(), ready.next()) {
                (Some(only), None) => only,
                _ => return Err(several(seen, kind)),
            }
        }
    };
    let (id, state) = (chosen.id.clone(), chosen.state.clone());
    chosen.remedy.map_or(Ok(id.clone()), |remedy| Err(Unreachable::NotReady { id, state, remedy }))
}

fn named<'a>(seen: &'a [Seen], wanted: &str, noun: &'static str) -> Result<&'a Seen, Unreachable> {
    let is = |device: &&Seen| device.id == wanted || device.other_names.iter().any(|name| name == wanted);
    seen.iter().find(is).ok_or_else(|| {
        let ids: Vec<&str> = seen.iter().map(|device| device.id.as_str()).collect();
        Unreachable::Other { noun, wanted: wanted.to_owned(), found: ids.join(", ") }
    })
}

fn several(seen: &[Seen], kind: Kind) -> Unreachable {
    let choices = seen.iter().fold(String::new(), |mut text, Seen { id, state, .. }| {
        let _ = write!(text, "\n  --on {}:{id}   ({state})", kind.name);
        text
    });
    Unreachable::Several { noun: kind.noun, count: seen.len(), choices }
}
