//! `underpin admin dead-letters`: events that a policy was refused for.

use super::Desk;
use underpin_run::admin::{Ask, Refused, Told};

/// List events that a policy was refused for; each holds back later events of its own key.
#[derive(clap::Args)]
pub struct Args {
    /// Only of this policy.
    #[arg(long)]
    policy: Option<String>,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::DeadLetters { policy: args.policy.clone() })
}
