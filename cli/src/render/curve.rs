//! Loss against bytes, drawn.

use std::error::Error;

use anyhow::{anyhow, bail};
use packbench_core::record::{Curve, CurvePoint};
use plotters::chart::SeriesLabelPosition;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use super::labels::places;

const SIZE: (u32, u32) = (860, 520);
const PLAN: RGBColor = RGBColor(0x1f, 0x5f, 0xa8);
const STOCK: RGBColor = RGBColor(0xb4, 0x4a, 0x1e);

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, LogCoord<f64>>>;

/// A point of the picture: megabytes, nats per token, a name.
type Dot = (f64, f64, String);

/// An SVG: plans as a line, stock mixes as named points, the loss on a logarithmic scale.
pub fn curve(curve: &Curve) -> anyhow::Result<String> {
    let (plans, mixes) = (dots(&curve.plans), dots(&curve.stock_mixes));
    if plans.is_empty() && mixes.is_empty() {
        bail!("no plan loses anything: there is nothing to draw");
    }
    let mut svg = String::new();
    draw(&mut svg, &curve.model, &plans, &mixes).map_err(|error| anyhow!("drawing the curve: {error}"))?;
    Ok(svg)
}

/// What has a place on a logarithmic scale.
fn dots(points: &[CurvePoint]) -> Vec<Dot> {
    let dot = |point: &CurvePoint| {
        let megabytes = point.file_bytes as f64 / 1e6;
        (megabytes, point.predicted_kld_nats, point.name.clone().unwrap_or_default())
    };
    points.iter().filter(|point| point.predicted_kld_nats > 0.0).map(dot).collect()
}

fn draw(svg: &mut String, model: &str, plans: &[Dot], mixes: &[Dot]) -> Result<(), Box<dyn Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let all = || plans.iter().chain(mixes);
    let (left, right) = range(all().map(|dot| dot.0));
    let (low, high) = range(all().map(|dot| dot.1));
    let mut chart = ChartBuilder::on(&area)
        .caption(format!("{model}: what bytes buy"), ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(72)
        // room for the last name on the right
        .build_cartesian_2d(left * 0.97..right * 1.06, (low / 1.3..high * 1.3).log_scale())?;
    draw_axes(&mut chart)?;
    draw_series(&mut chart, plans, mixes)?;
    let place = SeriesLabelPosition::UpperRight;
    chart
        .configure_series_labels()
        .position(place)
        .border_style(BLACK.mix(0.3))
        .background_style(WHITE)
        .draw()?;
    drop(chart);
    area.present()?;
    Ok(())
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(low, high), value| (value.min(low), value.max(high)))
}

fn draw_axes(chart: &mut Chart<'_, '_>) -> Result<(), Box<dyn Error>> {
    chart
        .configure_mesh()
        .x_desc("file, MB")
        .y_desc("predicted KL divergence, nats per token")
        .light_line_style(WHITE)
        .x_label_formatter(&|megabytes| format!("{megabytes:.0}"))
        .y_label_formatter(&|nats| format!("{nats:.0e}"))
        .draw()?;
    Ok(())
}

fn draw_series(chart: &mut Chart<'_, '_>, plans: &[Dot], mixes: &[Dot]) -> Result<(), Box<dyn Error>> {
    let line = LineSeries::new(plans.iter().map(|dot| (dot.0, dot.1)), PLAN.stroke_width(2));
    chart
        .draw_series(line)?
        .label("fisher")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], PLAN.stroke_width(2)));
    chart
        .draw_series(mixes.iter().map(|dot| Circle::new((dot.0, dot.1), 4, STOCK.filled())))?
        .label("llama.cpp's mixes")
        .legend(|(x, y)| Circle::new((x + 9, y), 4, STOCK.filled()));
    let on_page: Vec<_> =
        mixes.iter().map(|dot| (dot.2.as_str(), chart.backend_coord(&(dot.0, dot.1)))).collect();
    let names = mixes.iter().zip(places(&on_page)).map(|(dot, place)| {
        EmptyElement::at((dot.0, dot.1)) + Text::new(dot.2.clone(), place, ("sans-serif", 12).into_font())
    });
    chart.draw_series(names)?;
    Ok(())
}
