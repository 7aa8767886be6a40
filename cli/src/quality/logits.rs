//! Logits of the reference, kept from one evaluation to the next: a file a chunk, in the user's cache, never more bytes
//! than were allowed. Behind the logits stands their BLAKE3: what was damaged is as good as lost.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use packbench_core::os::{Existing, NewFile};

/// Logits that are read or written at once.
const AT_ONCE: usize = 1 << 14;

/// Where logits are kept.
pub struct Kept {
    /// `None` when nothing is to be kept.
    folder: Option<PathBuf>,
    most_bytes: u64,
    /// The keys of this evaluation. Where they have no room together, as many stay as have: in place of each other the
    /// first would be gone whenever it is asked for again.
    own: HashSet<String>,
}

/// What a chunk's logits are known by: the model's content, the engine and the tokens.
pub fn key(content: &str, engine: &str, tokens: &[u32]) -> String {
    blake3::hash(format!("{content} {engine} {tokens:?}").as_bytes()).to_hex().to_string()
}

impl Kept {
    /// In `folder`, at most `most_bytes` of them; those under the keys in `own` are not given up for others.
    pub fn new(folder: Option<PathBuf>, most_bytes: u64, own: HashSet<String>) -> Self {
        let folder = folder.filter(|_| most_bytes > 0).map(|folder| folder.join("logits"));
        Kept { folder, most_bytes, own }
    }

    /// The logits under `key`, if there are `count` of them.
    pub fn load(&self, key: &str, count: usize) -> Option<Vec<f32>> {
        let mut file = File::open(self.folder.as_ref()?.join(key)).ok()?;
        if file.metadata().ok()?.len() != file_bytes(count) {
            return None;
        }
        let (mut logits, mut buffer) = (Vec::with_capacity(count), vec![0; AT_ONCE * 4]);
        let (mut hasher, mut hash) = (blake3::Hasher::new(), [0; blake3::OUT_LEN]);
        while logits.len() < count {
            let bytes = &mut buffer[..AT_ONCE.min(count - logits.len()) * 4];
            file.read_exact(bytes).ok()?;
            hasher.update(bytes);
            let (words, _) = bytes.as_chunks();
            logits.extend(words.iter().copied().map(f32::from_le_bytes));
        }
        file.read_exact(&mut hash).ok()?;
        (hasher.finalize() == hash).then_some(logits)
    }

    /// Keeps logits, in place of the oldest where there is no room. Losing them costs time, never a result.
    pub fn keep(&self, key: &str, logits: &[f32]) {
        let Some(folder) = &self.folder else { return };
        if std::fs::create_dir_all(folder).is_ok() && self.make_room(file_bytes(logits.len())) {
            let _ = write(&folder.join(key), logits);
        }
    }

    /// Whether there is room for so many bytes, once others are gone.
    fn make_room(&self, needs: u64) -> bool {
        let entries = self.folder.iter().flat_map(std::fs::read_dir).flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let facts = entry.metadata().ok()?;
                Some((facts.modified().ok()?, facts.len(), entry.path()))
            })
            .collect();
        files.sort();
        let is_own =
            |path: &Path| path.file_name().is_some_and(|name| self.own.contains(&*name.to_string_lossy()));
        let (own, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|(_, _, path)| is_own(path));
        let len = |files: &[(_, u64, _)]| files.iter().map(|(_, len, _)| len).sum::<u64>();
        if len(&own) + needs > self.most_bytes {
            return false;
        }
        let mut total = len(&own) + len(&others);
        for (_, len, path) in others {
            if total + needs <= self.most_bytes {
                break;
            }
            if std::fs::remove_file(path).is_ok() {
                total -= len;
            }
        }
        total + needs <= self.most_bytes
    }
}

/// The bytes of a file of so many logits.
fn file_bytes(logits: usize) -> u64 {
    (logits * 4 + blake3::OUT_LEN) as u64
}

fn write(path: &Path, logits: &[f32]) -> anyhow::Result<()> {
    let new = NewFile::begin(path, Existing::Replace)?;
    let mut hasher = blake3::Hasher::new();
    for logits in logits.chunks(AT_ONCE) {
        let bytes: Vec<u8> = logits.iter().flat_map(|logit| logit.to_le_bytes()).collect();
        hasher.update(&bytes);
        new.as_file().write_all(&bytes)?;
    }
    new.as_file().write_all(hasher.finalize().as_bytes())?;
    Ok(new.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two files of 12 logits.
    const MOST_BYTES: u64 = 160;

    fn kept(folder: &Path, own: &[&str]) -> Kept {
        Kept::new(Some(folder.to_owned()), MOST_BYTES, own.iter().map(|&key| key.to_owned()).collect())
    }

    #[test]
    fn what_is_kept_stays_within_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let kept = kept(folder.path(), &[]);
        for key in ["a", "b", "c"] {
            kept.keep(key, &[1.5; 12]);
        }
        let total: u64 = std::fs::read_dir(folder.path().join("logits"))
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert_eq!(total, 2 * file_bytes(12), "two of three");
        assert_eq!(kept.load("c", 12), Some(vec![1.5; 12]));
        assert_eq!(kept.load("c", 11), None);
        assert_eq!(kept.load("d", 12), None);
        kept.keep("e", &[0.0; 34]);
        assert_eq!(kept.load("e", 34), None, "more than all room");
        Kept::new(None, 100, HashSet::new()).keep("a", &[1.0]);
    }

    #[test]
    fn more_than_is_read_at_once_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(Some(folder.path().to_owned()), 1 << 20, HashSet::new());
        let logits: Vec<f32> = (0..AT_ONCE + 3).map(|logit| logit as f32 - 0.5).collect();
        kept.keep("a", &logits);
        assert_eq!(kept.load("a", logits.len()).as_ref(), Some(&logits));
        let path = folder.path().join("logits").join("a");
        let mut damaged = std::fs::read(&path).unwrap();
        damaged[AT_ONCE * 4 + 1] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert_eq!(kept.load("a", logits.len()), None, "one bit is another");
    }

    /// An evaluation asks for its chunks in the same order each time.
    #[test]
    fn an_evaluation_without_room_for_all_its_chunks_finds_some_again() {
        let folder = tempfile::tempdir().unwrap();
        kept(folder.path(), &[]).keep("another", &[0.0; 12]);
        let chunks = ["a", "b", "c"];
        let evaluation = || {
            let kept = kept(folder.path(), &chunks);
            let found = |key: &&str| match kept.load(key, 12) {
                Some(_) => true,
                None => {
                    kept.keep(key, &[1.0; 12]);
                    false
                }
            };
            chunks.iter().filter(|key| found(key)).count()
        };
        assert_eq!([evaluation(), evaluation(), evaluation()], [0, 2, 2], "as many as have room");
    }
}
