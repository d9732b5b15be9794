//! The deliverables: a design becomes files (path and bytes).
