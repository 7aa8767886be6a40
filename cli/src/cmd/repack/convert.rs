//! From safetensors to GGUF: what llama.cpp's converter is for, said with the command to type.

use std::path::Path;

use anyhow::Context;
use packbench_core::layout::{Format, Layout, ModelFiles, TensorExtent};
use packbench_core::os::Os;
use packbench_core::unit::Bytes;

/// What to do instead, if `out` is to be a GGUF and `model` is none.
pub fn advice(os: &dyn Os, model: &Path, out: &Path) -> anyhow::Result<Option<String>> {
    let wanted = out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    if !wanted {
        return Ok(None);
    }
    let named = || model.display().to_string();
    let files = ModelFiles::open(os, model).with_context(named)?;
    match files.format() {
        Format::Gguf => Ok(None),
        Format::Safetensors => Ok(Some(text(&files.layout().with_context(named)?, model, out))),
    }
}

fn text(layout: &Layout, model: &Path, out: &Path) -> String {
    let folder = model.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let outtype = outtype(layout);
    let bytes: Bytes = layout.tensors.iter().map(converted).sum();
    format!(
        "nothing was done: safetensors become GGUF by llama.cpp's converter, which also writes the vocabulary:

  python convert_hf_to_gguf.py {folder} --outfile {out} --outtype {outtype}

It takes the folder with config.json and the tokenizer's files beside the model, and gives {out} as GGUF v3, aligned to
32 bytes: about {bytes} of tensors, matrices as {outtype}, vectors as f32. It takes the tensors of each file by name
(layer 0, 1, 10, 11 … 2, 20 …), whatever their order. So repack what it gives:

  packbench repack {out} {forward} --order forward",
        folder = shell(folder),
        out = shell(out),
        forward = shell(&out.with_extension("forward.gguf")),
    )
}

/// What the converter's own `--outtype auto` comes to: the type of the first matrix decides.
fn outtype(layout: &Layout) -> &'static str {
    let matrix = layout.tensors.iter().find(|tensor| tensor.shape.len() > 1);
    if matrix.is_some_and(|matrix| matrix.kind == "BF16") { "bf16" } else { "f16" }
}

fn converted(tensor: &TensorExtent) -> Bytes {
    let each = if tensor.shape.len() > 1 { 2 } else { 4 };
    Bytes(tensor.shape.iter().fold(each, |bytes: u64, &dim| bytes.saturating_mul(dim)))
}

/// As a shell takes it for one word.
fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
