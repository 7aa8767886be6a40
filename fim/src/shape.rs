//! The numbers of a model, from its metadata.

use packbench_core::gguf::{Array, Gguf, Value};

use crate::FimError;
use crate::architecture::{self, Architecture};
use crate::ops::{Attention, Rope, Window};

/// Larger numbers than any model's; keeps products of two of them within reach.
const MOST: usize = 1 << 24;

/// The numbers of a model.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Its entry in the table.
    pub architecture: Architecture,
    /// How many layers.
    pub layers: usize,
    /// Elements of what goes from layer to layer.
    pub embedding: usize,
    /// Columns of the feed-forward network.
    pub feed_forward: usize,
    /// Of all norms.
    pub epsilon: f32,
    /// Logits l become c · tanh(l / c).
    pub logit_cap: Option<f32>,
    /// The factors of rotations, if the file has any.
    pub rope_factors: Vec<f32>,
    attention: Attention,
    rotated: usize,
    bases: Bases,
    windows: Option<(usize, Vec<bool>)>,
}

/// How rotations depend on the layer.
#[derive(Clone, Copy, Debug)]
struct Bases {
    all: f32,
    scale: f32,
    windowed: f32,
}

impl Shape {
    /// Reads them.
    ///
    /// # Errors
    /// An architecture that isn't in the table, values that are missing or make no model, and what isn't computed here.
    pub fn read(gguf: &Gguf<'_>) -> Result<Self, FimError> {
        let name = gguf.metadata.str("general.architecture")?.unwrap_or_default();
        let unknown = || FimError::Architecture { found: name.to_owned() };
        let architecture = architecture::find(name).ok_or_else(unknown)?;
        let of = Keys { gguf, architecture: name };
        of.refuse_experts()?;
        let (embedding, heads) = (of.count("embedding_length")?, of.count("attention.head_count")?);
        let kv_heads = of.count_or("attention.head_count_kv", heads)?;
        if heads % kv_heads != 0 {
            return Err(of.wrong("attention.head_count_kv", kv_heads, "a divisor of attention.head_count"));
        }
        let key = of.count_or("attention.key_length", embedding / heads)?;
        let value = of.count_or("attention.value_length", embedding / heads)?;
        let rotated = of.count_or("rope.dimension_count", key)?;
        if rotated > key || rotated % 2 != 0 {
            return Err(of.wrong(
                "rope.dimension_count",
                rotated,
                "an even number, at most attention.key_length",
            ));
        }
        let layers = of.count("block_count")?;
        let by_share = architecture.scaled_by_share_with == Some(layers);
        let scale = (if by_share { embedding / heads } else { key } as f32).sqrt().recip();
        let attention = Attention { heads, kv_heads, key, value, scale, window: Window::All };
        Ok(Shape {
            architecture,
            layers,
            embedding,
            feed_forward: of.count("feed_forward_length")?,
            epsilon: of.number("attention.layer_norm_rms_epsilon")?.unwrap_or(1e-5),
            logit_cap: of.number("final_logit_softcapping")?.filter(|&cap| cap != 0.0),
            rope_factors: Vec::new(),
            attention,
            rotated,
            bases: of.bases()?,
            windows: of.windows(architecture, layers)?,
        })
    }

    /// The attention of a layer.
    pub fn attention(&self, layer: usize) -> Attention {
        Attention { window: self.window(layer), ..self.attention }
    }

    /// The rotations of a layer: with a window of its own it has a base of its own.
    pub fn rope(&self, layer: usize) -> Rope {
        let (base, scale) = match self.window(layer) {
            Window::All => (self.bases.all, self.bases.scale),
            Window::Last(_) => (self.bases.windowed, 1.0),
        };
        let (pairing, head) = (self.architecture.pairing, self.attention.key);
        Rope::new(pairing, head, self.rotated, base, scale, &self.rope_factors)
    }

    /// How many pairs of a head turn.
    pub fn pairs(&self) -> usize {
        self.rotated / 2
    }

    /// What embeddings are multiplied by.
    pub fn embedding_scale(&self) -> f32 {
        if self.architecture.scales_embedding { (self.embedding as f32).sqrt() } else { 1.0 }
    }

    fn window(&self, layer: usize) -> Window {
        match &self.windows {
            Some((tokens, is_windowed)) if is_windowed[layer] => Window::Last(*tokens),
            _ => Window::All,
        }
    }
}

/// Questions to the metadata under an architecture's prefix.
struct Keys<'g, 'a> {
    gguf: &'g Gguf<'a>,
    architecture: &'a str,
}

impl Keys<'_, '_> {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    fn wrong(&self, name: &str, found: impl ToString, expected: &'static str) -> FimError {
        FimError::Metadata { key: self.key(name), found: found.to_string(), expected }
    }

    fn unsigned(&self, name: &str) -> Result<Option<usize>, FimError> {
        let found = self.gguf.metadata.unsigned(&self.key(name))?;
        Ok(found.map(|found| usize::try_from(found).unwrap_or(usize::MAX)))
    }

    fn count(&self, name: &str) -> Result<usize, FimError> {
        let expected = "a number from 1 to 2^24";
        let found = self.unsigned(name)?.ok_or_else(|| self.wrong(name, "nothing", expected))?;
        if (1..=MOST).contains(&found) { Ok(found) } else { Err(self.wrong(name, found, expected)) }
    }

    fn count_or(&self, name: &str, otherwise: usize) -> Result<usize, FimError> {
        if self.gguf.metadata.get(&self.key(name)).is_some() { self.count(name) } else { Ok(otherwise) }
    }

    fn number(&self, name: &str) -> Result<Option<f32>, FimError> {
        let found = match self.gguf.metadata.get(&self.key(name)) {
            None => return Ok(None),
            Some(Value::F32(found)) => found,
            Some(Value::F64(found)) => found as f32,
            Some(other) => return Err(self.wrong(name, other.value_type(), "a number in f32")),
        };
        let expected = "a finite number that is not negative";
        if found.is_finite() && found >= 0.0 {
            Ok(Some(found))
        } else {
            Err(self.wrong(name, found, expected))
        }
    }

    fn bases(&self) -> Result<Bases, FimError> {
        let scaling = self.gguf.metadata.str(&self.key("rope.scaling.type"))?.unwrap_or("linear");
        if !["none", "linear"].contains(&scaling) {
            return Err(FimError::Unsupported { what: format!("rope.scaling.type {scaling:?}") });
        }
        if let Some(factor) = self.number("rope.scaling.attn_factor")?.filter(|&factor| factor != 1.0) {
            return Err(FimError::Unsupported { what: format!("rope.scaling.attn_factor {factor}") });
        }
        let factor = match self.number("rope.scaling.factor")? {
            _ if scaling == "none" => None,
            None => self.number("rope.scale_linear")?,
            some => some,
        };
        Ok(Bases {
            all: self.number("rope.freq_base")?.unwrap_or(10_000.0),
            scale: factor.filter(|&factor| factor != 0.0).map_or(1.0, f32::recip),
            windowed: self.number("rope.freq_base_swa")?.unwrap_or(10_000.0),
        })
    }

    /// The tokens of a window, and which layers have it.
    fn windows(&self, of: Architecture, layers: usize) -> Result<Option<(usize, Vec<bool>)>, FimError> {
        let Some(pattern) = of.window_pattern else { return Ok(None) };
        let Some(tokens) = self.unsigned("attention.sliding_window")?.filter(|&tokens| tokens > 0) else {
            return Ok(None);
        };
        let name = "attention.sliding_window_pattern";
        let pattern = match self.gguf.metadata.get(&self.key(name)) {
            Some(Value::Array(list)) => return Ok(Some((tokens, self.listed(name, list, layers)?))),
            _ => self.unsigned(name)?.unwrap_or(pattern),
        };
        let is_windowed = |layer| pattern == 0 || layer % pattern < pattern - 1;
        Ok(Some((tokens, (0..layers).map(is_windowed).collect())))
    }

    /// Yes or no for each layer.
    fn listed(&self, name: &str, list: Array<'_>, layers: usize) -> Result<Vec<bool>, FimError> {
        let expected = "yes or no for each layer";
        let yes = |value| match value {
            Value::Bool(yes) => Ok(yes),
            Value::U32(number) => Ok(number != 0),
            Value::I32(number) => Ok(number != 0),
            other => Err(self.wrong(name, other.value_type(), expected)),
        };
        if list.len() < layers {
            return Err(self.wrong(name, format!("a list of {}", list.len()), expected));
        }
        list.iter().take(layers).map(yes).collect()
    }

    fn refuse_experts(&self) -> Result<(), FimError> {
        match self.unsigned("expert_count")? {
            None | Some(0) => Ok(()),
            Some(experts) => Err(FimError::Unsupported { what: format!("a model of {experts} experts") }),
        }
    }
}
