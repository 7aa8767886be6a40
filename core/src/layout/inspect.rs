//! What a model's files hold, in their order, and how that compares with the order in which it is needed.

use std::collections::BTreeMap;

use super::locality::Line;
use super::pages::total;
use super::{Layout, Place, Read, ReadsError, TensorExtent, place};
use crate::record::{
    Forward, ForwardSource, InspectedFile, Inspection, PlacedRead, TensorFacts, Total, WeightTrace,
};
use crate::unit::{Bytes, PageSize};

/// The page sizes of the devices that there are.
const PAGES: [Option<PageSize>; 2] = [PageSize::new(4 << 10), PageSize::new(16 << 10)];

impl Layout {
    /// What the files hold. The forward order is that of `trace`, or else derived from the tensors' names.
    ///
    /// # Errors
    /// When the trace is of another model.
    pub fn inspect(&self, trace: Option<&WeightTrace>) -> Result<Inspection, ReadsError> {
        let reads = trace.map_or_else(|| Ok(self.derived()), |trace| self.traced(trace))?;
        let tensors = self.facts(&reads);
        let by_layer = |tensor: &TensorFacts| (tensor.layer.is_none(), tensor.layer);
        let layer =
            |(_, layer): &(bool, Option<u32>)| layer.map_or("outside layers".into(), |n| n.to_string());
        Ok(Inspection {
            format: self.format.clone(),
            architecture: self.architecture.clone(),
            name: self.name.clone(),
            part: self.part,
            vocabulary_only: tensors.is_empty(),
            files: self.files.iter().map(InspectedFile::from).collect(),
            file_bytes: self.files.iter().map(|file| file.len).sum::<Bytes>().0,
            header_bytes: self.files.iter().map(|file| file.header).sum::<Bytes>().0,
            tensor_bytes: self.tensors.iter().map(|tensor| tensor.data.len).sum::<Bytes>().0,
            weights: tensors.iter().map(TensorFacts::weights).fold(0, u64::saturating_add),
            gaps: self.gaps(),
            alignment_bytes: self.alignment.map(|alignment| alignment.0),
            aligned_to_bytes: self.aligned_to().0,
            by_type: totals(&tensors, |tensor| tensor.kind.clone(), String::clone),
            by_group: totals(&tensors, |tensor| tensor.group.clone(), String::clone),
            by_layer: totals(&tensors, by_layer, layer),
            forward: self.forward(&reads, trace.is_some()),
            pages: PAGES.iter().flatten().map(|page| self.pages(*page, &reads)).collect(),
            tensors,
        })
    }

    fn forward(&self, reads: &[Read], traced: bool) -> Forward {
        let placed = |read: &Read| PlacedRead {
            tensor: read.tensor as u32,
            offset_bytes: (self.tensors[read.tensor].data.start + Bytes(read.within.start.0)).0,
            bytes: read.within.len.0,
        };
        Forward {
            reads: reads.iter().map(placed).collect(),
            source: if traced { ForwardSource::Traced } else { ForwardSource::Derived },
            needed_bytes: total(&self.needed(reads)).0,
            in_file: Line::of(self).locality(reads),
            at_best: Line::in_order(self, &self.first_read(reads)).locality(reads),
        }
    }

    /// The numbers of all tensors in the order in which `reads` come to them; the others come last.
    fn first_read(&self, reads: &[Read]) -> Vec<usize> {
        let places = self.places(reads);
        let mut order: Vec<usize> = (0..self.tensors.len()).collect();
        order.sort_by_key(|&index| places[index].unwrap_or(u32::MAX));
        order
    }

    /// Which of the `reads` comes to each tensor first.
    fn places(&self, reads: &[Read]) -> Vec<Option<u32>> {
        let mut places = vec![None; self.tensors.len()];
        let mut next = 0;
        for read in reads {
            places[read.tensor].get_or_insert_with(|| {
                next += 1;
                next - 1
            });
        }
        places
    }

    fn facts(&self, reads: &[Read]) -> Vec<TensorFacts> {
        let facts = |(tensor, forward): (&TensorExtent, Option<u32>)| {
            let Place { group, layer } = place(&tensor.name);
            TensorFacts {
                name: tensor.name.clone(),
                group: group.to_owned(),
                layer,
                kind: tensor.kind.to_owned(),
                shape: tensor.shape.clone(),
                file: tensor.file as u32,
                offset_bytes: tensor.data.start.0,
                bytes: tensor.data.len.0,
                forward,
            }
        };
        self.tensors.iter().zip(self.places(reads)).map(facts).collect()
    }
}

impl From<&super::FileExtent> for InspectedFile {
    fn from(file: &super::FileExtent) -> Self {
        let super::FileExtent { name, len, header } = file;
        InspectedFile { name: name.clone(), file_bytes: len.0, header_bytes: header.0 }
    }
}

fn totals<K: Ord>(
    tensors: &[TensorFacts],
    key: impl Fn(&TensorFacts) -> K,
    name: impl Fn(&K) -> String,
) -> Vec<Total> {
    let mut totals: BTreeMap<K, Total> = BTreeMap::new();
    for tensor in tensors {
        let key = key(tensor);
        let empty = Total { name: name(&key), tensors: 0, bytes: 0, weights: 0 };
        let total = totals.entry(key).or_insert(empty);
        total.tensors += 1;
        total.bytes += tensor.bytes;
        total.weights = total.weights.saturating_add(tensor.weights());
    }
    totals.into_values().collect()
}
