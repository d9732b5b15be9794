//! Which statements can be refused, found by walking a body with what is known at each place.

use super::expand::{Item, Leaf};
use super::known::{Known, Row, steady};
use super::mentioned::expressions;
use super::proof::Proof;
use super::why::{Reason, Why};
use super::{FlowId, Survey};
use crate::model::*;
use std::collections::BTreeSet;

/// A statement as met on the walk.
#[derive(Clone, Debug)]
pub(super) struct Occurrence {
    /// Which leaf.
    pub leaf: usize,
    /// Why it can be refused; `None` where it cannot.
    pub refuses: Option<Why>,
    /// The row that it wrote, as it is known afterwards.
    pub row: Option<Row>,
    /// The conditions that hold afterwards.
    pub facts: Vec<Expr>,
}

/// The walk.
pub(super) struct Walk<'a> {
    pub brief: &'a Brief,
    pub proof: Proof<'a>,
    /// Whether rows may be held, so that what is known of them outlives a segment.
    pub holds: bool,
    /// What the other flows of the brief do.
    pub survey: &'a Survey,
}

impl<'a> Walk<'a> {
    pub(super) fn new(brief: &'a Brief, survey: &'a Survey, id: FlowId) -> Self {
        let holds = match id {
            FlowId::Command(id) => brief.commands.get(id).holds,
            FlowId::Policy(_) | FlowId::Otherwise(..) => true,
        };
        Self {
            brief,
            proof: Proof::new(brief, id),
            holds,
            survey,
        }
    }

    /// Walks `items`; `segments` gives the segment of every `Do` in order.
    pub(super) fn run(
        &self,
        leaves: &[Leaf<'a>],
        items: &[Item<'a>],
        segments: &[usize],
    ) -> Vec<Occurrence> {
        let mut known = Known::default();
        let mut outer: Vec<Known> = Vec::new();
        let mut found: Vec<Occurrence> = Vec::new();
        for item in items {
            match item {
                Item::Open => outer.push(known.clone()),
                Item::Close => {
                    if let Some(before) = outer.pop() {
                        known.meet(&before);
                    }
                }
                Item::Enter(each) => self.enter(&mut known, each),
                Item::Do(leaf) => {
                    let Some(of) = leaves.get(*leaf) else {
                        continue;
                    };
                    let at = found.len();
                    let place = (at, segments.get(at).copied().unwrap_or(0));
                    let (refuses, row) = self.conditional(&mut known, of.statement, place);
                    let facts = known.facts.clone();
                    found.push(Occurrence {
                        leaf: *leaf,
                        refuses,
                        row,
                        facts,
                    });
                }
            }
        }
        found
    }

    fn enter(&self, known: &mut Known, each: &Statement) {
        known.enter(each);
        let StatementKind::Each { variable, list, .. } = &each.kind else {
            return;
        };
        if self.is_stored(known, list) {
            known.stored.push(*variable);
        }
        if let Type::List(element) = list.ty.required()
            && let Type::Row(aggregate) = element.required()
        {
            known.stored.push(*variable);
            known.rows.push(Row {
                aggregate: *aggregate,
                slot: Some(*variable),
                key: None,
                states: None,
                segment: usize::MAX,
                since: 0,
                fresh: false,
            });
        }
    }

    /// A statement that may be skipped teaches nothing, but may spoil what was known.
    fn conditional(
        &self,
        known: &mut Known,
        statement: &Statement,
        place: (usize, usize),
    ) -> (Option<Why>, Option<Row>) {
        let Some(when) = &statement.when else {
            return self.statement(known, statement, place);
        };
        let looks = self.misses(known, when);
        let before = known.clone();
        known.assume(self.brief, when);
        let (refuses, row) = self.statement(known, statement, place);
        // The binding is optional from here on, but a row that is there is known.
        let bound: Vec<Row> = known
            .rows
            .iter()
            .filter(|row| row.since == place.0)
            .cloned()
            .collect();
        known.meet(&before);
        known
            .rows
            .extend(bound.into_iter().map(|row| Row { key: None, ..row }));
        (refuses.or(looks), row)
    }

    fn statement(
        &self,
        known: &mut Known,
        statement: &Statement,
        place: (usize, usize),
    ) -> (Option<Why>, Option<Row>) {
        let looks = expressions(statement)
            .into_iter()
            .find_map(|expr| self.misses(known, expr));
        let (refuses, row) = match &statement.kind {
            StatementKind::Let(value) => {
                self.bind(known, statement, value);
                (None, None)
            }
            StatementKind::Require { condition, code } => {
                let proved = self.proof.proves(&known.facts, condition, &[])
                    || self.state_follows(known, condition);
                known.assume(self.brief, condition);
                let reason = || Reason::Condition(code.text.clone());
                ((!proved).then(|| Why::new(reason(), condition.span)), None)
            }
            StatementKind::Read {
                aggregate,
                access,
                stale,
            } => {
                let Access::One(key) = access else {
                    return (looks, None);
                };
                let target = Target::Key(key.clone());
                let present = self.present(known, *aggregate, &target);
                if stale.is_none() {
                    self.touch(known, statement, (*aggregate, &target), place);
                }
                (missing(present, statement, &target), None)
            }
            StatementKind::Create { .. } => self.create(known, statement, place),
            StatementKind::Change { .. } => self.change(known, statement, place),
            StatementKind::Delete {
                aggregate, target, ..
            } => {
                let present = self.present(known, *aggregate, target);
                let at = known.find(*aggregate, target);
                known.written(*aggregate, at);
                if let Some(at) = at {
                    known.rows.remove(at);
                }
                (missing(present, statement, target), None)
            }
            StatementKind::Call {
                target: CallTarget::External(external, operation),
                ..
            } => {
                let external = self.brief.externals.get(*external);
                let first = external.operations.get(*operation).fails.first();
                let why = |fails: &Fails| {
                    Why::new(Reason::Fails(fails.code.text.clone()), fails.code.span)
                };
                (first.map(why), None)
            }
            StatementKind::Call {
                target: CallTarget::Command(_),
                ..
            } => (Some(Why::new(Reason::Command, statement.name.span)), None),
            StatementKind::Emit { .. } | StatementKind::Return(_) | StatementKind::Each { .. } => {
                (None, None)
            }
        };
        for expr in expressions(statement) {
            expr.walk(&mut |part| {
                if matches!(part.kind, ExprKind::Index(..)) && steady(part) {
                    known.indexed.push(part.clone());
                }
            });
        }
        (refuses.or(looks), row)
    }

    /// What a `let` names is equal to its value from here on.
    fn bind(&self, known: &mut Known, statement: &Statement, value: &Expr) {
        let Some(slot) = statement.binding else {
            return;
        };
        if self.is_stored(known, value) {
            known.stored.push(slot);
        }
        let kind = ExprKind::Slot(slot);
        let bound = Expr {
            kind,
            ..value.clone()
        };
        known.facts.push(super::proof::equal(bound, value));
    }

    fn create(
        &self,
        known: &mut Known,
        statement: &Statement,
        place: (usize, usize),
    ) -> (Option<Why>, Option<Row>) {
        let StatementKind::Create {
            aggregate: id,
            sets,
            ..
        } = &statement.kind
        else {
            return (None, None);
        };
        let declared = self.brief.aggregates.get(*id);
        let values = initial(declared, sets, statement);
        let broken = self.proof.breaks(*id, &values, &known.facts, false);
        let key = declared.fields.first().filter(|_| !declared.generated_key);
        let taken = key.map(|key| Why::new(Reason::Taken, key.name.span));
        let refuses = taken
            .or_else(|| unique(declared))
            .or_else(|| self.counted(*id))
            .or(broken);
        let row = Row {
            aggregate: *id,
            slot: statement.binding,
            key: None,
            states: declared.states.is_some().then(|| BTreeSet::from([0])),
            segment: place.1,
            since: place.0,
            fresh: declared.generated_key,
        };
        known.rows.push(row.clone());
        known.written(*id, Some(known.rows.len() - 1));
        (refuses, Some(row))
    }

    fn change(
        &self,
        known: &mut Known,
        statement: &Statement,
        place: (usize, usize),
    ) -> (Option<Why>, Option<Row>) {
        let StatementKind::Change {
            aggregate: id,
            target,
            create,
            steps,
            ..
        } = &statement.kind
        else {
            return (None, None);
        };
        let absent = missing(
            *create || self.present(known, *id, target),
            statement,
            target,
        );
        let unheld = super::is_delta(steps) || !self.holds;
        let at = self.touch(known, statement, (*id, target), place);
        let row = known.rows.get(at).cloned();
        let certain = row
            .as_ref()
            .is_some_and(|row| row.segment == place.1 || !unheld);
        let mut facts = known.about_self(row.as_ref().and_then(|row| row.slot).filter(|_| certain));
        facts.extend(statement.when.clone());
        let mut states = row.and_then(|row| row.states).filter(|_| certain);
        if *create && states.is_some() {
            states = None;
        }
        let declared = self.brief.aggregates.get(*id);
        let refused = self.steps(*id, steps, &mut facts, &mut states);
        let made = || unique(declared).or_else(|| self.counted(*id));
        let made = create.then(made).flatten();
        let limited = made.or_else(|| self.summed(*id, steps));
        if let Some(row) = known.rows.get_mut(at) {
            row.states = states;
            row.segment = place.1;
        }
        known.written(*id, Some(at));
        (absent.or(refused).or(limited), known.rows.get(at).cloned())
    }

    /// Why the steps of a change can be refused; afterwards `states` holds where it can be.
    pub(super) fn steps(
        &self,
        aggregate: Id<Aggregate>,
        steps: &[ChangeStep],
        facts: &mut Vec<Expr>,
        states: &mut Option<BTreeSet<usize>>,
    ) -> Option<Why> {
        let declared = self.brief.aggregates.get(aggregate);
        let mut refused = None;
        for step in steps {
            match step {
                ChangeStep::Require {
                    condition, code, ..
                } => {
                    let proved = self.proof.proves(facts, condition, &[]);
                    let reason = || Reason::Condition(code.text.clone());
                    let why = (!proved).then(|| Why::new(reason(), condition.span));
                    refused = refused.or(why);
                    facts.extend(super::known::conjuncts(condition).into_iter().cloned());
                }
                ChangeStep::Set(assigns) => {
                    refused =
                        refused.or_else(|| self.proof.breaks(aggregate, assigns, facts, true));
                    facts.retain(|fact| !about(fact, assigns));
                }
                ChangeStep::Move { id, .. } => {
                    let Some(all) = &declared.states else {
                        continue;
                    };
                    let to = all.moves.get(*id);
                    let from = states.take();
                    let legal =
                        from.is_some_and(|from| from.iter().all(|state| to.from.contains(state)));
                    let reason = || Reason::Move(to.name.text.clone());
                    let why = (!legal).then(|| Why::new(reason(), to.name.span));
                    refused = refused.or(why);
                    *states = Some(BTreeSet::from([to.to]));
                    let state = state_assign(declared, all, to.to);
                    refused = refused.or_else(|| {
                        state.and_then(|set| self.proof.breaks(aggregate, &[set], facts, true))
                    });
                }
            }
        }
        refused
    }

    /// The position of the row that a statement touches, made known if it was not.
    fn touch(
        &self,
        known: &mut Known,
        statement: &Statement,
        (aggregate, target): (Id<Aggregate>, &Target),
        (at, segment): (usize, usize),
    ) -> usize {
        if let Some(found) = known.find(aggregate, target) {
            if let (Some(row), Some(slot)) = (known.rows.get_mut(found), statement.binding) {
                row.slot = Some(slot);
            }
            return found;
        }
        let key = match target {
            Target::Key(key) => Some(key.unconverted().clone()).filter(steady),
            Target::Bound(_) => None,
        };
        let slot = match target {
            Target::Bound(slot) => Some(*slot),
            Target::Key(_) => statement.binding,
        };
        known.rows.push(Row {
            aggregate,
            slot,
            key,
            states: None,
            segment,
            since: at,
            fresh: false,
        });
        known.rows.len() - 1
    }

    /// Whether the row exists: touched before, or named by a stored reference to something that
    /// never disappears.
    fn present(&self, known: &Known, aggregate: Id<Aggregate>, target: &Target) -> bool {
        if known.find(aggregate, target).is_some() {
            return true;
        }
        let Target::Key(key) = target else {
            return true;
        };
        let permanent = self.survey.permanent(aggregate);
        permanent && (self.is_stored(known, key) || self.is_tenant(aggregate, key))
    }

    fn is_tenant(&self, aggregate: Id<Aggregate>, key: &Expr) -> bool {
        let tenants = self
            .brief
            .tenancy
            .as_ref()
            .is_some_and(|t| t.aggregate == aggregate);
        let ExprKind::Field(object, at) = &key.unconverted().kind else {
            return false;
        };
        let Type::Struct(shape) = &object.ty else {
            return false;
        };
        let named = shape
            .slots
            .get(*at)
            .is_some_and(|slot| &*slot.name == "tenant");
        tenants && named && matches!(object.kind, ExprKind::Slot(of) if of == Root::Caller.slot())
    }

    /// Whether a value comes from a row or an event, where references were valid when stored.
    fn is_stored(&self, known: &Known, expr: &Expr) -> bool {
        let expr = expr.unconverted();
        match &expr.kind {
            ExprKind::Slot(slot) => known.stored.contains(slot) || *slot == Root::Event.slot(),
            ExprKind::Field(object, _) => {
                matches!(object.ty.required(), Type::Row(_)) || self.is_stored(known, object)
            }
            ExprKind::Index(list, _) => self.is_stored(known, list),
            ExprKind::Call(Function::Value | Function::Take, parts) => parts
                .first()
                .is_some_and(|part| self.is_stored(known, part)),
            _ => false,
        }
    }

    /// What is looked for when it is evaluated and may not be there.
    fn misses(&self, known: &Known, expr: &Expr) -> Option<Why> {
        let mut missing = None;
        expr.walk(&mut |part| {
            let unknown = matches!(part.kind, ExprKind::Index(..))
                && !known.indexed.iter().any(|seen| seen.same(part));
            if unknown && missing.is_none() {
                missing = Some(Why::new(Reason::Missing, part.span));
            }
        });
        missing
    }

    fn state_follows(&self, known: &Known, condition: &Expr) -> bool {
        super::known::conjuncts(condition).iter().all(|part| {
            super::known::states_of(self.brief, part).is_some_and(|(slot, states)| {
                let row = known.rows.iter().find(|row| row.slot == Some(slot));
                row.and_then(|row| row.states.as_ref())
                    .is_some_and(|own| own.is_subset(&states))
            })
        })
    }

    /// The limit that counts rows of the aggregate.
    fn counted(&self, aggregate: Id<Aggregate>) -> Option<Why> {
        self.limit(|kind| match kind {
            LimitKind::Count { aggregate: of, .. } | LimitKind::Sum { aggregate: of, .. } => {
                *of == aggregate
            }
            LimitKind::Rate { .. } => false,
        })
    }

    fn limit(&self, reaches: impl Fn(&LimitKind) -> bool) -> Option<Why> {
        let limits = self.brief.limits.rows();
        let limit = limits.iter().find(|limit| reaches(&limit.kind))?;
        let reason = Reason::Limit(limit.name.text.clone());
        Some(Why::new(reason, limit.name.span))
    }

    /// The limit that sums a field that the steps set.
    fn summed(&self, aggregate: Id<Aggregate>, steps: &[ChangeStep]) -> Option<Why> {
        self.limit(|kind| {
            match *kind {
            LimitKind::Sum { aggregate: of, slot, .. } if of == aggregate => {
                steps.iter().any(|step| {
                    matches!(step, ChangeStep::Set(sets) if sets.iter().any(|set| set.slot == slot))
                })
            }
            _ => false,
        }
        })
    }
}

fn unique(declared: &Aggregate) -> Option<Why> {
    let field = declared.fields.iter().find(|field| field.marks.unique)?;
    Some(Why::new(Reason::Taken, field.name.span))
}

fn missing(present: bool, statement: &Statement, target: &Target) -> Option<Why> {
    let place = match target {
        Target::Key(key) => key.span,
        Target::Bound(_) => statement.name.span,
    };
    (!present).then(|| Why::new(Reason::Missing, place))
}

/// A new row: what is set, else the default, else absence; and the first state.
fn initial(declared: &Aggregate, sets: &[Assign], statement: &Statement) -> Vec<Assign> {
    let mut values = sets.to_vec();
    for (slot, field) in declared.fields.iter().enumerate() {
        if values.iter().any(|assign| assign.slot == slot) {
            continue;
        }
        let value = match &field.default {
            Some(value) => value.clone(),
            None if field.ty.is_optional() => Value::Null,
            None => continue,
        };
        let value = Expr {
            kind: ExprKind::Literal(value),
            ty: field.ty.clone(),
            span: statement.span,
        };
        values.push(Assign {
            slot,
            name: field.name.clone(),
            value,
        });
    }
    values.extend(
        declared
            .states
            .as_ref()
            .and_then(|states| state_assign(declared, states, 0)),
    );
    values
}

fn state_assign(declared: &Aggregate, states: &States, to: usize) -> Option<Assign> {
    let (slot, ty) = declared.row.find("state")?;
    let name = states.names.get(to)?.clone();
    let kind = ExprKind::Literal(Value::Text(name.text.clone()));
    let value = Expr {
        kind,
        ty: ty.clone(),
        span: name.span,
    };
    Some(Assign { slot, name, value })
}

fn about(fact: &Expr, assigns: &[Assign]) -> bool {
    let mut hit = false;
    fact.walk(&mut |part| {
        if let ExprKind::Field(row, at) = &part.kind
            && matches!(row.kind, ExprKind::Slot(slot) if slot == Root::SelfRow.slot())
        {
            hit |= assigns.iter().any(|assign| assign.slot == *at);
        }
        hit |= matches!(part.kind, ExprKind::Define(..));
    });
    hit
}
