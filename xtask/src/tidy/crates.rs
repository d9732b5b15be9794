//! Which crate may use which, and what the compiler half must never pull in.

use serde_json::Value;

use crate::proc::{self, Problem, program};
use crate::repo;

/// The direction of data: a crate and all it may use (of ours). What only tests use is free.
const MAY_USE: &[(&str, &[&str])] = &[
    ("underpin-brief", &[]),
    ("underpin-design", &["underpin-brief"]),
    ("underpin-contract", &["underpin-brief", "underpin-design"]),
    ("underpin-resilience", &[]),
    ("underpin-plan", &["underpin-brief", "underpin-design"]),
    (
        "underpin-deliver",
        &["underpin-brief", "underpin-design", "underpin-contract"],
    ),
    (
        "underpin-run",
        &[
            "underpin-brief",
            "underpin-design",
            "underpin-contract",
            "underpin-resilience",
        ],
    ),
    (
        "underpin",
        &[
            "underpin-brief",
            "underpin-design",
            "underpin-contract",
            "underpin-plan",
            "underpin-deliver",
            "underpin-run",
        ],
    ),
    ("underpin-reference", &["underpin-brief"]),
    (
        "underpin-equivalence",
        &[
            "underpin-brief",
            "underpin-contract",
            "underpin-reference",
            "underpin-run",
        ],
    ),
    ("xtask", &[]),
];

/// Packages of the server half, or of anything else that reaches outside.
const OUTSIDE: &[&str] = &[
    "axum",
    "aws-lc-rs",
    "getrandom",
    "hyper",
    "libsqlite3-sys",
    "rand",
    "reqwest",
    "rusqlite",
    "tokio",
];

/// Compares the normal and build dependencies of each crate with the table.
pub(super) fn direction() -> Result<Vec<String>, Problem> {
    Ok(against_table(&repo::metadata()?))
}

fn against_table(metadata: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for package in list(metadata, "packages") {
        let name = text(package, "name");
        let Some((_, may)) = MAY_USE.iter().find(|(known, _)| *known == name) else {
            found.push(format!(
                "`{name}` is not in the table of xtask/src/tidy/crates.rs"
            ));
            continue;
        };
        let ours = list(package, "dependencies")
            .iter()
            .filter(|dependency| text(dependency, "kind") != "dev")
            .map(|dependency| text(dependency, "name"))
            .filter(|used| used.starts_with("underpin") || *used == "xtask");
        for used in ours {
            if !may.contains(&used) {
                found.push(format!("`{name}` must not use `{used}`"));
            }
        }
    }
    found
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

/// The command line without its `run` feature uses no package of the server half.
pub(super) fn halves() -> Result<Vec<String>, Problem> {
    let mut command = program(
        repo::cargo(),
        &[
            "tree",
            "--locked",
            "--package",
            "underpin",
            "--no-default-features",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ],
    );
    let said = proc::read(command.current_dir(repo::root()))?;
    if !said.good {
        return Err(format!("`cargo tree` failed: {}", said.text));
    }
    let names = said.out.lines().filter_map(|line| line.split(' ').next());
    let mut found: Vec<String> = names
        .filter(|name| OUTSIDE.contains(name) || *name == "underpin-run")
        .map(|name| format!("the compiler half uses `{name}`"))
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// Licences that the product may be linked with.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Every package that is built here has a licence of [`LICENCES`].
pub(super) fn licences() -> Result<Vec<String>, Problem> {
    let said = proc::read(&mut program("rustc", &["--version", "--verbose"]))?;
    let host = said
        .out
        .lines()
        .find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc names no host")?;
    let mut command = program(
        repo::cargo(),
        &["metadata", "--locked", "--format-version", "1"],
    );
    command
        .args(["--filter-platform", host])
        .current_dir(repo::root());
    let said = proc::read(&mut command)?;
    let metadata: Value = serde_json::from_str(&said.out)
        .map_err(|error| format!("`cargo metadata`: {error}\n{}", said.text))?;
    let unknown = |package: &Value| {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        (!allowed(licence)).then(|| format!("`{name}` has the licence `{licence}`"))
    };
    Ok(list(&metadata, "packages")
        .iter()
        .filter_map(unknown)
        .collect())
}

/// Whether every licence that an expression names is one of [`LICENCES`].
fn allowed(expression: &str) -> bool {
    let names = expression
        .split([' ', '/', '(', ')'])
        .filter(|name| !name.is_empty());
    let mut names = names
        .filter(|name| !matches!(*name, "AND" | "OR"))
        .peekable();
    names.peek().is_some() && names.all(|name| LICENCES.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_against_the_direction_is_found() {
        let edge = |kind: Value| {
            serde_json::json!({"packages": [{
                "name": "underpin-brief",
                "dependencies": [{"name": "underpin-design", "kind": kind}],
            }]})
        };
        let found = against_table(&edge(Value::Null));
        assert_eq!(found, ["`underpin-brief` must not use `underpin-design`"]);
        assert!(against_table(&edge("dev".into())).is_empty());
    }

    #[test]
    fn an_unknown_licence_is_found() {
        assert!(allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(allowed("MIT/Apache-2.0"));
        assert!(!allowed("AGPL-3.0-only"));
        assert!(!allowed(""));
    }

    #[test]
    fn a_crate_outside_the_table_is_found() {
        let found = against_table(&serde_json::json!({"packages": [{"name": "underpin-new"}]}));
        assert_eq!(found.len(), 1);
    }
}
