//! A copy of a data folder that can be started: taken while it is used, put back into a new folder.
//! A list of its files with their digests is written last, so a copy without it is not whole. Must
//! not know what the files mean.

use crate::folder::Folder;
use crate::store::Pinned;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The list of files.
const LIST: &str = "backup.json";
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct List {
    format: u32,
    system: String,
    taken: String,
    files: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    path: String,
    bytes: u64,
    sha256: String,
}

fn other(why: impl std::fmt::Display) -> io::Error {
    io::Error::other(why.to_string())
}

/// Makes the folder, which must be missing or empty.
///
/// # Errors
/// Where it is not, and what the disk says.
pub fn empty(folder: &Path) -> io::Result<Folder> {
    let made = Folder::open(folder)?;
    match fs::read_dir(folder)?.next() {
        None => Ok(made),
        Some(_) => Err(other(format!("`{}` is not empty", folder.display()))),
    }
}

fn entry(root: &Path, file: &Path) -> io::Result<Entry> {
    let bytes = fs::read(file)?;
    let sum = digest(&SHA256, &bytes);
    let hex = sum
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let path = file.strip_prefix(root).map_err(other)?;
    Ok(Entry {
        path: path
            .to_string_lossy()
            .replace(std::path::MAIN_SEPARATOR, "/"),
        bytes: u64::try_from(bytes.len()).map_err(other)?,
        sha256: hex,
    })
}

fn synced(file: &Path) -> io::Result<()> {
    only_owner(file)?;
    fs::File::open(file)?.sync_all()
}

#[cfg(unix)]
fn only_owner(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn only_owner(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether a file belongs to the process that runs, not to what it keeps; databases are copied
/// from snapshots.
fn passes(name: &str) -> bool {
    const OWN: [&str; 6] = ["-wal", "-shm", "-journal", ".lock", ".begun", ".sqlite"];
    name == "admin.json"
        || name.contains(".next.")
        || name.contains(".born.")
        || OWN.iter().any(|end| name.ends_with(end))
}

fn all(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for one in fs::read_dir(folder)? {
        let path = one?.path();
        if path.is_dir() {
            all(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

/// Copies a data folder into an empty one: databases from the snapshots, which are of one instant;
/// then what simulated externals did, which, as real ones, may know more than we do; then all
/// other files. Returns how many bytes.
///
/// # Errors
/// What the disk or a database says; the copy is then not whole.
pub fn write(
    root: &Path,
    to: &Folder,
    stores: Vec<Pinned>,
    (system, taken): (&str, &str),
) -> io::Result<u64> {
    let target = to.path(".");
    let mut files = Vec::new();
    let mut found = Vec::new();
    all(root, &mut found)?;
    found.sort();
    let known: Vec<PathBuf> = stores.iter().map(|one| one.file().to_owned()).collect();
    let later = found.iter().filter(|file| {
        file.extension().is_some_and(|end| end == "sqlite") && !known.contains(file)
    });
    let later: Result<Vec<Pinned>, _> = later.map(|file| Pinned::of(file)).collect();
    for pinned in stores.into_iter().chain(later.map_err(other)?) {
        let copy = place(&target, pinned.file().strip_prefix(root).map_err(other)?)?;
        pinned.copy_to(&copy).map_err(other)?;
        synced(&copy)?;
        files.push(entry(&target, &copy)?);
    }
    for file in &found {
        let name = file.file_name().map(|name| name.to_string_lossy());
        if name.is_some_and(|name| passes(&name)) {
            continue;
        }
        let copy = place(&target, file.strip_prefix(root).map_err(other)?)?;
        match fs::copy(file, &copy) {
            // What is gone by now was not to be kept.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            copied => copied.map(|_| ())?,
        }
        synced(&copy)?;
        files.push(entry(&target, &copy)?);
    }
    let bytes = files.iter().map(|file| file.bytes).sum();
    let list = List {
        format: FORMAT,
        system: system.to_owned(),
        taken: taken.to_owned(),
        files,
    };
    to.replace(LIST, &serde_json::to_string_pretty(&list).map_err(other)?)?;
    Ok(bytes)
}

fn place(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !path.components().all(plain) {
        return Err(other(format!(
            "`{}` leads out of the folder",
            path.display()
        )));
    }
    let file = root.join(path);
    if let Some(folder) = file.parent() {
        Folder::open(folder)?;
    }
    Ok(file)
}

/// What was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The system of the brief.
    pub system: String,
    /// When the copy was taken, RFC 3339.
    pub taken: String,
    /// How many files.
    pub files: usize,
}

/// Puts a copy into a new data folder, which must be missing or empty; every file is compared with
/// its digest, every database checked.
///
/// # Errors
/// Where the copy is not whole; what was put back is then taken away.
pub fn restore(from: &Path, to: &Path) -> io::Result<Restored> {
    let text = fs::read_to_string(from.join(LIST)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => other(format!("`{}` is no whole backup", from.display())),
        _ => error,
    })?;
    let list: List = serde_json::from_str(&text).map_err(other)?;
    if list.format != FORMAT {
        return Err(other(format!(
            "the format of the backup is {}, not {FORMAT}",
            list.format
        )));
    }
    let target = empty(to)?.path(".");
    for wanted in &list.files {
        if let Err(error) = put_back(from, &target, wanted) {
            // The folder was empty, so nothing of anybody is in it.
            let _ = fs::remove_dir_all(to);
            return Err(other(format!("{}: {error}", wanted.path)));
        }
    }
    fs::File::open(to)?.sync_all()?;
    Ok(Restored {
        system: list.system,
        taken: list.taken,
        files: list.files.len(),
    })
}

fn put_back(from: &Path, target: &Path, wanted: &Entry) -> io::Result<()> {
    let path = Path::new(&wanted.path);
    let copy = place(target, path)?;
    fs::copy(from.join(path), &copy)?;
    synced(&copy)?;
    if entry(target, &copy)?.sha256 != wanted.sha256 {
        return Err(other("it is not what was written"));
    }
    if copy.extension().is_some_and(|end| end == "sqlite") {
        let file = rusqlite::Connection::open(&copy).map_err(other)?;
        let said: String = file
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .map_err(other)?;
        if said != "ok" {
            return Err(other(said));
        }
    }
    Ok(())
}
