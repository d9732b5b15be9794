//! `underpin admin resume`: after a quiesce.

use super::{Desk, Note};
use underpin_run::admin::{Ask, Refused, Told};

/// Take on commands and events again after `quiesce`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    note: Note,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    let by = args.note.by();
    desk.ask(&Ask::Quiesce { on: false, by })
}
