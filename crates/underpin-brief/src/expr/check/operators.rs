//! Operators, conditionals and constructions.

use super::super::ast::{Ast, Ident};
use super::{Checker, Typed};
use crate::codes::expressions as codes;
use crate::diagnostic::Diagnostic;
use crate::model::{BinaryOp, Expr, ExprKind, Id, Record, Type, UnaryOp, Value};
use crate::source::Span;
use crate::suggest::closest;

/// How an operator is written.
pub(super) fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "||",
        BinaryOp::And => "&&",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Less => "<",
        BinaryOp::LessEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterEqual => ">=",
        BinaryOp::In => "in",
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::Remainder => "%",
    }
}

fn joined(op: BinaryOp, left: Typed, right: Typed, ty: Type, span: Span) -> Typed {
    let soft = left.soft || right.soft;
    let kind = ExprKind::Binary(op, Box::new(left.expr), Box::new(right.expr));
    Typed::hard(kind, ty, span).soft_if(soft)
}

impl Checker<'_, '_> {
    /// Types below this are looked at with another polarity: more truth there can mean less here.
    pub(super) fn unsigned<T>(&mut self, then: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.positive, false);
        let result = then(self);
        self.positive = before;
        result
    }

    pub(super) fn unary(&mut self, op: UnaryOp, operand: &Ast, span: Span) -> Typed {
        let typed = self.unsigned(|this| match op {
            UnaryOp::Not => this.infer_as(operand, &Type::Bool),
            UnaryOp::Negate => this.infer(operand, None),
        });
        if typed.is_error() {
            return self.broken(span);
        }
        let ty = typed.ty().clone();
        let number = matches!(ty, Type::Int | Type::Decimal | Type::Money | Type::Duration);
        if op == UnaryOp::Negate && !number {
            if ty.is_optional() {
                self.may_be_absent(&typed.expr);
            } else {
                let message = format!("`-` does not apply to `{}`", self.show(&ty));
                self.error(codes::U0306, span, message);
            }
            return self.broken(span);
        }
        let soft = typed.soft;
        Typed::hard(ExprKind::Unary(op, Box::new(typed.expr)), ty, span).soft_if(soft)
    }

    pub(super) fn binary(&mut self, op: BinaryOp, left: &Ast, right: &Ast, span: Span) -> Typed {
        match op {
            BinaryOp::And | BinaryOp::Or => self.logical(op, left, right, span),
            BinaryOp::In => self.unsigned(|this| this.membership(left, right, span)),
            BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::Less
            | BinaryOp::LessEqual
            | BinaryOp::Greater
            | BinaryOp::GreaterEqual => self.unsigned(|this| this.compare(op, left, right, span)),
            _ => self.unsigned(|this| this.arithmetic(op, left, right, span)),
        }
    }

    fn logical(&mut self, op: BinaryOp, left: &Ast, right: &Ast, span: Span) -> Typed {
        let left = self.infer_as(left, &Type::Bool);
        let truth = op == BinaryOp::And;
        let condition = left.expr.clone();
        let right = self.knowing(&condition, truth, |this| this.infer_as(right, &Type::Bool));
        joined(op, left, right, Type::Bool, span)
    }

    /// Reports an operand that may be absent; `true` where there was one.
    fn absent_operand(&mut self, operands: &[&Typed]) -> bool {
        for operand in operands {
            if operand.ty().is_optional() {
                self.may_be_absent(&operand.expr);
                return true;
            }
            if *operand.ty() == Type::Nothing {
                let found = Diagnostic::error(
                    codes::U0308,
                    operand.expr.span,
                    "`null` is compared or mixed with nothing",
                );
                self.out
                    .push(found.help("`has(x)` says whether `x` is there"));
                return true;
            }
        }
        false
    }

    fn compare(&mut self, op: BinaryOp, left: &Ast, right: &Ast, span: Span) -> Typed {
        let left = self.infer(left, None);
        let right = self.infer(right, None);
        if left.is_error() || right.is_error() || self.absent_operand(&[&left, &right]) {
            return self.broken(span);
        }
        let (left, right) = (self.as_key(left), self.as_key(right));
        let Some((left, right)) = self.unify(left, right) else {
            return self.broken(span);
        };
        let ordered = !matches!(op, BinaryOp::Equal | BinaryOp::NotEqual);
        let has_order = matches!(
            left.ty(),
            Type::Int
                | Type::Decimal
                | Type::Money
                | Type::Date
                | Type::Time
                | Type::Duration
                | Type::Text
        );
        if ordered && !has_order {
            let message = format!("values of `{}` have no order", self.show(left.ty()));
            self.error(codes::U0306, span, message);
            return self.broken(span);
        }
        joined(op, left, right, Type::Bool, span)
    }

    /// A row that is compared is its key.
    fn as_key(&mut self, typed: Typed) -> Typed {
        match typed.ty() {
            Type::Row(aggregate) => {
                let aggregate = *aggregate;
                let expr = self.row_key(&typed.expr, aggregate);
                Typed {
                    expr,
                    soft: typed.soft,
                }
            }
            _ => typed,
        }
    }

    fn membership(&mut self, left: &Ast, right: &Ast, span: Span) -> Typed {
        let left = self.infer(left, None);
        let right = self.infer(right, None);
        if left.is_error() || right.is_error() || self.absent_operand(&[&left, &right]) {
            return self.broken(span);
        }
        let left = self.as_key(left);
        let item = match right.ty() {
            Type::List(item) => (**item).clone(),
            Type::Map(key, _) => (**key).clone(),
            other => {
                let message = format!(
                    "`in` looks into a list or map, not into `{}`",
                    self.show(other)
                );
                self.error(codes::U0306, right.expr.span, message);
                return self.broken(span);
            }
        };
        let literal = matches!(right.expr.kind, ExprKind::List(_));
        if literal || item == Type::Nothing {
            let target = left.ty().clone().list();
            let right = self.coerce(right, &target);
            return joined(BinaryOp::In, left, right, Type::Bool, span);
        }
        let inner = item.required().clone();
        let left = self.coerce(left, &inner);
        joined(BinaryOp::In, left, right, Type::Bool, span)
    }

    fn arithmetic(&mut self, op: BinaryOp, left: &Ast, right: &Ast, span: Span) -> Typed {
        let left = self.infer(left, None);
        let right = self.infer(right, None);
        if left.is_error() || right.is_error() || self.absent_operand(&[&left, &right]) {
            return self.broken(span);
        }
        let (left, right) = (self.plain(left), self.plain(right));
        if let Some(ty) = result(op, left.ty(), right.ty()) {
            let widen = |typed: &Typed, other: &Typed| {
                *typed.ty() == Type::Int && *other.ty() == Type::Decimal
            };
            let (left, right) = if widen(&left, &right) {
                (self.coerce(left, &Type::Decimal), right)
            } else if widen(&right, &left) {
                let right = self.coerce(right, &Type::Decimal);
                (left, right)
            } else {
                (left, right)
            };
            return joined(op, left, right, ty, span);
        }
        if op == BinaryOp::Add && matches!((left.ty(), right.ty()), (Type::List(_), Type::List(_)))
        {
            let Some((left, right)) = self.unify(left, right) else {
                return self.broken(span);
            };
            let ty = left.ty().clone();
            return joined(op, left, right, ty, span);
        }
        self.no_arithmetic(op, &left.expr, &right.expr, span);
        self.broken(span)
    }

    /// A value whose text can be joined to other texts is one.
    fn plain(&mut self, typed: Typed) -> Typed {
        match typed.ty() {
            Type::Email
            | Type::Url
            | Type::Enum(_)
            | Type::State(_)
            | Type::Tier
            | Type::Region
            | Type::Actor(_) => self.coerce(typed, &Type::Text),
            Type::Ref(id) if self.scope.signatures.key_type(*id) == Type::Text => {
                self.coerce(typed, &Type::Text)
            }
            _ => typed,
        }
    }

    fn no_arithmetic(&mut self, op: BinaryOp, left: &Expr, right: &Expr, span: Span) {
        let (a, b) = (self.show(&left.ty), self.show(&right.ty));
        let message = format!("`{}` does not apply to `{a}` and `{b}`", symbol(op));
        let found = Diagnostic::error(codes::U0306, span, message)
            .also(left.span, format!("this is `{a}`"))
            .also(right.span, format!("this is `{b}`"));
        let found = match (op, &left.ty, &right.ty) {
            (BinaryOp::Add, Type::Text, _) => {
                let written = self.written(right.span);
                found.fix("`string` makes a text of it", right.span, format!("string({written})"))
            }
            (BinaryOp::Add, _, Type::Text) => {
                let written = self.written(left.span);
                found.fix("`string` makes a text of it", left.span, format!("string({written})"))
            }
            (BinaryOp::Divide, Type::Money, Type::Int | Type::Decimal) => {
                found.help("an amount is multiplied: by `0.5`, say; what is lost in rounding is yours to place")
            }
            (_, Type::Money, Type::Int | Type::Decimal) => {
                let written = self.written(right.span);
                found.help(format!("an amount is written `money('{written}')`"))
            }
            _ => found,
        };
        self.out.push(found);
    }

    pub(super) fn conditional(
        &mut self,
        parts: [&Ast; 3],
        expected: Option<&Type>,
        span: Span,
    ) -> Typed {
        let [condition, yes, no] = parts;
        let condition = self.unsigned(|this| this.infer_as(condition, &Type::Bool));
        let test = condition.expr.clone();
        let yes = self.knowing(&test, true, |this| this.infer(yes, expected));
        let no = self.knowing(&test, false, |this| this.infer(no, expected));
        if condition.is_error() || yes.is_error() || no.is_error() {
            return self.broken(span);
        }
        let (yes, no) = match expected {
            Some(target) => (self.coerce(yes, target), self.coerce(no, target)),
            None => match self.branches(yes, no) {
                Some(both) => both,
                None => return self.broken(span),
            },
        };
        let soft = condition.soft || yes.soft || no.soft;
        let ty = yes.ty().clone();
        let kind = ExprKind::Conditional(
            Box::new(condition.expr),
            Box::new(yes.expr),
            Box::new(no.expr),
        );
        Typed::hard(kind, ty, span).soft_if(soft)
    }

    /// The branches of a conditional with one type; one that may be absent makes both so.
    fn branches(&mut self, yes: Typed, no: Typed) -> Option<(Typed, Typed)> {
        let absent = |typed: &Typed| typed.ty().is_optional() || *typed.ty() == Type::Nothing;
        if !absent(&yes) && !absent(&no) {
            return self.unify(yes, no);
        }
        let inner = if *yes.ty() == Type::Nothing {
            no.ty()
        } else {
            yes.ty()
        };
        let target = inner.clone().optional();
        let (yes, no) = (self.coerce(yes, &target), self.coerce(no, &target));
        (!yes.is_error() && !no.is_error()).then_some((yes, no))
    }

    pub(super) fn list(&mut self, items: &[Ast], expected: Option<&Type>, span: Span) -> Typed {
        let composite = matches!(expected.map(Type::required), Some(Type::Ref(_)));
        let wanted = match expected.map(Type::required) {
            Some(Type::List(inner)) => Some((**inner).clone()),
            _ => None,
        };
        let mut checked: Vec<Typed> = Vec::new();
        for item in items {
            let typed = self.unsigned(|this| this.infer(item, wanted.as_ref()));
            let mut typed = self.stored(typed);
            if let Some(target) = &wanted {
                typed = self.coerce(typed, target);
            }
            if typed.is_error() {
                return self.broken(span);
            }
            checked.push(typed);
        }
        let mut ty = wanted.unwrap_or(Type::Nothing);
        if composite {
            let parts = checked.into_iter().map(|typed| typed.expr).collect();
            return Typed::hard(ExprKind::List(parts), Type::Nothing.list(), span);
        }
        for typed in &checked {
            if ty == Type::Nothing {
                ty = typed.ty().clone();
            } else if *typed.ty() == Type::Decimal && ty == Type::Int {
                ty = Type::Decimal;
            }
        }
        let mut parts = Vec::new();
        for typed in checked {
            let typed = self.coerce(typed, &ty);
            if typed.is_error() {
                return self.broken(span);
            }
            parts.push(typed.expr);
        }
        Typed::hard(ExprKind::List(parts), ty.list(), span)
    }

    pub(super) fn map(&mut self, entries: &[(Ast, Ast)], span: Span) -> Typed {
        let (mut key, mut value) = (Type::Nothing, Type::Nothing);
        let mut parts: Vec<(Expr, Expr)> = Vec::new();
        let mut mixed = false;
        for (name, item) in entries {
            let name = self.unsigned(|this| this.infer(name, None));
            let item = self.unsigned(|this| this.infer(item, None));
            if name.is_error() || item.is_error() {
                return self.broken(span);
            }
            let (name, item) = (self.stored(name), self.stored(item));
            if key == Type::Nothing {
                key = name.ty().clone();
            }
            let name = self.coerce(name, &key);
            if value == Type::Nothing {
                value = item.ty().clone();
            }
            mixed |= value != *item.ty();
            if name.is_error() {
                return self.broken(span);
            }
            parts.push((name.expr, item.expr));
        }
        if mixed {
            value = Type::Json;
            let converted = parts.into_iter().map(|(name, item)| {
                let item = Typed {
                    expr: item,
                    soft: false,
                };
                (name, self.coerce(item, &Type::Json).expr)
            });
            parts = converted.collect();
        }
        let ty = Type::Map(Box::new(key), Box::new(value));
        Typed::hard(ExprKind::Map(parts), ty, span)
    }

    pub(super) fn record(&mut self, name: &Ident, fields: &[(Ident, Ast)], span: Span) -> Typed {
        let place = self.place_of(name);
        let Some(id) = self.scope.signatures.find_record(&name.text) else {
            let message = format!("no record is called `{}`", name.text);
            let mut found = Diagnostic::error(codes::U0303, place, message);
            if let Some(near) = closest(&name.text, self.scope.signatures.record_names()) {
                found = found.fix(format!("did you mean `{near}`?"), place, near);
            }
            self.out.push(found);
            return self.broken(span);
        };
        let signatures = self.scope.signatures;
        let Some(record) = signatures.record(id) else {
            return self.broken(span);
        };
        let mut given: Vec<Option<Expr>> = vec![None; record.shape.slots.len()];
        for (field, value) in fields {
            let Some((at, ty)) = record.shape.find(&field.text) else {
                self.unknown_field(id, field);
                continue;
            };
            let typed = self.unsigned(|this| {
                let typed = this.infer(value, Some(ty));
                let typed = this.stored(typed);
                this.coerce(typed, ty)
            });
            match given.get_mut(at) {
                Some(place) if place.is_none() => *place = Some(typed.expr),
                _ => {
                    let message = format!("`{}` is given twice", field.text);
                    let place = self.place_of(field);
                    self.error(codes::U0317, place, message);
                }
            }
        }
        self.complete(id, given, place, span)
    }

    fn unknown_field(&mut self, id: Id<Record>, field: &Ident) {
        let known = self.member_names(&Type::Record(id));
        let place = self.place_of(field);
        let title = self.show(&Type::Record(id));
        let message = format!("`{title}` has no field `{}`", field.text);
        let mut found = Diagnostic::error(codes::U0317, place, message);
        if let Some(near) = closest(&field.text, known.iter().map(String::as_str)) {
            found = found.fix(format!("did you mean `{near}`?"), place, near);
        }
        self.out.push(found);
    }

    /// Defaults and absences for what was left out.
    fn complete(
        &mut self,
        id: Id<Record>,
        given: Vec<Option<Expr>>,
        place: Span,
        span: Span,
    ) -> Typed {
        let Some(record) = self.scope.signatures.record(id) else {
            return self.broken(span);
        };
        let mut missing = Vec::new();
        let mut parts = Vec::new();
        let failed = given.iter().flatten().any(|expr| expr.ty == Type::Error);
        for (at, (value, slot)) in given.into_iter().zip(&record.shape.slots).enumerate() {
            let default = record.defaults.get(at).cloned().flatten();
            let literal = |value| Expr {
                kind: ExprKind::Literal(value),
                ty: slot.ty.clone(),
                span: place,
            };
            match (value, default) {
                (Some(value), _) => parts.push(value),
                (None, Some(default)) => parts.push(literal(default)),
                (None, None) if slot.ty.is_optional() => parts.push(literal(Value::Null)),
                (None, None) => missing.push(slot.name.to_string()),
            }
        }
        if !missing.is_empty() {
            let title = self.show(&Type::Record(id));
            let message = format!("`{title}` needs `{}`", missing.join("`, `"));
            self.error(codes::U0317, span, message);
        }
        if failed || !missing.is_empty() {
            return self.broken(span);
        }
        Typed::hard(ExprKind::Record(parts), Type::Record(id), span)
    }
}

/// The type of `left op right` where arithmetic of these types exists.
fn result(op: BinaryOp, left: &Type, right: &Type) -> Option<Type> {
    use BinaryOp as Op;
    use Type as T;
    let number = |ty: &Type| matches!(ty, T::Int | T::Decimal);
    Some(match (op, left, right) {
        (Op::Add, T::Text, T::Text) => T::Text,
        (Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Remainder, T::Int, T::Int) => {
            T::Int
        }
        (Op::Add | Op::Subtract | Op::Multiply | Op::Divide, a, b) if number(a) && number(b) => {
            T::Decimal
        }
        (Op::Add | Op::Subtract, T::Money, T::Money) => T::Money,
        (Op::Multiply, T::Money, b) if number(b) => T::Money,
        (Op::Multiply, a, T::Money) if number(a) => T::Money,
        (Op::Divide, T::Money, T::Money) | (Op::Divide, T::Duration, T::Duration) => T::Decimal,
        (Op::Subtract, T::Time, T::Time) | (Op::Subtract, T::Date, T::Date) => T::Duration,
        (Op::Add | Op::Subtract, T::Time, T::Duration) | (Op::Add, T::Duration, T::Time) => T::Time,
        (Op::Add | Op::Subtract, T::Date, T::Duration) => T::Date,
        (Op::Add | Op::Subtract, T::Duration, T::Duration) => T::Duration,
        (Op::Multiply, T::Duration, T::Int) | (Op::Multiply, T::Int, T::Duration) => T::Duration,
        _ => return None,
    })
}
