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
            "--offline",
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
    fn a_crate_outside_the_table_is_found() {
        let found = against_table(&serde_json::json!({"packages": [{"name": "underpin-new"}]}));
        assert_eq!(found.len(), 1);
    }
}
