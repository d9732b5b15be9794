//! Where things are: the root of the repository, its files, the tools, the built binary and the
//! outside test data.

use std::fs;
use std::path::{Path, PathBuf};

use crate::proc::{self, Problem, program};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where `cargo xtask setup` puts the validators: `UNDERPIN_TOOLS`, otherwise `.tools`.
pub(crate) fn tools() -> PathBuf {
    std::env::var_os("UNDERPIN_TOOLS").map_or_else(|| root().join(".tools"), PathBuf::from)
}

/// An executable of the Python environment.
pub(crate) fn python(name: &str) -> Result<PathBuf, Problem> {
    installed(tools().join("python/bin").join(name))
}

/// An executable of the npm packages.
pub(crate) fn npm(name: &str) -> Result<PathBuf, Problem> {
    installed(tools().join("node/node_modules/.bin").join(name))
}

fn installed(path: PathBuf) -> Result<PathBuf, Problem> {
    if proc::is_file(&path) {
        Ok(path)
    } else {
        Err(format!(
            "`{}` is not installed: run `cargo xtask setup` first",
            path.display()
        ))
    }
}

/// Outside test data: `UNDERPIN_TEST_DATA`, otherwise `../shared`; none where it is absent.
pub(crate) fn test_data() -> Option<PathBuf> {
    let path = std::env::var_os("UNDERPIN_TEST_DATA")
        .map_or_else(|| root().join("../shared"), PathBuf::from);
    path.canonicalize().ok().filter(|path| path.is_dir())
}

/// The files that belong to the repository: tracked ones and new ones that are not ignored, as
/// paths from the root, in order.
pub(crate) fn files() -> Result<Vec<String>, Problem> {
    let mut command = program(
        "git",
        &[
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ],
    );
    let said = proc::read(command.current_dir(root()))?;
    if !said.good {
        return Err(format!("`git ls-files` failed: {}", said.text));
    }
    let mut files: Vec<String> = said
        .out
        .split('\0')
        .filter(|name| !name.is_empty() && root().join(name).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// The text of a file of the repository, by its path from the root.
pub(crate) fn text(name: &str) -> Result<String, Problem> {
    read(&root().join(name))
}

/// The text of any file.
pub(crate) fn read(path: &Path) -> Result<String, Problem> {
    fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Problem> {
    let problem = |error| format!("cannot write `{}`: {error}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(problem)?;
    }
    fs::write(path, text).map_err(problem)
}

fn temporary() -> PathBuf {
    std::env::temp_dir().join(format!("underpin-xtask-{}", std::process::id()))
}

/// Removes what this run left behind.
pub(crate) fn clean() {
    let _ = fs::remove_dir_all(temporary());
}

/// A new empty folder for this run, named after its purpose; an older one of that name goes.
pub(crate) fn scratch(name: &str) -> Result<PathBuf, Problem> {
    let path = temporary().join(name);
    let problem = |error| format!("cannot make `{}`: {error}", path.display());
    if path.exists() {
        fs::remove_dir_all(&path).map_err(problem)?;
    }
    fs::create_dir_all(&path).map_err(problem)?;
    Ok(path)
}

/// Builds the binary `underpin` (debug) and tells where it is.
pub(crate) fn binary() -> Result<PathBuf, Problem> {
    let mut build = program(cargo(), &["build", "--quiet", "--package", "underpin"]);
    proc::run(build.current_dir(root()))?;
    Ok(target()?.join("debug/underpin"))
}

/// The cargo that started this program.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// The workspace as cargo sees it, without the packages of others.
pub(crate) fn metadata() -> Result<serde_json::Value, Problem> {
    let mut command = program(
        cargo(),
        &[
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ],
    );
    let said = proc::read(command.current_dir(root()))?;
    serde_json::from_str(&said.out).map_err(|error| format!("`cargo metadata`: {error}"))
}

/// The folder that cargo builds into.
pub(crate) fn target() -> Result<PathBuf, Problem> {
    let metadata = metadata()?;
    let folder = metadata
        .get("target_directory")
        .and_then(|value| value.as_str());
    folder
        .map(PathBuf::from)
        .ok_or_else(|| "`cargo metadata` names no target folder".to_owned())
}

/// The examples, as paths from the root.
pub(crate) fn examples() -> Result<Vec<String>, Problem> {
    let of_examples = |name: &String| name.starts_with("examples/") && name.ends_with(".kdl");
    Ok(files()?.into_iter().filter(of_examples).collect())
}

/// `shop` of `examples/shop.kdl`.
pub(crate) fn stem(name: &str) -> String {
    Path::new(name)
        .file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}
