//! What expressions evaluate to.

use std::collections::BTreeMap;

use super::*;
use crate::model::{Decimal, Duration, Slot};

/// Rows by (aggregate, key).
#[derive(Default)]
pub(super) struct Held(BTreeMap<(usize, Value), Value>);

impl Rows for Held {
    fn row(&self, aggregate: Id<Aggregate>, key: &Value) -> Result<Option<Value>, Fault> {
        Ok(self.0.get(&(aggregate.index(), key.clone())).cloned())
    }

    fn actor_name(
        &self,
        _: crate::model::Id<crate::model::Actor>,
        id: &str,
    ) -> Result<Option<Value>, Fault> {
        Ok((id != "nobody").then(|| Value::text(&format!("Name of {id}"))))
    }

    fn secret(&self, bytes: u32) -> Result<Value, Fault> {
        Ok(Value::text(&"s".repeat(bytes as usize)))
    }
}

pub(super) fn eur(minor: i64) -> Value {
    Value::Money(minor, Currency::parse("EUR").unwrap())
}

fn row_of(shape: &Shape, given: &[(&str, Value)]) -> Value {
    let slot = |slot: &SlotType| {
        let found = given.iter().find(|(name, _)| **name == *slot.name);
        found.map_or(Value::Null, |(_, value)| value.clone())
    };
    Value::record(shape.slots.iter().map(slot).collect())
}

fn row(signatures: &Signatures, name: &str, given: &[(&str, Value)]) -> Value {
    row_of(
        &signatures
            .aggregate(aggregate(signatures, name))
            .unwrap()
            .row,
        given,
    )
}

fn line(thing: &str, quantity: i64, price: i64) -> Value {
    Value::record(vec![
        Value::text(thing),
        Value::Int(quantity),
        eur(price),
        Value::Null,
    ])
}

/// Midnight of 2027-03-28 in UTC, in microseconds: the day when Berlin's clocks go forward.
const NIGHT: i64 = 1_806_192_000_000_000;

#[expect(clippy::too_many_lines, reason = "a table")]
fn surroundings(signatures: &Signatures, scope: &Scope<'_>) -> (Frame, Held) {
    let text = Value::text;
    let mut frame = Frame::new(scope.frame());
    let deal = row(
        signatures,
        "Deal",
        &[
            ("id", text("d1")),
            ("owner", text("ann")),
            (
                "lines",
                Value::list(vec![line("a", 2, 150), line("b", 1, 1000)]),
            ),
            ("total", eur(1300)),
            ("thing", text("a")),
            ("tags", Value::list(vec![text("x"), text("y")])),
            ("level", text("mid")),
            ("people", Value::list(vec![text("bob")])),
            (
                "data",
                Value::Json(r#"{"type":"object","required":["a"]}"#.into()),
            ),
            ("body", text("hello")),
            ("helper", text("bob")),
            ("mail", text("a@b.c")),
            ("state", text("open")),
            ("created", Value::Time(NIGHT)),
        ],
    );
    frame.set(Root::SelfRow.slot(), deal.clone());
    let input = scope.roots.get(1).cloned().flatten().unwrap();
    let Type::Struct(shape) = input else { panic!() };
    let input = row_of(
        &shape,
        &[
            ("n", Value::Int(7)),
            ("m", Value::Int(0)),
            ("x", Value::Decimal(Decimal::parse("2.5").unwrap())),
            ("price", eur(199)),
            ("deal", text("d1")),
            ("thing", text("gone")),
            ("folder", text("f3")),
            ("words", Value::list(vec![text("x")])),
            ("lines", Value::list(vec![line("a", 1, 1)])),
            ("at", Value::Time(NIGHT + 90 * 60_000_000)),
            ("day", Value::Date(20_905)),
            ("who", text("ann")),
            (
                "rest",
                Value::Json(r#"{"a":[1,{"b":"c"}],"n":null}"#.into()),
            ),
            ("level", text("low")),
            (
                "edits",
                Value::Json(r#"[{"retain":1},{"delete":2},{"insert":"iya"}]"#.into()),
            ),
            ("flag", Value::Bool(true)),
        ],
    );
    frame.set(Root::Input.slot(), input);
    let seat = row(
        signatures,
        "Seat",
        &[("person", text("ann")), ("role", text("top"))],
    );
    let caller = row_of(
        &signatures.caller_shape(),
        &[
            ("id", text("ann")),
            ("channel", text("web")),
            ("claims", Value::Json(r#"{"customer":"ann"}"#.into())),
            ("seat", seat),
        ],
    );
    frame.set(Root::Caller.slot(), caller);
    frame.set(Root::Now.slot(), Value::Time(NIGHT));
    let thing = row(
        signatures,
        "Thing",
        &[
            ("sku", text("a")),
            ("name", text("Anvil")),
            ("price", eur(500)),
            ("stock", Value::Int(3)),
            ("weight", Value::Decimal(Decimal::parse("2.4").unwrap())),
        ],
    );
    let (bound, _) = scope.binding("row").unwrap();
    frame.set(bound, thing.clone());
    let (things, _) = scope.binding("things").unwrap();
    frame.set(
        things,
        Value::Map(Arc::new(BTreeMap::from([(text("a"), thing.clone())]))),
    );
    let mut held = Held::default();
    let mut hold = |name: &str, key: &str, row: Value| {
        held.0
            .insert((aggregate(signatures, name).index(), text(key)), row);
    };
    hold("Thing", "a", thing);
    hold("Deal", "d1", deal);
    for at in 0..8_u8 {
        let (key, parent) = (format!("f{at}"), format!("f{}", at.saturating_sub(1)));
        let people = if at == 0 {
            vec![text("ann")]
        } else {
            Vec::new()
        };
        let parent = if at == 0 { Value::Null } else { text(&parent) };
        let given = [
            ("id", text(&key)),
            ("parent", parent),
            ("people", Value::list(people)),
        ];
        hold("Folder", &key, row(signatures, "Folder", &given));
    }
    (frame, held)
}

fn show(value: &Result<Value, Fault>) -> String {
    match value {
        Ok(Value::List(items)) => {
            let items: Vec<_> = items.iter().map(|item| show(&Ok(item.clone()))).collect();
            format!("[{}]", items.join(", "))
        }
        Ok(Value::Struct(items)) => {
            let items: Vec<_> = items.iter().map(|item| show(&Ok(item.clone()))).collect();
            format!("({})", items.join(", "))
        }
        Ok(Value::Null) => "-".to_owned(),
        Ok(Value::Text(text)) => text.to_string(),
        Ok(Value::Json(text)) => text.to_string(),
        Ok(Value::Int(n)) => n.to_string(),
        Ok(Value::Bool(b)) => b.to_string(),
        Ok(Value::Decimal(d)) => format!("{d}d"),
        Ok(Value::Money(minor, currency)) => format!("{minor} {currency}"),
        Ok(Value::Duration(d)) => d.to_string(),
        Ok(Value::Date(day)) => format!("day {day}"),
        Ok(Value::Time(at)) => format!("night {:+}", (at - NIGHT) / 60_000_000),
        Ok(other) => format!("{other:?}"),
        Err(fault) => fault.code().unwrap_or("unavailable").to_owned(),
    }
}

fn table(position: Position, cases: &[(&str, &str)]) {
    let signatures = checked_world();
    let library = Library::new(&Known::of(&signatures));
    let mut failures = Vec::new();
    for (source, wanted) in cases {
        let mut scope = scope(&signatures, position);
        let (expr, found) = if position == Position::Allow {
            check_condition_text(source, &mut scope)
        } else {
            check_text(source, &mut scope, None)
        };
        assert_eq!(found, [], "{source}");
        let (mut frame, held) = surroundings(&signatures, &scope);
        let got = show(&library.compile(&expr.unwrap()).eval(&mut frame, &held));
        if got != *wanted {
            failures.push(format!("{source}\n  wanted {wanted}\n  got    {got}"));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn arithmetic_is_exact_and_checked() {
    table(
        Position::Statement,
        &[
            ("1 + 2 * 3", "7"),
            ("-7 / 2", "-3"),
            ("-7 % 2", "-1"),
            ("7 / input.m", "division-by-zero"),
            ("9223372036854775807 + input.n", "overflow"),
            ("-9223372036854775808 - 1", "overflow"),
            ("0.1 + 0.2", "0.3d"),
            ("1.0 / 3", "0.333333333d"),
            ("2 / 3.0", "0.666666667d"),
            ("input.x * 3", "7.5d"),
            ("input.price * 3", "597 EUR"),
            ("input.price * 0.5", "100 EUR"),
            ("money('2.01') * 0.5", "100 EUR"),
            ("money('2.03') * 0.5", "102 EUR"),
            ("money('-2.01') * 0.5", "-100 EUR"),
            ("input.price / money('1.00')", "1.99d"),
            ("input.price + money('1.00', 'USD')", "currency-mismatch"),
            ("input.price < money('1.00', 'USD')", "currency-mismatch"),
            ("money('5', 'JPY')", "5 JPY"),
            ("money(2.345)", "234 EUR"),
            ("money(2.355)", "236 EUR"),
            ("money(3)", "300 EUR"),
            ("[money('1.00')].filter(x, false).sum()", "0 EUR"),
            ("input.at - now", "90m"),
            ("(input.at - now) / duration('1h')", "1.5d"),
            ("duration('1h') / duration('3h')", "0.333333333d"),
            ("duration('1h') / (now - now)", "division-by-zero"),
            ("now + duration('1.5h') == input.at", "true"),
            ("input.day + duration('7d')", "day 20912"),
            ("input.day - date('2027-03-01')", "27d"),
            ("date('2027-03-28') - date('2027-03-27')", "1d"),
        ],
    );
}

#[test]
fn functions_do_what_the_reference_says() {
    table(
        Position::Statement,
        &[
            ("date(now - duration('1m'), 'Europe/Berlin')", "day 20905"),
            ("date(now - duration('1m'), 'UTC')", "day 20904"),
            ("date(now, 'America/New_York')", "day 20904"),
            ("month(now, 'UTC')", "2027-03"),
            ("month(input.day)", "2027-03"),
            ("bucket(input.at, duration('1h'))", "night +60"),
            ("string(now)", "2027-03-28T00:00:00Z"),
            ("string(input.price)", "1.99 EUR"),
            ("string(input.day)", "2027-03-28"),
            ("string(1.50)", "1.5"),
            ("'a' + string(1) + 'b'", "a1b"),
            ("self.tags.size() + 'åß'.size()", "4"),
            ("self.tags.take(1)", "[x]"),
            ("self.tags.take(-1)", "[]"),
            ("put(self.tags, 'y')", "[x, y]"),
            ("put(self.tags, 'z')", "[x, y, z]"),
            ("drop(self.tags, 'x')", "[y]"),
            (
                "put(self.lines, Line{thing: 'a', price: money('9.00')}).map(l, l.price)",
                "[900 EUR, 1000 EUR]",
            ),
            (
                "drop(self.lines, input.deal.id == self.id ? row : row).map(l, l.thing)",
                "[b]",
            ),
            ("Line{thing: row, price: row.price}", "(a, 1, 500 EUR, -)"),
            ("self.lines.map(l, l.price * l.quantity).sum()", "1300 EUR"),
            ("self.subtotal", "1300 EUR"),
            ("self.lines.map(l, l.quantity).max()", "2"),
            ("max(1, input.n, 3)", "7"),
            ("min(1, 0.5)", "0.5d"),
            ("self.lines.all(l, l.quantity > 0)", "true"),
            ("self.lines.exists(l, l.quantity > 2)", "false"),
            ("merge(self.body, input.edits)", "hiyalo"),
            ("merge(drop(self.tags, 'x'), self.tags)", "[x, y]"),
            ("secret(4)", "ssss"),
            ("matches_schema(input.rest, self.data)", "true"),
            (
                "self.body.startsWith('he') && self.body.endsWith('lo') && self.body.contains('ell')",
                "true",
            ),
            ("things['a'].stock", "3"),
            ("things[input.thing].stock", "not-found"),
            ("has(things['b'])", "false"),
            ("self.lines[5].quantity", "not-found"),
            ("{'O': 'open', 'A': 'closed'}['A']", "closed"),
            ("input.rest.a", "[1,{\"b\":\"c\"}]"),
            ("has(input.rest.n)", "false"),
            ("has(input.rest.a)", "true"),
            ("input.maybe.orValue(4)", "4"),
            ("has(input.maybe) ? input.maybe.value() : -1", "-1"),
            ("self.state in ['open', 'paid']", "true"),
            ("input.flag ? 1 : 2.5", "1d"),
            ("caller.seat.high", "true"),
        ],
    );
}

#[test]
fn what_is_absent_is_never_granted() {
    table(
        Position::Allow,
        &[
            ("self.thing.name == 'Anvil'", "true"),
            ("self.light", "true"),
            ("!self.light", "false"),
            ("input.thing.name == 'Anvil'", "false"),
            ("!(input.thing.name == 'Anvil')", "false"),
            ("input.thing.stock > 0 || input.flag", "true"),
            ("input.thing.stock > 0 && input.flag", "false"),
            ("has(input.thing.name)", "false"),
            ("input.thing.name.orValue('none') == 'none'", "true"),
            ("self.owner == caller.claims.customer", "true"),
            ("self.owner == caller.claims.other", "false"),
            ("self.mine && self.ours", "true"),
            ("input.folder.editor", "true"),
            ("input.folder.parent.orValue(input.folder).editor", "true"),
            ("[self.thing, input.thing].all(t, t.stock > 0)", "false"),
            ("[self.thing, input.thing].exists(t, t.stock > 0)", "true"),
        ],
    );
    table(
        Position::Show,
        &[
            ("input.thing.name", "-"),
            ("self.thing.name", "Anvil"),
            ("self.spare.name", "-"),
            ("input.thing.stock > 0", "-"),
            ("self.helper.name", "Name of bob"),
            ("self.lines.map(l, l.thing.name)", "[Anvil, -]"),
        ],
    );
}

/// What a define looks at is gone: whatever is asked of it, the answer is the one of its text
/// written out.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn absence_inside_a_define_travels_to_where_it_is_used() {
    let signatures = checked_world();
    let library = Library::new(&Known::of(&signatures));
    for (used, written_out, wanted) in [
        ("self.light", "self.thing.weight < 2.5", "false"),
        ("!self.light", "!(self.thing.weight < 2.5)", "false"),
        ("self.unlit", "!(self.thing.weight < 2.5)", "false"),
        ("!self.unlit", "!!(self.thing.weight < 2.5)", "false"),
        (
            "self.light == false",
            "(self.thing.weight < 2.5) == false",
            "false",
        ),
        (
            "self.light != true",
            "(self.thing.weight < 2.5) != true",
            "false",
        ),
        (
            "self.light ? false : true",
            "self.thing.weight < 2.5 ? false : true",
            "false",
        ),
        (
            "!self.light && input.flag",
            "!(self.thing.weight < 2.5) && input.flag",
            "false",
        ),
        (
            "!self.light || input.flag",
            "!(self.thing.weight < 2.5) || input.flag",
            "true",
        ),
        (
            "[self].all(d, !d.light)",
            "[self].all(d, !(d.thing.weight < 2.5))",
            "false",
        ),
        (
            "!input.deal.light",
            "!(input.deal.thing.weight < 2.5)",
            "false",
        ),
        (
            "self.light.orValue(true)",
            "(self.thing.weight < 2.5).orValue(true)",
            "true",
        ),
        ("!self.spare_light", "!has(self.spare)", "true"),
    ] {
        for text in [used, written_out] {
            for position in [Position::Allow, Position::Where] {
                let mut scope = scope(&signatures, position);
                let (expr, found) = check_condition_text(text, &mut scope);
                assert_eq!(found, [], "{text}");
                let (mut frame, mut held) = surroundings(&signatures, &scope);
                let deal = aggregate(&signatures, "Deal");
                let at = &signatures.aggregate(deal).unwrap().row;
                let (at, _) = at.find("thing").unwrap();
                let Value::Struct(slots) = frame.get(SELF.slot()).clone() else {
                    panic!()
                };
                let mut slots = slots.to_vec();
                slots[at] = Value::text("gone");
                let lonely = Value::record(slots);
                frame.set(SELF.slot(), lonely.clone());
                held.0.insert((deal.index(), Value::text("d1")), lonely);
                let got = library.compile(&expr.unwrap()).eval(&mut frame, &held);
                assert_eq!(show(&got), wanted, "{text}");
            }
        }
    }
}

#[test]
fn a_recursive_define_is_false_below_its_depth() {
    let signatures = checked_world();
    let library = Library::new(&Known::of(&signatures));
    for (folder, wanted) in [("f0", true), ("f3", true), ("f4", false), ("none", false)] {
        let mut scope = scope(&signatures, Position::Allow);
        let (expr, _) = check_condition_text("input.folder.editor", &mut scope);
        let (mut frame, held) = surroundings(&signatures, &scope);
        let Value::Struct(slots) = frame.get(Root::Input.slot()).clone() else {
            panic!()
        };
        let mut slots = slots.to_vec();
        slots[6] = Value::text(folder);
        frame.set(Root::Input.slot(), Value::record(slots));
        let got = library.compile(&expr.unwrap()).eval(&mut frame, &held);
        assert_eq!(got, Ok(Value::Bool(wanted)), "{folder}");
    }
}

#[test]
fn functions_over_a_group_see_every_row() {
    let signatures = checked_world();
    let library = Library::new(&Known::of(&signatures));
    let frames = |amounts: &[i64]| -> Vec<Frame> {
        let frame = |minor: &i64| {
            let mut frame = Frame::new(Root::COUNT);
            let given = [
                ("total", eur(*minor)),
                ("took", Value::Duration(Duration::from_millis(*minor))),
            ];
            frame.set(Slot(0), row(&signatures, "Deal", &given));
            frame
        };
        amounts.iter().map(frame).collect()
    };
    for (source, wanted) in [
        ("count()", "3"),
        ("sum(self.total)", "60 EUR"),
        ("min(self.total)", "10 EUR"),
        ("max(self.took)", "30ms"),
        ("sum(self.total) / money('0.02')", "30d"),
    ] {
        let mut scope = scope(&signatures, Position::View);
        let (expr, found) = check_text(source, &mut scope, None);
        assert_eq!(found, []);
        let compiled = library.compile(&expr.unwrap());
        let got = compiled.eval_group(frames(&[10, 20, 30]), &eval::NoRows);
        assert_eq!(show(&got), wanted, "{source}");
    }
}
