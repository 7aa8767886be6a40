//! Files of this machine that a device is to have, known by their content.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Context;
use packbench_core::os::{keep, kept};
use packbench_core::unit::Bytes;
use sha2::{Digest, Sha256};

use crate::cache::cache_dir;

/// A file of this machine.
pub struct Local<'a> {
    pub path: &'a Path,
    pub name: String,
    pub len: Bytes,
    /// SHA-256 of all of it, in hexadecimal digits.
    pub hash: String,
}

impl<'a> Local<'a> {
    /// Reads all of it once, unless it was read before and is unchanged.
    pub fn new(path: &'a Path) -> anyhow::Result<Self> {
        let shown = || path.display().to_string();
        let file = File::open(path).with_context(shown)?;
        let facts = file.metadata().with_context(shown)?;
        let (device, inode, len) = (facts.dev(), facts.ino(), facts.len());
        let key = format!("sha256-{device:x}-{inode:x}-{len}-{:x}-{:x}", facts.mtime(), facts.mtime_nsec());
        let hash = match cache_dir().and_then(|folder| kept(&folder, &key)) {
            Some(hash) => hash,
            None => {
                let hash = sha256(file).with_context(shown)?;
                cache_dir().map(|folder| keep(&folder, &key, &hash));
                hash
            }
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Local { path, name, len: Bytes(len), hash })
    }

    /// A folder name for a file of this content.
    pub fn short_hash(&self) -> &str {
        self.hash.get(..16).unwrap_or(&self.hash)
    }
}

fn sha256(mut file: File) -> io::Result<String> {
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            len => hasher.update(&buffer[..len]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
