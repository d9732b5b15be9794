//! Events to many subscribers: how many messages a second reach them, and how long the last one
//! waits. Subscribers are sockets of one Python process on this machine, which costs about as much
//! as the server; addresses of the loopback network stand for so many clients.

use super::{released, row};
use crate::backend::Backend;
use crate::proc::{self, Problem, program};
use crate::repo;

const BRIEF: &str = r#"system wire
actor reader kind=person
aggregate Line { key id; field room text; field words text }
event Said about=Line { key line; field line Line; field room text; field words text }
command say {
    allow anyone
    input room text max=40
    input words text max=200
    create line Line { set room=input.room words=input.words }
    emit Said { set line=line.id room=input.room words=input.words }
}
feed everything { allow anyone; on Said; show room words; deliver live }
feed room where="event.room == input.room" { input room text max=40; allow anyone; on Said; show words; deliver live }
"#;

/// What is measured: its name, the path of a subscriber (`{}` is its number), subscribers, events.
const CASES: &[(&str, &str, u32, u32)] = &[
    ("one judgement for all", "/feeds/everything", 1_000, 200),
    ("one judgement for all", "/feeds/everything", 10_000, 50),
    (
        "each judged alone, one of them told",
        "/feeds/room?room=r{}",
        10_000,
        50,
    ),
];

/// Starts the released binary and lets so many listen.
pub(crate) fn run() -> Result<Vec<String>, Problem> {
    let binary = released(&[])?;
    let folder = repo::scratch("bench-feeds")?;
    let brief = folder.join("wire.kdl");
    std::fs::write(&brief, BRIEF).map_err(|error| format!("cannot write a brief: {error}"))?;
    let brief = brief.to_string_lossy().into_owned();
    let mut rows = Vec::new();
    for (what, path, subscribers, events) in CASES {
        let backend = Backend::start(&binary, &brief, &[])?;
        let mut python = program("python3", &["-c", CLIENT]);
        python.args([&backend.port.to_string(), *path]);
        python.args([&subscribers.to_string(), &events.to_string()]);
        let said = proc::read(&mut python)?;
        let figures: Vec<f64> = said
            .out
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let [rate, judged, last] = figures.as_slice() else {
            return Err(format!("python3 told no figures:\n{}", said.text));
        };
        rows.push(row(
            &format!("feed, {subscribers} subscribers, {what}"),
            &format!("{rate:.0} messages/s"),
            &format!("{judged:.0} events × subscribers/s; one event alone reaches the last of them after {last:.0} ms"),
        ));
    }
    Ok(rows)
}

const CLIENT: &str = r#"
import http.client, json, select, socket, sys, threading, time
port, path, count, events = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
poll, sockets, got, alone = select.epoll(), {}, 0, "{}" in path

def listen(number):
    s = socket.socket()
    s.bind(("127.0.%d.%d" % (1 + number // 12000, 1 + number // 60 % 200), 0))
    s.connect(("127.0.0.1", port))
    target = path.replace("{}", str(number))
    s.sendall(("GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % target).encode())
    s.setblocking(False)
    sockets[s.fileno()] = [s, b""]
    poll.register(s, select.EPOLLIN)

def read(until, what, limit):
    global got
    seen, end = 0, time.monotonic() + limit
    while seen < until and time.monotonic() < end:
        for file, _ in poll.poll(1):
            s = sockets[file]
            data = s[1] + s[0].recv(65536)
            seen += data.count(what)
            s[1] = data[-len(what) + 1:]
    if seen < until:
        sys.exit("only %d of %d: %s" % (seen, until, what))

for number in range(count):
    listen(number)
    if number % 200 == 199:
        read(200, b"retry: ", 60)
read(count % 200, b"retry: ", 60)

def say(times):
    http_client = http.client.HTTPConnection("127.0.0.1", port)
    for at in range(times):
        body = json.dumps({"room": "r%d" % (at * 7919 % count), "words": "words of event %d" % at})
        http_client.request("POST", "/lines", body, {"content-type": "application/json"})
        answer = http_client.getresponse()
        answer.read()
        if answer.status >= 300:
            sys.exit("refused: %d" % answer.status)

each = 1 if alone else count
began = time.monotonic()
threading.Thread(target=say, args=(1,)).start()
read(each, b"event: Said", 60)
last = time.monotonic() - began
began = time.monotonic()
threading.Thread(target=say, args=(events,)).start()
read(each * events, b"event: Said", 300)
took = time.monotonic() - began
print(each * events / took, count * events / took, last * 1000)
"#;
