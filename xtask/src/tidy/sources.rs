//! Every source file by itself: its module doc, its length, its place in the crate, its
//! exceptions from lints.

use std::path::Path;

use crate::proc::Problem;
use crate::repo;

/// Longest file outside tests, in lines.
const LONGEST: usize = 600;

/// The Rust files of the repository with their text.
pub(super) fn rust() -> Result<Vec<(String, String)>, Problem> {
    let files = repo::files()?;
    let rust = files.into_iter().filter(|name| name.ends_with(".rs"));
    rust.map(|name| Ok((name.clone(), repo::text(&name)?)))
        .collect()
}

/// Whether the whole file is a test.
pub(super) fn is_test(name: &str) -> bool {
    name.split('/')
        .any(|part| part == "tests" || part == "benches" || part == "fuzz")
        || name.ends_with("/tests.rs")
        || name.ends_with("_tests.rs")
}

/// The lines before the tests that stand at the end of the file.
pub(super) fn without_tests(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let inline = |pair: &[&str]| {
        matches!(pair, [attribute, module]
            if attribute.trim() == "#[cfg(test)]" && module.contains("mod tests {"))
    };
    match lines.windows(2).position(inline) {
        Some(end) => lines.into_iter().take(end).collect(),
        None => lines,
    }
}

/// A file begins with `//!`.
pub(super) fn module_docs() -> Result<Vec<String>, Problem> {
    let lacks = |(name, text): &(String, String)| {
        (!text.starts_with("//! ")).then(|| format!("`{name}` does not begin with `//! …`"))
    };
    Ok(rust()?.iter().filter_map(lacks).collect())
}

/// A file that is not a test has at most [`LONGEST`] lines.
pub(super) fn lengths() -> Result<Vec<String>, Problem> {
    let long = |(name, text): &(String, String)| {
        let lines = without_tests(text).len();
        (!is_test(name) && lines > LONGEST)
            .then(|| format!("`{name}` has {lines} lines; the limit is {LONGEST}"))
    };
    Ok(rust()?.iter().filter_map(long).collect())
}

/// A file under `src` is named by a `mod` line of the file above it, so that nothing lies
/// around uncompiled (a command, a rule, a test).
pub(super) fn orphans() -> Result<Vec<String>, Problem> {
    let files = rust()?;
    let mut found = Vec::new();
    for (name, _) in &files {
        let Some((parents, module)) = parents(name) else {
            continue;
        };
        let named = files
            .iter()
            .filter(|(other, _)| parents.contains(other))
            .any(|(_, text)| {
                text.lines().any(|line| {
                    let line = line.trim_start();
                    let line = line.strip_prefix("#[cfg(test)] ").unwrap_or(line);
                    let line = line.strip_prefix("pub(crate) ").unwrap_or(line);
                    let line = line.strip_prefix("pub(super) ").unwrap_or(line);
                    let line = line.strip_prefix("pub ").unwrap_or(line);
                    // A register of modules is a macro of lines `Name: module,`.
                    line.starts_with(&format!("mod {module};"))
                        || line.ends_with(&format!(": {module},"))
                        || line.contains(&format!("/{module}.rs\""))
                })
            });
        if !named {
            found.push(format!("`{name}` is named by no `mod {module};`"));
        }
    }
    Ok(found)
}

/// The files that may name this one as a module, and its name there; none for a root.
fn parents(name: &str) -> Option<(Vec<String>, String)> {
    let path = Path::new(name);
    let folder = path.parent()?;
    let stem = path.file_stem()?.to_str()?;
    let parts: Vec<&str> = name.split('/').collect();
    let top = parts
        .iter()
        .position(|part| *part == "src" || *part == "tests")?;
    let depth = parts.len() - top;
    if depth == 2 && matches!(stem, "main" | "lib") {
        return None;
    }
    if parts.get(top + 1) == Some(&"bin") {
        return None;
    }
    let (module, place) = if stem == "mod" {
        (folder.file_name()?.to_str()?, folder.parent()?)
    } else {
        (stem, folder)
    };
    let mut parents: Vec<String> = ["mod.rs", "lib.rs", "main.rs"]
        .iter()
        .map(|file| show(&place.join(file)))
        .collect();
    parents.push(format!("{}.rs", show(place)));
    Some((parents, module.to_owned()))
}

fn show(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A crate has one integration binary, `tests/main.rs`, with modules: each further one is linked
/// and started by itself. Cargo makes none of the other files where `autotests` is off.
pub(super) fn integration() -> Result<Vec<String>, Problem> {
    let mut found = Vec::new();
    for name in repo::files()? {
        let parts: Vec<&str> = name.split('/').collect();
        let [_, package, "tests", file] = parts.as_slice() else {
            continue;
        };
        let rust = file.ends_with(".rs") && *file != "main.rs";
        let manifest = format!("crates/{package}/Cargo.toml");
        if rust && !repo::text(&manifest)?.contains("\nautotests = false\n") {
            found.push(format!(
                "`{name}` is a binary of its own; make it a module of `tests/main.rs` and say \
                 `autotests = false` in `{manifest}`"
            ));
        }
    }
    Ok(found)
}

/// A lint is left only by `#[expect(…, reason = "…")]`.
pub(super) fn exceptions() -> Result<Vec<String>, Problem> {
    let mut found = Vec::new();
    for (name, text) in rust()? {
        let attributes = text
            .match_indices("[allow(")
            .map(|(at, _)| at)
            .filter(|at| {
                text.get(..*at)
                    .is_some_and(|before| before.ends_with('#') || before.ends_with("#!"))
            });
        for at in attributes {
            let line = text.get(..at).map_or(0, |before| before.lines().count());
            found.push(format!(
                "`{name}:{line}` allows; write `expect` with a reason"
            ));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_at_the_end_do_not_count() {
        let text = "//! a\nfn a() {}\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(without_tests(text), ["//! a", "fn a() {}"]);
        assert_eq!(without_tests("//! a\n#[cfg(test)]\nmod tests;\n").len(), 3);
    }

    #[test]
    fn a_module_is_named_by_the_file_above() {
        let above = |name: &str| parents(name).map(|(parents, module)| (parents.concat(), module));
        assert_eq!(above("crates/a/src/lib.rs"), None);
        assert_eq!(above("crates/a/tests/main.rs"), None);
        let (files, module) = above("crates/a/src/codes/mod.rs").unwrap();
        assert!(files.contains("crates/a/src/lib.rs"));
        assert_eq!(module, "codes");
        let (files, module) = above("crates/a/src/codes/flows.rs").unwrap();
        assert!(files.contains("crates/a/src/codes/mod.rs"));
        assert!(files.contains("crates/a/src/codes.rs"));
        assert_eq!(module, "flows");
    }
}
