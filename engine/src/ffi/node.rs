//! What is shown of a graph while it is computed.

use super::{sys, text};

/// An operation that has just been computed.
#[derive(Clone, Copy)]
pub struct Node<'g>(pub(super) &'g sys::ggml_tensor);

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
