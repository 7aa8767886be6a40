//! The steps of a layer, forward and backward. Each backward is the transposed derivative of its forward, written out;
//! finite differences hold them together (tests/fim/gradients.rs).

mod attention;
mod exp;
mod gate;
mod norm;
mod rope;
mod sum;
mod wide;

pub use attention::{Attention, Window};
pub use exp::exp;
pub use gate::Activation;
pub use norm::{Norm, norm, norm_back};
pub use rope::{Pairing, Rope};
pub use sum::{dot, sum};
pub use wide::wide;
