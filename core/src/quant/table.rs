//! What each tensor could be, and what the whole file comes to.

use std::collections::BTreeSet;

use super::cost::padded;
use super::knapsack::Choice;
use super::{Objective, PlanError};
use crate::gguf::GgmlType;
use crate::record::{JsonError, Price, Pricing, TensorPrices};
use crate::unit::Bytes;

/// The tensors of a model that have a choice, and the bytes of everything else.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    pricing: &'a Pricing,
    /// The header and the tensors that stay as they are, padded.
    fixed: Bytes,
    /// In the order of the file.
    rows: Vec<Row<'a>>,
}

/// A tensor that has a choice.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The tensor.
    pub tensor: &'a TensorPrices,
    /// What it could be, the smallest first. Never empty.
    pub options: Vec<&'a Price>,
}

impl<'a> Table<'a> {
    /// The choices among `types`, or among all that were priced when none is named.
    ///
    /// # Errors
    /// A tensor of which no type was priced.
    pub fn new(pricing: &'a Pricing, types: &[GgmlType]) -> Result<Self, PlanError> {
        let (mut fixed, mut rows) = (Bytes(pricing.model.header_bytes), Vec::new());
        for tensor in &pricing.tensors {
            match tensor.candidates.is_empty() {
                true => fixed = fixed + padded(Bytes(tensor.bytes), alignment(pricing)),
                false => rows.push(Row::new(tensor, types)?),
            }
        }
        Ok(Table { pricing, fixed, rows })
    }

    /// The tensors that have a choice, in the order of the file.
    pub fn rows(&self) -> &[Row<'a>] {
        &self.rows
    }

    /// The tensors that a quantizer would change, in the order of the file: those that have a choice, and matrices that
    /// stay as they are, for no type was priced.
    pub fn matrices(&self) -> impl Iterator<Item = &'a TensorPrices> + use<'a> {
        let has_rows = |tensor: &TensorPrices| tensor.shape.iter().skip(1).any(|&rows| rows > 1);
        self.pricing.tensors.iter().filter(move |tensor| !tensor.candidates.is_empty() || has_rows(tensor))
    }

    /// The types among which there is a choice, the smallest first.
    pub fn types(&self) -> Vec<GgmlType> {
        let options = self.rows.iter().flat_map(|row| &row.options).map(|price| price.ggml_type);
        let mut types: Vec<GgmlType> = options.collect::<BTreeSet<_>>().into_iter().collect();
        types.sort_by(|one, other| one.bits_per_weight().total_cmp(&other.bits_per_weight()));
        types
    }

    /// What was scored.
    pub fn pricing(&self) -> &'a Pricing {
        self.pricing
    }

    /// The choices for the knapsack, with their losses by `objective`.
    pub fn items(&self, objective: Objective) -> Vec<Vec<Choice>> {
        let choice = |price: &&Price| Choice {
            bytes: padded(Bytes(price.bytes), alignment(self.pricing)),
            loss: objective.loss(price, self.pricing.tokens),
        };
        self.rows.iter().map(|row| row.options.iter().map(choice).collect()).collect()
    }

    /// What of `budget`, meant for the whole file, is left for the tensors that have a choice.
    ///
    /// # Errors
    /// When even the smallest types don't fit.
    pub fn room(&self, budget: Bytes) -> Result<Bytes, PlanError> {
        let least = self.least();
        match budget < least {
            true => Err(PlanError::OutOfReach { budget, least }),
            false => Ok(Bytes(budget.0 - self.fixed.0)),
        }
    }

    /// The whole file in the smallest types.
    pub fn least(&self) -> Bytes {
        self.file_bytes(|row| row.options.first())
    }

    /// The whole file in the largest types.
    pub fn most(&self) -> Bytes {
        self.file_bytes(|row| row.options.last())
    }

    fn file_bytes(&self, option: impl for<'b> Fn(&'b Row<'a>) -> Option<&'b &'a Price>) -> Bytes {
        let bytes =
            |row| option(row).map_or(Bytes(0), |price| padded(Bytes(price.bytes), alignment(self.pricing)));
        self.fixed + self.rows.iter().map(bytes).sum()
    }
}

impl<'a> Row<'a> {
    fn new(tensor: &'a TensorPrices, types: &[GgmlType]) -> Result<Self, PlanError> {
        let wanted = |price: &&Price| types.is_empty() || types.contains(&price.ggml_type);
        let mut options: Vec<&Price> = tensor.candidates.iter().filter(wanted).collect();
        options.sort_by_key(|price| price.bytes);
        match options.is_empty() {
            true => Err(PlanError::NoType { tensor: tensor.name.clone(), priced: priced(tensor) }),
            false => Ok(Row { tensor, options }),
        }
    }

    /// The option that stands for `ggml_type`: itself, or where the rows don't take it the smallest that isn't smaller,
    /// or else the largest.
    pub fn nearest(&self, ggml_type: GgmlType) -> usize {
        let is = |price: &&Price| price.ggml_type == ggml_type;
        let same = self.options.iter().position(is);
        let larger = || {
            self.options
                .iter()
                .position(|price| price.ggml_type.bits_per_weight() >= ggml_type.bits_per_weight())
        };
        same.or_else(larger).unwrap_or(self.options.len() - 1)
    }
}

/// The types that a tensor was priced in, for people.
fn priced(tensor: &TensorPrices) -> String {
    let names: Vec<String> = tensor.candidates.iter().map(|price| price.ggml_type.to_string()).collect();
    names.join(", ")
}

/// Of the tensors in the file.
fn alignment(pricing: &Pricing) -> Bytes {
    Bytes(pricing.model.alignment_bytes)
}

/// The whole file with each tensor in the type that `type_of` gives it.
///
/// # Errors
/// A type that a tensor's rows don't take.
pub fn whole_file(
    pricing: &Pricing,
    mut type_of: impl FnMut(&TensorPrices) -> GgmlType,
) -> Result<Bytes, JsonError> {
    let mut bytes = Bytes(pricing.model.header_bytes);
    for tensor in &pricing.tensors {
        bytes = bytes + padded(tensor.bytes_as(type_of(tensor))?, alignment(pricing));
    }
    Ok(bytes)
}

impl Pricing {
    /// What a tensor adds to the KL divergence in a type, in nats per token; `None` when nobody priced it. What stays as
    /// it is adds nothing, unless noise was laid over it.
    pub fn kld_as(&self, tensor: &TensorPrices, ggml_type: GgmlType) -> Option<f64> {
        let price = tensor.candidates.iter().find(|price| price.ggml_type == ggml_type);
        let is_noisy = self.dither_seed.is_some() && tensor.ggml_type.block_elements() > 1;
        let stays = ggml_type == tensor.ggml_type && !is_noisy;
        price.map(|price| Objective::BySequence.loss(price, self.tokens)).or(stays.then_some(0.0))
    }
}
