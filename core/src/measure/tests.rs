//! The order in which a run asks things of the system, over one that plays a script.

use super::*;
use crate::job::{CacheState, Pattern};
use crate::os::fake::{Eviction, FakeOs};

const PAGES: u64 = 4;

fn subject(os: &FakeOs) -> Subject {
    let file = os.open(&PathBuf::from("m")).unwrap();
    let self_test = proof::self_test(os, &*file, &*file.map().unwrap()).unwrap();
    file.read_through(ByteRange::whole(Bytes(4096)), &mut |_| ()).unwrap();
    os.take_asked();
    Subject { path: "m".into(), len: Bytes(PAGES * 4096), tensors: Vec::new(), self_test }
}

fn run(eviction: Eviction, cache: CacheState, probe: Probe) -> (Result<Measured, MeasureError>, String) {
    let os = FakeOs::new((0..PAGES * 4096).map(|n| (n / 4096 + 1) as u8).collect(), eviction);
    let subject = subject(&os);
    let work = Work { span: ByteRange::whole(subject.len), checksum: 1 + 2 + 3 + 4 };
    let case = Case { variant: "m".into(), cache, probe };
    let mut story = Vec::new();
    let measured = measure(&os, &subject, &case, work, Random::new(1), None, &mut |phase| {
        story.append(&mut os.take_asked());
        story.push(format!("[{phase}]"));
    });
    story.append(&mut os.take_asked());
    (measured, story.join("\n"))
}

fn faults(policy: Policy) -> Probe {
    Probe::Faults { policy, pattern: Pattern::Sequential }
}

#[test]
fn a_cold_run_evicts_proves_and_measures() {
    let (measured, story) = run(Eviction::Works, CacheState::Cold, faults(Policy::WillNeed));
    insta::assert_snapshot!(story, @r"
    [open]
    open
    map
    [evict]
    unmap pages
    drop cache
    resident?
    [prove]
    resident?
    [measure]
    start
    apply WillNeed
    touch 4 pages
    stop
    [account]
    resident?
    ");
    let measured = measured.unwrap();
    assert_eq!(measured.residency.proof, Proof::Cold);
    assert_eq!((measured.residency.before_pages, measured.residency.after_pages), (Some(0), Some(PAGES)));
    assert_eq!(measured.policy_effective, Some(Policy::WillNeed));
    assert_eq!(measured.metrics.major_faults, Some(1));
    assert_eq!(measured.metrics.cpu_ns, None, "what the system doesn't tell is no 0");
}

#[test]
fn a_warm_run_reads_everything_first() {
    let probe = Probe::Reads { io_size: Bytes(4096), pattern: Pattern::Reverse };
    let (measured, story) = run(Eviction::Works, CacheState::Warm, probe);
    insta::assert_snapshot!(story, @r"
    [open]
    open
    map
    [fill]
    read through
    resident?
    [prove]
    resident?
    [measure]
    start
    read 4 × 4 KiB
    stop
    [account]
    resident?
    ");
    let measured = measured.unwrap();
    assert_eq!(measured.residency.proof, Proof::Warm);
    assert_eq!(measured.latency.unwrap().buckets_ns, [(1, 4)]);
    assert_eq!(measured.policy_effective, None);
}

#[test]
fn pages_that_stay_are_asked_to_go_by_the_second_tool() {
    let (measured, story) = run(Eviction::NeedsPageOut, CacheState::Cold, faults(Policy::Normal));
    let tools = story.lines().filter(|asked| matches!(*asked, "drop cache" | "page out"));
    assert_eq!(tools.collect::<Vec<_>>(), ["drop cache", "drop cache", "drop cache", "page out"]);
    assert_eq!(measured.unwrap().residency.proof, Proof::Cold);
}

#[test]
fn what_cannot_be_proved_is_not_called_cold() {
    let (measured, story) = run(Eviction::Fails, CacheState::Cold, faults(Policy::Normal));
    let measured = measured.unwrap();
    assert_eq!((measured.residency.proof, measured.caveats), (Proof::NotCold, vec![Caveat::NotCold]));
    assert_eq!(story.matches("[evict]").count(), 3, "it is tried again before a run goes on without proof");

    let (measured, _) = run(Eviction::Unseen, CacheState::Cold, faults(Policy::Normal));
    let measured = measured.unwrap();
    assert_eq!(
        (measured.residency.proof, measured.caveats),
        (Proof::ColdUnverified, vec![Caveat::ColdUnverified])
    );
    assert_eq!(measured.residency.before_pages, None, "an answer that isn't one is not recorded");
    assert_eq!(measured.metrics.major_faults, Some(1), "it was cold all the same");
}

#[test]
fn a_probe_that_finds_other_bytes_has_failed() {
    let os = FakeOs::new(vec![1; 4096], Eviction::Works);
    let subject = Subject { len: Bytes(4096), ..subject(&os) };
    let case = Case { variant: "m".into(), cache: CacheState::Cold, probe: faults(Policy::Normal) };
    let run = |work| measure(&os, &subject, &case, work, Random::new(1), None, &mut |_| ());
    let span = ByteRange::whole(Bytes(4096));
    assert!(run(Work { span, checksum: 1 }).is_ok());
    let error = run(Work { span, checksum: 2 }).unwrap_err();
    assert!(matches!(error, MeasureError::WrongWork { found: 1, expected: 2 }), "{error}");
    let longer = Subject { len: Bytes(8192), ..subject.clone() };
    let error = measure(&os, &longer, &case, Work { span, checksum: 1 }, Random::new(1), None, &mut |_| ());
    assert!(matches!(error, Err(MeasureError::LengthChanged { found: 4096, expected: 8192 })));
}
