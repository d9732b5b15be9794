//! What documents tell people to type exists. Whether it also prints what they show is the
//! matter of `cargo xtask docs`, which runs it.

use std::collections::BTreeSet;

use crate::commands;
use crate::proc::Problem;
use crate::repo;

/// Every `cargo xtask NAME` and `underpin NAME` in a document names a command.
pub(super) fn commands() -> Result<Vec<String>, Problem> {
    let files = repo::files()?;
    let ours: BTreeSet<&str> = commands::names().collect();
    let product: BTreeSet<&str> = files
        .iter()
        .filter_map(|name| name.strip_prefix("crates/underpin/src/commands/"))
        .filter_map(|name| name.split(['/', '.']).next())
        .collect();
    let mut found = Vec::new();
    for name in files.iter().filter(|name| name.ends_with(".md")) {
        let text = repo::text(name)?;
        for word in named(&text, "cargo xtask ").filter(|word| !ours.contains(word.as_str())) {
            found.push(format!(
                "`{name}` names `cargo xtask {word}`, which is no command"
            ));
        }
        if product.is_empty() {
            continue;
        }
        let known = |word: &String| product.contains(word.as_str()) || word == "help";
        for word in named(&text, "underpin ").filter(|word| !known(word)) {
            found.push(format!(
                "`{name}` names `underpin {word}`, which is no command"
            ));
        }
    }
    Ok(found)
}

/// The words after `before` where code begins with it: in a span, after a prompt, or after `&&`.
fn named(text: &str, before: &str) -> impl Iterator<Item = String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices(before) {
        let ahead = text.get(..at).unwrap_or("");
        let code = ["`", "$ ", "&& ", "; "]
            .iter()
            .any(|start| ahead.ends_with(start));
        let rest = text.get(at + before.len()..).unwrap_or("");
        let word: String = rest
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '-')
            .collect();
        if code && word.starts_with(|c: char| c.is_ascii_lowercase()) {
            names.push(word);
        }
    }
    names.into_iter()
}

/// `.ci/run` runs `cargo xtask test`, and the README tells people to run the same.
pub(super) fn ci() -> Result<Vec<String>, Problem> {
    const COMMAND: &str = "cargo xtask test";
    let has = |name: &str, lines: &[String]| -> Result<bool, Problem> {
        Ok(repo::text(name)?
            .lines()
            .any(|line| lines.iter().any(|wanted| line.trim() == wanted)))
    };
    let mut found = Vec::new();
    if !has(".ci/run", &[COMMAND.to_owned(), format!("exec {COMMAND}")])? {
        found.push(format!("`.ci/run` does not run `{COMMAND}`"));
    }
    if !has("README.md", &[format!("$ {COMMAND}"), COMMAND.to_owned()])? {
        found.push(format!("the README does not name `{COMMAND}`"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_named_only_where_code_begins() {
        let text = "`underpin plan x`, $ underpin check, what underpin does, `underpin U0001`";
        let names: Vec<_> = named(text, "underpin ").collect();
        assert_eq!(names, ["plan", "check"]);
    }
}
