//! `underpin admin resolve ID`: what became of a call whose answer was lost.

use super::{Desk, Reason, json};
use underpin_run::admin::{Ask, Refused, Told, Verdict};

/// Say what became of the lost call of a flow in doubt; nothing is guessed.
#[derive(clap::Args)]
#[command(group(clap::ArgGroup::new("verdict").required(true)))]
pub struct Args {
    /// Its id.
    id: String,
    /// The call had its effect; with what it answered, as JSON, where it answers something.
    #[arg(long, group = "verdict", num_args = 0..=1, value_name = "OUTPUT")]
    #[expect(clippy::option_option, reason = "given without a value is not the same as not given")]
    happened: Option<Option<String>>,
    /// The call had no effect: what was done before it is taken back.
    #[arg(long, group = "verdict")]
    did_not_happen: bool,
    #[command(flatten)]
    reason: Reason,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    let verdict = match &args.happened {
        Some(output) => Verdict::Happened {
            output: output.as_deref().map(json).transpose()?,
        },
        None => Verdict::DidNotHappen,
    };
    let by = args.reason.by();
    desk.ask(&Ask::Resolve { id: args.id.clone(), verdict, by })
}
