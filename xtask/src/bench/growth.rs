//! How times grow: rows from a thousand to ten million (as far as `UNDERPIN_ROWS` says, a million
//! where it does not), tenants from one to ten thousand, aggregates from five to a hundred. Rows
//! are put straight into the store of a backend that does not run, so that it is the growth that is
//! measured and not the filling.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use super::sides::{Programs, Side, ask, request, server, turn};
use super::{cpu_seconds, median, released, row};
use crate::http;
use crate::proc::{self, Problem, program};
use crate::repo;

/// Rows of one owner.
const OWN: u64 = 100;

/// Measures all three.
pub(crate) fn run() -> Result<Vec<String>, Problem> {
    let binary = released(&[])?;
    let programs = Programs::build()?;
    let most = std::env::var("UNDERPIN_ROWS").ok();
    let most: u64 = most.and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let sizes = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    let mut rows = Vec::new();
    for size in sizes.into_iter().filter(|size| *size <= most) {
        rows.push(stored(&binary, &programs, size, 1)?);
    }
    for tenants in [1, 100, 10_000] {
        rows.push(stored(&binary, &programs, most.min(1_000_000), tenants)?);
    }
    for aggregates in [5, 20, 100] {
        rows.push(declared(&binary, aggregates)?);
    }
    Ok(rows)
}

const BRIEF: &str = "system growth {\n}\nactor member kind=person\n\
    tenancy Site { caller member claim=site }\n\
    aggregate Site { key id; field name text max=100 }\n\
    aggregate Group { key id; field name text max=100 }\n\
    aggregate Item {\n    key id\n    field owner member\n    field group Group\n\
    field title text max=200\n    field size int\n    define mine \"self.owner == caller.id\"\n}\n\
    command add-item {\n    allow member\n    input group Group\n    input title text max=200\n\
    create made Item { set owner=caller.id group=input.group title=input.title size=1 }\n\
    return item=made.id\n}\n\
    query items of=Item {\n    allow member when=self.mine\n    filter size group\n\
    sort title id\n    show id title size group.name\n    page max=50\n}\n";

/// Fills a store with rows of every tenant and owner, each row as long as a note.
const FILL: &str = "
import sqlite3, sys
file, rows, tenants, own = sys.argv[1], *map(int, sys.argv[2:])
db = sqlite3.connect(file, isolation_level=None)
db.execute('PRAGMA journal_mode=OFF')
db.execute('PRAGMA synchronous=OFF')
db.execute('PRAGMA cache_size=-400000')
db.execute('BEGIN')
db.execute('''WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?1)
    INSERT INTO \"Site\" (id, name, created, version)
    SELECT 'site-' || n, 'Site', 1, 1 FROM n''', (tenants,))
db.execute('''WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?1)
    INSERT INTO \"Group\" (id, name, tenant, created, version)
    SELECT 'group', 'Group', 'site-' || n, 1, 1 FROM n''', (tenants,))
owners = max(rows // tenants // own, 1)
db.execute('''WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?1)
    INSERT INTO \"Item\" (id, owner, \"group\", title, size, tenant, created, version)
    SELECT printf('%026d', n), 'member-' || (n / ?2 % ?3), 'group',
        printf('A title that is as long as a title is, %09d', n * 7919 % ?1), n % 50,
        'site-' || (n % ?2), 1, 1 FROM n''', (rows, tenants, owners))
db.execute('COMMIT')
db.execute('PRAGMA journal_mode=WAL')
";

/// One size: how long a start takes, and what a page, a filtered page, a row and a write take of
/// the processor.
fn stored(binary: &Path, programs: &Programs, rows: u64, tenants: u64) -> Result<String, Problem> {
    let folder = repo::scratch("growth")?;
    let brief = folder.join("growth.kdl");
    repo::write(&brief, BRIEF)?;
    let start = |port: u16| {
        let mut run = program(binary, &["run"]);
        run.arg(&brief)
            .args(["--port", &port.to_string(), "--log", "--data"]);
        run.arg(folder.join("data"));
        let begun = Instant::now();
        let started = server(&mut run, &folder, port, "/health/ready")?;
        Ok::<_, Problem>((started, begun.elapsed().as_secs_f64() * 1000.0))
    };
    // The first start makes the tables.
    drop(start(http::free_port()?)?);
    let mut fill = program("python3", &["-c", FILL]);
    fill.arg(store(&folder.join("data"))?);
    fill.args([rows, tenants, OWN].map(|number| number.to_string()));
    proc::run(fill.stdout(Stdio::null()))?;
    let ((_group, side), ready) = start(http::free_port()?)?;
    let mut token = program(binary, &["token"]);
    token
        .arg(&brief)
        .args(["--actor", "member", "--subject", "member-0"]);
    token
        .args(["--tenant", "site-0", "--data"])
        .arg(folder.join("data"));
    let said = proc::read(&mut token)?;
    let token = said.out.trim().to_owned();
    let figures = asked(&programs.load, &side, &token)?;
    Ok(row(
        &format!("{rows} rows, {tenants} tenants"),
        &format!("ready after {ready:.0} ms"),
        &figures,
    ))
}

/// The one database below the data folder.
fn store(data: &Path) -> Result<PathBuf, Problem> {
    let found = data.join("store.sqlite");
    match found.is_file() {
        true => Ok(found),
        false => Err(format!("no store in `{}`", data.display())),
    }
}

fn asked(load: &Path, side: &Side, token: &str) -> Result<String, Problem> {
    let body = serde_json::json!({"group": "group", "title": "new"});
    let get = |path: &str| request("GET", path, Some(token), None);
    let page = ask(load, side, &[get("/items")])?;
    let page: serde_json::Value =
        serde_json::from_str(page.first().map_or("", |answer| answer.body.as_str()))
            .map_err(|error| error.to_string())?;
    let first = page.pointer("/items/0/id").and_then(|id| id.as_str());
    let first = first.ok_or_else(|| format!("an empty page: {page}"))?;
    let cases = [
        ("own page", "200", get("/items")),
        ("filtered page", "200", get("/items?size=7&sort=-title")),
        ("one row", "200", get(&format!("/items/{first}"))),
        (
            "write",
            "201",
            request("POST", "/items", Some(token), Some(&body)),
        ),
    ];
    let mut text = String::new();
    for (name, status, request) in cases {
        let taken = turn(load, side, &[request], status)?;
        // Writing to a string does not fail.
        let _ = write!(text, "{name} {:.0} µs; ", taken.cpu);
    }
    Ok(text.trim_end_matches("; ").to_owned())
}

/// Check and plan of a brief of that many aggregates, and its start.
fn declared(binary: &Path, aggregates: usize) -> Result<String, Problem> {
    let folder = repo::scratch("growth")?;
    let brief = folder.join("many.kdl");
    let part = |number: usize| super::check::part(number);
    let parts: String = (0..aggregates).map(part).collect();
    let head = "system generated {\n}\nactor person kind=person\n";
    repo::write(&brief, &format!("{head}{parts}"))?;
    let timed = |command: &str| {
        let mut timed = program(binary, &[command]);
        timed.arg(&brief);
        let runs = (0..5).map(|_| cpu_seconds(&timed));
        Ok::<_, Problem>(median(runs.collect::<Result<_, _>>()?) * 1000.0)
    };
    let (check, plan) = (timed("check")?, timed("plan")?);
    let port = http::free_port()?;
    let mut run = program(binary, &["run"]);
    run.arg(&brief)
        .args(["--port", &port.to_string(), "--log", "--data"]);
    run.arg(folder.join("data"));
    let begun = Instant::now();
    let _started = server(&mut run, &folder, port, "/health/ready")?;
    let ready = begun.elapsed().as_secs_f64() * 1000.0;
    Ok(row(
        &format!("{aggregates} aggregates"),
        &format!("check {check:.0} ms, plan {plan:.0} ms of processor"),
        &format!("first start ready after {ready:.0} ms"),
    ))
}
