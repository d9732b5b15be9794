//! The brief: text to a checked, typed description of what a backend must do.
//!
//! Data flows `kdl` (text to nodes) → `resolve` (nodes to declarations with resolved names and
//! typed expressions) → `flow` (soundness of commands and policies) → [`Brief`](model::Brief).
//! This crate does no I/O, reads no clock and no random source, and knows no later stage.

pub mod codes;
pub mod diagnostic;
pub mod expr;
pub mod flow;
pub mod kdl;
pub mod model;
pub mod render;
pub mod resolve;
pub mod source;
pub mod suggest;
