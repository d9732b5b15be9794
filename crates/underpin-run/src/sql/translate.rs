//! Nodes to SQL text.

use super::{Columns, Form, Parameter, Piece, Predicate};
use crate::store::Kind;
use std::sync::Arc;
use underpin_brief::expr::Library;
use underpin_brief::model::{
    Aggregate, BinaryOp, Comprehension, Expr, ExprKind, Function, Id, Root, Slot, Type, UnaryOp,
};

/// Defines inside defines are opened this deep.
const DEEPEST: u32 = 8;

/// SQL text of a value.
#[derive(Clone)]
struct Text {
    pieces: Vec<Piece>,
    kind: Kind,
    /// The text of the currency, for amounts.
    currency: Option<Vec<Piece>>,
}

/// What a name in the expression is in SQL.
#[derive(Clone)]
enum Place {
    /// A row of a table under this name.
    Row(Id<Aggregate>, String),
    /// An element of a list: `value` of a `json_each`.
    Element(String, Type),
}

pub(super) struct Translator<'t> {
    columns: &'t dyn Columns,
    library: &'t Arc<Library>,
    places: Vec<(Slot, Place)>,
    parameters: Vec<Parameter>,
    names: u32,
    depth: u32,
    /// Whether a join was held to the tenant of the row that it starts from.
    within_tenant: bool,
}

fn words(text: impl Into<String>) -> Vec<Piece> {
    vec![Piece::Words(text.into())]
}

/// Pieces around and between texts.
macro_rules! sql {
    ($($part:expr),* $(,)?) => {{
        let mut pieces: Vec<Piece> = Vec::new();
        $(pieces.extend($part.clone());)*
        pieces
    }};
}

/// The predicate with only those parameters that its text mentions.
fn used(mut pieces: Vec<Piece>, parameters: &[Parameter]) -> Predicate {
    let mut kept: Vec<usize> = Vec::new();
    for piece in &mut pieces {
        let Piece::Parameter(at) = piece else {
            continue;
        };
        let place = kept
            .iter()
            .position(|known| known == at)
            .unwrap_or_else(|| {
                kept.push(*at);
                kept.len() - 1
            });
        *at = place;
    }
    let parameters = kept
        .iter()
        .filter_map(|at| parameters.get(*at).cloned())
        .collect();
    Predicate {
        pieces,
        parameters,
        within_tenant: false,
    }
}

impl<'t> Translator<'t> {
    pub(super) fn new(columns: &'t dyn Columns, library: &'t Arc<Library>) -> Self {
        Self {
            columns,
            library,
            places: Vec::new(),
            parameters: Vec::new(),
            names: 0,
            depth: 0,
            within_tenant: false,
        }
    }

    pub(super) fn predicate(mut self, expr: &Expr, of: Id<Aggregate>) -> Option<Predicate> {
        let table = self.columns.table(of).to_owned();
        self.places
            .push((Root::SelfRow.slot(), Place::Row(of, table)));
        let text = self.value(expr)?;
        let mut predicate = used(text.pieces, &self.parameters);
        predicate.within_tenant = self.within_tenant;
        Some(predicate)
    }

    fn bool(pieces: Vec<Piece>) -> Option<Text> {
        Some(Text {
            pieces,
            kind: Kind::Bool,
            currency: None,
        })
    }

    fn place(&self, slot: Slot) -> Option<&Place> {
        self.places
            .iter()
            .rev()
            .find(|(known, _)| *known == slot)
            .map(|(_, place)| place)
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// Whether nothing in it depends on a row or an element.
    fn is_free(&self, expr: &Expr) -> bool {
        !expr
            .slots()
            .into_iter()
            .any(|slot| self.place(slot).is_some())
    }

    fn parameter(&mut self, expr: &Expr, form: Form) -> Vec<Piece> {
        self.parameters.push(Parameter {
            value: self.library.compile(expr),
            form,
        });
        vec![Piece::Parameter(self.parameters.len() - 1)]
    }

    fn bound(&mut self, expr: &Expr) -> Option<Text> {
        let mut secret = false;
        expr.walk(&mut |part| {
            secret |= matches!(
                part.kind,
                ExprKind::Call(Function::Secret, _) | ExprKind::Aggregate(..)
            );
        });
        if secret {
            return None;
        }
        let kind = self.columns.kind(&expr.ty);
        let pieces = self.parameter(expr, Form::Plain(kind));
        let currency = (kind == Kind::Money).then(|| self.parameter(expr, Form::Currency));
        Some(Text {
            pieces,
            kind,
            currency,
        })
    }

    fn value(&mut self, expr: &Expr) -> Option<Text> {
        if self.is_free(expr) {
            return self.bound(expr);
        }
        match &expr.kind {
            ExprKind::Slot(slot) => match self.place(*slot)?.clone() {
                Place::Element(element, ty) => {
                    let kind = self.columns.kind(&ty);
                    let pieces = words(format!("{element}.value"));
                    let plain = matches!(kind, Kind::Text | Kind::Int) && !ty.is_optional();
                    plain.then_some(Text {
                        pieces,
                        kind,
                        currency: None,
                    })
                }
                Place::Row(..) => None,
            },
            ExprKind::Field(object, at) => self.field(expr, object, *at),
            ExprKind::Define(row, of, define) => {
                let define = self.columns.define(*of, *define)?.expr.clone();
                self.opened(row, *of, &define)
            }
            ExprKind::Unary(UnaryOp::Not, inner) => {
                let inner = self.value(inner)?.pieces;
                Self::bool(sql!(words("NOT ("), inner, words(")")))
            }
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right),
            ExprKind::Conditional(condition, yes, no) => {
                let condition = self.value(condition)?.pieces;
                let (yes, no) = (self.value(yes)?, self.value(no)?);
                if yes.kind != no.kind || yes.kind == Kind::Money {
                    return None;
                }
                let pieces = sql!(
                    words("CASE WHEN "),
                    condition,
                    words(" THEN "),
                    yes.pieces,
                    words(" WHEN NOT ("),
                    condition,
                    words(") THEN "),
                    no.pieces,
                    words(" END"),
                );
                Some(Text {
                    pieces,
                    kind: yes.kind,
                    currency: None,
                })
            }
            ExprKind::Has(path) => {
                let path = self.value(path)?.pieces;
                Self::bool(sql!(words("("), path, words(") IS NOT NULL")))
            }
            ExprKind::Call(function, arguments) => self.call(*function, arguments),
            ExprKind::Comprehension {
                kind,
                list,
                variable,
                body,
            } => self.comprehension(*kind, list, *variable, body),
            ExprKind::Convert(inner) => self.convert(inner, &expr.ty),
            _ => None,
        }
    }

    fn field(&mut self, whole: &Expr, object: &Expr, at: usize) -> Option<Text> {
        match &object.kind {
            ExprKind::Slot(slot) => match self.place(*slot)?.clone() {
                Place::Row(of, table) => self.column(of, &table, at),
                Place::Element(element, Type::Record(_)) => self.slot_of(&element, at, &whole.ty),
                Place::Element(..) => None,
            },
            ExprKind::Join(reference, of) => {
                let of = *of;
                self.joined(reference, of, |this, name| this.column(of, name, at))
            }
            _ => None,
        }
    }

    fn column(&mut self, of: Id<Aggregate>, table: &str, at: usize) -> Option<Text> {
        let column = self.columns.column(of, at)?;
        let currency = column
            .currency
            .as_ref()
            .map(|name| words(format!("{table}.{name}")));
        Some(Text {
            pieces: words(format!("{table}.{}", column.name)),
            kind: column.kind,
            currency,
        })
    }

    /// A slot of a record element, which the codec keeps under `s`.
    fn slot_of(&self, element: &str, at: usize, ty: &Type) -> Option<Text> {
        let kind = self.columns.kind(ty);
        let inside = |tag: &str| words(format!("json_extract({element}.value, '$.s[{at}]{tag}')"));
        let pieces = match kind {
            Kind::Text | Kind::Int | Kind::Bool => inside(""),
            Kind::Decimal => inside(".d"),
            Kind::Money => inside(".m[0]"),
            Kind::Date => inside(".D"),
            Kind::Time => inside(".t"),
            Kind::Duration => inside(".u"),
            Kind::Json | Kind::Coded => return None,
        };
        let currency = (kind == Kind::Money).then(|| inside(".m[1]"));
        Some(Text {
            pieces,
            kind,
            currency,
        })
    }

    /// The value that `inner` takes from the row that a reference names; `NULL` without one.
    fn joined(
        &mut self,
        reference: &Expr,
        of: Id<Aggregate>,
        inner: impl FnOnce(&mut Self, &str) -> Option<Text>,
    ) -> Option<Text> {
        let outer = self.outer(reference);
        let tenants = match (self.columns.tenant(of), outer) {
            (None, _) => String::new(),
            (Some(tenant), Some((outer, table))) => {
                let of_outer = self.columns.tenant(outer)?;
                self.within_tenant = true;
                format!("{table}.{of_outer} IS {{}}.{tenant}")
            }
            (Some(_), None) => return None,
        };
        let reference = self.value(reference)?;
        if matches!(reference.kind, Kind::Coded | Kind::Money | Kind::Json) {
            return None;
        }
        let name = self.name("j");
        let value = inner(self, &name)?;
        if value.kind == Kind::Money {
            return None;
        }
        let key = self.columns.column(of, 0)?;
        let tenants = match tenants.as_str() {
            "" => String::new(),
            text => format!(" AND {}", text.replace("{}", &name)),
        };
        let from = format!(
            " FROM {} AS {name} WHERE {name}.{} = ",
            self.columns.table(of),
            key.name
        );
        let pieces = sql!(
            words("(SELECT "),
            value.pieces,
            words(from),
            reference.pieces,
            words(format!("{tenants} LIMIT 1)")),
        );
        Some(Text {
            pieces,
            kind: value.kind,
            currency: None,
        })
    }

    /// The row from which a path of fields and joins starts.
    fn outer(&self, expr: &Expr) -> Option<(Id<Aggregate>, String)> {
        match &expr.kind {
            ExprKind::Slot(slot) => match self.place(*slot)? {
                Place::Row(of, table) => Some((*of, table.clone())),
                Place::Element(..) => self.places.first().and_then(|(_, place)| match place {
                    Place::Row(of, table) => Some((*of, table.clone())),
                    Place::Element(..) => None,
                }),
            },
            ExprKind::Field(inner, _) | ExprKind::Join(inner, _) | ExprKind::Convert(inner) => {
                self.outer(inner)
            }
            ExprKind::Call(Function::Value, parts) => self.outer(parts.first()?),
            _ => None,
        }
    }

    /// A define's expression over its row.
    fn opened(&mut self, row: &Expr, of: Id<Aggregate>, define: &Expr) -> Option<Text> {
        if self.depth >= DEEPEST {
            return None;
        }
        self.depth += 1;
        let text = match &row.kind {
            ExprKind::Slot(slot) => match self.place(*slot)?.clone() {
                Place::Row(_, table) => self.over(of, table, define),
                Place::Element(..) => None,
            },
            ExprKind::Join(reference, _) => self.joined(reference, of, |this, name| {
                this.over(of, name.to_owned(), define)
            }),
            _ => None,
        };
        self.depth -= 1;
        text
    }

    /// An expression whose `self` is the row under `table`; it sees no other name.
    fn over(&mut self, of: Id<Aggregate>, table: String, expr: &Expr) -> Option<Text> {
        let places = vec![(Root::SelfRow.slot(), Place::Row(of, table))];
        let before = std::mem::replace(&mut self.places, places);
        let text = self.value(expr);
        self.places = before;
        text
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Option<Text> {
        let symbol = match op {
            BinaryOp::And => "AND",
            BinaryOp::Or => "OR",
            BinaryOp::Equal => "=",
            BinaryOp::NotEqual => "<>",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::In => return self.membership(left, right),
            _ => return None,
        };
        let equality = matches!(op, BinaryOp::Equal | BinaryOp::NotEqual);
        let (left, right) = (self.value(left)?, self.value(right)?);
        if left.kind != right.kind {
            return None;
        }
        if left.kind == Kind::Money && !self.columns.one_currency() {
            return if equality {
                Self::same_amount(op, &left, &right)
            } else {
                None
            };
        }
        if matches!(left.kind, Kind::Coded | Kind::Json) && !equality {
            return None;
        }
        let between = words(format!(") {symbol} ("));
        Self::bool(sql!(
            words("("),
            left.pieces,
            between,
            right.pieces,
            words(")")
        ))
    }

    fn same_amount(op: BinaryOp, left: &Text, right: &Text) -> Option<Text> {
        let (one, other) = (left.currency.as_ref()?, right.currency.as_ref()?);
        let same = sql!(
            words("("),
            left.pieces,
            words(") = ("),
            right.pieces,
            words(") AND ("),
            one,
            words(") = ("),
            other,
            words(")"),
        );
        match op {
            BinaryOp::Equal => Self::bool(same),
            _ => Self::bool(sql!(words("NOT ("), same, words(")"))),
        }
    }

    fn membership(&mut self, item: &Expr, list: &Expr) -> Option<Text> {
        let inner = match list.ty.required() {
            Type::List(inner) if !inner.is_optional() => self.columns.kind(inner),
            _ => return None,
        };
        if !matches!(inner, Kind::Text | Kind::Int) {
            return None;
        }
        let item = self.value(item)?;
        if item.kind != inner {
            return None;
        }
        let whole = if self.is_free(list) {
            self.parameter(list, Form::Array)
        } else {
            let list = self.value(list)?;
            if list.kind != Kind::Coded {
                return None;
            }
            list.pieces
        };
        let name = self.name("e");
        Self::bool(sql!(
            words("CASE WHEN ("),
            item.pieces,
            words(") IS NULL OR ("),
            whole,
            words(") IS NULL THEN NULL ELSE EXISTS (SELECT 1 FROM json_each("),
            whole,
            words(format!(") AS {name} WHERE {name}.value = (")),
            item.pieces,
            words(")) END"),
        ))
    }

    fn call(&mut self, function: Function, arguments: &[Expr]) -> Option<Text> {
        match (function, arguments) {
            (Function::Value, [inner]) => self.value(inner),
            (Function::OrValue, [value, otherwise]) => {
                let (value, otherwise) = (self.value(value)?, self.value(otherwise)?);
                if value.kind != otherwise.kind || value.kind == Kind::Money {
                    return None;
                }
                let pieces = sql!(
                    words("COALESCE("),
                    value.pieces,
                    words(", "),
                    otherwise.pieces,
                    words(")"),
                );
                Some(Text {
                    pieces,
                    kind: value.kind,
                    currency: None,
                })
            }
            (Function::Size, [list]) if matches!(list.ty, Type::List(_)) => {
                let list = self.value(list)?;
                if list.kind != Kind::Coded {
                    return None;
                }
                let pieces = sql!(words("json_array_length("), list.pieces, words(")"));
                Some(Text {
                    pieces,
                    kind: Kind::Int,
                    currency: None,
                })
            }
            _ => None,
        }
    }

    fn comprehension(
        &mut self,
        kind: Comprehension,
        list: &Expr,
        variable: Slot,
        body: &Expr,
    ) -> Option<Text> {
        let Type::List(item) = list.ty.required() else {
            return None;
        };
        let (decisive, other) = match kind {
            Comprehension::Exists => ("1", "0"),
            Comprehension::All => ("0", "1"),
            Comprehension::Filter | Comprehension::Map => return None,
        };
        if self.is_free(list) {
            return None;
        }
        let whole = self.value(list)?;
        if whole.kind != Kind::Coded {
            return None;
        }
        let name = self.name("e");
        self.places
            .push((variable, Place::Element(name.clone(), (**item).clone())));
        let body = self.value(body);
        self.places.pop();
        let body = body?.pieces;
        let found = match kind {
            Comprehension::Exists => sql!(words("("), body, words(")")),
            _ => sql!(words("NOT ("), body, words(")")),
        };
        let from = sql!(
            words(" WHEN EXISTS (SELECT 1 FROM json_each("),
            whole.pieces,
            words(format!(") AS {name} WHERE ")),
        );
        Self::bool(sql!(
            words("CASE WHEN ("),
            whole.pieces,
            words(") IS NULL THEN NULL"),
            from,
            found,
            words(format!(") THEN {decisive}")),
            from,
            words("("),
            body,
            words(format!(") IS NULL) THEN NULL ELSE {other} END")),
        ))
    }

    fn convert(&mut self, inner: &Expr, target: &Type) -> Option<Text> {
        let text = self.value(inner)?;
        (text.kind == self.columns.kind(target)).then_some(text)
    }
}
