//! What is given beside reports: scores, plans, evaluations, curves, layouts.

use std::collections::BTreeSet;

use anyhow::bail;
use packbench_core::quant::CURVE_SCHEMA;
use packbench_core::record::{
    Curve, Evaluation, FimScores, INSPECTION_SCHEMA, Inspection, Inspections, QuantPlan, Report, TensorPrices,
};

use super::figure::{Axis, Grid, GridCell, Point, PointKind, Scatter};
use super::{Captioned, Cell, Figure, Section, Table, Unit};
use crate::measured::dominates;
use crate::measured::joined::{Joined, joined};
use crate::measured::ranking::published_rank;

/// Files of `--with`, by what they are.
#[derive(Default)]
pub struct Quality {
    pub scores: Vec<FimScores>,
    pub plans: Vec<QuantPlan>,
    pub evaluations: Vec<Evaluation>,
    pub curves: Vec<Curve>,
    pub inspections: Vec<Inspections>,
}

impl Quality {
    /// Takes a file in, whatever of these it is.
    ///
    /// # Errors
    /// What is none of them, and what its own reader refuses.
    pub fn take(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let value: serde_json::Value = serde_json::from_slice(bytes)?;
        let has = |key: &str| value.get(key).is_some();
        match value.get("schema").and_then(serde_json::Value::as_str) {
            Some(CURVE_SCHEMA) => self.curves.push(serde_json::from_slice(bytes)?),
            Some(INSPECTION_SCHEMA) => self.inspections.push(serde_json::from_slice(bytes)?),
            _ if has("by_group") => self.scores.push(FimScores::read(bytes)?),
            _ if has("overrides") => self.plans.push(QuantPlan::read(bytes)?),
            _ if has("results") => self.evaluations.push(Evaluation::read(bytes)?),
            _ => bail!(
                "found none of its keys, expected fim_scores.json, quant_plan.json, eval_results.json, what \
                 `packbench plan --curve` writes, or what `packbench inspect --json` prints"
            ),
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.evaluations.is_empty() && !self.has_others()
    }

    /// Whether there is anything but evaluations.
    pub fn has_others(&self) -> bool {
        !(self.scores.is_empty()
            && self.plans.is_empty()
            && self.curves.is_empty()
            && self.inspections.is_empty())
    }

    /// The models whose layouts are known.
    pub fn models(&self) -> impl Iterator<Item = &Inspection> {
        self.inspections.iter().flat_map(|inspections| &inspections.models)
    }

    pub fn sections(&self, reports: &[&Report]) -> Vec<Section> {
        [self.layouts(), self.sensitivity(), self.tradeoffs(reports)].into_iter().flatten().collect()
    }

    fn layouts(&self) -> Option<Section> {
        let figures: Vec<Captioned> =
            self.inspections.iter().filter(|one| !one.models.is_empty()).map(picture).collect();
        let lede = "Across is the place in the file, down the forward pass. A file in forward order is a staircase, and the \
                    line through it never jumps.";
        (!figures.is_empty()).then(|| section("Where the tensors lie", lede, figures, Vec::new()))
    }

    fn sensitivity(&self) -> Option<Section> {
        let (mut figures, mut tables) = (Vec::new(), Vec::new());
        for scores in &self.scores {
            tables.push(ranking(scores));
            figures.extend(heat(scores, &self.plans));
        }
        let lede = "How much the model minds errors. The map shows ½ Σ F·Δ² of each tensor, in the type that the plan gives \
                    it, or else in the cheapest that was priced; darker is more. The table has the ranking of groups beside \
                    the published one.";
        (!tables.is_empty()).then(|| section("What the model minds", lede, figures, tables))
    }

    fn tradeoffs(&self, reports: &[&Report]) -> Option<Section> {
        let mut figures: Vec<Captioned> = self.curves.iter().filter_map(curve).collect();
        let mut tables: Vec<Table> = self.curves.iter().map(foretold).collect();
        for evaluation in &self.evaluations {
            figures.extend(measured(evaluation));
            tables.push(evaluated(evaluation));
            tables.extend(reports.iter().filter_map(|report| shipped(report, evaluation)));
        }
        let lede = "What bytes buy. The line joins the least lossy plans; stock mixes are rings. Models that another beats in \
                    both bytes and divergence are grey.";
        (!figures.is_empty() || !tables.is_empty())
            .then(|| section("Loss against bytes", lede, figures, tables))
    }
}

/// Latency, bytes and quality, where a report has files that were evaluated.
fn shipped(report: &Report, evaluation: &Evaluation) -> Option<Table> {
    let rows = joined(report, evaluation);
    let row = |row: &Joined<'_>| {
        let (time, policy) = row.first_token.clone().unzip();
        vec![
            Cell::word(row.name),
            policy.map_or(Cell::Missing, Cell::Word),
            row.dominated_by.map_or(Cell::Missing, Cell::word),
            Cell::number(Unit::Bytes, Some(row.bytes as f64)),
            Cell::number(Unit::Times, row.bits),
            Cell::number(Unit::Nanos, time),
            Cell::number(Unit::Nats, row.evaluated.and_then(|model| model.predicted_kld_nats)),
            Cell::number(Unit::Nats, row.evaluated.map(|model| model.kld_nats)),
        ]
    };
    let head =
        ["file", "policy", "dominated by", "bytes", "bits a weight", "first token", "predicted KLD", "KLD"];
    let title = "Which file to ship: cold first token under the soonest policy, bytes, divergence";
    rows.iter()
        .any(|row| row.evaluated.is_some())
        .then(|| Table::new(title, &head, 3, rows.iter().map(row).collect()))
}

fn section(title: &str, lede: &str, figures: Vec<Captioned>, tables: Vec<Table>) -> Section {
    Section { title: title.to_owned(), lede: lede.to_owned(), figures, tables, summary: None }
}

fn picture(inspections: &Inspections) -> Captioned {
    let names: Vec<&str> =
        inspections.models.iter().filter_map(|model| Some(model.files.first()?.name.as_str())).collect();
    let breaks: Vec<String> =
        inspections.models.iter().map(|model| model.forward.in_file.breaks.to_string()).collect();
    let alt = format!("Layout of {}: {} breaks in forward order", names.join(" and "), breaks.join(" and "));
    Captioned {
        title: names.join(" and "),
        figure: Figure::Layouts { inspections: inspections.clone(), alt },
    }
}

fn ranking(scores: &FimScores) -> Table {
    let mut groups: Vec<(&String, f64)> =
        scores.by_group.iter().map(|(name, score)| (name, *score)).collect();
    groups.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let most = groups.first().map_or(1.0, |(_, score)| *score);
    let rows = groups.iter().enumerate().map(|(rank, (name, score))| {
        let (place, published) = published_rank(name).unzip();
        vec![
            Cell::word(name),
            Cell::number(Unit::Count, Some(rank as f64 + 1.0)),
            Cell::number(Unit::Times, Some(score / most)),
            Cell::number(Unit::Count, place.map(|place| place as f64 + 1.0)),
            Cell::number(Unit::Times, published),
        ]
    });
    let head = ["group", "rank", "of the largest", "published rank", "published"];
    Table::new(format!("{}: groups by score", scores.model), &head, 1, rows.collect())
}

/// Layers down, groups across.
fn heat(scores: &FimScores, plans: &[QuantPlan]) -> Option<Captioned> {
    let pricing = scores.packbench.as_ref()?;
    let planned = plans
        .iter()
        .filter_map(|plan| plan.packbench.as_ref())
        .find(|plan| plan.check_model(&pricing.model.payload_hash).is_ok());
    let cell = |tensor: &TensorPrices| {
        let given = planned.and_then(|plan| plan.tensors.iter().find(|one| one.name == tensor.name));
        let price = match given {
            Some(given) => tensor.candidates.iter().find(|price| price.ggml_type == given.ggml_type),
            None => tensor.candidates.iter().min_by_key(|price| price.bytes),
        }?;
        let value = price.loss_by_sequence_nats / pricing.tokens as f64;
        Some(GridCell { value, word: given.map(|given| given.ggml_type.to_string()) })
    };
    let priced: Vec<&TensorPrices> =
        pricing.tensors.iter().filter(|tensor| !tensor.candidates.is_empty()).collect();
    let mut columns: Vec<String> = Vec::new();
    for group in priced.iter().map(|tensor| &tensor.group) {
        if !columns.contains(group) {
            columns.push(group.clone());
        }
    }
    let layers: BTreeSet<Option<u32>> = priced.iter().map(|tensor| tensor.layer).collect();
    let row = |&layer: &Option<u32>| {
        let of = |group: &String| {
            cell(priced.iter().find(|tensor| tensor.layer == layer && tensor.group == *group)?)
        };
        (layer.map_or("none".to_owned(), |layer| layer.to_string()), columns.iter().map(of).collect())
    };
    let grid = Grid { unit: Unit::Nats, rows: layers.iter().map(row).collect(), columns: columns.clone() };
    let title = format!("{}: nats per token, layer by group", scores.model);
    (!columns.is_empty()).then_some(Captioned { title, figure: Figure::Grid(grid) })
}

fn bytes_axis() -> Axis {
    Axis { label: "bytes of the file".to_owned(), unit: Unit::Bytes, logarithmic: false }
}

fn curve(curve: &Curve) -> Option<Captioned> {
    let kinds = [(PointKind::Plan, &curve.plans), (PointKind::Stock, &curve.stock_mixes)];
    let points = kinds.into_iter().flat_map(|(kind, points)| {
        let told = points.iter().filter(|point| point.predicted_kld_nats > 0.0);
        told.map(move |point| Point {
            name: point.name.clone().unwrap_or_default(),
            kind,
            at: (point.file_bytes as f64, point.predicted_kld_nats),
            interval: None,
        })
    });
    let points: Vec<Point> = points.collect();
    let up = Axis {
        label: "foretold KL divergence, nats per token".to_owned(),
        unit: Unit::Nats,
        logarithmic: true,
    };
    let title = format!("{}: what bytes buy", curve.model);
    (!points.is_empty())
        .then_some(Captioned { title, figure: Figure::Scatter(Scatter { across: bytes_axis(), up, points }) })
}

fn foretold(curve: &Curve) -> Table {
    let kinds = [("plan", &curve.plans), ("llama.cpp's mix", &curve.stock_mixes)];
    let rows = kinds.into_iter().flat_map(|(kind, points)| {
        points.iter().map(move |point| {
            vec![
                Cell::word(point.name.as_deref().unwrap_or(kind)),
                Cell::number(Unit::Bytes, Some(point.file_bytes as f64)),
                Cell::number(Unit::Nats, Some(point.predicted_kld_nats)),
            ]
        })
    });
    let head = ["file", "bytes", "foretold KL divergence"];
    Table::new(format!("{}: what bytes buy", curve.model), &head, 1, rows.collect())
}

fn measured(evaluation: &Evaluation) -> Option<Captioned> {
    let own = evaluation.packbench.as_ref()?;
    let at = |model: &packbench_core::record::EvaluatedModel| (model.file_bytes as f64, model.kld_nats);
    let is_beaten = |(bytes, nats): (f64, f64)| {
        own.models.iter().map(at).any(|other| dominates(&[other.0, other.1], &[bytes, nats]))
    };
    let points = own.models.iter().map(|model| Point {
        name: model.name.clone(),
        kind: if is_beaten(at(model)) { PointKind::Dominated } else { PointKind::Measured },
        at: at(model),
        interval: Some(model.kld_interval_nats),
    });
    let up = Axis {
        label: "measured KL divergence, nats per token".to_owned(),
        unit: Unit::Nats,
        logarithmic: false,
    };
    let title = format!("Measured on {}", evaluation.test_file);
    let points: Vec<Point> = points.collect();
    (!points.is_empty())
        .then_some(Captioned { title, figure: Figure::Scatter(Scatter { across: bytes_axis(), up, points }) })
}

fn evaluated(evaluation: &Evaluation) -> Table {
    let head = [
        "model",
        "size in MiB",
        "perplexity",
        "standard error",
        "KL divergence",
        "95 % interval",
        "same token",
    ];
    let rows = evaluation.results.iter().map(|(name, result)| {
        let own =
            evaluation.packbench.as_ref().and_then(|own| own.models.iter().find(|model| model.name == *name));
        vec![
            Cell::word(name),
            Cell::number(Unit::Times, Some(result.size_mb)),
            Cell::number(Unit::Times, Some(result.ppl)),
            Cell::number(Unit::Times, result.ppl_stderr),
            Cell::number(Unit::Nats, own.map(|own| own.kld_nats)),
            Cell::range(Unit::Nats, own.map(|own| own.kld_interval_nats)),
            Cell::number(Unit::Share, own.map(|own| own.top1_agreement)),
        ]
    });
    let title = format!("Models on {}, beside {}", evaluation.test_file, evaluation.baseline);
    Table::new(title, &head, 1, rows.collect())
}
