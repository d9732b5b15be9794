//! The running notes beside the same service made with what others offer (`benches/others`): a
//! note is written by the owner of its notebook, and a page of fifty with the names of their
//! notebooks is read. Each is installed pinned into `.tools` when it is measured first.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::sides::{Programs, Side, ask, keyed, middle, ratio, request, server, turns};
use super::{released, row};
use crate::backend::Backend;
use crate::http;
use crate::proc::{self, Group, Problem, program};
use crate::repo;

const BRIEF: &str = "examples/notes.kdl";

/// Who is measured, and what its requests look like.
struct Other {
    name: &'static str,
    _group: Option<Group>,
    side: Side,
    dialect: Dialect,
}

/// How a service wants to be asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// As the contract of the running notes says, with its token.
    Plain,
    /// OData as CAP serves it, with a name and a password.
    OData,
}

/// What stands behind the requests to one service.
struct Asker {
    dialect: Dialect,
    token: String,
    notebook: String,
}

impl Asker {
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let mut request = request(method, path, Some(&self.token), body);
        if self.dialect == Dialect::OData
            && let Some(place) = request.pointer_mut("/headers/authorization")
        {
            // The name and password `ada`.
            *place = json!("Basic YWRhOmFkYQ==");
        }
        request
    }

    fn write(&self) -> Value {
        let (path, notebook) = match self.dialect {
            Dialect::Plain => ("/notes", "notebook"),
            Dialect::OData => ("/Notes", "notebook_ID"),
        };
        let mut body = json!({"title": "A title", "body": "Some words."});
        if let Some(body) = body.as_object_mut() {
            body.insert(notebook.to_owned(), json!(self.notebook));
        }
        self.ask("POST", path, Some(&body))
    }

    fn page(&self) -> Value {
        let path = match self.dialect {
            Dialect::Plain => "/notes",
            Dialect::OData => {
                "/Notes?$select=ID,title,body,state&$expand=notebook($select=name)&$orderby=title,ID&$top=50"
            }
        };
        self.ask("GET", path, None)
    }
}

/// Installs, starts and measures all of them.
pub(crate) fn run() -> Result<Vec<String>, Problem> {
    let programs = Programs::build()?;
    let binary = released(&[])?;
    let notes = Backend::start(&binary, BRIEF, &[])?;
    let token = notes.token(&binary, BRIEF, "writer")?;
    let folder = repo::scratch("others")?;
    let ours = Side {
        port: notes.port,
        process: notes.group.child.id(),
    };
    let keys = request("GET", "/.well-known/jwks.json", None, None);
    let keys = ask(&programs.load, &ours, &[keys])?;
    let jwks = folder.join("jwks.json");
    repo::write(
        &jwks,
        keys.first().map_or("", |answer| answer.body.as_str()),
    )?;
    let issuer = format!("http://127.0.0.1:{}", notes.port);
    let python = Python {
        folder: python()?,
        jwks,
        issuer,
    };
    let ours = Other {
        name: "underpin",
        _group: None,
        side: ours,
        dialect: Dialect::Plain,
    };
    let others = vec![
        ours,
        python.start(
            "FastAPI with SQLAlchemy, 2 processes",
            "plain",
            "2",
            &folder,
        )?,
        python.start(
            "DBOS (workflow with a step), FastAPI",
            "durable",
            "1",
            &folder,
        )?,
        cap(&folder)?,
    ];
    compare(&programs.load, &others, &token)
}

/// Fills every service alike and measures them in turns.
fn compare(load: &Path, others: &[Other], token: &str) -> Result<Vec<String>, Problem> {
    let mut askers = Vec::new();
    for other in others {
        askers.push(filled(load, other, token)?);
    }
    let mut rows = Vec::new();
    for (what, status, asked) in [
        ("write a note", "201", Asker::write as fn(&Asker) -> Value),
        (
            "read a page of 50 notes with joined names",
            "200",
            Asker::page,
        ),
    ] {
        let requests: Vec<Vec<Value>> = askers.iter().map(|asker| vec![asked(asker)]).collect();
        let sides: Vec<(&Side, &[Value])> = others
            .iter()
            .zip(&requests)
            .map(|(other, requests)| (&other.side, requests.as_slice()))
            .collect();
        let taken = turns(load, &sides, status)?;
        let Some((ours, rest)) = taken.split_first() else {
            continue;
        };
        for (other, theirs) in others.iter().skip(1).zip(rest) {
            rows.push(row(
                &format!("{what}, beside {}", other.name),
                &format!(
                    "{:.1} × its rate, {:.2} × its processor time",
                    ratio(ours, theirs, |turn| turn.rate),
                    ratio(ours, theirs, |turn| turn.cpu)
                ),
                &format!(
                    "{:.0}/s beside {:.0}/s; {:.0} µs beside {:.0} µs of processor",
                    middle(ours, |turn| turn.rate),
                    middle(theirs, |turn| turn.rate),
                    middle(ours, |turn| turn.cpu),
                    middle(theirs, |turn| turn.cpu),
                ),
            ));
        }
    }
    Ok(rows)
}

/// A notebook with sixty notes, after which a page of fifty must come, and a notebook that is not
/// there must be refused.
fn filled(load: &Path, other: &Other, token: &str) -> Result<Asker, Problem> {
    let mut asker = Asker {
        dialect: other.dialect,
        token: token.to_owned(),
        notebook: "00000000-0000-0000-0000-000000000000".to_owned(),
    };
    let one = |asker: &Asker, request: Value| {
        let answers = ask(load, &other.side, &[request])?;
        let answer = answers.into_iter().next().ok_or("no answer")?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let _ = asker;
        Ok::<_, Problem>((answer.status, body))
    };
    let (status, body) = one(&asker, asker.write())?;
    if status != 403 && status != 404 {
        return Err(format!(
            "{}: a strange notebook: {status} {body}",
            other.name
        ));
    }
    let (path, key) = match other.dialect {
        Dialect::Plain => ("/notebooks", "notebook"),
        Dialect::OData => ("/Notebooks", "ID"),
    };
    let request = keyed(
        asker.ask("POST", path, Some(&json!({"name": "One"}))),
        "notebook",
    );
    let (status, body) = one(&asker, request)?;
    let made = body.get(key).and_then(Value::as_str);
    asker.notebook = made
        .ok_or_else(|| format!("{}: no notebook: {status} {body}", other.name))?
        .to_owned();
    let note = |number: usize| keyed(asker.write(), &format!("note-{number}"));
    let notes: Vec<Value> = (0..60).map(note).collect();
    if let Some(refused) = ask(load, &other.side, &notes)?
        .iter()
        .find(|answer| answer.status != 201)
    {
        return Err(format!(
            "{}: {} {}",
            other.name, refused.status, refused.body
        ));
    }
    let (status, body) = one(&asker, asker.page())?;
    let items = body.get("items").or_else(|| body.get("value"));
    let items = items.and_then(Value::as_array).map_or(0, Vec::len);
    let name = body.pointer("/items/0/notebook/name");
    let name = name.or_else(|| body.pointer("/value/0/notebook/name"));
    if items != 50 || name != Some(&json!("One")) {
        return Err(format!("{}: no page: {status} {body}", other.name));
    }
    Ok(asker)
}

/// What the services in Python run with.
struct Python {
    folder: PathBuf,
    jwks: PathBuf,
    issuer: String,
}

impl Python {
    fn start(
        &self,
        name: &'static str,
        module: &str,
        processes: &str,
        folder: &Path,
    ) -> Result<Other, Problem> {
        let folder = folder.join(module);
        repo::write(&folder.join("empty"), "")?;
        let port = http::free_port()?;
        let environment = |command: &mut Command| {
            command.env("DATA", &folder).env("JWKS", &self.jwks);
            command
                .env("ISSUER", &self.issuer)
                .env("PYTHONDONTWRITEBYTECODE", "1");
            command.current_dir(repo::root().join("benches/others/python"));
        };
        // The tables are made once, before several processes want to make them.
        let mut tables = program(self.folder.join("bin/python"), &["-c", "import plain"]);
        environment(&mut tables);
        proc::run(&mut tables)?;
        let module = format!("{module}:app");
        let port_text = port.to_string();
        let args = [
            "--port",
            &port_text,
            "--no-access-log",
            "--workers",
            processes,
            &module,
        ];
        let mut command = program(self.folder.join("bin/uvicorn"), &args);
        environment(&mut command);
        let (group, side) = server(&mut command, &folder, port, "/health/ready")?;
        Ok(Other {
            name,
            _group: Some(group),
            side,
            dialect: Dialect::Plain,
        })
    }
}

/// The Python environment of the services, made where it is missing.
fn python() -> Result<PathBuf, Problem> {
    let folder = repo::tools().join("others-python");
    if !folder.join("bin/uvicorn").is_file() {
        proc::run(program("python3", &["-m", "venv"]).arg(&folder))?;
        let list = repo::root().join("benches/others/python/requirements.txt");
        let args = ["install", "--quiet", "--requirement"];
        proc::run(program(folder.join("bin/pip"), &args).arg(list))?;
    }
    Ok(folder)
}

fn cap(folder: &Path) -> Result<Other, Problem> {
    let tools = repo::tools().join("others-cap");
    let from = repo::root().join("benches/others/cap");
    if !tools.join("node_modules/@sap/cds").is_dir() {
        repo::write(&tools.join("empty"), "")?;
        proc::run(program("cp", &["-R"]).arg(from.join(".")).arg(&tools))?;
        let args = ["ci", "--no-audit", "--no-fund"];
        proc::run(program("npm", &args).current_dir(&tools))?;
    }
    let data = folder.join("cap");
    repo::write(&data.join("empty"), "")?;
    for left in ["notes.sqlite", "notes.sqlite-wal", "notes.sqlite-shm"] {
        let _ = std::fs::remove_file(tools.join(left));
    }
    let bin = tools.join("node_modules/@sap/cds/bin/deploy.js");
    proc::run(program("node", &[bin.as_os_str()]).current_dir(&tools))?;
    let port = http::free_port()?;
    let serve = tools.join("node_modules/@sap/cds/bin/serve.js");
    let mut command = program("node", &[serve.as_os_str()]);
    command.args(["all", "--port", &port.to_string()]);
    // Not one log line per request, as in production.
    command
        .env("CDS_LOG_LEVELS_ODATA", "warn")
        .current_dir(&tools);
    let (group, side) = server(&mut command, &data, port, "/Notes")?;
    Ok(Other {
        name: "SAP CAP on Node.js",
        _group: Some(group),
        side,
        dialect: Dialect::OData,
    })
}
