//! Codes U03xx: expressions and types.

codes! {}
