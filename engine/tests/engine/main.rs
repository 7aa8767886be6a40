//! The engine on small models made on the spot, and on real ones where scripts/get-model has put them.

mod errors;
mod loading;
mod shared;
mod tokens;
mod trace;
