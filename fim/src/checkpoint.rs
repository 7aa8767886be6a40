//! What is kept of a score while it runs, so that one that was stopped goes on. A file of our own, whole or not there:
//!
//! ```text
//! magic · key (32 bytes) · state · BLAKE3 of all that (32 bytes)
//! ```
//! The key is a hash of all that a score depends on. Numbers are little-endian, lists begin with their length (u64).

use std::path::PathBuf;

use packbench_core::gguf::GgmlType;
use packbench_core::os::write_whole;

use crate::FimError;
use crate::matrix::Matrix;
use crate::price::Price;
use crate::request::TensorScore;

const MAGIC: &[u8; 18] = b"packbench.score/1\n";
const HASH: usize = 32;

/// Where a score's state is kept, and under which key.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// A hash of all that the score depends on.
    pub key: [u8; 32],
}

/// A score whose last layers are done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Layers whose turn is still to come.
    pub layers_left: u64,
    /// Σ −log p.
    pub nll: f64,
    /// Of each sequence, what `loss::Loss` holds beside the hidden states.
    pub log_sums: Vec<Vec<f32>>,
    /// Likewise.
    pub labels: Vec<Vec<u32>>,
    /// Of each sequence, the gradient at the output of the next layer.
    pub deltas: Vec<Matrix>,
    /// What is done.
    pub tensors: Vec<TensorScore>,
}

impl Checkpoint {
    /// What was kept; `None` when nothing was.
    ///
    /// # Errors
    /// A file that isn't one, is damaged, or is of another score.
    pub fn load(&self) -> Result<Option<State>, FimError> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.refuse(&error.to_string())),
        };
        let sealed = bytes.len().checked_sub(HASH).map(|len| bytes.split_at(len));
        let (content, hash) = sealed.ok_or_else(|| self.refuse("it is cut short"))?;
        let content = content.strip_prefix(MAGIC).ok_or_else(|| self.refuse("it holds no score"))?;
        if *blake3::hash(&bytes[..bytes.len() - HASH]).as_bytes() != *hash {
            return Err(self.refuse("it is damaged"));
        }
        let state = content.strip_prefix(self.key.as_slice());
        let state = state.ok_or_else(|| self.refuse("it is of another model, text or setting"))?;
        Reader(state).state().map(Some).ok_or_else(|| self.refuse("it is damaged"))
    }

    /// Keeps `state`, in place of what was kept before.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn save(&self, state: &State) -> Result<(), FimError> {
        let mut bytes = [MAGIC.as_slice(), &self.key].concat();
        put_state(&mut bytes, state);
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        let kept = write_whole(&self.path, bytes);
        kept.map_err(|source| FimError::Keep { path: self.path.display().to_string(), source })
    }

    /// Removes what was kept.
    pub fn remove(&self) {
        // One that can't be removed is found to be done, or of another score.
        let _ = std::fs::remove_file(&self.path);
    }

    fn refuse(&self, problem: &str) -> FimError {
        FimError::Checkpoint { path: self.path.display().to_string(), problem: problem.to_owned() }
    }
}

fn put_state(out: &mut Vec<u8>, state: &State) {
    put(out, state.layers_left);
    put(out, state.nll.to_bits());
    put(out, state.deltas.len() as u64);
    for ((log_sums, labels), delta) in state.log_sums.iter().zip(&state.labels).zip(&state.deltas) {
        put_list(out, log_sums, |x| x.to_le_bytes());
        put_list(out, labels, |x| x.to_le_bytes());
        put(out, delta.cols as u64);
        put_list(out, &delta.data, |x| x.to_le_bytes());
    }
    put(out, state.tensors.len() as u64);
    for tensor in &state.tensors {
        put_list(out, tensor.name.as_bytes(), |x| [*x]);
        put(out, tensor.trace.to_bits());
        put_list(out, &tensor.inputs, |x| x.to_le_bytes());
        put_list(out, &tensor.columns, |x| x.to_le_bytes());
        put(out, tensor.prices.len() as u64);
        tensor.prices.iter().for_each(|price| put_price(out, price));
    }
}

fn put_price(out: &mut Vec<u8>, price: &Price) {
    put(out, price.ggml_type.number().into());
    put(out, price.bytes);
    let sums = [price.loss_by_sequence, price.loss_by_token, price.squared_error, price.input_squared_error];
    sums.iter().for_each(|sum| put(out, sum.to_bits()));
}

fn put(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_list<T, const N: usize>(out: &mut Vec<u8>, list: &[T], bytes: impl Fn(&T) -> [u8; N]) {
    put(out, list.len() as u64);
    list.iter().for_each(|item| out.extend_from_slice(&bytes(item)));
}

/// Reads what was put; `None` when it ends too soon or makes no sense.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn state(mut self) -> Option<State> {
        let mut state = State { layers_left: self.number()?, nll: self.float()?, ..State::default() };
        for _ in 0..self.number()? {
            state.log_sums.push(self.list(f32::from_le_bytes)?);
            state.labels.push(self.list(u32::from_le_bytes)?);
            let cols = usize::try_from(self.number()?).ok()?;
            state.deltas.push(Matrix { cols, data: self.list(f32::from_le_bytes)? });
        }
        for _ in 0..self.number()? {
            let tensor = self.tensor()?;
            state.tensors.push(tensor);
        }
        self.0.is_empty().then_some(state)
    }

    fn tensor(&mut self) -> Option<TensorScore> {
        let name = String::from_utf8(self.list(|[byte]| byte)?).ok()?;
        let (trace, inputs) = (self.float()?, self.list(f64::from_le_bytes)?);
        let columns = self.list(f64::from_le_bytes)?;
        let count = self.number()?;
        let prices = (0..count).map(|_| self.price()).collect::<Option<_>>()?;
        Some(TensorScore { name, trace, inputs, columns, prices })
    }

    fn price(&mut self) -> Option<Price> {
        Some(Price {
            ggml_type: GgmlType::from_number(self.number()?.try_into().ok()?)?,
            bytes: self.number()?,
            loss_by_sequence: self.float()?,
            loss_by_token: self.float()?,
            squared_error: self.float()?,
            input_squared_error: self.float()?,
        })
    }

    fn number(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    fn float(&mut self) -> Option<f64> {
        self.number().map(f64::from_bits)
    }

    fn list<T, const N: usize>(&mut self, read: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
        let len = usize::try_from(self.number()?).ok()?.checked_mul(N)?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        let (items, _) = bytes.as_chunks();
        Some(items.iter().map(|item| read(*item)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let price = Price {
            ggml_type: GgmlType::Q4_0,
            bytes: 18,
            loss_by_sequence: 0.25,
            loss_by_token: 0.5,
            squared_error: 1e-9,
            input_squared_error: 3.0,
        };
        let tensor = TensorScore {
            name: "blk.1.attn_q.weight".into(),
            trace: 7.0,
            inputs: vec![1.0, 2.0],
            columns: vec![0.5],
            prices: vec![price, price],
        };
        State {
            layers_left: 1,
            nll: 12.5,
            log_sums: vec![vec![1.0, 2.0]],
            labels: vec![vec![5, 6]],
            deltas: vec![Matrix { cols: 2, data: vec![0.1, 0.2, 0.3, 0.4] }],
            tensors: vec![tensor],
        }
    }

    #[test]
    fn what_is_kept_comes_back_and_nothing_else_passes() {
        let folder = tempfile::tempdir().unwrap();
        let ours = Checkpoint { path: folder.path().join("scores.partial"), key: [1; 32] };
        assert_eq!(ours.load().unwrap(), None);
        ours.save(&state()).unwrap();
        assert_eq!(ours.load().unwrap(), Some(state()));
        let other = Checkpoint { key: [2; 32], ..ours.clone() };
        assert!(other.load().unwrap_err().to_string().contains("of another model, text or setting"));
        let whole = std::fs::read(&ours.path).unwrap();
        for len in 0..whole.len() {
            std::fs::write(&ours.path, &whole[..len]).unwrap();
            assert!(ours.load().is_err(), "cut to {len} bytes");
        }
        ours.remove();
        assert_eq!(ours.load().unwrap(), None);
    }

    /// A damaged file is found by its hash; should that ever match, nothing is read past the end or allocated ahead.
    #[test]
    fn no_prefix_is_read_past_its_end() {
        let mut bytes = Vec::new();
        put_state(&mut bytes, &state());
        assert_eq!(Reader(&bytes).state(), Some(state()));
        for len in 0..bytes.len() {
            assert_eq!(Reader(&bytes[..len]).state(), None, "{len} bytes");
        }
    }
}
