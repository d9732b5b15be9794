//! The register of diagnostic codes. Each code has a page in `codes/<code>.md` beside `src`:
//! a title line, what it means and why, an example that raises exactly this code and one that
//! raises none (see [`pages`]). One code, one page, one line in one of the lists here.
//!
//! Ranges: 00xx command line and files, 01xx notation, 02xx names and declarations, 03xx
//! expressions and types, 04xx flows, 05xx feasibility and design, 06xx declared but not served,
//! 07xx contract.

use std::fmt;

/// A stable diagnostic code with its page.
#[derive(Clone, Copy)]
pub struct Code {
    /// `U0101`.
    pub id: &'static str,
    /// The whole page in Markdown.
    pub page: &'static str,
}

impl Code {
    /// The first line of the page without its code.
    #[must_use]
    pub fn title(&self) -> &'static str {
        let line = self.page.lines().next().unwrap_or("");
        line.trim_start_matches(['#', ' '])
            .trim_start_matches(self.id)
            .trim_start_matches([':', ' '])
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Code {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

macro_rules! codes {
    ($($id:ident)*) => {
        $(
            #[doc = concat!("See `underpin explain ", stringify!($id), "`.")]
            pub const $id: super::Code = super::Code {
                id: stringify!($id),
                page: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"), "/codes/", stringify!($id), ".md"
                )),
            };
        )*
        pub(super) const ALL: &[super::Code] = &[$($id),*];
    };
}

pub mod contract;
pub mod declarations;
pub mod design;
pub mod expressions;
pub mod files;
pub mod flows;
pub mod notation;
pub mod pages;
pub mod serving;

/// Every code in order.
pub fn all() -> impl Iterator<Item = Code> {
    [
        files::ALL,
        notation::ALL,
        declarations::ALL,
        expressions::ALL,
        flows::ALL,
        design::ALL,
        serving::ALL,
        contract::ALL,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The code of that id, in any letter case.
#[must_use]
pub fn find(id: &str) -> Option<Code> {
    all().find(|code| code.id.eq_ignore_ascii_case(id))
}
