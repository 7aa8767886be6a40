//! Logits of the reference, kept from one evaluation to the next: a file a chunk, in the user's cache, never more bytes
//! than were allowed.

use std::path::PathBuf;

use packbench_core::os::write_whole;
use packbench_core::record::Variant;

/// Where logits are kept.
pub struct Kept {
    /// `None` when nothing is to be kept.
    folder: Option<PathBuf>,
    most_bytes: u64,
}

impl Kept {
    /// In `folder`, at most `most_bytes` of them.
    pub fn new(folder: Option<PathBuf>, most_bytes: u64) -> Self {
        let folder = folder.filter(|_| most_bytes > 0).map(|folder| folder.join("logits"));
        Kept { folder, most_bytes }
    }

    /// What a chunk's logits are known by: the model's content, the engine and the tokens.
    pub fn key(variant: &Variant, engine: &str, tokens: &[u32]) -> String {
        blake3::hash(format!("{} {engine} {tokens:?}", variant.payload_hash).as_bytes()).to_hex().to_string()
    }

    /// The logits under `key`, if there are `count` of them.
    pub fn load(&self, key: &str, count: usize) -> Option<Vec<f32>> {
        let bytes = std::fs::read(self.folder.as_ref()?.join(key)).ok()?;
        let (words, rest) = bytes.as_chunks();
        (words.len() == count && rest.is_empty())
            .then(|| words.iter().map(|word| f32::from_le_bytes(*word)).collect())
    }

    /// Keeps logits, in place of the oldest where there is no room. Losing them costs time, never a result.
    pub fn keep(&self, key: &str, logits: &[f32]) {
        let Some(folder) = &self.folder else { return };
        let needs = logits.len() as u64 * 4;
        if needs > self.most_bytes || std::fs::create_dir_all(folder).is_err() {
            return;
        }
        self.make_room(needs);
        let bytes: Vec<u8> = logits.iter().flat_map(|logit| logit.to_le_bytes()).collect();
        let _ = write_whole(&folder.join(key), &bytes);
    }

    fn make_room(&self, needs: u64) {
        let entries = self.folder.iter().flat_map(std::fs::read_dir).flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let facts = entry.metadata().ok()?;
                Some((facts.modified().ok()?, facts.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut total: u64 = files.iter().map(|(_, len, _)| len).sum();
        for (_, len, path) in files {
            if total + needs <= self.most_bytes {
                break;
            }
            if std::fs::remove_file(path).is_ok() {
                total -= len;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_within_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(Some(folder.path().to_owned()), 100);
        for key in ["a", "b", "c"] {
            kept.keep(key, &[1.5; 12]);
        }
        let total: u64 = std::fs::read_dir(folder.path().join("logits"))
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert_eq!(total, 96, "two of three");
        assert_eq!(kept.load("c", 12), Some(vec![1.5; 12]));
        assert_eq!(kept.load("c", 11), None);
        assert_eq!(kept.load("d", 12), None);
        kept.keep("e", &[0.0; 26]);
        assert_eq!(kept.load("e", 26), None, "more than all room");
        Kept::new(None, 100).keep("a", &[1.0]);
    }
}
