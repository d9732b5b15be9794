//! Transcripts in documents: a block marked `console` holds commands after `$ ` and what they
//! print. Here they are parsed and compared; running them is the matter of `cargo xtask docs`.
//!
//! A command goes on in the next line after a `\` at its end. In what is printed, a line that is
//! only `...` (or `…`) stands for any lines, and inside a line for any text. A block under the
//! comment `<!-- no-run: REASON -->` is not run. The comment `<!-- run: COMMAND -->` is a step that
//! readers do not see, for what they have done in another window.

/// One block of a document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of the first command in the document, counted from 1.
    pub(crate) line: usize,
    /// Why it is not run, if it is not.
    pub(crate) no_run: Option<String>,
    /// Its commands in order.
    pub(crate) steps: Vec<Step>,
}

/// One command and what it prints.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// The line of the command, counted from 1.
    pub(crate) line: usize,
    /// The command, possibly of several lines.
    pub(crate) command: String,
    /// The line after the command, counted from 1, where what it prints begins.
    pub(crate) output: usize,
    /// What it prints.
    pub(crate) expected: Vec<String>,
}

impl Step {
    /// Whether the document shows anything of what is printed. Where it does not, nothing tells
    /// that the command may fail.
    pub(crate) fn must_print(&self) -> bool {
        self.expected
            .iter()
            .any(|line| !matches!(line.trim(), "" | "..." | "…"))
    }
}

/// The blocks of a document, or what is wrong with one.
pub(crate) fn parse(text: &str) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if let Some(command) = hidden(line) {
            let step = Step {
                line: at + 1,
                command: command.to_owned(),
                output: at + 2,
                expected: vec!["...".to_owned()],
            };
            blocks.push(Block {
                line: at + 1,
                no_run: None,
                steps: vec![step],
            });
        } else if line.trim_end() == "```console" {
            let no_run = no_run(before).map_err(|problem| format!("line {}: {problem}", at + 1))?;
            let inside: Vec<(usize, &str)> = lines
                .by_ref()
                .take_while(|(_, line)| !line.starts_with("```"))
                .collect();
            let steps = steps(&inside).map_err(|problem| format!("line {}: {problem}", at + 1))?;
            blocks.push(Block {
                line: at + 2,
                no_run,
                steps,
            });
        } else if line.starts_with("```console") {
            return Err(format!(
                "line {}: write a reason in a comment above instead",
                at + 1
            ));
        }
        if !line.trim().is_empty() {
            before = line.trim();
        }
    }
    Ok(blocks)
}

/// The command in `<!-- run: COMMAND -->`.
fn hidden(line: &str) -> Option<&str> {
    line.strip_prefix("<!-- run: ")?
        .trim_end()
        .strip_suffix(" -->")
}

/// The reason in `<!-- no-run: REASON -->`.
fn no_run(line: &str) -> Result<Option<String>, String> {
    let Some(rest) = line.strip_prefix("<!-- no-run") else {
        return Ok(None);
    };
    let reason = rest
        .strip_suffix("-->")
        .and_then(|rest| rest.trim().strip_prefix(':'));
    match reason.map(str::trim) {
        Some(reason) if !reason.is_empty() => Ok(Some(reason.to_owned())),
        _ => Err("`no-run` needs a reason: `<!-- no-run: REASON -->`".to_owned()),
    }
}

fn steps(lines: &[(usize, &str)]) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut open = false;
    for (at, line) in lines {
        let next = match (steps.last_mut(), line.strip_prefix("$ ")) {
            (Some(step), _) if open => {
                step.command.push('\n');
                step.command.push_str(line);
                step.output = at + 2;
                None
            }
            (_, Some(command)) => Some(Step {
                line: at + 1,
                command: command.to_owned(),
                output: at + 2,
                expected: Vec::new(),
            }),
            (Some(step), None) => {
                step.expected.push((*line).to_owned());
                continue;
            }
            (None, None) => return Err("the block does not begin with `$ `".to_owned()),
        };
        steps.extend(next);
        open = line.ends_with('\\');
    }
    Ok(steps)
}

/// Whether what was printed is what the document shows.
pub(crate) fn matches(expected: &[String], actual: &[&str]) -> bool {
    let expected: Vec<&str> = expected.iter().map(|line| line.trim_end()).collect();
    lines_match(trimmed(&expected), trimmed(actual))
}

/// Without the empty lines at both ends.
fn trimmed<'a, 'b>(lines: &'a [&'b str]) -> &'a [&'b str] {
    let mut lines = lines;
    while let [first, rest @ ..] = lines
        && first.trim().is_empty()
    {
        lines = rest;
    }
    while let [rest @ .., last] = lines
        && last.trim().is_empty()
    {
        lines = rest;
    }
    lines
}

fn lines_match(expected: &[&str], actual: &[&str]) -> bool {
    match (expected, actual) {
        ([], []) => true,
        (["..." | "…", rest @ ..], _) => (0..=actual.len()).any(|skip| {
            actual
                .get(skip..)
                .is_some_and(|left| lines_match(rest, left))
        }),
        ([wanted, rest @ ..], [line, left @ ..]) => {
            line_matches(wanted, line.trim_end()) && lines_match(rest, left)
        }
        _ => false,
    }
}

/// Whether a line is the wanted one, in which `...` and `…` stand for any text.
fn line_matches(wanted: &str, line: &str) -> bool {
    let wanted = wanted.replace('…', "...");
    let mut parts = wanted.split("...");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(expected: &[&str], actual: &[&str]) -> bool {
        let expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        matches(&expected, actual)
    }

    #[test]
    fn a_block_is_commands_and_what_they_print() {
        let text = "x\n```console\n$ one \\\n  more\na\nb\n$ two\n```\n";
        let blocks = parse(text).unwrap();
        let steps = &blocks[0].steps;
        assert_eq!((steps[0].line, steps[0].output), (3, 5));
        assert_eq!(steps[0].command, "one \\\n  more");
        assert_eq!(steps[0].expected, ["a", "b"]);
        assert_eq!((steps[1].line, steps[1].output), (7, 8));
        assert!(steps[1].expected.is_empty());
    }

    #[test]
    fn a_block_that_is_not_run_needs_a_reason() {
        let blocks = parse("<!-- no-run: takes long -->\n\n```console\n$ a\n```\n").unwrap();
        assert_eq!(blocks[0].no_run.as_deref(), Some("takes long"));
        assert!(parse("<!-- no-run -->\n```console\n$ a\n```\n").is_err());
        assert!(parse("```console no-run\n$ a\n```\n").is_err());
        assert!(parse("```console\na\n```\n").is_err());
    }

    #[test]
    fn a_step_may_be_hidden() {
        let blocks = parse("<!-- run: serve & -->\n").unwrap();
        assert_eq!(blocks[0].steps[0].command, "serve &");
        assert!(!blocks[0].steps[0].must_print());
    }

    #[test]
    fn dots_stand_for_anything() {
        assert!(shows(&["a", "...", "c"], &["a", "b", "b", "c"]));
        assert!(shows(&["a", "...", "c"], &["a", "c", ""]));
        assert!(shows(&["ready … s on ...:80"], &["ready 0.2 s on host:80"]));
        assert!(!shows(&["ready … s"], &["ready 0.2 s on"]));
        assert!(!shows(&[], &["a"]));
        assert!(!shows(&["a", "b"], &["a"]));
        assert!(!shows(&["ab"], &["a"]));
    }
}
