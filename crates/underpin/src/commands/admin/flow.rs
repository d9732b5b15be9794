//! `underpin admin flow ID`: the journal of one flow, in words.

use super::Desk;
use underpin_run::admin::{Ask, Refused, Told};

/// Show one flow: where it stands, what is still to be taken back, what can be done.
#[derive(clap::Args)]
pub struct Args {
    /// Its id.
    id: String,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Flow { id: args.id.clone() })
}
