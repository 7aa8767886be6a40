//! The answer to what a report was made for, in sentences, each number with its interval.

use std::fmt;

use packbench_core::compare::{Allowed, CompareError, Incomparable, Question, compare, floors};
use packbench_core::job::{Field, Policy};
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

/// The policies that a first token is held against, with what they stand for. What apps ship comes first.
const BASES: [(Policy, &str); 2] =
    [(Policy::StockLoad, "llama.cpp's own loading"), (Policy::Normal, "a plain mapping")];

/// Sentences are of the first prompt of the job.
pub fn answer(report: &Report) -> Answer {
    let asked = Asked { report };
    let mut sentences = match asked.all(&[Field::Policy], None) {
        Err(refused @ CompareError::Incomparable(_)) => vec![vec![
            words("This report doesn't say how first tokens compare: "),
            words(&refused.to_string()),
        ]],
        _ => asked.soonest(),
    };
    sentences.extend(asked.layout());
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

/// A report that is asked about its cold first tokens.
struct Asked<'a> {
    report: &'a Report,
}

impl Asked<'_> {
    /// By `by`, those that agree in all other fields with the first. Other weights are no reason not to say which file comes
    /// sooner.
    fn all(&self, by: &[Field], base: Option<&str>) -> Result<Vec<Comparison>, CompareError> {
        let question = Question {
            by: by.to_vec(),
            metric: Metric::WallNs,
            base: base.map(str::to_owned),
            threshold: super::THRESHOLD,
            allow: vec![Allowed::Incomparable(Incomparable::Payload)],
        };
        let is = |one: &Comparison, field: Field, value: &str| {
            one.fixed.get(&field.to_string()).is_some_and(|found| found == value)
        };
        let cold = |one: &Comparison| is(one, Field::Probe, "first_token") && is(one, Field::Cache, "cold");
        let mut all = compare(self.report, &question)?.comparisons;
        all.retain(cold);
        let prompt = |one: &Comparison| one.fixed.get(&Field::Prompt.to_string()).cloned();
        let first = all.first().and_then(prompt);
        all.retain(|one| prompt(one) == first);
        Ok(all)
    }

    /// Which policy, and in which arrangement, comes soonest; how far from what apps do today.
    fn soonest(&self) -> Vec<Sentence> {
        let several = self.report.variants.len() > 1;
        let by = if several { &[Field::Variant, Field::Policy][..] } else { &[Field::Policy] };
        let first = self.report.variants.first().map(|variant| variant.name.as_str()).unwrap_or_default();
        let base = |policy: Policy| if several { format!("{first}, {policy}") } else { policy.to_string() };
        let against = |(policy, meaning): (Policy, &str)| {
            let all = self.all(by, Some(&base(policy))).ok().filter(|all| !all.is_empty())?;
            Some((all, format!("{meaning} ({})", self.short(&base(policy)))))
        };
        let mut bases = BASES.into_iter().filter_map(against);
        let Some((all, told)) = bases.next() else { return Vec::new() };
        let Some(best) = extreme(&all, Verdict::Faster) else {
            return seen(&all).map(|seen| none_sooner(&told, &seen)).into_iter().collect();
        };
        let name = &best.0.candidate;
        let mut sentences = vec![sooner(self.short(name), best, all.len() + 1, &told)];
        sentences.extend(self.not_told_apart(by, name));
        for (others, told) in bases {
            let same = others.iter().filter(|one| one.candidate == *name).cloned().collect::<Vec<_>>();
            sentences.extend(
                extreme(&same, Verdict::Faster).map(|effect| sooner(self.short(name), effect, 0, &told)),
            );
        }
        sentences
    }

    /// An arm without the name of the model, where all are arrangements of one: `forward, stream`, or `stream` of the file
    /// as it is.
    fn short<'n>(&self, arm: &'n str) -> &'n str {
        let Some((first, others)) = self.report.variants.split_first() else { return arm };
        let is_of_first =
            |name: &str| name.strip_prefix(&first.name).is_some_and(|rest| rest.starts_with(' '));
        let rest = arm.strip_prefix(&first.name).filter(|_| others.iter().all(|one| is_of_first(&one.name)));
        rest.map_or(arm, |rest| rest.trim_start_matches([',', ' ']))
    }

    /// Which arms come as soon as the best one, for all that can be told.
    fn not_told_apart(&self, by: &[Field], best: &str) -> Option<Sentence> {
        let all = self.all(by, Some(best)).ok()?;
        let open = |one: &&Comparison| matches!(one.verdict, Verdict::Inconclusive | Verdict::Same);
        let open: Vec<&str> = all.iter().filter(open).map(|one| self.short(&one.candidate)).collect();
        (!open.is_empty()).then(|| {
            vec![
                words("Not told apart from "),
                key(self.short(best)),
                words(": "),
                key(open.join("; ")),
                words("."),
            ]
        })
    }

    /// What the arrangement of the file does, policy by policy: of the first that has an effect, or of all.
    fn layout(&self) -> Option<Sentence> {
        let all = self.all(&[Field::Variant], None).ok()?;
        let told = |verdict, word: &str| {
            let (one, ratio, (low, high)) = extreme(&all, verdict)?;
            let change = |ratio: f64| Unit::Share.of((ratio - 1.0).abs());
            let (near, far) = if ratio < 1.0 { (high, low) } else { (low, high) };
            let policy = one.fixed.get(&Field::Policy.to_string());
            let under = policy.map(|policy| format!(" under {policy}")).unwrap_or_default();
            Some(vec![
                words("As "),
                key(&one.candidate),
                words(" the first token takes "),
                key(change(ratio)),
                words(&format!(" {word} ")),
                Part::Interval(change(near), change(far)),
                words(&format!(" than as {}{under}.", one.base)),
            ])
        };
        told(Verdict::Faster, "less").or_else(|| told(Verdict::Slower, "longer")).or_else(|| {
            let seen = seen(&all)?;
            Some(vec![words("No effect of the layout above "), key(seen), words(" was seen.")])
        })
    }
}

fn sooner(name: &str, (one, ratio, (low, high)): Effect<'_>, arms: usize, than: &str) -> Sentence {
    let prompt = one.fixed.get(&Field::Prompt.to_string());
    let prompt = prompt.map(|prompt| format!(" ({prompt})")).unwrap_or_default();
    let mut sentence = vec![
        words("On this device "),
        key(name),
        words(&format!(" gives a cold first token{prompt} ")),
        key(format!("{} ×", Unit::Times.of(1.0 / ratio))),
        words(" sooner "),
        Part::Interval(Unit::Times.of(1.0 / high), Unit::Times.of(1.0 / low)),
        words(&format!(" than {than}")),
    ];
    sentence.push(words(&if arms > 2 { format!(", the soonest of {arms}.") } else { ".".to_owned() }));
    sentence
}

fn none_sooner(than: &str, seen: &str) -> Sentence {
    vec![
        words("On this device "),
        key("nothing"),
        words(&format!(" was seen to give a cold first token sooner than {than}; ")),
        words(&format!("an effect above {seen} would more likely than not have been seen.")),
    ]
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
