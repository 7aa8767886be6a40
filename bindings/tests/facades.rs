//! Kotlin and Swift agree: what each has, as it stands in its sources, is what `facades.tsv` says that it has.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use packbench_core::gguf::sample::TinyModel;
use packbench_core::job::Guard;
use packbench_ffi::{AppError, Facts, Identity, Listener, PackbenchError, Phone, Progress, Session};
use regex::Regex;
use strum::VariantArray;

struct Row {
    kind: String,
    name: String,
    kotlin: String,
    swift: String,
}

fn rows() -> Vec<Row> {
    let table = fs::read_to_string(here().join("facades.tsv")).unwrap();
    let row = |line: &str| {
        let [kind, name, kotlin, swift] =
            line.split('\t').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        Row { kind, name, kotlin, swift }
    };
    table.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names(kind: &str) -> BTreeSet<String> {
    rows().into_iter().filter(|row| row.kind == kind).map(|row| row.name).collect()
}

/// Where a facade has what the rows of some kinds are about: in files, the block that begins with a line, and there what the
/// first group of a pattern matches.
struct Construct {
    kinds: &'static [&'static str],
    blocks: &'static [(&'static str, &'static str)],
    pattern: &'static str,
}

const KOTLIN: [Construct; 7] = [
    Construct {
        kinds: &["error"],
        blocks: &[(
            "app/src/main/kotlin/dev/packbench/app/Bench.kt",
            "fun PackbenchException.reason(): String",
        )],
        pattern: r"is PackbenchException\.(\w+)",
    },
    Construct {
        kinds: &["guard", "fact"],
        blocks: &[
            (ANDROID_PHONE, "    override fun identity() = Identity("),
            (ANDROID_PHONE, "    override fun facts(): Facts {"),
        ],
        pattern: r"(?m)^ +(\w+) = ",
    },
    Construct {
        kinds: &["call"],
        blocks: &[(PACKBENCH, "class Packbench(")],
        pattern: r"(?m)^    (?:public )?(?:suspend )?fun (\w+\(.*?\))",
    },
    Construct {
        kinds: &["event"],
        blocks: &[(PACKBENCH, "class Packbench(")],
        pattern: r"(?m)^    (?:val \w+: \w*Flow<|suspend fun .*\): )(\w+)",
    },
    Construct {
        kinds: &["ending"],
        blocks: &[(KOTLIN_HEADLESS, "enum class Ending(")],
        pattern: r"(?m)^    (\w+\(.*?\))",
    },
    Construct {
        kinds: &["argument"],
        blocks: &[(KOTLIN_HEADLESS, "class Headless(")],
        pattern: r#"arguments\.get\w+\("(\w+)""#,
    },
    Construct {
        kinds: &["told"],
        blocks: &[
            (KOTLIN_HEADLESS, "class Headless("),
            (
                "app/src/main/kotlin/dev/packbench/app/BenchInstrumentation.kt",
                "open class BenchInstrumentation",
            ),
        ],
        pattern: r#"\.?put\w+\("(\w+)""#,
    },
];
const ANDROID_PHONE: &str = "packbench/src/main/kotlin/dev/packbench/AndroidPhone.kt";
const PACKBENCH: &str = "packbench/src/main/kotlin/dev/packbench/Packbench.kt";
const KOTLIN_HEADLESS: &str = "app/src/main/kotlin/dev/packbench/app/Headless.kt";

const SWIFT: [Construct; 7] = [
    Construct {
        kinds: &["error"],
        blocks: &[("Packbench/Job.swift", "extension PackbenchError {")],
        pattern: r"\.([A-Z]\w*)",
    },
    Construct {
        kinds: &["guard", "fact"],
        blocks: &[
            (APPLE_PHONE, "    public func identity() -> Identity {"),
            (APPLE_PHONE, "    public func facts() -> Facts {"),
        ],
        pattern: r"(?m)^ +(\w+): ",
    },
    Construct {
        kinds: &["call"],
        blocks: &[(BENCH_SESSION, "public actor BenchSession {")],
        pattern: r"(?m)^    public func (\w+\(.*?\))",
    },
    Construct {
        kinds: &["event"],
        blocks: &[(BENCH_SESSION, "public enum Event:")],
        pattern: r"(?m)^    case (.+)$",
    },
    Construct {
        kinds: &["ending"],
        blocks: &[(SWIFT_HEADLESS, "public enum Ending:")],
        pattern: r"(?m)^    case (.+)$",
    },
    Construct {
        kinds: &["argument"],
        blocks: &[(SWIFT_HEADLESS, "public struct Headless:")],
        pattern: r#"(?:arguments|named)\["(\w+)"\]"#,
    },
    Construct {
        kinds: &["told"],
        blocks: &[(SWIFT_HEADLESS, "public struct Headless:")],
        pattern: r#"\bsay\("(\w+)""#,
    },
];
const APPLE_PHONE: &str = "Packbench/ApplePhone.swift";
const BENCH_SESSION: &str = "Packbench/BenchSession.swift";
const SWIFT_HEADLESS: &str = "PackbenchApp/Headless.swift";

impl Construct {
    /// The names in the sources under `folder`.
    fn found(&self, folder: &Path) -> BTreeSet<String> {
        let pattern = Regex::new(self.pattern).unwrap();
        let blocks = self.blocks.iter().map(|(file, begins)| {
            let source = fs::read_to_string(folder.join(file)).unwrap();
            block(&source, begins).unwrap_or_else(|| panic!("found no {begins:?} in {file}"))
        });
        let names = |text: String| {
            let found = pattern.captures_iter(&text).map(|found| found[1].to_owned());
            found.collect::<Vec<_>>()
        };
        blocks.flat_map(names).collect()
    }
}

/// From the line that begins with `begins` to the one that closes it, without comments.
fn block(source: &str, begins: &str) -> Option<String> {
    let mut lines = source.lines().skip_while(|line| !line.starts_with(begins));
    let first = lines.next()?;
    let indent = &first[..first.len() - first.trim_start().len()];
    let closes = |line: &str| {
        let end = line.strip_prefix(indent).filter(|end| end.starts_with(['}', ')']));
        // The parameters of a class end before its body begins.
        end.is_some_and(|end| !end.ends_with('{'))
    };
    let body: Vec<_> = lines.take_while(|line| !closes(line)).collect();
    let is_comment = |line: &&&str| ["//", "/*", "*"].iter().any(|mark| line.trim_start().starts_with(mark));
    Some(body.iter().filter(|line| !is_comment(line)).map(|line| format!("{line}\n")).collect())
}

#[track_caller]
fn assert_has(facade: &str, constructs: &[Construct], folder: &Path, cell: fn(Row) -> String) {
    let looked_up: Vec<&str> = constructs.iter().flat_map(|construct| construct.kinds).copied().collect();
    for Row { kind, .. } in rows() {
        assert!(looked_up.contains(&&*kind), "{facade}: nothing says where to look for {kind}");
    }
    for construct in constructs {
        let rows = rows().into_iter().filter(|row| construct.kinds.contains(&&*row.kind));
        let expected: BTreeSet<_> = rows.map(cell).filter(|cell| cell != "-").collect();
        assert_eq!(construct.found(folder), expected, "{facade}: {:?}", construct.kinds);
    }
}

#[test]
fn kotlin_has_what_the_rows_say_and_nothing_else() {
    assert_has("Kotlin", &KOTLIN, &here().join("../android"), |row| row.kotlin);
}

#[test]
fn swift_has_what_the_rows_say_and_nothing_else() {
    assert_has("Swift", &SWIFT, &here().join("../ios/Packbench/Sources"), |row| row.swift);
}

/// Another variant doesn't compile here, so that it gets its row.
fn name(error: &PackbenchError) -> &'static str {
    match error {
        PackbenchError::Busy => "Busy",
        PackbenchError::Job { .. } => "Job",
        PackbenchError::Model { .. } => "Model",
        PackbenchError::Guarded { .. } => "Guarded",
        PackbenchError::Report { .. } => "Report",
        PackbenchError::Question { .. } => "Question",
        PackbenchError::App { .. } => "App",
        PackbenchError::Bug { .. } => "Bug",
    }
}

#[test]
fn each_error_has_a_row() {
    let reason = String::new();
    let errors = [
        PackbenchError::Busy,
        PackbenchError::Job { reason: reason.clone() },
        PackbenchError::Model { reason: reason.clone() },
        PackbenchError::Guarded { guards: Vec::new(), reason: reason.clone() },
        PackbenchError::Report { reason: reason.clone() },
        PackbenchError::Question { reason: reason.clone() },
        PackbenchError::App { reason: reason.clone() },
        PackbenchError::Bug { reason },
    ];
    assert_eq!(names("error"), errors.iter().map(|error| name(error).to_owned()).collect());
}

#[test]
fn each_guard_that_an_app_tells_of_has_a_row() {
    let told = Guard::VARIANTS.iter().filter(|guard| **guard != Guard::SharedStorage);
    assert_eq!(names("guard"), told.map(ToString::to_string).collect());
}

#[test]
fn a_panic_in_whatever_is_exported_is_an_error() {
    let begins = Regex::new(r"(?s)pub fn (\w+)\([^{]*?-> Result<[^{]*PackbenchError> \{\s+(\w+)").unwrap();
    let (mut exported, mut bare) = (0, Vec::new());
    for file in ["jobs.rs", "reports.rs", "session.rs"] {
        let source = fs::read_to_string(here().join("src").join(file)).unwrap();
        for found in begins.captures_iter(&source) {
            exported += 1;
            bare.extend((&found[2] != "no_panic").then(|| found[1].to_owned()));
        }
    }
    assert!(exported >= 11 && bare.is_empty(), "{exported}: {bare:?}");
}

/// A phone on which one thing is wrong.
#[derive(Default)]
struct Wrong {
    identity: Identity,
    facts: Facts,
}

impl Wrong {
    /// What both facades call so.
    fn by(label: &str) -> Self {
        let identity = |identity| Wrong { identity, ..Wrong::default() };
        let facts = |facts| Wrong { facts, ..Wrong::default() };
        match label {
            "debuggable" => identity(Identity { debuggable: Some(true), ..Identity::default() }),
            "emulator" => identity(Identity { emulator: Some(true), ..Identity::default() }),
            "batteryPercent" => facts(Facts { battery_percent: Some(1), ..Facts::default() }),
            "charging" => facts(Facts { charging: Some(true), ..Facts::default() }),
            "powerSave" => facts(Facts { power_save: Some(true), ..Facts::default() }),
            "foreground" => facts(Facts { foreground: Some(false), ..Facts::default() }),
            _ => panic!("nothing says what is wrong with {label}"),
        }
    }
}

impl Phone for Wrong {
    fn identity(&self) -> Result<Identity, AppError> {
        Ok(self.identity.clone())
    }

    fn facts(&self) -> Result<Facts, AppError> {
        Ok(self.facts.clone())
    }
}

struct Deaf;

impl Listener for Deaf {
    fn told(&self, _progress: Progress) -> Result<(), AppError> {
        Ok(())
    }
}

#[test]
fn each_guard_is_found_by_the_label_of_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("m.gguf"), TinyModel::new(3).bytes()).unwrap();
    let job = format!(r#"{{"models":[{{"path":{:?}}}],"probes":["faults"]}}"#, path("m.gguf"));
    for Row { name, kotlin, swift, .. } in rows().into_iter().filter(|row| row.kind == "guard") {
        for label in [kotlin, swift] {
            let (report, cache) = (path("r.jsonl"), path("cache"));
            let refused =
                Session::new().run(&job, &report, &cache, Arc::new(Wrong::by(&label)), Arc::new(Deaf));
            let Err(PackbenchError::Guarded { guards, .. }) = refused else { panic!("{label}: {refused:?}") };
            assert_eq!(guards, [&*name], "{label}");
        }
    }
}
