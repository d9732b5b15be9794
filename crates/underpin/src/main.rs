//! The command line of Underpin.

fn main() {}
