//! `packbench log`

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use packbench_core::record::{Header, Report};

use super::output::write;
use crate::render;

/// The page that lists all results.
const INDEX: &str = "INDEX.md";

/// Arguments of `log`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Results lie in FOLDER/<date>-<device>/<label>.jsonl, the command that made each and its tables beside it in <label>.txt. A
result is never written over: a label that is taken on that day on that device goes to <date>-<device>.2, and so on.

Examples:
  packbench log add report.jsonl --label gemma3 --command 'packbench run gemma3.gguf'
  packbench log index")]
pub struct Args {
    #[command(subcommand)]
    what: What,
    /// The folder of results.
    #[arg(long = "in", value_name = "FOLDER", default_value = "bench-results", global = true)]
    folder: PathBuf,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Add a report under a label, and list it in the index.
    Add {
        /// The report.
        report: PathBuf,
        /// What it is called: letters, digits, dots and dashes.
        #[arg(long, value_parser = label)]
        label: String,
        /// The command that made it.
        #[arg(long)]
        command: String,
        /// What the machine is called [default: made of what the report says of it].
        #[arg(long, value_parser = label)]
        device: Option<String>,
    },
    /// Write the page that lists all results.
    Index,
}

/// Adds a result, or lists them all.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let What::Add { report, label, command, device } = &args.what {
        let base = add(&args.folder, report, label, command, device.as_deref())?;
        writeln!(io::stdout().lock(), "{}.jsonl", base.display())?;
    }
    write(&args.folder.join(INDEX), index(&args.folder)?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn add(
    folder: &Path,
    path: &Path,
    label: &str,
    command: &str,
    device: Option<&str>,
) -> anyhow::Result<PathBuf> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let report = Report::read(&bytes).with_context(|| path.display().to_string())?;
    let header = report.header();
    let device = device.map_or_else(|| slug(header), str::to_owned);
    let base = free(folder, &format!("{}-{device}", date(header)?), label)?;
    write(&base.with_extension("txt"), beside(command, &report).as_bytes())?;
    write(&base.with_extension("jsonl"), &bytes)?;
    Ok(base)
}

/// The day on which the session began, UTC.
fn date(header: &Header) -> anyhow::Result<String> {
    let started = jiff::Timestamp::from_millisecond(i64::try_from(header.started_unix_ms)?)?;
    Ok(started.strftime("%Y-%m-%d").to_string())
}

/// A short name of this kind of machine: `amd-epyc-2cpu`.
fn slug(header: &Header) -> String {
    let device = &header.context.device;
    let name = device.model.as_deref().or(device.cpu.as_deref()).unwrap_or("unnamed");
    let text = format!("{name} {}cpu", device.cpus).to_lowercase();
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

/// Where a label is free, in the first folder of that day and device that doesn't have it.
fn free(folder: &Path, day: &str, label: &str) -> anyhow::Result<PathBuf> {
    for number in 1.. {
        let day = if number == 1 { day.to_owned() } else { format!("{day}.{number}") };
        let place = folder.join(&day);
        let taken = ["txt", "jsonl"].iter().any(|ending| place.join(format!("{label}.{ending}")).exists());
        if !taken {
            std::fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
            return Ok(place.join(label));
        }
    }
    unreachable!("there are more numbers than folders")
}

/// The command, what measured and when, the tables.
fn beside(command: &str, report: &Report) -> String {
    let header = report.header();
    let tool = &header.tool;
    let engine = tool.engine.as_deref().unwrap_or("no engine");
    format!(
        "$ {command}\npackbench {} ({}, {}, {engine}), session {}\n\n{}",
        tool.version,
        tool.build_profile,
        tool.target,
        header.session,
        render::report(report)
    )
}

fn label(text: &str) -> Result<String, String> {
    let known = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    match !text.is_empty() && !text.starts_with('.') && text.chars().all(known) {
        true => Ok(text.to_owned()),
        false => Err(format!("found {text:?}, expected letters, digits, dots and dashes")),
    }
}

/// A table of all results, the newest day first: made of the first line of each text, which is the command.
fn index(folder: &Path) -> anyhow::Result<String> {
    let mut text =
        "# All results\n\nMade by `packbench log index`. How results are kept: [README.md](README.md).\n"
            .to_owned();
    let mut days = names(folder)?;
    days.retain(|day| folder.join(day).is_dir());
    for day in days.iter().rev() {
        text += &format!("\n## {day}\n\n| result | samples | made by |\n|---|---|---|\n");
        let files = names(&folder.join(day))?;
        for file in files.iter().filter(|file| file.ends_with(".txt")) {
            text += &row(folder, day, file.trim_end_matches(".txt"), &files)?;
        }
    }
    Ok(text)
}

fn row(folder: &Path, day: &str, label: &str, files: &[String]) -> anyhow::Result<String> {
    let lines = format!("{label}.jsonl");
    let samples = if files.contains(&lines) { format!("[lines]({day}/{lines})") } else { "–".to_owned() };
    let path = folder.join(day).join(format!("{label}.txt"));
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    let first = BufReader::new(file).lines().next().transpose()?.unwrap_or_default();
    let Some(command) = first.strip_prefix("$ ") else {
        bail!("{}: found {first:?}, expected the command behind a $", path.display());
    };
    Ok(format!("| [{label}]({day}/{label}.txt) | {samples} | `{}` |\n", command.replace('|', "\\|")))
}

/// What lies in a folder, sorted.
fn names(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<String>>>()?;
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn a_label_is_a_file_name_and_no_path() {
        assert_eq!(label("policies-gemma3.v2"), Ok("policies-gemma3.v2".to_owned()));
        for wrong in ["", "../x", "a/b", ".hidden", "a b"] {
            assert!(label(wrong).is_err(), "{wrong}");
        }
    }
}
