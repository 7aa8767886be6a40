//! The order in which a run asks things of the system, over one that plays a script.

use std::num::NonZeroU32;

use super::*;
use crate::job::{CacheState, Pattern, Probe, Prompt, Timing};
use crate::os::fake::{Eviction, FakeOs, Kernel};
use crate::record::Proof;

const PAGES: u64 = 4;
/// A trace that reads the third page first and then the first two.
const PIECES: [PageRange; 2] = [PageRange { first: 2, count: 1 }, PageRange { first: 0, count: 2 }];

fn subject(os: &FakeOs) -> Subject {
    let file = os.open(&PathBuf::from("m")).unwrap();
    let self_test = proof::self_test(os, &*file, &*file.map().unwrap()).unwrap();
    file.read_through(ByteRange::whole(Bytes(4096)), &mut |_| ()).unwrap();
    os.take_asked();
    Subject { self_test, ..Subject::new("m".into(), file.facts(), Vec::new()) }
}

fn run(eviction: Eviction, cache: CacheState, probe: Probe) -> (Result<Measured, MeasureError>, String) {
    run_on(Kernel::Linux, eviction, cache, probe)
}

fn run_on(
    kernel: Kernel,
    eviction: Eviction,
    cache: CacheState,
    probe: Probe,
) -> (Result<Measured, MeasureError>, String) {
    let bytes = (0..PAGES * 4096).map(|n| (n / 4096 + 1) as u8).collect();
    let os = FakeOs::of(kernel, bytes, eviction);
    let subject = subject(&os);
    let work = Work { span: ByteRange::whole(subject.len), checksum: 1 + 2 + 3 + 4 };
    let case = Case { variant: "m".into(), cache, probe };
    let mut story = Vec::new();
    let measured = measure(&os, task(&subject, &case, work), &mut |phase| {
        story.append(&mut os.take_asked());
        story.push(format!("[{phase}]"));
    });
    story.append(&mut os.take_asked());
    (measured, story.join("\n"))
}

fn task<'a>(subject: &'a Subject, case: &'a Case, work: Work) -> Task<'a> {
    Task { subject, case, work, random: Random::new(1), pieces: &PIECES, asking: None, loaded: None }
}

fn faults(policy: Policy) -> Probe {
    Probe::faults(policy, Pattern::Sequential)
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
    let probe = reads(Io::Buffered, 1);
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
    read 4 × 4 KiB by 1
    stop
    [account]
    resident?
    ");
    let measured = measured.unwrap();
    assert_eq!(measured.residency.proof, Proof::Warm);
    assert_eq!(measured.latency.unwrap().buckets_ns, [(1, 4)]);
    assert_eq!(measured.policy_effective, None);
}

fn reads(io: Io, threads: u32) -> Probe {
    let threads = NonZeroU32::new(threads).unwrap();
    Probe::Reads { io_size: Bytes(4096), pattern: Pattern::Reverse, io, threads }
}

#[test]
fn reads_past_the_page_cache_say_whether_they_were() {
    let (measured, story) = run(Eviction::Works, CacheState::Warm, reads(Io::Direct, 3));
    let asked: Vec<&str> = story.lines().skip_while(|line| *line != "[measure]").take(4).collect();
    assert_eq!(asked, ["[measure]", "past the page cache:", "open", "start"]);
    assert!(story.contains("read 4 × 4 KiB by 3"), "{story}");
    assert_eq!(measured.unwrap().io_effective, Some(Io::Direct));
    let (measured, _) = run(Eviction::Works, CacheState::Cold, reads(Io::Direct, 1));
    assert_eq!(measured.unwrap().io_effective, Some(Io::Buffered), "pages were left behind");
}

#[test]
fn each_touch_can_be_timed() {
    let probe = Probe::Faults { policy: Policy::Normal, pattern: Pattern::Reverse, timing: Timing::Each };
    let (measured, story) = run(Eviction::Works, CacheState::Cold, probe);
    assert!(story.contains("each timed:\ntouch 4 pages"), "{story}");
    assert_eq!(measured.unwrap().latency.unwrap().buckets_ns, [(1, 4)]);
}

/// What a probe finds that follows the trace of [`PIECES`].
fn follow(probe: Probe) -> (Measured, String) {
    let os = FakeOs::new((0..PAGES * 4096).map(|n| (n / 4096 + 1) as u8).collect(), Eviction::Works);
    let subject = subject(&os);
    let work = Work { span: ByteRange::whole(subject.len), checksum: 3 + 1 + 2 };
    let case = Case { variant: "m".into(), cache: CacheState::Cold, probe };
    let measured = measure(&os, task(&subject, &case, work), &mut |_| ()).unwrap();
    (measured, os.take_asked().join("\n"))
}

#[test]
fn a_replay_touches_what_the_engine_reads_with_a_stream_ahead_or_without() {
    let replay = |policy| Probe::Replay { policy, prompt: Prompt::Count(1) };
    let (measured, story) = follow(replay(Policy::Random));
    assert!(story.contains("start\napply Random\ntouch 3 pages\nstop"), "{story}");
    assert_eq!((measured.metrics.operations, measured.metrics.bytes_covered), (Some(3), Some(3 * 4096)));
    let (measured, story) = follow(replay(Policy::STREAM));
    assert!(story.contains("start\nstream 2 pieces\ntouch 3 pages\nstop"), "{story}");
    assert_eq!(measured.policy_effective, Some(Policy::STREAM));
}

#[test]
fn a_floor_reads_the_same_bytes_past_the_page_cache() {
    let (measured, story) = follow(Probe::Floor { prompt: Prompt::Count(1), io_size: Bytes(8192) });
    assert!(story.contains("past the page cache:\nopen\nstart\nread 2 × 8 KiB by 4\nstop"), "{story}");
    assert_eq!(measured.metrics.bytes_covered, Some(3 * 4096));
    assert_eq!(measured.residency.proof, Proof::Cold);
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
fn where_pages_paged_in_are_counted_no_faults_are_told() {
    let on_darwin =
        |eviction| run_on(Kernel::Darwin, eviction, CacheState::Cold, faults(Policy::Normal)).0.unwrap();
    let measured = on_darwin(Eviction::Works);
    assert_eq!(measured.residency.proof, Proof::Cold);
    let Metrics { major_faults, minor_faults, pages_paged_in, .. } = measured.metrics;
    assert_eq!((major_faults, minor_faults, pages_paged_in), (None, None, Some(1)));

    let measured = on_darwin(Eviction::Unseen);
    assert_eq!(measured.residency.proof, Proof::ColdUnverified, "its count tells that mincore doesn't");
}

#[test]
fn the_self_test_has_three_answers_on_each_system() {
    use Eviction::{Fails, NeedsPageOut, Unseen, Works};
    use SelfTest::{CannotEvict, MincoreDoesNotTell, Truthful};
    let answers = |kernel| {
        [Works, NeedsPageOut, Fails, Unseen].map(|eviction| {
            let os = FakeOs::of(kernel, vec![0; 4096], eviction);
            subject(&os).self_test
        })
    };
    assert_eq!(answers(Kernel::Linux), [Truthful, Truthful, CannotEvict, MincoreDoesNotTell]);
    assert_eq!(answers(Kernel::Darwin), [Truthful, CannotEvict, CannotEvict, MincoreDoesNotTell]);
}

#[test]
fn with_one_tool_of_eviction_what_stays_is_told() {
    for eviction in [Eviction::NeedsPageOut, Eviction::Fails] {
        let (measured, _) = run_on(Kernel::Darwin, eviction, CacheState::Cold, faults(Policy::Normal));
        let measured = measured.unwrap();
        assert_eq!((measured.residency.proof, measured.caveats), (Proof::NotCold, vec![Caveat::NotCold]));
    }
}

#[test]
fn a_policy_that_the_system_lacks_fails_its_run_with_what_to_do() {
    let populate = faults(Policy::Populate);
    let (measured, _) = run_on(Kernel::Darwin, Eviction::Works, CacheState::Cold, populate);
    let said = crate::error::chain(&measured.unwrap_err());
    assert!(said.contains("MADV_POPULATE_READ) is not supported here: only Linux has it"), "{said}");
}

#[test]
fn a_probe_that_finds_other_bytes_has_failed() {
    let os = FakeOs::new(vec![1; 4096], Eviction::Works);
    let subject = Subject { len: Bytes(4096), ..subject(&os) };
    let case = Case { variant: "m".into(), cache: CacheState::Cold, probe: faults(Policy::Normal) };
    let run = |work| measure(&os, task(&subject, &case, work), &mut |_| ());
    let span = ByteRange::whole(Bytes(4096));
    assert!(run(Work { span, checksum: 1 }).is_ok());
    let error = run(Work { span, checksum: 2 }).unwrap_err();
    assert!(matches!(error, MeasureError::WrongWork { found: 1, expected: 2 }), "{error}");
    let longer = Subject { len: Bytes(8192), ..subject.clone() };
    let work = Work { span, checksum: 1 };
    let error = measure(&os, task(&longer, &case, work), &mut |_| ());
    assert!(matches!(error, Err(MeasureError::LengthChanged { found: 4096, expected: 8192 })));
}
