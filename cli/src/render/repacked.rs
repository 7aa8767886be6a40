//! What `packbench repack` shows, while it copies and afterwards.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};
use packbench_core::layout::Order;
use packbench_core::record::{ReadBack, Repacked};
use packbench_core::repack::Repacking;
use packbench_core::unit::Bytes;

/// How far copying is, on standard error, if somebody watches there.
pub struct Copying {
    bar: Option<ProgressBar>,
}

impl Copying {
    /// Nothing yet.
    pub fn new() -> Self {
        let bar = stderr().is_terminal().then(ProgressBar::no_length);
        let style =
            ProgressStyle::with_template("{bar:24} {bytes}/{total_bytes} {bytes_per_sec} ({eta} left)");
        Copying { bar: bar.map(|bar| bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))) }
    }

    /// `done` of `of` bytes.
    pub fn show(&mut self, done: Bytes, of: Bytes) {
        if let Some(bar) = &self.bar {
            bar.set_length(of.0);
            bar.set_position(done.0);
            // What is still under way is the device's to tell.
            if done == of {
                bar.set_style(ProgressStyle::default_spinner());
                bar.set_message("waiting for storage");
            }
        }
    }

    /// No more.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What the new file is, and what is known of it.
pub fn repacked(repacked: &Repacked, repacking: &Repacking<'_>) -> String {
    let Repacked { format, order, alignment_bytes, files, tensors, tensor_bytes, file_bytes, .. } = repacked;
    let aligned = alignment_bytes.map(|bytes| format!(", aligned to {}", Bytes(bytes).exact()));
    let merged = if *files > 1 { format!(", merged from {files} files") } else { String::new() };
    let mut text = format!(
        "{}: {format}, {}, {tensors} tensors in the order {order}{}{merged}\n",
        repacking.out.display(),
        Bytes(*file_bytes),
        aligned.unwrap_or_default()
    );
    text += &format!(
        "all {} of tensors equal the model's, read back {}\n",
        Bytes(*tensor_bytes),
        from(repacked, repacking)
    );
    if let Order::Like(other) = &repacking.arrangement.order {
        let other = other.display();
        text += &match repacked.restores {
            true => format!(
                "header and padding are those of {other}: if its tensors are equal, too, this is the same file\n"
            ),
            false => format!(
                "{other} describes other tensors, other metadata, or another alignment was asked for: only its order, and its alignment unless one was asked for, were taken\n"
            ),
        };
    }
    text
}

fn from(repacked: &Repacked, repacking: &Repacking<'_>) -> &'static str {
    match (repacked.read_back, repacking.read_back) {
        (ReadBack::Storage, _) => "from storage",
        (ReadBack::Memory, ReadBack::Memory) => "from memory",
        (ReadBack::Memory, ReadBack::Storage) => {
            "from memory: here it can't be evicted to be read from storage"
        }
    }
}
