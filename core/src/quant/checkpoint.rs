//! What is kept of a score while it runs, so that one that was stopped goes on. A file of our own, whole or not there:
//!
//! ```text
//! magic · key (32 bytes) · state · BLAKE3 of all that (32 bytes)
//! ```
//! The key is a hash of all that a score depends on. Numbers are little-endian, lists begin with their length (u64).

use std::time::Duration;

use crate::gguf::GgmlType;
use crate::record::Price;

const MAGIC: &[u8; 18] = b"packbench.score/3\n";
const HASH: usize = 32;

/// A hash of all that a score depends on.
pub type Key = [u8; 32];

/// A score whose last layers are done, or all of them and some rows of the vocabulary.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Layers whose turn is still to come.
    pub layers_left: u64,
    /// Σ −log p.
    pub nll: f64,
    /// Of each sequence, of each token the logarithm of the sum of the exponentials of its logits.
    pub log_sums: Vec<Vec<f32>>,
    /// Likewise, what each token should be followed by.
    pub labels: Vec<Vec<u32>>,
    /// Of each sequence, the gradient at the output of the next layer, a row a token; behind all layers, at the rows that
    /// were picked of the embedding.
    pub deltas: Vec<Vec<f32>>,
    /// Rows that are done of the tensors that are as wide as the vocabulary, of one after the other.
    pub rows_done: u64,
    /// What is done; the last of them in part where rows are.
    pub tensors: Vec<TensorScore>,
    /// What that took.
    pub spent: Spent,
}

/// Time that a score took; of one that was stopped, all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Forward, backward and squares.
    pub gradients: Duration,
    /// What each type costs.
    pub pricing: Duration,
}

/// What one matrix came to. Sums over sequences and tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorScore {
    /// The tensor's name.
    pub name: String,
    /// Σ over sequences of Σ over weights of (∂NLL/∂w)².
    pub trace: f64,
    /// Σ over tokens of x², a column each; empty where inputs are picked rows.
    pub inputs: Vec<f64>,
    /// Σ over tokens and rows of (δ·x)², a column each.
    pub columns: Vec<f64>,
    /// What each type costs.
    pub prices: Vec<Price>,
}

/// Why a file can't be gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is shorter than any.
    #[error("it is cut short")]
    Short,
    /// Something else.
    #[error("it holds no score")]
    NotAScore,
    /// It isn't what was written.
    #[error("it is damaged")]
    Damaged,
    /// It has another key.
    #[error("it is of another model, text or setting")]
    OtherKey,
}

/// What was kept under `key`.
///
/// # Errors
/// [`CheckpointError`].
pub fn read(file: &[u8], key: &Key) -> Result<State, CheckpointError> {
    let (sealed, hash) = file.split_last_chunk::<HASH>().ok_or(CheckpointError::Short)?;
    let content = sealed.strip_prefix(MAGIC).ok_or(CheckpointError::NotAScore)?;
    if blake3::hash(sealed) != *hash {
        return Err(CheckpointError::Damaged);
    }
    let state = content.strip_prefix(key).ok_or(CheckpointError::OtherKey)?;
    State::decode(state).ok_or(CheckpointError::Damaged)
}

/// A file that keeps `state` under `key`.
pub fn write(state: &State, key: &Key) -> Vec<u8> {
    let mut file = [MAGIC.as_slice(), key].concat();
    state.encode(&mut file);
    let hash = blake3::hash(&file);
    file.extend_from_slice(hash.as_bytes());
    file
}

impl State {
    /// Whether it is of a model of so many layers and of so many sequences, each of so many tokens of so many numbers.
    pub fn fits(&self, layers: usize, sequences: usize, tokens: usize, columns: usize) -> bool {
        let labels = |labels: &Vec<u32>| (1..=tokens).contains(&labels.len());
        let numbers = tokens.checked_mul(columns);
        self.layers_left <= layers as u64
            && (self.rows_done == 0 || self.layers_left == 0 && !self.tensors.is_empty())
            && [self.log_sums.len(), self.labels.len(), self.deltas.len()] == [sequences; 3]
            && self.log_sums.iter().all(|sums| sums.len() == tokens)
            && self.labels.iter().all(labels)
            && self.deltas.iter().all(|delta| Some(delta.len()) == numbers)
    }

    /// Appends it to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put(out, self.layers_left);
        put(out, self.rows_done);
        put(out, self.nll.to_bits());
        [self.spent.gradients, self.spent.pricing].iter().for_each(|spent| put(out, spent.as_nanos() as u64));
        put(out, self.deltas.len() as u64);
        for ((log_sums, labels), delta) in self.log_sums.iter().zip(&self.labels).zip(&self.deltas) {
            put_list(out, log_sums, |x| x.to_le_bytes());
            put_list(out, labels, |x| x.to_le_bytes());
            put_list(out, delta, |x| x.to_le_bytes());
        }
        put(out, self.tensors.len() as u64);
        for tensor in &self.tensors {
            put_list(out, tensor.name.as_bytes(), |x| [*x]);
            put(out, tensor.trace.to_bits());
            put_list(out, &tensor.inputs, |x| x.to_le_bytes());
            put_list(out, &tensor.columns, |x| x.to_le_bytes());
            put(out, tensor.prices.len() as u64);
            tensor.prices.iter().for_each(|price| put_price(out, price));
        }
    }

    /// Reads what was appended; `None` when that ends too soon, goes on behind, or makes no sense. Memory grows with what
    /// is there, never with a length that isn't.
    pub fn decode(bytes: &[u8]) -> Option<State> {
        let mut reader = Reader(bytes);
        let (layers_left, rows_done, nll) = (reader.number()?, reader.number()?, reader.float()?);
        let spent = Spent { gradients: reader.duration()?, pricing: reader.duration()? };
        let mut state = State { layers_left, rows_done, nll, spent, ..State::default() };
        for _ in 0..reader.number()? {
            state.log_sums.push(reader.list(f32::from_le_bytes)?);
            state.labels.push(reader.list(u32::from_le_bytes)?);
            state.deltas.push(reader.list(f32::from_le_bytes)?);
        }
        for _ in 0..reader.number()? {
            state.tensors.push(reader.tensor()?);
        }
        reader.0.is_empty().then_some(state)
    }
}

fn put_price(out: &mut Vec<u8>, price: &Price) {
    put(out, price.ggml_type.number().into());
    put(out, price.bytes);
    let sums = [price.loss_by_sequence_nats, price.loss_by_token_nats, price.squared_error];
    sums.iter().for_each(|sum| put(out, sum.to_bits()));
    put_list(out, price.imatrix_squared_error.as_slice(), |x| x.to_le_bytes());
}

fn put(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_list<T, const N: usize>(out: &mut Vec<u8>, list: &[T], bytes: impl Fn(&T) -> [u8; N]) {
    put(out, list.len() as u64);
    list.iter().for_each(|item| out.extend_from_slice(&bytes(item)));
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
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
            loss_by_sequence_nats: self.float()?,
            loss_by_token_nats: self.float()?,
            squared_error: self.float()?,
            imatrix_squared_error: match *self.list(f64::from_le_bytes)? {
                [] => None,
                [sum] => Some(sum),
                _ => return None,
            },
        })
    }

    fn number(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    fn duration(&mut self) -> Option<Duration> {
        self.number().map(Duration::from_nanos)
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
