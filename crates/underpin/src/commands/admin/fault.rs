//! `underpin admin fault`: a simulated external is made to fail.

use super::{Desk, Note};
use underpin_brief::model::{Duration, Percent};
use underpin_run::admin::{Ask, Fault, Refused, Told};

/// Let a simulated external fail: `fault mailer down for=30s`, `fault mailer.send slow=2s`,
/// `fault mailer errors=20% for=1min`, `fault mailer lost=5%`.
#[derive(clap::Args)]
pub struct Args {
    /// `external` or `external.operation`.
    of: String,
    /// `down`, `slow=TIME`, `errors=SHARE` (without effect) or `lost=SHARE` (of answers).
    #[arg(value_parser = fault)]
    fault: Fault,
    /// `for=TIME`; without it, until `heal` or the end of the backend.
    #[arg(value_parser = length)]
    length: Option<Length>,
    #[command(flatten)]
    note: Note,
}

#[derive(Clone, Copy)]
struct Length(u64);

fn millis(text: &str) -> Result<u64, String> {
    let length = Duration::parse(text).and_then(|length| u64::try_from(length.micros).ok());
    let micros = length.ok_or_else(|| format!("`{text}` is no length of time: write `30s` or `2min`"))?;
    Ok(micros / 1_000)
}

fn share(text: &str) -> Result<u32, String> {
    let share = Percent::parse(text).and_then(|share| u32::try_from(share.0.nanos() / 100_000).ok());
    let share = share.filter(|share| *share <= 1_000_000);
    share.ok_or_else(|| format!("`{text}` is no share: write `20%`"))
}

fn fault(text: &str) -> Result<Fault, String> {
    match text.split_once('=') {
        None if text == "down" => Ok(Fault::Down),
        Some(("slow", length)) => millis(length).map(Fault::Slow),
        Some(("errors", part)) => share(part).map(Fault::Errors),
        Some(("lost", part)) => share(part).map(Fault::Lost),
        _ => Err("write `down`, `slow=2s`, `errors=20%` or `lost=5%`".to_owned()),
    }
}

fn length(text: &str) -> Result<Length, String> {
    let length = text.strip_prefix("for=").ok_or("write `for=30s`")?;
    millis(length).map(Length)
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    desk.ask(&Ask::Fault {
        of: args.of.clone(),
        fault: args.fault,
        millis: args.length.map(|length| length.0),
        by: args.note.by(),
    })
}
