//! Opens and closes the door of the admin surface beside the port of the contract.

use super::Ground;
use crate::admin::{Admin, Desk, publish, withdraw};
use crate::folder::Folder;
use crate::serve::front::Front;
use crate::serve::metrics::Metrics;
use crate::serve::{Drain, Limits, Served, serve};
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The open door.
pub(super) struct Reception {
    data: Folder,
    serving: JoinHandle<Served>,
}

/// How long an admin's request in flight may take when the server stops.
const LAST: Duration = Duration::from_secs(5);

/// Opens it and says in the data folder where it is.
pub(super) async fn open(
    admin: Arc<dyn Admin>,
    ground: &Ground,
    drain: &Drain,
) -> io::Result<Reception> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let published = publish(&ground.data, listener.local_addr()?, &*ground.world.random)?;
    let limits = Limits {
        requests: 16,
        connections: 64,
        ..Limits::default()
    };
    // Its requests are no part of what clients are served, so they are counted apart.
    let front = Front::new(
        Arc::new(Desk::new(admin, &published, drain.clone())),
        ground.world.clone(),
        limits,
        Arc::new(Metrics::default()),
        Arc::clone(&ground.log),
    );
    let serving = tokio::spawn(serve(listener, Arc::new(front), drain.clone(), LAST));
    Ok(Reception {
        data: ground.data.clone(),
        serving,
    })
}

impl Reception {
    /// Ready when the door is closed; it is then no longer written where it was.
    pub(super) async fn close(self) {
        let _ = self.serving.await;
        withdraw(&self.data);
    }
}
