//! Codes U06xx: declared but not served.

codes! {
    U0604
    U0606
    U0608
    U0611
    U0612
    U0613
    U0614
    U0621
    U0622
    U0623
    U0690
    U0691
    U0692
    U0693
    U0694
    U0695
    U0696
    U0697
}
