//! Set-up, checks of the repository itself and measurements.

fn main() {}
