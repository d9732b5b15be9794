//! `underpin admin flag`: a flag is decided by hand.

use super::{Desk, Reason};
use underpin_run::admin::{Ask, Refused, Told};

/// Decide a flag by hand, for all or for one caller or tenant; also after a restart, until `auto`.
#[derive(clap::Args)]
pub struct Args {
    /// Its name.
    flag: String,
    /// What it is from now on.
    to: To,
    /// Only for this caller or tenant.
    #[arg(long)]
    subject: Option<String>,
    #[command(flatten)]
    reason: Reason,
}

/// What a flag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum To {
    /// On.
    On,
    /// Off.
    Off,
    /// As its rollout says.
    Auto,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::SetFlag {
        flag: args.flag.clone(),
        subject: args.subject.clone(),
        on: match args.to {
            To::On => Some(true),
            To::Off => Some(false),
            To::Auto => None,
        },
        by: args.reason.by(),
    })
}
