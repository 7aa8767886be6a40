//! How long a block will take, and so how much of each file fits the budget: each case once on a few megabytes.

use super::model::Examined;
use crate::access::MOST_OPERATIONS;
use crate::job::{Case, Job};
use crate::measure::{Work, foretell, measure};
use crate::os::{Os, OsError};
use crate::random::Random;
use crate::record::{Plan, Span};
use crate::unit::{ByteRange, Bytes, Nanos, PageSize};

/// What a rehearsal touches of each file.
const REHEARSED: Bytes = Bytes::mib(8);
/// A sample is never smaller.
const SMALLEST_SAMPLE: Bytes = Bytes::mib(4);
/// How much of the budget the estimate may fill, in hundredths: devices grow slower as they grow warm.
const FILL_PERCENT: u64 = 80;

/// Rehearses `cases` and plans spans such that all blocks fit into what is left of the budget, `left`.
pub(super) fn plan(
    os: &dyn Os,
    job: &Job,
    models: &[Examined],
    cases: &[Case],
    left: Nanos,
) -> Result<Plan, OsError> {
    let whole: Vec<ByteRange> = models.iter().map(|model| whole(job, os.page_size(), model)).collect();
    let mut block = Nanos(0);
    for (index, model) in models.iter().enumerate() {
        let of_model = cases.iter().filter(|case| case.variant == job.models[index].name);
        let part = sample(os.page_size(), model, whole[index], REHEARSED);
        let took = rehearse(os, model, of_model, part)?;
        block.0 += scale(took.0, whole[index].len.0, part.len.0);
    }
    let affordable = left.0 / 100 * FILL_PERCENT / u64::from(job.blocks.get());
    let spans: Vec<Span> = (0..models.len())
        .map(|index| {
            let fits = Bytes(scale(whole[index].len.0, affordable, block.0.max(1)).max(SMALLEST_SAMPLE.0));
            let range = sample(os.page_size(), &models[index], whole[index], fits);
            span(&job.models[index].name, range, models[index].subject.len)
        })
        .collect();
    Ok(Plan { spans, cases: cases.len() as u32, estimated_block_ns: block.0.min(affordable.max(1)) })
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
    let len = Bytes(page.floor(crate::unit::FileOffset(most.0)).0);
    let start = page.floor(model.data_start());
    // A short file with a long header: the sample ends with the file.
    let start = start.min(page.floor(crate::unit::FileOffset(whole.len.0 - len.0)));
    ByteRange { start, len }
}

fn span(name: &str, range: ByteRange, file: Bytes) -> Span {
    let sampled = range.len != file;
    Span { variant: name.to_owned(), start_bytes: range.start.0, len_bytes: range.len.0, sampled }
}

/// Each case once; how long that took in all. A case that fails here will fail in its run and say why there.
fn rehearse<'a>(
    os: &dyn Os,
    model: &Examined,
    cases: impl Iterator<Item = &'a Case>,
    part: ByteRange,
) -> Result<Nanos, OsError> {
    let file = os.open(&model.subject.path)?;
    let work: Work = foretell(os, &*file, part)?;
    let begun = os.now();
    for case in cases {
        let _ = measure(os, &model.subject, case, work, Random::new(0), &mut |_| ());
    }
    Ok(Nanos(os.now().0 - begun.0))
}
