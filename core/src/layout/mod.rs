//! The geometry of a model file: what its tensors are for, where they lie, and in which order they are needed.

mod arrangement;
mod files;
mod forward;
mod group;
mod inspect;
mod locality;
mod moves;
mod numbered;
mod order;
mod pages;
mod reads;
mod tables;
mod trace;

pub use arrangement::{Alignment, Arrangement};
pub use files::{FilesError, Format, MappedFile, ModelFiles};
pub use group::{Place, place};
pub use order::{Names, Order, OrderError};
pub use reads::{Read, ReadsError};
pub use trace::{Extent, TRACE_SCHEMA, TraceBuilder, TraceError};

use crate::gguf::{self, Gguf};
use crate::record::Part;
use crate::safetensors::{Config, Safetensors};
use crate::unit::{ByteRange, Bytes, FileOffset};

/// Where the tensors of a model lie in its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The container and its version.
    pub format: String,
    /// What kind of model it is, where a file says it.
    pub architecture: Option<String>,
    /// The model's own name for itself.
    pub name: Option<String>,
    /// Which part of a model this is, if its other parts are missing.
    pub part: Option<Part>,
    /// The files, in the order of their numbers: offsets count through all of them.
    pub files: Vec<FileExtent>,
    /// What tensors begin at multiples of, where the format lets a file say it.
    pub alignment: Option<Bytes>,
    /// How many experts of how many a token takes in each layer.
    pub experts: Option<Experts>,
    /// In the order of the files, and of their places in them.
    pub tensors: Vec<TensorExtent>,
}

/// A file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileExtent {
    /// Its name, without the folder.
    pub name: String,
    /// Of all of it.
    pub len: Bytes,
    /// Up to where tensor data may begin.
    pub header: Bytes,
}

/// Experts that a token takes, of those that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Experts {
    /// Those taken.
    pub used: u64,
    /// All of a layer.
    pub count: u64,
}

/// A tensor in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorExtent {
    /// Its name.
    pub name: String,
    /// How its elements are stored.
    pub kind: &'static str,
    /// Its dimensions, the length of a row first.
    pub shape: Vec<u64>,
    /// Which of the files it lies in.
    pub file: usize,
    /// Where it lies there.
    pub data: ByteRange,
}

impl TensorExtent {
    /// How many parts it has along its last dimension: the rows of a matrix, the experts of a stack.
    fn parts(&self) -> u64 {
        self.shape.iter().skip(1).next_back().copied().unwrap_or(1).max(1)
    }

    /// All of it, from its own start.
    fn whole(&self) -> ByteRange {
        ByteRange::whole(self.data.len)
    }

    /// The part with that number, from its own start; `None` when there are fewer.
    fn part(&self, number: u64) -> Option<ByteRange> {
        let len = Bytes(self.data.len.0 / self.parts());
        (number < self.parts()).then(|| ByteRange { start: FileOffset(number * len.0), len })
    }
}

impl Layout {
    /// The layout of a GGUF in files of these names.
    ///
    /// # Errors
    /// A `split.*` value or an architecture of the wrong type.
    pub fn of_gguf(files: &[Gguf<'_>], names: &[&str]) -> Result<Self, gguf::Error> {
        let [first, ..] = files else { return Ok(Layout::default()) };
        let architecture = first.metadata.str("general.architecture")?.map(str::to_owned);
        let experts = |key: &str| {
            let key = format!("{}.{key}", architecture.as_deref().unwrap_or_default());
            first.metadata.unsigned(&key).ok().flatten()
        };
        let split = first.split()?.filter(|_| files.len() == 1);
        let extent = |(gguf, name): (&Gguf<'_>, &&str)| FileExtent {
            name: (*name).to_owned(),
            len: gguf.file_len(),
            header: Bytes(gguf.data_offset.0),
        };
        let tensors = files.iter().enumerate().flat_map(|(file, gguf)| {
            gguf.tensors.iter().map(move |tensor| TensorExtent {
                name: tensor.name.to_owned(),
                kind: tensor.ggml_type.into(),
                shape: tensor.dims.as_slice().to_vec(),
                file,
                data: tensor.data,
            })
        });
        Ok(Layout {
            format: format!("GGUF v{}", first.version.number()),
            experts: Experts::of(experts("expert_used_count"), experts("expert_count")),
            name: first.metadata.str("general.name").ok().flatten().map(str::to_owned),
            part: split.map(|split| Part { number: split.no.saturating_add(1), of: split.count }),
            files: files.iter().zip(names).map(extent).collect(),
            alignment: Some(first.alignment),
            tensors: in_file_order(tensors.collect()),
            architecture,
        })
    }

    /// The layout of a model in safetensors files of these names.
    pub fn of_safetensors(files: &[Safetensors<'_>], names: &[&str], config: &Config) -> Self {
        let extent = |(file, name): (&Safetensors<'_>, &&str)| FileExtent {
            name: (*name).to_owned(),
            len: file.file_len(),
            header: Bytes(file.data_offset.0),
        };
        let tensors = files.iter().enumerate().flat_map(|(file, model)| {
            model.tensors.iter().map(move |tensor| TensorExtent {
                name: tensor.name.clone().into_owned(),
                kind: tensor.dtype.into(),
                shape: tensor.shape.iter().rev().copied().collect(),
                file,
                data: tensor.data,
            })
        });
        let alone = names
            .first()
            .and_then(|name| numbered::Numbered::parse(name))
            .filter(|numbered| files.len() == 1 && numbered.count > 1);
        Layout {
            format: "safetensors".to_owned(),
            architecture: config.model_type.clone(),
            name: None,
            part: alone.map(|numbered| Part { number: numbered.number.into(), of: numbered.count.into() }),
            files: files.iter().zip(names).map(extent).collect(),
            alignment: None,
            experts: Experts::of(config.experts_used, config.experts),
            tensors: in_file_order(tensors.collect()),
        }
    }
}

impl Experts {
    fn of(used: Option<u64>, count: Option<u64>) -> Option<Self> {
        let experts = Experts { used: used?, count: count? };
        (0 < experts.used && experts.used <= experts.count).then_some(experts)
    }
}

fn in_file_order(mut tensors: Vec<TensorExtent>) -> Vec<TensorExtent> {
    tensors.sort_by_key(|tensor| (tensor.file, tensor.data.start, tensor.data.len));
    tensors
}
