//! All calls into llama.cpp. Everything that it hands out is owned by a type of this file and freed when that is
//! dropped; nothing outside sees a pointer.

use std::ffi::{CStr, CString, c_char, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use llama_cpp_sys_2 as sys;

use crate::log::{self, Level};

/// Readies llama.cpp. Must come before anything else; more than once does nothing.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        // SAFETY: the callback lives as long as the process and takes no user data; `Once` keeps other threads away.
        unsafe {
            sys::llama_log_set(Some(on_log), ptr::null_mut());
            sys::llama_backend_init();
        }
    });
}

/// llama.cpp's version and ggml's.
pub fn versions() -> (String, String) {
    // SAFETY: both answer a constant string.
    unsafe { (text(sys::llama_version()), text(sys::ggml_version())) }
}

/// The devices that llama.cpp can compute on, in its order.
pub fn backends() -> String {
    // SAFETY: devices are registered once, at start, and live as long as the process.
    let names = unsafe {
        (0..sys::ggml_backend_dev_count())
            .map(|index| text(sys::ggml_backend_dev_name(sys::ggml_backend_dev_get(index))))
            .collect::<Vec<_>>()
    };
    names.join(", ")
}

/// # Safety
/// `text` must be null or a string that ends with 0 and lives through this call.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as of this function.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// llama.cpp logs through this from any thread.
unsafe extern "C" fn on_log(level: sys::ggml_log_level, line: *const c_char, _: *mut c_void) {
    let level = match level {
        sys::GGML_LOG_LEVEL_WARN | sys::GGML_LOG_LEVEL_ERROR => Level::Trouble,
        sys::GGML_LOG_LEVEL_INFO => Level::Info,
        _ => return,
    };
    // SAFETY: llama.cpp hands over a string that lives through this call.
    log::keep(level, &unsafe { text(line) });
}

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
    raw: NonNull<sys::llama_model>,
    cancel: &'a AtomicBool,
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

fn pointer(flag: &AtomicBool) -> *mut c_void {
    ptr::from_ref(flag).cast_mut().cast()
}

/// # Safety
/// `flag` must come from [`pointer`], and what that was given must live.
unsafe fn is_set(flag: *mut c_void) -> bool {
    // SAFETY: as of this function; it is only read, atomically.
    unsafe { &*flag.cast::<AtomicBool>() }.load(Ordering::Relaxed)
}

unsafe extern "C" fn on_progress(_: f32, cancel: *mut c_void) -> bool {
    // SAFETY: `Model::load` gave it and waits for the end of the load.
    unsafe { !is_set(cancel) }
}

unsafe extern "C" fn on_abort(cancel: *mut c_void) -> bool {
    // SAFETY: `Context::new` gave it, from a model that the context borrows.
    unsafe { is_set(cancel) }
}

/// What is called after each operation of a graph.
pub type Watcher<'m> = Box<dyn FnMut(Node<'_>) + 'm>;

/// The memory of one conversation, freed when dropped.
pub struct Context<'m> {
    raw: NonNull<sys::llama_context>,
    vocabulary: usize,
    /// llama.cpp holds the address of the inner box.
    _watcher: Option<Box<Watcher<'m>>>,
    _model: PhantomData<&'m Model<'m>>,
}

impl<'m> Context<'m> {
    /// A context of `tokens` tokens, computed by `threads` threads; `None` when llama.cpp can't, which it explains in
    /// its log. With a watcher each operation is computed by itself and shown; that takes longer.
    pub fn new(
        model: &'m Model<'m>,
        tokens: u32,
        threads: u32,
        watcher: Option<Watcher<'m>>,
    ) -> Option<Self> {
        let mut watcher = watcher.map(Box::new);
        let threads = i32::try_from(threads.max(1)).unwrap_or(i32::MAX);
        // SAFETY: the model outlives the context, and so does its flag; the watcher is kept beside the context, at a
        // fixed address, and is called only inside `decode`, which borrows the context for itself.
        let raw = unsafe {
            let mut parameters = sys::llama_context_default_params();
            parameters.n_ctx = tokens.max(1);
            parameters.n_batch = tokens.max(1);
            parameters.n_threads = threads;
            parameters.n_threads_batch = threads;
            parameters.no_perf = true;
            parameters.abort_callback = Some(on_abort);
            parameters.abort_callback_data = pointer(model.cancel);
            if let Some(watcher) = watcher.as_deref_mut() {
                parameters.cb_eval = Some(on_node);
                parameters.cb_eval_user_data = ptr::from_mut(watcher).cast();
            }
            sys::llama_init_from_model(model.raw.as_ptr(), parameters)
        };
        let raw = NonNull::new(raw)?;
        Some(Context { raw, vocabulary: model.vocabulary() as usize, _watcher: watcher, _model: PhantomData })
    }

    /// Forgets all tokens.
    pub fn clear(&mut self) {
        // SAFETY: the context lives, and is ours alone. Its memory may be null, which the call allows.
        unsafe { sys::llama_memory_clear(sys::llama_get_memory(self.raw.as_ptr()), true) };
    }

    /// Computes `tokens`, the next of the conversation: at most as many as the context holds, and each one known to
    /// the model. 0 is good, 1 a full context, 2 an abort, others are failures.
    pub fn decode(&mut self, tokens: &mut [i32]) -> i32 {
        let count = i32::try_from(tokens.len()).expect("a context holds fewer tokens than i32 counts");
        // SAFETY: the batch borrows `tokens` for the time of the call only.
        unsafe {
            let batch = sys::llama_batch_get_one(tokens.as_mut_ptr(), count);
            sys::llama_decode(self.raw.as_ptr(), batch)
        }
    }

    /// The logits of the token that was computed last, one for each token of the vocabulary.
    pub fn logits(&mut self) -> Option<&[f32]> {
        // SAFETY: after `decode` llama.cpp owns a row of logits for its last token; the borrow of `self` keeps the next
        // `decode` away.
        unsafe {
            let first = NonNull::new(sys::llama_get_logits_ith(self.raw.as_ptr(), -1))?;
            Some(std::slice::from_raw_parts(first.as_ptr(), self.vocabulary))
        }
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        // SAFETY: the context is ours; the watcher is dropped after it.
        unsafe { sys::llama_free(self.raw.as_ptr()) };
    }
}

/// Called before (`ask`) and after each operation.
unsafe extern "C" fn on_node(tensor: *mut sys::ggml_tensor, ask: bool, watcher: *mut c_void) -> bool {
    if !ask {
        // SAFETY: `Context::new` gave the watcher, which lives as long as the context and is used by this thread alone;
        // llama.cpp hands over an operation of the graph that it is computing.
        unsafe { (*watcher.cast::<Watcher<'_>>())(Node(&*tensor)) };
    }
    true
}

/// An operation that has just been computed.
#[derive(Clone, Copy)]
pub struct Node<'g>(&'g sys::ggml_tensor);

/// A tensor that an operation reads.
#[derive(Clone, Copy)]
pub struct Source<'g>(&'g sys::ggml_tensor);

/// Which parts of its first source an operation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picks {
    /// Rows, by the numbers in the second source.
    Rows,
    /// Matrices of experts, by the numbers in the third.
    Experts,
    /// No parts.
    Nothing,
}

impl<'g> Node<'g> {
    /// `MUL_MAT`, `GET_ROWS` …
    pub fn operation(self) -> String {
        // SAFETY: answers a constant string for each operation of a graph.
        unsafe { text(sys::ggml_op_name(self.0.op)) }
    }

    /// Whether it computes something: views of a tensor read none of it, and a graph also holds branches that are not
    /// taken.
    pub fn computes(self) -> bool {
        use sys::{GGML_OP_NONE, GGML_OP_PERMUTE, GGML_OP_RESHAPE, GGML_OP_TRANSPOSE, GGML_OP_VIEW};
        let views = [GGML_OP_NONE, GGML_OP_PERMUTE, GGML_OP_RESHAPE, GGML_OP_TRANSPOSE, GGML_OP_VIEW];
        let is_taken = self.0.flags.cast_unsigned() & sys::GGML_TENSOR_FLAG_COMPUTE != 0;
        is_taken && !views.contains(&self.0.op)
    }

    /// How it reads its first source.
    pub fn picks(self) -> Picks {
        match self.0.op {
            sys::GGML_OP_GET_ROWS => Picks::Rows,
            sys::GGML_OP_MUL_MAT_ID => Picks::Experts,
            _ => Picks::Nothing,
        }
    }

    /// What it reads, in order.
    pub fn sources(self) -> impl Iterator<Item = Source<'g>> {
        // SAFETY: sources are null or tensors of the graph, which lives as long as its operations.
        self.0.src.iter().filter_map(|&source| unsafe { source.as_ref() }).map(Source)
    }
}

impl<'g> Source<'g> {
    /// The tensor that this is a view of, or itself.
    pub fn whole(self) -> Self {
        let mut tensor = self.0;
        // SAFETY: a view's source is a tensor of the graph or a weight: both outlive the operation.
        while let Some(viewed) = unsafe { tensor.view_src.as_ref() } {
            tensor = viewed;
        }
        Source(tensor)
    }

    /// Whether it is a weight of the model.
    pub fn is_weight(self) -> bool {
        // SAFETY: a tensor's buffer is null or lives as long as the tensor.
        !self.0.buffer.is_null()
            && unsafe { sys::ggml_backend_buffer_get_usage(self.0.buffer) }
                == sys::GGML_BACKEND_BUFFER_USAGE_WEIGHTS
    }

    /// Its name in the file.
    pub fn name(self) -> String {
        // SAFETY: ggml ends names with 0.
        unsafe { text(self.0.name.as_ptr()) }
    }

    /// All of it, in bytes.
    pub fn bytes(self) -> u64 {
        // SAFETY: the tensor lives.
        unsafe { sys::ggml_nbytes(self.0) as u64 }
    }

    /// One row, or one expert's matrix, in bytes.
    pub fn part_bytes(self, picks: Picks) -> u64 {
        match picks {
            Picks::Rows => self.0.nb[1] as u64,
            Picks::Experts => self.0.nb[2] as u64,
            Picks::Nothing => self.bytes(),
        }
    }

    /// The numbers in it; `None` unless it holds whole numbers in memory of the processor's.
    pub fn numbers(self) -> Option<Vec<u32>> {
        let tensor = self.0;
        // SAFETY: a tensor's buffer is null or lives as long as the tensor.
        let readable = !tensor.data.is_null()
            && !tensor.buffer.is_null()
            && unsafe { sys::ggml_backend_buffer_is_host(tensor.buffer) };
        if !readable || tensor.type_ != sys::GGML_TYPE_I32 {
            return None;
        }
        let at = |row: i64, column: i64| {
            let distance = row as usize * tensor.nb[1] + column as usize * tensor.nb[0];
            // SAFETY: row and column are below the tensor's dimensions, whose strides place them within its data.
            unsafe { tensor.data.cast::<u8>().add(distance).cast::<i32>().read_unaligned() }
        };
        let rows = tensor.ne[1];
        let all = (0..rows).flat_map(|row| (0..tensor.ne[0]).map(move |column| (row, column)));
        Some(all.filter_map(|(row, column)| u32::try_from(at(row, column)).ok()).collect())
    }
}
