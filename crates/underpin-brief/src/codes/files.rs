//! Codes U00xx: the command line and files.

codes! {
    U0001
}
