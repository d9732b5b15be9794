//! Answers composed of several sources: parts that look at others wait for them, the rest run
//! side by side, each within its own budget and that of the whole. An optional part that cannot
//! be had is missing, and is said to be. There is no common instant of several parts.

mod bind;
mod plan;

pub(super) use plan::{Composition, PartPlan};

use super::answer::failed;
use super::drive::Inner;
use super::program::Put;
use super::query::{self, Based};
use super::scope::{Settled, View, settle};
use super::walk::fault_refusal;
use crate::backend::{PartAnswer, Pending, QueryAnswer, QueryRequest, Refusal, ShownRow, refusal};
use crate::world::Moment;
use std::sync::Arc;
use tokio::task::JoinSet;
use underpin_brief::expr::{Fault, Frame};
use underpin_brief::model::*;

/// How long an answer may take in all, µs: an assumption.
const LONGEST: i64 = 10_000_000;
/// Elements that one part asks for at most.
const ELEMENTS: usize = 1_000;
/// Elements of one part that are asked for at once.
const AT_ONCE: usize = 8;

/// What all parts of one answer have in common.
struct Context {
    request: QueryRequest,
    channel: Option<String>,
    settled: Settled,
    deadline: i64,
}

/// What a part came to, and why where it could not be had.
type Outcome = Result<PartAnswer, Refusal>;

impl Inner {
    /// Answers a query as clients of a channel see it; as other queries see it, without one.
    pub(super) fn query<'a>(
        self: &'a Arc<Self>,
        request: QueryRequest,
        channel: Option<&str>,
    ) -> Pending<'a, QueryAnswer> {
        let channel = channel.map(str::to_owned);
        Box::pin(async move {
            let core = Arc::clone(&self.core);
            let deadline = core.world.now().0.saturating_add(LONGEST);
            let (asked, told) = (request.clone(), channel.clone());
            let (inner, since) = (Arc::clone(self), core.world.now().0);
            let based = self.store.read(move |rows| {
                if let Some(late) = inner.waited(since) {
                    let settled = settle(&core.brief, rows, None)?;
                    return Ok(Based {
                        answer: QueryAnswer::Refused(late),
                        settled,
                        raw: Vec::new(),
                    });
                }
                let composition = core.query(asked.query).composition(told.as_deref());
                query::answer(&core, rows, &asked, composition)
            });
            let Based {
                answer,
                settled,
                raw,
            } = match based.await {
                Ok(based) => based,
                Err(error) => return QueryAnswer::Refused(failed(&error)),
            };
            if raw.is_empty() {
                return answer;
            }
            let context = Arc::new(Context {
                request,
                channel,
                settled,
                deadline,
            });
            self.composed(answer, raw, &context).await
        })
    }

    async fn composed(
        self: &Arc<Self>,
        answer: QueryAnswer,
        raw: Vec<Value>,
        context: &Arc<Context>,
    ) -> QueryAnswer {
        let mut answer = answer;
        let rows: Vec<&mut ShownRow> = match &mut answer {
            QueryAnswer::Page(page) => page.rows.iter_mut().collect(),
            QueryAnswer::One(row) => vec![row],
            QueryAnswer::Refused(_) => Vec::new(),
        };
        for (shown, row) in rows.into_iter().zip(raw) {
            match self.parts(row, context).await {
                Ok(parts) => shown.parts = parts,
                Err(refusal) => return QueryAnswer::Refused(refusal),
            }
        }
        answer
    }

    /// The parts of one row, in their order.
    async fn parts(
        self: &Arc<Self>,
        row: Value,
        context: &Arc<Context>,
    ) -> Result<Vec<PartAnswer>, Refusal> {
        let core = Arc::clone(&self.core);
        let plan = core.query(context.request.query);
        let Some(composition) = plan.composition(context.channel.as_deref()) else {
            return Ok(Vec::new());
        };
        let mut frame = plan.frame(&context.settled, &context.request.input);
        frame.set(Root::SelfRow.slot(), row);
        let mut answers: Vec<Option<PartAnswer>> = composition.parts.iter().map(|_| None).collect();
        let mut begun: Vec<bool> = vec![false; answers.len()];
        let mut under_way: JoinSet<(usize, Outcome)> = JoinSet::new();
        loop {
            for (at, (part, begun)) in composition.parts.iter().zip(&mut begun).enumerate() {
                let known = |need: &usize| answers.get(*need).is_some_and(Option::is_some);
                if !*begun && part.needs.iter().all(known) {
                    *begun = true;
                    let (inner, context) = (Arc::clone(self), Arc::clone(context));
                    let frame = frame.clone();
                    under_way.spawn(async move { (at, inner.part(&context, at, frame).await) });
                }
            }
            match under_way.join_next().await {
                None => break,
                Some(Ok((at, outcome))) => {
                    let answer = outcome?;
                    if let Some(part) = composition.parts.get(at) {
                        let value = bind::value(&core, part, &answer);
                        for slot in &part.slots {
                            frame.set(*slot, value.clone());
                        }
                    }
                    if let Some(place) = answers.get_mut(at) {
                        *place = Some(answer);
                    }
                }
                Some(Err(_)) => return Err(Refusal::new(refusal::INTERNAL)),
            }
        }
        let all: Option<Vec<PartAnswer>> = answers.into_iter().collect();
        all.ok_or_else(|| Refusal::because(refusal::INTERNAL, "parts wait for one another"))
    }

    /// One part, within its budget; what stands in for it where it cannot be had.
    async fn part(self: Arc<Self>, context: &Arc<Context>, at: usize, frame: Frame) -> Outcome {
        let core = Arc::clone(&self.core);
        let plan = core.query(context.request.query);
        let found = plan.composition(context.channel.as_deref());
        let Some(part) = found.and_then(|composition| composition.parts.get(at)) else {
            return Ok(PartAnswer::Missing);
        };
        let now = core.world.now().0;
        let own = part.within.map(|within| now.saturating_add(within));
        let deadline = own.map_or(context.deadline, |own| own.min(context.deadline));
        let asked = self.ask_part(context, part, (at, frame.clone()), deadline);
        let outcome = tokio::select! {
            outcome = asked => outcome,
            () = core.world.clock.until(Moment(deadline)) => {
                Err(Refusal::new(refusal::DEADLINE))
            }
        };
        match outcome {
            // Elements that cannot be had are replaced one by one; here the whole list is late.
            Err(_) if !part.fallback.is_empty() && part.each.is_some() => {
                Ok(PartAnswer::Instead(Box::new(PartAnswer::List(Vec::new()))))
            }
            Err(why) if !part.fallback.is_empty() => {
                self.instead(context, (at, frame)).await.map_err(|_| why)
            }
            Err(_) if part.optional => Ok(PartAnswer::Missing),
            outcome => outcome,
        }
    }

    /// Asks for a part, once or once per element.
    async fn ask_part(
        self: &Arc<Self>,
        context: &Arc<Context>,
        part: &PartPlan,
        (at, frame): (usize, Frame),
        deadline: i64,
    ) -> Outcome {
        let inputs = self.inputs(context, at, frame.clone()).await?;
        let Some(inputs) = inputs else {
            return Ok(PartAnswer::Missing);
        };
        match inputs {
            Inputs::One(input) => self.ask_one(context, part.source, input, deadline).await,
            Inputs::Each(inputs) => {
                let mut answers = Vec::with_capacity(inputs.len());
                for some in inputs.chunks(AT_ONCE) {
                    let asked = some
                        .iter()
                        .map(|input| self.ask_one(context, part.source, input.clone(), deadline));
                    for outcome in together(asked.collect()).await {
                        answers.push(match outcome {
                            Err(_) if !part.fallback.is_empty() => {
                                self.instead(context, (at, frame.clone())).await?
                            }
                            outcome => outcome?,
                        });
                    }
                }
                Ok(PartAnswer::List(answers))
            }
        }
    }

    fn ask_one<'a>(
        self: &'a Arc<Self>,
        context: &'a Arc<Context>,
        source: PartSource,
        input: Value,
        deadline: i64,
    ) -> Pending<'a, Outcome> {
        Box::pin(async move {
            match source {
                PartSource::External(external, operation) => self
                    .read_external((external, operation), input, deadline)
                    .await
                    .map(PartAnswer::Answer),
                PartSource::Query(query) => {
                    let limit = self.core.brief.queries.get(query).page;
                    let request = QueryRequest {
                        query,
                        asked: context.request.asked.clone(),
                        input,
                        key: None,
                        filters: Vec::new(),
                        sorts: Vec::new(),
                        search: None,
                        limit: limit.unwrap_or(100),
                        after: None,
                    };
                    let service = self.core.place.all.answers(&self.core.brief, query);
                    let Some(node) = self.peer(service) else {
                        return Err(Refusal::new(refusal::INTERNAL));
                    };
                    match node.query(request, None).await {
                        QueryAnswer::One(row) => Ok(PartAnswer::Row(Box::new(row))),
                        QueryAnswer::Page(page) => {
                            let rows = page.rows.into_iter();
                            let rows = rows.map(|row| PartAnswer::Row(Box::new(row)));
                            Ok(PartAnswer::List(rows.collect()))
                        }
                        QueryAnswer::Refused(refusal) => Err(refusal),
                    }
                }
            }
        })
    }

    /// What a part is asked with; none where the list that it walks is absent.
    async fn inputs(
        self: &Arc<Self>,
        context: &Arc<Context>,
        at: usize,
        frame: Frame,
    ) -> Result<Option<Inputs>, Refusal> {
        let (core, context) = (Arc::clone(&self.core), Arc::clone(context));
        let read = self.store.read(move |rows| {
            let scope = context.settled.scope.clone();
            let view = View::frozen(rows, &scope, &core);
            let mut frame = frame;
            let found = evaluated(&core, &context, at, &mut frame, &view);
            match found {
                Err(Fault::Unavailable(why)) => Err(view
                    .failed
                    .take()
                    .unwrap_or(crate::store::StoreError::Database(why.to_string()))),
                found => Ok(found),
            }
        });
        match read.await {
            Ok(found) => found.map_err(|fault| told(&fault)),
            Err(error) => Err(failed(&error)),
        }
    }

    /// What stands in for a part.
    async fn instead(
        self: &Arc<Self>,
        context: &Arc<Context>,
        (at, frame): (usize, Frame),
    ) -> Outcome {
        let (core, context) = (Arc::clone(&self.core), Arc::clone(context));
        let read = self.store.read(move |rows| {
            let scope = context.settled.scope.clone();
            let view = View::frozen(rows, &scope, &core);
            let mut frame = frame;
            let plan = core.query(context.request.query);
            let found = plan.composition(context.channel.as_deref());
            let Some(part) = found.and_then(|one| one.parts.get(at)) else {
                return Ok(Ok(PartAnswer::Missing));
            };
            let width = bind::width(&core, part);
            let made = filled(width, &part.fallback, &mut frame, &view);
            Ok(made.map(|value| bind::answer(&core, part, &value)))
        });
        match read.await {
            Ok(Ok(answer)) => Ok(PartAnswer::Instead(Box::new(answer))),
            Ok(Err(fault)) => Err(told(&fault)),
            Err(error) => Err(failed(&error)),
        }
    }
}

/// Inputs of a part.
enum Inputs {
    One(Value),
    Each(Vec<Value>),
}

fn evaluated(
    core: &super::core::Core,
    context: &Context,
    at: usize,
    frame: &mut Frame,
    view: &View<'_>,
) -> Result<Option<Inputs>, Fault> {
    let plan = core.query(context.request.query);
    let found = plan.composition(context.channel.as_deref());
    let Some(part) = found.and_then(|composition| composition.parts.get(at)) else {
        return Ok(None);
    };
    let width = bind::input_width(core, part);
    let Some(each) = &part.each else {
        return filled(width, &part.puts, frame, view).map(|input| Some(Inputs::One(input)));
    };
    let Value::List(items) = each.eval(frame, view)? else {
        return Ok(None);
    };
    let mut inputs = Vec::with_capacity(items.len().min(ELEMENTS));
    for item in items.iter().take(ELEMENTS) {
        frame.set(Root::Item.slot(), item.clone());
        inputs.push(filled(width.clone(), &part.puts, frame, view)?);
    }
    Ok(Some(Inputs::Each(inputs)))
}

fn filled(
    slots: Vec<Value>,
    puts: &[Put],
    frame: &mut Frame,
    view: &View<'_>,
) -> Result<Value, Fault> {
    let mut slots = slots;
    for put in puts {
        let value = put.value.eval(frame, view)?;
        super::acts::set_slot(&mut slots, Some(put.slot), value);
    }
    Ok(Value::record(slots))
}

fn told(fault: &Fault) -> Refusal {
    fault_refusal(fault).unwrap_or_else(|error| failed(&error))
}

/// All outcomes in order, worked for side by side.
async fn together(mut asked: Vec<Pending<'_, Outcome>>) -> Vec<Outcome> {
    use std::task::Poll;
    let mut outcomes: Vec<Option<Outcome>> = asked.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, outcome) in asked.iter_mut().zip(&mut outcomes) {
            if outcome.is_none()
                && let Poll::Ready(found) = future.as_mut().poll(cx)
            {
                *outcome = Some(found);
            }
        }
        match outcomes.iter().all(Option::is_some) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    outcomes.into_iter().flatten().collect()
}
