//! `cargo xtask schemathesis`: runs every example and lets Schemathesis call it as each of its
//! actors, from its own OpenAPI document. No 5xx, no answer that the document does not promise.

use super::Entry;
use crate::backend::Backend;
use crate::http;
use crate::proc::{self, Problem, program};
use crate::repo;
use crate::report::{Count, closing, say};

pub(super) const ENTRY: Entry = Entry {
    name: "schemathesis",
    about: "Let Schemathesis call the running examples (or: the briefs that are named)",
    takes: Some("brief"),
    run,
};

/// What is looked at in every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,unsupported_method";

fn run(words: &[String]) -> Result<(), Problem> {
    let count = if words.is_empty() {
        all()?
    } else {
        briefs(words)?
    };
    say(&closing(count));
    if count.failed == 0 {
        Ok(())
    } else {
        Err(format!("{} failed", count.failed))
    }
}

/// Every example.
pub(super) fn all() -> Result<Count, Problem> {
    briefs(&repo::examples()?)
}

fn briefs(briefs: &[String]) -> Result<Count, Problem> {
    let binary = repo::binary()?;
    let mut count = Count::default();
    for brief in briefs {
        let actors = actors(&repo::read(&repo::root().join(brief))?);
        let backend = Backend::start(&binary, brief, &["--sample"])?;
        count = count.plus(case(brief, "nobody", &backend, None)?);
        for actor in actors {
            let token = backend.token(&binary, brief, &actor)?;
            count = count.plus(case(brief, &actor, &backend, Some(&token))?);
        }
    }
    Ok(count)
}

/// The actors that a brief declares.
fn actors(brief: &str) -> Vec<String> {
    let declared = brief.lines().filter_map(|line| line.strip_prefix("actor "));
    declared
        .filter_map(|rest| rest.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// One run of Schemathesis, as one actor.
fn case(
    brief: &str,
    actor: &str,
    backend: &Backend,
    token: Option<&str>,
) -> Result<Count, Problem> {
    let url = format!("http://127.0.0.1:{}/openapi.json", backend.port);
    let cases = std::env::var("UNDERPIN_SCHEMATHESIS_CASES").unwrap_or_else(|_| "20".to_owned());
    let mut st = program(repo::python("st")?, &["run", &url, "--checks", CHECKS]);
    st.args([
        "--max-examples",
        &cases,
        "--seed",
        "1",
        "--workers",
        "1",
        "--no-color",
    ]);
    st.args(["--request-timeout", "10", "--max-failures", "20"]);
    st.args([
        "--phases",
        "examples,coverage,fuzzing",
        "--suppress-health-check",
        "all",
    ]);
    st.args(["--generation-database", "none"]);
    // A stream has no end that could be waited for; tests of the crates read it.
    st.args(["--exclude-path-regex", "^/feeds/[^/]+$"]);
    if let Some(token) = token {
        st.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let folder = backend.data.parent().unwrap_or(&backend.data);
    let said = proc::read(st.current_dir(folder))?;
    let alive = http::status(backend.port, "/health/live") == Some(200);
    let good = said.good && alive;
    if !good {
        say(&said.text);
    }
    let summary = said
        .text
        .lines()
        .rev()
        .find(|line| line.contains("generated"))
        .unwrap_or("")
        .trim();
    say(&format!(
        "schemathesis: {brief} as {actor}: {} {summary}",
        if good { "ok" } else { "FAILED" }
    ));
    Ok(Count::one(good))
}

#[cfg(test)]
mod tests {
    use super::actors;

    #[test]
    fn actors_are_read_from_the_brief() {
        assert_eq!(
            actors("system a\nactor b kind=person {\n}\n# actor c\nactor d\n"),
            ["b", "d"]
        );
    }
}
