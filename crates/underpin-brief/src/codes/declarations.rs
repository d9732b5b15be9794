//! Codes U02xx: names and declarations.

codes! {}
