//! Dots and indexes: slots of rows and records, joins through references, members of JSON.

use super::super::ast::{Ast, AstKind, Ident};
use super::super::signatures::caller;
use super::{Checker, Typed};
use crate::codes::expressions as codes;
use crate::diagnostic::Diagnostic;
use crate::expr::scope::Position;
use crate::model::{ActorField, Aggregate, Expr, ExprKind, Id, Root, Shape, Type, Value};
use crate::source::Span;
use crate::suggest::closest;

impl Checker<'_, '_> {
    pub(super) fn member(&mut self, object: &Ast, name: &Ident, span: Span) -> Typed {
        let typed = self.infer(object, None);
        let found = self.member_of(typed, name, span);
        self.narrowed(found)
    }

    /// The member `name` of a checked object.
    pub(super) fn member_of(&mut self, object: Typed, name: &Ident, span: Span) -> Typed {
        let ty = object.ty().clone();
        match ty {
            Type::Error => self.broken(span),
            Type::Optional(inner) => self.member_of_optional(object, *inner, name, span),
            Type::Row(aggregate) => self.row_member(object, aggregate, name, span),
            Type::Ref(aggregate) => self.reference_member(object, aggregate, name, span),
            Type::Struct(shape) => self.struct_member(object, &shape, name, span),
            Type::Record(id) => {
                let shape = self
                    .scope
                    .signatures
                    .record(id)
                    .map(|record| record.shape.clone());
                self.struct_member(object, &shape.unwrap_or_default(), name, span)
            }
            Type::Actor(_) => self.actor_member(object, name, span),
            Type::Json => {
                let soft = true;
                let kind = ExprKind::JsonMember(Box::new(object.expr), name.text.to_string());
                Typed {
                    expr: Expr {
                        kind,
                        ty: Type::Json,
                        span,
                    },
                    soft,
                }
            }
            Type::List(_) => {
                let place = self.place_of(name);
                let found = Diagnostic::error(
                    codes::U0304,
                    place,
                    format!("a list has no member `{}`", name.text),
                );
                let help = format!("`.map(x, x.{})` takes it of every element", name.text);
                self.out.push(found.help(help));
                self.broken(span)
            }
            _ => self.no_member(&object, name, &[], span),
        }
    }

    fn member_of_optional(
        &mut self,
        object: Typed,
        inner: Type,
        name: &Ident,
        span: Span,
    ) -> Typed {
        let lenient = matches!(self.scope.position, Position::Show | Position::View);
        if !lenient {
            self.may_be_absent(&object.expr);
            return self.broken(span);
        }
        let mut object = object;
        object.expr.ty = inner;
        object.soft = true;
        self.member_of(object, name, span)
    }

    /// Reports the use of something that may be absent.
    pub(super) fn may_be_absent(&mut self, object: &Expr) {
        let written = self.written(object.span);
        let message = format!("`{written}` may be absent");
        let found = Diagnostic::error(codes::U0308, object.span, message)
            .label(format!("this is `{}`", self.show(&object.ty)))
            .help(format!(
                "use it where `has({written}) && …` says that it is there"
            ))
            .help(format!("or give a stand-in: `{written}.orValue(…)`"));
        self.out.push(found);
    }

    /// The text at `span` of this expression.
    pub(super) fn written(&self, span: Span) -> String {
        let range = span.start as usize..span.end as usize;
        self.source.file.get(range).unwrap_or("…").to_owned()
    }

    fn row_member(
        &mut self,
        object: Typed,
        aggregate: Id<Aggregate>,
        name: &Ident,
        span: Span,
    ) -> Typed {
        let signatures = self.scope.signatures;
        let Some(signature) = signatures.aggregate(aggregate) else {
            return self.broken(span);
        };
        let soft = object.soft;
        if let Some((at, ty)) = signature.row.find(&name.text) {
            let generated = signature.generated_key && at == 0;
            let ty = if generated {
                Type::Ref(aggregate)
            } else {
                ty.clone()
            };
            let kind = ExprKind::Field(Box::new(object.expr), at);
            return Typed::hard(kind, ty, span).soft_if(soft);
        }
        if let Some(typed) = self.define_member(&object, aggregate, name, span) {
            return typed;
        }
        if &*name.text == "id" {
            let mut key = self.row_key(&object.expr, aggregate);
            key.span = span;
            return Typed { expr: key, soft };
        }
        let known = self.member_names(&Type::Row(aggregate));
        self.no_member(&object, name, &known, span)
    }

    /// The key of a row.
    pub(super) fn row_key(&self, row: &Expr, aggregate: Id<Aggregate>) -> Expr {
        let span = row.span;
        let ty = Type::Ref(aggregate);
        let Some(signature) = self.scope.signatures.aggregate(aggregate) else {
            return Expr {
                kind: ExprKind::Literal(Value::Null),
                ty: Type::Error,
                span,
            };
        };
        let field = |at: usize, ty: Type| Expr {
            kind: ExprKind::Field(Box::new(row.clone()), at),
            ty,
            span,
        };
        if signature.keys == 1 {
            return field(0, ty);
        }
        let slots = signature.row.slots.iter().take(signature.keys).enumerate();
        let parts = slots.map(|(at, slot)| field(at, slot.ty.clone())).collect();
        Expr {
            kind: ExprKind::List(parts),
            ty,
            span,
        }
    }

    fn reference_member(
        &mut self,
        object: Typed,
        aggregate: Id<Aggregate>,
        name: &Ident,
        span: Span,
    ) -> Typed {
        let Some(signature) = self.scope.signatures.aggregate(aggregate) else {
            return self.broken(span);
        };
        let named_id = signature
            .row
            .find("id")
            .is_some_and(|(at, _)| at >= signature.keys);
        if &*name.text == "id" && !named_id {
            return object;
        }
        if signature.keys == 1
            && signature
                .row
                .find(&name.text)
                .is_some_and(|(at, _)| at == 0)
        {
            let target = self.scope.signatures.key_type(aggregate);
            return self.coerce(object, &target);
        }
        let known = self.member_names(&Type::Row(aggregate));
        if !known.iter().any(|member| **member == *name.text) {
            let row = Expr {
                ty: Type::Row(aggregate),
                ..object.expr
            };
            return self.no_member(
                &Typed {
                    expr: row,
                    soft: true,
                },
                name,
                &known,
                span,
            );
        }
        if !self.scope.position.joins() {
            self.refuse_join(&object.expr, aggregate, name);
            return self.broken(span);
        }
        let at = object.expr.span;
        self.traits.joins = true;
        let kind = ExprKind::Join(Box::new(object.expr), aggregate);
        let row = Expr {
            kind,
            ty: Type::Row(aggregate),
            span: at,
        };
        self.row_member(
            Typed {
                expr: row,
                soft: true,
            },
            aggregate,
            name,
            span,
        )
    }

    fn refuse_join(&mut self, reference: &Expr, aggregate: Id<Aggregate>, name: &Ident) {
        use crate::model::TypeNames;
        let place = self.place_of(name);
        let target = self.scope.signatures.aggregate_name(aggregate).to_owned();
        let written = self.written(reference.span);
        if self.scope.position == Position::Invariant {
            let message = format!("an invariant does not look at another aggregate (`{target}`)");
            let found = Diagnostic::error(codes::U0309, place, message)
                .fact("an invariant is checked with its own row only")
                .help("keep what it needs in this row");
            self.out.push(found);
            return;
        }
        let binding = written.rsplit('.').next().unwrap_or("row");
        let message = format!("`{written}` is a key: its row is not read by a dot here");
        let help = format!("read {binding} {target} key={written}");
        let found = Diagnostic::error(codes::U0309, place, message)
            .fact("statements name every row that they read, so that remote access is visible")
            .help(format!(
                "write `{help}` before, and then `{binding}.{}`",
                name.text
            ));
        self.out.push(found);
    }

    fn struct_member(&mut self, object: Typed, shape: &Shape, name: &Ident, span: Span) -> Typed {
        if object.expr.kind == ExprKind::Slot(Root::Caller.slot()) {
            return self.caller_member(object, shape, name, span);
        }
        let Some((at, ty)) = shape.find(&name.text) else {
            let known: Vec<String> = shape
                .slots
                .iter()
                .map(|slot| slot.name.to_string())
                .collect();
            return self.no_member(&object, name, &known, span);
        };
        let soft = object.soft;
        let kind = ExprKind::Field(Box::new(object.expr), at);
        Typed::hard(kind, ty.clone(), span).soft_if(soft)
    }

    /// Members of `caller`, whose types depend on who may be asking.
    fn caller_member(&mut self, object: Typed, shape: &Shape, name: &Ident, span: Span) -> Typed {
        let tenant = self.scope.signatures.tenant;
        let found = shape
            .find(&name.text)
            .filter(|(at, _)| *at != caller::TENANT || tenant.is_some());
        let Some((at, ty)) = found else {
            let names = shape.slots.iter().map(|slot| slot.name.to_string());
            let known: Vec<String> = names
                .filter(|name| name != "tenant" || tenant.is_some())
                .collect();
            return self.no_member(&object, name, &known, span);
        };
        let kind = ExprKind::Field(Box::new(object.expr), at);
        let callers = &self.scope.callers;
        let anyone = callers.anyone;
        let plain = ty.required().clone();
        let in_define = self.scope.position == Position::Define;
        let (ty, soft) = match at {
            caller::ID => {
                let identity = match callers.actors.as_slice() {
                    [one] => Type::Actor(*one),
                    _ => Type::Text,
                };
                match (in_define, anyone) {
                    (true, _) => (identity, true),
                    (false, true) => (identity.optional(), false),
                    (false, false) => (identity, false),
                }
            }
            caller::ACTOR => (plain, in_define || anyone),
            caller::TENANT => (plain, in_define || anyone),
            caller::ROLES | caller::CHANNEL | caller::CLAIMS => (plain, false),
            _ => (plain, true),
        };
        Typed {
            expr: Expr { kind, ty, span },
            soft,
        }
    }

    fn actor_member(&mut self, object: Typed, name: &Ident, span: Span) -> Typed {
        match &*name.text {
            "id" => object,
            "name" => {
                let kind = ExprKind::ActorField(Box::new(object.expr), ActorField::Name);
                Typed {
                    expr: Expr {
                        kind,
                        ty: Type::Text,
                        span,
                    },
                    soft: true,
                }
            }
            _ => self.no_member(&object, name, &["id".to_owned(), "name".to_owned()], span),
        }
    }

    fn no_member(&mut self, object: &Typed, name: &Ident, known: &[String], span: Span) -> Typed {
        let place = self.place_of(name);
        let of = self.show(object.ty());
        let message = format!("`{of}` has no member `{}`", name.text);
        let mut found = Diagnostic::error(codes::U0304, place, message);
        if let Some(near) = closest(&name.text, known.iter().map(String::as_str)) {
            found = found.fix(format!("did you mean `{near}`?"), place, near);
        } else if &*name.text == "key" && matches!(object.ty(), Type::Row(_)) {
            let row = self.written(object.expr.span);
            found = found.fix("a row stands for its own key", span, row);
        } else if !known.is_empty() {
            let mut names = known.to_vec();
            names.truncate(12);
            found = found.fact(format!("it has `{}`", names.join("`, `")));
        }
        self.out.push(found);
        self.broken(span)
    }

    /// Names of everything that a dot finds in a value of type `ty`.
    pub(super) fn member_names(&self, ty: &Type) -> Vec<String> {
        let names = |shape: &Shape| -> Vec<String> {
            shape
                .slots
                .iter()
                .map(|slot| slot.name.to_string())
                .collect()
        };
        let signatures = self.scope.signatures;
        match ty {
            Type::Row(id) | Type::Ref(id) => {
                let row = signatures
                    .aggregate(*id)
                    .map(|aggregate| names(&aggregate.row));
                let defines = signatures.define_slots(*id).iter();
                let defines = defines.map(|slot| slot.source.name.text.to_string());
                row.unwrap_or_default().into_iter().chain(defines).collect()
            }
            Type::Record(id) => signatures
                .record(*id)
                .map_or_else(Vec::new, |r| names(&r.shape)),
            Type::Struct(shape) => names(shape),
            Type::Optional(inner) => self.member_names(inner),
            _ => Vec::new(),
        }
    }

    pub(super) fn index(&mut self, object: &Ast, index: &Ast, span: Span) -> Typed {
        let object = self.infer(object, None);
        let ty = object.ty().clone();
        let (key, value) = match &ty {
            Type::Error => return self.broken(span),
            Type::List(item) => (Type::Int, (**item).clone()),
            Type::Map(key, value) => ((**key).clone(), (**value).clone()),
            Type::Json => {
                if let AstKind::Text(name) = &index.kind {
                    let kind = ExprKind::JsonMember(Box::new(object.expr), name.to_string());
                    return Typed {
                        expr: Expr {
                            kind,
                            ty: Type::Json,
                            span,
                        },
                        soft: true,
                    };
                }
                let place = self.place(index);
                self.error(
                    codes::U0305,
                    place,
                    "a member of `json` is named by a text literal",
                );
                return self.broken(span);
            }
            Type::Optional(_) => {
                self.may_be_absent(&object.expr);
                return self.broken(span);
            }
            _ => {
                let message = format!("`{}` has no elements", self.show(&ty));
                self.error(codes::U0306, object.expr.span, message);
                return self.broken(span);
            }
        };
        let index = self.infer_as(index, &key);
        let soft = object.soft || index.soft;
        let kind = ExprKind::Index(Box::new(object.expr), Box::new(index.expr));
        let typed = Typed::hard(kind, value, span).soft_if(soft);
        self.narrowed(typed)
    }
}
