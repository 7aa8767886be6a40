//! What a quantized file weighs, to the byte, before it is made.

use crate::gguf::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, Gguf, Value, Version, WriteError, Writer};
use crate::record::NotedPlan;
use crate::unit::Bytes;

/// Keys that the quantizer writes, each a `u32`, whether the source has them or not.
const WRITTEN: [&str; 2] = ["general.quantization_version", "general.file_type"];

/// What packbench has the quantizer note in a file: BLAKE3 of the plan that it was made by, in hexadecimal digits.
pub const PLAN_HASH_KEY: &str = "packbench.plan_hash";

/// Likewise: what the plan foretold, an `f32`.
pub const PREDICTED_KLD_KEY: &str = "packbench.predicted_kld_nats";

/// What packbench says in a file with noise laid over it, and so in all that are made of it: the seed, a `u64`.
pub const DITHER_SEED_KEY: &str = "packbench.dither_seed";

/// Of keys that say of a file how packbench made it, which another one isn't made.
pub const OWN_KEYS: &str = "packbench.";

/// It aligns tensors to this, whatever the source says: a source that says something else needs
/// [`ALIGNMENT_KEY`] set to it.
pub const ALIGNMENT: u32 = DEFAULT_ALIGNMENT;

/// Keys that it leaves out: what it makes is one file.
const LEFT_OUT: [&str; 3] = ["split.no", "split.count", "split.tensors.count"];

/// The plan that a file says it was made by.
pub fn noted_plan(gguf: &Gguf<'_>) -> Option<NotedPlan> {
    let hash = gguf.metadata.str(PLAN_HASH_KEY).ok().flatten().filter(|hash| hash.len() == 64)?;
    let predicted_kld_nats = match gguf.metadata.get(PREDICTED_KLD_KEY) {
        Some(Value::F32(nats)) if nats.is_finite() => Some(f64::from(nats)),
        _ => None,
    };
    Some(NotedPlan { hash: hash.to_owned(), predicted_kld_nats })
}

/// The header of a file that llama.cpp's quantizer makes of `gguf`, or of what noise makes of it, with packbench's notes, up
/// to the first tensor's data. The types of the tensors don't change its length.
///
/// # Errors
/// As of [`Writer::place`].
pub fn quantized_header(gguf: &Gguf<'_>, dither_seed: Option<u64>) -> Result<Bytes, WriteError> {
    let mut writer = Writer::new(Version::V3);
    let is_kept =
        |key: &str| !(LEFT_OUT.contains(&key) || dither_seed.is_some() && key.starts_with(OWN_KEYS));
    let kept = gguf.metadata.entries().iter().filter(|entry| is_kept(entry.key));
    kept.for_each(|entry| writer.set(entry.key, entry.value));
    if let Some(seed) = dither_seed {
        writer.set(DITHER_SEED_KEY, Value::U64(seed));
    }
    if gguf.metadata.get(ALIGNMENT_KEY).is_some() {
        writer.set(ALIGNMENT_KEY, Value::U32(ALIGNMENT));
    }
    WRITTEN.iter().for_each(|key| writer.set(key, Value::U32(0)));
    writer.set(PLAN_HASH_KEY, Value::String(&[b'0'; 64]));
    writer.set(PREDICTED_KLD_KEY, Value::F32(0.0));
    for tensor in &gguf.tensors {
        writer.tensor(tensor.name, tensor.dims, tensor.ggml_type)?;
    }
    let first = writer.place()?.first().map(|tensor| tensor.data.start);
    Ok(Bytes(first.map_or(0, |start| start.0)))
}

/// What a tensor of `bytes` takes in a file: up to where the next one may begin. llama.cpp pads the last one, too.
pub const fn padded(bytes: Bytes, alignment: Bytes) -> Bytes {
    Bytes(bytes.0.next_multiple_of(alignment.0))
}
