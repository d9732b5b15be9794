//! `underpin admin flows`: what is going on, and what waits for a person.

use super::Desk;
use underpin_run::admin::{Ask, Refused, Told};

/// List flows in progress, parked and in doubt.
#[derive(clap::Args)]
pub struct Args {
    /// Only those of one stage.
    #[arg(long, value_parser = ["running", "undoing", "in-doubt", "parked"])]
    stage: Option<String>,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Flows { stage: args.stage.clone() })
}
