//! Proof of coldness: pages are evicted, then asked for, and residency itself is put to the test first.

use crate::job::{Advice, CacheState};
use crate::os::{Mapping, ModelFile, Os, OsError, Scope, Touches};
use crate::record::{Caveat, Proof, SelfTest};
use crate::unit::{ByteRange, PageRange};

/// How often pages are evicted by the first tool before the second is taken, or read until they stay: another process may
/// hold or drop a page for a moment.
const TRIES: u32 = 3;

/// Drops every page of the file that can be dropped. Whether they have gone is for [`prove`] to say.
pub fn evict(file: &dyn ModelFile, mapping: &dyn Mapping, pages: PageRange) -> Result<(), OsError> {
    for _ in 0..TRIES {
        mapping.unmap_pages()?;
        file.drop_cache()?;
        if mapping.resident(pages)? == 0 {
            return Ok(());
        }
    }
    match mapping.page_out() {
        // An old kernel, or a file that isn't ours: the first tool is all there is, and the proof will say so.
        Err(OsError::Call { .. } | OsError::Unsupported { .. }) => Ok(()),
        other => other,
    }
}

/// Reads every byte of `span`, again when pages were dropped meanwhile. Whether they stay is for [`prove`] to say.
pub fn fill(
    file: &dyn ModelFile,
    mapping: &dyn Mapping,
    span: ByteRange,
    pages: PageRange,
) -> Result<(), OsError> {
    for _ in 0..TRIES {
        file.read_through(span, &mut |_| ())?;
        if mapping.resident(pages)? == pages.count {
            break;
        }
    }
    Ok(())
}

/// Whether residency can say no: a page is brought in, evicted, and asked for.
///
/// When it is still said to be there, touching it tells which: a page that must be fetched again was not.
pub fn self_test(os: &dyn Os, file: &dyn ModelFile, mapping: &dyn Mapping) -> Result<SelfTest, OsError> {
    let pages = os.page_size().count(file.facts().len);
    let mut answer = SelfTest::CannotEvict;
    for first in [pages / 2, 0, pages.saturating_sub(1)] {
        let page = PageRange { first, count: 1 };
        let touch = Touches::new(first, vec![0]);
        // Alone: what is read ahead around it is still on its way when it is evicted, and comes in afterwards.
        mapping.apply(Advice::Random, page)?;
        mapping.touch(&touch);
        evict(file, mapping, page)?;
        if mapping.resident(page)? == 0 {
            mapping.apply(Advice::Normal, page)?;
            return Ok(SelfTest::Truthful);
        }
        let mut meter = os.meter(Scope::Thread)?;
        meter.start();
        mapping.touch(&touch);
        let usage = meter.stop();
        mapping.apply(Advice::Normal, page)?;
        let counts = [usage.major_faults, usage.pages_paged_in, usage.bytes_fetched.map(|bytes| bytes.0)];
        if counts.into_iter().flatten().any(|count| count > 0) {
            answer = SelfTest::MincoreDoesNotTell;
        }
    }
    Ok(answer)
}

/// What `resident` of `total` pages proves of the state that was asked for.
pub fn prove(cache: CacheState, self_test: SelfTest, resident: u64, total: u64) -> Proof {
    match (cache, self_test) {
        (CacheState::Cold, SelfTest::MincoreDoesNotTell) => Proof::ColdUnverified,
        (CacheState::Cold, SelfTest::Truthful) if resident == 0 => Proof::Cold,
        (CacheState::Cold, _) => Proof::NotCold,
        (CacheState::Warm, SelfTest::Truthful) if resident == total => Proof::Warm,
        (CacheState::Warm, _) => Proof::WarmUnverified,
    }
}

/// What a proof takes away from the trust in its run.
pub fn caveat(proof: Proof, self_test: SelfTest) -> Option<Caveat> {
    match (proof, self_test) {
        (Proof::Cold | Proof::Warm, _) => None,
        (Proof::NotCold, _) => Some(Caveat::NotCold),
        (Proof::ColdUnverified, _) => Some(Caveat::ColdUnverified),
        (Proof::WarmUnverified, SelfTest::Truthful) => Some(Caveat::NotWarm),
        (Proof::WarmUnverified, _) => Some(Caveat::WarmUnverified),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_truthful_system_proves_anything() {
        use {CacheState::*, SelfTest::*};
        assert_eq!(prove(Cold, Truthful, 0, 9), Proof::Cold);
        assert_eq!(prove(Cold, Truthful, 1, 9), Proof::NotCold);
        assert_eq!(prove(Cold, MincoreDoesNotTell, 9, 9), Proof::ColdUnverified);
        assert_eq!(prove(Cold, CannotEvict, 9, 9), Proof::NotCold);
        assert_eq!(prove(Warm, Truthful, 9, 9), Proof::Warm);
        assert_eq!(prove(Warm, Truthful, 8, 9), Proof::WarmUnverified);
        assert_eq!(prove(Warm, MincoreDoesNotTell, 9, 9), Proof::WarmUnverified);
        assert_eq!(caveat(Proof::WarmUnverified, Truthful), Some(Caveat::NotWarm));
        assert_eq!(caveat(Proof::WarmUnverified, CannotEvict), Some(Caveat::WarmUnverified));
    }
}
