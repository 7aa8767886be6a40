//! `model.safetensors.index.json`: which file of a model of several files holds which tensor.

use std::borrow::Cow;

use serde::Deserialize;

use super::header::{Pairs, from_json};
use super::{Error, Problem, Safetensors};
use crate::gguf::{Subject, excerpt, first_repeat};

/// An index as it stands in its file; nothing of it was held against the files that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index<'a> {
    /// Tensor and file, in the order of the index.
    weight_map: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    weight_map: Pairs<'a, Cow<'a, str>>,
}

impl<'a> Index<'a> {
    /// Reads an index.
    ///
    /// # Errors
    /// What isn't JSON of this form, a tensor that is named twice, and a file name that leads out of the folder.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let error = |subject, field, problem| Error { offset: None, subject, field, problem };
        let text =
            std::str::from_utf8(bytes).map_err(|_| error(Subject::Header, "JSON", Problem::NotUtf8))?;
        // an array would pass for a structure
        if !text.trim_start().starts_with('{') {
            return Err(error(Subject::Header, "first byte", Problem::not_an_object(bytes)));
        }
        let Json { weight_map: Pairs(weight_map) } = from_json(text, 0)?;
        if let Some((_, later)) = first_repeat(&weight_map, |(tensor, _)| tensor) {
            let name = &weight_map[later].0;
            return Err(error(Subject::tensor(later, name), "weight_map", Problem::repeated(name)));
        }
        let leads_out = |(_, file): &(_, Cow<'_, str>)| !is_file_name(file);
        match weight_map.iter().position(leads_out) {
            Some(index) => {
                let (tensor, file) = &weight_map[index];
                let problem = Problem::NotAFileName { found: excerpt(file.as_bytes()) };
                Err(error(Subject::tensor(index, tensor), "weight_map", problem))
            }
            None => Ok(Index { weight_map }),
        }
    }

    /// The files, each once, by name: which is the order of their numbers.
    pub fn files(&self) -> Vec<&str> {
        let mut files: Vec<&str> = self.weight_map.iter().map(|(_, file)| &**file).collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    /// Holds the index against its files, which are given in the order of [`Self::files`].
    ///
    /// # Errors
    /// A tensor that isn't where the index says, or that lies in two files.
    pub fn check(&self, files: &[Safetensors<'_>]) -> Result<(), Error> {
        let names = self.files();
        let mut held: Vec<(&str, &str)> = Vec::new();
        for (name, file) in names.iter().zip(files) {
            held.extend(file.tensors.iter().map(|tensor| (&*tensor.name, *name)));
        }
        held.sort_unstable();
        if let Some(pair) = held.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let [(tensor, first), (_, second)] = [pair[0], pair[1]];
            let (first, second) = (excerpt(first.as_bytes()), excerpt(second.as_bytes()));
            return Err(self.error(tensor, Problem::InTwoFiles { first, second }));
        }
        let missing = |(tensor, file): &&(Cow<'_, str>, Cow<'_, str>)| {
            held.binary_search(&(&**tensor, &**file)).is_err()
        };
        match self.weight_map.iter().find(missing) {
            Some((tensor, file)) => {
                Err(self.error(tensor, Problem::NotInFile { file: excerpt(file.as_bytes()) }))
            }
            None => Ok(()),
        }
    }

    fn error(&self, tensor: &str, problem: Problem) -> Error {
        let index = self.weight_map.iter().position(|(name, _)| name == tensor).unwrap_or_default();
        Error { offset: None, subject: Subject::tensor(index, tensor), field: "weight_map", problem }
    }
}

/// Whether `name` names a file in this very folder: an index is somebody else's text.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}
