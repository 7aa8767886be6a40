//! What the files of a model hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer of `packbench inspect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inspections {
    /// `packbench.inspection/1`.
    pub schema: String,
    /// Each model, in the order in which they were asked for.
    pub models: Vec<Inspection>,
    /// What differs from the first model to each other one, in their order.
    pub moves: Vec<Moves>,
}

/// How one layout, the other, differs from another, the base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moves {
    /// Tensors that both have, by name.
    pub common: u64,
    /// The names of the others.
    pub only_in_base: Vec<String>,
    /// The names of the others.
    pub only_in_other: Vec<String>,
    /// Tensors of the same name and of another type, shape or length.
    pub changed: Vec<String>,
    /// The fewest tensors that must change their places among those in common to get from the base to the other, in the
    /// order of the other.
    pub moved: Vec<Move>,
}

/// A tensor that changed its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Move {
    /// Its name.
    pub name: String,
    /// How long it is in the other.
    pub bytes: u64,
    /// Its place among the tensors of the base, from 0.
    pub from: u32,
    /// Its place among the tensors of the other, from 0.
    pub to: u32,
}

/// What is known of one model without reading its weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inspection {
    /// The format and its version.
    pub format: String,
    /// What kind of model it is: `general.architecture`, or `model_type` of the configuration beside a checkpoint.
    pub architecture: Option<String>,
    /// `general.name`.
    pub name: Option<String>,
    /// Which part of a model this is, when it was inspected alone; `null` for a whole one.
    pub part: Option<Part>,
    /// Whether the file holds a vocabulary and no tensors.
    pub vocabulary_only: bool,
    /// The files, in the order of their numbers.
    pub files: Vec<InspectedFile>,
    /// Of all files.
    pub file_bytes: u64,
    /// From the start of each file to where its tensors' data begin.
    pub header_bytes: u64,
    /// Of all tensors, without the gaps between them.
    pub tensor_bytes: u64,
    /// How many weights there are: numbers, however they are stored.
    pub weights: u64,
    /// What of the files is neither header nor tensor.
    pub gaps: Gaps,
    /// What the file says that tensors begin at multiples of; `null` where the format has no such thing.
    pub alignment_bytes: Option<u64>,
    /// The largest power of two, up to 2 MiB, that all tensors begin at a multiple of.
    pub aligned_to_bytes: u64,
    /// Per quantization type.
    pub by_type: Vec<Total>,
    /// Per group.
    pub by_group: Vec<Total>,
    /// Per layer.
    pub by_layer: Vec<Total>,
    /// The order in which the model is needed, held against that of the files.
    pub forward: Forward,
    /// What the layout comes to in pages of the sizes that devices have.
    pub pages: Vec<PageFacts>,
    /// In the order of the files.
    pub tensors: Vec<TensorFacts>,
}

/// A part of a model that was split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Which one, from 1.
    pub number: u64,
    /// Of how many.
    pub of: u64,
}

/// One of a model's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InspectedFile {
    /// Its name, without the folder.
    pub name: String,
    /// Its length.
    pub file_bytes: u64,
    /// From its start to where its tensors' data begin.
    pub header_bytes: u64,
}

/// Stretches between tensors and behind the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gaps {
    /// How many.
    pub count: u64,
    /// Of all of them.
    pub bytes: u64,
    /// Of the largest.
    pub largest_bytes: u64,
}

/// A sum over tensors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Total {
    /// What they have in common.
    pub name: String,
    /// How many.
    pub tensors: u32,
    /// How many bytes.
    pub bytes: u64,
    /// How many weights.
    pub weights: u64,
}

/// The order in which the first token needs a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forward {
    /// How the order is known.
    pub source: ForwardSource,
    /// What is read, in order: tensors, or pieces of them. A tied embedding comes twice.
    pub reads: Vec<PlacedRead>,
    /// The bytes that are read, each counted once: the fewest that a first token can do with.
    pub needed_bytes: u64,
    /// What following the order comes to in these files.
    pub in_file: Locality,
    /// What it would come to in a file that holds the tensors in this order.
    pub at_best: Locality,
}

/// A piece of a tensor that is read at one go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlacedRead {
    /// Which of the tensors in the order of the files, from 0.
    pub tensor: u32,
    /// Where it begins in the tensor's file.
    pub offset_bytes: u64,
    /// How long it is.
    pub bytes: u64,
}

/// How the forward order is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ForwardSource {
    /// An engine was seen to follow it.
    Traced,
    /// From the names of the tensors, for a prompt of one token.
    Derived,
}

/// How far apart in the files things lie that are read one after the other. Several files count as one, each behind the
/// one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Locality {
    /// Reads that don't go on where the one before them ended, padding aside.
    pub breaks: u64,
    /// Those of the breaks that go back.
    pub backward_breaks: u64,
    /// From the end of a read to the start of the next, over all breaks, whichever way.
    pub seek_bytes: u64,
    /// The longest of these ways.
    pub longest_seek_bytes: u64,
    /// The bytes of tensors that lie between two reads, over all breaks.
    pub bytes_between: u64,
}

/// What a layout comes to in pages of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PageFacts {
    /// The size of a page.
    pub page_bytes: u64,
    /// Of the files.
    pub pages: u64,
    /// Pages that hold bytes of two tensors or more.
    pub shared_pages: u64,
    /// Tensors that lie on more pages than their length takes.
    pub straddling_tensors: u64,
    /// Tensors that begin where a page does.
    pub aligned_tensors: u64,
    /// Pages that hold a byte that the first token needs.
    pub needed_pages: u64,
    /// The pages that those bytes would fill if nothing else lay on them.
    pub fewest_pages: u64,
}

/// One tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TensorFacts {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub group: String,
    /// Its layer.
    pub layer: Option<u32>,
    /// How it is stored.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its dimensions, the length of a row first.
    pub shape: Vec<u64>,
    /// Which of the files holds it, from 0.
    pub file: u32,
    /// Where it begins in that file.
    pub offset_bytes: u64,
    /// How long it is.
    pub bytes: u64,
    /// Where it stands in forward order, from 0; `null` when the first token doesn't need it.
    pub forward: Option<u32>,
}

impl TensorFacts {
    /// How many weights it holds.
    pub fn weights(&self) -> u64 {
        self.shape.iter().fold(1, |weights: u64, &dim| weights.saturating_mul(dim))
    }
}
