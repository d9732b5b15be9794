//! The briefs that are tried: those of the repository, by name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use underpin_brief::diagnostic::Severity;
use underpin_brief::flow::Cut;
use underpin_brief::model::Brief;

/// A brief with the name by which a run is repeated.
#[derive(Clone)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// The brief.
    pub brief: Arc<Brief>,
    /// Its text.
    pub text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every brief of the repository.
///
/// # Errors
/// Where a folder or a file cannot be read.
pub fn given() -> Result<Vec<Tried>, String> {
    let mut found = Vec::new();
    for folder in ["examples", "tests/briefs"] {
        let folder = root().join(folder);
        let entries =
            std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| error.to_string())?.path();
            if path.extension().is_some_and(|end| end == "kdl") {
                found.push(load(&path)?);
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn load(path: &Path) -> Result<Tried, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let parent = path.parent().and_then(Path::file_name).unwrap_or_default();
    let stem = path.file_stem().unwrap_or_default();
    let name = format!("{}/{}", parent.to_string_lossy(), stem.to_string_lossy());
    checked(&name, &text)
}

/// A brief from its text.
///
/// # Errors
/// What is wrong with it.
pub fn checked(name: &str, text: &str) -> Result<Tried, String> {
    let checked = underpin_brief::resolve::check_text(name, text);
    let wrong = checked
        .diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error);
    let wrong: Vec<String> = wrong
        .map(|found| format!("{} {}", found.code, found.message))
        .collect();
    match checked.brief {
        Some(brief) if wrong.is_empty() => Ok(Tried {
            name: name.to_owned(),
            brief: Arc::new(brief),
            text: text.to_owned(),
        }),
        _ => Err(format!("{name}: {}", wrong.join("; "))),
    }
}

/// The cuts on which a brief is tried: one service, the finest that it allows, and the finest
/// without the pins that keep aggregates together, where it is sound without them.
#[must_use]
pub fn cuts(tried: &Tried) -> Vec<(Tried, &'static str, Cut)> {
    let finest = Cut::finest(&tried.brief);
    let mut found = vec![(tried.clone(), "one", Cut::one(&tried.brief))];
    if finest.count() > 1 {
        found.push((tried.clone(), "finest", finest));
    }
    let pinned = |line: &&str| line.trim_start().starts_with("pin boundary");
    if tried.text.lines().any(|line| pinned(&line)) {
        let free: Vec<&str> = tried.text.lines().filter(|line| !pinned(line)).collect();
        if let Ok(free) = checked(&tried.name, &free.join("\n")) {
            let cut = Cut::finest(&free.brief);
            found.push((free, "unpinned", cut));
        }
    }
    found
}
