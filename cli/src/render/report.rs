//! What a session found: the device's throughput first, then what faults cost.

use std::collections::BTreeSet;

use packbench_core::compare::incomplete;
use packbench_core::record::{Caveat, Report, Run, Status};
use packbench_core::unit::Bytes;

use super::{first_token, floor, pages};
use crate::measured::{Section, is_proved};
use crate::words::{count, or_dash};

/// The tables of a report.
pub fn report(report: &Report) -> String {
    let mut text = heading(report);
    let caches = &report.job().caches;
    let tables = [first_token::table, floor::table, pages::replays, pages::reads, pages::faults];
    for variant in &report.variants {
        for table in tables {
            caches.iter().for_each(|&cache| text += &table(&Section::new(report, &variant.name, cache)));
        }
    }
    text + &trust(report)
}

fn heading(report: &Report) -> String {
    let context = &report.header().context;
    let device = &context.device;
    let mut text = format!(
        "{}, {}, {} processors, {}, pages of {}\n",
        device.model.as_deref().unwrap_or("unnamed machine"),
        device.cpu.as_deref().unwrap_or("unnamed processor"),
        device.cpus,
        context.kernel,
        Bytes(u64::from(context.page_size_bytes)).exact(),
    );
    for variant in &report.variants {
        text += &format!(
            "{}: {}, {} tensors, on {}, readahead {}\n",
            variant.name,
            Bytes(variant.file_bytes),
            variant.tensors,
            or_dash(variant.file_system.as_ref()),
            or_dash(variant.readahead_bytes.map(|bytes| Bytes(bytes).exact())),
        );
    }
    text
}

fn trust(report: &Report) -> String {
    let (measured, unfinished): (Vec<&Run>, Vec<&Run>) =
        report.runs.iter().partition(|run| run.status == Status::Ok);
    let proved = measured.iter().filter(|run| is_proved(run)).count();
    let mut text = format!("\n{proved} of {} runs began in a proved cache state", measured.len());
    if !unfinished.is_empty() {
        text += &format!("; {} failed or were killed, the report says why", unfinished.len());
    }
    text += "\n";
    incomplete::told(report, "the report").iter().for_each(|told| text += &format!("{told}\n"));
    let caveats: BTreeSet<Caveat> = report.runs.iter().flat_map(|run| run.caveats.iter().copied()).collect();
    for caveat in caveats {
        let runs = report.runs.iter().filter(|run| run.caveats.contains(&caveat)).count() as u32;
        text += &format!("{caveat} ({}): {}\n", count(runs, "run"), caveat.meaning());
    }
    text
}
