//! Models, loaded.

use std::ffi::{CStr, CString, c_void};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering};

use super::sys;

/// How llama.cpp gets at the weights.
#[derive(Clone, Copy, Debug)]
pub enum LoadMode {
    /// By a mapping if the devices allow: its default.
    Auto,
    /// By a mapping, tensors that it would leave for later included.
    Mapped,
    /// By reading.
    Read,
    /// By reading past the page cache.
    Direct,
}

/// A loaded model, freed when dropped.
pub struct Model<'a> {
    pub(super) raw: NonNull<sys::llama_model>,
    pub(super) cancel: &'a AtomicBool,
}

impl<'a> Model<'a> {
    /// Loads the file at `path`; `None` when llama.cpp can't, which it explains in its log. Setting `cancel` ends it.
    pub fn load(path: &CStr, mode: LoadMode, extra_buffers: bool, cancel: &'a AtomicBool) -> Option<Self> {
        // SAFETY: `path` and `cancel` outlive the call, and the callback reads the latter as what it is. The device list
        // is static and ends with null.
        let raw = unsafe {
            let mut parameters = sys::llama_model_default_params();
            parameters.load_mode = match mode {
                LoadMode::Auto => sys::LLAMA_LOAD_MODE_AUTO,
                LoadMode::Mapped => sys::LLAMA_LOAD_MODE_MMAP,
                LoadMode::Read => sys::LLAMA_LOAD_MODE_NONE,
                LoadMode::Direct => sys::LLAMA_LOAD_MODE_DIRECT_IO,
            };
            if matches!(mode, LoadMode::Mapped) {
                parameters.lazy_mode = sys::LLAMA_LAZY_MODE_OFF;
            }
            parameters.n_gpu_layers = 0;
            parameters.use_extra_bufts = extra_buffers;
            parameters.progress_callback = Some(on_progress);
            parameters.progress_callback_user_data = pointer(cancel);
            sys::llama_model_load_from_file(path.as_ptr(), parameters)
        };
        Some(Model { raw: NonNull::new(raw)?, cancel })
    }

    fn vocab(&self) -> *const sys::llama_vocab {
        // SAFETY: the model lives; its vocabulary lives as long.
        unsafe { sys::llama_model_get_vocab(self.raw.as_ptr()) }
    }

    /// Tokens that the model knows.
    pub fn vocabulary(&self) -> u32 {
        // SAFETY: as of `vocab`.
        u32::try_from(unsafe { sys::llama_vocab_n_tokens(self.vocab()) }).unwrap_or(0)
    }

    /// The token that begins a text, where the model wants one.
    pub fn beginning(&self) -> Option<u32> {
        // SAFETY: as of `vocab`.
        let token = unsafe {
            let wants_one = sys::llama_vocab_get_add_bos(self.vocab());
            if wants_one { sys::llama_vocab_bos(self.vocab()) } else { -1 }
        };
        u32::try_from(token).ok()
    }

    /// Whether it can tell text from tokens.
    pub fn has_vocabulary(&self) -> bool {
        // SAFETY: as of `vocab`.
        unsafe { sys::llama_vocab_type(self.vocab()) != sys::LLAMA_VOCAB_TYPE_NONE }
    }

    /// Whether it answers a prompt token by token, without an encoder before.
    pub fn generates(&self) -> bool {
        // SAFETY: the model lives.
        unsafe {
            sys::llama_model_has_decoder(self.raw.as_ptr())
                && !sys::llama_model_has_encoder(self.raw.as_ptr())
        }
    }

    /// A short value of the metadata, as text.
    pub fn metadata(&self, key: &str) -> Option<String> {
        let key = CString::new(key).ok()?;
        let mut answer = [0u8; 64];
        // SAFETY: the model lives; key and answer outlive the call, which writes at most `answer.len()` bytes and ends
        // them with 0.
        let len = unsafe {
            let buffer = answer.as_mut_ptr().cast();
            sys::llama_model_meta_val_str(self.raw.as_ptr(), key.as_ptr(), buffer, answer.len())
        };
        let value = answer.get(..usize::try_from(len).ok()?)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// Layers, embedding length, heads, and heads of keys and values.
    pub fn shape(&self) -> [u64; 4] {
        let model = self.raw.as_ptr();
        // SAFETY: the model lives.
        let numbers = unsafe {
            [
                sys::llama_model_n_layer(model),
                sys::llama_model_n_embd(model),
                sys::llama_model_n_head(model),
                sys::llama_model_n_head_kv(model),
            ]
        };
        numbers.map(|number| u64::try_from(number).unwrap_or(0))
    }

    /// The tokens of `text`, with the mark of a beginning where the model wants one; `None` when there are too many to
    /// count.
    ///
    /// # Panics
    /// When the model has no vocabulary, see [`Self::has_vocabulary`]: llama.cpp would end the process.
    pub fn tokenize(&self, text: &str) -> Option<Vec<i32>> {
        assert!(self.has_vocabulary(), "the caller has asked");
        // About a token a byte, and the marks at both ends.
        let mut tokens = vec![0; text.len() + 8];
        let mut count = self.tokenize_into(text, &mut tokens)?;
        if count < 0 {
            tokens.resize(usize::try_from(count.checked_neg()?).ok()?, 0);
            count = self.tokenize_into(text, &mut tokens)?;
        }
        tokens.truncate(usize::try_from(count).ok()?);
        Some(tokens)
    }

    /// How many tokens `text` came to, or the negative of how many there would be room needed for.
    fn tokenize_into(&self, text: &str, tokens: &mut [i32]) -> Option<i32> {
        let (len, room) = (i32::try_from(text.len()).ok()?, i32::try_from(tokens.len()).ok()?);
        // SAFETY: text and tokens are as long as is said.
        Some(unsafe {
            let from = text.as_ptr().cast();
            sys::llama_tokenize(self.vocab(), from, len, tokens.as_mut_ptr(), room, true, false)
        })
    }
}

impl Drop for Model<'_> {
    fn drop(&mut self) {
        // SAFETY: the model is ours, and contexts borrow it, so none is left.
        unsafe { sys::llama_model_free(self.raw.as_ptr()) };
    }
}

pub(super) fn pointer(flag: &AtomicBool) -> *mut c_void {
    ptr::from_ref(flag).cast_mut().cast()
}

/// # Safety
/// `flag` must come from [`pointer`], and what that was given must live.
pub(super) unsafe fn is_set(flag: *mut c_void) -> bool {
    // SAFETY: as of this function; it is only read, atomically.
    unsafe { &*flag.cast::<AtomicBool>() }.load(Ordering::Relaxed)
}

unsafe extern "C" fn on_progress(_: f32, cancel: *mut c_void) -> bool {
    // SAFETY: `Model::load` gave it and waits for the end of the load.
    unsafe { !is_set(cancel) }
}
