//! `underpin admin flags`: what is switched on for whom.

use super::Desk;
use underpin_run::admin::{Ask, Refused, Told};

/// List flags with their rollout and what was decided by hand.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Flags)
}
