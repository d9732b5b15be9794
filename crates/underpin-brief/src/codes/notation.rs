//! Codes U01xx: the notation (KDL).

codes! {
    U0101
}
