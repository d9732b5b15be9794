//! Codes U04xx: what a command or policy does.

codes! {
    U0401
    U0402
    U0403
    U0404
    U0405
    U0406
    U0407
    U0408
    U0409
}
