//! Codes U07xx: what clients see.

codes! {}
