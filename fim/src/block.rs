//! A layer: attention, then a gated feed-forward network, each behind a norm and beside a residual. Biases, norms of
//! queries and keys and norms behind attention and network are there when the file has them.
//!
//! ```text
//! x ─ attn_norm ─ q, k, v ─ (norm) ─ rope ─ attend ─ attn_output ─ (post_attention_norm) ─ + ─► m
//! m ─ ffn_norm ─ act(ffn_gate) ∘ ffn_up ─ ffn_down ─ (post_ffw_norm) ─ + ─► y
//! ```

use std::mem;
use std::sync::Arc;

use faer::Par;

use crate::FimError;
use crate::matrix::Matrix;
use crate::ops::{Activation, Attention, Norm, Rope, norm, norm_back};
use crate::shape::Shape;
use crate::source::Source;

/// A linear map of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Map {
    /// Queries.
    AttnQ,
    /// Keys.
    AttnK,
    /// Values.
    AttnV,
    /// Behind attention.
    AttnOutput,
    /// What opens.
    FfnGate,
    /// What is let through.
    FfnUp,
    /// Back to the residual.
    FfnDown,
}

impl Map {
    /// The tensor's name.
    pub fn tensor(self, layer: usize) -> String {
        tensor(layer, self.into())
    }
}

/// Norms of a layer, in the order of the fields of [`Norms`].
const NORMS: [&str; 6] =
    ["attn_norm", "ffn_norm", "attn_q_norm", "attn_k_norm", "post_attention_norm", "post_ffw_norm"];

/// Whether [`Layer`] knows what to do with a tensor of that group.
pub fn is_known(group: &str) -> bool {
    use strum::VariantArray;
    NORMS.contains(&group) || Map::VARIANTS.iter().any(|&map| group == <&str>::from(map))
}

/// A linear map: y = x · Wᵀ + b.
#[derive(Clone, Debug)]
struct Linear {
    weight: Matrix,
    bias: Option<Vec<f32>>,
}

impl Linear {
    fn apply(&self, x: &Matrix, par: Par) -> Matrix {
        let mut y = x.times_transposed(&self.weight, par);
        if let Some(bias) = &self.bias {
            y.add_to_rows(bias);
        }
        y
    }
}

#[derive(Clone, Debug)]
struct Norms {
    attn: Norm,
    ffn: Norm,
    q: Option<Norm>,
    k: Option<Norm>,
    post_attn: Option<Norm>,
    post_ffn: Option<Norm>,
}

impl Norms {
    fn load(source: &Source<'_>, shape: &Shape, key: usize, index: usize) -> Result<Self, FimError> {
        let (epsilon, embedding) = (shape.epsilon, shape.embedding);
        let [attn, ffn, q, k, post_attn, post_ffn] = NORMS.map(|group| tensor(index, group));
        let norm = |weight| Norm { weight, epsilon };
        let needed = |name: &str| source.needed_vector(name, embedding).map(norm);
        let some = |name: &str, len| source.vector(name, len).map(|found| found.map(norm));
        Ok(Norms {
            attn: needed(&attn)?,
            ffn: needed(&ffn)?,
            q: some(&q, key)?,
            k: some(&k, key)?,
            post_attn: some(&post_attn, embedding)?,
            post_ffn: some(&post_ffn, embedding)?,
        })
    }
}

fn tensor(layer: usize, group: &str) -> String {
    format!("blk.{layer}.{group}.weight")
}

/// Takes the gradient at the output of a map and the map's input.
pub type Sink<'s> = dyn FnMut(Map, Matrix, &Arc<Matrix>) + 's;

/// The weights of a layer, as numbers.
#[derive(Clone, Debug)]
pub struct Layer {
    maps: [Linear; 7],
    norms: Norms,
    attention: Attention,
    rope: Rope,
    activation: Activation,
}

/// What forward leaves for backward.
struct Tape {
    attn_in: Arc<Matrix>,
    /// Before their norms, where they have any.
    qk: [Option<Matrix>; 2],
    /// As attention takes them.
    qkv: [Matrix; 3],
    attended: Arc<Matrix>,
    /// Before its norm, where it has one.
    attn_out: Option<Matrix>,
    middle: Matrix,
    ffn_in: Arc<Matrix>,
    gate: Matrix,
    up: Matrix,
    gated: Arc<Matrix>,
}

/// Tokens that go back through a gate at once.
const TOKENS: usize = 256;

impl Layer {
    /// Reads the weights of layer `index`; `passed` is called behind each matrix.
    ///
    /// # Errors
    /// Tensors that are missing, of another shape, or no numbers.
    pub fn load(
        source: &Source<'_>,
        shape: &Shape,
        index: usize,
        passed: &mut dyn FnMut(),
    ) -> Result<Self, FimError> {
        let attention = shape.attention(index);
        let maps = sizes(shape, &attention).map(|(map, outputs, inputs)| {
            let name = map.tensor(index);
            let bias = source.vector(&name.replace(".weight", ".bias"), outputs)?;
            let weight = source.matrix(&name, outputs, inputs)?;
            passed();
            Ok(Linear { weight, bias })
        });
        Ok(Layer {
            maps: all(maps)?,
            norms: Norms::load(source, shape, attention.key, index)?,
            attention,
            rope: shape.rope(index),
            activation: shape.architecture.activation,
        })
    }

    /// The weight of a map, as numbers.
    pub fn weight(&self, map: Map) -> &Matrix {
        &self.maps[map as usize].weight
    }

    /// What comes out for `x`, a sequence from its first token on.
    pub fn forward(&self, x: &Matrix, par: Par) -> Matrix {
        let tape = self.run(x, par);
        let (mut y, _) = behind(self.norms.post_ffn.as_ref(), self.map(Map::FfnDown, &tape.gated, par));
        y.add(&tape.middle);
        y
    }

    /// What `delta` at the output for `x` is at `x`. On the way, `sink` is given each map's gradient at its output, and
    /// its input.
    pub fn backward(&self, x: &Matrix, delta: &Matrix, sink: &mut Sink<'_>, par: Par) -> Matrix {
        let mut tape = self.run(x, par);
        let mut middle = self.ffn_back(&mut tape, delta, sink, par);
        middle.add(delta);
        let mut back = self.attn_back(x, &tape, &middle, sink, par);
        back.add(&middle);
        back
    }

    fn run(&self, x: &Matrix, par: Par) -> Tape {
        let attn_in = Arc::new(norm(x, &self.norms.attn));
        let (q, q_in) = behind(self.norms.q.as_ref(), self.map(Map::AttnQ, &attn_in, par));
        let (k, k_in) = behind(self.norms.k.as_ref(), self.map(Map::AttnK, &attn_in, par));
        let mut qkv = [q, k, self.map(Map::AttnV, &attn_in, par)];
        qkv[..2].iter_mut().for_each(|x| self.rope.turn(x));
        let attended = Arc::new(self.attention.attend(&qkv[0], &qkv[1], &qkv[2]));
        let (mut middle, attn_out) =
            behind(self.norms.post_attn.as_ref(), self.map(Map::AttnOutput, &attended, par));
        middle.add(x);
        let ffn_in = Arc::new(norm(&middle, &self.norms.ffn));
        let [gate, up] = [Map::FfnGate, Map::FfnUp].map(|map| self.map(map, &ffn_in, par));
        let gated = Arc::new(self.activation.gate(&gate, &up));
        Tape { attn_in, qk: [q_in, k_in], qkv, attended, attn_out, middle, ffn_in, gate, up, gated }
    }

    /// Takes what is between gate and network's end out of `tape`.
    fn ffn_back(&self, tape: &mut Tape, delta: &Matrix, sink: &mut Sink<'_>, par: Par) -> Matrix {
        let down = match &self.norms.post_ffn {
            Some(norm) => norm_back(&self.map(Map::FfnDown, &tape.gated, par), norm, delta),
            None => delta.clone(),
        };
        let (mut gate, mut up) = (mem::take(&mut tape.gate), mem::take(&mut tape.up));
        self.gate_back(&mut gate, &mut up, &down, par);
        sink(Map::FfnDown, down, &tape.gated);
        let mut ffn_in = gate.times(self.weight(Map::FfnGate), par);
        ffn_in.add_product(up.all(), self.weight(Map::FfnUp).all(), par);
        sink(Map::FfnGate, gate, &tape.ffn_in);
        sink(Map::FfnUp, up, &tape.ffn_in);
        norm_back(&tape.middle, &self.norms.ffn, &ffn_in)
    }

    /// Puts what `down`, behind the network, is at gate and `up` in their places. For some tokens at a time: what it is
    /// behind the gate would take as much memory as either.
    fn gate_back(&self, gate: &mut Matrix, up: &mut Matrix, down: &Matrix, par: Par) {
        let cols = gate.cols;
        let places = gate.data.chunks_mut(TOKENS * cols).zip(up.data.chunks_mut(TOKENS * cols));
        for (index, (gate, up)) in places.enumerate() {
            let (first, count) = (index * TOKENS, gate.len() / cols);
            let mut gated = Matrix::zeros(count, cols);
            gated.set_product(down.rows_in(&(first..first + count)), self.weight(Map::FfnDown).all(), par);
            self.activation.gate_back(gate, up, &gated.data);
        }
    }

    fn attn_back(&self, x: &Matrix, tape: &Tape, delta: &Matrix, sink: &mut Sink<'_>, par: Par) -> Matrix {
        let out = before(self.norms.post_attn.as_ref(), tape.attn_out.as_ref(), delta.clone());
        let attended = out.times(self.weight(Map::AttnOutput), par);
        sink(Map::AttnOutput, out, &tape.attended);
        let [q, k, v] = &tape.qkv;
        let [mut q, mut k, v] = self.attention.back(q, k, v, &attended);
        self.rope.turn_back(&mut q);
        self.rope.turn_back(&mut k);
        let q = before(self.norms.q.as_ref(), tape.qk[0].as_ref(), q);
        let k = before(self.norms.k.as_ref(), tape.qk[1].as_ref(), k);
        let mut attn_in = Matrix::zeros(x.rows(), x.cols);
        for (map, delta) in [(Map::AttnQ, q), (Map::AttnK, k), (Map::AttnV, v)] {
            attn_in.add_product(delta.all(), self.weight(map).all(), par);
            sink(map, delta, &tape.attn_in);
        }
        norm_back(x, &self.norms.attn, &attn_in)
    }

    fn map(&self, map: Map, x: &Matrix, par: Par) -> Matrix {
        self.maps[map as usize].apply(x, par)
    }
}

/// What is behind a norm, and what is before it; or `x` alone where there is none.
fn behind(weights: Option<&Norm>, x: Matrix) -> (Matrix, Option<Matrix>) {
    match weights {
        Some(weights) => (norm(&x, weights), Some(x)),
        None => (x, None),
    }
}

/// What a gradient behind a norm is before it, where x is; the same where there is none.
fn before(weights: Option<&Norm>, x: Option<&Matrix>, delta: Matrix) -> Matrix {
    match weights.zip(x) {
        Some((weights, x)) => norm_back(x, weights, &delta),
        None => delta,
    }
}

/// Outputs and inputs of each map, in the order of [`Map`].
fn sizes(shape: &Shape, attention: &Attention) -> [(Map, usize, usize); 7] {
    let (embedding, wide) = (shape.embedding, shape.feed_forward);
    let Attention { heads, kv_heads, key, value, .. } = *attention;
    [
        (Map::AttnQ, heads * key, embedding),
        (Map::AttnK, kv_heads * key, embedding),
        (Map::AttnV, kv_heads * value, embedding),
        (Map::AttnOutput, embedding, heads * value),
        (Map::FfnGate, wide, embedding),
        (Map::FfnUp, wide, embedding),
        (Map::FfnDown, embedding, wide),
    ]
}

fn all<T: std::fmt::Debug, const N: usize>(parts: [Result<T, FimError>; N]) -> Result<[T; N], FimError> {
    let parts: Vec<T> = parts.into_iter().collect::<Result<_, _>>()?;
    Ok(parts.try_into().expect("as many as went in"))
}
