//! Codes U03xx: expressions and types.

codes! {
    U0301
    U0302
    U0303
    U0304
    U0305
    U0306
    U0307
    U0308
    U0309
    U0310
    U0311
    U0312
    U0313
    U0314
    U0315
    U0316
    U0317
}
