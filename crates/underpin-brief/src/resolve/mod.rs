//! Nodes to the checked [`Brief`]: which nodes may stand where, what every name means, what every
//! expression is typed as. Passes: [`load`] reads the texts, [`grammar`] compares nodes with their
//! rules, [`names`] collects what is declared, one room per kind of declaration gives shapes, and
//! then expressions and statements. No pass depends on the order of declarations. Nothing here
//! reads a disk: the caller gives texts through a [`Loader`].

mod actor;
mod again;
mod aggregate;
mod build;
mod command;
mod common;
mod context;
mod event;
mod external;
mod feed;
mod grammar;
mod limit;
mod load;
mod names;
mod order;
mod policy;
mod quality;
mod query;
mod quiet;
mod read;
mod record;
mod review;
mod statements;
mod system;
mod tenancy;
mod types;
mod uses;
mod view;
mod world;

pub use again::check_again;
pub use load::{Given, Loader, Text};

use crate::diagnostic::{Diagnostic, has_errors};
use crate::model::Brief;
use crate::source::Sources;

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// All texts that were read, the named one first.
    pub sources: Sources,
    /// The brief; absent where there is an error.
    pub brief: Option<Brief>,
    /// Findings in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks the brief in the file `name`, and whatever it includes, as `loader` gives them.
#[must_use]
pub fn check(loader: &dyn Loader, name: &str) -> Checked {
    let loaded = load::load(loader, name);
    let mut found = loaded.diagnostics;
    // Of a text that was not read to its end, nothing is missing.
    let cut = |found: &Diagnostic| found.code == crate::codes::notation::U0112;
    if loaded.documents.is_empty() || found.iter().any(cut) {
        return Checked {
            sources: loaded.sources,
            brief: None,
            diagnostics: found,
        };
    }
    for document in &loaded.documents {
        grammar::validate(&document.nodes, &mut found);
    }
    let nodes: Vec<_> = loaded
        .documents
        .iter()
        .flat_map(|document| &document.nodes)
        .collect();
    let (brief, more) = build::build(&loaded.sources, &nodes);
    found.extend(more);
    if let Some(brief) = brief.as_ref().filter(|_| !has_errors(&found)) {
        found.extend(crate::flow::check(brief, &loaded.sources));
    }
    let found_in_notation = found.iter().any(|d| d.code.id.starts_with("U01"));
    if found_in_notation {
        quiet::below_notation(&loaded.documents, &mut found);
    }
    found.sort_by(|a, b| {
        let key = |d: &Diagnostic| (d.primary.span, d.code.id, d.severity);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    found.dedup();
    let brief = brief.filter(|_| !has_errors(&found));
    Checked {
        sources: loaded.sources,
        brief,
        diagnostics: found,
    }
}

/// Checks the first of these files, name and text, which may include the others.
#[must_use]
pub fn check_files(files: Vec<(String, String)>) -> Checked {
    let first = files.first().map(|(name, _)| name.clone());
    check(&Given::new(files), &first.unwrap_or_default())
}

/// Checks one text that includes nothing.
#[must_use]
pub fn check_text(name: &str, text: &str) -> Checked {
    check(&Given::new([(name.to_owned(), text.to_owned())]), name)
}
