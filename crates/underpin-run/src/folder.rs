//! The data folder: where it is, and files in it that only their owner may read. Must not know
//! what stands in them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A data folder that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder at `path`, made where it is missing (readable by its owner only).
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        owner_only_folder(&mut builder);
        builder.create(path)?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// A folder in it, made where it is missing.
    ///
    /// # Errors
    /// What the disk says.
    pub fn inner(&self, name: &str) -> io::Result<Self> {
        Self::open(&self.path.join(name))
    }

    /// The path of a file or folder in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The text of a file; `None` where there is none.
    ///
    /// # Errors
    /// What the disk says, and where the file is not UTF-8.
    pub fn read(&self, name: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(self.path(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The text of a file that is born with `make` where there is none. Two processes that do this
    /// at once read the same text: the first one's.
    ///
    /// # Errors
    /// What the disk says.
    pub fn read_or_born(&self, name: &str, make: impl FnOnce() -> String) -> io::Result<String> {
        if let Some(text) = self.read(name)? {
            return Ok(text);
        }
        let born = self.path(&format!("{name}.born.{}", std::process::id()));
        write_new(&born, &make())?;
        // A link fails where the name is taken, so that nobody's key is overwritten.
        let linked = fs::hard_link(&born, self.path(name));
        fs::remove_file(&born)?;
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => fs::read_to_string(self.path(name)),
        }
    }

    /// Replaces a file by `text` in one step: readers see the old text or the new one.
    ///
    /// # Errors
    /// What the disk says.
    pub fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let next = self.path(&format!("{name}.next.{}", std::process::id()));
        write_new(&next, text)?;
        fs::rename(&next, self.path(name))?;
        File::open(&self.path)?.sync_all()
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    owner_only_file(&mut options);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(unix)]
fn owner_only_folder(builder: &mut DirBuilder) {
    use std::os::unix::fs::DirBuilderExt;
    builder.mode(0o700);
}

#[cfg(unix)]
fn owner_only_file(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600);
}

#[cfg(not(unix))]
fn owner_only_folder(_: &mut DirBuilder) {}

#[cfg(not(unix))]
fn owner_only_file(_: &mut OpenOptions) {}
