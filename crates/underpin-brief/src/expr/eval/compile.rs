//! Nodes to closures. What depends only on the expression is decided here, once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::arithmetic::{binary, negate};
use super::{Code, Fault, Frame, Run, functions, json};
use crate::model::{
    ActorField, Aggregate, AggregateFunction, BinaryOp, Comprehension, Decimal, Expr, ExprKind,
    Function, Id, Slot, Type, UnaryOp, Value,
};

/// An operand that is read without being copied where it lies in the frame.
enum Operand {
    Literal(Value),
    Path(Slot, Vec<usize>),
    Code(Code),
}

impl Operand {
    fn new(expr: &Expr) -> Self {
        match &expr.kind {
            ExprKind::Literal(value) => Self::Literal(value.clone()),
            _ => match path(expr) {
                Some((slot, steps)) => Self::Path(slot, steps),
                None => Self::Code(compile(expr)),
            },
        }
    }

    /// Where it lies, if it need not be computed.
    fn place<'v>(&'v self, frame: &'v Frame) -> Option<&'v Value> {
        match self {
            Self::Literal(value) => Some(value),
            Self::Path(slot, steps) => Some(
                steps
                    .iter()
                    .fold(frame.get(*slot), |value, step| value.slot(*step)),
            ),
            Self::Code(_) => None,
        }
    }

    fn compute(&self, run: &mut Run<'_>) -> Result<Value, Fault> {
        match self {
            Self::Code(code) => code(run),
            _ => Ok(self.place(run.frame).cloned().unwrap_or(Value::Null)),
        }
    }

    fn is_simple(&self) -> bool {
        !matches!(self, Self::Code(_))
    }
}

/// A slot and the fields from there.
fn path(expr: &Expr) -> Option<(Slot, Vec<usize>)> {
    match &expr.kind {
        ExprKind::Slot(slot) => Some((*slot, Vec::new())),
        ExprKind::Field(object, at) => {
            let (slot, mut steps) = path(object)?;
            steps.push(*at);
            Some((slot, steps))
        }
        ExprKind::Convert(inner) if is_identity(&inner.ty, &expr.ty) => path(inner),
        ExprKind::Call(Function::Value, arguments) => path(arguments.first()?),
        _ => None,
    }
}

/// Whether a conversion leaves the value as it is.
fn is_identity(from: &Type, to: &Type) -> bool {
    match (from.required(), to.required()) {
        (Type::Int, Type::Decimal) => false,
        (Type::Json, Type::Json) => true,
        (_, Type::Json) => false,
        _ => true,
    }
}

/// Compiles a node and everything below.
pub(super) fn compile(expr: &Expr) -> Code {
    match &expr.kind {
        ExprKind::Literal(value) => {
            let value = value.clone();
            Box::new(move |_| Ok(value.clone()))
        }
        ExprKind::Slot(_) | ExprKind::Field(..) => field(expr),
        ExprKind::ActorField(object, which) => actor_field(object, *which),
        ExprKind::Join(object, aggregate) => join(object, *aggregate),
        ExprKind::Define(object, aggregate, define) => {
            let object = compile(object);
            let (aggregate, define) = (aggregate.index(), define.index());
            Box::new(move |run| {
                let row = object(run)?;
                run.define(aggregate, define, row)
            })
        }
        ExprKind::JsonMember(object, name) => {
            let (object, name) = (compile(object), name.clone());
            Box::new(move |run| Ok(json::member(&object(run)?, &name)))
        }
        ExprKind::Unary(op, operand) => unary(*op, operand),
        ExprKind::Binary(op, left, right) => match op {
            BinaryOp::And | BinaryOp::Or => logical(*op, left, right),
            _ => strict(*op, left, right),
        },
        ExprKind::Conditional(condition, yes, no) => {
            let (condition, yes, no) = (compile(condition), compile(yes), compile(no));
            Box::new(move |run| match condition(run)? {
                Value::Bool(true) => yes(run),
                Value::Bool(false) => no(run),
                _ => Ok(Value::Null),
            })
        }
        ExprKind::Has(path) => has(path),
        ExprKind::Index(object, index) => element(object, index),
        ExprKind::List(items) => {
            let items: Vec<Code> = items.iter().map(compile).collect();
            Box::new(move |run| all(&items, run).map(Value::list))
        }
        ExprKind::Map(entries) => map(entries),
        ExprKind::Record(fields) => {
            let fields: Vec<Code> = fields.iter().map(compile).collect();
            Box::new(move |run| all(&fields, run).map(Value::record))
        }
        ExprKind::Call(function, arguments) => call(*function, arguments),
        ExprKind::Comprehension {
            kind,
            list,
            variable,
            body,
        } => comprehension(*kind, list, *variable, body),
        ExprKind::Aggregate(function, argument) => {
            aggregate(*function, argument.as_deref(), &expr.ty)
        }
        ExprKind::Convert(inner) => convert(inner, &expr.ty),
    }
}

fn all(codes: &[Code], run: &mut Run<'_>) -> Result<Vec<Value>, Fault> {
    codes.iter().map(|code| code(run)).collect()
}

fn field(expr: &Expr) -> Code {
    if let Some((slot, steps)) = path(expr) {
        return Box::new(move |run| {
            let start = run.frame.get(slot);
            Ok(steps
                .iter()
                .fold(start, |value, step| value.slot(*step))
                .clone())
        });
    }
    let ExprKind::Field(object, at) = &expr.kind else {
        return Box::new(|_| Ok(Value::Null));
    };
    let (object, at) = (compile(object), *at);
    Box::new(move |run| Ok(object(run)?.slot(at).clone()))
}

fn actor_field(object: &Expr, which: ActorField) -> Code {
    let actor = match object.ty.required() {
        Type::Actor(actor) => Some(*actor),
        _ => None,
    };
    let object = compile(object);
    Box::new(move |run| {
        let id = object(run)?;
        match (which, actor, id.as_text()) {
            (ActorField::Name, Some(actor), Some(text)) => {
                Ok(run.rows.actor_name(actor, text)?.unwrap_or(Value::Null))
            }
            (ActorField::Id, ..) => Ok(id),
            _ => Ok(Value::Null),
        }
    })
}

fn join(object: &Expr, aggregate: Id<Aggregate>) -> Code {
    let object = compile(object);
    Box::new(move |run| {
        let key = object(run)?;
        if key.is_null() {
            return Ok(Value::Null);
        }
        Ok(run.rows.row(aggregate, &key)?.unwrap_or(Value::Null))
    })
}

fn unary(op: UnaryOp, operand: &Expr) -> Code {
    let operand = compile(operand);
    match op {
        UnaryOp::Not => Box::new(move |run| {
            Ok(match operand(run)? {
                Value::Bool(truth) => Value::Bool(!truth),
                _ => Value::Null,
            })
        }),
        UnaryOp::Negate => Box::new(move |run| negate(&operand(run)?)),
    }
}

/// Three-valued: absent only where the other side does not decide alone.
fn logical(op: BinaryOp, left: &Expr, right: &Expr) -> Code {
    let (left, right) = (compile(left), compile(right));
    let decisive = op == BinaryOp::Or;
    Box::new(move |run| {
        let first = left(run)?;
        if first == Value::Bool(decisive) {
            return Ok(first);
        }
        let second = right(run)?;
        if second == Value::Bool(decisive) || !first.is_null() {
            return Ok(second);
        }
        Ok(Value::Null)
    })
}

fn strict(op: BinaryOp, left: &Expr, right: &Expr) -> Code {
    let (left, right) = (Operand::new(left), Operand::new(right));
    if left.is_simple() && right.is_simple() {
        return Box::new(
            move |run| match (left.place(run.frame), right.place(run.frame)) {
                (Some(left), Some(right)) => binary(op, left, right),
                _ => Ok(Value::Null),
            },
        );
    }
    Box::new(move |run| {
        let left = left.compute(run)?;
        if let Some(right) = right.place(run.frame) {
            return binary(op, &left, right);
        }
        let right = right.compute(run)?;
        binary(op, &left, &right)
    })
}

fn has(path: &Expr) -> Code {
    let path = Operand::new(path);
    Box::new(move |run| {
        if let Some(value) = path.place(run.frame) {
            return Ok(Value::Bool(!value.is_null()));
        }
        match path.compute(run) {
            Ok(value) => Ok(Value::Bool(!value.is_null())),
            Err(Fault::NotFound) => Ok(Value::Bool(false)),
            Err(fault) => Err(fault),
        }
    })
}

fn element(object: &Expr, index: &Expr) -> Code {
    let (object, index) = (Operand::new(object), compile(index));
    Box::new(move |run| {
        let index = index(run)?;
        let owned;
        let whole = match object.place(run.frame) {
            Some(whole) => whole,
            None => {
                owned = object.compute(run)?;
                &owned
            }
        };
        match (whole, &index) {
            (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
            (Value::List(items), Value::Int(at)) => {
                let at = usize::try_from(*at).map_err(|_| Fault::NotFound)?;
                items.get(at).cloned().ok_or(Fault::NotFound)
            }
            (Value::Map(map), key) => map.get(key).cloned().ok_or(Fault::NotFound),
            _ => Err(Fault::NotFound),
        }
    })
}

fn map(entries: &[(Expr, Expr)]) -> Code {
    let entries: Vec<(Code, Code)> = entries
        .iter()
        .map(|(key, value)| (compile(key), compile(value)))
        .collect();
    Box::new(move |run| {
        let mut map = BTreeMap::new();
        for (key, value) in &entries {
            map.insert(key(run)?, value(run)?);
        }
        Ok(Value::Map(Arc::new(map)))
    })
}

fn call(function: Function, arguments: &[Expr]) -> Code {
    let mut codes: Vec<Code> = arguments.iter().map(compile).collect();
    match function {
        Function::OrValue if codes.len() == 2 => {
            let otherwise = codes.pop();
            let (Some(value), Some(otherwise)) = (codes.pop(), otherwise) else {
                return Box::new(|_| Ok(Value::Null));
            };
            Box::new(move |run| {
                let value = value(run)?;
                if value.is_null() {
                    otherwise(run)
                } else {
                    Ok(value)
                }
            })
        }
        Function::Secret => Box::new(move |run| match all(&codes, run)?.as_slice() {
            [Value::Int(bytes)] => {
                let bytes = u32::try_from(*bytes).ok().filter(|bytes| *bytes <= 1024);
                run.rows
                    .secret(bytes.ok_or_else(|| Fault::Invalid("a secret's length".into()))?)
            }
            _ => Ok(Value::Null),
        }),
        _ => Box::new(move |run| {
            let values = all(&codes, run)?;
            if values.iter().any(Value::is_null) {
                return Ok(Value::Null);
            }
            functions::call(function, &values)
        }),
    }
}

fn comprehension(kind: Comprehension, list: &Expr, variable: Slot, body: &Expr) -> Code {
    let (list, body) = (compile(list), compile(body));
    Box::new(move |run| {
        let Value::List(items) = list(run)? else {
            return Ok(Value::Null);
        };
        let mut kept = Vec::new();
        let mut unknown = false;
        let decisive = Value::Bool(kind == Comprehension::Exists);
        for item in items.iter() {
            run.frame.set(variable, item.clone());
            let result = body(run)?;
            match kind {
                Comprehension::Map => kept.push(result),
                Comprehension::Filter if result.is_true() => kept.push(item.clone()),
                Comprehension::Filter => {}
                Comprehension::All | Comprehension::Exists if result == decisive => {
                    return Ok(result);
                }
                Comprehension::All | Comprehension::Exists => unknown |= result.is_null(),
            }
        }
        Ok(match kind {
            Comprehension::Map | Comprehension::Filter => Value::list(kept),
            _ if unknown => Value::Null,
            Comprehension::All => Value::Bool(true),
            Comprehension::Exists => Value::Bool(false),
        })
    })
}

fn aggregate(function: AggregateFunction, argument: Option<&Expr>, ty: &Type) -> Code {
    let Some(argument) = argument else {
        return Box::new(|run| {
            i64::try_from(run.group.len())
                .map(Value::Int)
                .map_err(|_| Fault::Overflow)
        });
    };
    let argument = compile(argument);
    let zero = match ty {
        Type::Int => Value::Int(0),
        Type::Decimal => Value::Decimal(Decimal::ZERO),
        _ => Value::Null,
    };
    Box::new(move |run| {
        let mut values = Vec::new();
        for mut frame in run.group.clone() {
            let mut inner = Run {
                frame: &mut frame,
                rows: run.rows,
                library: run.library,
                active: Vec::new(),
                group: Vec::new(),
            };
            let value = argument(&mut inner)?;
            if !value.is_null() {
                values.push(value);
            }
        }
        match function {
            AggregateFunction::Count => i64::try_from(values.len())
                .map(Value::Int)
                .map_err(|_| Fault::Overflow),
            AggregateFunction::Sum => functions::sum(&values, &zero),
            AggregateFunction::Min => functions::extreme(&values, true),
            AggregateFunction::Max => functions::extreme(&values, false),
        }
    })
}

fn convert(inner: &Expr, target: &Type) -> Code {
    let from = inner.ty.required().clone();
    let to = target.required().clone();
    let code = compile(inner);
    if is_identity(&from, &to) {
        return code;
    }
    match to {
        Type::Decimal => Box::new(move |run| match code(run)? {
            Value::Int(number) => Decimal::from_int(number)
                .map(Value::Decimal)
                .ok_or(Fault::Overflow),
            other => Ok(other),
        }),
        Type::Json => Box::new(move |run| json::from_value(&code(run)?)),
        _ => code,
    }
}
