//! The answer of `packbench inspect`.

use packbench_core::record::{
    Forward, ForwardSource, Gaps, Inspection, Inspections, Locality, PageFacts, TensorFacts, Total,
};
use packbench_core::unit::Bytes;

use super::moves::{moves, title};
use super::sequence::sequence;
use super::table::table;
use crate::words::or_dash;

/// One model in full; of several what they are, how their orders suit the first token, and what differs.
pub fn inspections(inspections: &Inspections) -> String {
    match &inspections.models[..] {
        [model] => in_full(model),
        models => {
            let compared = models.iter().map(|model| heading(model) + "\n" + &order(model) + "\n");
            compared.collect::<String>() + &moves(inspections)
        }
    }
}

/// What the files are, their tensors in order, sums, and last what the order comes to.
fn in_full(inspection: &Inspection) -> String {
    let heading = heading(inspection);
    if inspection.vocabulary_only {
        return heading + "\nA vocabulary and no tensors: there is nothing to measure.\n";
    }
    let rows = inspection.tensors.iter().map(|tensor| tensor_row(tensor, inspection.files.len() > 1));
    let tensors = table(&["offset", "bytes", "type", "tensor", "shape", "forward"], 0, rows);
    let sums = [
        sums("type", &inspection.by_type, inspection.tensor_bytes),
        sums("group", &inspection.by_group, inspection.tensor_bytes),
        sums("layer", &inspection.by_layer, inspection.tensor_bytes),
    ];
    format!("{heading}\n{tensors}\n{}\n{}", sums.join("\n"), order(inspection))
}

fn tensor_row(tensor: &TensorFacts, several: bool) -> Vec<String> {
    let shape: Vec<String> = tensor.shape.iter().map(u64::to_string).collect();
    let file = if several { format!("{}: ", tensor.file + 1) } else { String::new() };
    vec![
        format!("{file}{}", tensor.offset_bytes),
        tensor.bytes.to_string(),
        tensor.kind.clone(),
        tensor.name.clone(),
        shape.join(" × "),
        or_dash(tensor.forward.map(|place| place + 1)),
    ]
}

fn heading(inspection: &Inspection) -> String {
    let mut text = format!(
        "{}: {}, {}, {}, {}\n",
        title(inspection),
        inspection.format,
        or_dash(inspection.architecture.as_ref()),
        or_dash(inspection.name.as_ref()),
        Bytes(inspection.file_bytes)
    );
    if let Some(part) = inspection.part {
        text +=
            &format!("part {} of {} of a split model; not all others lie beside it\n", part.number, part.of);
    }
    if let [first, .., last] = &inspection.files[..] {
        text += &format!("{} files: {} … {}\n", inspection.files.len(), first.name, last.name);
    }
    text += &format!(
        "{} tensors, {} of data in {} bits a weight, after a header of {}\n",
        inspection.tensors.len(),
        Bytes(inspection.tensor_bytes),
        bits_per_weight(inspection.tensor_bytes, inspection.weights),
        Bytes(inspection.header_bytes),
    );
    text + &format!("{}; {}\n", alignment(inspection), gaps(inspection.gaps))
}

fn alignment(inspection: &Inspection) -> String {
    let found = Bytes(inspection.aligned_to_bytes).exact();
    match inspection.alignment_bytes {
        Some(declared) if declared != inspection.aligned_to_bytes => {
            format!("aligned to {}, as it happens to {found}", Bytes(declared).exact())
        }
        _ => format!("aligned to {found}"),
    }
}

fn gaps(gaps: Gaps) -> String {
    match gaps.count {
        0 => "no gaps".to_owned(),
        count => {
            let (all, largest) = (Bytes(gaps.bytes), Bytes(gaps.largest_bytes));
            format!("{count} gaps, {all} together, the largest {largest}")
        }
    }
}

fn sums(title: &str, totals: &[Total], all: u64) -> String {
    let share = |bytes: u64| format!("{:.1} %", bytes as f64 * 100.0 / all.max(1) as f64);
    let row = |total: &Total| {
        vec![
            total.name.clone(),
            total.tensors.to_string(),
            Bytes(total.bytes).to_string(),
            share(total.bytes),
            bits_per_weight(total.bytes, total.weights),
        ]
    };
    table(&[title, "tensors", "bytes", "share", "bits/weight"], 1, totals.iter().map(row))
}

/// How the files' order suits the first token.
fn order(inspection: &Inspection) -> String {
    let Forward { source, reads, needed_bytes, in_file, at_best } = &inspection.forward;
    let known = match source {
        ForwardSource::Traced => "as traced",
        ForwardSource::Derived => "derived from the names",
    };
    let rows = [("in this file", in_file), ("in forward order", at_best)].map(locality_row);
    let header = ["forward order", "breaks", "backward", "seeks", "longest", "between"];
    let pages = inspection.pages.iter().map(page_row);
    format!(
        "order of the file: {}\npublished claim: {}\n\nThe first token needs {} in {} reads ({known}).\n\n{}\n{}",
        sequence(inspection),
        published_claim(inspection),
        Bytes(*needed_bytes),
        reads.len(),
        table(&header, 1, rows),
        table(&["pages of", "file", "shared", "straddling", "aligned", "needed", "at best"], 1, pages),
    )
}

/// What has been said of the order of files in this format.
fn published_claim(inspection: &Inspection) -> &'static str {
    match inspection.alignment_bytes {
        Some(_) => "GGUF files hold output, token_embedding, layers 0, 1, …, and so stand in forward order",
        None => "safetensors files stand in the order of names or hashes, which defeats prefetching",
    }
}

fn locality_row((name, locality): (&str, &Locality)) -> Vec<String> {
    vec![
        name.to_owned(),
        locality.breaks.to_string(),
        locality.backward_breaks.to_string(),
        Bytes(locality.seek_bytes).to_string(),
        Bytes(locality.longest_seek_bytes).to_string(),
        Bytes(locality.bytes_between).to_string(),
    ]
}

fn page_row(pages: &PageFacts) -> Vec<String> {
    let counts = [
        pages.pages,
        pages.shared_pages,
        pages.straddling_tensors,
        pages.aligned_tensors,
        pages.needed_pages,
        pages.fewest_pages,
    ];
    std::iter::once(Bytes(pages.page_bytes).exact()).chain(counts.map(|count| count.to_string())).collect()
}

/// To two decimals, a dash without weights.
fn bits_per_weight(bytes: u64, weights: u64) -> String {
    or_dash((weights > 0).then(|| format!("{:.2}", bytes as f64 * 8.0 / weights as f64)))
}
