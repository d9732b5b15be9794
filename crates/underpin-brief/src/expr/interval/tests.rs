//! What is proved and, as important, what is not.

use super::*;
use crate::expr::Position;
use crate::expr::tests::{check_text, checked_world, scope};
use crate::model::Type;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn proofs_find_what_follows_and_nothing_else() {
    let signatures = checked_world();
    let mut scope = scope(&signatures, Position::Statement);
    let thing = signatures.find_aggregate("Thing");
    scope.set_self(thing);
    let mut read = |text: &str, ty: Option<&Type>| {
        let (expr, found) = check_text(text, &mut scope, ty);
        assert_eq!(found, [], "{text}");
        expr.unwrap()
    };
    // Facts; the new stock; the goal; whether it is proved.
    for (facts, stock, goal, wanted) in [
        (
            "self.stock >= 0; input.n >= 1",
            "self.stock + input.n",
            "self.stock >= 0",
            true,
        ),
        (
            "self.stock >= 0; input.n >= 1",
            "self.stock - input.n",
            "self.stock >= 0",
            false,
        ),
        (
            "self.stock >= 0",
            "self.stock + input.n",
            "self.stock >= 0",
            false,
        ),
        (
            "self.stock >= input.n",
            "self.stock - input.n",
            "self.stock >= 0",
            true,
        ),
        (
            "self.stock > input.n",
            "self.stock - input.n",
            "self.stock >= 1",
            true,
        ),
        (
            "self.stock > input.n",
            "self.stock - input.n",
            "self.stock >= 2",
            false,
        ),
        (
            "!(self.stock < input.n)",
            "self.stock - input.n",
            "self.stock >= 0",
            true,
        ),
        (
            "self.stock >= input.n && input.n >= input.m",
            "self.stock - input.m",
            "self.stock >= 0",
            true,
        ),
        ("input.n >= 2", "input.n * 3", "self.stock > 5", true),
        ("input.n >= 2", "input.n * 3", "self.stock > 6", false),
        (
            "input.n >= 0; input.m >= 0",
            "input.n * input.m",
            "self.stock >= 0",
            true,
        ),
        (
            "input.n >= 0",
            "input.n * input.m",
            "self.stock >= 0",
            false,
        ),
        ("", "input.words.size()", "self.stock >= 0", true),
        ("", "max(input.n, 0)", "self.stock >= 0", true),
        ("", "min(input.n, 0)", "self.stock >= 0", false),
        ("", "input.n > 0 ? input.n : 0", "self.stock >= 0", true),
        (
            "",
            "input.n > 0 ? input.n : input.m",
            "self.stock >= 0",
            false,
        ),
        (
            "input.flag ? input.n >= 0 : input.n >= 1",
            "input.n",
            "self.stock >= 0",
            false,
        ),
        ("input.n == 3", "input.n", "self.stock == 3", true),
        ("input.n == 3", "input.n", "self.stock != 4", true),
        ("input.n >= 3", "input.n", "self.stock != 4", false),
        (
            "input.n >= 1",
            "input.n",
            "self.stock >= 0 && self.stock != 0",
            true,
        ),
        (
            "input.n >= 1",
            "input.n",
            "self.stock >= 5 || self.stock > 0",
            true,
        ),
        ("input.flag", "input.n", "input.flag", true),
        ("input.flag", "input.n", "!input.flag", false),
        (
            "input.level == 'low'",
            "1",
            "input.level in ['low', 'mid']",
            true,
        ),
        ("input.level == 'low'", "1", "input.level in ['mid']", false),
        (
            "input.level == 'low'",
            "1",
            "!(input.level in ['mid'])",
            false,
        ),
        ("input.level == 'low'", "1", "input.level != 'mid'", true),
        ("input.x >= 0.5", "1", "input.x * 2 >= 1", true),
        ("input.x >= 0.5", "1", "input.x > 0.5", false),
        (
            "self.price >= money('1.00')",
            "1",
            "self.price * 3 >= money('3.00')",
            true,
        ),
        (
            "now >= self.seen",
            "1",
            "now + duration('1h') > self.seen",
            true,
        ),
        ("input.n * 2 >= 1", "input.n", "self.stock >= 1", true),
    ] {
        let facts: Vec<Expr> = facts
            .split(';')
            .map(str::trim)
            .filter(|fact| !fact.is_empty())
            .map(|fact| read(fact, Some(&Type::Bool)))
            .collect();
        let slot = signatures
            .aggregate(thing.unwrap())
            .unwrap()
            .row
            .find("stock")
            .unwrap()
            .0;
        let new = Substitution {
            slot: Slot(0),
            field: Some(slot),
            value: read(stock, Some(&Type::Int)),
        };
        let goal_expr = read(goal, Some(&Type::Bool));
        let got = proves(&facts, &goal_expr, &[new]);
        assert_eq!(got, wanted, "{facts:?}\nstock = {stock}\ngoal {goal}");
    }
}
