//! Codes U07xx: what clients see.

codes! {
    U0701
    U0702
    U0703
    U0704
    U0705
}
