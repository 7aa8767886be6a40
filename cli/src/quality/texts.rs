//! Texts, and the tokens that they come to.

use std::path::PathBuf;

use anyhow::Context;
use packbench_core::job::Prompt;
use packbench_core::measure::engine::LoadedModel;
use packbench_core::record::Text;
use packbench_engine::LoadedLlama;

/// Texts that were read.
pub struct Texts {
    /// What they are known by.
    pub facts: Vec<Text>,
    contents: Vec<String>,
}

impl Texts {
    /// Reads them.
    pub fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut texts = Texts { facts: Vec::new(), contents: Vec::new() };
        for path in paths {
            let content = std::fs::read_to_string(path)
                .with_context(|| format!("{}: expected a text in UTF-8", path.display()))?;
            texts.facts.push(Text {
                name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                bytes: content.len() as u64,
                hash: blake3::hash(content.as_bytes()).to_hex().to_string(),
            });
            texts.contents.push(content);
        }
        Ok(texts)
    }

    /// Their names, joined as the published files do.
    pub fn names(&self) -> String {
        self.facts.iter().map(|text| text.name.as_str()).collect::<Vec<_>>().join("+")
    }
}

/// The tokens of all texts, one behind the other, without what a model wants in front of each.
pub fn tokens(model: &LoadedLlama<'_>, texts: &Texts) -> anyhow::Result<Vec<u32>> {
    let mut all = Vec::new();
    for (content, facts) in texts.contents.iter().zip(&texts.facts).filter(|(content, _)| !content.is_empty())
    {
        let tokens = model.tokens(&Prompt::Text(content.clone())).with_context(|| facts.name.clone())?;
        let tokens = tokens.strip_prefix(model.beginning().as_slice()).unwrap_or(&tokens);
        all.extend(tokens.iter().map(|token| token.0));
    }
    Ok(all)
}
