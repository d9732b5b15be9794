//! Conversions: what fits where, and how a value gets there.

use std::sync::Arc;

use super::{Checker, Typed};
use crate::codes::expressions as codes;
use crate::diagnostic::Diagnostic;
use crate::model::{Aggregate, Decimal, Expr, ExprKind, Id, Type, Value};
use crate::suggest::closest;

/// Conversions inside conversions: deeper only where keys are keys of each other in a circle.
const DEEPEST: u32 = 250;

/// Why a value does not fit.
pub(super) enum Misfit {
    /// Already reported, with better words than "does not fit".
    Reported,
    /// The types have nothing to do with each other.
    Types,
}

impl Checker<'_, '_> {
    /// The value as `target`, or a report.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what was converted is not used again"
    )]
    pub(super) fn coerce(&mut self, typed: Typed, target: &Type) -> Typed {
        let span = typed.expr.span;
        let soft = typed.soft;
        match self.convert(typed.expr.clone(), target, true) {
            Ok(expr) => Typed { expr, soft },
            Err(Misfit::Reported) => self.broken(span),
            Err(Misfit::Types) => {
                self.does_not_fit(&typed.expr, target);
                self.broken(span)
            }
        }
    }

    fn does_not_fit(&mut self, expr: &Expr, target: &Type) {
        let (wanted, found) = (self.show(target), self.show(&expr.ty));
        let message = format!("expected `{wanted}`, found `{found}`");
        let mut report = Diagnostic::error(codes::U0305, expr.span, message);
        let written = self.written(expr.span);
        report = match (target.required(), expr.ty.required(), &expr.kind) {
            (Type::Money, Type::Int | Type::Decimal, ExprKind::Literal(_)) => report.fix(
                "an amount is written with `money`",
                expr.span,
                format!("money('{written}')"),
            ),
            (Type::Money, Type::Int | Type::Decimal, _) => {
                report.help(format!("`money({written})` makes an amount of a number"))
            }
            (Type::Duration, Type::Text, ExprKind::Literal(_)) => report.fix(
                "a length of time is written with `duration`",
                expr.span,
                format!("duration({written})"),
            ),
            (Type::Date, Type::Text, ExprKind::Literal(_)) => report.fix(
                "a day is written with `date`",
                expr.span,
                format!("date({written})"),
            ),
            (Type::Ref(to), Type::Map(..), ExprKind::Map(entries)) => {
                let parts = self.key_parts(*to, entries);
                report.fix(
                    "a key of several fields is a list, in the order of its fields",
                    expr.span,
                    parts,
                )
            }
            (Type::Text, Type::Int | Type::Decimal | Type::Time | Type::Date | Type::Json, _) => {
                report.fix(
                    "`string` makes a text of it",
                    expr.span,
                    format!("string({written})"),
                )
            }
            (Type::Date, Type::Time, _) => report.help(format!(
                "a day needs a zone: `date({written}, 'Europe/Berlin')`"
            )),
            _ => report,
        };
        self.out.push(report);
    }

    /// The key of `to` as it is written, from a map of its fields.
    fn key_parts(&self, to: Id<Aggregate>, entries: &[(Expr, Expr)]) -> String {
        let signature = self.scope.signatures.aggregate(to);
        let slots = signature.and_then(|of| of.row.slots.get(..of.keys));
        let part = |name: &str| {
            let named = |(key, _): &&(Expr, Expr)| matches!(&key.kind, ExprKind::Literal(Value::Text(text)) if &**text == name);
            let value = entries.iter().find(named);
            value.map_or_else(|| "…".to_owned(), |(_, value)| self.written(value.span))
        };
        let parts: Vec<String> = slots
            .unwrap_or(&[])
            .iter()
            .map(|slot| part(&slot.name))
            .collect();
        match parts.as_slice() {
            [one] => one.clone(),
            _ => format!("[{}]", parts.join(", ")),
        }
    }

    /// The value as `target`. With `report`, what has better words than a mismatch of types is
    /// reported here.
    pub(super) fn convert(
        &mut self,
        expr: Expr,
        target: &Type,
        report: bool,
    ) -> Result<Expr, Misfit> {
        if expr.ty == *target || expr.ty == Type::Error || *target == Type::Error {
            return Ok(expr);
        }
        if self.converting > DEEPEST {
            return Err(Misfit::Types);
        }
        self.converting += 1;
        let converted = self.convert_other(expr, target, report);
        self.converting -= 1;
        converted
    }

    fn convert_other(&mut self, expr: Expr, target: &Type, report: bool) -> Result<Expr, Misfit> {
        let have = expr.ty.clone();
        match (&have, target) {
            (Type::Nothing, Type::Optional(_)) => Ok(retyped(expr, target)),
            (Type::Optional(from), Type::Optional(to)) => {
                if same_representation(from, to) {
                    return self
                        .same_kind(expr, from, to)
                        .map(|expr| retyped(expr, target));
                }
                Err(Misfit::Types)
            }
            (_, Type::Optional(inner)) => {
                let expr = self.convert(expr, inner, report)?;
                Ok(retyped(expr, target))
            }
            (Type::Nothing, _) if report => {
                let wanted = self.show(target);
                let message = format!("`null` does not fit `{wanted}`, which is never absent");
                self.error(codes::U0308, expr.span, message);
                Err(Misfit::Reported)
            }
            (Type::Optional(_), _) if report => {
                self.may_be_absent(&expr);
                Err(Misfit::Reported)
            }
            (Type::Optional(_) | Type::Nothing, _) => Err(Misfit::Types),
            (Type::Text, _) if matches!(expr.kind, ExprKind::Literal(_)) => {
                self.convert_text(expr, target, report)
            }
            _ => self.convert_value(expr, target, report),
        }
    }

    /// Between optional types: only where no value has to be touched.
    fn same_kind(&mut self, expr: Expr, from: &Type, to: &Type) -> Result<Expr, Misfit> {
        let probe = Expr {
            kind: ExprKind::Literal(Value::Null),
            ty: from.clone(),
            span: expr.span,
        };
        self.convert(probe, to, false).map(|_| expr)
    }

    fn convert_value(&mut self, expr: Expr, target: &Type, report: bool) -> Result<Expr, Misfit> {
        match expr.kind {
            ExprKind::Conditional(condition, yes, no) => {
                let yes = self.convert(*yes, target, report)?;
                let no = self.convert(*no, target, report)?;
                let kind = ExprKind::Conditional(condition, Box::new(yes), Box::new(no));
                return Ok(Expr {
                    kind,
                    ty: target.clone(),
                    span: expr.span,
                });
            }
            ExprKind::List(items) => {
                return self.convert_list(items, &expr.ty, expr.span, target, report);
            }
            ExprKind::Map(ref entries)
                if *target == Type::Json || matches!(target, Type::Map(..)) =>
            {
                return self.convert_map(entries.clone(), &expr, target, report);
            }
            _ => {}
        }
        let have = expr.ty.clone();
        match (&have, target) {
            (Type::Int, Type::Decimal) => match expr.kind {
                ExprKind::Literal(Value::Int(number)) => match Decimal::from_int(number) {
                    Some(number) => Ok(literal(Value::Decimal(number), target, &expr)),
                    None => Err(Misfit::Types),
                },
                _ => Ok(converted(expr, target)),
            },
            (from, Type::Text) if word(from) => Ok(converted(expr, target)),
            (Type::Text, Type::Actor(_)) => Ok(converted(expr, target)),
            (Type::Ref(_), _) | (_, Type::Ref(_)) => {
                self.convert_key_of(expr, &have, target, report)
            }
            (Type::List(from), Type::List(to)) => {
                if **from == Type::Nothing {
                    return Ok(retyped(expr, target));
                }
                if same_representation(from, to) {
                    let (from, to) = (from.clone(), to.clone());
                    let expr = self.same_kind(expr, &from, &to)?;
                    return Ok(converted(expr, target));
                }
                Err(Misfit::Types)
            }
            (from, Type::Json) if scalar(from) => Ok(converted(expr, target)),
            _ => Err(Misfit::Types),
        }
    }

    /// Between references and keys.
    fn convert_key_of(
        &mut self,
        expr: Expr,
        have: &Type,
        target: &Type,
        report: bool,
    ) -> Result<Expr, Misfit> {
        match (have, target) {
            (Type::Row(row), Type::Ref(to)) if row == to => {
                let row = *row;
                Ok(self.row_key(&expr, row))
            }
            (Type::Ref(from), Type::Ref(to))
                if self.scope.signatures.key_type(*to) != Type::Ref(*from) =>
            {
                Err(Misfit::Types)
            }
            (_, Type::Ref(to)) if !matches!(have, Type::Row(_)) => {
                let key = self.scope.signatures.key_type(*to);
                let expr = self.convert(expr, &key, report)?;
                Ok(converted(expr, target))
            }
            (Type::Ref(from), _) if !matches!(target, Type::Row(_)) => {
                let key = self.scope.signatures.key_type(*from);
                if matches!(key, Type::List(_)) {
                    return Err(Misfit::Types);
                }
                let expr = converted(expr, &key);
                self.convert(expr, target, report)
            }
            _ => Err(Misfit::Types),
        }
    }

    fn convert_list(
        &mut self,
        items: Vec<Expr>,
        ty: &Type,
        span: crate::source::Span,
        target: &Type,
        report: bool,
    ) -> Result<Expr, Misfit> {
        let converted = match (target, ty) {
            (Type::List(to), _) => {
                let items = items.into_iter().map(|item| self.convert(item, to, report));
                items.collect::<Result<Vec<_>, _>>()?
            }
            (Type::Json, _) => {
                let items = items
                    .into_iter()
                    .map(|item| self.convert(item, &Type::Json, report));
                let items = items.collect::<Result<Vec<_>, _>>()?;
                let ty = Type::Json.list();
                let list = Expr {
                    kind: ExprKind::List(items),
                    ty,
                    span,
                };
                return Ok(converted(list, target));
            }
            (Type::Ref(to), Type::Ref(from)) if to == from => items,
            (Type::Ref(to), Type::List(_)) => self.convert_key(items, *to, span, report)?,
            _ => return Err(Misfit::Types),
        };
        Ok(Expr {
            kind: ExprKind::List(converted),
            ty: target.clone(),
            span,
        })
    }

    /// The parts of a key of several fields, written as a list.
    fn convert_key(
        &mut self,
        items: Vec<Expr>,
        to: Id<Aggregate>,
        span: crate::source::Span,
        report: bool,
    ) -> Result<Vec<Expr>, Misfit> {
        let Some(signature) = self.scope.signatures.aggregate(to) else {
            return Err(Misfit::Reported);
        };
        let slots = signature.row.slots.get(..signature.keys).unwrap_or(&[]);
        if slots.len() < 2 {
            return Err(Misfit::Types);
        }
        if slots.len() != items.len() {
            if report {
                let names: Vec<&str> = slots.iter().map(|slot| &*slot.name).collect();
                let message = format!(
                    "this key has {} parts, `{}`, not {}",
                    slots.len(),
                    names.join("`, `"),
                    items.len()
                );
                self.error(codes::U0305, span, message);
            }
            return Err(Misfit::Reported);
        }
        let parts = items.into_iter().zip(slots);
        parts
            .map(|(item, slot)| self.convert(item, &slot.ty, report))
            .collect()
    }

    fn convert_map(
        &mut self,
        entries: Vec<(Expr, Expr)>,
        whole: &Expr,
        target: &Type,
        report: bool,
    ) -> Result<Expr, Misfit> {
        let (key, value) = match target {
            Type::Map(key, value) => ((**key).clone(), (**value).clone()),
            _ => (Type::Text, Type::Json),
        };
        let entries = entries.into_iter().map(|(name, item)| {
            Ok((
                self.convert(name, &key, report)?,
                self.convert(item, &value, report)?,
            ))
        });
        let entries = entries.collect::<Result<Vec<_>, Misfit>>()?;
        let ty = Type::Map(Box::new(key.clone()), Box::new(value.clone()));
        let map = Expr {
            kind: ExprKind::Map(entries),
            ty,
            span: whole.span,
        };
        Ok(if *target == Type::Json {
            converted(map, target)
        } else {
            map
        })
    }

    /// A text literal against the type that it is written for.
    fn convert_text(&mut self, expr: Expr, target: &Type, report: bool) -> Result<Expr, Misfit> {
        let signatures = self.scope.signatures;
        let ExprKind::Literal(Value::Text(text)) = &expr.kind else {
            return Err(Misfit::Types);
        };
        let text = Arc::clone(text);
        let known: Vec<Arc<str>> = match target {
            Type::Enum(id) => signatures.enum_values(*id).to_vec(),
            Type::State(id) => signatures
                .aggregate(*id)
                .map_or_else(Vec::new, |a| a.states.clone()),
            Type::Tier => signatures.tiers.clone(),
            Type::Region => signatures.regions.clone(),
            Type::Email => {
                let good = text
                    .split_once('@')
                    .is_some_and(|(a, b)| !a.is_empty() && b.contains('.'));
                return self.plain_text(expr, target, good, report);
            }
            Type::Url => {
                let good = text
                    .split_once("://")
                    .is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
                return self.plain_text(expr, target, good, report);
            }
            Type::Actor(_) => return Ok(retyped(expr, target)),
            Type::Json => return Ok(converted(expr, target)),
            Type::Ref(to) => {
                let key = signatures.key_type(*to);
                let expr = self.convert(expr, &key, report)?;
                return Ok(converted(expr, target));
            }
            _ => return Err(Misfit::Types),
        };
        if known.contains(&text) {
            return Ok(retyped(expr, target));
        }
        if !report {
            return Err(Misfit::Types);
        }
        let what = self.show(target);
        let message = format!("`{text}` is no value of `{what}`");
        let mut found = Diagnostic::error(codes::U0307, expr.span, message);
        if let Some(near) = closest(&text, known.iter().map(|name| &**name)) {
            found = found.fix(
                format!("did you mean `{near}`?"),
                expr.span,
                format!("'{near}'"),
            );
        }
        let mut names: Vec<&str> = known.iter().map(|name| &**name).collect();
        names.truncate(20);
        self.out
            .push(found.fact(format!("its values are `{}`", names.join("`, `"))));
        Err(Misfit::Reported)
    }

    fn plain_text(
        &mut self,
        expr: Expr,
        target: &Type,
        good: bool,
        report: bool,
    ) -> Result<Expr, Misfit> {
        if good {
            return Ok(retyped(expr, target));
        }
        if report {
            let what = self.show(target);
            let message = format!("this text is no `{what}`");
            self.error(codes::U0315, expr.span, message);
        }
        Err(Misfit::Reported)
    }

    /// Both sides with one type: the left as the right or the right as the left.
    pub(super) fn unify(&mut self, left: Typed, right: Typed) -> Option<(Typed, Typed)> {
        if left.is_error() || right.is_error() {
            return None;
        }
        if left.ty() == right.ty() {
            return Some((left, right));
        }
        let literal =
            |typed: &Typed| matches!(typed.expr.kind, ExprKind::Literal(_) | ExprKind::List(_));
        // A literal takes the type of what it meets, and is told when it cannot.
        if literal(&right) || !literal(&left) {
            let target = left.ty().clone();
            let report = literal(&right) && nameable(&target);
            match self.convert(right.expr.clone(), &target, report) {
                Ok(expr) => {
                    return Some((
                        left,
                        Typed {
                            expr,
                            soft: right.soft,
                        },
                    ));
                }
                Err(Misfit::Reported) => return None,
                Err(Misfit::Types) => {}
            }
            let target = right.ty().clone();
            let converted = self.convert(left.expr.clone(), &target, false);
            if let Ok(expr) = converted {
                return Some((
                    Typed {
                        expr,
                        soft: left.soft,
                    },
                    right,
                ));
            }
        } else {
            let (right, left) = self.unify(right, left)?;
            return Some((left, right));
        }
        self.different(&left.expr, &right.expr);
        None
    }

    fn different(&mut self, left: &Expr, right: &Expr) {
        let (a, b) = (self.show(&left.ty), self.show(&right.ty));
        let message = format!("`{a}` and `{b}` cannot be compared or mixed");
        let found = Diagnostic::error(codes::U0306, left.span.to(right.span), message)
            .also(left.span, format!("this is `{a}`"))
            .also(right.span, format!("this is `{b}`"));
        let found = match (&left.ty, &right.ty) {
            (Type::Money, Type::Int | Type::Decimal) => {
                let written = self.written(right.span);
                found.help(format!("an amount is written `money('{written}')`"))
            }
            (Type::Int | Type::Decimal, Type::Money) => {
                let written = self.written(left.span);
                found.help(format!("an amount is written `money('{written}')`"))
            }
            _ => found,
        };
        self.out.push(found);
    }
}

/// Types whose values are words, so that a wrong word deserves "did you mean".
fn nameable(ty: &Type) -> bool {
    match ty {
        Type::Enum(_) | Type::State(_) | Type::Tier | Type::Region => true,
        Type::List(inner) => nameable(inner),
        _ => false,
    }
}

/// Types whose values are texts of a narrower kind.
fn word(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Email
            | Type::Url
            | Type::Enum(_)
            | Type::State(_)
            | Type::Tier
            | Type::Region
            | Type::Actor(_)
            | Type::Blob
    )
}

/// Types whose values have one obvious form in JSON.
fn scalar(ty: &Type) -> bool {
    let plain = matches!(
        ty,
        Type::Int | Type::Decimal | Type::Bool | Type::Text | Type::Date | Type::Time
    );
    plain || (word(ty) && *ty != Type::Blob)
}

/// Whether every value of `from` is a value of `to` as it stands.
fn same_representation(from: &Type, to: &Type) -> bool {
    let text = |ty: &Type| word(ty) || matches!(ty, Type::Text | Type::Ref(_));
    from == to || (text(from) && text(to))
}

fn retyped(mut expr: Expr, target: &Type) -> Expr {
    expr.ty = target.clone();
    expr
}

fn literal(value: Value, target: &Type, of: &Expr) -> Expr {
    Expr {
        kind: ExprKind::Literal(value),
        ty: target.clone(),
        span: of.span,
    }
}

fn converted(expr: Expr, target: &Type) -> Expr {
    let span = expr.span;
    Expr {
        kind: ExprKind::Convert(Box::new(expr)),
        ty: target.clone(),
        span,
    }
}
