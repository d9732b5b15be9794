//! The functions: how they are called, on which types, and what they give.

use crate::model::{Function, Type};

/// Every function with how it is called, for diagnostics and the reference.
pub const FUNCTIONS: &[(&str, &str)] = &[
    ("has", "has(x)"),
    ("all", "list.all(x, condition)"),
    ("exists", "list.exists(x, condition)"),
    ("filter", "list.filter(x, condition)"),
    ("map", "list.map(x, value)"),
    ("sum", "list.sum()"),
    ("min", "min(a, b) or list.min()"),
    ("max", "max(a, b) or list.max()"),
    ("size", "x.size()"),
    ("count", "count(), in a view"),
    ("take", "list.take(n)"),
    ("put", "put(list, element)"),
    ("drop", "drop(list, key)"),
    ("merge", "merge(text, edits) or merge(list, list)"),
    ("value", "x.value()"),
    ("orValue", "x.orValue(stand_in)"),
    ("date", "date(time, 'Zone/City') or date('2027-01-31')"),
    ("month", "month(time, 'Zone/City')"),
    ("bucket", "bucket(time, duration)"),
    ("duration", "duration('10m')"),
    ("money", "money('5.00') or money(number)"),
    ("string", "string(x)"),
    ("secret", "secret(bytes)"),
    ("matches_schema", "matches_schema(json, schema)"),
    ("startsWith", "text.startsWith(other)"),
    ("endsWith", "text.endsWith(other)"),
    ("contains", "text.contains(other)"),
];

pub(super) type Signature = (Function, Vec<Type>, Type);

fn summable(ty: &Type) -> bool {
    matches!(ty, Type::Int | Type::Decimal | Type::Money | Type::Duration)
}

fn ordered(ty: &Type) -> bool {
    summable(ty) || matches!(ty, Type::Date | Type::Time | Type::Text)
}

/// `keys` are the types of the key fields of the elements of a list.
pub(super) fn list_function(name: &str, types: &[Type], keys: &[Type]) -> Option<Signature> {
    let same = |function, ty: Type| Some((function, types.to_vec(), ty));
    match (name, types) {
        ("sum", [Type::List(item)]) if summable(item) => same(Function::Sum, (**item).clone()),
        ("sum", [Type::List(item)]) if **item == Type::Nothing => same(Function::Sum, Type::Int),
        ("min" | "max", [Type::List(item)]) if ordered(item) => {
            let function = if name == "min" {
                Function::Min
            } else {
                Function::Max
            };
            same(function, (**item).clone().optional())
        }
        ("min" | "max", [first, rest @ ..]) if ordered(first) && !rest.is_empty() => {
            let function = if name == "min" {
                Function::Min
            } else {
                Function::Max
            };
            let decimal = types.contains(&Type::Decimal) && summable(first);
            let ty = if decimal {
                Type::Decimal
            } else {
                first.clone()
            };
            Some((function, vec![ty.clone(); types.len()], ty))
        }
        ("size", [Type::List(_) | Type::Map(..) | Type::Text]) => same(Function::Size, Type::Int),
        ("size", [Type::Email | Type::Url]) => Some((Function::Size, vec![Type::Text], Type::Int)),
        ("take", [list @ Type::List(_), Type::Int]) => same(Function::Take, list.clone()),
        ("put", [list @ Type::List(item), _]) => Some((
            Function::Put,
            vec![list.clone(), (**item).clone()],
            list.clone(),
        )),
        ("drop", [list @ Type::List(item), key]) => {
            let target = match (&**item, keys) {
                (Type::Record(_), [one]) => one.clone(),
                (Type::Record(_), [_, ..]) => key.clone(),
                (other, _) => other.clone(),
            };
            Some((Function::Drop, vec![list.clone(), target], list.clone()))
        }
        _ => None,
    }
}

pub(super) fn time_function(name: &str, types: &[Type]) -> Option<Signature> {
    let same = |function, ty: Type| Some((function, types.to_vec(), ty));
    match (name, types) {
        ("date", [Type::Time, Type::Text]) => same(Function::Date, Type::Date),
        ("month", [Type::Time, Type::Text] | [Type::Date]) => same(Function::Month, Type::Text),
        ("bucket", [Type::Time, Type::Duration]) => same(Function::Bucket, Type::Time),
        _ => None,
    }
}

pub(super) fn text_function(name: &str, types: &[Type]) -> Option<Signature> {
    let texts = |function, ty| Some((function, vec![Type::Text; types.len()], ty));
    let textual = |ty: &Type| {
        matches!(
            ty,
            Type::Text
                | Type::Email
                | Type::Url
                | Type::Enum(_)
                | Type::State(_)
                | Type::Tier
                | Type::Region
                | Type::Actor(_)
                | Type::Ref(_)
        )
    };
    match (name, types) {
        ("merge", [Type::Text, Type::Edits]) => Some((Function::Merge, types.to_vec(), Type::Text)),
        ("merge", [Type::List(a), Type::List(b)]) if a == b => {
            let joined = Type::List(a.clone());
            Some((Function::Merge, types.to_vec(), joined))
        }
        ("money", [number @ (Type::Int | Type::Decimal)]) => {
            Some((Function::Money, vec![number.clone()], Type::Money))
        }
        ("money", [number @ (Type::Int | Type::Decimal), Type::Text]) => Some((
            Function::Money,
            vec![number.clone(), Type::Text],
            Type::Money,
        )),
        ("string", [one]) if textual(one) => texts(Function::String, Type::Text),
        (
            "string",
            [
                Type::Int
                | Type::Decimal
                | Type::Money
                | Type::Bool
                | Type::Date
                | Type::Time
                | Type::Duration
                | Type::Json,
            ],
        ) => Some((Function::String, types.to_vec(), Type::Text)),
        ("secret", [Type::Int]) => Some((Function::Secret, types.to_vec(), Type::Text)),
        ("matches_schema", [Type::Json, Type::Json]) => {
            Some((Function::MatchesSchema, types.to_vec(), Type::Bool))
        }
        ("startsWith", [a, b]) if textual(a) && textual(b) => {
            texts(Function::StartsWith, Type::Bool)
        }
        ("endsWith", [a, b]) if textual(a) && textual(b) => texts(Function::EndsWith, Type::Bool),
        ("contains", [a, b]) if textual(a) && textual(b) => texts(Function::Contains, Type::Bool),
        _ => None,
    }
}
