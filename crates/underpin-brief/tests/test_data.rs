//! Where test data lies that is not part of the project.

use std::path::PathBuf;

/// The folder `name` of the outside test data, if it is at hand; says so where it is not.
pub fn folder(name: &str) -> Option<PathBuf> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = std::env::var_os("UNDERPIN_TEST_DATA")
        .map_or_else(|| workspace.join("../shared"), PathBuf::from);
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!(
        "skipped: {} is not there; set UNDERPIN_TEST_DATA",
        folder.display()
    );
    None
}

/// The files of `folder` whose names end in `.ending`, by name.
pub fn files(folder: &std::path::Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect();
    paths.sort();
    paths
}
