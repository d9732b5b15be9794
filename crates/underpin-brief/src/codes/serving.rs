//! Codes U06xx: declared but not served.

codes! {}
