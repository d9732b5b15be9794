//! Tests of the expression language: a small world of declarations, and tables of expressions.

mod checking;
mod evaluating;
mod reading;

use std::sync::Arc;

use super::*;
use crate::diagnostic::Diagnostic;
use crate::kdl::{Style, Value as Written};
use crate::model::{
    Aggregate, Currency, Define, Expr, Id, Name, Origin, Root, Shape, SlotType, Table, Type, Value,
};
use crate::source::{FileId, Span};

/// A type as it is written in a brief.
pub(super) fn ty(names: &Signatures, text: &str) -> Type {
    if let Some(inner) = text.strip_suffix('?') {
        return ty(names, inner).optional();
    }
    if let Some(inner) = text.strip_suffix('*') {
        return ty(names, inner).list();
    }
    match text {
        "text" => Type::Text,
        "int" => Type::Int,
        "decimal" => Type::Decimal,
        "money" => Type::Money,
        "bool" => Type::Bool,
        "date" => Type::Date,
        "time" => Type::Time,
        "duration" => Type::Duration,
        "email" => Type::Email,
        "url" => Type::Url,
        "json" => Type::Json,
        "edits" => Type::Edits,
        "tier" => Type::Tier,
        "region" => Type::Region,
        name => None
            .or(names.find_enum(name).map(Type::Enum))
            .or(names.find_record(name).map(Type::Record))
            .or(names.find_actor(name).map(Type::Actor))
            .or(names.find_aggregate(name).map(Type::Ref))
            .or(name
                .strip_prefix("row:")
                .and_then(|n| names.find_aggregate(n))
                .map(Type::Row))
            .unwrap_or_else(|| panic!("no type {name}")),
    }
}

/// A shape as `name type, name type`.
pub(super) fn shape(names: &Signatures, title: &str, slots: &str) -> Shape {
    let slots = slots
        .split(',')
        .map(str::trim)
        .filter(|slot| !slot.is_empty())
        .map(|slot| {
            let (name, text) = slot.split_once(' ').unwrap();
            SlotType {
                name: name.into(),
                ty: ty(names, text.trim()),
                origin: Origin::Declared,
            }
        });
    Shape {
        title: title.into(),
        slots: slots.collect(),
    }
}

fn words(text: &str) -> Vec<Arc<str>> {
    text.split_whitespace().map(Arc::from).collect()
}

pub(super) fn written(text: &str) -> Written {
    Written::String {
        text: text.into(),
        style: Style::Quoted,
    }
}

struct AggregateText {
    name: &'static str,
    keys: usize,
    generated: bool,
    slots: &'static str,
    states: &'static str,
    defines: &'static [(&'static str, &'static str, Option<u32>)],
}

const WORLD: &[AggregateText] = &[
    AggregateText {
        name: "Thing",
        keys: 1,
        generated: false,
        slots: "sku text, name text, price money, stock int, photo text?, weight decimal, \
                due date?, seen time, created time, version int",
        states: "",
        defines: &[("cheap", "self.price < money('10.00')", None)],
    },
    AggregateText {
        name: "Deal",
        keys: 1,
        generated: true,
        slots: "id text, owner person, lines Line*, total money, note text?, thing Thing, \
                spare Thing?, tags text*, level Level, people person*, data json, body text, \
                helper person?, mail email, took duration, created time, version int, state state:Deal",
        states: "open paid closed",
        defines: &[
            ("mine", "has(caller.id) && self.owner == caller.id", None),
            (
                "ours",
                "self.owner == caller.id || caller.id in self.people",
                None,
            ),
            (
                "subtotal",
                "self.lines.map(l, l.price * l.quantity).sum()",
                None,
            ),
            ("light", "self.thing.weight < 2.5", None),
            ("label", "self.thing.name", None),
            (
                "spare_light",
                "has(self.spare) && self.spare.value().weight < 2.5",
                None,
            ),
            ("unlit", "!self.light", None),
        ],
    },
    AggregateText {
        name: "Folder",
        keys: 1,
        generated: true,
        slots: "id text, parent Folder?, name text, people person*, created time, version int",
        states: "",
        defines: &[(
            "editor",
            "caller.id in self.people || has(self.parent) && self.parent.value().editor",
            Some(3),
        )],
    },
    AggregateText {
        name: "Pin",
        keys: 2,
        generated: false,
        slots: "deal Deal, person person, colour text, created time, version int",
        states: "",
        defines: &[],
    },
    AggregateText {
        name: "Seat",
        keys: 1,
        generated: false,
        slots: "person person, role Level, created time, version int",
        states: "",
        defines: &[("high", "self.role in ['top', 'mid']", None)],
    },
    AggregateText {
        name: "Org",
        keys: 1,
        generated: true,
        slots: "id text, tier tier, region region, created time, version int",
        states: "",
        defines: &[],
    },
];

/// The signatures of the small world; `state:X` types are set by hand.
pub(super) fn world() -> Signatures {
    let names = DeclaredNames {
        enums: words("Level"),
        records: words("Line"),
        actors: words("person clerk"),
        aggregates: WORLD
            .iter()
            .map(|aggregate| aggregate.name.into())
            .collect(),
    };
    let mut signatures = Signatures::new(names, Currency::parse("EUR").unwrap());
    signatures.flags = words("fast slow");
    signatures.limits = words("api");
    signatures.tiers = words("free pro");
    signatures.regions = words("eu us");
    let level = signatures.find_enum("Level").unwrap();
    signatures.set_enum(level, words("low mid top"));
    let line = signatures.find_record("Line").unwrap();
    let lines = shape(
        &signatures,
        "Line",
        "thing Thing, quantity int, price money, hint text?",
    );
    let defaults = vec![None, Some(Value::Int(1)), None, None];
    let record = RecordSignature {
        keys: 1,
        shape: Arc::new(lines),
        defaults,
    };
    signatures.set_record(line, record);
    let seat = signatures.find_aggregate("Seat").unwrap();
    signatures.tenant = signatures.find_aggregate("Org");
    let person = signatures.find_actor("person").unwrap();
    signatures.memberships.push(MembershipSignature {
        name: "seat".into(),
        aggregate: seat,
        actors: vec![person],
    });
    for text in WORLD {
        let id = signatures.find_aggregate(text.name).unwrap();
        let plain = text.slots.replace("state:Deal", "text");
        let mut row = shape(&signatures, text.name, &plain);
        if let Some(slot) = row.slots.iter_mut().find(|slot| &*slot.name == "state") {
            slot.ty = Type::State(id);
        }
        let define = |(name, source, depth): &(&str, &str, Option<u32>)| DefineSource {
            name: Name {
                text: (*name).into(),
                span: Span::default(),
            },
            source: OwnedSource::text(source),
            depth: *depth,
        };
        let aggregate = AggregateSignature {
            row: Arc::new(row),
            keys: text.keys,
            generated_key: text.generated,
            states: words(text.states),
            defines: text.defines.iter().map(define).collect(),
        };
        signatures.set_aggregate(id, aggregate);
    }
    signatures
}

/// The small world with its defines typed.
pub(super) fn checked_world() -> Signatures {
    let signatures = world();
    let mut out = Vec::new();
    check_defines(&signatures, &mut out);
    assert_eq!(out, []);
    signatures
}

/// A scope with everything that the tables use.
pub(super) fn scope(signatures: &Signatures, position: Position) -> Scope<'_> {
    let mut scope = Scope::new(signatures, position);
    let deal = signatures.find_aggregate("Deal").unwrap();
    scope.set_self(Some(deal));
    if position == Position::Invariant {
        return scope;
    }
    let person = signatures.find_actor("person").unwrap();
    let input = shape(
        signatures,
        "input",
        "n int, m int, x decimal, price money, deal Deal, thing Thing, folder Folder, maybe int?, \
         hint text?, words text*, lines Line*, at time, day date, who person, rest json, \
         level Level, edits edits, flag bool",
    );
    scope.set_input(&Arc::new(input));
    scope.set_caller(Callers {
        actors: vec![person],
        anyone: false,
    });
    scope.set_flow();
    scope.set_secrets(position == Position::Statement);
    let thing = signatures.find_aggregate("Thing").unwrap();
    scope.bind("row", Type::Row(thing));
    let (key, row) = (Box::new(Type::Ref(thing)), Box::new(Type::Row(thing)));
    scope.bind("things", Type::Map(key, row));
    scope
}

/// Checks one text.
pub(super) fn check_text(
    text: &str,
    scope: &mut Scope<'_>,
    expected: Option<&Type>,
) -> (Option<Expr>, Vec<Diagnostic>) {
    with_source(text, |source, out| check(source, scope, expected, out))
}

/// Checks one condition.
pub(super) fn check_condition_text(
    text: &str,
    scope: &mut Scope<'_>,
) -> (Option<Expr>, Vec<Diagnostic>) {
    with_source(text, |source, out| check_condition(source, scope, out))
}

fn with_source(
    text: &str,
    check: impl FnOnce(ExprSource<'_>, &mut Vec<Diagnostic>) -> Option<Expr>,
) -> (Option<Expr>, Vec<Diagnostic>) {
    let mut out = Vec::new();
    let value = written(text);
    let file = format!("\"{text}\"");
    let end = u32::try_from(file.len()).unwrap();
    let span = Span::new(FileId(0), 0, end);
    let source = ExprSource {
        value: &value,
        span,
        file: &file,
    };
    let expr = check(source, &mut out);
    (expr, out)
}

/// Defines of the small world for the evaluator.
pub(super) struct Known(pub(super) Vec<Table<Define>>);

impl Known {
    pub(super) fn of(signatures: &Signatures) -> Self {
        let count = WORLD.len();
        Self(
            (0..count)
                .map(|at| signatures.defines(Id::from_index(at)))
                .collect(),
        )
    }
}

impl Defines for Known {
    fn tables(&self) -> Vec<&Table<Define>> {
        self.0.iter().collect()
    }
}

pub(super) fn aggregate(signatures: &Signatures, name: &str) -> Id<Aggregate> {
    signatures.find_aggregate(name).unwrap()
}

pub(super) const SELF: Root = Root::SelfRow;
