//! The order in which an engine first reads each weight, put together from what the engine is seen to do.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::place;
use crate::record::wire::object;
use crate::record::{WeightRead, WeightTrace};
use crate::unit::Bytes;

/// The schema that this version writes and reads.
pub const TRACE_SCHEMA: &str = "packbench.trace/1";

/// How much of a tensor an operation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent<'a> {
    /// All of it: so many bytes.
    Whole(Bytes),
    /// These rows, each of so many bytes; a row may be named twice.
    Rows(&'a [u32], Bytes),
    /// These experts, each of so many bytes; an expert may be named twice.
    Experts(&'a [u32], Bytes),
}

/// Why a trace can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It is no trace.
    #[error("the file holds no weight trace")]
    Json(#[from] serde_json::Error),
    /// It is of another version.
    #[error("found schema {found:?}, expected {TRACE_SCHEMA:?}: trace the model again with this version")]
    Schema {
        /// What it is.
        found: String,
    },
    /// It is of another model.
    #[error("the trace is of a model with payload {found}, expected {expected}: trace this model again")]
    Payload {
        /// The payload hash of the model that was traced.
        found: String,
        /// The payload hash of this model.
        expected: String,
    },
}

/// What was read of one tensor.
#[derive(Debug)]
enum Seen {
    Whole,
    Parts(BTreeSet<u32>),
}

/// Collects reads in the order in which they happen and keeps each first one.
#[derive(Debug, Default)]
pub struct TraceBuilder {
    seen: HashMap<String, Seen>,
    reads: Vec<WeightRead>,
}

impl TraceBuilder {
    /// Notes that `operation` reads `extent` of `tensor`.
    pub fn read(&mut self, tensor: &str, operation: &str, extent: Extent<'_>) {
        match extent {
            Extent::Whole(bytes) => self.whole(tensor, operation, bytes),
            Extent::Rows(rows, bytes) => {
                if let Some((rows, bytes)) = self.parts(tensor, rows, bytes) {
                    self.push(tensor, operation, bytes).rows = Some(rows);
                }
            }
            Extent::Experts(experts, bytes) => {
                if let Some((experts, bytes)) = self.parts(tensor, experts, bytes) {
                    self.push(tensor, operation, bytes).experts = Some(experts);
                }
            }
        }
    }

    /// The trace, of a model that the caller may name by its payload hash.
    pub fn finish(self, engine: String, prompt_tokens: Vec<u32>) -> WeightTrace {
        let schema = TRACE_SCHEMA.to_owned();
        WeightTrace { schema, payload_hash: None, engine, prompt_tokens, reads: self.reads }
    }

    fn whole(&mut self, tensor: &str, operation: &str, bytes: Bytes) {
        let before = match self.seen.insert(tensor.to_owned(), Seen::Whole) {
            Some(Seen::Whole) => return,
            Some(Seen::Parts(_)) => self.bytes_of(tensor),
            None => Bytes(0),
        };
        self.push(tensor, operation, Bytes(bytes.0.saturating_sub(before.0)));
    }

    fn bytes_of(&self, tensor: &str) -> Bytes {
        self.reads.iter().filter(|read| read.tensor == tensor).map(|read| Bytes(read.bytes)).sum()
    }

    /// The parts that were not read before, in the order given, and their bytes; `None` when all were.
    fn parts(&mut self, tensor: &str, parts: &[u32], each: Bytes) -> Option<(Vec<u32>, Bytes)> {
        let seen = self.seen.entry(tensor.to_owned()).or_insert_with(|| Seen::Parts(BTreeSet::new()));
        let Seen::Parts(known) = seen else { return None };
        let new: Vec<u32> = parts.iter().copied().filter(|part| known.insert(*part)).collect();
        let bytes = Bytes(new.len() as u64 * each.0);
        (!new.is_empty()).then_some((new, bytes))
    }

    fn push(&mut self, tensor: &str, operation: &str, bytes: Bytes) -> &mut WeightRead {
        let at = place(tensor);
        self.reads.push(WeightRead {
            tensor: tensor.to_owned(),
            group: at.group.to_owned(),
            layer: at.layer,
            operation: operation.to_owned(),
            bytes: bytes.0,
            rows: None,
            experts: None,
        });
        self.reads.last_mut().expect("it has just been pushed")
    }
}

impl WeightTrace {
    /// Reads a trace that was kept as JSON.
    ///
    /// # Errors
    /// When it is no trace, or of another version.
    pub fn from_json(text: &str) -> Result<Self, TraceError> {
        let trace: WeightTrace = object::from_slice(text.as_bytes())?;
        match trace.schema.as_str() {
            TRACE_SCHEMA => Ok(trace),
            _ => Err(TraceError::Schema { found: trace.schema }),
        }
    }

    /// Whether this is the trace of the model with that payload hash. A trace that names no model is of any.
    ///
    /// # Errors
    /// When it names another.
    pub fn check_model(&self, payload_hash: &str) -> Result<(), TraceError> {
        match &self.payload_hash {
            Some(found) if found != payload_hash => {
                Err(TraceError::Payload { found: found.clone(), expected: payload_hash.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// The tensors that are read, each once, in order.
    pub fn tensors(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.reads.iter().map(|read| &*read.tensor).filter(|name| seen.insert(*name)).collect()
    }

    /// All that is read, in bytes.
    pub fn bytes(&self) -> Bytes {
        self.reads.iter().map(|read| Bytes(read.bytes)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> WeightTrace {
        let mut builder = TraceBuilder::default();
        builder.read("token_embd.weight", "GET_ROWS", Extent::Rows(&[7, 3, 7], Bytes(10)));
        builder.read("blk.0.ffn_up_exps.weight", "MUL_MAT_ID", Extent::Experts(&[2], Bytes(100)));
        builder.read("blk.0.ffn_up_exps.weight", "MUL_MAT_ID", Extent::Experts(&[2, 1], Bytes(100)));
        builder.read("output_norm.weight", "MUL", Extent::Whole(Bytes(4)));
        builder.read("output_norm.weight", "MUL", Extent::Whole(Bytes(4)));
        builder.read("token_embd.weight", "MUL_MAT", Extent::Whole(Bytes(1000)));
        builder.read("token_embd.weight", "GET_ROWS", Extent::Rows(&[9], Bytes(10)));
        builder.finish("engine 1".into(), vec![7, 3, 7])
    }

    #[test]
    fn each_byte_is_read_first_once() {
        let lines: Vec<String> = trace()
            .reads
            .iter()
            .map(|read| {
                let WeightRead { tensor, operation, bytes, rows, experts, .. } = read;
                format!("{tensor} {operation} {bytes} {rows:?} {experts:?}")
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        token_embd.weight GET_ROWS 20 Some([7, 3]) None
        blk.0.ffn_up_exps.weight MUL_MAT_ID 100 None Some([2])
        blk.0.ffn_up_exps.weight MUL_MAT_ID 100 None Some([1])
        output_norm.weight MUL 4 None None
        token_embd.weight MUL_MAT 980 None None
        ");
        assert_eq!(trace().bytes(), Bytes(20 + 200 + 4 + 980));
        let names = ["token_embd.weight", "blk.0.ffn_up_exps.weight", "output_norm.weight"];
        assert_eq!(trace().tensors(), names);
    }

    #[test]
    fn a_trace_reads_back_and_knows_its_model() {
        let mut trace = trace();
        trace.payload_hash = Some("aa".into());
        let json = serde_json::to_string(&trace).unwrap();
        assert_eq!(WeightTrace::from_json(&json).unwrap(), trace);
        assert!(trace.check_model("aa").is_ok());
        assert!(matches!(trace.check_model("bb"), Err(TraceError::Payload { .. })));
        let newer = json.replace(TRACE_SCHEMA, "packbench.trace/2");
        assert!(matches!(WeightTrace::from_json(&newer), Err(TraceError::Schema { .. })));
        assert!(matches!(WeightTrace::from_json("{}"), Err(TraceError::Json(_))));
    }

    #[test]
    fn the_json_of_one_read() {
        let read = &trace().reads[0];
        insta::assert_snapshot!(serde_json::to_string(read).unwrap(), @r#"{"tensor":"token_embd.weight","group":"token_embedding","layer":null,"operation":"GET_ROWS","bytes":20,"rows":[7,3],"experts":null}"#);
    }
}
