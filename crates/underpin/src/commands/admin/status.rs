//! `underpin admin status`: how much waits where.

use super::Desk;
use underpin_run::admin::{Ask, Refused, Told};

/// Show how many flows, events, rows and writes wait, and how many repetitions externals may still get.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Status)
}
