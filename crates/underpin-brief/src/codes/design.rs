//! Codes U05xx: feasibility and the design.

codes! {
    U0500
    U0501
    U0502
    U0503
}
