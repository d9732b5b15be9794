//! `underpin admin skip ID`: what a parked flow cannot do was done by hand.

use super::{Desk, Reason, json};
use underpin_run::admin::{Ask, Refused, Told};

/// Take the statement or undo at which a parked flow stands as done by hand, and go on.
#[derive(clap::Args)]
pub struct Args {
    /// Its id.
    id: String,
    /// What the call answered, as JSON, where it is a call that answers something.
    #[arg(long)]
    output: Option<String>,
    #[command(flatten)]
    reason: Reason,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    let output = args.output.as_deref().map(json).transpose()?;
    desk.ask(&Ask::Skip { id: args.id.clone(), output, by: args.reason.by() })
}
