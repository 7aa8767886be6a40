//! Importance matrices as a command line names them.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use packbench_core::record::Imatrix;

/// What `--imatrix` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// One by its name, or none.
    Kind(Imatrix),
    /// That of a file.
    File(PathBuf),
}

impl Asked {
    /// What a report says of it.
    pub fn kind(&self) -> Imatrix {
        match self {
            Asked::Kind(kind) => *kind,
            Asked::File(_) => Imatrix::File,
        }
    }

    /// The file that it names.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Asked::Kind(_) => None,
            Asked::File(path) => Some(path),
        }
    }
}

impl FromStr for Asked {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.parse() {
            Ok(Imatrix::File) | Err(_) => Asked::File(text.into()),
            Ok(kind) => Asked::Kind(kind),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_kind_is_a_file() {
        let asked = |text: &str| text.parse::<Asked>().unwrap();
        assert_eq!(asked("none"), Asked::Kind(Imatrix::None));
        assert_eq!(asked("fisher").kind(), Imatrix::Fisher);
        for file in ["file", "Fisher", "fisher.gguf", ""] {
            assert_eq!(asked(file), Asked::File(file.into()));
            assert_eq!(asked(file).kind(), Imatrix::File);
        }
    }
}
