//! `underpin admin erase SUBJECT`: what is known of a person is erased, and told by place.

use super::{Desk, Reason};
use underpin_run::admin::{Ask, Refused, Told};

/// Erase what is known of a person: rows whose `subject` they are, events, journals, answers.
#[derive(clap::Args)]
pub struct Args {
    /// The subject of their tokens.
    subject: String,
    #[command(flatten)]
    reason: Reason,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Erase { subject: args.subject.clone(), by: args.reason.by() })
}
