//! The running backend: a design executed on the embedded default.
//!
//! The outer half serves: [`world`] is the clock, chance and ids, [`identity`] says who asks,
//! [`externals`] is the door to other systems. The inner half executes behind [`backend::Backend`].

pub mod admin;
pub mod backend;
pub mod backup;
pub mod engine;
pub mod externals;
pub mod feeds;
pub mod folder;
pub mod forms;
pub mod identity;
pub mod migrate;
pub mod serve;
pub mod sql;
mod start;
pub mod store;
pub mod trace;
pub mod webhooks;
pub mod world;

pub use engine::{Services, migration};
pub use identity::{ClaimNames, ExternalIssuer};
pub use start::{
    Ground, Options, Prepared, Running, StartError, Started, block_on, start, start_embedded,
};

#[cfg(test)]
mod testing;
