//! Model files made on the spot, for tests and benches of every crate: small, real and the same each time.
//! Behind the feature `samples`.

mod hollow;
mod model;
mod vocabulary;

pub use hollow::hollow;
pub use model::{Architecture, LayerOrder, TinyModel, Traits};
pub use vocabulary::vocabulary;
