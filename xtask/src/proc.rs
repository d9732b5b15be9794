//! Starting other programs: run and fail, run and read, and a process group that ends with us.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::report::say;

/// What went wrong, in words for the person who called.
pub(crate) type Problem = String;

/// A program with arguments, without standard input.
pub(crate) fn program<S: AsRef<OsStr>>(name: impl AsRef<OsStr>, args: &[S]) -> Command {
    let mut command = Command::new(name);
    command.args(args).stdin(Stdio::null());
    command
}

/// The command as a person would type it.
pub(crate) fn spelled(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        let _ = write!(text, " {}", arg.to_string_lossy());
    }
    text
}

/// What a program said, both streams together, and whether it ended with 0.
pub(crate) struct Said {
    /// True where the exit status is 0.
    pub(crate) good: bool,
    /// Standard output, then standard error.
    pub(crate) text: String,
    /// Standard output alone.
    pub(crate) out: String,
}

/// Runs the program to its end and keeps what it said.
pub(crate) fn read(command: &mut Command) -> Result<Said, Problem> {
    let spelled = spelled(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start `{spelled}`: {error}"))?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let text = format!("{out}{}", String::from_utf8_lossy(&output.stderr));
    Ok(Said {
        good: output.status.success(),
        text,
        out,
    })
}

/// Runs the program to its end with its output passed through; another status than 0 is a
/// problem.
pub(crate) fn run(command: &mut Command) -> Result<(), Problem> {
    let spelled = spelled(command);
    say(&format!("$ {spelled}"));
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("cannot start `{spelled}`: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{spelled}` ended with {status}"))
    }
}

/// Runs the program with both streams passed through line by line and kept.
pub(crate) fn tee(command: &mut Command) -> Result<Said, Problem> {
    let spelled = spelled(command);
    say(&format!("$ {spelled}"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start `{spelled}`: {error}"))?;
    let (sender, receiver) = mpsc::channel();
    for stream in [
        child.stdout.take().map(boxed),
        child.stderr.take().map(boxed),
    ] {
        let Some(stream) = stream else { continue };
        let sender = sender.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    drop(sender);
    let mut text = String::new();
    for line in receiver {
        say(&line);
        text.push_str(&line);
        text.push('\n');
    }
    let status = child
        .wait()
        .map_err(|error| format!("cannot wait for `{spelled}`: {error}"))?;
    Ok(Said {
        good: status.success(),
        out: text.clone(),
        text,
    })
}

fn boxed(stream: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(stream)
}

/// A child with a process group of its own; the whole group ends when this value goes.
pub(crate) struct Group {
    /// The leader of the group.
    pub(crate) child: Child,
}

impl Group {
    /// Starts the program as the leader of a new group.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Problem> {
        use std::os::unix::process::CommandExt;
        let spelled = spelled(command);
        let child = command
            .process_group(0)
            .spawn()
            .map_err(|error| format!("cannot start `{spelled}`: {error}"))?;
        Ok(Self { child })
    }

    /// Waits until the leader has ended or the time is over; true where it ended with 0.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<bool, Problem> {
        let start = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status.success()),
                Ok(None) if start.elapsed() > limit => {
                    return Err(format!("not ended after {} s", limit.as_secs()));
                }
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(format!("cannot wait: {error}")),
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        for signal in ["-TERM", "-KILL"] {
            let _ = Command::new("kill")
                .args([signal, "--", &group])
                .stderr(Stdio::null())
                .status();
            if self.wait(Duration::from_secs(5)).is_ok() && signal == "-KILL" {
                break;
            }
        }
    }
}

/// Whether a file may be executed from this path.
pub(crate) fn is_file(path: &Path) -> bool {
    path.is_file()
}
