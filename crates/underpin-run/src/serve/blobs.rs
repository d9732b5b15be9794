//! Stored bytes as files of the data folder: a ticket, then the bytes, which stand there whole or
//! not at all. Must not know who may see them, nor rows.

use super::stream::Pieces;
use crate::backend::Pending;
use crate::folder::Folder;
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::body::Bytes;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Bytes of one piece of a download.
const PIECE: usize = 64 * 1024;

/// What is known of a handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Who asked for it, as a text.
    pub owner: String,
    /// When it was asked for, or attached last, µs.
    pub at: i64,
    /// The bytes, once they are here.
    pub kept: Option<Kept>,
}

/// Bytes that are here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Their media type.
    pub media: String,
    /// How many.
    pub bytes: u64,
    /// Their SHA-256, in base64.
    pub digest: String,
}

/// Why bytes were not taken.
#[derive(Debug)]
pub enum Untaken {
    /// There are more than the place accepts.
    TooMany,
    /// The client left, or the disk said no.
    Broken(io::Error),
}

/// The files.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: Folder,
}

impl Blobs {
    /// The files of a data folder.
    ///
    /// # Errors
    /// What the disk says.
    pub fn of(data: &Folder) -> io::Result<Self> {
        Ok(Self {
            folder: data.inner("blobs")?,
        })
    }

    /// What is known of a handle.
    ///
    /// # Errors
    /// What the disk says.
    pub fn known(&self, blob: &str) -> io::Result<Option<Known>> {
        let text = self.folder.read(&format!("{blob}.json"))?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Remembers what is known of a handle.
    ///
    /// # Errors
    /// What the disk says.
    pub fn remember(&self, blob: &str, known: &Known) -> io::Result<()> {
        let text = serde_json::to_string(known)?;
        self.folder.replace(&format!("{blob}.json"), &text)
    }

    /// Takes the bytes of a handle: they stand under its name when all are on the disk.
    ///
    /// # Errors
    /// [`Untaken`]; nothing of them stands then.
    pub async fn take(
        &self,
        blob: &str,
        pieces: &mut dyn Pieces,
        most: u64,
    ) -> Result<(u64, String), Untaken> {
        let begun = self.folder.path(&format!("{blob}.part"));
        let taken = self.write(&begun, pieces, most).await;
        let named = match taken {
            Ok(taken) => fs::rename(&begun, self.folder.path(&format!("{blob}.bin")))
                .and_then(|()| File::open(self.folder.path("."))?.sync_all())
                .map(|()| taken)
                .map_err(Untaken::Broken),
            Err(why) => Err(why),
        };
        if named.is_err() {
            let _ = fs::remove_file(&begun);
        }
        named
    }

    async fn write(
        &self,
        path: &std::path::Path,
        pieces: &mut dyn Pieces,
        most: u64,
    ) -> Result<(u64, String), Untaken> {
        let mut file = File::create(path).map_err(Untaken::Broken)?;
        let mut digest = Context::new(&SHA256);
        let mut bytes = 0_u64;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(Untaken::Broken)?;
            bytes = bytes.saturating_add(piece.len() as u64);
            if bytes > most {
                return Err(Untaken::TooMany);
            }
            digest.update(&piece);
            file = blocking(move || file.write_all(&piece).map(|()| file))
                .await
                .map_err(Untaken::Broken)?;
        }
        blocking(move || file.sync_all())
            .await
            .map_err(Untaken::Broken)?;
        Ok((bytes, URL_SAFE_NO_PAD.encode(digest.finish())))
    }

    /// The bytes of a handle from `first` on, `count` of them.
    ///
    /// # Errors
    /// What the disk says.
    pub fn open(&self, blob: &str, first: u64, count: u64) -> io::Result<FilePieces> {
        let mut file = File::open(self.folder.path(&format!("{blob}.bin")))?;
        file.seek(SeekFrom::Start(first))?;
        Ok(FilePieces {
            file: Some(file),
            left: count,
        })
    }

    /// All handles.
    ///
    /// # Errors
    /// What the disk says.
    pub fn all(&self) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.folder.path("."))? {
            let name = entry?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
            found.extend(name.map(str::to_owned));
        }
        found.sort();
        Ok(found)
    }

    /// Forgets a handle and its bytes.
    ///
    /// # Errors
    /// What the disk says.
    pub fn forget(&self, blob: &str) -> io::Result<()> {
        for ending in ["bin", "part", "json"] {
            match fs::remove_file(self.folder.path(&format!("{blob}.{ending}"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// A file, piece by piece.
pub struct FilePieces {
    file: Option<File>,
    left: u64,
}

impl Pieces for FilePieces {
    fn next(&mut self) -> Pending<'_, Option<io::Result<Bytes>>> {
        Box::pin(async move {
            let mut file = self.file.take().filter(|_| self.left > 0)?;
            let size = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
            let read = blocking(move || {
                let mut piece = vec![0; size];
                file.read_exact(&mut piece)?;
                Ok((file, piece))
            });
            match read.await {
                Ok((file, piece)) => {
                    self.left = self.left.saturating_sub(piece.len() as u64);
                    self.file = Some(file);
                    Some(Ok(piece.into()))
                }
                Err(error) => Some(Err(error)),
            }
        })
    }
}
