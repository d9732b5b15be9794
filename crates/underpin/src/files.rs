//! Reading and writing the user's files. A file is replaced as a whole or not at all.

use std::io::Write;
use std::path::Path;

/// Writes `bytes` beside `path` and moves them into place, so that a crash leaves the old file.
pub fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder)?;
    }
    let name = path
        .file_name()
        .map_or_else(|| "file".into(), |name| name.to_string_lossy());
    let beside = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // The half-written file is of no use; the first error is the one to tell.
        let _ = std::fs::remove_file(&beside);
    }
    written
}
