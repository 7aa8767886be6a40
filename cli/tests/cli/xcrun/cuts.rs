//! Cut off at any step, a session loses nothing that was finished.

use std::collections::HashSet;

use packbench_core::record::RunKey;

use super::{JOB, Mac, RUNS, SIMULATOR, Said, UDID, run};
use crate::scratch::finished;

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn a_phone_cut_off_at_each_step_loses_nothing_finished() {
    let gone = |doing: &str| format!("{doing}: {UDID} went away");
    cut_off_at_each_step(
        "ios",
        &[
            (1, "list devices", "unavailable, expected it ready: plug it in".to_owned()),
            (1, "install app", gone("installing the app")),
            (1, "info apps", gone("asking for the app")),
            (1, "copy from Documents/m.gguf.known", gone("fetching m.gguf.known")),
            (1, "info files", gone("looking for models")),
            (1, "copy to Documents/m.gguf", gone("pushing m.gguf")),
            // What is remembered, its withdrawal, and what is remembered again.
            (1, "copy to Documents/m.gguf.known", gone("writing m.gguf.known")),
            (1, "copy to Documents/m.gguf.known", gone("writing m.gguf.known")),
            (2, "copy to Documents/m.gguf.known", gone("writing m.gguf.known")),
            (1, "copy to Documents/assignment-", gone("handing over the assignment")),
            (3, "process launch", format!("{UDID}: its answer was cut off")),
            // The same of a session that is gone on with, and what an earlier launch may have left.
            (1, "list devices", "unavailable, expected it ready: plug it in".to_owned()),
            (1, "info apps", gone("asking for the app")),
            (1, "copy from Documents/m.gguf.known", gone("fetching m.gguf.known")),
            (1, "info files", gone("looking for models")),
            (1, "copy from Documents/answer.txt", gone("fetching answer.txt")),
            (1, "copy to Documents/assignment-", gone("handing over the assignment")),
            (2, "process launch", format!("{UDID}: its answer was cut off")),
        ],
    );
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn a_simulator_shut_down_at_each_step_loses_nothing_finished() {
    let gone = |doing: &str| format!("{doing}: {SIMULATOR} went away");
    // For what is remembered, whether there is something to withdraw, the model, what is remembered then, the assignment.
    let files = (1..=5).map(|nth| (nth, "get_app_container data", gone("asking for the app's files")));
    let mut cuts = vec![
        (1, "list", "found no booted simulator".to_owned()),
        (1, "install", gone("installing the app")),
        (1, "get_app_container app", gone("asking for the app")),
    ];
    cuts.extend(files);
    cuts.push((3, "launch", format!("{SIMULATOR}: its answer was cut off")));
    // The same of a session that is gone on with; the third file is what an earlier launch may have left.
    cuts.push((1, "list", "found no booted simulator".to_owned()));
    cuts.push((1, "get_app_container app", gone("asking for the app")));
    cuts.extend((1..=4).map(|nth| (nth, "get_app_container data", gone("asking for the app's files"))));
    cuts.push((2, "launch", format!("{SIMULATOR}: its answer was cut off")));
    cut_off_at_each_step("sim", &cuts);
}

/// A session that is begun again, or gone on with, after each of `cuts`: the nth of these commands is cut, and that is said.
fn cut_off_at_each_step(on: &str, cuts: &[(u32, &str, String)]) {
    let mac = Mac::without_app();
    let begin = [&["run", "m.gguf", "--on", on, "--app", "packbench.app"], &JOB[..]].concat();
    let resume = ["run", "--json", "--resume", "r.jsonl", "--on", on];
    let mut told: HashSet<RunKey> = HashSet::new();
    let mut go_on = || {
        mac.plug_in();
        mac.simulators("Booted");
        let begun = mac.scratch.path("r.jsonl").exists();
        let output = mac.packbench(if begun { &resume } else { &begin }).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        told.extend(lines.lines().filter_map(run));
        Said { code: output.status.code(), text: String::from_utf8(output.stderr).unwrap() }
    };
    for (nth, command, words) in cuts {
        mac.scratch.write("cut", format!("{nth}\t{command}").as_bytes());
        let said = go_on();
        assert!(!mac.scratch.path("cut").exists(), "{command} wasn't asked for {nth} times: {}", said.text);
        said.refuses(words);
        let hint = format!("packbench run --resume r.jsonl --on {on}");
        assert_eq!(said.text.contains(&hint), mac.scratch.path("r.jsonl").exists(), "{}", said.text);
    }
    let before = finished(&mac.scratch.report("r.jsonl")).len();
    go_on().succeeds();
    let kept: HashSet<RunKey> =
        finished(&mac.scratch.report("r.jsonl")).iter().map(|run| run.key()).collect();
    assert!(told.is_subset(&kept), "a run that was told of is not in the report");
    assert_eq!((before, kept.len()), (3 + 2, RUNS), "the last launch alone was whole");
}

#[test]
#[ignore = "takes python3: scripts/test --stage xcrun"]
fn runs_that_nobody_heard_of_are_fetched_before_the_next_launch() {
    let mac = Mac::new();
    // The console ends after the first run, or sooner, and the phone is unplugged after the fourth.
    mac.scratch.write("mute", b"20");
    mac.scratch.write("cut", b"4\tprocess launch");
    mac.run("ios", &[]).refuses("its answer was cut off");
    let heard = mac.finished();
    assert!((1..4).contains(&heard), "{heard}");
    mac.remove("mute");
    mac.plug_in();
    mac.said(&["run", "--resume", "r.jsonl", "--on", "ios"]).succeeds();
    let report = mac.scratch.report("r.jsonl");
    let runs = finished(&report);
    assert_eq!(runs.iter().filter(|run| run.segment == 0).count(), 4, "none was measured again");
    assert_eq!((runs.len(), report.headers.len()), (RUNS, 2));
}
