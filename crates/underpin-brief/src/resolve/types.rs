//! Types and fields: `word name type marks`. Knows names, but no aggregate and no expression.

use super::context::Cx;
use super::names::BUILTIN;
use super::read::{EntryExt, NodeExt};
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::kdl::{Entry, Node};
use crate::model::*;
use crate::suggest::closest;
use std::sync::Arc;

/// The type that a word names; reported where there is none.
pub(super) fn type_of(cx: &Cx<'_>, entry: &Entry) -> Option<Type> {
    let text = entry.value.as_str()?;
    if !super::grammar::Kind::Type.admits(entry) {
        return Some(Type::Error);
    }
    let (word, suffix) = match text.strip_suffix(['?', '*']) {
        Some(word) => (word, text.chars().last()),
        None => (text, None),
    };
    let Some(base) = named(cx, word) else {
        cx.push(unknown_type(cx, word, entry));
        return Some(Type::Error);
    };
    Some(match suffix {
        Some('?') => base.optional(),
        Some('*') => base.list(),
        _ => base,
    })
}

fn named(cx: &Cx<'_>, word: &str) -> Option<Type> {
    Some(match word {
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
        "blob" => Type::Blob,
        "edits" => Type::Edits,
        "tier" => Type::Tier,
        "region" => Type::Region,
        _ => return declared(cx, word),
    })
}

fn declared(cx: &Cx<'_>, word: &str) -> Option<Type> {
    let names = &cx.names;
    let by_enum = names.enums.find(word).map(Type::Enum);
    by_enum
        .or_else(|| names.records.find(word).map(Type::Record))
        .or_else(|| names.aggregates.find(word).map(Type::Ref))
        .or_else(|| names.actors.find(word).map(Type::Actor))
}

fn unknown_type(cx: &Cx<'_>, word: &str, entry: &Entry) -> Diagnostic {
    let place = entry.value_span;
    let found = Diagnostic::error(codes::U0211, place, format!("there is no type `{word}`"));
    let usual = match word {
        "string" | "String" | "str" | "varchar" => Some("text"),
        "integer" | "number" | "long" => Some("int"),
        "float" | "double" => Some("decimal"),
        "boolean" => Some("bool"),
        "datetime" | "timestamp" | "instant" => Some("time"),
        "uuid" | "id" => Some("text"),
        _ => None,
    };
    let known = || BUILTIN.iter().copied().chain(cx.names.types());
    let known: Vec<&str> = known().collect();
    match usual.or_else(|| closest(word, known.iter().copied())) {
        Some(meant) => {
            let suffix: String = entry
                .value
                .as_str()
                .unwrap_or("")
                .chars()
                .filter(|c| "?*".contains(*c))
                .collect();
            found.fix(
                format!("did you mean `{meant}`?"),
                place,
                format!("{meant}{suffix}"),
            )
        }
        None => found
            .help("types are those of the language, enums, records, aggregates and actors")
            .fact(format!(
                "the language has {}",
                super::grammar::both(BUILTIN)
            )),
    }
}

/// A field of a node such as `field name type marks`; `None` where its name is missing, which
/// was reported. A missing type was reported, too.
pub(super) fn field(cx: &Cx<'_>, node: &Node) -> Option<Field> {
    let name = node.title()?;
    let ty = node
        .arg(1)
        .and_then(|entry| type_of(cx, entry))
        .unwrap_or(Type::Error);
    Some(with_type(cx, node, name, ty))
}

/// A field of that name and type with the marks of `node`.
pub(super) fn with_type(cx: &Cx<'_>, node: &Node, name: Name, ty: Type) -> Field {
    let inner = element(&ty);
    let bound = |prop: &str| node.prop(prop).and_then(|entry| bound(cx, inner, entry));
    let marked = |mark: &str| node.mark(1, mark);
    let field = Field {
        marks: Marks {
            personal: marked("personal"),
            sensitive: marked("sensitive"),
            secret: marked("secret"),
            unique: marked("unique"),
            fixed: marked("fixed"),
            public_address: marked("public-address"),
        },
        min: bound("min"),
        max: bound("max"),
        count: node
            .prop("count")
            .and_then(|entry| super::grammar::kinds::count(&entry.value))
            .map(|(min, max)| CountRange { min, max }),
        default: node
            .prop("default")
            .and_then(|entry| literal(cx, &ty, entry)),
        typical: node.prop("typical").and_then(EntryExt::small),
        media: node.prop("media").and_then(EntryExt::text),
        merge: node.word("merge").and_then(merge_of),
        since: node.prop("since").and_then(EntryExt::small),
        until: node.prop("until").and_then(EntryExt::small),
        was: node.prop("was").and_then(EntryExt::text),
        name,
        ty,
    };
    fits(cx, node, &field);
    field
}

fn merge_of(word: &str) -> Option<Merge> {
    Some(match word {
        "last" => Merge::Last,
        "add" => Merge::Add,
        "set" => Merge::Set,
        "text" => Merge::Text,
        _ => return None,
    })
}

/// Marks and properties that mean nothing on a field of that type.
fn fits(cx: &Cx<'_>, node: &Node, field: &Field) {
    let inner = element(&field.ty);
    let list = matches!(field.ty, Type::List(_));
    if matches!(inner, Type::Error) {
        return;
    }
    let numbers = matches!(
        inner,
        Type::Int | Type::Decimal | Type::Money | Type::Duration
    );
    let merges = match field.merge {
        None | Some(Merge::Last) => true,
        Some(Merge::Add) => numbers && !list,
        Some(Merge::Set) => list,
        Some(Merge::Text) => matches!(inner, Type::Text) && !list,
    };
    let wrong = [
        (
            "count",
            node.prop("count").is_some() && !list,
            "a list, such as `text*`",
        ),
        (
            "typical",
            field.typical.is_some() && !list,
            "a list, such as `text*`",
        ),
        (
            "media",
            field.media.is_some() && !matches!(inner, Type::Blob),
            "a `blob`",
        ),
        (
            "public-address",
            field.marks.public_address && !matches!(inner, Type::Url),
            "a `url`",
        ),
        (
            "merge",
            !merges,
            "`add` for numbers, `set` for lists, `text` for texts",
        ),
        (
            "unique",
            field.marks.unique && list,
            "a field that is no list",
        ),
    ];
    for (what, is_wrong, right) in wrong {
        if is_wrong {
            let message = format!("`{what}` does not fit the type of `{}`", field.name);
            let place = node.prop(what).map_or(node.head, |entry| entry.span);
            cx.push(
                Diagnostic::error(codes::U0212, place, message)
                    .help(format!("`{what}` is for {right}")),
            );
        }
    }
    if let (Some(min), Some(max)) = (&field.min, &field.max)
        && min > max
    {
        let message = format!("nothing is between `min` and `max` of `{}`", field.name);
        cx.push(Diagnostic::error(codes::U0212, node.head, message).help("swap them"));
    }
}

/// The type without `?` and `*`.
pub(super) fn element(ty: &Type) -> &Type {
    match ty {
        Type::Optional(inner) | Type::List(inner) => element(inner),
        other => other,
    }
}

fn bound(cx: &Cx<'_>, ty: &Type, entry: &Entry) -> Option<Value> {
    let length = || {
        let whole = entry
            .natural()
            .or_else(|| entry.bytes().map(|bytes| bytes.0))?;
        i64::try_from(whole).ok().map(Value::Int)
    };
    let value = match ty {
        Type::Text | Type::Json | Type::Blob | Type::Edits | Type::Url | Type::Email => length(),
        Type::Error => return None,
        Type::Int | Type::Decimal | Type::Money | Type::Duration | Type::Date | Type::Time => {
            plain(cx, ty, entry)
        }
        _ => None,
    };
    if value.is_none() {
        let shown = ty.show(&cx.sig).to_string();
        let message = format!("this is no bound for `{shown}`");
        let found = Diagnostic::error(codes::U0206, entry.value_span, message);
        cx.push(found.help("numbers are bounded by numbers, texts by a length, blobs by a size such as `\"5 MiB\"`"));
    }
    value
}

/// The value that a literal stands for; reported where it is none of that type.
pub(super) fn literal(cx: &Cx<'_>, ty: &Type, entry: &Entry) -> Option<Value> {
    let value = match ty {
        Type::Error => return None,
        Type::Optional(inner) if !super::read::is_null(entry) => return literal(cx, inner, entry),
        Type::Optional(_) => Some(Value::Null),
        other => plain(cx, other, entry),
    };
    if value.is_none() {
        let shown = ty.show(&cx.sig).to_string();
        let message = format!("this is no value of the type `{shown}`");
        let help = match ty {
            Type::List(_) => "a list starts empty where no default is given: leave it out".into(),
            Type::Enum(id) => {
                let node = cx.names.enums.node(*id);
                let values = node.into_iter().flat_map(|node| node.args().skip(1));
                let values: Vec<&str> = values.filter_map(|value| value.value.as_str()).collect();
                format!("its values are {}", super::grammar::both(&values))
            }
            _ => "a default is a literal: a number, `#true`, or a text".into(),
        };
        cx.push(Diagnostic::error(codes::U0206, entry.value_span, message).help(help));
    }
    value
}

fn plain(cx: &Cx<'_>, ty: &Type, entry: &Entry) -> Option<Value> {
    let text = entry.value.as_str();
    match ty {
        Type::Text | Type::Email | Type::Url => text.map(Value::text),
        Type::Int => entry
            .value
            .as_integer()
            .and_then(|n| i64::try_from(n).ok())
            .map(Value::Int),
        Type::Decimal => entry
            .decimal()
            .or_else(|| Decimal::parse(text?))
            .map(Value::Decimal),
        Type::Money => money(cx, entry),
        Type::Bool => entry.value.as_bool().map(Value::Bool),
        Type::Duration => Duration::parse(text?).map(Value::Duration),
        Type::Date => entry.day().map(Value::Date),
        Type::Json => serde_json::from_str::<serde_json::Value>(text?)
            .ok()
            .map(|json| Value::Json(canonical(&json).into())),
        Type::Enum(id) => {
            let values = cx.names.enums.node(*id)?;
            let known = values
                .args()
                .skip(1)
                .any(|value| value.value.as_str() == text);
            known.then(|| text.map(Value::text)).flatten()
        }
        Type::Tier => text
            .filter(|name| cx.names.tiers.find(name).is_some())
            .map(Value::text),
        Type::Region => text
            .filter(|name| cx.regions.iter().any(|r| &**r == *name))
            .map(Value::text),
        _ => None,
    }
}

/// JSON with sorted keys and no spaces.
fn canonical(json: &serde_json::Value) -> String {
    match json {
        serde_json::Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            let members: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| {
                    format!(
                        "{}:{}",
                        serde_json::Value::from(key.as_str()),
                        canonical(value)
                    )
                })
                .collect();
            format!("{{{}}}", members.join(","))
        }
        serde_json::Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

fn money(cx: &Cx<'_>, entry: &Entry) -> Option<Value> {
    let amount = entry
        .decimal()
        .or_else(|| Decimal::parse(entry.value.as_str()?))?;
    let scale = 10_i64.checked_pow(9_u32.checked_sub(cx.currency.digits())?)?;
    let minor = amount.nanos().checked_div(scale)?;
    (minor.checked_mul(scale)? == amount.nanos()).then_some(Value::Money(minor, cx.currency))
}

/// The layout of declared fields.
pub(super) fn shape_of(title: String, fields: &[Field], keys: usize) -> Shape {
    let slot = |(at, field): (usize, &Field)| SlotType {
        name: Arc::clone(&field.name.text),
        ty: field.ty.clone(),
        origin: if at < keys {
            Origin::Key
        } else {
            Origin::Declared
        },
    };
    Shape {
        title: title.into(),
        slots: fields.iter().enumerate().map(slot).collect(),
    }
}

/// The fields of all children of that name; of two of one name the first stays.
pub(super) fn fields(cx: &Cx<'_>, node: &Node, kind: &str) -> Vec<Field> {
    let mut fields = Vec::new();
    for inner in node.children_named(kind) {
        if let Some(field) = field(cx, inner) {
            add_field(cx, &mut fields, field);
        }
    }
    fields
}

/// Adds a field unless its name is taken, which is reported.
pub(super) fn add_field(cx: &Cx<'_>, fields: &mut Vec<Field>, field: Field) -> bool {
    if let Some(first) = fields
        .iter()
        .find(|other| other.name.text == field.name.text)
    {
        let message = format!("`{}` is declared twice", field.name);
        cx.push(
            Diagnostic::error(codes::U0209, field.name.span, message)
                .also(first.name.span, "the first one")
                .help("rename one of them, or leave it out"),
        );
        return false;
    }
    fields.push(field);
    true
}
