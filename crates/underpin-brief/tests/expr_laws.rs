//! Laws of arithmetic, and that no text does harm.

use super::expr_world::{Random, read, scope, signatures};
use super::test_data;
use underpin_brief::expr::eval::NoRows;
use underpin_brief::expr::{Defines, Fault, Frame, Library};
use underpin_brief::kdl;
use underpin_brief::model::{Currency, Decimal, Define, Table, Type, Value};
use underpin_brief::resolve::check_text;
use underpin_brief::source::FileId;

struct NoDefines;

impl Defines for NoDefines {
    fn tables(&self) -> Vec<&Table<Define>> {
        Vec::new()
    }
}

/// Values at and between the edges.
fn any(random: &mut Random, ty: &Type) -> Value {
    let edges = [
        0,
        1,
        -1,
        7,
        100,
        1_000_003,
        -999,
        i64::MAX,
        i64::MIN,
        i64::MAX / 3,
    ];
    let number = *random.pick(&edges);
    match ty {
        Type::Int => Value::Int(number),
        Type::Decimal => Value::Decimal(Decimal::from_nanos(number)),
        _ => Value::Money(number, Currency::parse("EUR").expect("a currency")),
    }
}

#[test]
fn laws_of_arithmetic_hold_wherever_no_side_refuses() {
    let signatures = signatures();
    let library = Library::new(&NoDefines);
    let laws = [
        ("a + b == b + a", "number"),
        ("a * b == b * a", "plain"),
        ("a + b - b == a", "number"),
        ("-(-a) == a", "number"),
        ("a - b == -(b - a)", "number"),
        ("(a + b) + c == a + (b + c)", "number"),
        ("b == a || (a < b) != (b < a)", "number"),
        ("a <= b == (b >= a)", "number"),
        ("a * (b + c) == a * b + a * c", "int"),
        ("b == 0 || a / b * b + a % b == a", "int"),
        ("b == 0 || a % b > -max(b, -b) && a % b < max(b, -b)", "int"),
        ("[a, b, c].sum() == a + b + c", "number"),
        (
            "min(a, b) <= a && min(a, b) <= b && (min(a, b) == a || min(a, b) == b)",
            "number",
        ),
        ("[a, b].max().orValue(c) == max(a, b)", "number"),
        ("a * 3 == a + a + a", "number"),
        ("a == money('0.00') || a / a == 1.0", "money"),
        (
            "a * 0.5 * 2 - a <= money('0.01') && a - a * 0.5 * 2 <= money('0.01')",
            "money",
        ),
    ];
    let mut tried = 0;
    for (law, over) in laws {
        for ty in [Type::Int, Type::Decimal, Type::Money] {
            let fits = match over {
                "int" => ty == Type::Int,
                "plain" => ty != Type::Money,
                "money" => ty == Type::Money,
                _ => true,
            };
            if !fits {
                continue;
            }
            let names = [("a", ty.clone()), ("b", ty.clone()), ("c", ty.clone())];
            let (mut scope, slots) = scope(&signatures, &names);
            let (expr, found) = read(law, &mut scope);
            assert_eq!(found, [], "{law} over {ty:?}");
            let compiled = library.compile(&expr.expect("typed"));
            let mut random = Random(1);
            for _ in 0..400 {
                let mut frame = Frame::new(scope.frame());
                let values: Vec<Value> = slots.iter().map(|_| any(&mut random, &ty)).collect();
                for (slot, value) in slots.iter().zip(&values) {
                    frame.set(*slot, value.clone());
                }
                match compiled.eval(&mut frame, &NoRows) {
                    Ok(held) => {
                        assert_eq!(held, Value::Bool(true), "{law} with {values:?}");
                        tried += 1;
                    }
                    Err(fault) => assert_eq!(fault, Fault::Overflow, "{law} with {values:?}"),
                }
            }
        }
    }
    assert!(tried > 5_000, "{tried}");
}

#[test]
fn no_text_does_harm() {
    let signatures = signatures();
    let library = Library::new(&NoDefines);
    let words = [
        "a", "b", "xs", "s", "self", "input", "caller", "now", "has", "size", "map", "all", "x",
        "in", "true", "null", "1", "0.5", "-", "+", "*", "/", "%", "(", ")", "[", "]", "{", "}",
        ".", ",", ":", "?", "&&", "||", "!", "==", "<", "'t'", "money", "duration", "'10m'", "'",
        "\\", "é", "\u{0}", "if", "sum", "orValue", "value", "date", "secret", "take", "put",
    ];
    let names = [
        ("a", Type::Int),
        ("b", Type::Decimal),
        ("s", Type::Text.optional()),
        ("xs", Type::Int.list()),
    ];
    let mut typed = 0;
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let count = 1 + random.below(12);
        let space = if random.below(2) == 0 { " " } else { "" };
        let parts: Vec<&str> = (0..count).map(|_| *random.pick(&words)).collect();
        let (mut scope, _) = scope(&signatures, &names);
        let (expr, found) = read(&parts.join(space), &mut scope);
        assert!(expr.is_some() == found.is_empty(), "{parts:?} {found:?}");
        if let Some(expr) = expr {
            typed += 1;
            let mut frame = Frame::new(scope.frame());
            let _ = library.compile(&expr).eval(&mut frame, &NoRows);
        }
    }
    assert!(typed > 100, "{typed}");
}

#[test]
fn every_expression_of_the_outside_briefs_can_be_read() {
    let Some(folder) = test_data::folder("briefs") else {
        return;
    };
    let mut strings = 0;
    for path in test_data::files(&folder, "kdl") {
        let text = std::fs::read_to_string(&path).expect("a brief");
        let (document, found) = kdl::read(FileId(0), &text);
        assert_eq!(found, [], "{}", path.display());
        strings += document.nodes.len();
        let checked = check_text("brief.kdl", &text);
        let unread: Vec<_> = checked
            .diagnostics
            .iter()
            .filter(|found| ["U0301", "U0302", "U0316"].contains(&found.code.id))
            .collect();
        assert!(unread.is_empty(), "{}: {unread:?}", path.display());
    }
    assert!(strings > 100, "{strings}");
}
