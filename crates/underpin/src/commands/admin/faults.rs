//! `underpin admin faults`: which simulated externals are made to fail.

use super::Desk;
use underpin_run::admin::{Ask, Refused, Told};

/// List faults of simulated externals.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Faults)
}
