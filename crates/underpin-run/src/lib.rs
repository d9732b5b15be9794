//! The running backend: a design executed on the embedded default.
//!
//! The outer half serves: [`world`] is the clock, chance and ids, [`identity`] says who asks,
//! [`externals`] is the door to other systems. The inner half executes behind [`backend::Backend`].

pub mod backend;
pub mod externals;
pub mod folder;
pub mod identity;
pub mod serve;
pub mod store;
pub mod trace;
pub mod world;

#[cfg(test)]
mod testing;
