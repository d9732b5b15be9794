//! Copies while everything goes on. All writers stand still for the moment in which a snapshot of every
//! store is taken, so the copy is what a crash at that instant would have left, and a start on
//! it is a start after a crash: steps between services under way then are asked for again, and
//! answered by the inbox where they were done.

use super::broken;
use crate::admin::{By, Refused, Told};
use crate::backup;
use crate::engine::Engine;
use crate::store::{Pinned, StoreError};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration as Length;

/// How long writers stand still at most; then there is no backup.
const STILL: Length = Length::from_secs(10);

fn failed(why: impl std::fmt::Display) -> Refused {
    let help = "nothing has changed; name a missing or an empty folder with room for a copy";
    Refused::new("not-now", format!("no backup was taken: {why}"), help)
}

impl Engine {
    pub(super) async fn backup(&self, folder: String, by: By) -> Result<Told, Refused> {
        let root = std::fs::canonicalize(&*self.folder).map_err(failed)?;
        let to = backup::empty(Path::new(&folder)).map_err(failed)?;
        let target = std::fs::canonicalize(to.path(".")).map_err(failed)?;
        if target.starts_with(&root) {
            return Err(failed("that is inside the data folder"));
        }
        let taken = self.first().core.world.now().to_string();
        let pins = self.pins().await?;
        let system = self.first().core.brief.system.name.text.to_string();
        let written =
            tokio::task::spawn_blocking(move || backup::write(&root, &to, pins, (&system, &taken)));
        let bytes = written.await.map_err(failed)?.map_err(failed)?;
        let told = self.first().noted(&by, "backup", &folder).await?;
        drop(told);
        Ok(super::changed(format!("backup: {bytes} bytes in {folder}")))
    }

    /// A snapshot of every store, all of one instant.
    async fn pins(&self) -> Result<Vec<Pinned>, Refused> {
        let (arrived, arrivals) = channel();
        let mut releases = Vec::new();
        let mut waiting = Vec::new();
        for node in &*self.nodes {
            let (release, released) = channel::<()>();
            releases.push(release);
            let (arrived, node) = (arrived.clone(), Arc::clone(node));
            waiting.push(tokio::spawn(async move {
                let still = move |_: crate::store::Rows<'_>| {
                    let _ = arrived.send(());
                    // Nobody sends: the other side lets go when it has what it wants.
                    Ok(released.recv_timeout(STILL) == Err(RecvTimeoutError::Disconnected))
                };
                node.store.write(still).await
            }));
        }
        let nodes = Arc::clone(&self.nodes);
        let pinned = tokio::task::spawn_blocking(move || {
            for _ in &*nodes {
                let late = |_| StoreError::Full;
                arrivals.recv_timeout(STILL).map_err(late)?;
            }
            let pins: Result<Vec<Pinned>, StoreError> =
                nodes.iter().map(|node| node.store.pin()).collect();
            drop(releases);
            pins
        });
        let pins = pinned
            .await
            .map_err(failed)?
            .map_err(|error| broken(&error))?;
        for one in waiting {
            if one.await.map_err(failed)? != Ok(true) {
                return Err(failed("the stores did not stand still for long enough"));
            }
        }
        Ok(pins)
    }
}
