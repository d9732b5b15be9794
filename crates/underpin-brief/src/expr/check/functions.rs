//! The closed list of functions, called as `f(x, y)` or as `x.f(y)`.

use super::super::ast::{Ast, AstKind, Ident};
use super::super::lex::RESERVED;
use super::table::{FUNCTIONS, list_function, text_function, time_function};
use super::{Checker, Typed, root};
use crate::codes::expressions as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::scope::Position;
use crate::model::{
    AggregateFunction, Comprehension, Decimal, Duration, Expr, ExprKind, Function, Type, Value,
};
use crate::source::Span;
use crate::suggest::closest;

fn comprehension(name: &str) -> Option<Comprehension> {
    Some(match name {
        "all" => Comprehension::All,
        "exists" => Comprehension::Exists,
        "filter" => Comprehension::Filter,
        "map" => Comprehension::Map,
        _ => return None,
    })
}

/// The arguments of one call: as written, with the object of a method first.
pub(super) struct Call<'t> {
    pub(super) name: &'t Ident,
    pub(super) arguments: Vec<&'t Ast>,
    pub(super) span: Span,
}

impl Checker<'_, '_> {
    pub(super) fn function(&mut self, name: &Ident, arguments: &[Ast], span: Span) -> Typed {
        let call = Call {
            name,
            arguments: arguments.iter().collect(),
            span,
        };
        match &*name.text {
            "has" => self.has(&call),
            "count" | "sum" | "min" | "max" if self.in_view(&call) => self.aggregate(&call),
            _ => self.call(&call),
        }
    }

    pub(super) fn method(
        &mut self,
        object: &Ast,
        name: &Ident,
        arguments: &[Ast],
        span: Span,
    ) -> Typed {
        if let Some(kind) = comprehension(&name.text) {
            return self.comprehension(kind, object, name, arguments, span);
        }
        let arguments = std::iter::once(object).chain(arguments).collect();
        self.call(&Call {
            name,
            arguments,
            span,
        })
    }

    fn in_view(&self, call: &Call<'_>) -> bool {
        self.scope.position == Position::View
            && call.arguments.len() <= 1
            && !call
                .arguments
                .iter()
                .any(|a| matches!(a.kind, AstKind::List(_)))
    }

    fn has(&mut self, call: &Call<'_>) -> Typed {
        let [argument] = call.arguments.as_slice() else {
            return self.wrong_arguments(call);
        };
        if !matches!(
            argument.kind,
            AstKind::Name(_) | AstKind::Member(..) | AstKind::Index(..)
        ) {
            let place = self.place(argument);
            self.error(codes::U0312, place, "`has` asks whether a path is present");
            return self.broken(call.span);
        }
        let typed = self.unsigned(|this| this.infer(argument, None));
        if typed.is_error() {
            return self.broken(call.span);
        }
        Typed::hard(ExprKind::Has(Box::new(typed.expr)), Type::Bool, call.span)
    }

    fn comprehension(
        &mut self,
        kind: Comprehension,
        object: &Ast,
        name: &Ident,
        arguments: &[Ast],
        span: Span,
    ) -> Typed {
        let [variable, body] = arguments else {
            let arguments = std::iter::once(object).chain(arguments).collect();
            return self.wrong_arguments(&Call {
                name,
                arguments,
                span,
            });
        };
        let list = self.unsigned(|this| this.infer(object, None));
        let item = match list.ty() {
            Type::Error => return self.broken(span),
            Type::List(item) => (**item).clone(),
            Type::Optional(_) => {
                self.may_be_absent(&list.expr);
                return self.broken(span);
            }
            other => {
                let message = format!("`{}` needs a list, not `{}`", name.text, self.show(other));
                self.error(codes::U0312, list.expr.span, message);
                return self.broken(span);
            }
        };
        let Some(variable) = self.variable(variable) else {
            return self.broken(span);
        };
        let mark = self.scope.mark();
        let slot = self.scope.bind(&variable, item.clone());
        let wanted = (kind != Comprehension::Map).then_some(Type::Bool);
        let signed = matches!(kind, Comprehension::All | Comprehension::Exists);
        let body = match (&wanted, signed) {
            (Some(bool), true) => self.infer_as(body, bool),
            (Some(bool), false) => self.unsigned(|this| this.infer_as(body, bool)),
            (None, _) => {
                let body = self.unsigned(|this| this.infer(body, None));
                self.stored(body)
            }
        };
        self.scope.release(mark);
        if body.is_error() {
            return self.broken(span);
        }
        let ty = match kind {
            Comprehension::All | Comprehension::Exists => Type::Bool,
            Comprehension::Filter => item.list(),
            Comprehension::Map => body.ty().clone().list(),
        };
        let soft = list.soft || (signed && body.soft);
        let kind = ExprKind::Comprehension {
            kind,
            list: Box::new(list.expr),
            variable: slot,
            body: Box::new(body.expr),
        };
        Typed::hard(kind, ty, span).soft_if(soft)
    }

    fn variable(&mut self, tree: &Ast) -> Option<String> {
        let place = self.place(tree);
        let AstKind::Name(name) = &tree.kind else {
            self.error(
                codes::U0312,
                place,
                "the first argument is a name for the element",
            );
            return None;
        };
        if root(name).is_some() || RESERVED.contains(&&**name) {
            let message = format!("`{name}` cannot name an element: it has a meaning of its own");
            self.error(codes::U0302, place, message);
            return None;
        }
        Some(name.to_string())
    }

    fn aggregate(&mut self, call: &Call<'_>) -> Typed {
        let function = match &*call.name.text {
            "count" => AggregateFunction::Count,
            "sum" => AggregateFunction::Sum,
            "min" => AggregateFunction::Min,
            _ => AggregateFunction::Max,
        };
        let argument = match (function, call.arguments.as_slice()) {
            (AggregateFunction::Count, []) => {
                return Typed::hard(ExprKind::Aggregate(function, None), Type::Int, call.span);
            }
            (AggregateFunction::Count, _) | (_, []) => return self.wrong_arguments(call),
            (_, [argument, ..]) => self.infer(argument, None),
        };
        if argument.is_error() {
            return self.broken(call.span);
        }
        let argument = self.stored(argument);
        let inner = argument.ty().required().clone();
        let sums = matches!(
            inner,
            Type::Int | Type::Decimal | Type::Money | Type::Duration
        );
        let orders = sums || matches!(inner, Type::Date | Type::Time | Type::Text);
        let (fits, ty) = match function {
            AggregateFunction::Sum => (sums, inner),
            _ => (orders, argument.ty().clone()),
        };
        if !fits {
            let message = format!(
                "`{}` does not apply to `{}`",
                call.name.text,
                self.show(argument.ty())
            );
            self.error(codes::U0312, argument.expr.span, message);
            return self.broken(call.span);
        }
        let kind = ExprKind::Aggregate(function, Some(Box::new(argument.expr)));
        Typed::hard(kind, ty, call.span)
    }

    fn wrong_arguments(&mut self, call: &Call<'_>) -> Typed {
        let name = &call.name.text;
        let usage = FUNCTIONS.iter().find(|(known, _)| **known == **name);
        let message = format!("`{name}` does not take these arguments");
        let mut found = Diagnostic::error(codes::U0312, call.span, message);
        if let Some((_, usage)) = usage {
            found = found.help(format!("it is called as `{usage}`"));
        }
        self.out.push(found);
        self.broken(call.span)
    }

    fn unknown_function(&mut self, call: &Call<'_>) -> Typed {
        let place = self.place_of(call.name);
        let name = &call.name.text;
        let message = format!("there is no function `{name}`");
        let mut found = Diagnostic::error(codes::U0311, place, message);
        let other = match &**name {
            "length" | "len" => Some("size"),
            "any" => Some("exists"),
            "default" | "orElse" | "coalesce" | "unwrap_or" => Some("orValue"),
            "unwrap" | "get" => Some("value"),
            "append" | "add" => Some("put"),
            "remove" => Some("drop"),
            "str" | "to_string" => Some("string"),
            _ => None,
        };
        let names = FUNCTIONS.iter().map(|(known, _)| *known);
        if let Some(near) = closest(name, names).or(other) {
            found = found.fix(format!("did you mean `{near}`?"), place, near);
        } else {
            let names: Vec<&str> = FUNCTIONS.iter().map(|(known, _)| *known).collect();
            found = found.fact(format!("the functions are `{}`", names.join("`, `")));
        }
        self.out.push(found);
        self.broken(call.span)
    }

    fn call(&mut self, call: &Call<'_>) -> Typed {
        let known = FUNCTIONS
            .iter()
            .any(|(known, _)| **known == *call.name.text);
        if !known || comprehension(&call.name.text).is_some() {
            return if known {
                self.wrong_arguments(call)
            } else {
                self.unknown_function(call)
            };
        }
        if matches!(&*call.name.text, "duration" | "money" | "date")
            && let Some(literal) = self.constant(call)
        {
            return literal;
        }
        let mut arguments = Vec::new();
        for argument in &call.arguments {
            let typed = self.unsigned(|this| this.infer(argument, None));
            if typed.is_error() {
                return self.broken(call.span);
            }
            arguments.push(typed);
        }
        self.typed_call(call, arguments)
    }

    fn typed_call(&mut self, call: &Call<'_>, mut arguments: Vec<Typed>) -> Typed {
        if matches!(&*call.name.text, "value" | "orValue") {
            return self.presence(call, arguments);
        }
        if let Some(absent) = arguments
            .iter()
            .find(|argument| argument.ty().is_optional())
        {
            let absent = absent.expr.clone();
            self.may_be_absent(&absent);
            return self.broken(call.span);
        }
        let soft = arguments.iter().any(|argument| argument.soft);
        let types: Vec<Type> = arguments
            .iter()
            .map(|argument| argument.ty().clone())
            .collect();
        let Some((function, targets, ty)) = self.signature(call, &types) else {
            return self.broken(call.span);
        };
        let mut parts = Vec::new();
        for (argument, target) in arguments.drain(..).zip(&targets) {
            let typed = self.coerce(argument, target);
            if typed.is_error() {
                return self.broken(call.span);
            }
            parts.push(typed.expr);
        }
        if !self.zone_is_known(function, &parts) {
            return self.broken(call.span);
        }
        parts.extend(self.hidden(function, &types, call.span));
        Typed::hard(ExprKind::Call(function, parts), ty, call.span).soft_if(soft)
    }

    /// Arguments that the evaluator needs and the checker knows: the zero of an empty sum, how
    /// many key fields elements have, the default currency.
    fn hidden(&self, function: Function, types: &[Type], span: Span) -> Option<Expr> {
        let literal = |value, ty| {
            Some(Expr {
                kind: ExprKind::Literal(value),
                ty,
                span,
            })
        };
        match (function, types) {
            (Function::Sum, [Type::List(item)]) => {
                let zero = match **item {
                    Type::Decimal => Value::Decimal(Decimal::ZERO),
                    Type::Money => Value::Money(0, self.scope.signatures.currency),
                    Type::Duration => Value::Duration(Duration::default()),
                    _ => Value::Int(0),
                };
                literal(zero, (**item).clone())
            }
            (Function::Put | Function::Drop, [Type::List(item), ..]) => {
                let keys = match **item {
                    Type::Record(id) => self.scope.signatures.record(id).map_or(0, |r| r.keys),
                    _ => 0,
                };
                literal(Value::Int(i64::try_from(keys).unwrap_or(0)), Type::Int)
            }
            (Function::Money, [_]) => literal(
                Value::text(self.scope.signatures.currency.as_str()),
                Type::Text,
            ),
            _ => None,
        }
    }

    fn zone_is_known(&mut self, function: Function, parts: &[Expr]) -> bool {
        if !matches!(function, Function::Date | Function::Month) {
            return true;
        }
        let Some(zone) = parts.get(1) else {
            return true;
        };
        let ExprKind::Literal(Value::Text(name)) = &zone.kind else {
            return true;
        };
        if jiff::tz::TimeZone::get(name).is_ok() {
            return true;
        }
        let message = format!("there is no zone `{name}`");
        let found = Diagnostic::error(codes::U0315, zone.span, message);
        self.out
            .push(found.help("zones are named as in `Europe/Berlin`, or `UTC`"));
        false
    }

    fn presence(&mut self, call: &Call<'_>, arguments: Vec<Typed>) -> Typed {
        let mut arguments = arguments.into_iter();
        let (Some(object), otherwise, None) =
            (arguments.next(), arguments.next(), arguments.next())
        else {
            return self.wrong_arguments(call);
        };
        let span = call.span;
        match (&*call.name.text, otherwise) {
            ("value", None) => {
                if object.ty().is_optional() {
                    self.may_be_absent(&object.expr);
                    return self.broken(span);
                }
                let (ty, soft) = (object.ty().clone(), object.soft);
                let kind = ExprKind::Call(Function::Value, vec![object.expr]);
                let typed = Typed::hard(kind, ty, span).soft_if(soft);
                self.narrowed(typed)
            }
            ("orValue", Some(otherwise)) => {
                let target = object.ty().required().clone();
                let otherwise = if target == Type::Nothing {
                    otherwise
                } else {
                    self.coerce(otherwise, &target)
                };
                if otherwise.is_error() {
                    return self.broken(span);
                }
                let (ty, soft) = (otherwise.ty().clone(), otherwise.soft);
                let kind = ExprKind::Call(Function::OrValue, vec![object.expr, otherwise.expr]);
                Typed::hard(kind, ty, span).soft_if(soft)
            }
            _ => self.wrong_arguments(call),
        }
    }

    /// Function, types of its arguments and its type.
    fn signature(
        &mut self,
        call: &Call<'_>,
        types: &[Type],
    ) -> Option<(Function, Vec<Type>, Type)> {
        let name = &*call.name.text;
        if name == "secret" && !self.scope.secrets {
            let found = Diagnostic::error(
                codes::U0310,
                call.span,
                "a secret is drawn only by a command",
            );
            self.out.push(found);
            return None;
        }
        if name == "count" {
            let place = self.place_of(call.name);
            let found = Diagnostic::error(
                codes::U0310,
                place,
                "`count` counts the rows of a view's group",
            );
            self.out
                .push(found.help("`list.size()` counts the elements of a list"));
            return None;
        }
        let keys = self.element_keys(types);
        let found = list_function(name, types, &keys)
            .or_else(|| time_function(name, types))
            .or_else(|| text_function(name, types));
        if found.is_none() {
            self.wrong_types(call, types);
        }
        found
    }

    /// The types of the key fields of the elements, where the first argument is a list of records.
    fn element_keys(&self, types: &[Type]) -> Vec<Type> {
        let Some(Type::List(item)) = types.first() else {
            return Vec::new();
        };
        let Type::Record(id) = **item else {
            return Vec::new();
        };
        let record = self.scope.signatures.record(id);
        let slots = record.and_then(|record| record.shape.slots.get(..record.keys));
        slots
            .unwrap_or(&[])
            .iter()
            .map(|slot| slot.ty.clone())
            .collect()
    }

    fn wrong_types(&mut self, call: &Call<'_>, types: &[Type]) {
        let name = &call.name.text;
        let shown: Vec<String> = types
            .iter()
            .map(|ty| format!("`{}`", self.show(ty)))
            .collect();
        let message = match shown.as_slice() {
            [] => format!("`{name}` needs arguments"),
            _ => format!("`{name}` does not apply to {}", shown.join(", ")),
        };
        let usage = FUNCTIONS.iter().find(|(known, _)| **known == **name);
        let mut found = Diagnostic::error(codes::U0312, call.span, message);
        if let Some((_, usage)) = usage {
            found = found.help(format!("it is called as `{usage}`"));
        }
        self.out.push(found);
    }
}
