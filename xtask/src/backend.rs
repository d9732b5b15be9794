//! A running example: the built binary on a free port with a data folder of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::http;
use crate::proc::{self, Group, Problem, program};
use crate::repo;

/// How long a start may take.
const READY: Duration = Duration::from_secs(30);

/// A backend that ends with this value.
pub(crate) struct Backend {
    /// Its processes.
    pub(crate) group: Group,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
    /// Its data folder.
    pub(crate) data: PathBuf,
}

impl Backend {
    /// Starts `underpin run BRIEF` and waits until it is ready.
    pub(crate) fn start(binary: &Path, brief: &str, args: &[&str]) -> Result<Self, Problem> {
        let folder = repo::scratch(&format!("run-{}", repo::stem(brief)))?;
        let mut run = program(binary, &["run", brief]);
        run.args(args);
        Self::begin(run, brief, &folder.join("data"), &folder.join("log"))
    }

    /// The same on a data folder that `fill` makes first.
    pub(crate) fn start_on(
        binary: &Path,
        brief: &str,
        fill: impl FnOnce(&Path) -> Result<(), Problem>,
    ) -> Result<Self, Problem> {
        let folder = repo::scratch(&format!("filled-{}", repo::stem(brief)))?;
        fill(&folder.join("data"))?;
        let run = program(binary, &["run", brief]);
        Self::begin(run, brief, &folder.join("data"), &folder.join("log"))
    }

    /// The same on a data folder that is there, as a child of another program whose last words
    /// name the binary.
    pub(crate) fn wrapped(
        wrapper: &Path,
        words: &[String],
        brief: &str,
        data: &Path,
    ) -> Result<Self, Problem> {
        let mut run = program(wrapper, words);
        run.args(["run", brief]);
        Self::begin(run, brief, data, &data.with_extension("log"))
    }

    fn begin(
        mut run: std::process::Command,
        brief: &str,
        data: &Path,
        log: &Path,
    ) -> Result<Self, Problem> {
        let port = http::free_port()?;
        let problem = |error| format!("cannot write a log: {error}");
        let errors = std::fs::File::create(log).map_err(problem)?;
        run.args(["--port", &port.to_string(), "--data"]);
        run.arg(data).current_dir(repo::root());
        let group = Group::start(run.stdout(Stdio::null()).stderr(Stdio::from(errors)))?;
        let data = data.to_owned();
        let mut backend = Self { group, port, data };
        backend.wait_until_ready().map_err(|problem| {
            let said = repo::read(log).unwrap_or_default();
            format!("`underpin run {brief}` {problem}\n{said}")
        })?;
        Ok(backend)
    }

    fn wait_until_ready(&mut self) -> Result<(), Problem> {
        let start = Instant::now();
        while start.elapsed() < READY {
            if http::status(self.port, "/health/ready") == Some(200) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.group.child.try_wait() {
                return Err(format!("ended with {status}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(format!("was not ready after {} s", READY.as_secs()))
    }

    /// A development token for the actor.
    pub(crate) fn token(&self, binary: &Path, brief: &str, actor: &str) -> Result<String, Problem> {
        let mut token = program(
            binary,
            &[
                "token",
                brief,
                "--actor",
                actor,
                "--subject",
                "ada",
                "--data",
            ],
        );
        let said = proc::read(token.arg(&self.data).current_dir(repo::root()))?;
        if said.good {
            Ok(said.out.trim().to_owned())
        } else {
            Err(format!(
                "`underpin token {brief} --actor {actor}` failed: {}",
                said.text
            ))
        }
    }
}
