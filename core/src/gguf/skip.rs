//! Stepping over strings: nearly all of a header is its vocabulary, so this is nearly all of a parse.
//!
//! Where a string begins is known only when the length of the one before it was loaded: a walk waits for memory at
//! each step, and the processor idles. So a scout goes ahead. It starts at a place that looks like a string's
//! beginning, and both walk in turns, each filling the other's waits:
//!
//! ```text
//! walker ├─┬───┬──┬─┬──►      ◄ ahead ►
//! scout                        ├──┬─┬───┬──►
//! ```
//! The place was a guess. When the walker comes to it exactly, it was right, and the walker jumps to where the scout
//! is; when the walker steps past it, it was wrong, and the scout's steps are forgotten. Either way every string was
//! stepped over by somebody who began at a string's beginning, and the answer is that of a lone walk.

/// How far the scout begins ahead of the walker, in bytes: some hundred strings, which pays for finding the place.
const AHEAD: usize = 16 << 10;
/// With fewer strings than this there is nothing to gain.
const WORTHWHILE: usize = 512;

/// Where `count` strings that begin at the start of `bytes` end. The error is where the one begins that doesn't fit.
pub(super) fn end_of_strings(bytes: &[u8], count: usize) -> Result<usize, usize> {
    let (mut at, mut left) = (0, count);
    while left > WORTHWHILE {
        let Some(guess) = likely_string(bytes, at + AHEAD) else { break };
        (at, left) = walk_with_scout(bytes, at, left, guess)?;
    }
    (0..left).try_fold(at, |at, _| end_of_string(bytes, at).ok_or(at))
}

/// Walks from `at` to `guess` or past it, over at most `left` strings. Answers where and how many are left then.
fn walk_with_scout(bytes: &[u8], mut at: usize, left: usize, guess: usize) -> Result<(usize, usize), usize> {
    let mut scout = guess;
    let mut steps = 0;
    while at < guess && steps < left {
        at = end_of_string(bytes, at).ok_or(at)?;
        // a scout that has lost its way, or reached the end, waits there
        scout = end_of_string(bytes, scout).unwrap_or(bytes.len());
        steps += 1;
    }
    let both = 2 * steps;
    // a scout at the end of the bytes may have stood there for some of its steps
    let right = at == guess && both <= left && scout < bytes.len();
    Ok(if right { (scout, left - both) } else { (at, left - steps) })
}

/// The first place from `from` on that looks like a string's beginning: a length of 1 to 255, seven bytes of it 0.
fn likely_string(bytes: &[u8], from: usize) -> Option<usize> {
    const FARTHEST: usize = 512;
    let plausible = |window: &[u8]| window[0] != 0 && window[1..] == [0; 7];
    bytes.get(from..)?.windows(8).take(FARTHEST).position(plausible).map(|distance| from + distance)
}

/// Where the string ends that begins at `at`; `None` when it doesn't fit.
#[inline]
fn end_of_string(bytes: &[u8], at: usize) -> Option<usize> {
    let len = u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?);
    let begin = at + 8;
    (len <= (bytes.len() - begin) as u64).then(|| begin + len as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alone(bytes: &[u8], count: usize) -> Result<usize, usize> {
        (0..count).try_fold(0, |at, _| end_of_string(bytes, at).ok_or(at))
    }

    fn encoded(strings: &[Vec<u8>]) -> Vec<u8> {
        strings.iter().flat_map(|s| [&(s.len() as u64).to_le_bytes()[..], s].concat()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Strings that are full of what looks like lengths, so that guesses go wrong, and files cut short.
        #[test]
        fn a_scout_changes_no_answer(
            strings in prop::collection::vec(prop::collection::vec(0u8..3, 0..40), 600..3000),
            fewer in 0usize..4,
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut bytes = encoded(&strings);
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            for count in [strings.len() - fewer, strings.len() + fewer] {
                prop_assert_eq!(end_of_strings(&bytes, count), alone(&bytes, count));
            }
        }
    }

    #[test]
    fn scouts_are_right_about_words() {
        let words: Vec<Vec<u8>> = (0..5000).map(|n: u32| n.to_string().into_bytes()).collect();
        let bytes = encoded(&words);
        let guess = likely_string(&bytes, AHEAD).unwrap();
        let (at, left) = walk_with_scout(&bytes, 0, words.len(), guess).unwrap();
        assert!(at > guess && left < words.len() / 2, "the walker has jumped: {at}, {left}");
        assert_eq!(end_of_strings(&bytes, words.len()), Ok(bytes.len()));
    }
}
