//! `underpin admin retry ID`: a parked flow tries again.

use super::{Desk, Note};
use underpin_run::admin::{Ask, Refused, Told};

/// Let a parked flow try again where it stands.
#[derive(clap::Args)]
pub struct Args {
    /// Its id.
    id: String,
    #[command(flatten)]
    note: Note,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Retry { id: args.id.clone(), by: args.note.by() })
}
