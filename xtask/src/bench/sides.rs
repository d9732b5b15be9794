//! Servers that are measured side by side, and the load on them: rates and processor time, taken
//! in turns within one run, so that whatever else the machine does falls on all of them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use super::median;
use crate::proc::{self, Group, Problem, program};
use crate::repo;

/// Connections that ask at the same time.
const CONNECTIONS: &str = "64";
/// Seconds of one turn.
const TURN: &str = "2";
/// Turns of each server.
const TURNS: usize = 5;

/// The programs of `benches/baseline`.
pub(crate) struct Programs {
    /// The service written by hand.
    pub(crate) baseline: PathBuf,
    /// What asks.
    pub(crate) load: PathBuf,
}

impl Programs {
    /// Builds them; `UNDERPIN_BASELINE` names a folder that has them already.
    pub(crate) fn build() -> Result<Self, Problem> {
        let folder = match std::env::var_os("UNDERPIN_BASELINE") {
            Some(given) => PathBuf::from(given),
            None => {
                let manifest = "benches/baseline/Cargo.toml";
                let args = ["build", "--quiet", "--release", "--manifest-path", manifest];
                let target = repo::target()?;
                let mut build = program(repo::cargo(), &args);
                build.env("CARGO_TARGET_DIR", &target);
                proc::run(build.current_dir(repo::root()))?;
                target.join("release")
            }
        };
        Ok(Self {
            baseline: folder.join("baseline"),
            load: folder.join("load"),
        })
    }
}

/// A server that is measured.
pub(crate) struct Side {
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
    /// Its process; those below it count as well.
    pub(crate) process: u32,
}

/// One request, as the program `load` reads it.
pub(crate) fn request(
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Value {
    let mut headers = serde_json::Map::new();
    if let Some(token) = token {
        headers.insert("authorization".into(), json!(format!("Bearer {token}")));
    }
    if body.is_some() {
        headers.insert("content-type".into(), json!("application/json"));
    }
    if method != "GET" {
        headers.insert("idempotency-key".into(), json!("bench-%n"));
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    json!({"method": method, "path": path, "headers": headers, "body": body})
}

/// The same request under that key.
pub(crate) fn keyed(mut request: Value, key: &str) -> Value {
    if let Some(place) = request.pointer_mut("/headers/idempotency-key") {
        *place = json!(key);
    }
    request
}

/// An answer to a request that was asked once.
pub(crate) struct Answered {
    /// The status.
    pub(crate) status: u64,
    /// The body.
    pub(crate) body: String,
}

/// Asks every request once, in order.
pub(crate) fn ask(load: &Path, side: &Side, requests: &[Value]) -> Result<Vec<Answered>, Problem> {
    let said = feed(load, &[&side.port.to_string(), "once"], requests)?;
    let answers: Vec<Value> = serde_json::from_str(&said).map_err(|e| format!("{e}: {said}"))?;
    let answered = |answer: &Value| Answered {
        status: answer.get("status").and_then(Value::as_u64).unwrap_or(0),
        body: answer
            .get("body")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    };
    Ok(answers.iter().map(answered).collect())
}

fn feed(load: &Path, args: &[&str], requests: &[Value]) -> Result<String, Problem> {
    let problem = |error: std::io::Error| format!("`load`: {error}");
    let mut load = program(load, args);
    load.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = load.spawn().map_err(problem)?;
    if let Some(mut input) = child.stdin.take() {
        let text = Value::from(requests.to_vec()).to_string();
        input.write_all(text.as_bytes()).map_err(problem)?;
    }
    let output = child.wait_with_output().map_err(problem)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("`load` ended with {}", output.status)),
    }
}

/// What a server did in one turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Processor time of the server per request, µs.
    pub(crate) cpu: f64,
    /// The middle latency, ms.
    pub(crate) middle: f64,
}

/// One turn of load; every answer must have that status.
pub(crate) fn turn(
    load: &Path,
    side: &Side,
    requests: &[Value],
    status: &str,
) -> Result<Turn, Problem> {
    let before = processor(side.process)?;
    let port = side.port.to_string();
    let said = feed(load, &[&port, TURN, CONNECTIONS, status], requests)?;
    let spent = processor(side.process)? - before;
    let told: Value = serde_json::from_str(&said).map_err(|error| error.to_string())?;
    if told.get("other").and_then(Value::as_u64) != Some(0) {
        return Err(format!("not every answer was {status}: {told}"));
    }
    let figure = |name: &str| told.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    Ok(Turn {
        rate: figure("rate"),
        cpu: spent / figure("count").max(1.0) * 1e6,
        middle: figure("p50_ms"),
    })
}

/// Turns of several servers, one after the other, again and again; the first of each is thrown
/// away.
pub(crate) fn turns(
    load: &Path,
    sides: &[(&Side, &[Value])],
    status: &str,
) -> Result<Vec<Vec<Turn>>, Problem> {
    let mut all: Vec<Vec<Turn>> = sides.iter().map(|_| Vec::new()).collect();
    for number in 0..=TURNS {
        for ((side, requests), taken) in sides.iter().zip(&mut all) {
            let one = turn(load, side, requests, status)?;
            if number > 0 {
                taken.push(one);
            }
        }
    }
    Ok(all)
}

/// The middle figure of some turns.
pub(crate) fn middle(turns: &[Turn], figure: impl Fn(&Turn) -> f64) -> f64 {
    median(turns.iter().map(figure).collect())
}

/// The middle of what one server does in relation to another in the same turn.
pub(crate) fn ratio(one: &[Turn], other: &[Turn], figure: impl Fn(&Turn) -> f64) -> f64 {
    let pairs = one.iter().zip(other);
    median(
        pairs
            .map(|(one, other)| figure(one) / figure(other))
            .collect(),
    )
}

/// Processor seconds of a process and all those that it has started.
fn processor(process: u32) -> Result<f64, Problem> {
    let own = repo::read(Path::new(&format!("/proc/{process}/stat")))?;
    let ticks = ticks(&own).ok_or("no times in /proc")?;
    let children = repo::read(Path::new(&format!(
        "/proc/{process}/task/{process}/children"
    )));
    let mut seconds = ticks / 100.0;
    for child in children.unwrap_or_default().split_whitespace() {
        if let Ok(child) = child.parse() {
            seconds += processor(child).unwrap_or(0.0);
        }
    }
    Ok(seconds)
}

/// User and system time in a line of `/proc/…/stat`, in hundredths of a second.
fn ticks(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11).map(str::parse::<f64>);
    Some(fields.next()?.ok()? + fields.next()?.ok()?)
}

/// Starts a server that writes its log into `folder`.
pub(crate) fn server(
    command: &mut std::process::Command,
    folder: &Path,
    port: u16,
    ready: &str,
) -> Result<(Group, Side), Problem> {
    let log = folder.join("log");
    let problem = |error| format!("cannot write a log: {error}");
    let errors = std::fs::File::create(&log).map_err(problem)?;
    let mut group = Group::start(command.stdout(Stdio::null()).stderr(Stdio::from(errors)))?;
    let process = group.child.id();
    for _ in 0..600 {
        if crate::http::status(port, ready).is_some_and(|status| status < 500) {
            return Ok((group, Side { port, process }));
        }
        if let Ok(Some(status)) = group.child.try_wait() {
            let said = repo::read(&log).unwrap_or_default();
            return Err(format!("a server ended with {status}\n{said}"));
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Err("a server was not ready after 30 s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Turn, ratio, ticks};

    #[test]
    fn processor_time_is_read_behind_a_name_with_spaces_and_brackets() {
        let line = "7 (a (b) c) S 1 7 7 0 -1 4194304 900 0 0 0 150 50 0 0 20 0 9 0 1";
        assert_eq!(ticks(line), Some(200.0));
    }

    #[test]
    fn the_relation_is_taken_turn_by_turn() {
        let turns = |rates: [f64; 3]| {
            rates.map(|rate| Turn {
                rate,
                cpu: 1.0,
                middle: 1.0,
            })
        };
        let (one, other) = (turns([1.0, 50.0, 4.0]), turns([2.0, 100.0, 8.0]));
        assert!((ratio(&one, &other, |turn| turn.rate) - 0.5).abs() < 1e-9);
    }
}
