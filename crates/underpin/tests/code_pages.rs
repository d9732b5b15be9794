//! The commands on the pages of the codes that only the command line and a start raise are true.

use crate::support::{Folder, Said, until_ready};
use std::net::TcpListener;
use std::process::Child;
use underpin_brief::codes::pages::{Form, files, untrue};
use underpin_brief::codes::{self, Code};

/// A port that nobody listens on at this moment.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener
        .local_addr()
        .expect("its address")
        .port()
        .to_string()
}

/// The arguments of `underpin …`, with ports of this machine for those on the page.
fn arguments(command: &str, ports: &[(&str, String)]) -> Vec<String> {
    let words = command
        .strip_prefix("underpin ")
        .expect("a command of ours")
        .split(' ');
    let mut words: Vec<String> = words
        .map(|word| {
            let port = ports.iter().find(|(written, _)| *written == word);
            port.map_or_else(|| word.to_owned(), |(_, port)| port.clone())
        })
        .collect();
    if words.first().is_some_and(|word| word == "run") && !words.iter().any(|word| word == "--port")
    {
        words.extend(["--port".to_owned(), "0".to_owned()]);
    }
    words
}

/// Types the commands beside the files of the page. A server is ended when it is ready, or at the
/// end where its line ends in `&`. What the last command said.
fn typed(code: Code, block: &str) -> Said {
    let folder = Folder::new();
    for (name, text) in files(code.block("kdl files").expect("files")) {
        folder.write(&name, &text);
    }
    let ports = [("8080", free_port()), ("8081", free_port())];
    let mut beside: Vec<Child> = Vec::new();
    let mut last = None;
    for command in block
        .lines()
        .map(|line| line.strip_prefix("$ ").expect("a command"))
    {
        let (command, stays) = match command.strip_suffix(" &") {
            Some(command) => (command, true),
            None => (command, false),
        };
        let (mut child, said) = until_ready(&folder, &arguments(command, &ports));
        if stays {
            beside.push(child);
        } else {
            let _ = child.kill();
            let _ = child.wait();
        }
        last = Some(said);
    }
    for mut child in beside {
        let _ = child.kill();
        let _ = child.wait();
    }
    last.expect("a command")
}

#[test]
fn examples_raise_their_code_alone_and_are_mended() {
    for range in ["U00", "U069"] {
        for code in codes::all().filter(|code| code.id.starts_with(range)) {
            let raised = |block: &str| {
                let said = typed(code, block);
                let text = format!("{}{}", said.out, said.err);
                let failed = said.code != 0;
                let found = codes::all().filter(|code| text.contains(&format!("[{code}]")));
                let found: Vec<String> = found.map(|code| code.id.to_owned()).collect();
                assert_eq!(failed, !found.is_empty(), "{code}: {text}");
                found
            };
            let wrong = untrue(&[code.id], Form::Commands, raised);
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    }
}
