//! The answer to what a report was made for, in sentences, each number with its interval.

use std::fmt;

use packbench_core::compare::{Question, compare, floors};
use packbench_core::job::Field;
use packbench_core::record::{Comparison, Floored, Metric, Report, Verdict};

use super::quantity::{Quantity, Unit};

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Words.
    Text(String),
    /// What the sentence is about: a name or a number.
    Key(String),
    /// Where such a number lies with 95 %.
    Interval(Quantity, Quantity),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Text(text) | Part::Key(text) => f.write_str(text),
            Part::Interval(low, high) => write!(f, "[{low}, {high}]"),
        }
    }
}

/// A sentence, or what stands for one.
pub type Sentence = Vec<Part>;

/// What a report answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The first sentence.
    pub headline: Sentence,
    /// What belongs to it.
    pub notes: Vec<Sentence>,
}

/// The policies that a first token is held against, with what they stand for.
const BASES: [(&str, &str); 2] = [("normal", "a plain mapping"), ("stock_load", "llama.cpp's own loading")];

/// Sentences are of the first prompt and model of the job.
pub fn answer(report: &Report) -> Answer {
    let mut sentences: Vec<Sentence> = BASES.iter().filter_map(|base| policy(report, base)).collect();
    sentences.extend(layout(report));
    sentences.extend(floor(report));
    if sentences.is_empty() {
        let text = "This report doesn't say how first tokens compare: it holds no two policies of a cold first token.";
        return Answer { headline: vec![words(text)], notes: Vec::new() };
    }
    let notes = sentences.split_off(1);
    Answer { headline: sentences.remove(0), notes }
}

/// The text alone.
pub fn plain(sentence: &Sentence) -> String {
    sentence.iter().map(ToString::to_string).collect()
}

fn words(text: &str) -> Part {
    Part::Text(text.to_owned())
}

fn key(text: impl ToString) -> Part {
    Part::Key(text.to_string())
}

/// Cold first tokens of a report by one field, those that agree in all others with the first.
fn first_tokens(report: &Report, by: Field, base: Option<&str>) -> Vec<Comparison> {
    let question = Question {
        by: vec![by],
        metric: Metric::WallNs,
        base: base.map(str::to_owned),
        threshold: super::THRESHOLD,
        allow: Vec::new(),
    };
    let all = compare(report, &question).map(|answer| answer.comparisons).unwrap_or_default();
    let is = |one: &Comparison, field: Field, value: &str| {
        one.fixed.get(&field.to_string()).is_some_and(|found| found == value)
    };
    let mut all: Vec<Comparison> = all
        .into_iter()
        .filter(|one| is(one, Field::Probe, "first_token") && is(one, Field::Cache, "cold"))
        .collect();
    let fixed = all.first().map(|first| first.fixed.clone());
    all.retain(|one| Some(&one.fixed) == fixed.as_ref());
    all
}

/// How far the best policy is from one that stands for what apps do today.
fn policy(report: &Report, (base, meaning): &(&str, &str)) -> Option<Sentence> {
    let all = first_tokens(report, Field::Policy, Some(base));
    let against = format!("{meaning} ({base})");
    if let Some((best, ratio, (low, high))) = extreme(&all, Verdict::Faster) {
        return Some(vec![
            words("On this device "),
            key(&best.candidate),
            words(" gives a cold first token "),
            key(format!("{} ×", Unit::Times.of(1.0 / ratio))),
            words(" sooner "),
            Part::Interval(Unit::Times.of(1.0 / high), Unit::Times.of(1.0 / low)),
            words(&format!(" than {against}.")),
        ]);
    }
    let seen = seen(&all)?;
    Some(vec![
        words("On this device "),
        key("no policy"),
        words(&format!(" was seen to give a cold first token sooner than {against}; ")),
        words(&format!("an effect above {seen} would have been seen.")),
    ])
}

/// What the arrangement of the file does under one policy.
fn layout(report: &Report) -> Option<Sentence> {
    let all = first_tokens(report, Field::Variant, None);
    let told = |verdict, word: &str| {
        let (one, ratio, (low, high)) = extreme(&all, verdict)?;
        let change = |ratio: f64| Unit::Share.of((ratio - 1.0).abs());
        let (near, far) = if ratio < 1.0 { (high, low) } else { (low, high) };
        Some(vec![
            words("As "),
            key(&one.candidate),
            words(" the first token takes "),
            key(change(ratio)),
            words(&format!(" {word} ")),
            Part::Interval(change(near), change(far)),
            words(&format!(" than as {}.", one.base)),
        ])
    };
    told(Verdict::Faster, "less").or_else(|| told(Verdict::Slower, "longer")).or_else(|| {
        let seen = seen(&all)?;
        Some(vec![words("No effect of the layout above "), key(seen), words(" was seen.")])
    })
}

/// How near the best policy comes to what storage allows, with the first model and prompt.
fn floor(report: &Report) -> Option<Sentence> {
    let floors = floors(report);
    let first = &floors.first()?.case;
    let (best, ratio) = floors
        .iter()
        .filter(|one| (&one.case.variant, one.case.prompt()) == (&first.variant, first.prompt()))
        .filter_map(|one: &Floored| Some((one, one.ratio?)))
        .min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let mut sentence = vec![
        words("Nearest to what storage allows is "),
        key(best.case.policy()?),
        words(": "),
        key(format!("{} ×", Unit::Times.of(ratio))),
        words(" "),
    ];
    if let Some((low, high)) = best.interval {
        sentence.extend([Part::Interval(Unit::Times.of(low), Unit::Times.of(high)), words(" ")]);
    }
    sentence.push(words("the time that reading its bytes takes."));
    Some(sentence)
}

type Effect<'a> = (&'a Comparison, f64, (f64, f64));

/// The comparison with that verdict that differs most.
fn extreme(all: &[Comparison], verdict: Verdict) -> Option<Effect<'_>> {
    let judged = all.iter().filter(|one| one.verdict == verdict);
    let told = judged.filter_map(|one| Some((one, one.ratio?, one.interval?)));
    told.max_by(|(_, a, _), (_, b, _)| a.ln().abs().total_cmp(&b.ln().abs()))
}

/// The smallest effect that all of `all` could have shown, when none shows one.
fn seen(all: &[Comparison]) -> Option<String> {
    let effects: Option<Vec<f64>> = all.iter().map(|one| one.smallest_effect).collect();
    let most = effects?.into_iter().max_by(f64::total_cmp)?;
    Some(Unit::Share.of(most).to_string())
}
