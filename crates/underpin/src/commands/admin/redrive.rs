//! `underpin admin redrive`: parked events are given to their policies again.

use super::{Desk, Note, Which};
use underpin_run::admin::{Ask, Refused, Told};

/// Give dead letters to their policies again: one, those of a policy, or all.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    note: Note,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    let (letters, by) = (args.which.letters(), args.note.by());
    desk.ask(&Ask::Redrive { letters, by })
}
