//! A page of reports in one file: nothing is fetched, and its own policy forbids it to.

mod fields;
mod rows;
mod scale;
mod tables;

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::map;
use crate::page::{Answer, Captioned, Device, Figure, Page, Part, Section, Sentence, Source};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// No network, no frames, no forms: only what stands in the file.
const SECURITY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The whole file.
///
/// # Errors
/// When the reports can't be compressed.
pub fn page(page: &Page, sources: &[Source]) -> anyhow::Result<String> {
    let downloads = sources.iter().map(download).collect::<anyhow::Result<Vec<Markup>>>()?;
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(SECURITY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("packbench ", env!("CARGO_PKG_VERSION")));
                title { (page.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the answer" }
                header.bar {
                    span.brand { "packbench" }
                    (contents(page))
                    button #theme type="button" hidden { "Theme" }
                }
                main #main { (content(page)) (raw(&downloads)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(in_reading_order(&markup.into_string()))
}

/// Names may hold characters that turn the direction of what follows them: they are shown as what they are.
fn in_reading_order(text: &str) -> String {
    text.replace(
        |letter: char| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'),
        "\u{fffd}",
    )
}

fn contents(page: &Page) -> Markup {
    html! {
        nav aria-label="Contents" {
            @if page.devices.len() > 1 { a href="#beside" { "Devices" } }
            @else { a href="#device-0" { "First token" } }
            a href="#claims" { "Claims" }
            @if !page.quality.is_empty() { a href="#models" { "Models" } }
            a href="#raw" { "Raw data" }
        }
    }
}

fn content(page: &Page) -> Markup {
    let several = page.devices.len() > 1;
    html! {
        section.answer aria-label="The answer" {
            @match &page.devices[..] {
                [device] => {
                    p.eyebrow { bdi { (device.name) } }
                    h1 { (sentence(&device.answer.headline)) }
                    (notes(&device.answer))
                }
                devices => {
                    p.eyebrow { (devices.len()) " reports" }
                    h1 #beside { "What each report answers" }
                    p.lede { "Each answer holds within its own session. Medians of two sessions beside each other are no \
                        verdict: what changed between them, or between their models, isn't in any interval." }
                }
            }
        }
        @if let Some(beside) = &page.beside { (tables::table(beside)) }
        div.devices {
            @for (index, one) in page.devices.iter().enumerate() { (device(index, one, several)) }
        }
        section #claims { h2 { "Published claims" } p.lede { "What was said of models on phones, and what these reports answer." } (tables::claims(&page.claims)) }
        @if !page.quality.is_empty() {
            section #models { h2 { "Models" } @for one in &page.quality { (section(one)) } }
        }
    }
}

fn device(index: usize, device: &Device, several: bool) -> Markup {
    html! {
        article id=(format!("device-{index}")) {
            h2 { @if !several { "Measured on " } bdi { (device.name) } }
            @if several { p.headline { (sentence(&device.answer.headline)) } (notes(&device.answer)) }
            ul.caveats aria-label="What takes away from the trust" { @for caveat in &device.caveats { li { bdi { (caveat) } } } }
            details { summary { "Device and session" }
                dl { @for (name, value) in &device.facts { div { dt { (name) } dd { bdi { (value) } } } } }
            }
            @for one in &device.sections { (section(one)) }
        }
    }
}

fn section(section: &Section) -> Markup {
    html! {
        section {
            h3 { (section.title) }
            p.lede { (section.lede) }
            @for one in &section.figures { (figure(one)) }
            @if !section.tables.is_empty() {
                details { summary { "Numbers" } @for one in &section.tables { (tables::table(one)) } }
            }
        }
    }
}

fn figure(captioned: &Captioned) -> Markup {
    html! {
        figure {
            figcaption { bdi { (captioned.title) } }
            @match &captioned.figure {
                Figure::Waterfall(figure) => (rows::waterfall(figure)),
                Figure::Samples(figure) => (rows::samples(figure)),
                Figure::Bins(figure) => (rows::bins(figure)),
                Figure::Timeline(figure) => (rows::timeline(figure)),
                Figure::Lines(figure) => (fields::lines(figure)),
                Figure::Scatter(figure) => (fields::scatter(figure)),
                Figure::Grid(figure) => (fields::grid(&captioned.title, figure)),
                Figure::Layouts { inspections, alt } => {
                    // An image of its own, for its style is of its own.
                    div.scroll tabindex="0" role="region" aria-label=(captioned.title) {
                        img.picture alt=(alt) src=(format!("data:image/svg+xml;base64,{}", STANDARD.encode(map(inspections))));
                    }
                }
            }
        }
    }
}

fn sentence(sentence: &Sentence) -> Markup {
    html! { @for part in sentence { @match part {
        Part::Text(text) => bdi { (text) },
        Part::Key(text) => strong { bdi { (text) } },
        Part::Interval(..) => span.interval { (part) },
    } } }
}

fn notes(answer: &Answer) -> Markup {
    html! { @for note in &answer.notes { p.note { (sentence(note)) } } }
}

/// The reports as they came, compressed, so that a long session fits into a page.
fn download(source: &Source) -> anyhow::Result<Markup> {
    let mut compressed = GzEncoder::new(Vec::new(), Compression::best());
    compressed.write_all(&source.bytes)?;
    let address = format!("data:application/gzip;base64,{}", STANDARD.encode(compressed.finish()?));
    let name = format!("{}.gz", source.name);
    Ok(html! { li { a.download download=(name) href=(address) { bdi { (name) } } } })
}

fn raw(downloads: &[Markup]) -> Markup {
    html! {
        section #raw {
            h2 { "Raw data" }
            p.lede { "The reports themselves, a line of JSON for each run, with every sample that this page was drawn from. "
                code { "packbench report" } " draws it again, " code { "packbench compare" } " asks it other questions." }
            ul { @for one in downloads { (one) } }
        }
    }
}
