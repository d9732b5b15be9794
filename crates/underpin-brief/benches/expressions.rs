//! Evaluation of a typical condition, ours against the `cel` crate, as a ratio in one run:
//! `cargo bench -p underpin-brief --bench expressions`.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a measurement reads the clock and prints"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use underpin_brief::expr::eval::NoRows;
use underpin_brief::expr::{
    DeclaredNames, Defines, ExprSource, Frame, Library, Position, Scope, Signatures, check,
};
use underpin_brief::kdl;
use underpin_brief::model::{Currency, Define, Origin, Shape, SlotType, Table, Type, Value};
use underpin_brief::source::Sources;

struct NoDefines;

impl Defines for NoDefines {
    fn tables(&self) -> Vec<&Table<Define>> {
        Vec::new()
    }
}

const CONDITION: &str = "row.stock >= input.quantity && row.state == 'open'";
const ROUNDS: u32 = 1_000_000;

fn shape(title: &str, slots: &[(&str, Type)]) -> Type {
    let slot = |(name, ty): &(&str, Type)| SlotType {
        name: (*name).into(),
        ty: ty.clone(),
        origin: Origin::Declared,
    };
    let slots = slots.iter().map(slot).collect();
    Type::Struct(Arc::new(Shape {
        title: title.into(),
        slots,
    }))
}

/// Nanoseconds per call, the median of five runs.
fn median(rounds: u32, mut call: impl FnMut()) -> f64 {
    let runs = (0..5).map(|_| {
        let start = Instant::now();
        (0..rounds).for_each(|_| call());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds)
    });
    let mut runs: Vec<f64> = runs.collect();
    runs.sort_by(f64::total_cmp);
    runs.get(2).copied().unwrap_or(f64::NAN)
}

fn ours() -> f64 {
    let currency = Currency::parse("EUR").expect("a currency");
    let signatures = Signatures::new(DeclaredNames::default(), currency);
    let mut scope = Scope::new(&signatures, Position::Statement);
    let row = scope.bind(
        "row",
        shape("row", &[("stock", Type::Int), ("state", Type::Text)]),
    );
    let input = shape("input", &[("quantity", Type::Int)]);
    let Type::Struct(input) = input else {
        return 0.0;
    };
    scope.set_input(&input);
    let mut sources = Sources::default();
    let text = format!("x \"{CONDITION}\"");
    let file = sources.add("bench", &text);
    let (document, _) = kdl::read(file, &text);
    let entry = document
        .nodes
        .first()
        .and_then(|node| node.arg(0))
        .expect("an entry");
    let source = ExprSource::entry(entry, &sources);
    let expr = check(source, &mut scope, None, &mut Vec::new()).expect("typed");
    let compiled = Library::new(&NoDefines).compile(&expr);
    let mut frame = Frame::new(scope.frame());
    frame.set(row, Value::record(vec![Value::Int(7), Value::text("open")]));
    let input = Value::record(vec![Value::Int(3)]);
    frame.set(underpin_brief::model::Root::Input.slot(), input);
    median(ROUNDS, || {
        let _ = black_box(compiled.eval(black_box(&mut frame), &NoRows));
    })
}

fn theirs() -> f64 {
    let program = cel::Program::compile(CONDITION).expect("compiles");
    let mut context = cel::Context::default();
    let row = std::collections::HashMap::from([
        ("stock", cel::Value::Int(7)),
        ("state", cel::Value::String(Arc::new("open".to_owned()))),
    ]);
    let input = std::collections::HashMap::from([("quantity", cel::Value::Int(3))]);
    context.add_variable_from_value("row", row);
    context.add_variable_from_value("input", input);
    median(ROUNDS / 10, || {
        let _ = black_box(program.execute(black_box(&context)));
    })
}

fn main() {
    let (ours, theirs) = (ours(), theirs());
    println!("{CONDITION}");
    println!(
        "ours {ours:.1} ns, cel 0.15 (context reused) {theirs:.1} ns: {:.1} times",
        theirs / ours
    );
}
