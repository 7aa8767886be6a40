//! What a page says, as plain data: sentences, tables, figures. Nothing here knows HTML, and every number on a page comes
//! from here.

mod answer;
mod caveats;
mod claims;
mod comparisons;
mod conditions;
mod figure;
mod first_token;
mod latency;
mod pages;
mod quality;
mod quantity;
mod table;

pub use answer::{Answer, Part, Sentence};
pub use claims::{Claimed, Standing};
pub use comparisons::COMPARED;
pub use figure::{
    Axis, Bins, Figure, Grid, Lines, Point, PointKind, Samples, Scatter, Timeline, Track, Waterfall,
    WaterfallRow,
};
pub use quality::Quality;
pub use quantity::{Quantity, Unit};
pub use table::{Cell, Table};

use packbench_core::record::Report;
use packbench_core::unit::Bytes;

/// The smallest effect that a page calls one: that of `compare` when nobody says otherwise.
pub const THRESHOLD: f64 = 0.05;

/// A report with the bytes that it was read from.
pub struct Source {
    /// The file's own name.
    pub name: String,
    pub bytes: Vec<u8>,
    pub report: Report,
}

/// What is shown of one or several reports.
pub struct Page {
    pub title: String,
    /// One for each report, in their order.
    pub devices: Vec<Device>,
    /// Devices beside each other; `None` of one.
    pub beside: Option<Table>,
    /// The published claims, with an answer of each device.
    pub claims: Vec<Claimed>,
    /// What was given beside the reports: quantized variants, layouts.
    pub quality: Vec<Section>,
}

/// What one report says of its device.
pub struct Device {
    /// What the machine is.
    pub name: String,
    /// What else it is worth to know of it, and of the session, as name and value.
    pub facts: Vec<(String, String)>,
    pub answer: Answer,
    pub sections: Vec<Section>,
    /// What takes away from the trust, in words.
    pub caveats: Vec<String>,
}

/// A heading and what stands below it.
pub struct Section {
    pub title: String,
    /// What it is and how to read it.
    pub lede: String,
    pub figures: Vec<Captioned>,
    /// The numbers, for who can't see a figure and who wants to know.
    pub tables: Vec<Table>,
    /// What a pull request's comment shows of it.
    pub summary: Option<Table>,
}

/// A figure and its title, which says what is to be seen.
pub struct Captioned {
    pub title: String,
    pub figure: Figure,
}

impl Page {
    /// Of reports, and of what was given beside them.
    pub fn of(sources: &[Source], quality: &Quality) -> Page {
        let reports: Vec<&Report> = sources.iter().map(|source| &source.report).collect();
        let devices: Vec<Device> = sources.iter().map(of_device).collect();
        let names: Vec<&str> = devices.iter().map(|device| device.name.as_str()).collect();
        Page {
            title: format!("packbench: {}", names.join(", ")),
            beside: (devices.len() > 1).then(|| table::beside(sources)),
            claims: claims::answers(&reports, quality),
            quality: quality.sections(&reports),
            devices,
        }
    }
}

fn of_device(source: &Source) -> Device {
    let report = &source.report;
    let mut sections = Vec::new();
    sections.extend(first_token::section(report));
    sections.extend(comparisons::section(report));
    sections.extend(pages::reads(report));
    sections.extend(pages::faults(report));
    sections.extend(latency::section(report));
    sections.extend(conditions::section(report));
    Device {
        name: device(report),
        facts: facts(source),
        answer: answer::answer(report),
        sections,
        caveats: caveats::words(report),
    }
}

/// What the machine is: `Pixel 8`, or its processor where it has no name.
pub fn device(report: &Report) -> String {
    let device = &report.header().context.device;
    let name = device
        .model
        .clone()
        .or_else(|| Some(format!("{}, {} processors", device.cpu.as_ref()?, device.cpus)));
    name.unwrap_or_else(|| format!("unnamed machine, {} processors", device.cpus))
}

fn facts(source: &Source) -> Vec<(String, String)> {
    let header = source.report.header();
    let (tool, context) = (&header.tool, &header.context);
    let device = &context.device;
    let mut facts = vec![
        ("report", source.name.clone()),
        ("measured", caveats::date(header.started_unix_ms)),
        ("processor", device.cpu.clone().unwrap_or_else(|| "unnamed".to_owned())),
        ("kernel", context.kernel.clone()),
        ("pages of", Bytes(u64::from(context.page_size_bytes)).exact()),
    ];
    facts.extend(device.memory_bytes.map(|bytes| ("memory", Bytes(bytes).to_string())));
    facts.extend(context.app.as_ref().and_then(|app| Some(("system", app.system.clone()?))));
    facts.push(("packbench", format!("{} ({}, {})", tool.version, tool.build_profile, tool.target)));
    facts.extend(tool.engine.clone().map(|engine| ("engine", engine)));
    for variant in &source.report.variants {
        let file_system = variant.file_system.as_deref().unwrap_or("an unnamed file system");
        let what = format!(
            "{}: {}, {} tensors, on {file_system}{}",
            variant.name,
            Bytes(variant.file_bytes),
            variant.tensors,
            variant
                .readahead_bytes
                .map(|bytes| format!(", readahead {}", Bytes(bytes).exact()))
                .unwrap_or_default(),
        );
        facts.push(("model", what));
    }
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
