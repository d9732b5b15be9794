//! Two places that must name the same things: codes and pages, records and their list, documents
//! and the book, crates and the map, dependencies and their reasons.

use std::collections::BTreeSet;

use crate::proc::Problem;
use crate::repo;

/// Every page `codes/U0123.md` is registered in `src/codes/*.rs`, and every registered code has
/// its page, which begins with its id.
pub(super) fn codes() -> Result<Vec<String>, Problem> {
    const FOLDER: &str = "crates/underpin-brief/";
    let mut pages = BTreeSet::new();
    let mut registered = BTreeSet::new();
    let mut found = Vec::new();
    for name in repo::files()? {
        let Some(inner) = name.strip_prefix(FOLDER) else {
            continue;
        };
        if let Some(id) = inner
            .strip_prefix("codes/")
            .and_then(|page| page.strip_suffix(".md"))
        {
            if !repo::text(&name)?.starts_with(&format!("# {id}: ")) {
                found.push(format!("`{name}` does not begin with `# {id}: `"));
            }
            pages.insert(id.to_owned());
        } else if inner.starts_with("src/codes/") && !inner.ends_with("/mod.rs") {
            for id in registered_in(&repo::text(&name)?) {
                if !registered.insert(id.clone()) {
                    found.push(format!("`{id}` is registered twice"));
                }
            }
        }
    }
    found.extend(apart("page", &pages, "registered code", &registered));
    Ok(found)
}

/// The ids between `codes! {` and `}`.
fn registered_in(text: &str) -> Vec<String> {
    let body = text.split_once("codes! {").map_or("", |(_, rest)| rest);
    let body = body.split_once('}').map_or("", |(body, _)| body);
    let lines = body
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""));
    lines
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

/// Names that stand only on one side.
fn apart(
    one: &str,
    ones: &BTreeSet<String>,
    other: &str,
    others: &BTreeSet<String>,
) -> Vec<String> {
    let lone = ones
        .difference(others)
        .map(|name| format!("{one} `{name}` has no {other}"));
    let others = others
        .difference(ones)
        .map(|name| format!("{other} `{name}` has no {one}"));
    lone.chain(others).collect()
}

/// Every record of `docs/decisions/` stands in its list, and the numbers have no gap.
pub(super) fn decisions() -> Result<Vec<String>, Problem> {
    const FOLDER: &str = "docs/decisions/";
    let list = repo::text("docs/decisions/README.md")?;
    let files = repo::files()?;
    let records = files.iter().filter_map(|name| name.strip_prefix(FOLDER));
    let records = records.filter(|name| *name != "README.md");
    let mut found = Vec::new();
    for (at, record) in records.enumerate() {
        if !list.contains(&format!("({record})")) {
            found.push(format!("`{FOLDER}{record}` is not in `{FOLDER}README.md`"));
        }
        if !record.starts_with(&format!("{:04}-", at + 1)) {
            found.push(format!(
                "`{FOLDER}{record}` should have the number {:04}",
                at + 1
            ));
        }
    }
    Ok(found)
}

/// Every document under `docs/` stands in the navigation of the book.
pub(super) fn book() -> Result<Vec<String>, Problem> {
    let book = repo::text("mkdocs.yml")?;
    let listed = |name: &str| {
        book.lines().any(|line| {
            let line = line.trim();
            line.strip_suffix(name)
                .is_some_and(|before| before.ends_with([' ', '"']) || before == "- ")
        })
    };
    let files = repo::files()?;
    let documents = files.iter().filter_map(|name| name.strip_prefix("docs/"));
    let lone = documents.filter(|name| name.ends_with(".md") && !listed(name));
    Ok(lone
        .map(|name| format!("`docs/{name}` is not in the navigation of `mkdocs.yml`"))
        .collect())
}

/// Every crate stands on the map.
pub(super) fn map() -> Result<Vec<String>, Problem> {
    let map = repo::text("ARCHITECTURE.md")?;
    let files = repo::files()?;
    let crates = files.iter().filter_map(|name| {
        name.strip_prefix("crates/")?
            .strip_suffix("/Cargo.toml")
            .filter(|name| !name.contains('/'))
    });
    let lone = crates.filter(|name| !map.contains(&format!("`{name}`")));
    Ok(lone
        .map(|name| format!("`{name}` is not in ARCHITECTURE.md"))
        .collect())
}

/// Every dependency on somebody else's crate stands in `docs/dependencies.md`, and members take
/// theirs from the workspace.
pub(super) fn dependencies() -> Result<Vec<String>, Problem> {
    let reasons = repo::text("docs/dependencies.md")?;
    let mut found = Vec::new();
    for name in repo::files()?
        .iter()
        .filter(|name| name.ends_with("Cargo.toml"))
    {
        for dependency in dependencies_in(&repo::text(name)?) {
            let explained = |row: &str| {
                let cell = row
                    .strip_prefix("| ")
                    .and_then(|row| row.split(" | ").next());
                cell.is_some_and(|cell| cell.contains(&format!("`{dependency}`")))
            };
            if !reasons.lines().any(explained) {
                found.push(format!(
                    "`{dependency}` of `{name}` is not in docs/dependencies.md"
                ));
            }
        }
    }
    Ok(found)
}

/// The names of the crates of others in the dependency tables of a manifest.
fn dependencies_in(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            inside = table.trim_end_matches(']').ends_with("dependencies");
        } else if inside && let Some((name, _)) = line.split_once('=') {
            let name = name.trim().split('.').next().unwrap_or("");
            let theirs = !name.starts_with('#') && !name.starts_with("underpin");
            names.extend(theirs.then(|| name.to_owned()));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_from_the_register() {
        assert_eq!(
            registered_in("x\ncodes! {\n    U0001 U0002 // no\n    U0003\n}"),
            ["U0001", "U0002", "U0003"]
        );
    }

    #[test]
    fn a_lone_name_is_found_on_either_side() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let found = apart("page", &set(&["a", "b"]), "code", &set(&["b", "c"]));
        assert_eq!(found, ["page `a` has no code", "code `c` has no page"]);
    }

    #[test]
    fn dependencies_are_read_from_a_manifest() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\nunderpin-brief.workspace = true\n\
            clap.workspace = true\n[dev-dependencies]\nkdl = { version = \"6\" }\n[features]\nrun = []\n";
        assert_eq!(dependencies_in(manifest), ["clap", "kdl"]);
    }
}
