//! Statistics of samples: what a sample looks like, and how far two arms differ when they were measured in the same
//! blocks. Pure numbers; what counts as faster, slower or same is `compare`'s to say.

mod summary;

pub use summary::Summary;
