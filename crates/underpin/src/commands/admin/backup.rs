//! `underpin admin backup DIR`: a copy of the data folder while it is used.

use super::{Desk, Note};
use std::path::PathBuf;
use underpin_run::admin::{Ask, Refused, Told};

/// Copy the data folder of a running backend into an empty folder; nothing is interrupted.
#[derive(clap::Args)]
pub struct Args {
    /// Where to; made where it is missing. It holds keys and secrets, as the data folder does.
    folder: PathBuf,
    #[command(flatten)]
    note: Note,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    let folder = std::path::absolute(&args.folder).map_err(|error| {
        let message = format!("`{}`: {error}", args.folder.display());
        Refused::new("not-now", message, "name a folder")
    })?;
    desk.ask(&Ask::Backup {
        folder: folder.display().to_string(),
        by: args.note.by(),
    })
}
