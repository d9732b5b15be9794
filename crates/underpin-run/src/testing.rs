//! What the tests of this crate share.

use crate::backend::*;
use crate::folder::Folder;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A data folder that is removed at the end of a test.
pub(crate) struct TempFolder {
    pub(crate) folder: Folder,
    path: PathBuf,
}

impl TempFolder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("underpin-run-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let folder = Folder::open(&path).expect("a temporary folder");
        Self { folder, path }
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A backend that refuses everything unless a test gives it answers.
#[derive(Default)]
pub(crate) struct FakeBackend {
    pub(crate) unready: Option<String>,
}

fn ready<'a, T: Send + 'a>(value: T) -> Pending<'a, T> {
    Box::pin(std::future::ready(value))
}

fn missing() -> Refusal {
    Refusal::new(refusal::NOT_FOUND)
}

impl Backend for FakeBackend {
    fn command(&self, _: CommandRequest) -> Pending<'_, CommandAnswer> {
        ready(CommandAnswer::Refused(missing()))
    }

    fn query(&self, _: QueryRequest) -> Pending<'_, QueryAnswer> {
        ready(QueryAnswer::Refused(missing()))
    }

    fn row(&self, _: RowRequest) -> Pending<'_, RowAnswer> {
        ready(RowAnswer::Refused(missing()))
    }

    fn flow(&self, _: FlowRequest) -> Pending<'_, FlowAnswer> {
        ready(FlowAnswer::Refused(missing()))
    }

    fn cancel(&self, _: FlowRequest) -> Pending<'_, FlowAnswer> {
        ready(FlowAnswer::Refused(missing()))
    }

    fn inbound(&self, _: Inbound) -> Pending<'_, InboundAnswer> {
        ready(InboundAnswer::Stored)
    }

    fn figures(&self) -> Figures {
        Figures {
            unready: self.unready.clone(),
            ..Figures::default()
        }
    }

    fn drain(&self, _: Duration) -> Pending<'_, ()> {
        ready(())
    }
}
