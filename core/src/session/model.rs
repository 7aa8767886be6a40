//! A model file made ready: examined before anything is recorded, then known by its content, then put to the test.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::SessionError;
use crate::access::Rows;
use crate::gguf::{self, Gguf};
use crate::job::Model;
use crate::measure::{Subject, proof};
use crate::os::{FileFacts, ModelFile, Os, OsError, keep, kept};
use crate::quant::cost;
use crate::record::{NotedPlan, Storage, TypeShare, Variant};
use crate::repack::RepackError;
use crate::unit::{ByteRange, Bytes, FileOffset};

/// Why a model can't be measured.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The job gives no path, and the session that is resumed knew one.
    #[error("its path isn't known here: name the model file again")]
    NoPath,
    /// The system refused.
    #[error(transparent)]
    Os(#[from] OsError),
    /// The file isn't a GGUF, or not a whole one.
    #[error(transparent)]
    Gguf(#[from] gguf::Error),
    /// The file holds no tensors.
    #[error("it holds a vocabulary and no tensors: there is nothing to bring into memory")]
    VocabularyOnly,
    /// Its copy in another arrangement can't be made.
    #[error("the copy can't be made")]
    Copy(#[source] Box<RepackError>),
    /// Its copy in another arrangement holds something else.
    #[error(
        "its copy in {} doesn't hold the model's tensors any more: remove it, and it is made again", path.display()
    )]
    OtherPayload {
        /// Where the copy lies.
        path: PathBuf,
    },
    /// The session that is resumed measured other bytes.
    #[error("its {what} differs from the report's: the file was changed since, or it is another one")]
    Changed {
        /// What differs.
        what: &'static str,
    },
}

/// A model file whose header was read.
pub(super) struct Examined {
    name: String,
    facts: FileFacts,
    pub subject: Subject,
    architecture: Option<String>,
    plan: Option<NotedPlan>,
    /// The longest conversation that it was made for.
    pub context_tokens: Option<u32>,
    /// In header order.
    tensors: Vec<Extent>,
    /// The payload hash of the model that this is a copy of in another arrangement.
    copy_of: Option<String>,
}

struct Extent {
    name: String,
    kind: String,
    data: ByteRange,
    row: Bytes,
}

impl Examined {
    /// Reads the header. Nothing but the header is read.
    pub fn new(os: &dyn Os, model: &Model) -> Result<Self, SessionError> {
        Self::read(os, model).map_err(|source| SessionError::model(&model.name, source))
    }

    fn read(os: &dyn Os, model: &Model) -> Result<Self, ModelError> {
        let path = model.path.as_deref().ok_or(ModelError::NoPath)?;
        let file = os.open(path)?;
        let mapping = file.map()?;
        let gguf = Gguf::parse(mapping.bytes())?;
        if gguf.tensors.is_empty() {
            return Err(ModelError::VocabularyOnly);
        }
        let extent = |tensor: &gguf::Tensor<'_>| Extent {
            name: tensor.name.to_owned(),
            kind: tensor.ggml_type.to_string(),
            data: tensor.data,
            row: Bytes(tensor.data.len.0 / (tensor.dims.elements() / tensor.dims.row().max(1)).max(1)),
        };
        let tensors: Vec<Extent> = gguf.tensors.iter().map(extent).collect();
        let extents = tensors.iter().map(|tensor| tensor.data).collect();
        let architecture = gguf.metadata.str("general.architecture")?.map(str::to_owned);
        let key = format!("{}.context_length", architecture.as_deref().unwrap_or_default());
        let context = gguf.metadata.unsigned(&key).ok().flatten();
        Ok(Examined {
            name: model.name.clone(),
            facts: file.facts().clone(),
            subject: Subject::new(path.to_owned(), file.facts(), extents),
            architecture,
            plan: cost::noted_plan(&gguf),
            context_tokens: context.and_then(|tokens| u32::try_from(tokens).ok()),
            tensors,
            copy_of: None,
        })
    }

    /// The same, known to be a copy of the model with that payload.
    pub fn copy_of(self, payload_hash: String) -> Self {
        Examined { copy_of: Some(payload_hash), ..self }
    }

    /// Where the tensor data begin: what is sampled begins there.
    pub fn data_start(&self) -> FileOffset {
        self.tensors.iter().map(|tensor| tensor.data.start).min().unwrap_or_default()
    }

    /// What lies before them: an engine reads it when it opens the file.
    pub fn header(&self) -> ByteRange {
        ByteRange { start: FileOffset(0), len: Bytes(self.data_start().0) }
    }

    /// Where each tensor lies.
    pub fn rows(&self) -> HashMap<&str, Rows> {
        let rows = |tensor: &Extent| Rows { data: tensor.data, row: tensor.row };
        self.tensors.iter().map(|tensor| (tensor.name.as_str(), rows(tensor))).collect()
    }

    /// Whether the file's pages may be cached elsewhere, too.
    pub fn is_shared(&self) -> bool {
        matches!(self.facts.storage, Storage::Fuse | Storage::Network)
    }

    /// The same bytes as an earlier segment measured?
    pub fn check(&self, now: &Variant, earlier: &[Variant]) -> Result<(), SessionError> {
        let Some(then) = earlier.iter().find(|variant| variant.name == self.name) else { return Ok(()) };
        let parts = [
            ("length", now.file_bytes == then.file_bytes),
            ("payload hash", now.payload_hash == then.payload_hash),
            ("layout hash", now.layout_hash == then.layout_hash),
        ];
        match parts.iter().find(|(_, same)| !same) {
            None => Ok(()),
            Some(&(what, _)) => Err(SessionError::model(&self.name, ModelError::Changed { what })),
        }
    }

    /// Knows the model by its content: reads every tensor once, unless it did before and the file is unchanged.
    pub fn identify(&self, os: &dyn Os, cache: Option<&Path>) -> Result<Variant, ModelError> {
        let FileFacts { len, device, inode, modified_ns, .. } = self.facts;
        let name = format!("payload-{device:x}-{inode:x}-{len}-{modified_ns:x}", len = len.0);
        let known = cache.and_then(|folder| kept(folder, &name)).filter(|text| is_hash(text));
        let payload_hash = match known {
            Some(hash) => hash,
            None => {
                let hash = self.payload_hash(&*os.open(&self.subject.path)?)?;
                cache.map(|folder| keep(folder, &name, &hash));
                hash
            }
        };
        match &self.copy_of {
            Some(model) if *model != payload_hash => {
                Err(ModelError::OtherPayload { path: self.subject.path.clone() })
            }
            _ => Ok(self.variant(payload_hash)),
        }
    }

    /// BLAKE3 of the tensors' own hashes, sorted by name; a tensor's covers its name, type and bytes.
    fn payload_hash(&self, file: &dyn ModelFile) -> Result<String, OsError> {
        let mut by_name = BTreeMap::new();
        for tensor in &self.tensors {
            let mut hasher = blake3::Hasher::new();
            hasher.update(format!("{}\0{}\0", tensor.name, tensor.kind).as_bytes());
            file.read_through(tensor.data, &mut |piece| {
                hasher.update(piece);
            })?;
            by_name.insert(&tensor.name, hasher.finalize());
        }
        let mut all = blake3::Hasher::new();
        by_name.values().for_each(|hash| {
            all.update(hash.as_bytes());
        });
        Ok(all.finalize().to_hex().to_string())
    }

    /// BLAKE3 of names, types and offsets, in the order of the file.
    fn layout_hash(&self) -> String {
        let mut in_file: Vec<&Extent> = self.tensors.iter().collect();
        in_file.sort_unstable_by_key(|tensor| (tensor.data.start.0, tensor.data.len.0));
        let mut hasher = blake3::Hasher::new();
        for Extent { name, kind, data, .. } in in_file {
            hasher.update(format!("{name}\0{kind}\0{}\0{}\n", data.start.0, data.len.0).as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    fn variant(&self, payload_hash: String) -> Variant {
        Variant {
            name: self.name.clone(),
            file_bytes: self.facts.len.0,
            payload_hash,
            layout_hash: self.layout_hash(),
            architecture: self.architecture.clone(),
            tensors: u32::try_from(self.tensors.len()).unwrap_or(u32::MAX),
            tensors_by_offset: self.tensors.is_sorted_by_key(|tensor| tensor.data.start.0),
            types: self.types(),
            plan: self.plan.clone(),
            file_system: self.facts.file_system.clone(),
            storage: self.facts.storage,
            readahead_bytes: self.facts.readahead.map(|bytes| bytes.0),
            largest_request_bytes: self.facts.largest_request.map(|bytes| bytes.0),
            residency_self_test: self.subject.self_test,
        }
    }

    fn types(&self) -> Vec<TypeShare> {
        let mut types: BTreeMap<&str, (u32, Bytes)> = BTreeMap::new();
        for tensor in &self.tensors {
            let (tensors, bytes) = types.entry(&tensor.kind).or_default();
            *tensors += 1;
            *bytes = *bytes + tensor.data.len;
        }
        let share =
            |(name, (tensors, Bytes(bytes))): (&str, _)| TypeShare { name: name.to_owned(), tensors, bytes };
        let mut shares: Vec<TypeShare> = types.into_iter().map(share).collect();
        shares.sort_by_key(|share| std::cmp::Reverse(share.bytes));
        shares
    }

    /// Asks whether residency can say no of this file.
    pub fn self_test(&mut self, os: &dyn Os) -> Result<(), ModelError> {
        let file = os.open(&self.subject.path)?;
        let mapping = file.map()?;
        self.subject.self_test = proof::self_test(os, &*file, &*mapping)?;
        Ok(())
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
