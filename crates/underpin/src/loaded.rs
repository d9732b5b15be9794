//! A brief read from disk and checked: what every command begins with.

use crate::terminal::Terminal;
use std::path::Path;
use underpin_brief::diagnostic::{Diagnostic, has_errors};
use underpin_brief::render;
use underpin_brief::resolve::{self, Loader, Text};
use underpin_brief::source::Sources;

pub use underpin_brief::resolve::Checked;

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people, with the source.
    Human,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
}

impl Format {
    /// The findings as text.
    pub fn render(self, sources: &Sources, found: &[Diagnostic], colour: bool) -> String {
        let format = match self {
            Self::Human => render::Format::Human,
            Self::Json => render::Format::Json,
            Self::Sarif => render::Format::Sarif,
            Self::Github => render::Format::Github,
        };
        render::render(format, sources, found, colour)
    }
}

/// Reads files; an include is relative to the file that includes it.
struct Disk;

impl Loader for Disk {
    fn load(&self, from: Option<&str>, name: &str) -> Result<Text, String> {
        let path = match from.and_then(|from| Path::new(from).parent()) {
            Some(folder) => folder.join(name),
            None => Path::new(name).to_owned(),
        };
        let bytes = std::fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
            std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
            _ => error.to_string().to_lowercase(),
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            format!(
                "byte {} is not UTF-8 text",
                error.utf8_error().valid_up_to()
            )
        })?;
        Ok(Text {
            name: path.display().to_string(),
            text,
        })
    }
}

/// Reads and checks the brief at `path`, and what clients would see of it.
pub fn check(path: &Path) -> Checked {
    let mut checked = resolve::check(&Disk, &path.display().to_string());
    if let Some(brief) = &checked.brief {
        checked
            .diagnostics
            .extend(underpin_contract::derive(brief).diagnostics);
        checked
            .diagnostics
            .sort_by_key(|found| (found.primary.span, found.code.id));
    }
    checked.brief = checked.brief.filter(|_| !has_errors(&checked.diagnostics));
    checked
}

/// Shows `found` on standard error; warnings only where there is an error too, since `check` is
/// where they belong.
pub fn show_errors(sources: &Sources, found: &[Diagnostic], terminal: &mut Terminal) {
    if has_errors(found) {
        let colour = terminal.colour_err();
        terminal.err(&Format::Human.render(sources, found, colour));
    }
}
