//! The running backend: a design executed on the embedded default.
