//! How the engine is put behind the door of a backend that starts: what refuses to open becomes a
//! coded error, what is recovered and what is not served is told.

use super::unserved::unserved;
use super::{Engine, Services, sample};
use crate::backend::Backend;
use crate::start::{Ground, StartError};
use crate::store::{OpenError, Store};
use std::path::Path;
use std::sync::Arc;
use underpin_brief::codes::serving;
use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::model::Brief;

/// An engine that has begun, with what is to be told about it.
pub struct Begun {
    /// What executes.
    pub backend: Arc<dyn Backend>,
    /// Flows that were found unfinished and go on: name and id.
    pub recovered: Vec<String>,
    /// What the brief declares and is not served yet.
    pub notes: Vec<Diagnostic>,
    /// What of the folder was migrated from an earlier brief, in a line each.
    pub migrated: Vec<String>,
    /// Rows made by `sample`, by aggregate; empty where it was not asked for, or the folder was
    /// not empty.
    pub sampled: Vec<(String, u64)>,
}

/// Opens the data folder and begins: unfinished flows go on, policies are watched. With `fill` an
/// empty folder is filled through ordinary commands.
///
/// # Errors
/// Where the folder was made by another brief, is in use, or does not read back.
pub async fn begin(
    brief: &Arc<Brief>,
    services: Services,
    ground: Ground,
    fill: bool,
) -> Result<Begun, StartError> {
    let path = ground.data.path(".");
    let externals = Arc::clone(&ground.externals);
    let under = super::Ground::new(services, ground.world.clone(), ground.externals);
    let engine = Engine::open(brief, &path, &under).map_err(|error| refused(&error))?;
    let nodes = engine.nodes.iter();
    let migrated = nodes.flat_map(|node| node.store.standing().migrated.clone());
    let migrated = migrated.collect();
    engine.know(&ground.names);
    engine.send_by(&ground.courier);
    let recovered = engine
        .start()
        .await
        .map_err(|error| StartError::new(serving::U0692, error.to_string()))?;
    let sampled = match fill {
        true => {
            externals.hurry(true);
            let rows = sample::fill(&engine, brief, &ground.world).await;
            externals.hurry(false);
            rows
        }
        false => Vec::new(),
    };
    Ok(Begun {
        backend: Arc::new(engine),
        recovered,
        notes: unserved(brief),
        migrated,
        sampled,
    })
}

fn shown(folder: &Path) -> String {
    let shown = folder.display().to_string();
    shown.trim_end_matches("/.").to_owned()
}

/// What starting a brief on a data folder would migrate, for people, in a line each. No file is
/// touched.
///
/// # Errors
/// As [`begin`].
pub fn migration(
    brief: &Brief,
    services: &Services,
    folder: &Path,
) -> Result<Vec<String>, StartError> {
    let mut lines = Vec::new();
    for (folder, contents) in super::cluster::stores(brief, services, folder) {
        lines.extend(Store::ahead(&folder, brief, contents).map_err(|error| refused(&error))?);
    }
    Ok(lines)
}

fn refused(error: &OpenError) -> StartError {
    match error {
        OpenError::InUse(folder) => {
            let message = format!("another process uses the data folder `{}`", shown(folder));
            StartError::new(serving::U0695, message)
                .help("stop it, or give this one a folder of its own with `--data`")
        }
        OpenError::OtherBrief {
            folder,
            differences,
        } => {
            let mut message = format!(
                "the data folder `{}` was made by another brief, and is not migrated to this one",
                shown(folder)
            );
            for difference in differences {
                message.push_str("\n  - ");
                message.push_str(difference);
            }
            StartError::new(serving::U0696, message).help(
                "nothing was touched; decide each of these in the brief, or give it a folder of \
                 its own with `--data`",
            )
        }
        OpenError::Unusable(folder, why) => {
            let message = format!("the data folder `{}` cannot be used: {why}", shown(folder));
            StartError::new(serving::U0692, message)
        }
    }
}
