//! The checker: names to slots, every node typed, every mistake told once.
//!
//! Absence has two faces. A declared `T?` is *optional*: it must be proved present or given a
//! stand-in. What a join, a membership row or a JSON member leads to is *soft*: it may be absent,
//! its absence travels through the operations around it, and at the end a condition is false and
//! anything else is absent, so of an optional type. Nothing here evaluates.

mod constants;
mod convert;
mod defines;
mod functions;
mod members;
mod narrow;
mod operators;
mod show;
mod table;

pub use defines::check_defines;
pub use show::check_show;
pub use table::FUNCTIONS;

use super::ast::{Ast, AstKind, Ident};
use super::lex::{Mistake, MistakeKind};
use super::parse::parse;
use super::scope::{Position, Scope};
use super::signatures::Traits;
use super::source::ExprSource;
use crate::codes::{Code, expressions as codes};
use crate::diagnostic::{Diagnostic, Edit, Help, has_errors};
use crate::kdl;
use crate::model::{Decimal, Expr, ExprKind, Function, Root, Type, Value};
use crate::source::Span;
use crate::suggest::closest;

/// Types the expression at `source`. With `expected` the result is converted to that type (int to
/// decimal, a text literal to an enum value …) or it is an error. `None` where something was
/// reported to `out`.
///
/// What depends on a row or JSON member that may be absent is of an optional type.
pub fn check(
    source: ExprSource<'_>,
    scope: &mut Scope<'_>,
    expected: Option<&Type>,
    out: &mut Vec<Diagnostic>,
) -> Option<Expr> {
    let mut checker = Checker::new(source, scope, out);
    let checked = checker.whole(expected);
    checker.finish(checked)
}

/// Types the condition at `source`: a bool, which is false where what it depends on is absent.
pub fn check_condition(
    source: ExprSource<'_>,
    scope: &mut Scope<'_>,
    out: &mut Vec<Diagnostic>,
) -> Option<Expr> {
    let mut checker = Checker::new(source, scope, out);
    checker.condition = true;
    let checked = checker.whole(Some(&Type::Bool));
    checker.finish(checked)
}

/// An expression with what the checker knows of it besides its type.
struct Typed {
    expr: Expr,
    soft: bool,
}

impl Typed {
    fn hard(kind: ExprKind, ty: Type, span: Span) -> Self {
        Self {
            expr: Expr { kind, ty, span },
            soft: false,
        }
    }

    fn soft_if(mut self, soft: bool) -> Self {
        self.soft |= soft;
        self
    }

    fn ty(&self) -> &Type {
        &self.expr.ty
    }

    fn is_error(&self) -> bool {
        self.expr.ty == Type::Error
    }
}

struct Checker<'c, 'a> {
    source: ExprSource<'c>,
    scope: &'c mut Scope<'a>,
    out: &'c mut Vec<Diagnostic>,
    /// Diagnostics before this check.
    before: usize,
    /// Whether more truth here can only mean more truth of the whole.
    positive: bool,
    /// What the expression does, defines included.
    traits: Traits,
    /// Defines that are being typed around this one.
    nesting: u32,
    /// Conversions around the one at hand.
    converting: u32,
    /// Whether the whole is a condition: what is unknown is then false.
    condition: bool,
}

impl<'c, 'a> Checker<'c, 'a> {
    fn new(source: ExprSource<'c>, scope: &'c mut Scope<'a>, out: &'c mut Vec<Diagnostic>) -> Self {
        let before = out.len();
        Self {
            source,
            scope,
            out,
            before,
            positive: true,
            traits: Traits::default(),
            nesting: 0,
            converting: 0,
            condition: false,
        }
    }

    /// The expression, or nothing where anything was wrong with it.
    fn finish(self, checked: Option<Typed>) -> Option<Expr> {
        let found = self.out.get(self.before..).unwrap_or(&[]);
        checked
            .filter(|typed| !has_errors(found) && !typed.is_error())
            .map(|typed| typed.expr)
    }

    fn whole(&mut self, expected: Option<&Type>) -> Option<Typed> {
        let kdl::Value::String { text, .. } = self.source.value else {
            let literal = self.literal()?;
            return Some(self.settle(literal, expected));
        };
        let tree = match parse(text) {
            Ok(tree) => tree,
            Err(mistake) => {
                self.mistake(mistake);
                return None;
            }
        };
        let typed = self.infer(&tree, expected);
        Some(self.settle(typed, expected))
    }

    /// What the end of an expression does with absence, then the conversion to `expected`.
    fn settle(&mut self, mut typed: Typed, expected: Option<&Type>) -> Typed {
        let span = typed.expr.span;
        let define = self.scope.position == Position::Define;
        if define && *typed.ty() == Type::Bool {
            // What is unknown here must not turn into a false that a negation elsewhere grants by:
            // it stays absent until the place of use ends.
            self.traits.soft = typed.soft;
        } else if typed.soft && !typed.is_error() {
            if *typed.ty() == Type::Bool && self.condition {
                let kind = ExprKind::Literal(Value::Bool(false));
                let no = Expr {
                    kind,
                    ty: Type::Bool,
                    span,
                };
                let kind = ExprKind::Call(Function::OrValue, vec![typed.expr, no]);
                typed = Typed::hard(kind, Type::Bool, span);
            } else {
                typed = self.stored(typed);
            }
        }
        match expected {
            Some(target) => self.coerce(typed, target),
            None => typed,
        }
    }

    /// A value that is kept (in a list, a record, a slot): soft absence becomes an optional type.
    fn stored(&self, mut typed: Typed) -> Typed {
        if typed.soft {
            typed.expr.ty = typed.expr.ty.optional();
            typed.soft = false;
        }
        typed
    }

    fn literal(&mut self) -> Option<Typed> {
        let span = self.source.span;
        let literal = |value, ty| Some(Typed::hard(ExprKind::Literal(value), ty, span));
        let large = |this: &mut Self, message: &str| {
            this.out
                .push(Diagnostic::error(codes::U0315, span, message));
            None
        };
        match self.source.value {
            kdl::Value::Integer(number) => match i64::try_from(*number) {
                Ok(number) => literal(Value::Int(number), Type::Int),
                Err(_) => large(self, "this number does not fit an int"),
            },
            kdl::Value::Decimal(text) => match Decimal::parse(text) {
                Some(number) => literal(Value::Decimal(number), Type::Decimal),
                None => large(self, "this number does not fit a decimal"),
            },
            kdl::Value::Bool(truth) => literal(Value::Bool(*truth), Type::Bool),
            kdl::Value::Null => literal(Value::Null, Type::Nothing),
            kdl::Value::Large(_) => large(self, "this number does not fit an int"),
            kdl::Value::Infinity | kdl::Value::NegativeInfinity | kdl::Value::NotANumber => {
                large(self, "expressions have no floating-point numbers")
            }
            kdl::Value::String { .. } => None,
        }
    }

    fn mistake(&mut self, mistake: Mistake) {
        let code = match mistake.kind {
            MistakeKind::Syntax => codes::U0301,
            MistakeKind::Reserved => codes::U0302,
            MistakeKind::Literal => codes::U0315,
            MistakeKind::TooDeep => codes::U0316,
        };
        let span = self.source.place(mistake.from, mistake.to);
        let mut found = Diagnostic::error(code, span, mistake.message);
        if let Some(text) = mistake.help {
            let edit = |text| Edit { span, text };
            let edits = mistake.replacement.map(edit).into_iter().collect();
            found.helps.push(Help { text, edits });
        }
        self.out.push(found);
    }

    fn place(&self, tree: &Ast) -> Span {
        self.source.place(tree.from, tree.to)
    }

    fn place_of(&self, name: &Ident) -> Span {
        self.source.place(name.from, name.to)
    }

    fn show(&self, ty: &Type) -> String {
        ty.show(self.scope.signatures).to_string()
    }

    fn error(&mut self, code: Code, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.report(Diagnostic::error(code, span, message))
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the element was pushed in the line before"
    )]
    fn report(&mut self, found: Diagnostic) -> &mut Diagnostic {
        self.out.push(found);
        let last = self.out.len() - 1;
        &mut self.out[last]
    }

    fn broken(&self, span: Span) -> Typed {
        Typed::hard(ExprKind::Literal(Value::Null), Type::Error, span)
    }

    /// Types a node. `expected` only helps where a node has no type of its own (a list that is a
    /// key); the caller converts.
    fn infer(&mut self, tree: &Ast, expected: Option<&Type>) -> Typed {
        let span = self.place(tree);
        let literal = |value, ty| Typed::hard(ExprKind::Literal(value), ty, span);
        match &tree.kind {
            AstKind::Null => literal(Value::Null, Type::Nothing),
            AstKind::Bool(truth) => literal(Value::Bool(*truth), Type::Bool),
            AstKind::Int(number) => literal(Value::Int(*number), Type::Int),
            AstKind::Decimal(number) => literal(Value::Decimal(*number), Type::Decimal),
            AstKind::Text(text) => literal(Value::Text(text.clone()), Type::Text),
            AstKind::Name(name) => self.name(name, tree, span),
            AstKind::Member(object, name) => self.member(object, name, span),
            AstKind::Call(name, arguments) => self.function(name, arguments, span),
            AstKind::Method(object, name, arguments) => self.method(object, name, arguments, span),
            AstKind::Index(object, index) => self.index(object, index, span),
            AstKind::Unary(op, operand) => self.unary(*op, operand, span),
            AstKind::Binary(op, left, right) => self.binary(*op, left, right, span),
            AstKind::Conditional(condition, yes, no) => {
                self.conditional([condition, yes, no], expected, span)
            }
            AstKind::List(items) => self.list(items, expected, span),
            AstKind::Map(entries) => self.map(entries, span),
            AstKind::Record(name, fields) => self.record(name, fields, span),
        }
    }

    /// Types a node and converts it.
    fn infer_as(&mut self, tree: &Ast, target: &Type) -> Typed {
        let typed = self.infer(tree, Some(target));
        self.coerce(typed, target)
    }

    fn name(&mut self, name: &str, tree: &Ast, span: Span) -> Typed {
        if let Some((slot, ty)) = self.scope.binding(name) {
            let typed = Typed::hard(ExprKind::Slot(slot), ty.clone(), span);
            return self.narrowed(typed);
        }
        let Some(root) = root(name) else {
            self.unknown_name(name, tree, span);
            return self.broken(span);
        };
        match self.scope.roots.get(root.slot().0 as usize) {
            Some(Some(ty)) => {
                self.traits.caller |= root == Root::Caller;
                let typed = Typed::hard(ExprKind::Slot(root.slot()), ty.clone(), span);
                self.narrowed(typed)
            }
            _ => {
                let position = self.scope.position;
                let found =
                    Diagnostic::error(codes::U0310, span, format!("`{name}` is not known here"));
                let found = match position {
                    Position::Invariant => found.fact(
                        "an invariant sees only `self`: it must hold at any time, for anybody",
                    ),
                    Position::Define => found.fact("a define sees only `self` and `caller`"),
                    _ => found,
                };
                self.out.push(found);
                self.broken(span)
            }
        }
    }

    /// A member of a root in scope whose name is nearest to `name`, as a path.
    fn nearest_member(&self, name: &str) -> Option<String> {
        let mut paths = Vec::new();
        for (root, word) in ROOTS {
            let Some(Some(ty)) = self.scope.roots.get(root.slot().0 as usize) else {
                continue;
            };
            let members = self.member_names(ty).into_iter();
            paths.extend(members.map(|member| (format!("{word}.{member}"), member)));
        }
        let near = closest(name, paths.iter().map(|(_, member)| member.as_str()))?;
        paths
            .iter()
            .find(|(_, member)| member == near)
            .map(|(path, _)| path.clone())
    }

    fn unknown_name(&mut self, name: &str, tree: &Ast, span: Span) {
        let mut found = Diagnostic::error(
            codes::U0303,
            span,
            format!("nothing here is called `{name}`"),
        );
        let mut members = Vec::new();
        for (root, word) in ROOTS {
            let Some(Some(ty)) = self.scope.roots.get(root.slot().0 as usize) else {
                continue;
            };
            if self.member_names(ty).iter().any(|member| member == name) {
                members.push(format!("{word}.{name}"));
            }
        }
        let bindings = self.scope.bindings.iter().map(|binding| &*binding.name);
        let roots = ROOTS.iter().filter(|(root, _)| {
            matches!(self.scope.roots.get(root.slot().0 as usize), Some(Some(_)))
        });
        let known: Vec<&str> = bindings.chain(roots.map(|(_, word)| *word)).collect();
        if let [path] = members.as_slice() {
            found = found.fix(format!("did you mean `{path}`?"), span, path.clone());
        } else if !members.is_empty() {
            found = found.help(format!("did you mean one of `{}`?", members.join("`, `")));
        } else if let Some(near) = closest(name, known.iter().copied()) {
            found = found.fix(format!("did you mean `{near}`?"), span, near);
        } else if let Some(path) = self.nearest_member(name) {
            found = found.fix(format!("did you mean `{path}`?"), span, path);
        }
        let alone = matches!(self.source.value.as_str(), Some(text) if text.trim() == name);
        if alone && matches!(tree.kind, AstKind::Name(_)) {
            let written = format!("\"'{name}'\"");
            let whole = self.source.span;
            found = found.fix("a text stands in quotes of its own", whole, written);
        } else if members.is_empty() && !alone {
            found = found.help(format!("if a text was meant, write `'{name}'`"));
        }
        if self
            .source
            .value
            .as_str()
            .is_some_and(|text| hyphenated(text, name))
        {
            found = found.fact("`-` subtracts in expressions: names are written with `_`");
        }
        self.out.push(found);
    }
}

/// Whether `name` stands in `text` directly beside a `-` and a letter, as in `place-order`.
fn hyphenated(text: &str, name: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .any(|word| {
            word.contains('-') && word.split('-').any(|part| part == name) && !word.contains("--")
        })
}

const ROOTS: &[(Root, &str)] = &[
    (Root::SelfRow, "self"),
    (Root::Input, "input"),
    (Root::Output, "output"),
    (Root::Caller, "caller"),
    (Root::Event, "event"),
    (Root::Now, "now"),
    (Root::Flags, "flags"),
    (Root::Limits, "limits"),
    (Root::Item, "item"),
];

fn root(name: &str) -> Option<Root> {
    ROOTS
        .iter()
        .find(|(_, word)| *word == name)
        .map(|(root, _)| *root)
}
