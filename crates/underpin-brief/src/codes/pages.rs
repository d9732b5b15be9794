//! The pair of examples on the page of a code: one that raises it, and the same mended. Knows how
//! a page is written; what an example raises is found by whoever can run it.
//!
//! The mark of the two blocks says what they are: `kdl bad` and `kdl mended` hold briefs, `console
//! bad` and `console mended` commands that are typed beside the files of the block `kdl files`, and
//! `json bad` and `json mended` designs. A block of briefs has several files where lines say
//! `// file: NAME`; a line that ends in `// N times` stands for N such lines, so that what is too
//! large for a page has an example too.

use super::{Code, all};

/// What the examples of a page are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Briefs.
    Brief,
    /// Commands, one in a line, after `$ `.
    Commands,
    /// Designs in their documented form.
    Design,
}

impl Form {
    fn word(self) -> &'static str {
        match self {
            Self::Brief => "kdl",
            Self::Commands => "console",
            Self::Design => "json",
        }
    }
}

/// The two examples of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// What they are.
    pub form: Form,
    /// Raises the code and no other.
    pub bad: &'static str,
    /// Raises nothing.
    pub mended: &'static str,
}

impl Code {
    /// The block of the page that is marked `mark`.
    #[must_use]
    pub fn block(&self, mark: &str) -> Option<&'static str> {
        let (_, rest) = self.page.split_once(&format!("```{mark}\n"))?;
        rest.split_once("```").map(|(block, _)| block)
    }

    /// The examples of the page.
    #[must_use]
    pub fn pair(&self) -> Option<Pair> {
        let forms = [Form::Brief, Form::Commands, Form::Design].into_iter();
        let mut pairs = forms.filter_map(|form| {
            let block = |side| self.block(&format!("{} {side}", form.word()));
            Some(Pair {
                form,
                bad: block("bad")?,
                mended: block("mended")?,
            })
        });
        pairs.next()
    }
}

/// The files of a block of briefs, the one to begin with first: name and text.
#[must_use]
pub fn files(block: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        if let Some(name) = line.strip_prefix("// file: ") {
            files.push((name.trim().to_owned(), String::new()));
            continue;
        }
        if files.is_empty() {
            files.push(("brief.kdl".to_owned(), String::new()));
        }
        let (line, times) = repeated(line);
        if let Some((_, text)) = files.last_mut() {
            text.extend(std::iter::repeat_n([line, "\n"], times).flatten());
        }
    }
    files
}

/// A line and how often it stands there.
fn repeated(line: &str) -> (&str, usize) {
    let times = line
        .strip_suffix(" times")
        .and_then(|line| line.rsplit_once("// "));
    let times = times.and_then(|(line, count)| Some((line.trim_end(), count.parse().ok()?)));
    times.unwrap_or((line, 1))
}

/// What is not true on the pages of the codes that begin with one of `ranges`: each of them has a
/// pair of that form, whose first raises the code alone and whose second nothing.
#[must_use]
pub fn untrue(ranges: &[&str], form: Form, raised: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for code in all().filter(|code| ranges.iter().any(|range| code.id.starts_with(range))) {
        let Some(pair) = code.pair().filter(|pair| pair.form == form) else {
            wrong.push(format!("{code} has no pair of examples"));
            continue;
        };
        for (side, block, expected) in [
            ("bad", pair.bad, vec![code.id]),
            ("mended", pair.mended, vec![]),
        ] {
            let found = raised(block);
            if found != expected {
                wrong.push(format!("{code}, {side} example: {found:?}"));
            }
        }
    }
    wrong
}
