//! A flow with a few bindings, in which expressions are tried from outside.

use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::expr::{DeclaredNames, ExprSource, Position, Scope, Signatures, check};
use underpin_brief::kdl;
use underpin_brief::model::{Currency, Expr, Slot, Type, Value};
use underpin_brief::source::Sources;

/// Nothing declared, amounts in euros.
pub fn signatures() -> Signatures {
    Signatures::new(
        DeclaredNames::default(),
        Currency::parse("EUR").expect("a currency"),
    )
}

/// A scope with bindings of those names and types.
pub fn scope<'s>(signatures: &'s Signatures, bindings: &[(&str, Type)]) -> (Scope<'s>, Vec<Slot>) {
    let mut scope = Scope::new(signatures, Position::Statement);
    let slots = bindings
        .iter()
        .map(|(name, ty)| scope.bind(name, ty.clone()));
    let slots = slots.collect();
    (scope, slots)
}

/// Checks an expression that stands as a raw string in a file of its own.
pub fn read(text: &str, scope: &mut Scope<'_>) -> (Option<Expr>, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let whole = format!("x ##\"{text}\"##");
    let file = sources.add("test", &whole);
    let (document, found) = kdl::read(file, &whole);
    let entry = document.nodes.first().and_then(|node| node.arg(0));
    let Some(entry) = entry.filter(|_| found.is_empty()) else {
        return (None, found);
    };
    let mut out = Vec::new();
    let expr = check(ExprSource::entry(entry, &sources), scope, None, &mut out);
    (expr, out)
}

/// SplitMix64: the same cases on every run.
pub struct Random(pub u64);

impl Random {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    /// One of `pool`.
    pub fn pick<'p, T>(&mut self, pool: &'p [T]) -> &'p T {
        let at = self.below(pool.len() as u64);
        &pool[usize::try_from(at).expect("small")]
    }
}

/// A list of texts.
pub fn texts(items: &[&str]) -> Value {
    Value::list(items.iter().map(|item| Value::text(item)).collect())
}
