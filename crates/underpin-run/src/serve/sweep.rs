//! Stored bytes that no row holds are taken away in time. Must not know who sees them.

use super::Drain;
use super::blobs::Blobs;
use crate::backend::{Backend, BlobAnswer, BlobRequest};
use crate::world::{Moment, World};
use std::sync::Arc;

/// How long bytes may stay in no row, µs.
const UNUSED: i64 = 24 * 3_600 * 1_000_000;
/// How often somebody looks, µs.
const LOOK: i64 = 3_600 * 1_000_000;

/// Looks again and again until the server stops.
pub async fn watch(blobs: Blobs, backend: Arc<dyn Backend>, world: World, drain: Drain) {
    loop {
        let now = world.now().0;
        // What could not be taken away now is there the next time.
        let _ = once(&blobs, &*backend, now).await;
        tokio::select! {
            () = world.clock.until(Moment(now.saturating_add(LOOK))) => {}
            () = drain.begun() => return,
        }
    }
}

/// Takes away what is old and stands in no row.
async fn once(blobs: &Blobs, backend: &dyn Backend, now: i64) -> std::io::Result<()> {
    for blob in blobs.all()? {
        let old = match blobs.known(&blob)? {
            Some(known) => now.saturating_sub(known.at) > UNUSED,
            None => true,
        };
        if !old {
            continue;
        }
        let asked = BlobRequest {
            blob: blob.clone(),
            asked: None,
        };
        if backend.blob(asked).await == BlobAnswer::Unused {
            blobs.forget(&blob)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::blobs::Known;
    use crate::testing::{FakeBackend, TempFolder};

    #[tokio::test]
    async fn only_what_is_old_and_in_no_row_goes() {
        let temp = TempFolder::new();
        let blobs = Blobs::of(&temp.folder).unwrap();
        let known = |at| Known {
            owner: "o".to_owned(),
            at,
            kept: None,
        };
        blobs.remember("old", &known(0)).unwrap();
        blobs.remember("new", &known(UNUSED)).unwrap();
        let used = FakeBackend {
            blob: Some(BlobAnswer::Hidden),
            ..FakeBackend::default()
        };
        once(&blobs, &used, UNUSED + 1).await.unwrap();
        assert_eq!(blobs.all().unwrap(), ["new", "old"], "in a row");
        once(&blobs, &FakeBackend::default(), UNUSED + 1)
            .await
            .unwrap();
        assert_eq!(blobs.all().unwrap(), ["new", "old"], "nobody knows");
        let unused = FakeBackend {
            blob: Some(BlobAnswer::Unused),
            ..FakeBackend::default()
        };
        once(&blobs, &unused, UNUSED + 1).await.unwrap();
        assert_eq!(blobs.all().unwrap(), ["new"]);
    }
}
