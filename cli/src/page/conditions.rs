//! What the machine was like meanwhile.

use packbench_core::record::{Conditions, Report, Status};

use super::figure::{Event, EventKind, Timeline, Track};
use super::{Captioned, Figure, Section, Unit};

type Condition = (&'static str, Unit, fn(&Conditions) -> Option<f64>);

const CONDITIONS: [Condition; 6] = [
    ("memory to be had", Unit::Bytes, |now| now.memory_available_bytes.map(|bytes| bytes as f64)),
    ("load", Unit::Milli, |now| now.load_1m_milli.map(|load| load as f64)),
    ("slowest clock", Unit::Kilohertz, |now| now.cpu_min_khz.map(|clock| clock as f64)),
    ("hottest sensor", Unit::MilliCelsius, |now| now.temperature_max_milli_c.map(|heat| heat as f64)),
    ("thermal headroom", Unit::Milli, |now| now.facts.as_ref()?.thermal_headroom_milli.map(f64::from)),
    ("battery", Unit::Share, |now| {
        now.facts.as_ref()?.battery_percent.map(|percent| f64::from(percent) / 100.0)
    }),
];

pub fn section(report: &Report) -> Option<Section> {
    let timeline = timeline(report)?;
    let figure = Captioned {
        title: "The session from its start to its end".to_owned(),
        figure: Figure::Timeline(timeline),
    };
    Some(Section {
        title: "Conditions".to_owned(),
        lede: "Taken before and after each run. Arms are interleaved in drawn order, so that what drifts here drifts for all \
               of them. Waits, runs made again, and runs that failed are marked."
            .to_owned(),
        figures: vec![figure],
        tables: Vec::new(),
        summary: None,
    })
}

/// Times of a segment count from its own start: where that lies in the session its header says.
struct Clock<'a>(&'a Report);

impl Clock<'_> {
    fn at(&self, segment: u32, conditions: &Conditions) -> f64 {
        let header = self.0.headers.iter().find(|header| header.segment == segment);
        let began =
            header.map_or(0, |header| header.started_unix_ms.saturating_sub(self.0.header().started_unix_ms));
        began as f64 * 1e6 + conditions.elapsed_ns as f64
    }
}

fn timeline(report: &Report) -> Option<Timeline> {
    let clock = Clock(report);
    let mut taken: Vec<(f64, &Conditions)> = Vec::new();
    for run in &report.runs {
        let both = [&run.conditions.before, &run.conditions.after];
        taken.extend(both.into_iter().flatten().map(|now| (clock.at(run.segment, now), now)));
    }
    taken.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let track = |&(label, unit, value): &Condition| {
        let points: Vec<(f64, f64)> = taken.iter().filter_map(|(at, now)| Some((*at, value(now)?))).collect();
        (!points.is_empty()).then(|| Track { label: label.to_owned(), unit, points })
    };
    let tracks: Vec<Track> = CONDITIONS.iter().filter_map(track).collect();
    let length = taken.last()?.0;
    Some(Timeline { length, tracks, events: events(report, &clock) })
}

fn events(report: &Report, clock: &Clock<'_>) -> Vec<Event> {
    let mut events = Vec::new();
    for header in report.headers.iter().filter(|header| header.segment > 0) {
        let at = clock.at(header.segment, &Conditions::default());
        events.push(Event {
            kind: EventKind::Resumed,
            from: at,
            until: at,
            words: format!("segment {}", header.segment),
        });
    }
    for (segment, wait) in &report.waits {
        if let (Some(before), Some(after)) = (&wait.conditions.before, &wait.conditions.after) {
            let words = format!("block {}: waited {}", wait.block, Unit::Nanos.of(wait.waited_ns as f64));
            let (from, until) = (clock.at(*segment, before), clock.at(*segment, after));
            events.push(Event { kind: EventKind::Waited, from, until, words });
        }
    }
    for (segment, redo) in &report.redos {
        if let Some(after) = &redo.conditions.after {
            let at = clock.at(*segment, after);
            let words = format!("block {}: {} made again", redo.block, redo.case);
            events.push(Event { kind: EventKind::Redone, from: at, until: at, words });
        }
    }
    for run in report.runs.iter().filter(|run| run.status != Status::Ok) {
        let now = run.conditions.after.as_ref().or(run.conditions.before.as_ref());
        let at = now.map_or(0.0, |now| clock.at(run.segment, now));
        let error = run.error.as_deref().unwrap_or("no error was told");
        let words = format!("block {}: {} {}: {error}", run.block, run.case, run.status);
        events.push(Event { kind: EventKind::Failed, from: at, until: at, words });
    }
    events
}
