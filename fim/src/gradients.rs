//! Plain gradients of one sequence, for tests and for other programs to be held against.

use std::collections::BTreeMap;
use std::sync::Arc;

use faer::Par;

use crate::block::Map;
use crate::loss::LabelSource;
use crate::matrix::Matrix;
use crate::ops::{norm, norm_back};
use crate::vocabulary::{EMBEDDING, OUTPUT};
use crate::{FimError, Model};

/// The sum of the negative log likelihoods of a sequence, in nats.
///
/// # Errors
/// Weights or activations that are no numbers.
pub fn loss(model: &Model<'_>, tokens: &[u32], labels: LabelSource<'_>, par: Par) -> Result<f64, FimError> {
    let hidden = model.hidden(tokens, par)?;
    let losses = model.vocabulary()?.losses(vec![hidden], &[labels], par, &mut |_| {})?;
    Ok(losses.iter().map(|(loss, _)| loss.nll).sum())
}

/// The gradient of [`loss`] at each matrix, by the tensor's name.
///
/// # Errors
/// As of [`loss`].
pub fn gradients(
    model: &Model<'_>,
    tokens: &[u32],
    labels: LabelSource<'_>,
    par: Par,
) -> Result<BTreeMap<String, Matrix>, FimError> {
    let vocabulary = model.vocabulary()?;
    let mut inputs = vec![vocabulary.embed(tokens)?];
    for index in 0..model.shape.layers {
        inputs.push(model.layer(index, &mut || {})?.forward(&inputs[index], par));
    }
    let last = &inputs[model.shape.layers];
    let hidden = norm(last, &model.output_norm);
    let mut losses = vocabulary.losses(vec![hidden], &[labels], par, &mut |_| {})?;
    let (loss, delta) = losses.pop().expect("one sequence went in");
    let mut found = BTreeMap::new();
    let mut delta = norm_back(last, &model.output_norm, &delta);
    for index in (0..model.shape.layers).rev() {
        let layer = model.layer(index, &mut || {})?;
        let mut sink = |map: Map, delta: Matrix, input: &Arc<Matrix>| {
            let mut gradient = Matrix::zeros(delta.cols, input.cols);
            gradient.set_gradient(&delta, input, par);
            found.insert(map.tensor(index), gradient);
        };
        delta = layer.backward(&inputs[index], &delta, &mut sink, par);
    }
    let mut embedding = Matrix::zeros(vocabulary.tokens, model.shape.embedding);
    for (&token, row) in tokens.iter().zip(delta.data.chunks_exact(delta.cols)) {
        let sum = embedding.row_mut(token as usize).iter_mut();
        sum.zip(row).for_each(|(sum, delta)| *sum += delta * vocabulary.scale());
    }
    for chunk in vocabulary.chunks() {
        let weight = vocabulary.rows(vocabulary.output(), chunk.clone())?;
        let deltas = vocabulary.deltas(&loss, &chunk, &weight, par);
        let mut gradient = Matrix::zeros(chunk.len(), model.shape.embedding);
        gradient.set_gradient(&deltas, &loss.hidden, par);
        if !vocabulary.is_tied() {
            let whole = found
                .entry(OUTPUT.to_owned())
                .or_insert_with(|| Matrix { data: Vec::new(), ..gradient.clone() });
            whole.data.extend_from_slice(&gradient.data);
        } else {
            let rows = &mut embedding.data[chunk.start * gradient.cols..chunk.end * gradient.cols];
            rows.iter_mut().zip(&gradient.data).for_each(|(sum, more)| *sum += more);
        }
    }
    found.insert(EMBEDDING.to_owned(), embedding);
    Ok(found)
}
