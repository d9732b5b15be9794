//! Codes U05xx: feasibility and the design.

codes! {}
