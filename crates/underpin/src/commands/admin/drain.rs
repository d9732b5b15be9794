//! `underpin admin drain`: the process ends in order.

use super::{Desk, Note};
use underpin_run::admin::{Ask, Refused, Told};

/// Answer what is in flight and end the process, as SIGTERM does.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    note: Note,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    let by = args.note.by();
    desk.ask(&Ask::Drain { by })
}
