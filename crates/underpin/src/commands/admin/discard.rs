//! `underpin admin discard`: parked events are given up.

use super::{Desk, Reason, Which};
use underpin_run::admin::{Ask, Refused, Told};

/// Give dead letters up: their policies never see them again, later events of their keys go on.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    reason: Reason,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    let (letters, by) = (args.which.letters(), args.reason.by());
    desk.ask(&Ask::Discard { letters, by })
}
