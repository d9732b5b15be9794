//! `underpin admin end ID`: a flow that waits for a person is given up.

use super::{Desk, Reason};
use underpin_run::admin::{Ask, Refused, Told};

/// End a flow that waits for a person as it stands: nothing more is done or taken back.
#[derive(clap::Args)]
pub struct Args {
    /// Its id.
    id: String,
    #[command(flatten)]
    reason: Reason,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::End { id: args.id.clone(), by: args.reason.by() })
}
