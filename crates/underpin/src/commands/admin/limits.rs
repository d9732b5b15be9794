//! `underpin admin limits`: what may be asked how often, and how often it was.

use super::Desk;
use underpin_run::admin::{Ask, Refused, Told};

/// List limits; of rates with what each caller, address or tenant has left.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Limits)
}
