//! `cargo xtask validate`: every file that Underpin emits for the examples is checked by a
//! validator that somebody else wrote, and emitted twice with the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Entry, docs};
use crate::proc::{self, Problem, program};
use crate::repo;
use crate::report::{Count, closing, say};

pub(super) const ENTRY: Entry = Entry {
    name: "validate",
    about: "Check what is emitted for the examples with validators that others wrote",
    takes: None,
    run,
};

fn run(_: &[String]) -> Result<(), Problem> {
    let count = validate()?;
    say(&closing(count));
    if count.failed == 0 {
        Ok(())
    } else {
        Err(format!("{} failed", count.failed))
    }
}

/// Validates the deliverables of every example and the SARIF of a broken brief.
pub(super) fn validate() -> Result<Count, Problem> {
    let binary = repo::binary()?;
    let examples = repo::examples()?;
    if examples.is_empty() {
        return Err("there is no example".to_owned());
    }
    let mut count = Count::default();
    let mut mermaid = Vec::new();
    for example in &examples {
        let folder = repo::scratch(&format!("plan-{}", repo::stem(example)))?;
        let Some(files) = emitted(&binary, example, &folder)? else {
            count = count.plus(Count::one(false));
            continue;
        };
        let sum = once(
            &format!("{example}: same bytes twice"),
            same_twice(&binary, example, &files)?,
        )
        .plus(contracts(example, &folder, &files)?)
        .plus(design(example, &folder, &files)?)
        .plus(markdown(&folder, &files)?);
        count = count.plus(sum);
        mermaid.extend(
            files
                .keys()
                .map(|name| folder.join(name))
                .filter(|path| draws(path)),
        );
    }
    count = count.plus(diagrams(&mermaid)?);
    Ok(count.plus(sarif(&binary)?))
}

/// The files under a folder by their path from there.
type Files = BTreeMap<String, Vec<u8>>;

/// What `plan --out` writes for an example; none where it fails.
fn emitted(binary: &Path, example: &str, folder: &Path) -> Result<Option<Files>, Problem> {
    // A design that is written leaves its lock beside the brief: not beside the example itself.
    let brief = folder.with_extension("kdl");
    repo::write(&brief, &repo::text(example)?)?;
    if let Ok(lock) = repo::text(&example.replace(".kdl", ".lock.json")) {
        repo::write(&folder.with_extension("lock.json"), &lock)?;
    }
    let mut plan = program(binary, &["plan"]);
    let said = proc::read(plan.arg(&brief).arg("--out").arg(folder))?;
    if !said.good {
        say(&format!("`underpin plan {example}` failed:\n{}", said.text));
        return Ok(None);
    }
    let mut files = Files::new();
    collect(folder, folder, &mut files)?;
    Ok(Some(files))
}

fn collect(top: &Path, folder: &Path, files: &mut Files) -> Result<(), Problem> {
    let problem = |error| format!("cannot read `{}`: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(problem)? {
        let path = entry.map_err(problem)?.path();
        if path.is_dir() {
            collect(top, &path, files)?;
        } else {
            let name = path
                .strip_prefix(top)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            files.insert(name, fs::read(&path).map_err(problem)?);
        }
    }
    Ok(())
}

fn same_twice(binary: &Path, example: &str, files: &Files) -> Result<bool, Problem> {
    let again = repo::scratch(&format!("again-{}", repo::stem(example)))?;
    let again = emitted(binary, example, &again)?;
    let differs =
        |name: &&String| again.as_ref().and_then(|again| again.get(*name)) != files.get(*name);
    let different: Vec<&String> = files.keys().filter(differs).collect();
    different
        .iter()
        .for_each(|name| say(&format!("{example}: `{name}` differs the second time")));
    Ok(different.is_empty() && again.is_some_and(|again| again.len() == files.len()))
}

/// The OpenAPI documents, by two validators.
fn contracts(example: &str, folder: &Path, files: &Files) -> Result<Count, Problem> {
    let is_contract = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        let mut lines = text.lines().map(str::trim).take(3);
        lines.any(|line| line.starts_with("\"openapi\":") || line.starts_with("openapi:"))
    };
    let documents = files
        .iter()
        .filter(|(_, text)| is_contract(text))
        .map(|(name, _)| folder.join(name));
    let documents: Vec<PathBuf> = documents.collect();
    if documents.is_empty() {
        return Ok(once(
            &format!("{example}: an OpenAPI document is emitted"),
            false,
        ));
    }
    let mut count = Count::default();
    for document in &documents {
        let name = shown(example, document);
        let mut redocly = program(repo::npm("redocly")?, &["lint", "--extends=recommended"]);
        redocly
            .env("REDOCLY_TELEMETRY", "off")
            .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
        let good = quiet(redocly.arg(document).current_dir(folder))?;
        count = count.plus(once(&format!("{name}: Redocly"), good));
        let mut validator = program::<&str>(repo::python("openapi-spec-validator")?, &[]);
        let good = quiet(validator.arg(document))?;
        count = count.plus(once(&format!("{name}: openapi-spec-validator"), good));
    }
    Ok(count)
}

/// `design.json` against its published schema.
fn design(example: &str, folder: &Path, files: &Files) -> Result<Count, Problem> {
    let name = format!("{example}: design.json against its schema");
    let schema = repo::files()?
        .into_iter()
        .find(|name| name.ends_with("design.schema.json"));
    let Some(schema) = schema.filter(|_| files.contains_key("design.json")) else {
        say("no design.json or no design.schema.json");
        return Ok(once(&name, false));
    };
    let check = repo::python("check-jsonschema")?;
    let schema = repo::root().join(schema);
    let good_schema = quiet(program(&check, &["--check-metaschema"]).arg(&schema))?;
    let mut against = program(&check, &["--schemafile"]);
    let good = quiet(against.arg(&schema).arg(folder.join("design.json")))?;
    Ok(once(&name, good_schema && good))
}

fn markdown(folder: &Path, files: &Files) -> Result<Count, Problem> {
    let markdown: Vec<String> = files
        .keys()
        .filter(|name| name.ends_with(".md"))
        .cloned()
        .collect();
    docs::lint(folder, &markdown)
}

fn draws(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end == "mmd" || end == "md")
}

/// Every diagram, parsed by Mermaid itself, in one process.
fn diagrams(files: &[PathBuf]) -> Result<Count, Problem> {
    // Node looks for packages beside the program, so the driver stands beside them.
    let driver = repo::tools().join("node/mermaid.mjs");
    repo::write(&driver, &repo::text("tools/mermaid.mjs")?)?;
    let said = proc::read(program("node", &[driver.as_os_str()]).args(files))?;
    let mut count = Count::default();
    for line in said.text.lines() {
        match line.split_once(' ') {
            Some(("ok", _)) => count.passed += 1,
            Some(("bad", what)) => {
                count.failed += 1;
                say(&format!("Mermaid: {what}"));
            }
            _ => say(line),
        }
    }
    if !said.good && count.failed == 0 || count.passed == 0 {
        count.failed += 1;
    }
    say(&format!(
        "validate: diagrams parsed by Mermaid: {}",
        closing(count)
    ));
    Ok(count)
}

/// `check --format sarif` of a brief with mistakes, against the schema of SARIF.
fn sarif(binary: &Path) -> Result<Count, Problem> {
    let Some(schema) = repo::test_data().map(|data| data.join("schemas/sarif-2.1.0-rtm.6.json"))
    else {
        say("skipped: SARIF against its schema: no test data (UNDERPIN_TEST_DATA)");
        return Ok(Count {
            passed: 0,
            failed: 0,
            skipped: 1,
        });
    };
    let folder = repo::scratch("sarif")?;
    let brief = folder.join("bad.kdl");
    repo::write(
        &brief,
        "system ä {\n  titel \"😀\"\n}\nactor a kind=robot\ncommand x { allow b }\n",
    )?;
    let said = proc::read(program(binary, &["check", "--format", "sarif"]).arg(&brief))?;
    let log = folder.join("bad.sarif");
    repo::write(&log, &said.out)?;
    let some = said.out.contains("\"ruleId\"");
    let mut check = program(repo::python("check-jsonschema")?, &["--schemafile"]);
    let good = quiet(check.arg(schema).arg(log))?;
    Ok(once(
        "SARIF of a bad brief against its schema",
        some && good && !said.good,
    ))
}

/// Runs a validator; what it said is shown where it found something.
fn quiet(command: &mut std::process::Command) -> Result<bool, Problem> {
    let said = proc::read(command)?;
    if !said.good {
        say(&said.text);
    }
    Ok(said.good)
}

fn shown(example: &str, path: &Path) -> String {
    format!(
        "{example}: {}",
        path.file_name().unwrap_or_default().to_string_lossy()
    )
}

/// One case with its line.
fn once(what: &str, good: bool) -> Count {
    say(&format!(
        "validate: {what}: {}",
        if good { "ok" } else { "FAILED" }
    ));
    Count::one(good)
}
