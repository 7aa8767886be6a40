//! Conversations with a model.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::model::{Model, is_set, pointer};
use super::node::Node;
use super::sys;

/// What is called after each operation of a graph.
pub type Watcher<'m> = Box<dyn FnMut(Node<'_>) + 'm>;

/// What a context is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To answer as apps have it answer.
    Conversation,
    /// To compare weights: keys and values are kept in single precision, so that nothing but the weights is rounded.
    Evaluation,
}

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
        purpose: Purpose,
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
            if purpose == Purpose::Evaluation {
                parameters.type_k = sys::GGML_TYPE_F32;
                parameters.type_v = sys::GGML_TYPE_F32;
                parameters.flash_attn_type = sys::LLAMA_FLASH_ATTN_TYPE_DISABLED;
            }
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

    /// As [`Self::decode`], and keeps the logits of each token instead of those of the last.
    pub fn decode_all(&mut self, tokens: &mut [i32]) -> i32 {
        let count = i32::try_from(tokens.len()).expect("a context holds fewer tokens than i32 counts");
        let mut wanted = vec![1_i8; tokens.len()];
        // SAFETY: the batch borrows `tokens` and `wanted`, of the same length, for the time of the call only.
        unsafe {
            let mut batch = sys::llama_batch_get_one(tokens.as_mut_ptr(), count);
            batch.logits = wanted.as_mut_ptr();
            sys::llama_decode(self.raw.as_ptr(), batch)
        }
    }

    /// The logits of the token that was computed last, one for each token of the vocabulary.
    pub fn logits(&mut self) -> Option<&[f32]> {
        let first = self.row(-1)?;
        // SAFETY: it is a row, and the borrow of `self` keeps the next decode away.
        Some(unsafe { std::slice::from_raw_parts(first, self.vocabulary) })
    }

    /// The logits of the `count` tokens that [`Self::decode_all`] was given, a row behind the other.
    pub fn all_logits(&mut self, count: usize) -> Option<&[f32]> {
        let last = count.checked_sub(1)?;
        let first = self.row(0)?;
        let are_behind = self.row(i32::try_from(last).ok()?)? == first.wrapping_add(last * self.vocabulary);
        // SAFETY: as above. llama.cpp puts the rows behind each other in the order of their tokens; that the last lies where
        // it must then was looked at.
        are_behind.then(|| unsafe { std::slice::from_raw_parts(first, count * self.vocabulary) })
    }

    /// Where the row of logits of a token lies.
    fn row(&mut self, index: i32) -> Option<*const f32> {
        // SAFETY: the context lives. After a decode it owns a row for each token that was asked for, and answers null for
        // others.
        let row = unsafe { sys::llama_get_logits_ith(self.raw.as_ptr(), index) };
        (!row.is_null()).then_some(row.cast_const())
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

unsafe extern "C" fn on_abort(cancel: *mut c_void) -> bool {
    // SAFETY: `Context::new` gave it, from a model that the context borrows.
    unsafe { is_set(cancel) }
}
