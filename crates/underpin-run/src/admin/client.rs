//! The other side of the door: one question, one answer, over a connection of its own. Must not
//! know what is asked.

use super::door::{FILE, Published};
use super::{Ask, Refused, Told};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Asks the backend that runs on the data folder.
///
/// # Errors
/// What it refuses; `unavailable` where nothing runs on that folder.
pub fn ask(data: &Path, ask: &Ask) -> Result<Told, Refused> {
    let nobody = |why: String| {
        let folder = data.display();
        let message = format!("no backend runs on the data folder `{folder}`{why}");
        let help = "start it with `underpin run`, or name its folder with `--data`";
        Refused::new("unavailable", message, help)
    };
    let text = std::fs::read_to_string(data.join(FILE)).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => nobody(String::new()),
        _ => nobody(format!(": {error}")),
    })?;
    let published: Published =
        serde_json::from_str(&text).map_err(|error| nobody(format!(": {error}")))?;
    let body = serde_json::to_string(ask).map_err(|error| nobody(format!(": {error}")))?;
    let said = exchange(&published, &body).map_err(|error| nobody(format!(" ({error})")))?;
    let unread = |error: serde_json::Error| {
        let help = "use the `underpin` that the backend was started with";
        Refused::new(
            "unreadable",
            format!("the answer cannot be read: {error}"),
            help,
        )
    };
    match said {
        (200, answer) => serde_json::from_str(&answer).map_err(unread),
        (_, answer) => Err(serde_json::from_str(&answer).unwrap_or_else(unread)),
    }
}

fn exchange(published: &Published, body: &str) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&published.address, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        published.key,
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(broken)?, body.to_owned()))
}
