//! The seeds of fuzz targets that tests make: written into fuzz/seeds, and held against what is in git.

use std::path::PathBuf;

/// The seeds of a target, by name.
pub struct Seeds {
    pub target: &'static str,
    pub files: Vec<(&'static str, Vec<u8>)>,
}

impl Seeds {
    fn place(&self, name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(self.target).join(name)
    }

    pub fn assert_current(&self) {
        for (name, made) in &self.files {
            assert!(
                std::fs::read(self.place(name)).unwrap() == *made,
                "{} {name} differs: regenerate with `cargo test -p packbench-core seeds -- --ignored`",
                self.target
            );
        }
    }

    pub fn write(&self) {
        std::fs::create_dir_all(self.place("")).unwrap();
        self.files.iter().for_each(|(name, file)| std::fs::write(self.place(name), file).unwrap());
    }
}
