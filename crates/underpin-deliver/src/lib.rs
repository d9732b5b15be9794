//! The deliverables: a design becomes files. One room per kind; [`deliver`] gathers them.
//!
//! Same brief, same bytes. Nothing here writes to a disk, and no figure stands here that the
//! design does not hold.

mod decisions;
mod explain;
mod readme;
mod sequences;
mod summary;
mod words;

pub use explain::{explain, subjects};
pub use sequences::sequence;
pub use summary::summary;

use underpin_brief::model::Brief;
use underpin_design::Design;

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path below the chosen folder, with `/`.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl File {
    fn text(path: impl Into<String>, text: String) -> Self {
        Self {
            path: path.into(),
            bytes: text.into_bytes(),
        }
    }
}

/// Where the OpenAPI document stands.
pub const OPENAPI: &str = "contracts/openapi/openapi.json";

/// All files of a design, by path. `openapi` is the document derived from the contract.
#[must_use]
pub fn deliver(brief: &Brief, design: &Design, openapi: &str) -> Vec<File> {
    let mut files = vec![
        File::text("README.md", readme::page(brief, design)),
        File::text("design.json", design.json()),
        File::text("decisions/README.md", decisions::page(design)),
        File::text(OPENAPI, openapi.to_owned()),
    ];
    for flow in design.flows() {
        files.push(File::text(
            sequences::path(flow),
            sequence(brief, design, flow),
        ));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}
