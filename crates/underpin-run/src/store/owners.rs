//! Which columns queries hold against something that is known before any row is read, such as
//! the owner against the caller: pages of them must not read the rows of everybody else. It must
//! not know how conditions become SQL.

use std::collections::BTreeSet;
use underpin_brief::model::{
    Aggregate, BinaryOp, Brief, Expr, ExprKind, Function, Id, QuerySource, Root, Value,
};

/// An index that conditions ask for: the column that is compared, and the one that pages are
/// sorted by where the client does not say.
pub(super) type Wanted = BTreeSet<(usize, Option<usize>)>;

/// The indexes that `allow` and `where` of the queries of an aggregate ask for.
pub(super) fn wanted(brief: &Brief, of: Id<Aggregate>) -> Wanted {
    let mut wanted = Wanted::new();
    let queries = brief.queries.rows().iter();
    for query in queries.filter(|query| query.of == QuerySource::Aggregate(of)) {
        let conditions = query.allows.iter().filter_map(|allow| allow.when.as_ref());
        for condition in conditions.chain(&query.filter) {
            let mut compared = BTreeSet::new();
            equalities(brief, of, condition, 0, &mut compared);
            let sort = query.sorts.first().copied();
            wanted.extend(compared.into_iter().map(|slot| (slot, sort)));
        }
    }
    wanted
}

/// Defines inside defines are opened this deep.
const DEEPEST: u32 = 8;

/// Slots of `self` that a condition cannot hold without: those compared with what no row has.
fn equalities(
    brief: &Brief,
    of: Id<Aggregate>,
    condition: &Expr,
    depth: u32,
    found: &mut BTreeSet<usize>,
) {
    match &condition.kind {
        ExprKind::Binary(BinaryOp::And, left, right) => {
            equalities(brief, of, left, depth, found);
            equalities(brief, of, right, depth, found);
        }
        ExprKind::Binary(BinaryOp::Equal, left, right) => {
            for (one, other) in [(left, right), (right, left)] {
                if let Some(slot) = own_slot(one).filter(|_| is_free(other)) {
                    found.insert(slot);
                }
            }
        }
        // Absent is as good as false where rows are admitted.
        ExprKind::Call(Function::OrValue, parts) => {
            if let [
                inner,
                Expr {
                    kind: ExprKind::Literal(Value::Bool(false)),
                    ..
                },
            ] = parts.as_slice()
            {
                equalities(brief, of, inner, depth, found);
            }
        }
        ExprKind::Define(row, aggregate, define) if *aggregate == of && is_self(row) => {
            let define = brief.aggregates.get(of).defines.get(*define);
            if depth < DEEPEST && define.depth.is_none() {
                equalities(brief, of, &define.expr, depth + 1, found);
            }
        }
        _ => {}
    }
}

fn is_self(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Slot(slot) if slot == Root::SelfRow.slot())
}

fn own_slot(expr: &Expr) -> Option<usize> {
    match &expr.kind {
        ExprKind::Field(row, slot) if is_self(row) => Some(*slot),
        ExprKind::Convert(inner) => own_slot(inner),
        ExprKind::Call(Function::Value, parts) => own_slot(parts.first()?),
        _ => None,
    }
}

fn is_free(expr: &Expr) -> bool {
    !expr.slots().contains(&Root::SelfRow.slot())
}

#[cfg(test)]
mod tests {
    use crate::store::{Contents, Schema};

    fn indexes(text: &str, table: &str) -> Vec<String> {
        let checked = underpin_brief::resolve::check_text("a.kdl", text);
        let brief = checked
            .brief
            .unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
        let schema = Schema::new(&brief, Contents::all());
        let layout = schema
            .layouts()
            .iter()
            .find(|layout| layout.table == table)
            .expect("the table");
        let made = layout.statements().iter().skip(1);
        made.map(|text| text.split(" ON ").nth(1).expect("columns").to_owned())
            .collect()
    }

    #[test]
    fn what_a_query_compares_with_the_caller_is_found_by_an_index() {
        let text = |condition: &str| {
            format!(
                "system s {{}}\nactor person kind=person\n\
                 aggregate Thing {{ key id; field owner person; field title text max=9; \
                 field size int; define mine \"has(caller.id) && self.owner == caller.id\" }}\n\
                 query things of=Thing {{ allow person when=\"{condition}\"; sort title; show id }}\n"
            )
        };
        let sorted = "\"Thing\" (\"title\", \"id\")";
        let owned = "\"Thing\" (\"owner\", \"title\", \"id\")";
        for (condition, expected) in [
            ("self.mine", vec![sorted, owned]),
            ("caller.id == self.owner", vec![sorted, owned]),
            ("self.mine || self.size > 3", vec![sorted]),
            ("!self.mine", vec![sorted]),
        ] {
            assert_eq!(
                indexes(&text(condition), "\"Thing\""),
                expected,
                "{condition}"
            );
        }
    }
}
