//! What the tool has to say about a text: a stable code, exact places, plain words, and a help
//! that can be pasted. How it is shown is `render`'s business.

use crate::codes::Code;
use crate::source::Span;

/// How much a diagnostic weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The brief has no meaning until this is mended; the exit code is 1.
    Error,
    /// The brief has a meaning, but hardly the one that was meant.
    Warning,
    /// Worth knowing.
    Note,
}

/// A place with a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The words under it; may be empty.
    pub text: String,
}

/// A replacement of one place by a text, ready to be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty for an insertion.
    pub span: Span,
    /// What stands there afterwards.
    pub text: String,
}

/// One way to mend the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// What to do, in plain words.
    pub text: String,
    /// The change itself where the tool knows it; all edits belong together.
    pub edits: Vec<Edit>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code; it has a page.
    pub code: Code,
    /// Its weight.
    pub severity: Severity,
    /// One line, lower case, no full stop, user input in backticks.
    pub message: String,
    /// The place that is shown first.
    pub primary: Label,
    /// Other places that explain it.
    pub related: Vec<Label>,
    /// Facts that have no place.
    pub notes: Vec<String>,
    /// Ways to mend it.
    pub helps: Vec<Help>,
}

impl Diagnostic {
    /// An error at `span`.
    #[must_use]
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, span, message)
    }

    /// A warning at `span`.
    #[must_use]
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, span, message)
    }

    /// A note at `span`.
    #[must_use]
    pub fn note(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, span, message)
    }

    fn new(severity: Severity, code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            primary: Label {
                span,
                text: String::new(),
            },
            related: Vec::new(),
            notes: Vec::new(),
            helps: Vec::new(),
        }
    }

    /// Words under the primary place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Another place that explains it.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// A fact without a place.
    #[must_use]
    pub fn fact(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// A help in words only.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.helps.push(Help {
            text: text.into(),
            edits: Vec::new(),
        });
        self
    }

    /// A help with the change itself.
    #[must_use]
    pub fn fix(
        mut self,
        text: impl Into<String>,
        span: Span,
        replacement: impl Into<String>,
    ) -> Self {
        let edit = Edit {
            span,
            text: replacement.into(),
        };
        self.helps.push(Help {
            text: text.into(),
            edits: vec![edit],
        });
        self
    }
}

/// A value with everything that was found while making it.
#[derive(Clone, Debug)]
pub struct Outcome<T> {
    /// The value; `None` where an error left nothing usable.
    pub value: Option<T>,
    /// Findings in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

/// Whether any of them is an error.
#[must_use]
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error)
}
