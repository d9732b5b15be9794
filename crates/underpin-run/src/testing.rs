//! What the tests of this crate share.

use crate::folder::Folder;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

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
