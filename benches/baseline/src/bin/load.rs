//! Load on a server of this machine: connections that ask again as soon as they are answered, for
//! some seconds. Prints one line of JSON: requests a second, latencies, and how many answers had
//! another status than the expected one.
//!
//! `load PORT SECONDS CONNECTIONS STATUS` with the requests on standard input: a JSON array of
//! `{"method", "path", "body", "headers"}`, asked in turn; `%n` in a path, body or header stands
//! for a number that no other request has. `load PORT once` asks each once, one after the other,
//! and prints what was answered: a JSON array of `{"status", "head", "body"}`.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl Request {
    /// The bytes on the wire, with `%n` replaced.
    fn text(&self, number: u64) -> String {
        let number = number.to_string();
        let body = self.body.replace("%n", &number);
        let mut text = format!(
            "{} {} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n",
            self.method,
            self.path.replace("%n", &number),
            body.len()
        );
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {}\r\n", value.replace("%n", &number)));
        }
        text.push_str("\r\n");
        text.push_str(&body);
        text
    }
}

struct Load {
    port: u16,
    end: Instant,
    status: String,
    requests: Vec<Request>,
    next: AtomicU64,
    salt: u64,
}

#[derive(Default)]
struct Tally {
    took: Vec<u32>,
    other: u64,
    bytes: u64,
    example: Option<String>,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut given = String::new();
    std::io::stdin().read_to_string(&mut given)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (port, seconds, connections, status) = match words.as_slice() {
        [port, once] if once == "once" => {
            let requests: Vec<Request> = serde_json::from_str(&given)?;
            let answers = runtime.block_on(each(port.parse()?, &requests))?;
            println!("{}", serde_json::Value::from(answers));
            return Ok(());
        }
        [port, seconds, connections, status] => (port, seconds, connections, status),
        _ => return Err("load PORT once, or load PORT SECONDS CONNECTIONS STATUS".into()),
    };
    let start = Instant::now();
    let salt = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let load = Arc::new(Load {
        port: port.parse()?,
        end: start + Duration::from_secs_f64(seconds.parse()?),
        status: status.clone(),
        requests: serde_json::from_str(&given)?,
        next: AtomicU64::new(0),
        salt: u64::try_from(salt.as_millis())? % 1_000_000_000 * 10_000_000,
    });
    let connections: usize = connections.parse()?;
    let tallies = runtime.block_on(async {
        let tasks: Vec<_> = (0..connections)
            .map(|_| tokio::spawn(ask(Arc::clone(&load))))
            .collect();
        let mut tallies = Vec::new();
        for task in tasks {
            tallies.push(task.await??);
        }
        Ok::<_, Failed>(tallies)
    })?;
    println!("{}", report(tallies, start.elapsed().as_secs_f64()));
    Ok(())
}

/// Asks each request once; what was answered.
async fn each(port: u16, requests: &[Request]) -> Result<Vec<serde_json::Value>, Failed> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut read = Vec::new();
    let mut answers = Vec::new();
    for request in requests {
        stream.write_all(request.text(0).as_bytes()).await?;
        let status = answer(&mut stream, &mut read).await?;
        let text = String::from_utf8_lossy(&read);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status: u16 = status.parse()?;
        answers.push(serde_json::json!({"status": status, "head": head, "body": body}));
    }
    Ok(answers)
}

fn report(tallies: Vec<Tally>, seconds: f64) -> String {
    let mut took: Vec<u32> = Vec::new();
    let (mut other, mut bytes, mut example) = (0, 0, None);
    for tally in tallies {
        took.extend(tally.took);
        other += tally.other;
        bytes += tally.bytes;
        example = example.or(tally.example);
    }
    took.sort_unstable();
    let at = |share: f64| {
        let place = (took.len() as f64 * share) as usize;
        f64::from(took.get(place).or(took.last()).copied().unwrap_or(0)) / 1000.0
    };
    let count = took.len();
    serde_json::json!({
        "rate": count as f64 / seconds, "count": count, "other": other, "bytes": bytes,
        "p50_ms": at(0.5), "p99_ms": at(0.99), "example": example,
    })
    .to_string()
}

/// One connection: asks until the time is over.
async fn ask(load: Arc<Load>) -> Result<Tally, Failed> {
    let mut stream = TcpStream::connect(("127.0.0.1", load.port)).await?;
    stream.set_nodelay(true)?;
    let mut tally = Tally::default();
    let mut read = Vec::with_capacity(64 * 1024);
    while Instant::now() < load.end {
        let number = load.next.fetch_add(1, Ordering::Relaxed);
        let turn = usize::try_from(number)? % load.requests.len();
        let Some(request) = load.requests.get(turn) else {
            break;
        };
        let start = Instant::now();
        stream
            .write_all(request.text(load.salt + number).as_bytes())
            .await?;
        let status = answer(&mut stream, &mut read).await?;
        tally
            .took
            .push(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX));
        tally.bytes += read.len() as u64;
        if status != load.status {
            tally.other += 1;
            tally
                .example
                .get_or_insert_with(|| String::from_utf8_lossy(&read).into_owned());
        }
    }
    Ok(tally)
}

/// Reads a whole answer with a known length; its status.
async fn answer(stream: &mut TcpStream, read: &mut Vec<u8>) -> Result<String, Failed> {
    read.clear();
    let (status, length) = loop {
        if stream.read_buf(read).await? == 0 {
            return Err("the server closed the connection".into());
        }
        if let Some(head) = head(read)? {
            break head;
        }
    };
    while read.len() < length {
        if stream.read_buf(read).await? == 0 {
            return Err("the server closed the connection".into());
        }
    }
    Ok(status)
}

/// Status and length of the whole answer, once its head is there.
fn head(read: &[u8]) -> Result<Option<(String, usize)>, Failed> {
    let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(read.get(..end).unwrap_or_default())?;
    let status = head.get(9..12).unwrap_or_default().to_owned();
    let length = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    Ok(Some((status, end + 4 + length.unwrap_or(0))))
}
