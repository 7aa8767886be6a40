//! The files of one model: one, or those that belong together by name or by an index.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::Layout;
use super::numbered::Numbered;
use crate::gguf::{self, Gguf, Lookalike, SplitError, check_parts};
use crate::os::{FileFacts, Mapping, Os, OsError};
use crate::safetensors::{self, Config, Index, Safetensors};

/// A container of tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// llama.cpp's.
    Gguf,
    /// Hugging Face's.
    Safetensors,
}

impl Format {
    /// What a file is by its first bytes, or else by its name. What is neither is left to the GGUF reader, which says
    /// what it found.
    fn of(name: &str, head: &[u8]) -> Self {
        let by_name = || name.ends_with(".safetensors");
        match Lookalike::of(head) {
            _ if head.starts_with(b"GGUF") => Format::Gguf,
            Some(Lookalike::Safetensors) => Format::Safetensors,
            None if by_name() => Format::Safetensors,
            _ => Format::Gguf,
        }
    }
}

/// A file of a model, mapped.
pub struct MappedFile {
    /// Its name, without the folder.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// What the system says of it.
    pub facts: FileFacts,
    mapping: Box<dyn Mapping>,
}

impl MappedFile {
    fn open(os: &dyn Os, path: &Path) -> Result<Self, OsError> {
        let file = os.open(path)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(MappedFile { name, path: path.to_owned(), facts: file.facts().clone(), mapping: file.map()? })
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        self.mapping.bytes()
    }
}

/// The files of one model, mapped: nothing of them was read but what tells which they are.
pub struct ModelFiles {
    format: Format,
    files: Vec<MappedFile>,
    /// Of safetensors.
    index: Option<MappedFile>,
    config: Config,
}

/// Why the files of a model can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The system refused.
    #[error(transparent)]
    Os(#[from] OsError),
    /// One isn't a GGUF, or not a whole one.
    #[error(transparent)]
    Gguf(#[from] gguf::Error),
    /// One isn't a safetensors file, or not a whole one.
    #[error(transparent)]
    Safetensors(#[from] safetensors::Error),
    /// They are not the parts of one model.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// Something is wrong with one of several.
    #[error("{name}")]
    Part {
        /// The file's name.
        name: String,
        /// What is wrong.
        source: Box<FilesError>,
    },
}

impl ModelFiles {
    /// Opens a model by any of its files or by its index. A part of a model whose other parts don't lie beside it is
    /// opened alone; [`Layout::part`] then says which one it is.
    ///
    /// # Errors
    /// What the system says of a file, and what is wrong with the file that tells of the others.
    pub fn open(os: &dyn Os, path: &Path) -> Result<Self, FilesError> {
        let file = MappedFile::open(os, path)?;
        if file.name.ends_with(".json") {
            return Self::indexed(os, file);
        }
        match Format::of(&file.name, file.bytes()) {
            Format::Gguf => Self::split(os, file),
            Format::Safetensors => Self::sharded(os, file),
        }
    }

    fn split(os: &dyn Os, file: MappedFile) -> Result<Self, FilesError> {
        let mut files = Vec::new();
        if let Some(numbered) = Numbered::parse(&file.name) {
            let split = Gguf::parse(file.bytes())?.split()?;
            if split.is_some_and(|split| split.count == u64::from(numbered.count)) {
                files = beside(os, &file.path, numbered.names())?.unwrap_or_default();
            }
        }
        let files = if files.is_empty() { vec![file] } else { files };
        Ok(ModelFiles { format: Format::Gguf, files, index: None, config: Config::default() })
    }

    fn sharded(os: &dyn Os, file: MappedFile) -> Result<Self, FilesError> {
        if let Some(numbered) = Numbered::parse(&file.name) {
            let index = format!("{}.safetensors.index.json", numbered.prefix);
            if let Some(mut index) = beside(os, &file.path, [index])? {
                let all = index.pop().map(|index| Self::indexed(os, index)).transpose()?;
                // an index of other files is no reason not to look at this one
                if let Some(all) = all.filter(|all| all.files.iter().any(|other| other.name == file.name)) {
                    return Ok(all);
                }
            }
        }
        let config = config(os, &file.path);
        Ok(ModelFiles { format: Format::Safetensors, files: vec![file], index: None, config })
    }

    fn indexed(os: &dyn Os, index: MappedFile) -> Result<Self, FilesError> {
        let names = Index::parse(index.bytes())?;
        let open = |name: &str| {
            let path = index.path.with_file_name(name);
            MappedFile::open(os, &path).map_err(|error| part(name, error.into()))
        };
        let files = names.files().into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let config = config(os, &index.path);
        Ok(ModelFiles { format: Format::Safetensors, files, index: Some(index), config })
    }

    /// The container.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The files, in the order of their numbers.
    pub fn files(&self) -> &[MappedFile] {
        &self.files
    }

    /// Where the model lies: its index, or its first file.
    pub fn path(&self) -> &Path {
        self.index.iter().chain(&self.files).next().map_or(Path::new(""), |file| &file.path)
    }

    /// Whether the file that the system says this of is one of them.
    pub fn holds(&self, facts: &FileFacts) -> bool {
        let same = |file: &MappedFile| (file.facts.device, file.facts.inode) == (facts.device, facts.inode);
        self.index.iter().chain(&self.files).any(same)
    }

    /// What its configuration says of a model in safetensors; nothing of a GGUF.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The headers of the files of a GGUF, held against each other.
    ///
    /// # Errors
    /// Names the file, if there are several, and what is wrong with it.
    pub fn gguf(&self) -> Result<Vec<Gguf<'_>>, FilesError> {
        let parsed = self.each(|file| Gguf::parse(file.bytes()).map_err(FilesError::from))?;
        if parsed.len() > 1 {
            check_parts(&parsed)?;
        }
        Ok(parsed)
    }

    /// The headers of the files of a model in safetensors, held against the index.
    ///
    /// # Errors
    /// Names the file, if there are several, and what is wrong with it.
    pub fn safetensors(&self) -> Result<Vec<Safetensors<'_>>, FilesError> {
        let parsed = self.each(|file| Safetensors::parse(file.bytes()).map_err(FilesError::from))?;
        if let Some(index) = &self.index {
            Index::parse(index.bytes())?.check(&parsed).map_err(|error| part(&index.name, error.into()))?;
        }
        Ok(parsed)
    }

    /// Where the tensors lie.
    ///
    /// # Errors
    /// As of [`Self::gguf`] or [`Self::safetensors`].
    pub fn layout(&self) -> Result<Layout, FilesError> {
        let names: Vec<&str> = self.files.iter().map(|file| &*file.name).collect();
        match self.format {
            Format::Gguf => Ok(Layout::of_gguf(&self.gguf()?, &names)?),
            Format::Safetensors => Ok(Layout::of_safetensors(&self.safetensors()?, &names, &self.config)),
        }
    }

    fn each<'a, T>(
        &'a self,
        parse: impl Fn(&'a MappedFile) -> Result<T, FilesError>,
    ) -> Result<Vec<T>, FilesError> {
        let named = |file: &'a MappedFile| match self.files.len() {
            1 => parse(file),
            _ => parse(file).map_err(|error| part(&file.name, error)),
        };
        self.files.iter().map(named).collect()
    }
}

fn part(name: &str, source: FilesError) -> FilesError {
    FilesError::Part { name: name.to_owned(), source: Box::new(source) }
}

/// Files of these names in the folder of `path`; `None` when not all are there.
fn beside(
    os: &dyn Os,
    path: &Path,
    names: impl IntoIterator<Item = String>,
) -> Result<Option<Vec<MappedFile>>, FilesError> {
    let mut files = Vec::new();
    for name in names {
        match MappedFile::open(os, &path.with_file_name(OsStr::new(&name))) {
            Ok(file) => files.push(file),
            Err(OsError::Call { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(part(&name, error.into())),
        }
    }
    Ok(Some(files))
}

/// What lies beside a checkpoint and says what it is, if it does.
fn config(os: &dyn Os, path: &Path) -> Config {
    let file = MappedFile::open(os, &path.with_file_name("config.json"));
    file.map(|file| Config::parse(file.bytes())).unwrap_or_default()
}
