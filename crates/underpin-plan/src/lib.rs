//! The planner: a brief becomes a design.
