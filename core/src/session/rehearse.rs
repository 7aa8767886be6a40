//! How long a block will take, and so how much of each file fits the budget: each case once, probes of pages on a few
//! megabytes. What each model answers is learnt on the way.

use super::model::Examined;
use super::questions::Questions;
use crate::access::MOST_OPERATIONS;
use crate::job::{Case, Job, Probe};
use crate::measure::{MeasureError, Task, Work, foretell, measure};
use crate::os::OsError;
use crate::random::Random;
use crate::record::{Answer, Need, Plan, Span, Variant};
use crate::unit::{ByteRange, Bytes, FileOffset, Nanos, PageSize};

/// What a rehearsal touches of each file.
const REHEARSED: Bytes = Bytes::mib(8);
/// A sample is never smaller.
const SMALLEST_SAMPLE: Bytes = Bytes::mib(4);
/// How much of the budget the estimate may fill, in hundredths: devices grow slower as they grow warm.
const FILL_PERCENT: u64 = 80;

/// What is rehearsed.
pub(super) struct Rehearsal<'r, 'a> {
    pub job: &'r Job,
    pub models: &'r [Examined],
    pub variants: &'r [Variant],
    pub questions: &'r mut Questions<'a>,
}

/// What one block of a model takes.
struct Took {
    /// All of the file that its probes of pages may cover.
    whole: ByteRange,
    /// How long those would take on that.
    scalable: u64,
    /// How long runs that follow an engine take: they can't be sampled.
    fixed: u64,
}

impl Rehearsal<'_, '_> {
    /// Rehearses `cases` and plans spans such that all blocks fit into what is left of the budget, `left`.
    pub fn plan(mut self, cases: &[Case], left: Nanos) -> Result<Plan, OsError> {
        let mut learnt = Learnt::default();
        let took: Vec<Took> = (0..self.models.len())
            .map(|index| self.rehearse(index, cases, &mut learnt))
            .collect::<Result<_, _>>()?;
        let affordable = left.0 / 100 * FILL_PERCENT / u64::from(self.job.blocks.get());
        let fixed: u64 = took.iter().map(|took| took.fixed).sum();
        let scalable: u64 = took.iter().map(|took| took.scalable).sum();
        let affordable = affordable.saturating_sub(fixed);
        let mut spans = Vec::new();
        let mut estimated_block_ns = fixed;
        for (index, took) in took.iter().enumerate() {
            let fits = scale(took.whole.len.0, affordable, scalable.max(1)).max(SMALLEST_SAMPLE.0);
            let range = sample(self.page(), &self.models[index], took.whole, Bytes(fits));
            estimated_block_ns += scale(took.scalable, range.len.0, took.whole.len.0);
            spans.push(self.span(index, range)?);
        }
        let Learnt { answers, needs } = learnt;
        Ok(Plan { spans, cases: cases.len() as u32, estimated_block_ns, answers, needs })
    }

    fn page(&self) -> PageSize {
        self.questions.os.page_size()
    }

    /// Each case of one model once. One that fails here will fail in its run and say why there.
    fn rehearse(&mut self, index: usize, cases: &[Case], learnt: &mut Learnt) -> Result<Took, OsError> {
        let (os, model) = (self.questions.os, &self.models[index]);
        let whole = whole(self.job, os.page_size(), model);
        let part = sample(os.page_size(), model, whole, REHEARSED);
        let sampled = foretell(os, &*os.open(&model.subject.path)?, part)?;
        let mut took = Took { whole, scalable: 0, fixed: 0 };
        for case in cases.iter().filter(|case| case.variant == self.job.models[index].name) {
            let variant = &self.variants[index];
            learnt.need(self.questions, model, variant, case);
            let answer = learnt.answer_of_payload(case, variant, self.variants);
            let learned = self.questions.learn(model, variant, case);
            let (Ok(_), Ok(work)) = (learned, work(case, model, sampled, &learnt.needs)) else { continue };
            let task = Task {
                subject: &model.subject,
                case,
                work,
                random: Random::new(0),
                pieces: self.questions.pieces(case),
                asking: self.questions.asking(case, model, answer),
                loaded: self.questions.loaded(case),
            };
            let begun = os.now();
            let measured = measure(os, task, &mut |_| ());
            let elapsed = os.now().0 - begun.0;
            match case.follows_engine() {
                true => took.fixed += elapsed,
                false => took.scalable += elapsed,
            }
            let told = measured.ok().and_then(|measured| measured.first_token);
            if let Some(token) = answer.or(told.map(|told| told.token)) {
                learnt.answer(case, token);
            }
        }
        took.scalable = scale(took.scalable, whole.len.0, part.len.0);
        Ok(took)
    }

    fn span(&self, index: usize, range: ByteRange) -> Result<Span, OsError> {
        let (os, subject) = (self.questions.os, &self.models[index].subject);
        let work = foretell(os, &*os.open(&subject.path)?, range)?;
        Ok(Span {
            variant: self.job.models[index].name.clone(),
            start_bytes: range.start.0,
            len_bytes: range.len.0,
            sampled: range.len != subject.len,
            checksum: work.checksum,
        })
    }
}

/// What the engine told.
#[derive(Default)]
struct Learnt {
    answers: Vec<Answer>,
    needs: Vec<Need>,
}

impl Learnt {
    /// The first answer to each question; later runs are held to it.
    fn answer(&mut self, case: &Case, token: u32) {
        let Some(prompt) = case.prompt().cloned() else { return };
        let (variant, extra_buffers) = (case.variant.clone(), case.uses_extra_buffers());
        if !self.answers.iter().any(|known| known.variant == variant && is_asked(case, known)) {
            self.answers.push(Answer { variant, prompt, extra_buffers, token });
        }
    }

    /// The answer that the same tensors gave to the question of `case`, in whichever layout.
    fn answer_of_payload(&self, case: &Case, variant: &Variant, all: &[Variant]) -> Option<u32> {
        let same = |name: &str| all.iter().any(|v| v.name == name && v.payload_hash == variant.payload_hash);
        let known = self.answers.iter().find(|known| same(&known.variant) && is_asked(case, known));
        known.map(|answer| answer.token)
    }

    /// What each first token needs. Where that can't be found out, the runs that need to know say why.
    fn need(&mut self, questions: &mut Questions<'_>, model: &Examined, variant: &Variant, case: &Case) {
        let Some(prompt) = case.prompt() else { return };
        let is_known = |need: &Need| need.variant == case.variant && need.prompt == *prompt;
        if !self.needs.iter().any(is_known) {
            self.needs.extend(questions.need(model, variant, prompt));
        }
    }
}

/// Whether `answer` is one to the question of `case`, whoever gave it.
pub(super) fn is_asked(case: &Case, answer: &Answer) -> bool {
    Some(&answer.prompt) == case.prompt() && answer.extra_buffers == case.uses_extra_buffers()
}

/// What a run of `case` must find, `sampled` where it can be sampled.
pub(super) fn work(
    case: &Case,
    model: &Examined,
    sampled: Work,
    needs: &[Need],
) -> Result<Work, MeasureError> {
    let span = ByteRange::whole(model.subject.len);
    let is_it = |need: &&Need| need.variant == case.variant && Some(&need.prompt) == case.prompt();
    match case.probe {
        Probe::Faults { .. } | Probe::Reads { .. } => Ok(sampled),
        // An engine decides what it reads, and its answer is the proof.
        Probe::FirstToken { .. } => Ok(Work { span, checksum: 0 }),
        Probe::Replay { .. } | Probe::Floor { .. } => {
            let need = needs.iter().find(is_it).ok_or(MeasureError::NoTrace)?;
            Ok(Work { span, checksum: need.checksum })
        }
    }
}

/// `value` × `numerator` ÷ `denominator`, without overflow between.
fn scale(value: u64, numerator: u64, denominator: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(numerator) / u128::from(denominator.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// All of the file that a run may cover: everything, unless that were more operations than one run may hold.
fn whole(job: &Job, page: PageSize, model: &Examined) -> ByteRange {
    let step = job.io_sizes.iter().map(|size| size.0).min().unwrap_or(u64::MAX).min(page.bytes());
    ByteRange::whole(model.subject.len.min(Bytes(step.saturating_mul(MOST_OPERATIONS))))
}

/// `whole` when it is no larger than `most`; else as much of it as that, from where the tensor data begin.
fn sample(page: PageSize, model: &Examined, whole: ByteRange, most: Bytes) -> ByteRange {
    if whole.len <= most {
        return whole;
    }
    let len = Bytes(page.floor(FileOffset(most.0)).0);
    let start = page.floor(model.data_start());
    // A short file with a long header: the sample ends with the file.
    let start = start.min(page.floor(FileOffset(whole.len.0 - len.0)));
    ByteRange { start, len }
}
