//! What expressions read.

use super::*;
use crate::expr::effects::reads;
use crate::model::TypeNames;

#[test]
fn reads_look_through_joins_and_defines() {
    let signatures = checked_world();
    let known = Known::of(&signatures);
    for (source, wanted) in [
        ("self.total > money('1.00')", "self | Deal.total"),
        ("input.n > 1", "input"),
        ("self.mine", "self caller | Deal.owner"),
        (
            "self.thing.name == 'x'",
            "self | Deal.thing Thing.name | Deal.thing>Thing",
        ),
        (
            "self.light && now > self.created",
            "self now | Deal.thing Deal.created Thing.weight | Deal.thing>Thing",
        ),
        (
            "input.folder.editor",
            "input caller | Folder.parent Folder.people | input>Folder Folder.parent>Folder",
        ),
        (
            "has(self.spare) && self.spare.value().stock > 0",
            "self | Deal.spare Thing.stock | Deal.spare>Thing",
        ),
    ] {
        let mut scope = scope(&signatures, Position::Allow);
        let (expr, found) = check_text(source, &mut scope, None);
        assert_eq!(found, [], "{source}");
        let reads = reads(&expr.unwrap(), &known);
        let slot = |(of, at): &(Id<Aggregate>, usize)| {
            let row = &signatures.aggregate(*of).unwrap().row;
            format!("{}.{}", signatures.aggregate_name(*of), row.slots[*at].name)
        };
        let edge = |edge: &crate::expr::effects::Edge| {
            let from = edge.from.zip(edge.slot);
            let from = from.map_or_else(|| "input".to_owned(), |from| slot(&from));
            format!("{from}>{}", signatures.aggregate_name(edge.to))
        };
        let root = |root: &Root| match root {
            Root::SelfRow => "self".to_owned(),
            other => format!("{other:?}").to_lowercase(),
        };
        let roots: Vec<_> = reads.roots.iter().map(root).collect();
        let slots: Vec<_> = reads.slots.iter().map(slot).collect();
        let joins: Vec<_> = reads.joins.iter().map(edge).collect();
        let parts = [roots.join(" "), slots.join(" "), joins.join(" ")];
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        assert_eq!(parts.join(" | "), wanted, "{source}");
    }
}
