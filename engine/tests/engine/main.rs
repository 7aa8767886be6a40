//! The engine on small models made on the spot, and on real ones where they are there.

mod loading;
mod shared;
