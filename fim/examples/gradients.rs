//! Writes small models of each architecture and their gradients, for fim/examples/torch-gradients.py to hold against PyTorch's.
//!
//! `cargo run -p packbench-fim --example gradients FOLDER`

use std::path::PathBuf;

use packbench_core::gguf::Gguf;
use packbench_core::gguf::sample::{Architecture, TinyModel};
use packbench_fim::{LabelSource, Model, Par, gradients};

const TOKENS: u32 = 24;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("expected a folder to write to")?);
    for architecture in [Architecture::Llama, Architecture::Qwen2, Architecture::Gemma3] {
        let folder = folder.join(architecture.name());
        std::fs::create_dir_all(&folder)?;
        let bytes = TinyModel { architecture, ..TinyModel::new(6) }.bytes();
        std::fs::write(folder.join("model.gguf"), &bytes)?;
        let model = Model::new(Gguf::parse(&bytes)?, None)?;
        let text: Vec<u32> = (0..TOKENS).map(|index| (1000 + 7919 * index) % 320).collect();
        for (name, gradient) in gradients::gradients(&model, &text, LabelSource::Data(&text), Par::Seq)? {
            let bytes: Vec<u8> = gradient.data.iter().flat_map(|number| number.to_le_bytes()).collect();
            std::fs::write(folder.join(name).with_extension("f32"), bytes)?;
        }
    }
    Ok(())
}
