//! How long a block will take, and so how much of each file fits the budget: each case once on a few megabytes.

use super::model::Examined;
use crate::access::MOST_OPERATIONS;
use crate::job::{Case, Job};
use crate::measure::{Work, foretell, measure};
use crate::os::{Os, OsError};
use crate::random::Random;
use crate::record::{Plan, Span};
use crate::unit::{ByteRange, Bytes, FileOffset, Nanos, PageSize};

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
    let mut whole_blocks = Vec::new();
    for (index, model) in models.iter().enumerate() {
        let of_model = cases.iter().filter(|case| case.variant == job.models[index].name);
        let part = sample(os.page_size(), model, whole[index], REHEARSED);
        let took = rehearse(os, model, of_model, part)?;
        whole_blocks.push(scale(took.0, whole[index].len.0, part.len.0));
    }
    let whole_block: u64 = whole_blocks.iter().sum();
    let affordable = left.0 / 100 * FILL_PERCENT / u64::from(job.blocks.get());
    let ranges = models.iter().zip(&whole).map(|(model, &whole)| {
        let fits = scale(whole.len.0, affordable, whole_block.max(1));
        sample(os.page_size(), model, whole, Bytes(fits.max(SMALLEST_SAMPLE.0)))
    });
    let ranges: Vec<ByteRange> = ranges.collect();
    let estimates = (0..models.len()).map(|n| scale(whole_blocks[n], ranges[n].len.0, whole[n].len.0));
    let estimated_block_ns = estimates.sum();
    let spans = (0..models.len()).map(|n| span(&job.models[n].name, ranges[n], models[n].subject.len));
    Ok(Plan { spans: spans.collect(), cases: cases.len() as u32, estimated_block_ns })
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
