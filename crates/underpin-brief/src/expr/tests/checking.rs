//! What checks, with which type, and what is said where it does not.

use super::*;

/// `source`, then the type or `code: message`.
fn table(position: Position, cases: &[(&str, &str)]) {
    let signatures = checked_world();
    let mut failures = Vec::new();
    for (source, wanted) in cases {
        let mut scope = scope(&signatures, position);
        let (expr, found) = if position == Position::Allow {
            check_condition_text(source, &mut scope)
        } else {
            check_text(source, &mut scope, None)
        };
        let got = match (&expr, found.as_slice()) {
            (Some(expr), []) => expr.ty.show(&signatures).to_string(),
            (_, found) => {
                let told = found
                    .iter()
                    .map(|d| format!("{}: {}", d.code.id, d.message));
                told.collect::<Vec<_>>().join(" | ")
            }
        };
        if got != *wanted {
            failures.push(format!("{source}\n  wanted {wanted}\n  got    {got}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn types_follow_the_operators() {
    table(
        Position::Statement,
        &[
            ("1 + 2 * 3", "int"),
            ("1 + 0.19", "decimal"),
            ("-input.n % 3", "int"),
            ("input.x * input.n", "decimal"),
            ("input.price * input.n", "money"),
            ("0.19 * input.price", "money"),
            ("input.price / input.price", "decimal"),
            ("(input.at - now) / duration('1h')", "decimal"),
            ("input.price - money('0.50')", "money"),
            ("input.at - now", "duration"),
            ("now + duration('24h')", "time"),
            ("input.day + duration('7d')", "date"),
            ("'a' + input.level", "text"),
            ("[1, 2] + [3]", "int*"),
            ("[1, 2.5]", "decimal*"),
            ("{'a': 1}", "map of text to int"),
            ("input.n > 0 && !input.flag || false", "bool"),
            ("input.flag ? 1 : 2.5", "decimal"),
            ("input.flag ? input.n : null", "int?"),
            ("'x' in input.words", "bool"),
            ("self.state in ['open', 'paid']", "bool"),
            ("self.state == 'open'", "bool"),
            ("'open' == self.state", "bool"),
            ("self.owner == caller.id", "bool"),
            ("caller.id in self.people", "bool"),
            ("self.thing == input.thing", "bool"),
            ("self.thing == 'sku-1'", "bool"),
            ("row == self.thing", "bool"),
            ("row.id == 'x'", "bool"),
            ("self.id == input.deal", "bool"),
            ("things[input.thing].price", "money"),
            ("things['x'].price", "money"),
            ("self.lines.map(l, l.price * l.quantity).sum()", "money"),
            ("self.lines.exists(l, l.quantity > 3)", "bool"),
            ("self.lines.filter(l, l.quantity > 3).size()", "int"),
            ("self.lines[0].quantity", "int"),
            ("Line{thing: 'x', price: money('1.00')}", "Line"),
            (
                "put(self.lines, Line{thing: row, price: row.price})",
                "Line*",
            ),
            ("drop(self.lines, input.thing)", "Line*"),
            ("self.tags.take(3)", "text*"),
            ("merge(self.body, input.edits)", "text"),
            ("input.maybe.orValue(3) + 1", "int"),
            ("has(input.maybe) && input.maybe.value() > 3", "bool"),
            ("has(input.maybe) && input.maybe > 3", "bool"),
            ("!has(input.maybe) || input.maybe.value() > 3", "bool"),
            ("has(input.maybe) ? input.maybe.value() : 3", "int"),
            ("input.lines.map(l, l.hint)", "text?*"),
            ("date(now, 'Europe/Berlin')", "date"),
            ("month(now, 'UTC')", "text"),
            ("string(bucket(now, duration('10m')))", "text"),
            ("secret(32)", "text"),
            ("money(input.x)", "money"),
            ("limits.api.used", "int"),
            ("flags.fast", "bool"),
            ("matches_schema(input.rest, self.data)", "bool"),
            ("self.thing.sku", "text"),
            ("self.thing.id", "Thing"),
            ("self.subtotal", "money"),
            ("min(1, input.n)", "int"),
            ("self.tags.min()", "text?"),
            ("self.mail + '!'", "text"),
            ("caller.channel == 'web'", "bool"),
            ("caller.seat.role == 'top'", "bool?"),
            ("caller.seat.high", "bool?"),
            ("caller.seat.high.orValue(false)", "bool"),
            ("caller.tenant", "Org"),
        ],
    );
}

#[test]
fn dots_through_references_are_joins_where_they_are_allowed() {
    table(
        Position::Allow,
        &[
            ("self.thing.name == 'x'", "bool"),
            (
                "input.deal.mine && input.deal.total < money('500.00')",
                "bool",
            ),
            ("input.deal.thing.weight > 1", "bool"),
            ("input.folder.editor", "bool"),
            (
                "has(input.folder.parent) && input.folder.parent.value().editor",
                "bool",
            ),
            ("input.deal.owner == caller.claims.customer", "bool"),
            ("caller.seat.high", "bool"),
            ("!self.light", "bool"),
            (
                "!input.folder.editor",
                "U0314: `editor` is cut off at a depth and stands under a negation",
            ),
            (
                "input.folder.parent.editor",
                "U0308: `input.folder.parent` may be absent",
            ),
        ],
    );
    table(
        Position::Show,
        &[
            ("self.thing.name", "text?"),
            ("self.spare.name", "text?"),
            ("self.label", "text?"),
            ("self.light", "bool?"),
            ("self.thing.weight > 1", "bool?"),
            ("self.helper.name", "text?"),
        ],
    );
    table(
        Position::View,
        &[
            ("count()", "int"),
            ("sum(self.total)", "money"),
            ("min(self.created)", "time"),
        ],
    );
}

#[test]
fn statements_refuse_joins_and_invariants_see_only_their_row() {
    table(
        Position::Statement,
        &[
            (
                "self.thing.name",
                "U0309: `self.thing` is a key: its row is not read by a dot here",
            ),
            ("self.light", "U0309: `light` looks at another aggregate"),
        ],
    );
    table(
        Position::Invariant,
        &[
            ("self.total >= self.subtotal", "bool"),
            (
                "self.mine",
                "U0310: `mine` depends on the caller, an invariant does not",
            ),
            ("now > self.created", "U0310: `now` is not known here"),
            (
                "self.thing.stock > 0",
                "U0309: an invariant does not look at another aggregate (`Thing`)",
            ),
        ],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn one_mistake_gives_one_diagnostic() {
    table(
        Position::Statement,
        &[
            ("", "U0301: the expression ends where a value was expected"),
            (
                "1 +",
                "U0301: the expression ends where a value was expected",
            ),
            ("a = b", "U0301: `=` is not an operator of expressions"),
            ("(1", "U0301: the expression ends where `)` was expected"),
            ("'abc", "U0301: this text has no closing quote"),
            (
                "self.total and true",
                "U0301: expected an operator, found `and`",
            ),
            ("if x", "U0302: `if` is a reserved word of expressions"),
            ("hi", "U0303: nothing here is called `hi`"),
            (
                "place-deal + 1",
                "U0303: nothing here is called `place` | U0303: nothing here is called `deal`",
            ),
            (
                "self.totl + money('1.00')",
                "U0304: `row of Deal` has no member `totl`",
            ),
            (
                "self.lines.quantity",
                "U0304: a list has no member `quantity`",
            ),
            (
                "input.n + 'x'",
                "U0306: `+` does not apply to `int` and `text`",
            ),
            (
                "input.price + 5",
                "U0306: `+` does not apply to `money` and `int`",
            ),
            (
                "input.price >= 5",
                "U0306: `money` and `int` cannot be compared or mixed",
            ),
            (
                "self.state == 'opne'",
                "U0307: `opne` is no value of `state of Deal`",
            ),
            (
                "self.state in ['open', 'payd']",
                "U0307: `payd` is no value of `state of Deal`",
            ),
            ("self.note == 'x'", "U0308: `self.note` may be absent"),
            ("self.note == null", "U0308: `self.note` may be absent"),
            ("input.maybe.value()", "U0308: `input.maybe` may be absent"),
            ("self.spare.sku", "U0308: `self.spare` may be absent"),
            ("self.tags.length()", "U0311: there is no function `length`"),
            ("self.tags.sum()", "U0312: `sum` does not apply to `text*`"),
            ("input.n.size()", "U0312: `size` does not apply to `int`"),
            (
                "count()",
                "U0310: `count` counts the rows of a view's group",
            ),
            (
                "duration('3 moons')",
                "U0315: `duration('3 moons')` is not a length of time such as `30m` or `1.5s`",
            ),
            (
                "date(now, 'Europe/Berlln')",
                "U0315: there is no zone `Europe/Berlln`",
            ),
            ("10m", "U0315: `10m` is not a number"),
            (
                "1.0000000001",
                "U0315: `1.0000000001` does not fit a decimal",
            ),
            ("Line{thing: 'x'}", "U0317: `Line` needs `price`"),
            (
                "Line{thing: 'x', price: money('1.00'), colour: 1}",
                "U0317: `Line` has no field `colour`",
            ),
            ("Lime{}", "U0303: no record is called `Lime`"),
            (
                "self.level < 'top'",
                "U0306: values of `Level` have no order",
            ),
            (
                "self.lines.map(self, 1)",
                "U0302: `self` cannot name an element: it has a meaning of its own",
            ),
            ("input.n ? 1 : 2", "U0305: expected `bool`, found `int`"),
        ],
    );
}

#[test]
fn values_are_converted_to_what_is_expected() {
    let signatures = checked_world();
    for (source, wanted, result) in [
        ("1", "decimal", Ok(())),
        ("'top'", "Level", Ok(())),
        ("input.flag ? 'top' : 'low'", "Level", Ok(())),
        ("'tip'", "Level", Err("U0307")),
        ("caller.id", "person", Ok(())),
        ("caller.id", "clerk", Err("U0305")),
        ("caller.id", "text", Ok(())),
        ("[caller.id]", "person*", Ok(())),
        ("[]", "Line*", Ok(())),
        ("null", "text?", Ok(())),
        ("null", "text", Err("U0308")),
        ("input.hint", "text", Err("U0308")),
        ("input.n", "int?", Ok(())),
        ("row", "Thing", Ok(())),
        ("row.sku", "Thing", Ok(())),
        ("self.id", "text", Ok(())),
        ("self.id", "Deal", Ok(())),
        ("self.id", "Thing", Err("U0305")),
        ("[input.deal, caller.id]", "Pin", Ok(())),
        ("[input.deal]", "Pin", Err("U0305")),
        ("{'a': 1, 'b': 'x'}", "json", Ok(())),
        ("'a@b.c'", "email", Ok(())),
        ("'a'", "email", Err("U0315")),
        ("'free'", "tier", Ok(())),
        ("input.n", "money", Err("U0305")),
        ("input.words", "json", Err("U0305")),
        ("caller.seat.high", "bool", Err("U0308")),
        ("caller.seat.high", "bool?", Ok(())),
        ("!caller.seat.high", "bool", Err("U0308")),
    ] {
        let mut scope = scope(&signatures, Position::Statement);
        let target = ty(&signatures, wanted);
        let (expr, found) = check_text(source, &mut scope, Some(&target));
        match result {
            Ok(()) => {
                assert_eq!(found, [], "{source} as {wanted}");
                assert_eq!(expr.map(|e| e.ty), Some(target), "{source} as {wanted}");
            }
            Err(code) => {
                let codes: Vec<_> = found.iter().map(|d| d.code.id).collect();
                assert_eq!(codes, [code], "{source} as {wanted}");
            }
        }
    }
}

#[test]
fn a_condition_tells_what_follows_is_present() {
    let signatures = checked_world();
    let mut scope = scope(&signatures, Position::Statement);
    let (condition, _) = check_condition_text("has(input.maybe) && input.n > 0", &mut scope);
    let mark = scope.mark();
    scope.assume(&condition.unwrap());
    assert_eq!(check_text("input.maybe + 1", &mut scope, None).1, []);
    scope.release(mark);
    assert_eq!(check_text("input.maybe + 1", &mut scope, None).1.len(), 1);
}

#[test]
fn shown_paths_go_through_lists_and_references() {
    let signatures = checked_world();
    let mut scope = scope(&signatures, Position::Show);
    for (path, wanted) in [
        ("id", "id: value"),
        ("total", "total: value"),
        ("lines.quantity", "lines.quantity: each value"),
        ("lines.thing.name", "lines.thing.name: each value"),
        ("helper.name", "helper.name: value"),
        ("input.n", "n: value"),
        ("mine", "mine: value"),
        ("totl", "U0304"),
        ("lines.thing.nam", "U0304"),
    ] {
        let mut out = Vec::new();
        let value = written(path);
        let file = format!("\"{path}\"");
        let span = Span::new(FileId(0), 0, u32::try_from(file.len()).unwrap());
        let source = ExprSource {
            value: &value,
            span,
            file: &file,
        };
        let got = match check_show(source, SELF, &mut scope, &mut out) {
            Some((output, shown)) => {
                assert_eq!(out, []);
                let each = matches!(shown, crate::model::ShowExpr::Each { .. });
                format!(
                    "{}: {}value",
                    output.join("."),
                    if each { "each " } else { "" }
                )
            }
            None => out.iter().map(|d| d.code.id).collect::<Vec<_>>().join(" "),
        };
        assert_eq!(got, wanted, "{path}");
    }
}

#[test]
fn a_recursive_define_needs_a_depth_and_a_positive_place() {
    for (source, depth, wanted) in [
        ("has(self.parent) && self.parent.value().top", Some(3), ""),
        ("has(self.parent) && self.parent.value().top", None, "U0313"),
        (
            "has(self.parent) && !self.parent.value().top",
            Some(3),
            "U0314",
        ),
        (
            "has(self.parent) ? self.parent.value().top : true",
            Some(3),
            "",
        ),
    ] {
        let mut signatures = world();
        let folder = aggregate(&signatures, "Folder");
        let mut what = signatures.aggregate(folder).unwrap().clone();
        what.defines = vec![DefineSource {
            name: Name {
                text: "top".into(),
                span: Span::default(),
            },
            source: OwnedSource::text(source),
            depth,
        }];
        signatures.set_aggregate(folder, what);
        let mut out = Vec::new();
        check_defines(&signatures, &mut out);
        let codes: Vec<_> = out.iter().map(|found| found.code.id).collect();
        assert_eq!(codes.join(" "), wanted, "{source}");
    }
}

#[test]
fn deep_and_long_texts_are_refused_without_harm() {
    let signatures = checked_world();
    for text in [
        "(".repeat(5000),
        "!".repeat(5000),
        "-".repeat(5000),
        "[".repeat(5000),
        "{1:".repeat(5000),
        "a.".repeat(5000),
        "true ? ".repeat(2000),
        "1+".repeat(3000) + "1",
        "f(".repeat(3000),
        "1".repeat(30_000),
    ] {
        let mut scope = scope(&signatures, Position::Statement);
        let (expr, found) = check_text(&text, &mut scope, None);
        assert!(expr.is_none() && found.len() == 1, "{} bytes", text.len());
    }
}
