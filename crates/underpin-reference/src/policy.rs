//! Policies: events from their publication to their end, timers, the calendar, messages of others.

use crate::meaning::{Meaning, system};
use crate::row::{put, slots};
use crate::state::*;
use std::sync::Arc;
use underpin_brief::flow::FlowId;
use underpin_brief::model::*;

impl Meaning {
    /// The shape of the events of a source, where a policy listens to it.
    pub(crate) fn listened(&self, wanted: EventSource) -> Option<Arc<Shape>> {
        let mut policies = self.brief.policies.rows().iter();
        policies.find_map(|policy| match &policy.trigger {
            Trigger::On { source, .. } if *source == wanted => {
                Some(Arc::clone(&policy.event_shape))
            }
            _ => None,
        })
    }

    /// Publishes what happened once the pivot is behind.
    pub(crate) fn publish(&self, state: &mut State, flow: &mut Flow) {
        if flow.passed {
            self.publish_all(state, flow);
        }
    }

    pub(crate) fn publish_all(&self, state: &mut State, flow: &mut Flow) {
        for event in std::mem::take(&mut flow.events) {
            self.publish_one(state, &event, flow.scope.tenant.as_ref(), flow.now);
        }
    }

    fn publish_one(&self, state: &mut State, event: &Happened, tenant: Option<&Text>, now: i64) {
        for (policy, declared) in self.brief.policies.iter() {
            let Trigger::On { source, after } = &declared.trigger else {
                continue;
            };
            if *source != event.source {
                continue;
            }
            if after.is_some() {
                // The row entered the state again: the timer of the last time is over.
                state.work.retain(|work| {
                    let same = (work.policy, &work.row, work.tenant.as_ref())
                        == (policy, &event.row, tenant);
                    !same || work.flow.is_some() || work.parked.is_some()
                });
            }
            let number = state.draw();
            state.work.push(Work {
                number,
                policy,
                key: event.key.clone(),
                row: event.row.clone(),
                tenant: tenant.cloned(),
                due: now.saturating_add(after.map_or(0, |after| after.micros)),
                event: event.event.clone(),
                otherwise: None,
                attempts: 0,
                flow: None,
                parked: None,
            });
        }
    }

    /// Whether an event may be dealt with: it is time, and none before it of its key is left.
    pub(crate) fn is_due(&self, state: &State, work: &Work) -> bool {
        let before = |other: &Work| {
            let same =
                (other.policy, &other.key, &other.tenant) == (work.policy, &work.key, &work.tenant);
            same && other.number < work.number
        };
        work.flow.is_none()
            && work.parked.is_none()
            && work.due <= state.now
            && !state.work.iter().any(before)
    }

    pub(crate) fn deliver(&self, state: &mut State, number: u64, outside: &dyn Outside) -> bool {
        let Some(work) = state
            .work
            .iter()
            .find(|work| work.number == number)
            .cloned()
        else {
            return true;
        };
        let policy = self.brief.policies.get(work.policy);
        if self.left(state, policy, &work) {
            state.work.retain(|work| work.number != number);
            return true;
        }
        let branch = work.otherwise.as_ref().and_then(|code| {
            policy
                .otherwise
                .iter()
                .position(|(branch, _)| branch.text == *code)
        });
        let id = branch.map_or(FlowId::Policy(work.policy), |at| {
            FlowId::Otherwise(work.policy, at)
        });
        let before = state.clone();
        let flow = self.begin(state, id, Cause::Work(number), self.service(work.tenant));
        for work in state.work.iter_mut().filter(|work| work.number == number) {
            work.flow = Some(flow);
        }
        if let Some(flow) = state.flows.get_mut(&flow) {
            flow.set(Root::Event.slot(), work.event);
        }
        let went = self.advance(state, flow, outside);
        if !went {
            *state = before;
        }
        went
    }

    /// Whether the row has left the state whose entry started a timer.
    fn left(&self, state: &State, policy: &Policy, work: &Work) -> bool {
        let Trigger::On {
            source: EventSource::State(of, entered),
            after: Some(_),
        } = policy.trigger
        else {
            return false;
        };
        let declared = self.brief.aggregates.get(of);
        let place = Place {
            of,
            tenant: work.tenant.clone(),
            key: work.row.clone(),
        };
        let row = state.rows.get(&place).zip(system(declared, "state"));
        let name = declared
            .states
            .as_ref()
            .and_then(|states| states.names.get(entered));
        row.and_then(|(row, at)| row.slot(at).as_text()) != name.map(|name| &*name.text)
    }

    /// A policy has dealt with its event: done, or what its refusal asks for.
    pub(crate) fn worked(&self, state: &mut State, number: u64, answer: Result<Answer, Text>) {
        let Some(at) = state.work.iter().position(|work| work.number == number) else {
            return;
        };
        let now = state.now;
        let Some(work) = state.work.get_mut(at) else {
            return;
        };
        let policy = self.brief.policies.get(work.policy);
        let code = match answer {
            Ok(Answer::Done { .. }) => {
                state.work.remove(at);
                return;
            }
            Ok(Answer::Refused(code)) => code,
            Err(code) => {
                work.parked = Some(code);
                return;
            }
        };
        let branch = policy
            .otherwise
            .iter()
            .any(|(branch, _)| branch.text == code);
        match policy.retry.get(work.attempts) {
            _ if work.otherwise.is_none() && branch => work.otherwise = Some(code),
            Some(wait) => {
                work.due = now.saturating_add(wait.micros);
                work.attempts += 1;
            }
            None => {
                work.parked = Some(code);
                return;
            }
        }
        work.flow = None;
    }

    fn next_time(&self, policy: &Policy, now: i64, outside: &dyn Outside) -> Option<i64> {
        match &policy.trigger {
            Trigger::On { .. } => None,
            Trigger::Every(length) => {
                let length = length.micros.max(1);
                Some((now.div_euclid(length) + 1).saturating_mul(length))
            }
            Trigger::Cron {
                expression, zone, ..
            } => outside.calendar(expression, zone, now),
        }
    }

    /// Every policy of the calendar has a clock, in every tenant where it says so.
    pub(crate) fn set_clocks(&self, state: &mut State, outside: &dyn Outside) {
        for (id, policy) in self.brief.policies.iter() {
            let per_tenant = matches!(
                policy.trigger,
                Trigger::Cron {
                    per_tenant: true,
                    ..
                }
            );
            let tenants: Vec<Option<Text>> =
                match self.brief.tenancy.as_ref().filter(|_| per_tenant) {
                    None => vec![None],
                    Some(tenancy) => {
                        let rows = state
                            .rows
                            .keys()
                            .filter(|place| place.of == tenancy.aggregate);
                        rows.map(|place| place.key.as_text().map(Text::from))
                            .collect()
                    }
                };
            for tenant in tenants {
                if !state.clocks.contains_key(&(id, tenant.clone()))
                    && let Some(due) = self.next_time(policy, state.now, outside)
                {
                    state.clocks.insert((id, tenant), due);
                }
            }
        }
    }

    pub(crate) fn strike(
        &self,
        state: &mut State,
        policy: Id<Policy>,
        tenant: Option<Text>,
        outside: &dyn Outside,
    ) -> bool {
        let before = state.clone();
        let next = self.next_time(self.brief.policies.get(policy), state.now, outside);
        state
            .clocks
            .insert((policy, tenant.clone()), next.unwrap_or(i64::MAX));
        let flow = self.begin(
            state,
            FlowId::Policy(policy),
            Cause::Clock,
            self.service(tenant),
        );
        let went = self.advance(state, flow, outside);
        if !went {
            *state = before;
        }
        went
    }

    /// Takes a message of an external in, once per id.
    pub fn message(
        &self,
        state: &mut State,
        (external, sends): (Id<External>, Id<Sends>),
        id: &Text,
        content: &Value,
    ) {
        let known = (external, sends, Text::clone(id));
        if state.messages.contains(&known) {
            return;
        }
        state.messages.push(known);
        let declared = self.brief.externals.get(external).sends.get(sends);
        let mut event = slots(content);
        let fields = event.len();
        event.resize(declared.shape.slots.len().max(fields), Value::Null);
        let given = [
            ("id", Value::Text(Text::clone(id))),
            ("time", Value::Time(state.now)),
            ("caller", self.service(None).1),
        ];
        for (name, value) in given {
            let mut own = declared.shape.slots.iter().skip(fields);
            put(
                &mut event,
                own.position(|slot| &*slot.name == name)
                    .map(|at| at + fields),
                value,
            );
        }
        let key = match declared.key.as_slice() {
            [] => Value::Text(Text::clone(id)),
            keys => Value::list(
                keys.iter()
                    .map(|slot| content.slot(*slot).clone())
                    .collect(),
            ),
        };
        let source = EventSource::Sent(external, sends);
        let row = key.clone();
        self.publish_one(
            state,
            &Happened {
                source,
                key,
                row,
                event: Value::record(event),
            },
            None,
            state.now,
        );
    }
}
