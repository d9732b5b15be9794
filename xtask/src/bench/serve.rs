//! The running notes example: start to ready, memory when idle, reads beside the cheapest answer,
//! durable writes beside what the disk syncs and what a bare SQLite loop commits. Load comes from
//! `wrk` on this machine (Debian: wrk).

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{median, released, row};
use crate::backend::Backend;
use crate::proc::{self, Problem, program};
use crate::repo;

const BRIEF: &str = "examples/notes.kdl";
const ACTOR: &str = "writer";

/// Starts the released binary on the notes example and loads it.
pub(crate) fn run() -> Result<Vec<String>, Problem> {
    let binary = released(&[])?;
    let mut starts = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        let _backend = Backend::start(&binary, BRIEF, &[])?;
        starts.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let ready = median(starts);
    let backend = Backend::start(&binary, BRIEF, &[])?;
    std::thread::sleep(Duration::from_secs(2));
    let memory = resident(backend.group.child.id())?;
    let token = backend.token(&binary, BRIEF, ACTOR)?;
    let load = Load {
        port: backend.port,
        token,
    };
    let notebook = load.notebook()?;
    let body = format!("{{\"notebook\":\"{notebook}\",\"title\":\"a\",\"body\":\"b\"}}");
    let syncs = syncs(&backend.data)?;
    let commits = commits(&backend.data)?;
    let writes = load.writes(&body)?;
    let nothing = load.reads("/health/live")?;
    let page = load.reads("/notes")?;
    Ok(vec![
        row("start to ready", &format!("{ready:.0} ms"), ""),
        row(
            "memory when idle",
            &format!("{:.1} MiB", memory / 1024.0),
            "",
        ),
        row(
            "durable writes (write-note), 64 connections",
            &format!("{writes:.0}/s"),
            &format!(
                "{:.1} × a bare SQLite loop ({commits:.0} commits/s), {:.1} × syncs of one file ({syncs:.0}/s)",
                writes / commits,
                writes / syncs
            ),
        ),
        row(
            "reads (notes, a page of 50), 64 connections",
            &format!("{page:.0}/s"),
            &format!("{:.2} × /health/live ({nothing:.0}/s)", page / nothing),
        ),
    ])
}

/// Resident memory in KiB.
fn resident(process: u32) -> Result<f64, Problem> {
    let status = repo::read(Path::new(&format!("/proc/{process}/status")))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.ok_or_else(|| "no VmRSS".to_owned())
}

/// How often a second this disk syncs a page appended to one file.
fn syncs(folder: &Path) -> Result<f64, Problem> {
    let problem = |error| format!("cannot sync: {error}");
    let mut file = File::create(folder.join("syncs")).map_err(problem)?;
    let start = Instant::now();
    let mut count = 0.0;
    while start.elapsed() < Duration::from_secs(2) {
        file.write_all(&[0; 4096]).map_err(problem)?;
        file.sync_data().map_err(problem)?;
        count += 1.0;
    }
    Ok(count / start.elapsed().as_secs_f64())
}

/// How often a second SQLite alone commits one row with the settings of the store: one caller,
/// no server.
fn commits(folder: &Path) -> Result<f64, Problem> {
    let mut python = program("python3", &["-c", LOOP]);
    let said = proc::read(python.arg(folder.join("commits.sqlite")))?;
    let rate = said.out.trim().parse();
    rate.map_err(|_| format!("python3 told no rate:\n{}", said.text))
}

const LOOP: &str = "
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('PRAGMA journal_mode=WAL')
db.execute('PRAGMA synchronous=FULL')
db.execute('CREATE TABLE note(id INTEGER PRIMARY KEY, notebook TEXT, title TEXT, body TEXT)')
count, start = 0, time.monotonic()
while time.monotonic() - start < 2:
    db.execute('INSERT INTO note(notebook, title, body) VALUES (?, ?, ?)', ('n', 'a', 'b'))
    count += 1
print(count / (time.monotonic() - start))
";

struct Load {
    port: u16,
    token: String,
}

impl Load {
    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A new notebook to write notes into.
    fn notebook(&self) -> Result<String, Problem> {
        let mut curl = program(
            "curl",
            &["-s", "-X", "POST", "-H", "Idempotency-Key: bench"],
        );
        curl.args([
            "-H",
            "Content-Type: application/json",
            "-d",
            "{\"name\":\"bench\"}",
        ]);
        curl.args([
            "-H",
            &format!("Authorization: Bearer {}", self.token),
            &self.url("/notebooks"),
        ]);
        let said = proc::read(&mut curl)?;
        let answer: Option<serde_json::Value> = serde_json::from_str(&said.out).ok();
        let id = answer
            .as_ref()
            .and_then(|answer| answer.get("notebook")?.as_str());
        id.map(str::to_owned)
            .ok_or_else(|| format!("no notebook: {}", said.text))
    }

    fn reads(&self, path: &str) -> Result<f64, Problem> {
        let mut wrk = program("wrk", &["-t1", "-c64", "-d5s", "--timeout", "20s", "-H"]);
        wrk.arg(format!("Authorization: Bearer {}", self.token))
            .arg(self.url(path));
        rate(&mut wrk)
    }

    fn writes(&self, body: &str) -> Result<f64, Problem> {
        let mut wrk = program(
            "wrk",
            &[
                "-t1",
                "-c64",
                "-d5s",
                "--timeout",
                "20s",
                "-s",
                "tools/write.lua",
            ],
        );
        wrk.arg(self.url("/notes")).current_dir(repo::root());
        wrk.env("TOKEN", &self.token)
            .env("BODY", body)
            .env("SALT", self.port.to_string());
        rate(&mut wrk)
    }
}

/// Requests a second, of which none may be refused.
fn rate(wrk: &mut std::process::Command) -> Result<f64, Problem> {
    let said = proc::read(wrk)?;
    if said.text.contains("Non-2xx") || said.text.contains("Socket errors") {
        return Err(format!("some requests failed:\n{}", said.text));
    }
    let line = said
        .text
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"));
    let rate = line.and_then(|rate| rate.trim().parse().ok());
    rate.ok_or_else(|| format!("wrk told no rate:\n{}", said.text))
}
