//! `underpin admin heal`: a simulated external fails no longer.

use super::{Desk, Note};
use underpin_run::admin::{Ask, Refused, Told};

/// End the faults of a simulated external, or of all.
#[derive(clap::Args)]
pub struct Args {
    /// `external` or `external.operation`, as the fault was set.
    of: Option<String>,
    #[command(flatten)]
    note: Note,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Heal { of: args.of.clone(), by: args.note.by() })
}
