//! Codes U04xx: what a command or policy does.

codes! {}
