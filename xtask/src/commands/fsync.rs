//! A part of `cargo xtask nightly`: a backend under strace answers writes one after the other; from
//! its system calls follows what a disk that loses unsynced writes would hold at each answer, and
//! a backend is started on that.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::backend::Backend;
use crate::durable::{Files, Trace};
use crate::http;
use crate::proc::Problem;
use crate::repo;
use crate::report::{Count, say};

const BRIEF: &str = "examples/notes.kdl";
/// Writes that are acknowledged.
const WRITES: usize = 40;

pub(super) fn run() -> Result<Count, Problem> {
    let binary = repo::binary()?;
    let first = Backend::start(&binary, BRIEF, &[])?;
    let data = first.data.clone();
    drop(first);
    let base = files(&data)?;
    let (trace, told) = traced(&binary, &data)?;
    let found = trace.acknowledged(&databases(&base), 201);
    if found.len() != told.len() {
        let counts = (found.len(), told.len());
        return Err(format!("{counts:?} answers in the trace and at the client"));
    }
    let least = found.iter().map(|one| one.syncs).min().unwrap_or(0);
    let all: usize = found.iter().map(|one| one.syncs).sum();
    say(&format!(
        "nightly: fsync: {} acknowledged writes, {all} syncs, at least {least} before each",
        told.len()
    ));
    let mut count = Count::one(least > 0);
    for at in [0, WRITES / 3, WRITES / 2, WRITES - 1] {
        let (Some(state), Some(told)) = (found.get(at), told.get(..=at)) else {
            continue;
        };
        let lost = lost(&binary, &base, &state.synced, told)?;
        say(&format!(
            "nightly: fsync: after {} writes {lost} are lost",
            told.len()
        ));
        count = count.plus(Count::one(lost == 0));
        let lost = self::lost(&binary, &base, &state.forgetful, told)?;
        say(&format!(
            "nightly: fsync: without the last sync {lost} would be"
        ));
        count = count.plus(Count::one(lost > 0));
    }
    Ok(count)
}

/// Every file of a folder by its path.
fn files(folder: &Path) -> Result<Files, Problem> {
    let mut found = Files::new();
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(problem)? {
        let path = entry.map_err(problem)?.path();
        if path.is_dir() {
            found.append(&mut files(&path)?);
        } else {
            let name = path.display().to_string();
            found.insert(name, std::fs::read(&path).map_err(problem)?);
        }
    }
    Ok(found)
}

fn databases(all: &Files) -> Files {
    let database = |name: &String| name.ends_with(".sqlite") || name.ends_with("-wal");
    let some = all.iter().filter(|(name, _)| database(name));
    some.map(|(name, content)| (name.clone(), content.clone()))
        .collect()
}

fn body(at: usize) -> (String, String) {
    (format!("key-{at}"), format!("{{\"name\":\"book {at}\"}}"))
}

/// Runs it under strace, and kills it after the last answer: its calls, and where things are.
fn traced(binary: &Path, data: &Path) -> Result<(Trace, Vec<String>), Problem> {
    let log = repo::scratch("fsync")?.join("calls");
    let strace = Path::new("strace");
    let calls = "trace=write,pwrite64,lseek,ftruncate,fsync,fdatasync,writev,sendto";
    let mut words: Vec<String> = ["-f", "-y", "-xx", "-s", "10000000", "-e", calls, "-o"]
        .map(str::to_owned)
        .to_vec();
    words.push(log.display().to_string());
    words.push(binary.display().to_string());
    let backend = Backend::wrapped(strace, &words, BRIEF, data)?;
    let token = backend.token(binary, BRIEF, "writer")?;
    let mut told = Vec::new();
    for at in 0..WRITES {
        let (key, body) = body(at);
        let said = http::post(backend.port, "/notebooks", &token, &key, &body)?;
        match said {
            (201, location) => told.push(location),
            (status, _) => return Err(format!("write {at} is answered with {status}")),
        }
    }
    // The first call in the log is one of the backend itself.
    let text = repo::read(&log)?;
    let process = text.split_whitespace().next().unwrap_or_default();
    let kill = Command::new("kill").args(["-KILL", process]).status();
    kill.map_err(|error| format!("cannot kill: {error}"))?;
    let mut group = backend.group;
    let _ = group.wait(Duration::from_secs(20));
    Ok((Trace::read(&repo::read(&log)?), told))
}

/// How many acknowledged writes a backend does not know that starts on these files.
fn lost(binary: &Path, base: &Files, state: &Files, told: &[String]) -> Result<usize, Problem> {
    let backend = Backend::start_on(binary, BRIEF, |data: &Path| {
        let mut all = base.clone();
        all.retain(|name, _| !name.ends_with("-shm") && !name.ends_with("-wal"));
        all.extend(state.clone());
        for (name, content) in all {
            // The folder is another one; what is in it has the same place.
            let Some((_, inner)) = name.split_once("/data/") else {
                continue;
            };
            let path: PathBuf = data.join(inner);
            let problem = |error: std::io::Error| format!("{}: {error}", path.display());
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(problem)?;
            }
            std::fs::write(&path, content).map_err(problem)?;
        }
        Ok(())
    })?;
    let token = backend.token(binary, BRIEF, "writer")?;
    let mut lost = 0;
    for (at, place) in told.iter().enumerate() {
        let (key, body) = body(at);
        // What is known is answered again; what is not is done anew, elsewhere.
        let (_, location) = http::post(backend.port, "/notebooks", &token, &key, &body)?;
        lost += usize::from(location != *place);
    }
    Ok(lost)
}
