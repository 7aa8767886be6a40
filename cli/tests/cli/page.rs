//! What `report` makes of reports beside tables: a page, Markdown, CSV, JUnit XML.

use std::path::{Path, PathBuf};

use packbench_core::record::{Line, Run};
use packbench_core::session::bytes;

use crate::scratch::{Scratch, stderr, stdout};

/// The bytes that a page of a thousand runs may have.
const MOST: usize = 1_500_000;

const HOSTILE: &str = "<script>alert(1)</script>|\u{202e}\u{5d0}\u{5d1}\"'&]]>\u{1}";

fn recorded(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("bench-results/2026-11-24-amd-epyc-2cpu").join(name)
}

fn lines(name: &str) -> Vec<Line> {
    let text = std::fs::read_to_string(recorded(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn written(scratch: &Scratch, name: &str, lines: &[Line]) {
    scratch.write(name, &lines.iter().flat_map(bytes).collect::<Vec<u8>>());
}

/// What `report` writes under that name.
fn made(scratch: &Scratch, reports: &[&str], name: &str) -> String {
    let args = [&["report"], reports, &["-o", name]].concat();
    scratch.packbench(&args).assert().success().stdout("");
    std::fs::read_to_string(scratch.path(name)).unwrap()
}

/// A real session, its blocks repeated until there are more than a thousand runs.
fn a_thousand_runs() -> Vec<Line> {
    let one = lines("default-smollm2.jsonl");
    let blocks = 1 + one.iter().filter_map(run).map(|run| run.block).max().unwrap();
    let mut all = one.clone();
    if let Some(Line::Header(header)) = all.first_mut() {
        header.job.blocks = (6 * blocks).try_into().unwrap();
    }
    for times in 1..6 {
        all.extend(
            one.iter()
                .filter_map(run)
                .map(|run| Line::Run(Run { block: run.block + times * blocks, ..run.clone() })),
        );
    }
    assert!(all.iter().filter_map(run).count() > 1000);
    all
}

fn run(line: &Line) -> Option<&Run> {
    match line {
        Line::Run(run) => Some(run),
        _ => None,
    }
}

#[test]
fn a_page_of_a_thousand_runs_is_small_and_fetches_nothing() {
    let scratch = Scratch::new();
    written(&scratch, "r.jsonl", &a_thousand_runs());
    let page = made(&scratch, &["r.jsonl"], "r.html");
    assert!(page.len() <= MOST, "{} bytes", page.len());
    assert!(page.contains("default-src 'none'"), "the page forbids itself the network");
    for fetched in ["src=\"http", "url(http", "@import", "<link"] {
        assert!(!page.contains(fetched), "{fetched}");
    }
}

#[test]
fn hostile_names_are_text_wherever_they_stand() {
    let scratch = Scratch::new();
    let mut lines = lines("policies-smollm2-requests.jsonl");
    let long = format!("{HOSTILE}{}", "long".repeat(200));
    for line in &mut lines {
        match line {
            Line::Header(header) => {
                header.context.device.model = Some(long.clone());
                header.job.models[0].name = long.clone();
            }
            Line::Variant(variant) => variant.name = long.clone(),
            Line::Plan(plan) => plan.needs.iter_mut().for_each(|need| need.variant = long.clone()),
            Line::Run(run) => run.case.variant = long.clone(),
            _ => {}
        }
    }
    lines
        .iter_mut()
        .find_map(|line| if let Line::Run(run) = line { Some(run) } else { None })
        .unwrap()
        .error = Some(long.clone());
    written(&scratch, "r.jsonl", &lines);
    let page = made(&scratch, &["r.jsonl"], "r.html");
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert"), "escaped in HTML");
    assert!(!page.contains('\u{202e}'), "nothing turns what follows");
    let markdown = made(&scratch, &["r.jsonl"], "r.md");
    assert!(markdown.contains("&lt;script&gt;alert(1)") && !markdown.contains("<script>"), "{markdown}");
    let rows = markdown.lines().filter(|line| line.starts_with("| ") && line.contains("script"));
    assert!(
        rows.clone().count() > 3 && rows.clone().all(|row| row.replace("\\|", "").matches('|').count() == 12),
        "{markdown}"
    );
    let junit = made(&scratch, &["r.jsonl"], "r.xml");
    let parsed = roxmltree::Document::parse(&junit).unwrap();
    let suite = parsed.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
    assert_eq!(suite.attribute("name"), Some(long.replace('\u{1}', "\u{fffd}").as_str()));
    let csv = made(&scratch, &["r.jsonl"], "r.csv");
    assert_eq!(csv.lines().count(), 1 + lines.iter().filter_map(run).count());
}

#[test]
fn failed_runs_are_errors_to_junit_and_are_told_on_a_page() {
    let scratch = Scratch::new();
    let mut lines = lines("policies-smollm2-requests.jsonl");
    let failed =
        lines.iter_mut().find_map(|line| if let Line::Run(run) = line { Some(run) } else { None }).unwrap();
    failed.status = "failed".parse().unwrap();
    failed.error = Some("the disk went away".to_owned());
    written(&scratch, "r.jsonl", &lines);
    let junit = made(&scratch, &["r.jsonl"], "r.xml");
    let parsed = roxmltree::Document::parse(&junit).unwrap();
    let errors = parsed.descendants().filter(|node| node.has_tag_name("error"));
    let errors: Vec<Option<&str>> = errors.map(|error| error.attribute("message")).collect();
    assert_eq!(errors, [Some("block 0: the disk went away")]);
    let page = made(&scratch, &["r.jsonl"], "r.html");
    assert!(page.contains("the disk went away") && page.contains("1 run failed or were killed"), "{page}");
}

#[test]
fn several_reports_stand_beside_each_other() {
    let scratch = Scratch::new();
    let names = ["policies-smollm2-requests.jsonl", "policies-gemma3-270m-requests.jsonl"];
    let paths = names.map(|name| recorded(name).to_str().unwrap().to_owned());
    let page = made(&scratch, &[&paths[0], &paths[1]], "both.html");
    for name in names {
        assert!(page.contains(&format!("download=\"{name}.gz\"")), "{name}");
    }
    assert!(page.contains("id=\"device-1\"") && page.contains("What each report answers"));
}

#[test]
fn what_a_form_would_leave_out_is_refused() {
    let scratch = Scratch::new();
    let report = recorded("policies-smollm2-requests.jsonl");
    let scores = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("fuzz/seeds/scores/published");
    let with = ["report", report.to_str().unwrap(), "--with", scores.to_str().unwrap()];
    for form in [&[][..], &["--csv"], &["--junit"], &["--markdown"]] {
        let said = stderr(&mut scratch.packbench(&[&with[..], form].concat()));
        assert!(said.contains("--with"), "{form:?}: {said}");
    }
}

#[test]
fn markdown_is_short_and_begins_with_the_answer() {
    let path = recorded("policies-gemma3-270m-requests.jsonl");
    let markdown = stdout(&mut Scratch::new().packbench(&["report", path.to_str().unwrap(), "--markdown"]));
    let answer: Vec<&str> = markdown.lines().take(5).collect();
    insta::assert_snapshot!(answer.join("\n"), @r"
    ### AMD EPYC, 2 processors

    On this device **stream** gives a cold first token (prompt 1) **1.60 ×** sooner \[1.54, 1.68\] than llama.cpp's own loading (stock\_load), the soonest of 5.
    - On this device **stream** gives a cold first token (prompt 1) **3.41 ×** sooner \[3.31, 3.55\] than a plain mapping (normal).
    - Nearest to what storage allows is **stream**: **1.03 ×** \[0.95, 1.09\] the time that reading its bytes takes.
    ");
    assert!(markdown.len() < 4000, "{} bytes", markdown.len());
}

#[test]
fn what_was_not_asked_for_well_is_said() {
    let scratch = Scratch::new();
    let report = recorded("policies-smollm2-requests.jsonl");
    let report = report.to_str().unwrap();
    let said = stderr(&mut scratch.packbench(&["report", report, "-o", "x.pdf"]));
    assert_eq!(said, "error: found x.pdf, expected a name that ends in .html, .md, .csv, .xml or .txt\n");
    scratch.write("with.json", b"{\"a\": 1}");
    scratch.packbench(&["report", report, "--with", "with.json", "-o", "x.html"]).assert().code(2);
    let said = stderr(&mut scratch.packbench(&["report", report, "--with", "with.json", "-o", "x.html"]));
    assert!(said.contains("reading with.json: found none of its keys, expected fim_scores.json"), "{said}");
    scratch.packbench(&["report", report, "--csv", "--junit"]).assert().code(2);
    assert_eq!(scratch.names(), ["with.json"], "no file under a final name");
}
