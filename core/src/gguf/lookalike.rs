//! What a file is that was taken for a GGUF.

/// Something else that lies where a GGUF was expected, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum Lookalike {
    /// The stand-in that git leaves for a large file.
    #[strum(to_string = "a git-lfs pointer: the model itself was not downloaded, run `git lfs pull`")]
    LfsPointer,
    /// What a server sends instead of a file that needs a login or doesn't exist.
    #[strum(to_string = "a web page: the download gave no model, try its address in a browser")]
    Html,
    /// Hugging Face's tensor container.
    #[strum(to_string = "a safetensors file: convert it with llama.cpp's convert_hf_to_gguf.py")]
    Safetensors,
    /// An archive, PyTorch checkpoints included.
    #[strum(to_string = "a zip archive: unpack it, or convert it if it is a PyTorch checkpoint")]
    Zip,
    /// A compressed file.
    #[strum(to_string = "a gzip file: decompress it first")]
    Gzip,
    /// A model of llama.cpp from before GGUF.
    #[strum(to_string = "a GGML file from before GGUF: convert the original model again")]
    Ggml,
}

impl Lookalike {
    /// Recognises a file by its first bytes.
    pub fn of(head: &[u8]) -> Option<Self> {
        const PREFIXES: [(&[u8], Lookalike); 8] = [
            (b"version https://git-lfs", Lookalike::LfsPointer),
            (b"PK\x03\x04", Lookalike::Zip),
            (b"\x1f\x8b", Lookalike::Gzip),
            // magics of one u32, little-endian: "ggml", "ggmf", "ggjt", "ggla"
            (b"lmgg", Lookalike::Ggml),
            (b"fmgg", Lookalike::Ggml),
            (b"tjgg", Lookalike::Ggml),
            (b"algg", Lookalike::Ggml),
            (b"<!--", Lookalike::Html),
        ];
        let prefixed = PREFIXES.iter().find(|(prefix, _)| head.starts_with(prefix));
        prefixed.map(|&(_, kind)| kind).or_else(|| html(head)).or_else(|| safetensors(head))
    }
}

fn html(head: &[u8]) -> Option<Lookalike> {
    let head = head[..head.len().min(64)].trim_ascii_start();
    [&b"<!doctype"[..], b"<html", b"<head"]
        .iter()
        .any(|tag| head.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)))
        .then_some(Lookalike::Html)
}

/// A safetensors file is the length of its header (u64) and the header, a JSON object.
fn safetensors(head: &[u8]) -> Option<Lookalike> {
    let (len, json) = head.split_first_chunk()?;
    let plausible = u64::from_le_bytes(*len) < 1 << 32;
    (plausible && json.trim_ascii_start().starts_with(b"{")).then_some(Lookalike::Safetensors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_pass_by_mistake_is_recognised() {
        for (head, expected) in [
            (&b"version https://git-lfs.github.com/spec/v1\n"[..], Some(Lookalike::LfsPointer)),
            (b"\n <!DOCTYPE html><html>", Some(Lookalike::Html)),
            (b"<HTML>", Some(Lookalike::Html)),
            (b"\x40\x00\x00\x00\x00\x00\x00\x00{\"__metadata__\"", Some(Lookalike::Safetensors)),
            (b"PK\x03\x04\x14", Some(Lookalike::Zip)),
            (b"tjgg\x03\x00", Some(Lookalike::Ggml)),
            (b"\x7fELF", None),
            (b"", None),
        ] {
            assert_eq!(Lookalike::of(head), expected, "{}", head.escape_ascii());
        }
    }
}
