//! What llama.cpp says. It logs through one function for the whole process; the lines of a call are kept for the thread
//! that made it, and nothing is shown.

use std::cell::RefCell;

use packbench_core::unit::Bytes;

/// Lines kept of one call: more than llama.cpp says without a model that floods it. Quantizing takes two a tensor.
const MOST_LINES: usize = 1 << 16;

thread_local! {
    static KEPT: RefCell<Option<Log>> = const { RefCell::new(None) };
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What was done.
    Info,
    /// A warning or an error.
    Trouble,
}

/// The lines of one call.
#[derive(Debug, Default)]
pub struct Log(Vec<(Level, String)>);

/// Runs `work` and answers what llama.cpp said on this thread meanwhile.
pub fn capture<T>(work: impl FnOnce() -> T) -> (T, Log) {
    let outer = KEPT.replace(Some(Log::default()));
    let answer = work();
    (answer, KEPT.replace(outer).unwrap_or_default())
}

/// Keeps a line if this thread is in [`capture`].
pub fn keep(level: Level, text: &str) {
    let text = text.trim();
    // The buffer is missing when a thread that ends still logs.
    let _ = KEPT.try_with(|kept| {
        if let Some(log) =
            kept.borrow_mut().as_mut().filter(|log| !text.is_empty() && log.0.len() < MOST_LINES)
        {
            log.0.push((level, text.to_owned()));
        }
    });
}

impl Log {
    /// All of them, in order.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, text)| text.as_str())
    }

    /// The last thing that went wrong, or the last line.
    pub fn complaint(&self) -> String {
        // llama.cpp closes with a line that says no more than that it failed.
        let says_why = |line: &&(Level, String)| {
            line.0 == Level::Trouble && !line.1.contains("failed to load model") && !line.1.contains("_impl:")
        };
        let line = self.0.iter().rev().find(says_why).or(self.0.last());
        line.map_or_else(|| "it said nothing".to_owned(), |(_, text)| text.clone())
    }

    /// What is quoted after `words` in a line that went wrong.
    pub fn quoted_after(&self, words: &str) -> Option<String> {
        self.0.iter().find_map(|(_, text)| {
            let (_, rest) = text.split_once(words)?;
            Some(rest.split('\'').nth(1)?.to_owned())
        })
    }

    /// Whether a line that went wrong holds these words.
    pub fn complains_of(&self, words: &str) -> bool {
        self.0.iter().any(|(level, text)| *level == Level::Trouble && text.contains(words))
    }

    /// The buffers that weights were put into: `load_tensors: CPU_Mapped model buffer size = 93.51 MiB`.
    pub fn buffers(&self) -> impl Iterator<Item = (&str, Bytes)> {
        self.0.iter().filter_map(|(_, text)| {
            let (name, size) = text.split_once("model buffer size =")?;
            let mib: f64 = size.trim().strip_suffix("MiB")?.trim().parse().ok()?;
            Some((name.rsplit(':').next()?.trim(), Bytes((mib * 1024.0 * 1024.0) as u64)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_with_their_call() {
        keep(Level::Info, "nobody listens");
        let ((), log) = capture(|| {
            keep(Level::Info, "load_tensors:   CPU_Mapped model buffer size =     1.50 MiB\n");
            keep(Level::Info, "load_tensors:   CPU_REPACK model buffer size =     0.25 MiB\n");
            keep(Level::Trouble, "error loading model: unknown model architecture: 'xyz'\n");
            keep(Level::Trouble, "llama_model_load_from_file_impl: failed to load model\n");
            keep(Level::Info, "\n");
        });
        assert_eq!(log.complaint(), "error loading model: unknown model architecture: 'xyz'");
        assert_eq!(log.quoted_after("unknown model architecture").as_deref(), Some("xyz"));
        let buffers: Vec<_> = log.buffers().collect();
        assert_eq!(buffers, [("CPU_Mapped", Bytes(3 << 19)), ("CPU_REPACK", Bytes(1 << 18))]);
        assert_eq!(capture(|| ()).1.complaint(), "it said nothing");
    }
}
