//! Erasure of what is known of a person: rows whose `subject` they are, former versions, events,
//! journals and stored answers. What was touched is told by place, as a proof. A row that is keyed
//! by the person goes; in others marked fields are blanked and the person becomes a pseudonym.

use super::blank::{Person, marked};
use super::sweep::named;
use super::{At, blank};
use crate::admin::{Erased, ErasedLine};
use crate::engine::Engine;
use crate::engine::core::Core;
use crate::engine::drive::Inner;
use crate::engine::scope::{Scope, View};
use crate::engine::state::State;
use crate::migrate::{Sources, sources};
use crate::store::{Rows, StoreError, Written, codec};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use underpin_brief::expr::{Frame, Library};
use underpin_brief::model::*;

/// Looks again where rows of the person were written meanwhile.
const ROUNDS: usize = 5;

/// What was done so far, by place.
#[derive(Default)]
struct Proof {
    lines: BTreeMap<String, u64>,
    left: BTreeSet<String>,
}

impl Proof {
    fn add(&mut self, place: impl Into<String>, count: usize) {
        if count > 0 {
            *self.lines.entry(place.into()).or_insert(0) += count as u64;
        }
    }
}

impl Engine {
    /// Erases what is known of a subject in every service; durable when it returns.
    pub(in crate::engine) async fn erase(
        &self,
        subject: String,
        by: crate::admin::By,
    ) -> Result<Erased, StoreError> {
        let first = &self.first().core;
        let pseudonym = format!("erased-{}", first.world.id());
        let mut proof = Proof::default();
        for round in 0..ROUNDS {
            let (mut found, mut open) = (Vec::new(), Open::default());
            for node in &*self.nodes {
                found.push(node.theirs(&subject).await?);
                open.extend(node.store.read(unfinished).await?);
            }
            let nobody = found.iter().flatten().all(|(_, rows)| rows.is_empty());
            if nobody && round > 0 {
                break;
            }
            let open = Arc::new(open);
            for (node, found) in self.nodes.iter().zip(found) {
                let person = (subject.clone(), pseudonym.clone());
                proof = node.blank(person, found, Arc::clone(&open), proof).await?;
            }
        }
        let (now, note) = (first.world.now().0, pseudonym.clone());
        let noted = self.first().store.write(move |rows| {
            // Not the subject: the log would keep what was to be erased.
            crate::engine::admin::note(rows, now, &by, "erase", &note)
        });
        noted.await?;
        if let Some(names) = first.names.get() {
            let forgotten = names.forget(&subject).unwrap_or(0);
            proof.add("display names", forgotten);
        }
        for node in &*self.nodes {
            node.catch_up(&self.nodes).await?;
        }
        for node in &*self.nodes {
            let quick = |rows: Rows<'_>| rows.savepoint("PRAGMA secure_delete = FAST");
            node.store.write(quick).await?;
            node.store.clean().await?;
        }
        Ok(proof.told(&first.brief, pseudonym))
    }
}

impl Proof {
    fn told(mut self, brief: &Brief, pseudonym: String) -> Erased {
        let externals = brief.externals.rows().iter();
        self.left.extend(
            externals
                .map(|external| format!("`{}` keeps what it was told: tell it", external.name)),
        );
        self.left.insert("backups keep what they hold".to_owned());
        let line = |(place, count): (String, u64)| ErasedLine { place, count };
        Erased {
            pseudonym,
            done: self.lines.into_iter().map(line).collect(),
            left: self.left.into_iter().collect(),
        }
    }
}

impl Inner {
    async fn theirs(&self, subject: &str) -> Result<Theirs, StoreError> {
        let (core, whose) = (Arc::clone(&self.core), subject.to_owned());
        self.store
            .read(move |rows| theirs(&core, rows, &whose))
            .await
    }

    async fn blank(
        &self,
        (subject, pseudonym): (String, String),
        found: Theirs,
        open: Arc<Open>,
        proof: Proof,
    ) -> Result<Proof, StoreError> {
        let core = Arc::clone(&self.core);
        let work = move |rows: Rows<'_>| {
            let person = Person {
                brief: &core.brief,
                subject: &subject,
                pseudonym: &pseudonym,
            };
            one_round(&core, rows, &person, &found, &open, proof)
        };
        self.store.write(work).await
    }
}

type Theirs = Vec<(Id<Aggregate>, Vec<Value>)>;

/// Rows whose `subject` is the person.
fn theirs(core: &Core, rows: Rows<'_>, subject: &str) -> Result<Theirs, StoreError> {
    let library = Library::new(&*core.brief);
    let scope = Scope {
        cross: core.brief.tenancy.is_some(),
        service: true,
        ..Scope::default()
    };
    let view = View::new(rows, &scope, core);
    let mut found = Vec::new();
    for (of, aggregate) in core.brief.aggregates.iter() {
        let Some(expr) = aggregate.subject.as_ref().filter(|_| core.place.owns(of)) else {
            continue;
        };
        let whose = library.compile(expr);
        let layout = rows.layout(of);
        let direct = own_slot(expr).and_then(|slot| layout.columns.get(slot));
        let (rest, values) = match direct {
            Some(column) => (
                format!("WHERE {} = ?1", column.name),
                vec![rusqlite::types::Value::Text(subject.to_owned())],
            ),
            None => (String::new(), Vec::new()),
        };
        let mut own = Vec::new();
        rows.walk(of, &rest, values, &mut |row| {
            let mut frame = Frame::new(Root::COUNT);
            view.look_from(of, &row);
            frame.set(Root::SelfRow.slot(), row.clone());
            let who = whose.eval(&mut frame, &view);
            if who.is_ok_and(|who| who.as_text() == Some(subject)) {
                own.push(row);
            }
            Ok(true)
        })?;
        found.push((of, own));
    }
    Ok(found)
}

/// The slot of the row that names the person, where it is one of its own.
fn own_slot(expr: &Expr) -> Option<usize> {
    match &expr.kind {
        ExprKind::Field(object, slot) => {
            (object.kind == ExprKind::Slot(Root::SelfRow.slot())).then_some(*slot)
        }
        ExprKind::ActorField(object, ActorField::Id) | ExprKind::Convert(object) => {
            own_slot(object)
        }
        _ => None,
    }
}

fn one_round(
    core: &Core,
    rows: Rows<'_>,
    person: &Person<'_>,
    found: &Theirs,
    open: &Open,
    mut proof: Proof,
) -> Result<Proof, StoreError> {
    rows.savepoint("PRAGMA secure_delete = ON")?;
    let mut places = BTreeSet::new();
    for (id, _) in open
        .flows
        .iter()
        .filter(|(_, whose)| whose.as_deref() == Some(person.subject))
    {
        let why = format!("flow {id} of theirs is not over: erase again when it is");
        proof.left.insert(why);
    }
    for (of, own) in found {
        for row in own {
            let aggregate = core.brief.aggregates.get(*of);
            let at = At::of(rows, aggregate, *of, row);
            if open.rows.contains(&at) {
                proof.left.insert(format!(
                    "{} `{}` is used by a flow that is not over: erase again when it is",
                    at.aggregate, at.key
                ));
                continue;
            }
            one_row(rows, person, *of, row, &at, &mut proof)?;
            places.insert(at);
        }
    }
    events(core, rows, person, &places, &mut proof)?;
    journals(rows, person.subject, &places, open, &mut proof)?;
    Ok(proof)
}

/// Blanks a row, or deletes it where its key is the person.
fn one_row(
    rows: Rows<'_>,
    person: &Person<'_>,
    of: Id<Aggregate>,
    row: &Value,
    place: &At,
    proof: &mut Proof,
) -> Result<(), StoreError> {
    let aggregate = person.brief.aggregates.get(of);
    let layout = rows.layout(of);
    let tenant = layout.tenant.and_then(|slot| row.slot(slot).as_text());
    let key = layout.key_of(row);
    let by_person = aggregate
        .key_fields()
        .iter()
        .enumerate()
        .any(|(slot, field)| {
            marked(field)
                || (matches!(field.ty.required(), Type::Actor(_))
                    && row.slot(slot).as_text() == Some(person.subject))
        });
    let versions = rows.execute(
        "DELETE FROM versions WHERE aggregate = ?1 AND tenant = ?2 AND key = ?3",
        (&place.aggregate, &place.tenant, &place.key),
    )?;
    proof.add(
        format!("{}: former versions deleted", aggregate.name),
        versions,
    );
    if by_person {
        rows.delete(of, &key, tenant)?;
        rows.execute(
            "DELETE FROM touched WHERE aggregate = ?1 AND tenant = ?2 AND key = ?3",
            (&place.aggregate, &place.tenant, &place.key),
        )?;
        proof.add(
            format!("{}: rows deleted, keyed by the person", aggregate.name),
            1,
        );
        return Ok(());
    }
    let mut slots = crate::engine::slots_of(&person.row(row, of, true));
    for (slot, given) in slots.iter_mut().enumerate() {
        // Key and what every row has stay; the version says that it was changed.
        if slot < layout.keys || slot >= aggregate.fields.len() {
            *given = row.slot(slot).clone();
        }
    }
    if Value::record(slots.clone()) == *row {
        return Ok(());
    }
    if let Some((slot, Value::Int(version))) = layout.version.map(|slot| (slot, row.slot(slot)))
        && let Some(place) = slots.get_mut(slot)
    {
        *place = Value::Int(version.saturating_add(1));
    }
    if rows.update(of, row, &Value::record(slots))? == Written::Taken {
        return Err(StoreError::Defect("a blank is taken".to_owned()));
    }
    proof.add(format!("{}: rows blanked", aggregate.name), 1);
    Ok(())
}

/// Flows that are not over: whose they are, and the rows that they have touched.
#[derive(Default)]
struct Open {
    flows: Vec<(String, Option<String>)>,
    rows: BTreeSet<At>,
}

impl Open {
    fn has(&self, flow: &str) -> bool {
        self.flows.iter().any(|(id, _)| id == flow)
    }

    fn extend(&mut self, other: Self) {
        self.flows.extend(other.flows);
        self.rows.extend(other.rows);
    }
}

fn unfinished(rows: Rows<'_>) -> Result<Open, StoreError> {
    let mut find =
        rows.prepare("SELECT state FROM flows WHERE status NOT IN ('done', 'refused')")?;
    let texts = find.query_map([], |row| row.get::<_, String>(0))?;
    let mut open = Open::default();
    for text in texts {
        let state: State =
            serde_json::from_str(&text?).map_err(|e| StoreError::Defect(e.to_string()))?;
        open.rows.extend(named(&state));
        open.flows.push((state.id, state.scope.subject));
    }
    Ok(open)
}

/// Events that name the person, or are about a row of theirs.
fn events(
    core: &Core,
    rows: Rows<'_>,
    person: &Person<'_>,
    places: &BTreeSet<At>,
    proof: &mut Proof,
) -> Result<(), StoreError> {
    let known = sources(&core.brief);
    let mut find = rows.prepare("SELECT seq, source, row_key, tenant, event FROM outbox")?;
    let all = find.query_map([], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, Option<String>>(3)?,
            row.get::<_, String>(4)?,
        ))
    })?;
    let mut changed = Vec::new();
    for one in all {
        let (seq, source, key, tenant, text) = one?;
        let Some((about, shape)) = about(&core.brief, &known, &source) else {
            continue;
        };
        let place = At {
            aggregate: about,
            tenant: tenant.unwrap_or_default(),
            key,
        };
        let own = places.contains(&place);
        if !own && !text.contains(person.subject) {
            continue;
        }
        let Some(event) = codec::from_text(&text) else {
            continue;
        };
        let new = blanked(person, &source, &event, shape, own);
        if new != event {
            changed.push((seq, codec::to_text(&new)));
        }
    }
    proof.add("events blanked", changed.len());
    for (seq, text) in changed {
        rows.execute("UPDATE outbox SET event = ?2 WHERE seq = ?1", (seq, text))?;
    }
    Ok(())
}

/// The aggregate that events of a source are about, and their shape.
fn about<'s>(brief: &Brief, known: &'s Sources, source: &str) -> Option<(String, &'s Shape)> {
    let (which, shape) = known.get(source)?;
    let name = |id: Id<Aggregate>| brief.aggregates.get(id).name.text.to_string();
    let about = match *which {
        EventSource::Event(id) => name(brief.events.get(id).about),
        EventSource::State(id, _) | EventSource::Created(id) | EventSource::Changed(id) => name(id),
        EventSource::Sent(..) | EventSource::Attempted(_) | EventSource::Failing(_) => {
            String::new()
        }
    };
    Some((about, shape))
}

fn blanked(person: &Person<'_>, source: &str, event: &Value, shape: &Shape, own: bool) -> Value {
    let mut slots = crate::engine::slots_of(event);
    let declared = source
        .strip_prefix("event ")
        .and_then(|name| person.brief.events.find(name))
        .map(|id| person.brief.events.get(id).fields.as_slice());
    for (at, (slot, given)) in slots.iter_mut().zip(&shape.slots).enumerate() {
        let field = declared.and_then(|fields| fields.get(at));
        *slot = match field {
            Some(field) if own && blank::marked(field) => {
                let one = Value::record(vec![slot.clone()]);
                let blank = person.fields(&one, std::slice::from_ref(field));
                blank.into_iter().next().unwrap_or(Value::Null)
            }
            _ => person.named(slot, &given.ty, own),
        };
    }
    Value::record(slots)
}

/// Journals of flows that are over, and answers stored for keys.
fn journals(
    rows: Rows<'_>,
    subject: &str,
    places: &BTreeSet<At>,
    open: &Open,
    proof: &mut Proof,
) -> Result<(), StoreError> {
    let escaped = |text: &str| {
        text.replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_")
    };
    // A whole text within JSON, so that a short key finds no longer ones.
    let within = |word: &str| {
        let json = serde_json::Value::from(word).to_string();
        format!("%{}%", escaped(&json))
    };
    let whose = format!("%\u{1f}{}", escaped(subject));
    let (mut flows, mut answers) = (0, 0);
    let keys = places.iter().map(|place| place.key.as_str());
    for word in std::iter::once(subject).chain(keys) {
        flows += rows.execute(
            "DELETE FROM flows WHERE status IN ('done', 'refused')
             AND (state LIKE ?1 ESCAPE '\\' OR answer LIKE ?1 ESCAPE '\\' OR caller LIKE ?2 ESCAPE '\\')",
            [within(word), whose.clone()],
        )?;
        answers += rows.execute(
            "DELETE FROM replays WHERE status <> 'open'
             AND (scope LIKE ?2 ESCAPE '\\' OR answer LIKE ?1 ESCAPE '\\' OR drawn LIKE ?1 ESCAPE '\\')",
            [within(word), format!("{whose}\u{1f}%")],
        )?;
    }
    let (mut steps, mut told) = (0, 0);
    // Only a brief with feeds has made the table.
    let tables: i64 = rows
        .prepare("SELECT COUNT(*) FROM sqlite_master WHERE name = 'deliveries'")?
        .query_row([], |row| row.get(0))?;
    for word in std::iter::once(subject).chain(places.iter().map(|at| at.key.as_str())) {
        if tables > 0 {
            told += rows.execute(
                "DELETE FROM deliveries WHERE told LIKE ?1 ESCAPE '\\'",
                [within(word)],
            )?;
        }
        let mut find =
            rows.prepare("SELECT DISTINCT flow FROM inbox WHERE outcome LIKE ?1 ESCAPE '\\'")?;
        let flows = find.query_map([within(word)], |row| row.get::<_, String>(0))?;
        let flows: Vec<String> = flows.collect::<Result<_, _>>()?;
        // The outcome of a step is asked for again as long as its flow is not over.
        for flow in flows.iter().filter(|flow| !open.has(flow)) {
            steps += rows.execute("DELETE FROM inbox WHERE flow = ?1", [flow])?;
        }
    }
    proof.add("deliveries of webhooks deleted", told);
    proof.add("steps done for other services, deleted", steps);
    proof.add("journals of flows that are over, deleted", flows);
    proof.add("stored answers deleted", answers);
    Ok(())
}
