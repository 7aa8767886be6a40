//! Model files made on the spot, for tests and benches of every crate: small, real and the same each time.
//! Behind the feature `samples`.

mod llama;
mod vocabulary;

pub use llama::{LayerOrder, TinyLlama};
pub use vocabulary::vocabulary;
