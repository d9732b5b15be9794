//! `underpin admin holds`: rows that flows keep from other writers.

use super::Desk;
use underpin_run::admin::{Ask, Refused, Told};

/// List held rows with the flow that holds each; a hold ends with its flow.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Holds)
}
