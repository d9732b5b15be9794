//! `underpin admin audit`: what persons changed, and why.

use super::Desk;
use underpin_run::admin::{Ask, Refused, Told};

/// List what was changed through `underpin admin`, latest first.
#[derive(clap::Args)]
pub struct Args {
    /// How many lines at most.
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Audit { limit: args.limit })
}
