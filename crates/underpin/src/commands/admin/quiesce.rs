//! `underpin admin quiesce`: nothing new is taken on.

use super::{Desk, Note};
use underpin_run::admin::{Ask, Refused, Told};

/// Take on nothing new: commands are turned away with 503, policies wait; queries are answered and flows in progress go on.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    note: Note,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    let by = args.note.by();
    desk.ask(&Ask::Quiesce { on: true, by })
}
