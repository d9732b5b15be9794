//! `cargo xtask docs`: every transcript in the README and under `docs/` is run and must print
//! what it shows; the book builds without a warning; the Markdown is clean.
//!
//! `cargo xtask docs write` replaces what differs by what was printed. Look at the change.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::Entry;
use crate::proc::{self, Group, Problem, program};
use crate::repo;
use crate::report::{Count, closing, say};
use crate::transcript::{self, Step};

pub(super) const ENTRY: Entry = Entry {
    name: "docs",
    about: "Run the transcripts in documents (`write`: update them), build the book, lint Markdown",
    takes: Some("write"),
    run,
};

/// How long one command of a transcript may take.
const LIMIT: Duration = Duration::from_secs(120);
/// How long to wait for what a command in the background prints.
const BACKGROUND: Duration = Duration::from_secs(10);

fn run(words: &[String]) -> Result<(), Problem> {
    let write = words.iter().any(|word| word == "write");
    let count = transcripts(write)?.plus(book()?).plus(markdown()?);
    say(&closing(count));
    if count.failed == 0 {
        Ok(())
    } else {
        Err(format!("{} failed", count.failed))
    }
}

/// Runs the transcripts of the README and of everything under `docs/`.
pub(super) fn transcripts(write: bool) -> Result<Count, Problem> {
    let binary = repo::binary()?;
    let mut count = Count::default();
    for name in repo::files()? {
        let document = name == "README.md" || name.starts_with("docs/") && name.ends_with(".md");
        if document && repo::text(&name)?.contains("```console") {
            count = count.plus(one(&name, &binary, write)?);
        }
    }
    Ok(count)
}

/// Runs the transcripts of one document, in one shell and one copy of the repository.
fn one(name: &str, binary: &Path, write: bool) -> Result<Count, Problem> {
    let text = repo::text(name)?;
    let blocks = transcript::parse(&text).map_err(|problem| format!("`{name}`: {problem}"))?;
    let mut shell: Option<Shell> = None;
    let mut count = Count::default();
    let mut mended: Vec<(&Step, Vec<String>)> = Vec::new();
    for block in &blocks {
        if let Some(reason) = &block.no_run {
            say(&format!("docs: {name}:{} not run: {reason}", block.line));
            continue;
        }
        for step in &block.steps {
            let shell = match &mut shell {
                Some(shell) => shell,
                empty => empty.insert(Shell::start(binary)?),
            };
            let printed = shell.run(step)?;
            let lines: Vec<&str> = printed.text.lines().collect();
            let shown = transcript::matches(&step.expected, &lines);
            let good = shown && (printed.good || step.must_print());
            count = count.plus(Count::one(good));
            if !good {
                say(&format!(
                    "docs: {name}:{}: `{}` printed",
                    step.line, step.command
                ));
                say(&printed.text);
                mended.push((
                    step,
                    lines
                        .iter()
                        .map(|line| line.trim_end().to_owned())
                        .collect(),
                ));
            }
        }
    }
    say(&format!("docs: {name}: {}", closing(count)));
    if write && !mended.is_empty() {
        rewrite(name, &text, &mended)?;
    }
    Ok(count)
}

/// Puts what was printed where something else is shown.
fn rewrite(name: &str, text: &str, mended: &[(&Step, Vec<String>)]) -> Result<(), Problem> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (step, printed) in mended.iter().rev() {
        let start = step.output.saturating_sub(1);
        let end = start + step.expected.len();
        let printed = printed.iter().skip_while(|line| line.is_empty()).cloned();
        lines.splice(start..end, printed);
    }
    repo::write(&repo::root().join(name), &format!("{}\n", lines.join("\n")))
}

/// A shell with the built binary first on its path, in a copy of the repository.
struct Shell {
    _group: Group,
    input: ChildStdin,
    output: Receiver<String>,
    folder: PathBuf,
    background: bool,
}

/// What one command printed.
struct Printed {
    text: String,
    good: bool,
}

impl Shell {
    fn start(binary: &Path) -> Result<Self, Problem> {
        let folder = repo::scratch("docs")?;
        for name in repo::files()? {
            let to = folder.join(&name);
            let problem = |error| format!("cannot copy `{name}`: {error}");
            to.parent()
                .map_or(Ok(()), fs::create_dir_all)
                .map_err(problem)?;
            fs::copy(repo::root().join(&name), to).map_err(problem)?;
        }
        let mut path = binary
            .parent()
            .map(Path::as_os_str)
            .unwrap_or_default()
            .to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut bash = program("bash", &["--noprofile", "--norc"]);
        bash.current_dir(&folder)
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .env("TERM", "dumb");
        let mut group = Group::start(bash.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let (Some(mut input), Some(stdout)) = (group.child.stdin.take(), group.child.stdout.take())
        else {
            return Err("the shell has no streams".to_owned());
        };
        let (sender, output) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        // What `cargo run` would build is built already.
        let stand_in = "exec 2>&1\ncargo() { if [ \"$1\" = run ]; then \
            while [ \"$#\" -gt 0 ] && [ \"$1\" != -- ]; do shift; done; shift; underpin \"$@\"; \
            else command cargo \"$@\"; fi; }\n";
        input
            .write_all(stand_in.as_bytes())
            .map_err(|error| format!("the shell: {error}"))?;
        Ok(Self {
            _group: group,
            input,
            output,
            folder,
            background: false,
        })
    }

    /// Runs one command and reads what it prints.
    fn run(&mut self, step: &Step) -> Result<Printed, Problem> {
        const END: &str = "--end-of-step--";
        let script = self.folder.with_extension("step");
        repo::write(&script, &format!("{}\n", step.command))?;
        self.background |= step.command.contains(" &") && !step.command.contains(" &&");
        let line = format!(
            ". {} </dev/null\nprintf '\\n{END}%d\\n' $?\n",
            script.display()
        );
        self.input
            .write_all(line.as_bytes())
            .map_err(|error| format!("the shell: {error}"))?;
        let start = Instant::now();
        let mut text = String::new();
        let good = loop {
            let left = LIMIT.saturating_sub(start.elapsed());
            let Ok(line) = self.output.recv_timeout(left) else {
                return Err(format!(
                    "`{}` did not end; it printed\n{text}",
                    step.command
                ));
            };
            match line.strip_prefix(END) {
                Some(status) => break status == "0",
                None => text.push_str(&format!("{line}\n")),
            }
        };
        if self.background {
            self.wait_for(step, &mut text);
        }
        Ok(Printed { text, good })
    }

    /// Reads on until what is in the background has printed what the document shows.
    fn wait_for(&self, step: &Step, text: &mut String) {
        let start = Instant::now();
        while !transcript::matches(&step.expected, &text.lines().collect::<Vec<_>>()) {
            let left = BACKGROUND.saturating_sub(start.elapsed());
            let Ok(line) = self.output.recv_timeout(left) else {
                return;
            };
            text.push_str(&format!("{line}\n"));
        }
    }
}

/// Builds the book; a warning is a failure. Never quietly: with `--quiet`, a broken link passes.
pub(super) fn book() -> Result<Count, Problem> {
    let site = repo::scratch("book")?;
    let mut build = program(
        repo::python("mkdocs")?,
        &["build", "--strict", "--site-dir"],
    );
    build.arg(site).env("NO_MKDOCS_2_WARNING", "true");
    let said = proc::read(build.current_dir(repo::root()))?;
    if !said.good {
        say(&said.text);
    }
    say(&format!(
        "docs: the book: {}",
        if said.good { "ok" } else { "FAILED" }
    ));
    Ok(Count::one(said.good))
}

/// Lints every Markdown file of the repository.
pub(super) fn markdown() -> Result<Count, Problem> {
    let files: Vec<String> = repo::files()?
        .into_iter()
        .filter(|name| name.ends_with(".md"))
        .collect();
    lint(&repo::root(), &files)
}

/// Lints Markdown files with the rules of the repository.
pub(super) fn lint(folder: &Path, files: &[String]) -> Result<Count, Problem> {
    if files.is_empty() {
        return Ok(Count::default());
    }
    let mut lint = program(repo::npm("markdownlint-cli2")?, &["--no-globs", "--config"]);
    lint.arg(repo::root().join(".markdownlint-cli2.jsonc"))
        .args(files);
    let said = proc::read(lint.current_dir(folder))?;
    let finding = |line: &&str| line.contains(" MD");
    let failed = said
        .text
        .lines()
        .filter(finding)
        .filter_map(|line| line.split(':').next());
    let failed: std::collections::BTreeSet<&str> = failed.collect();
    if !said.good {
        said.text.lines().filter(finding).for_each(say);
    }
    let failed = failed.len().max(usize::from(!said.good));
    let count = Count {
        passed: files.len().saturating_sub(failed),
        failed,
        skipped: 0,
    };
    say(&format!("docs: Markdown: {}", closing(count)));
    Ok(count)
}
