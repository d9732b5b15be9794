//! `underpin admin reset-limit`: what was used up of a rate may be used again.

use super::{Desk, Note};
use underpin_run::admin::{Ask, Refused, Told};

/// Fill the buckets of a rate limit again.
#[derive(clap::Args)]
pub struct Args {
    /// Its name.
    limit: String,
    /// Only for this caller, address or tenant, as `limits` tells it.
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    note: Note,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::ResetLimit {
        limit: args.limit.clone(),
        key: args.key.clone(),
        by: args.note.by(),
    })
}
