//! Subscribing: who may, from which position on, with which snapshot; then the messages that were
//! missed, then those of the tailer. Must not know how a stream is written.

use super::live::{Audience, AudienceKey, Full, Joining, Queue};
use super::outbox;
use super::plan::{FeedPlan, Verdict};
use super::tail::message;
use crate::backend::{Page, Pending, QueryAnswer, QueryRequest, Refusal, ShownRow, refusal};
use crate::engine::core::Core;
use crate::engine::drive::Inner;
use crate::engine::query;
use crate::engine::scope::{Settled, View, settle};
use crate::feeds::*;
use crate::identity::Caller;
use crate::store::{Rows, StoreError, codec};
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::oneshot;
use underpin_brief::model::*;

/// Rows of a snapshot at most.
const SNAPSHOT: usize = 10_000;
/// Rows of it that are read at once.
const AT_ONCE: u32 = 500;

/// What is found out about a subscriber before they are let in.
enum Begun {
    Refused(Refusal),
    Fit {
        /// Everything after this is to be told; none: from wherever the tailer is.
        after: Option<i64>,
        reset: bool,
        snapshot: Option<Snapshot>,
        settled: Box<Settled>,
    },
}

/// A place among the subscribers, given back when it is dropped.
struct Place {
    inner: Arc<Inner>,
    who: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inner.feeds.live.leave(&self.who);
    }
}

impl Inner {
    /// Opens a stream.
    pub(in crate::engine) async fn subscribe(self: &Arc<Self>, request: FeedRequest) -> FeedAnswer {
        let who = match &request.asked.caller {
            Some(caller) => format!("{}\u{1f}{}", caller.actor, caller.id),
            None => request.asked.address.to_string(),
        };
        if let Err(full) = self.feeds.live.enter(&who) {
            return FeedAnswer::Refused(turned_away(full));
        }
        let place = Place {
            inner: Arc::clone(self),
            who,
        };
        match self.let_in(request, place).await {
            Ok(answer) => answer,
            Err(error) => FeedAnswer::Refused(crate::engine::answer::failed(&error)),
        }
    }

    async fn let_in(
        self: &Arc<Self>,
        request: FeedRequest,
        place: Place,
    ) -> Result<FeedAnswer, StoreError> {
        let feed = request.feed;
        let (caller, input) = (request.asked.caller.clone(), request.input.clone());
        let core = Arc::clone(&self.core);
        let begun = {
            let _turn = self.feeds.catching.acquire().await;
            self.store
                .read(move |rows| begin(&core, rows, &request))
                .await?
        };
        let (after, reset, snapshot, settled) = match begun {
            Begun::Refused(refusal) => return Ok(FeedAnswer::Refused(refusal)),
            Begun::Fit {
                after,
                reset,
                snapshot,
                settled,
            } => (after, reset, snapshot, settled),
        };
        let key = audience_key(&self.core, feed, caller.as_ref(), &settled, &input);
        let queue = Arc::new(Queue::new(self.core.brief.feeds.get(feed).slow));
        let (admitted, told) = oneshot::channel();
        // From here on the subscriber is taken out again whatever happens.
        let mut telling = Subscriber {
            place,
            feed,
            caller: caller.clone(),
            input: input.clone(),
            key: key.clone(),
            queue: Arc::clone(&queue),
            missed: VecDeque::new(),
            told: 0,
            upto: 0,
        };
        self.feeds.live.join(Joining {
            audience: Audience {
                key,
                feed,
                caller,
                input,
                settled: OnceLock::new(),
                queues: std::sync::Mutex::default(),
            },
            queue: Arc::clone(&queue),
            admitted,
        });
        let tail = tokio::select! {
            tail = told => tail.map_err(|_| StoreError::Stopped)?,
            () = self.stopped() => return Err(StoreError::Stopped),
        };
        telling.told = after.unwrap_or(tail);
        telling.upto = tail;
        queue.after(telling.told);
        Ok(FeedAnswer::Open(Opened {
            reset,
            snapshot,
            position: super::position(telling.told),
            telling: Box::new(telling),
        }))
    }
}

fn turned_away(full: Full) -> Refusal {
    let (code, why) = match full {
        Full::Node => (
            refusal::UNAVAILABLE,
            "there are as many subscribers as are served",
        ),
        Full::Caller => (
            refusal::TOO_MANY_REQUESTS,
            "the caller has as many streams as are served",
        ),
    };
    Refusal {
        retry_after: Some(Duration::from_secs(5)),
        ..Refusal::because(code, why)
    }
}

/// Who share a judgement: everybody whom the conditions cannot tell apart.
fn audience_key(
    core: &Core,
    feed: Id<Feed>,
    caller: Option<&Caller>,
    settled: &Settled,
    input: &Value,
) -> AudienceKey {
    let plan = core.feed(feed);
    let mut text = codec::to_text(input);
    let mut add = |part: &str| {
        text.push('\u{1f}');
        text.push_str(part);
    };
    add(settled.scope.tenant.as_deref().unwrap_or(""));
    add(settled.scope.actor.as_deref().unwrap_or(""));
    for role in &settled.roles {
        add(role);
    }
    if plan.looks_at_caller(core, settled.actor) {
        add("\u{1e}");
        add(&codec::to_text(&settled.value));
        // What the token says may matter to rows that are looked up anew.
        add(caller
            .and_then(|caller| caller.tenant.as_deref())
            .unwrap_or(""));
    }
    (feed.index(), text)
}

/// Looks at a subscriber on one snapshot: what they may, what they missed, what there is.
fn begin(core: &Core, rows: Rows<'_>, request: &FeedRequest) -> Result<Begun, StoreError> {
    let refused = |code: &str| Ok(Begun::Refused(Refusal::new(code)));
    let settled = settle(&core.brief, rows, request.asked.caller.as_ref())?;
    let feed = core.brief.feeds.get(request.feed);
    let plan = core.feed(request.feed);
    let named = |allow: &Allow| settled.named(&core.brief, allow.who);
    if !feed.allows.iter().any(named) {
        return match settled.scope.subject {
            None => refused(refusal::UNAUTHENTICATED),
            Some(_) => Ok(Begun::Refused(settled.scope.forbidden())),
        };
    }
    let view = View::frozen(rows, &settled.scope, core);
    let mut frame = plan.frame(&settled.value, &request.input);
    if !plan.may_subscribe(core, &settled, &mut frame, &view)? {
        return Ok(Begun::Refused(settled.scope.forbidden()));
    }
    let now = core.world.now().0;
    let (after, reset) = match &request.from {
        From::Start => (None, false),
        From::Unknown => (None, true),
        From::After(position) => match super::seq_of(position) {
            Some(seq) if outbox::is_kept(rows, plan, seq, now)? => (Some(seq), false),
            _ => (None, true),
        },
    };
    let mut begun = (after, None);
    if let (Some(start), None) = (feed.start, after) {
        match snapshot(core, rows, start, request)? {
            Ok(snapshot) => begun = (Some(outbox::last(rows)?), Some(snapshot)),
            Err(refusal) => return Ok(Begun::Refused(refusal)),
        }
    }
    Ok(Begun::Fit {
        after: begun.0,
        reset,
        snapshot: begun.1,
        settled: Box::new(settled.clone()),
    })
}

/// The whole answer of the query with which a feed starts. Its inputs are those of the feed of the
/// same name; the key of a query `one` is the input that refers to its rows.
fn snapshot(
    core: &Core,
    rows: Rows<'_>,
    id: Id<Query>,
    request: &FeedRequest,
) -> Result<Result<Snapshot, Refusal>, StoreError> {
    let (query, feed) = (
        core.brief.queries.get(id),
        core.brief.feeds.get(request.feed),
    );
    let given = |slot: &SlotType| {
        let found = feed.input_shape.find(&slot.name);
        found.map_or(Value::Null, |(at, _)| request.input.slot(at).clone())
    };
    let key = match query.of {
        QuerySource::Aggregate(of) if query.one => {
            let refers = |slot: &SlotType| slot.ty.required() == &Type::Ref(of);
            let at = feed.input_shape.slots.iter().position(refers);
            at.map(|at| request.input.slot(at).clone())
        }
        _ => None,
    };
    let mut asking = QueryRequest {
        query: id,
        asked: request.asked.clone(),
        input: Value::record(query.input_shape.slots.iter().map(given).collect()),
        key,
        filters: Vec::new(),
        sorts: Vec::new(),
        search: None,
        limit: AT_ONCE,
        after: None,
    };
    let mut found: Vec<ShownRow> = Vec::new();
    loop {
        match query::answer(core, rows, &asking, None)?.answer {
            QueryAnswer::Refused(refusal) => return Ok(Err(refusal)),
            QueryAnswer::One(row) => {
                return Ok(Ok(Snapshot {
                    query: id,
                    rows: vec![row],
                    one: true,
                }));
            }
            QueryAnswer::Page(Page { rows, next }) => {
                found.extend(rows);
                asking.after = next;
            }
        }
        if found.len() > SNAPSHOT {
            let why = format!("the snapshot has more than {SNAPSHOT} rows: ask for fewer");
            return Ok(Err(Refusal::because(refusal::UNAVAILABLE, why)));
        }
        if asking.after.is_none() {
            return Ok(Ok(Snapshot {
                query: id,
                rows: found,
                one: false,
            }));
        }
    }
}

/// One who is told.
struct Subscriber {
    place: Place,
    feed: Id<Feed>,
    caller: Option<Caller>,
    input: Value,
    key: AudienceKey,
    queue: Arc<Queue>,
    missed: VecDeque<Told>,
    /// Everything up to here has been told, or waits in `missed`.
    told: i64,
    /// From here on the tailer tells.
    upto: i64,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.place.inner.feeds.live.part(&self.key, &self.queue);
    }
}

/// A page of what was missed.
struct Missed {
    told: Vec<Told>,
    upto: i64,
}

impl Subscriber {
    /// Reads a page of what came between the subscriber's position and the tailer's.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let inner = &self.place.inner;
        let _turn = inner.feeds.catching.acquire().await;
        let (core, feed) = (Arc::clone(&inner.core), self.feed);
        let (caller, input) = (self.caller.clone(), self.input.clone());
        let (told, upto) = (self.told, self.upto);
        let page = inner
            .store
            .read(move |rows| missed(&core, rows, core.feed(feed), (caller, &input), (told, upto)))
            .await?;
        self.missed.extend(page.told);
        self.told = page.upto;
        Ok(())
    }

    async fn told(&mut self) -> Told {
        loop {
            if let Some(told) = self.missed.pop_front() {
                return told;
            }
            if self.told >= self.upto {
                return self.queue.next().await;
            }
            match self.catch_up().await {
                Ok(()) => {}
                Err(StoreError::Stopped) => return Told::Closed(Closed::Draining),
                // The client comes again where it was.
                Err(_) => return Told::Closed(Closed::Slow),
            }
        }
    }
}

fn missed(
    core: &Core,
    rows: Rows<'_>,
    plan: &FeedPlan,
    (caller, input): (Option<Caller>, &Value),
    (after, upto): (i64, i64),
) -> Result<Missed, StoreError> {
    let events = outbox::since_of(rows, plan, after, upto)?;
    let settled = settle(&core.brief, rows, caller.as_ref())?;
    let view = View::frozen(rows, &settled.scope, core);
    let mut frame = plan.frame(&settled.value, input);
    let mut page = Missed {
        told: Vec::new(),
        upto: match events.last() {
            Some(last) if events.len() >= outbox::PAGE => last.seq,
            _ => upto,
        },
    };
    for event in &events {
        let Some(on) = plan.on(&event.source) else {
            continue;
        };
        if !plan.within(on, event, &settled.scope, &view) {
            continue;
        }
        view.near(event.tenant.as_deref());
        match plan.judge(core, &settled, (on, event), &mut frame, &view)? {
            Verdict::Silent => {}
            Verdict::Told(values) => page
                .told
                .push(Told::Message(message(plan, on, event, values))),
            Verdict::Revoked => {
                page.told.push(Told::Closed(Closed::Revoked));
                break;
            }
        }
    }
    Ok(page)
}

impl Telling for Subscriber {
    fn next(&mut self) -> Pending<'_, Told> {
        Box::pin(self.told())
    }

    fn position(&self) -> Option<Position> {
        // What the tailer has told stands in the queue; asked in this order, an empty queue means
        // that the subscriber has all of it.
        let tail = self.place.inner.feeds.live.tail();
        let none = self.missed.is_empty() && self.told >= self.upto && self.queue.is_empty();
        none.then(|| super::position(tail.max(self.told)))
    }
}
