//! Which refusals a command can answer: collected from its statements, the invariants and moves of
//! the rows it touches, externals, child commands and limits.

use super::problems::Ground;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use underpin_brief::model::{
    Access, Aggregate, BinaryOp, Brief, CallTarget, ChangeStep, Command, Define, Expr, ExprKind,
    Function, Id, LimitKind, LimitedOperation, PartSource, Query, Root, ShowExpr, Slot, Statement,
    StatementKind, Type, UnaryOp,
};

/// How deep queries are parts of one another.
const DEEPEST: u32 = 8;

/// Refusals with their grounds; the strongest ground of a code counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals {
    /// By code.
    pub codes: BTreeMap<Arc<str>, Ground>,
    /// Whether it asks somebody outside.
    pub calls: bool,
    /// Whether an unknown outcome may stay unknown.
    pub doubtful: bool,
    /// Whether it writes.
    pub writes: bool,
}

impl Refusals {
    fn add(&mut self, code: &str, ground: Ground) {
        let known = self.codes.entry(code.into()).or_insert(ground);
        *known = (*known).max(ground);
    }

    fn join(&mut self, other: Self) {
        for (code, ground) in other.codes {
            self.add(&code, ground);
        }
        self.calls |= other.calls;
        self.doubtful |= other.doubtful;
        self.writes |= other.writes;
    }
}

/// The refusals of a command.
pub(super) fn of_command(brief: &Brief, id: Id<Command>) -> Refusals {
    let mut collector = Collector {
        brief,
        under_way: BTreeSet::new(),
    };
    let mut found = collector.command(id);
    limits(brief, LimitedOperation::Command(id), &mut found);
    found
}

/// The refusals of a query.
pub(super) fn of_query(brief: &Brief, id: Id<Query>) -> Refusals {
    let mut found = Refusals::default();
    let query = brief.queries.get(id);
    let conditions = query.allows.iter().filter_map(|allow| allow.when.as_ref());
    for expr in conditions.chain(&query.filter) {
        faults(brief, expr, &mut found);
    }
    for show in &query.shows {
        shown_faults(brief, &show.expr, &mut found);
    }
    parts(brief, query, 0, &mut found);
    limits(brief, LimitedOperation::Query(id), &mut found);
    found
}

/// Parts that may not be missing refuse as what they ask.
fn parts(brief: &Brief, query: &Query, depth: u32, found: &mut Refusals) {
    let shaped = query.shapes.iter().flat_map(|shape| &shape.parts);
    for part in query.parts.iter().chain(shaped) {
        let exprs = part.sets.iter().chain(&part.fallback).map(|set| &set.value);
        for expr in exprs.chain(&part.each) {
            faults(brief, expr, found);
        }
        if part.optional || !part.fallback.is_empty() {
            continue;
        }
        match part.source {
            PartSource::External(external, operation) => {
                let operation = brief.externals.get(external).operations.get(operation);
                for fails in &operation.fails {
                    found.add(&fails.code.text, Ground::Request);
                }
            }
            PartSource::Query(inner) if depth < DEEPEST => {
                let inner = brief.queries.get(inner);
                if inner.one {
                    found.add("not-found", Ground::State);
                }
                parts(brief, inner, depth + 1, found);
            }
            PartSource::Query(_) => {}
        }
    }
}

fn limits(brief: &Brief, operation: LimitedOperation, found: &mut Refusals) {
    for limit in &brief.limits {
        let named = limit.operations.contains(&operation);
        let general = limit.operations.is_empty() && matches!(limit.kind, LimitKind::Rate { .. });
        let (Some(code), true) = (&limit.code, named || general) else {
            continue;
        };
        found.add(
            &code.text,
            match limit.kind {
                LimitKind::Rate { .. } => Ground::Rate,
                LimitKind::Count { .. } | LimitKind::Sum { .. } => Ground::State,
            },
        );
    }
}

struct Collector<'b> {
    brief: &'b Brief,
    under_way: BTreeSet<Id<Command>>,
}

impl Collector<'_> {
    fn command(&mut self, id: Id<Command>) -> Refusals {
        let mut found = Refusals::default();
        if !self.under_way.insert(id) {
            return found;
        }
        let command = self.brief.commands.get(id);
        let mut sent = SentOnly::default();
        self.statements(&command.body.statements, &mut sent, &mut found);
        for allow in command
            .allows
            .iter()
            .filter_map(|allow| allow.when.as_ref())
        {
            faults(self.brief, allow, &mut found);
        }
        self.under_way.remove(&id);
        found
    }

    fn statements(&mut self, statements: &[Statement], sent: &mut SentOnly, found: &mut Refusals) {
        for statement in statements {
            self.statement(statement, sent, found);
            for expr in expressions(statement) {
                faults(self.brief, expr, found);
            }
        }
    }

    fn statement(&mut self, statement: &Statement, sent: &mut SentOnly, found: &mut Refusals) {
        match &statement.kind {
            StatementKind::Let(expr) => sent.bind(statement.binding, expr),
            StatementKind::Read {
                access: Access::One(_),
                ..
            } => {
                found.add("not-found", Ground::State);
            }
            StatementKind::Read { .. } | StatementKind::Emit { .. } | StatementKind::Return(_) => {}
            StatementKind::Create { aggregate, .. } => {
                let row = self.brief.aggregates.get(*aggregate);
                if !row.generated_key || row.fields.iter().any(|field| field.marks.unique) {
                    found.add("exists", Ground::State);
                }
                self.write(*aggregate, true, found);
            }
            StatementKind::Change {
                aggregate,
                create,
                steps,
                ..
            } => {
                if !create {
                    found.add("not-found", Ground::State);
                }
                self.write(*aggregate, *create, found);
                self.steps(steps, found);
            }
            StatementKind::Delete { .. } => {
                found.add("not-found", Ground::State);
                found.writes = true;
            }
            StatementKind::Call { target, once, .. } => {
                found.doubtful |= once.is_some();
                self.call(*target, found);
            }
            StatementKind::Each {
                variable,
                list,
                body,
                ..
            } => {
                sent.bind(Some(*variable), list);
                self.statements(body, sent, found);
            }
            StatementKind::Require { condition, code } => {
                let ground = if sent.holds(condition) {
                    Ground::Request
                } else {
                    Ground::State
                };
                found.add(&code.text, ground);
            }
        }
    }

    fn call(&mut self, target: CallTarget, found: &mut Refusals) {
        match target {
            CallTarget::External(external, operation) => {
                found.calls = true;
                let operation = self.brief.externals.get(external).operations.get(operation);
                for fails in &operation.fails {
                    found.add(&fails.code.text, Ground::Request);
                }
            }
            CallTarget::Command(id) => {
                let child = self.command(id);
                found.join(child);
            }
        }
    }

    fn steps(&mut self, steps: &[ChangeStep], found: &mut Refusals) {
        for step in steps {
            match step {
                ChangeStep::Require { code, .. } => found.add(&code.text, Ground::State),
                ChangeStep::Move { .. } => found.add("illegal-move", Ground::State),
                ChangeStep::Set(_) => {}
            }
        }
    }

    fn write(&mut self, aggregate: Id<Aggregate>, creates: bool, found: &mut Refusals) {
        found.writes = true;
        for invariant in &self.brief.aggregates.get(aggregate).invariants {
            found.add(&invariant.code.text, Ground::State);
            faults(self.brief, &invariant.expr, found);
        }
        for limit in &self.brief.limits {
            let counted = match &limit.kind {
                LimitKind::Count {
                    aggregate: counted, ..
                } => creates && *counted == aggregate,
                LimitKind::Sum {
                    aggregate: counted, ..
                } => *counted == aggregate,
                LimitKind::Rate { .. } => false,
            };
            if counted {
                let code = limit
                    .code
                    .as_ref()
                    .map_or("too-many-requests", |code| &*code.text);
                found.add(code, Ground::State);
            }
        }
    }
}

fn shown_faults(brief: &Brief, show: &ShowExpr, found: &mut Refusals) {
    match show {
        ShowExpr::Value(expr) => faults(brief, expr, found),
        ShowExpr::Each { list, show, .. } => {
            faults(brief, list, found);
            shown_faults(brief, show, found);
        }
    }
}

/// Refusals inside an expression: arithmetic that may not fit, an index that may be absent, a text
/// that may not be what a function needs.
fn faults(brief: &Brief, expr: &Expr, found: &mut Refusals) {
    let mut defines = BTreeSet::new();
    faults_in(brief, expr, &mut defines, found);
}

fn faults_in(
    brief: &Brief,
    expr: &Expr,
    defines: &mut BTreeSet<(Id<Aggregate>, Id<Define>)>,
    found: &mut Refusals,
) {
    expr.walk(&mut |part| match &part.kind {
        ExprKind::Index(..) => found.add("not-found", Ground::State),
        ExprKind::Binary(op, ..) if is_arithmetic(*op) && is_number(&part.ty) => {
            found.add("arithmetic", Ground::Request);
        }
        ExprKind::Binary(_, left, _) if currencies_meet(brief, &left.ty) => {
            found.add("arithmetic", Ground::Request);
        }
        ExprKind::Unary(UnaryOp::Negate, _) => found.add("arithmetic", Ground::Request),
        ExprKind::Call(function, _) if may_fault(*function) => {
            found.add("arithmetic", Ground::Request);
        }
        ExprKind::Define(_, aggregate, define) if defines.insert((*aggregate, *define)) => {
            let define = brief.aggregates.get(*aggregate).defines.get(*define);
            faults_in(brief, &define.expr, defines, found);
        }
        _ => {}
    });
}

/// Whether values of this type may be amounts of two currencies, which do not compare.
fn currencies_meet(brief: &Brief, ty: &Type) -> bool {
    brief.system.currencies.len() > 1 && *ty.required() == Type::Money
}

fn may_fault(function: Function) -> bool {
    matches!(
        function,
        Function::Sum
            | Function::Min
            | Function::Max
            | Function::Value
            | Function::Date
            | Function::Month
            | Function::Bucket
            | Function::Duration
            | Function::Money
            | Function::MatchesSchema
            | Function::Merge
    )
}

fn is_arithmetic(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Remainder
    )
}

fn is_number(ty: &Type) -> bool {
    !matches!(ty, Type::Text | Type::List(_))
}

/// The expressions of a statement, without those of statements inside it.
fn expressions(statement: &Statement) -> Vec<&Expr> {
    let mut found: Vec<&Expr> = statement.when.iter().collect();
    match &statement.kind {
        StatementKind::Let(expr) | StatementKind::Each { list: expr, .. } => found.push(expr),
        StatementKind::Require { condition, .. } => found.push(condition),
        StatementKind::Read {
            access: Access::One(expr) | Access::Keys(expr),
            ..
        } => {
            found.push(expr);
        }
        StatementKind::Create { sets, .. }
        | StatementKind::Emit { sets, .. }
        | StatementKind::Call { sets, .. } => found.extend(sets.iter().map(|set| &set.value)),
        StatementKind::Change { steps, .. } => {
            for step in steps {
                match step {
                    ChangeStep::Require { condition, .. } => found.push(condition),
                    ChangeStep::Set(sets) => found.extend(sets.iter().map(|set| &set.value)),
                    ChangeStep::Move { .. } => {}
                }
            }
        }
        StatementKind::Return(fields) => found.extend(fields.iter().map(|(_, expr)| expr)),
        StatementKind::Read { .. } | StatementKind::Delete { .. } => {}
    }
    found
}

/// Bindings whose value follows from what was sent, who sent it and when.
#[derive(Default)]
struct SentOnly {
    slots: BTreeSet<Slot>,
}

impl SentOnly {
    fn bind(&mut self, binding: Option<Slot>, expr: &Expr) {
        if let Some(slot) = binding.filter(|_| self.holds(expr)) {
            self.slots.insert(slot);
        }
    }

    fn holds(&self, expr: &Expr) -> bool {
        let given = [Root::Input, Root::Now, Root::Flags].map(Root::slot);
        let mut own = BTreeSet::new();
        expr.walk(&mut |part| {
            if let ExprKind::Comprehension { variable, .. } = part.kind {
                own.insert(variable);
            }
        });
        let known =
            |slot: &Slot| given.contains(slot) || own.contains(slot) || self.slots.contains(slot);
        expr.slots().iter().all(known)
    }
}
