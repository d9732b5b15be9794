//! `underpin admin restore DIR --data NEW`: a copy becomes a data folder again.

use super::Desk;
use std::path::PathBuf;
use underpin_run::admin::{Change, Refused, Told};
use underpin_run::backup;

/// Put a backup into a new data folder (`--data`); needs no running backend.
#[derive(clap::Args)]
pub struct Args {
    /// The backup.
    folder: PathBuf,
}

pub fn run(args: &Args, desk: &Desk) -> Result<Told, Refused> {
    let restored = backup::restore(&args.folder, &desk.data).map_err(|error| {
        let help = "name a backup, and with `--data` a missing or an empty folder";
        Refused::new("not-now", format!("nothing was restored: {error}"), help)
    })?;
    let done = format!(
        "restored `{}` as of {}: {} files in {}",
        restored.system,
        restored.taken,
        restored.files,
        desk.data.display()
    );
    Ok(Told::Changed(Box::new(Change { done, flow: None })))
}
