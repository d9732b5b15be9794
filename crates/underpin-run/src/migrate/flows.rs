//! What is not over when a brief takes another's place: flows in progress, which finish under the
//! brief that started them, and events that wait for policies. Finds out what they touch and
//! whether both briefs can stand beside each other until they are over.

use super::Refusal;
use super::types::{Between, Fit, former, fresh};
use crate::store::StoreError;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use underpin_brief::flow::FlowId;
use underpin_brief::model::*;

/// A flow that is not over.
#[derive(Clone, Debug)]
pub(super) struct Unfinished {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) name: String,
    /// The generation of the brief that started it.
    pub(super) generation: u32,
}

/// Every flow that is not over, those that wait for a person too.
pub(super) fn unfinished(connection: &Connection) -> Result<Vec<Unfinished>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT id, kind, name, COALESCE(json_extract(state, '$.generation'), 1) FROM flows
         WHERE status IN ('running', 'compensating', 'parked', 'in_doubt') ORDER BY id",
    )?;
    let found = statement.query_map([], |row| {
        Ok(Unfinished {
            id: row.get(0)?,
            kind: row.get(1)?,
            name: row.get(2)?,
            generation: row.get(3)?,
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// What the statements of a flow touch, those of commands that it calls too.
#[derive(Default)]
struct Touched {
    aggregates: BTreeSet<Id<Aggregate>>,
    operations: BTreeSet<(Id<External>, Id<ExternalOperation>)>,
    commands: BTreeSet<Id<Command>>,
    events: BTreeSet<Id<Event>>,
}

impl Touched {
    fn of(brief: &Brief, kind: &str, name: &str) -> Option<Self> {
        let flow = FlowId::all(brief)
            .into_iter()
            .find(|id| id.name(brief) == name && kind_of(*id) == kind)?;
        let mut touched = Self::default();
        touched.statements(brief, &flow.body(brief).statements);
        Some(touched)
    }

    fn statements(&mut self, brief: &Brief, statements: &[Statement]) {
        for statement in statements {
            match &statement.kind {
                StatementKind::Read { aggregate, .. }
                | StatementKind::Create { aggregate, .. }
                | StatementKind::Change { aggregate, .. }
                | StatementKind::Delete { aggregate, .. } => {
                    self.aggregates.insert(*aggregate);
                }
                StatementKind::Emit { event, .. } => {
                    self.aggregates.insert(brief.events.get(*event).about);
                    self.events.insert(*event);
                }
                StatementKind::Call { target, .. } => match *target {
                    CallTarget::External(external, operation) => {
                        self.operations.insert((external, operation));
                    }
                    CallTarget::Command(command) => {
                        if self.commands.insert(command) {
                            let body = &brief.commands.get(command).body;
                            self.statements(brief, &body.statements);
                        }
                    }
                },
                StatementKind::Each { body, .. } => self.statements(brief, body),
                StatementKind::Let(_)
                | StatementKind::Require { .. }
                | StatementKind::Return(_) => {}
            }
        }
    }
}

fn kind_of(id: FlowId) -> &'static str {
    match id {
        FlowId::Command(_) => "command",
        FlowId::Policy(_) | FlowId::Otherwise(..) => "policy",
    }
}

/// Says of every flow in progress why it could not finish beside the new brief.
pub(super) fn beside(
    flows: &[Unfinished],
    briefs: &BTreeMap<u32, Arc<Brief>>,
    new: &Brief,
    refusals: &mut Vec<Refusal>,
) {
    let mut told = BTreeSet::new();
    for flow in flows {
        if !told.insert((flow.generation, &flow.kind, &flow.name)) {
            continue;
        }
        let why = match briefs.get(&flow.generation) {
            None => Some("the brief that started it was not kept".to_owned()),
            Some(old) => stands_in_the_way(Between { old, new }, flow),
        };
        if let Some(why) = why {
            let like = flows
                .iter()
                .filter(|other| other.name == flow.name && other.kind == flow.kind)
                .count();
            let many = match like {
                1 => format!("flow {} is", flow.id),
                like => format!("{like} flows are"),
            };
            refusals.push(Refusal::new(
                format!("{} {}", flow.kind, flow.name),
                format!("{many} not over under the brief that started it: {why}"),
                "run the brief that made the folder until these flows are over (those that wait \
                 for a person need one), then this one"
                    .to_owned(),
            ));
        }
    }
}

fn stands_in_the_way(between: Between<'_>, flow: &Unfinished) -> Option<String> {
    let Some(touched) = Touched::of(between.old, &flow.kind, &flow.name) else {
        return Some("the brief that was kept does not have it".to_owned());
    };
    for aggregate in &touched.aggregates {
        if let Err(why) = same_rows(between, *aggregate) {
            let name = &between.old.aggregates.get(*aggregate).name;
            return Some(format!("it touches `{name}`, {why}"));
        }
    }
    for (external, operation) in &touched.operations {
        if operation_of(between, *external, *operation).is_none() {
            let external = between.old.externals.get(*external);
            let operation = &external.operations.get(*operation).name;
            let name = &external.name;
            return Some(format!("it calls `{name}.{operation}`, which has changed"));
        }
    }
    for event in &touched.events {
        if !super::events::tells(between, *event) {
            let name = &between.old.events.get(*event).name;
            return Some(format!(
                "it tells `{name}`, and nothing says how that becomes what it is now"
            ));
        }
    }
    None
}

/// Whether statements over the earlier form of an aggregate may run on rows of the new one.
fn same_rows(between: Between<'_>, id: Id<Aggregate>) -> Result<(), &'static str> {
    let old = between.old.aggregates.get(id);
    let Some(new_id) = between.new.aggregates.find(&old.name.text) else {
        return Err("which is gone");
    };
    let new = between.new.aggregates.get(new_id);
    for field in &old.fields {
        let found = new
            .fields
            .iter()
            .find(|other| other.name.text == field.name.text);
        match found {
            None => return Err("a field of which has gone or another name"),
            Some(other) if between.fit(&field.ty, &other.ty) != Ok(Fit::Same) => {
                return Err("a field of which has another form");
            }
            Some(other) if other.marks.unique && !field.marks.unique => {
                return Err("a field of which is unique now");
            }
            Some(_) => {}
        }
    }
    let added = new
        .fields
        .iter()
        .filter(|field| former(&old.fields, field).is_none());
    for field in added {
        if fresh(field).is_err() {
            return Err("which asks for a value that it would not give");
        }
    }
    if between.fit(&Type::State(id), &Type::State(new_id)) != Ok(Fit::Same) {
        return Err("a state of which is gone");
    }
    let rules = |brief: &Brief, aggregate: &Aggregate| -> BTreeSet<String> {
        let rules = aggregate.invariants.iter();
        rules
            .map(|rule| brief.texts.at(rule.expr.span).to_owned())
            .collect()
    };
    match rules(between.new, new).is_subset(&rules(between.old, old)) {
        true => Ok(()),
        false => Err("which has an invariant that it does not know"),
    }
}

/// The same operation in the new brief, where nothing that a call depends on has changed.
pub(crate) fn operation_of(
    between: Between<'_>,
    external: Id<External>,
    operation: Id<ExternalOperation>,
) -> Option<(Id<External>, Id<ExternalOperation>)> {
    let old = between.old.externals.get(external);
    let id = between.new.externals.find(&old.name.text)?;
    let new = between.new.externals.get(id);
    let found = new
        .operations
        .find(&old.operations.get(operation).name.text)?;
    let same = said(between.old, old, operation) == said(between.new, new, found);
    same.then_some((id, found))
}

/// Everything that a call of an operation depends on.
fn said(brief: &Brief, external: &External, id: Id<ExternalOperation>) -> String {
    let operation = external.operations.get(id);
    let fields = |fields: &[Field]| -> Vec<String> {
        fields
            .iter()
            .map(|field| format!("{} {}", field.name, field.ty.show(brief)))
            .collect()
    };
    let name = |id: Id<ExternalOperation>| external.operations.get(id).name.text.to_string();
    format!(
        "{:?} {:?} {:?} {} {:?} {:?}",
        fields(&operation.input),
        fields(&operation.output),
        operation.idempotent,
        operation.read,
        operation.undo.as_ref().map(|undo| name(undo.operation)),
        operation.status.map(name),
    )
}

/// Says of every policy that events wait for why it may not go.
pub(super) fn waiting(
    between: Between<'_>,
    connection: &Connection,
    refusals: &mut Vec<Refusal>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(
        "SELECT policy, COUNT(*) FROM work WHERE status <> 'done' GROUP BY policy ORDER BY policy",
    )?;
    let found: Vec<(String, i64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (name, count) in found {
        let source = |brief: &Brief| {
            let id = brief.policies.find(&name)?;
            match brief.policies.get(id).trigger {
                Trigger::On { source, .. } => Some(super::events::source_text(brief, source)),
                Trigger::Every(_) | Trigger::Cron { .. } => None,
            }
        };
        let (before, now) = (source(between.old), source(between.new));
        let why = match (&before, &now) {
            (Some(before), Some(now)) if before == now => continue,
            // Nobody has waited for it since long: an earlier change was allowed.
            (None, _) => continue,
            (Some(_), None) => "it is gone from the brief",
            (Some(_), Some(_)) => "it listens to something else",
        };
        refusals.push(Refusal::new(
            format!("policy {name}"),
            format!("{why}, and {count} of its events are not done"),
            format!(
                "keep `policy {name}` until they are (those that are parked need a person), or \
                 give what it does now another name"
            ),
        ));
    }
    Ok(())
}
