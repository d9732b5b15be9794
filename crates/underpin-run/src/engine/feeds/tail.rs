//! The tailer: one reader of the outbox for all subscribers of a node. Each batch is judged on one
//! snapshot, once per audience, and what is told to several is made once.

use super::live::{Audience, AudienceKey};
use super::outbox::{self, Happening};
use super::plan::{FeedPlan, Verdict, by_membership};
use crate::engine::core::Core;
use crate::engine::drive::Inner;
use crate::engine::scope::{Scope, Settled, View, settle};
use crate::feeds::{Closed, Message};
use crate::store::{Rows, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration as Length;
use underpin_brief::model::{Feed, Id, Value};

/// How long the tailer waits after an error of the store.
const AGAIN: Length = Length::from_millis(100);

/// What one batch did.
struct Batch {
    upto: i64,
    more: bool,
    revoked: Vec<AudienceKey>,
}

impl Inner {
    /// Reads the outbox while anybody listens, until the engine stops.
    pub(in crate::engine) async fn tail(self: Arc<Self>) {
        let live = &self.feeds.live;
        let mut committed = self.store.commits();
        while !*self.stop.borrow() {
            let (joining, listening) = live.waits();
            if joining && !listening {
                // Nobody was told anything: whoever comes now begins at the end.
                match self.store.read(outbox::last).await {
                    Ok(last) => live.told(last),
                    Err(StoreError::Stopped) => break,
                    Err(_) => {
                        tokio::time::sleep(AGAIN).await;
                        continue;
                    }
                }
            }
            live.admit();
            if !joining && !listening {
                tokio::select! {
                    () = live.door.notified() => {}
                    () = self.stopped() => break,
                }
                continue;
            }
            // What is committed from now on wakes the tailer again.
            committed.mark_unchanged();
            let (core, audiences) = (Arc::clone(&self.core), live.audiences());
            let tail = live.tail();
            let went = self
                .store
                .read(move |rows| batch(&core, rows, tail, &audiences))
                .await;
            match went {
                Ok(batch) => {
                    live.told(batch.upto);
                    for key in &batch.revoked {
                        live.shut_out(key, Closed::Revoked);
                    }
                    if batch.more {
                        continue;
                    }
                }
                Err(StoreError::Stopped) => break,
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
            tokio::select! {
                _ = committed.changed() => {}
                () = live.door.notified() => {}
                () = self.stopped() => break,
            }
        }
        live.close(Closed::Draining);
    }
}

/// Judges a batch for everybody.
fn batch(
    core: &Core,
    rows: Rows<'_>,
    tail: i64,
    audiences: &[Arc<Audience>],
) -> Result<Batch, StoreError> {
    let events = outbox::since(rows, tail)?;
    let mut done = Batch {
        upto: events.last().map_or(tail, |event| event.seq),
        more: events.len() >= outbox::PAGE,
        revoked: Vec::new(),
    };
    let mut feeds: BTreeMap<Id<Feed>, Vec<Told<'_>>> = BTreeMap::new();
    for plan in core.live_feeds() {
        let mut told = Vec::new();
        for event in &events {
            told.extend(plan.on(&event.source).map(|on| Told::new(on, event)));
        }
        if !told.is_empty() {
            feeds.insert(plan.id, told);
        }
    }
    let mut settled = Vec::new();
    for audience in audiences {
        if let Some(events) = feeds.get(&audience.feed) {
            settled.push((audience, events, settle_audience(core, rows, audience)?));
        }
    }
    // Rows are looked up once per tenant, whoever asks.
    let mut scopes: Vec<Scope> = Vec::new();
    let mut at: BTreeMap<(Option<String>, bool), usize> = BTreeMap::new();
    for (_, _, settled) in &settled {
        let name = (settled.scope.tenant.clone(), settled.scope.cross);
        at.entry(name).or_insert_with(|| {
            scopes.push(settled.scope.clone());
            scopes.len() - 1
        });
    }
    let views: Vec<View<'_>> = scopes
        .iter()
        .map(|scope| View::frozen(rows, scope, core))
        .collect();
    for (audience, events, settled) in &settled {
        let name = (settled.scope.tenant.clone(), settled.scope.cross);
        let Some(view) = at.get(&name).and_then(|at| views.get(*at)) else {
            continue;
        };
        if !tell(core, audience, events, settled, view)? {
            done.revoked.push(audience.key.clone());
        }
    }
    Ok(done)
}

/// An event of a feed, and the message where everybody is told the same.
struct Told<'e> {
    on: usize,
    event: &'e Happening,
    key: Arc<str>,
    shared: OnceLock<Arc<Message>>,
}

impl<'e> Told<'e> {
    fn new(on: usize, event: &'e Happening) -> Self {
        let tenant = event.tenant.as_deref().unwrap_or("");
        Self {
            on,
            event,
            key: format!("{tenant}\u{1f}{}", event.key).into(),
            shared: OnceLock::new(),
        }
    }
}

/// Who an audience is, asked of the rows only where a row decides it.
fn settle_audience(
    core: &Core,
    rows: Rows<'_>,
    audience: &Audience,
) -> Result<Settled, StoreError> {
    if let Some(settled) = audience.settled.get() {
        return Ok(settled.clone());
    }
    let settled = settle(&core.brief, rows, audience.caller.as_ref())?;
    let changes = settled
        .actor
        .is_some_and(|actor| by_membership(&core.brief, actor));
    if !changes {
        let _ = audience.settled.set(settled.clone());
    }
    Ok(settled)
}

/// Tells an audience; false where it is shut out.
fn tell(
    core: &Core,
    audience: &Audience,
    events: &[Told<'_>],
    settled: &Settled,
    view: &View<'_>,
) -> Result<bool, StoreError> {
    let plan = core.feed(audience.feed);
    let mut frame = plan.frame(&settled.value, &audience.input);
    for told in events {
        if !plan.within(told.on, told.event, &settled.scope, view) {
            continue;
        }
        view.near(told.event.tenant.as_deref());
        let verdict = plan.judge(core, settled, (told.on, told.event), &mut frame, view)?;
        match verdict {
            Verdict::Silent => {}
            Verdict::Revoked => return Ok(false),
            Verdict::Told(values) => {
                let message = match plan.uniform {
                    true => Arc::clone(
                        told.shared
                            .get_or_init(|| message(plan, told.on, told.event, values)),
                    ),
                    false => message(plan, told.on, told.event, values),
                };
                audience.tell(told.event.seq, &told.key, &message);
            }
        }
    }
    Ok(true)
}

/// A message of an event.
pub(super) fn message(
    plan: &FeedPlan,
    on: usize,
    event: &Happening,
    values: Vec<Value>,
) -> Arc<Message> {
    Arc::new(Message {
        feed: plan.id,
        on,
        id: event.id.clone(),
        at: event.at,
        position: super::position(event.seq),
        values,
        written: OnceLock::new(),
    })
}
