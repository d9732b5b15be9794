//! Who listens: subscribers in audiences that are judged together, each behind a bounded queue.
//! Must not know the store.

use crate::engine::scope::Settled;
use crate::feeds::{Closed, Message, Told};
use crate::identity::Caller;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::{Notify, oneshot};
use underpin_brief::model::{Feed, Id, Slow, Value};

/// Messages that wait for one subscriber at most.
pub(super) const WAITING: usize = 128;
/// Subscribers of a node at most.
pub(super) const SUBSCRIBERS: usize = 12_000;
/// Subscribers of one caller at most; without a token, of one address.
pub(super) const OF_ONE: usize = 64;

/// Those who are told the same of every event: of one feed, with one input, under one permission.
pub(super) struct Audience {
    pub(super) key: AudienceKey,
    pub(super) feed: Id<Feed>,
    pub(super) caller: Option<Caller>,
    pub(super) input: Value,
    /// Who they are, where no row can change that.
    pub(super) settled: OnceLock<Settled>,
    pub(super) queues: Mutex<Vec<Arc<Queue>>>,
}

/// What makes an audience: the feed, and a text of input and permission.
pub(super) type AudienceKey = (usize, String);

/// What waits for one subscriber.
pub(super) struct Queue {
    slow: Slow,
    waiting: Mutex<Waiting>,
    ready: Notify,
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<(Arc<str>, Arc<Message>)>,
    dropped: u64,
    closed: Option<Closed>,
    /// The last event that was put here, or need not be.
    last: i64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queue {
    pub(super) fn new(slow: Slow) -> Self {
        Self {
            slow,
            waiting: Mutex::default(),
            ready: Notify::new(),
        }
    }

    /// Events up to that number are not put here.
    pub(super) fn after(&self, seq: i64) {
        let mut waiting = locked(&self.waiting);
        waiting.last = waiting.last.max(seq);
    }

    /// Puts an event here; a repetition is passed over.
    pub(super) fn put(&self, seq: i64, key: &Arc<str>, message: &Arc<Message>) {
        let mut waiting = locked(&self.waiting);
        if waiting.closed.is_some() || seq <= waiting.last {
            return;
        }
        waiting.last = seq;
        if self.slow == Slow::Conflate {
            let same = |(other, before): &(Arc<str>, Arc<Message>)| {
                before.on == message.on && other == key
            };
            waiting.messages.retain(|before| !same(before));
        }
        if waiting.messages.len() >= WAITING {
            match self.slow {
                Slow::Drop => {
                    waiting.messages.pop_front();
                    waiting.dropped += 1;
                }
                Slow::Close | Slow::Conflate => {
                    waiting.messages.clear();
                    waiting.closed = Some(Closed::Slow);
                }
            }
        }
        if waiting.closed.is_none() {
            waiting
                .messages
                .push_back((Arc::clone(key), Arc::clone(message)));
        }
        drop(waiting);
        self.ready.notify_one();
    }

    /// Nothing more comes after what waits.
    pub(super) fn close(&self, why: Closed) {
        locked(&self.waiting).closed.get_or_insert(why);
        self.ready.notify_one();
    }

    pub(super) fn is_empty(&self) -> bool {
        let waiting = locked(&self.waiting);
        waiting.messages.is_empty() && waiting.closed.is_none() && waiting.dropped == 0
    }

    fn take(&self) -> Option<Told> {
        let mut waiting = locked(&self.waiting);
        if waiting.dropped > 0 {
            return Some(Told::Gap(std::mem::take(&mut waiting.dropped)));
        }
        match waiting.messages.pop_front() {
            Some((_, message)) => Some(Told::Message(message)),
            None => waiting.closed.map(Told::Closed),
        }
    }

    /// What comes next.
    pub(super) async fn next(&self) -> Told {
        loop {
            if let Some(told) = self.take() {
                return told;
            }
            self.ready.notified().await;
        }
    }
}

/// Somebody who wants to listen; told how far the tailer was when it let them in.
pub(super) struct Joining {
    pub(super) audience: Audience,
    pub(super) queue: Arc<Queue>,
    pub(super) admitted: oneshot::Sender<i64>,
}

/// All who listen to live feeds of a node.
#[derive(Default)]
pub(in crate::engine) struct Live {
    state: Mutex<State>,
    /// Somebody wants to be let in, or has left.
    pub(super) door: Notify,
}

#[derive(Default)]
struct State {
    audiences: BTreeMap<AudienceKey, Arc<Audience>>,
    joining: Vec<Joining>,
    places: BTreeMap<String, usize>,
    taken: usize,
    /// How far everybody has been told.
    tail: i64,
    closed: Option<Closed>,
}

/// Why nobody more is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The node has as many subscribers as it takes.
    Node,
    /// The caller has.
    Caller,
}

impl Live {
    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.state().taken).unwrap_or(u64::MAX)
    }

    /// Takes a place for somebody; given back with [`Live::leave`].
    pub(super) fn enter(&self, who: &str) -> Result<(), Full> {
        let mut state = self.state();
        if state.taken >= SUBSCRIBERS {
            return Err(Full::Node);
        }
        let mine = state.places.entry(who.to_owned()).or_default();
        if *mine >= OF_ONE {
            return Err(Full::Caller);
        }
        *mine += 1;
        state.taken += 1;
        Ok(())
    }

    /// Gives the place back.
    pub(super) fn leave(&self, who: &str) {
        let mut state = self.state();
        state.taken = state.taken.saturating_sub(1);
        if let Some(mine) = state.places.get_mut(who) {
            *mine = mine.saturating_sub(1);
            if *mine == 0 {
                state.places.remove(who);
            }
        }
    }

    /// Asks to be let in between two batches of the tailer.
    pub(super) fn join(&self, joining: Joining) {
        let mut state = self.state();
        if let Some(why) = state.closed {
            joining.queue.close(why);
        }
        state.joining.push(joining);
        drop(state);
        self.door.notify_one();
    }

    /// Takes a subscriber out of its audience.
    pub(super) fn part(&self, key: &AudienceKey, queue: &Arc<Queue>) {
        let mut state = self.state();
        let Some(audience) = state.audiences.get(key) else {
            return;
        };
        let mut queues = locked(&audience.queues);
        queues.retain(|other| !Arc::ptr_eq(other, queue));
        let empty = queues.is_empty();
        drop(queues);
        if empty {
            state.audiences.remove(key);
        }
    }

    /// How far everybody has been told.
    pub(super) fn tail(&self) -> i64 {
        self.state().tail
    }

    /// Everybody has been told everything up to here.
    pub(super) fn told(&self, upto: i64) {
        self.state().tail = upto;
    }

    /// Whether somebody waits to be let in, and whether anybody listens.
    pub(super) fn waits(&self) -> (bool, bool) {
        let state = self.state();
        (!state.joining.is_empty(), !state.audiences.is_empty())
    }

    /// Lets in who waits; they are told what comes after `tail`.
    pub(super) fn admit(&self) {
        let mut state = self.state();
        let tail = state.tail;
        for joining in std::mem::take(&mut state.joining) {
            joining.queue.after(tail);
            let key = joining.audience.key.clone();
            let audience = state
                .audiences
                .entry(key.clone())
                .or_insert_with(|| Arc::new(joining.audience));
            locked(&audience.queues).push(Arc::clone(&joining.queue));
            if joining.admitted.send(tail).is_err() {
                // Whoever asked has gone.
                let mut queues = locked(&audience.queues);
                queues.retain(|other| !Arc::ptr_eq(other, &joining.queue));
                let empty = queues.is_empty();
                drop(queues);
                if empty {
                    state.audiences.remove(&key);
                }
            }
        }
    }

    /// All audiences of this moment.
    pub(super) fn audiences(&self) -> Vec<Arc<Audience>> {
        self.state().audiences.values().map(Arc::clone).collect()
    }

    /// Ends the streams of an audience.
    pub(super) fn shut_out(&self, key: &AudienceKey, why: Closed) {
        if let Some(audience) = self.state().audiences.remove(key) {
            audience.close(why);
        }
    }

    /// Ends all streams, and those that are still to come.
    pub(in crate::engine) fn close(&self, why: Closed) {
        let mut state = self.state();
        state.closed = Some(why);
        for joining in &state.joining {
            joining.queue.close(why);
        }
        for audience in std::mem::take(&mut state.audiences).into_values() {
            audience.close(why);
        }
    }
}

impl Audience {
    /// Tells everybody in it.
    pub(super) fn tell(&self, seq: i64, key: &Arc<str>, message: &Arc<Message>) {
        for queue in locked(&self.queues).iter() {
            queue.put(seq, key, message);
        }
    }

    fn close(&self, why: Closed) {
        for queue in locked(&self.queues).iter() {
            queue.close(why);
        }
    }
}
