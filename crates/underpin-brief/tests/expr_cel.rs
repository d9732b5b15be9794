//! Our expressions against the public CEL interpreter, where the meanings agree: ints, bools,
//! strings and lists. Excepted: decimals, money and time (ours alone), absence, and errors inside
//! `&&` and `||`, which CEL absorbs and ours do not.

use super::expr_world::{Random, read, scope, signatures, texts};
use underpin_brief::expr::eval::NoRows;
use underpin_brief::expr::{Defines, Frame, Library};
use underpin_brief::model::{Define, Table, Type, Value};

struct NoDefines;

impl Defines for NoDefines {
    fn tables(&self) -> Vec<&Table<Define>> {
        Vec::new()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Int,
    Bool,
    Text,
    Ints,
    Texts,
}

/// A well-typed expression of that kind.
fn generate(random: &mut Random, kind: Kind, depth: u32) -> String {
    let leaf = depth == 0 || random.below(4) == 0;
    match kind {
        Kind::Int if leaf => int_leaf(random),
        Kind::Bool if leaf => (*random.pick(&["true", "false", "p", "q"])).to_owned(),
        Kind::Text if leaf => (*random.pick(&["'a'", "'bc'", "\"é\"", "s", "t", "''"])).to_owned(),
        Kind::Ints if leaf => (*random.pick(&["xs", "[1, 2, 3]", "[a, b]"])).to_owned(),
        Kind::Texts if leaf => (*random.pick(&["ts", "['a', 'b']", "[s]"])).to_owned(),
        Kind::Int => int(random, depth - 1),
        Kind::Bool => bool(random, depth - 1),
        Kind::Text => text(random, depth - 1),
        Kind::Ints => list(random, Kind::Ints, depth - 1),
        Kind::Texts => list(random, Kind::Texts, depth - 1),
    }
}

fn int_leaf(random: &mut Random) -> String {
    let large = "9223372036854775807";
    (*random.pick(&["0", "1", "2", "-3", "7", "a", "b", "a", "b", large])).to_owned()
}

fn int(random: &mut Random, depth: u32) -> String {
    let mut one = |kind| generate(random, kind, depth);
    let (a, b, c) = (one(Kind::Int), one(Kind::Int), one(Kind::Bool));
    let (xs, s) = (one(Kind::Ints), one(Kind::Text));
    match random.below(9) {
        0 => format!("({a} + {b})"),
        1 => format!("{a} - ({b})"),
        2 => format!("({a}) * ({b})"),
        3 => format!("({a}) / ({b})"),
        4 => format!("({a}) % ({b})"),
        5 => format!("({c} ? {a} : {b})"),
        6 => format!("({xs}).size()"),
        7 => format!("({s}).size()"),
        _ => format!("-({a})"),
    }
}

fn bool(random: &mut Random, depth: u32) -> String {
    let kind = *random.pick(&[Kind::Int, Kind::Text]);
    let mut one = |kind| generate(random, kind, depth);
    let (a, b) = (one(kind), one(kind));
    let (p, q) = (one(Kind::Bool), one(Kind::Bool));
    let (xs, ts) = (one(Kind::Ints), one(Kind::Texts));
    match random.below(9) {
        0 => format!("({p} && {q})"),
        1 => format!("({p} || {q})"),
        2 => format!("!({p})"),
        3 | 4 => {
            let op = random.pick(&["==", "!=", "<", "<=", ">", ">="]);
            format!("({a} {op} {b})")
        }
        5 if kind == Kind::Int => format!("({a} in {xs})"),
        5 => format!("({a} in {ts})"),
        6 => format!("({xs}).exists(x, x > 1 && {p})"),
        7 => format!("({ts}).all(x, x != 'b' || {p})"),
        _ => format!("({p} == {q})"),
    }
}

fn text(random: &mut Random, depth: u32) -> String {
    let mut one = |kind| generate(random, kind, depth);
    let (a, b, p) = (one(Kind::Text), one(Kind::Text), one(Kind::Bool));
    match random.below(3) {
        0 => format!("({p} ? {a} : {b})"),
        _ => format!("({a} + {b})"),
    }
}

fn list(random: &mut Random, kind: Kind, depth: u32) -> String {
    let mut one = |kind| generate(random, kind, depth);
    let item = if kind == Kind::Ints {
        Kind::Int
    } else {
        Kind::Text
    };
    let (xs, ys, a, b) = (one(kind), one(kind), one(item), one(item));
    match random.below(4) {
        0 => format!("({xs} + {ys})"),
        1 => format!("[{a}, {b}]"),
        2 => format!("({xs}).filter(x, x != {a})"),
        _ => format!("({xs}).map(x, x + {a})"),
    }
}

fn ours(value: &cel::Value) -> Value {
    match value {
        cel::Value::Int(number) => Value::Int(*number),
        cel::Value::Bool(truth) => Value::Bool(*truth),
        cel::Value::String(text) => Value::text(text),
        cel::Value::List(items) => Value::list(items.iter().map(ours).collect()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn expressions_mean_what_cel_says() {
    let signatures = signatures();
    let library = Library::new(&NoDefines);
    let bindings = [
        ("a", Type::Int),
        ("b", Type::Int),
        ("p", Type::Bool),
        ("q", Type::Bool),
        ("s", Type::Text),
        ("t", Type::Text),
        ("xs", Type::Int.list()),
        ("ts", Type::Text.list()),
    ];
    let mut context = cel::Context::default();
    context.add_variable_from_value("a", 5_i64);
    context.add_variable_from_value("b", -2_i64);
    context.add_variable_from_value("p", true);
    context.add_variable_from_value("q", false);
    context.add_variable_from_value("s", "s");
    context.add_variable_from_value("t", "éa");
    context.add_variable_from_value("xs", vec![1_i64, 5, -7]);
    context.add_variable_from_value("ts", vec!["a".to_owned(), "s".to_owned()]);
    let values = [
        Value::Int(5),
        Value::Int(-2),
        Value::Bool(true),
        Value::Bool(false),
        Value::text("s"),
        Value::text("éa"),
        Value::list(vec![Value::Int(1), Value::Int(5), Value::Int(-7)]),
        texts(&["a", "s"]),
    ];
    let (mut equal, mut refused) = (0, 0);
    let kinds = [Kind::Int, Kind::Bool, Kind::Text, Kind::Ints, Kind::Texts];
    for seed in 0..4_000 {
        let mut random = Random(seed);
        let kind = *random.pick(&kinds);
        let source = generate(&mut random, kind, 4);
        let (mut scope, slots) = scope(&signatures, &bindings);
        let (expr, found) = read(&source, &mut scope);
        let expr = expr.unwrap_or_else(|| panic!("{source}\n{found:?}"));
        let mut frame = Frame::new(scope.frame());
        for (slot, value) in slots.iter().zip(&values) {
            frame.set(*slot, value.clone());
        }
        let mine = library.compile(&expr).eval(&mut frame, &NoRows);
        let program = cel::Program::compile(&source).unwrap_or_else(|e| panic!("{source}\n{e}"));
        let theirs = program.execute(&context);
        match (&mine, &theirs) {
            (Ok(mine), Ok(theirs)) => {
                assert_eq!(*mine, ours(theirs), "{source}");
                equal += 1;
            }
            (Err(_), Err(_)) => refused += 1,
            (Err(_), Ok(_)) if source.contains("&&") || source.contains("||") => refused += 1,
            // CEL's comprehensions absorb errors as well.
            (Err(_), Ok(_)) if source.contains("exists") || source.contains("all") => refused += 1,
            _ => panic!("{source}\nours {mine:?}\ntheirs {theirs:?}"),
        }
    }
    println!("{equal} equal, {refused} refused by both");
    assert!(equal > 2_000 && refused > 100, "{equal} {refused}");
}
