//! The texts of a brief: the named one and what it includes. Knows the notation and `include`,
//! nothing else of the language.

use crate::codes::{declarations as codes, files};
use crate::diagnostic::Diagnostic;
use crate::kdl::{self, Document};
use crate::source::{FileId, Sources, Span};

/// How deep files may include files.
const DEEPEST: usize = 32;
/// How many files a brief may have.
const MOST: usize = 1_000;

/// A text that was asked for.
#[derive(Clone, Debug)]
pub struct Text {
    /// The name shown to people; two names are the same file if and only if they are equal.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Gives texts by name; the only way in which a check reads anything.
pub trait Loader {
    /// The text that is called `name` in the file `from` (absent: by the user).
    ///
    /// # Errors
    /// Why it cannot be read, in a few lower-case words.
    fn load(&self, from: Option<&str>, name: &str) -> Result<Text, String>;
}

/// Texts that are at hand, found by their names.
#[derive(Clone, Debug, Default)]
pub struct Given(Vec<Text>);

impl Given {
    /// From pairs of name and text.
    pub fn new(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let texts = files.into_iter().map(|(name, text)| Text { name, text });
        Self(texts.collect())
    }
}

impl Loader for Given {
    fn load(&self, _: Option<&str>, name: &str) -> Result<Text, String> {
        let found = self.0.iter().find(|text| text.name == name);
        found.cloned().ok_or_else(|| match self.0.as_slice() {
            [only] => format!("only `{}` was given", only.name),
            _ => "there is no such file".to_owned(),
        })
    }
}

/// All texts, read.
pub(super) struct Loaded {
    pub(super) sources: Sources,
    pub(super) documents: Vec<Document>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

pub(super) fn load(loader: &dyn Loader, name: &str) -> Loaded {
    let mut loaded = Loaded {
        sources: Sources::default(),
        documents: Vec::new(),
        diagnostics: Vec::new(),
    };
    match loader.load(None, name) {
        Ok(text) => read(loader, &text, &mut Vec::new(), &mut loaded),
        Err(why) => {
            let file = loaded.sources.add(name, "");
            let message = format!("`{name}` cannot be read: {why}");
            let place = Span::new(file, 0, 0);
            loaded
                .diagnostics
                .push(Diagnostic::error(files::U0001, place, message));
        }
    }
    loaded
}

fn read(loader: &dyn Loader, text: &Text, stack: &mut Vec<String>, loaded: &mut Loaded) {
    let file: FileId = loaded.sources.add(&text.name, &text.text);
    let (document, found) = kdl::read(file, &text.text);
    loaded.diagnostics.extend(found);
    stack.push(text.name.clone());
    let includes: Vec<_> = document
        .nodes
        .iter()
        .filter(|node| node.is("include"))
        .filter_map(|node| node.arg(0))
        .filter_map(|entry| Some((entry.value.as_str()?.to_owned(), entry.value_span)))
        .collect();
    loaded.documents.push(document);
    for (name, place) in includes {
        include(loader, &name, place, stack, loaded);
    }
    stack.pop();
}

fn include(
    loader: &dyn Loader,
    name: &str,
    place: Span,
    stack: &mut Vec<String>,
    loaded: &mut Loaded,
) {
    let text = match loader.load(stack.last().map(String::as_str), name) {
        Ok(text) => text,
        Err(why) => {
            let message = format!("`{name}` cannot be included: {why}");
            loaded
                .diagnostics
                .push(Diagnostic::error(codes::U0214, place, message));
            return;
        }
    };
    if stack.contains(&text.name) || stack.len() >= DEEPEST {
        let message = format!("`{name}` includes itself");
        let way = stack.join("` → `");
        loaded.diagnostics.push(
            Diagnostic::error(codes::U0215, place, message)
                .fact(format!("the way is `{way}` → `{}`", text.name))
                .help("leave this `include` out"),
        );
        return;
    }
    let known = loaded
        .sources
        .iter()
        .any(|(_, source)| *source.name == *text.name);
    if !known && loaded.documents.len() < MOST {
        read(loader, &text, stack, loaded);
    }
}
