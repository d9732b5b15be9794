//! The running backend: a design executed on the embedded default.
//!
//! The outer half serves: [`world`] is the clock, chance and ids, [`identity`] says who asks.

pub mod folder;
pub mod identity;
pub mod world;

#[cfg(test)]
mod testing;
