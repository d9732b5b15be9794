//! Codes U06xx: declared but not served.

codes! {
    U0690
    U0691
    U0692
    U0693
    U0694
    U0695
    U0696
}
