//! Settled scripts: engine and reference in step, the next request after both have come to rest. Every
//! observation must be equal.

use crate::compare::{key_of, tenant_of};
use crate::count::Counts;
use crate::house::House;
use crate::outside::{Fate, Known};
use crate::rename::Rename;
use crate::script::{Action, Past, action};
use std::sync::{Arc, Mutex, PoisonError};
use underpin_brief::flow::Cut;
use underpin_brief::model::*;
use underpin_reference::{Answer, Asked, Meaning, Request, ShownBy, Stage, State, Step};
use underpin_run::backend::{self, CommandAnswer, FlowAnswer, FlowState, QueryAnswer, RowAnswer};

/// Where every script begins, µs since 1970.
pub const START: i64 = 1_790_000_000_000_000;
/// So long, µs, between two steps.
const PAUSE: i64 = 60_000_000;

/// Where engine and reference part.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The step, counted from one.
    pub step: usize,
    /// What was done.
    pub action: String,
    /// What each side says.
    pub what: String,
}

/// One run.
pub struct Run<'a> {
    pub(crate) brief: &'a Arc<Brief>,
    pub(crate) meaning: &'a Meaning,
    pub(crate) known: Known,
    pub(crate) house: House,
    pub(crate) state: State,
    pub(crate) rename: Rename,
    pub(crate) past: Past,
    pub(crate) counts: &'a mut Counts,
}

/// Runs a script of that many steps; what it reached is counted.
///
/// # Errors
/// The first difference.
pub async fn run(
    brief: &Arc<Brief>,
    meaning: &Meaning,
    cut: &Cut,
    steps: &[u64],
    counts: &mut Counts,
) -> Result<(), Difference> {
    let lost = |what: String| Difference {
        step: 0,
        action: "opening".to_owned(),
        what,
    };
    let house = House::new(brief, cut, START).await.map_err(lost)?;
    let known = Known {
        brief: Arc::clone(brief),
        fate: Mutex::default(),
    };
    let state = meaning.start(START, &known);
    let mut run = Run {
        brief,
        meaning,
        known,
        house,
        state,
        rename: Rename::default(),
        past: Past::default(),
        counts,
    };
    for (at, seed) in steps.iter().enumerate() {
        let action = action(run.brief, &run.state, &mut run.past, *seed);
        let found = run.step(&action).await;
        found.map_err(|what| Difference {
            step: at + 1,
            action: run.tell(&action),
            what,
        })?;
    }
    Ok(())
}

pub(crate) fn text(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take(1500).collect()
}

impl Run<'_> {
    fn tell(&self, action: &Action) -> String {
        match action {
            Action::Command(request, fate, _) => {
                format!(
                    "command {} {} ({fate:?})",
                    self.brief.commands.get(request.command).name,
                    text(request)
                )
            }
            Action::Query(asked) => format!(
                "query {} {}",
                self.brief.queries.get(asked.query).name,
                text(asked)
            ),
            other => text(other),
        }
    }

    async fn step(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Command(request, fate, wrong) => self.command(request, *fate, *wrong).await?,
            Action::Query(asked) => self.query(asked).await?,
            Action::Row(caller, of, key) => {
                let mine = self.meaning.row(&self.state, caller.as_ref(), *of, key);
                let theirs = self
                    .house
                    .row(caller.as_ref(), *of, key, &self.rename)
                    .await;
                self.same_row(mine, theirs)?;
            }
            Action::Wait(length) => self.wait(*length).await?,
            Action::Message(external, sends, id, content) => {
                self.counts.add("message");
                self.meaning
                    .message(&mut self.state, (*external, *sends), id, content);
                self.house
                    .message((*external, *sends), id, content, &self.rename)
                    .await;
                self.settle().await?;
            }
            Action::Nothing => {}
        }
        if matches!(action, Action::Command(..) | Action::Message(..)) {
            self.at_rest().await?;
            self.pass_to(self.state.now + PAUSE).await?;
        }
        Ok(())
    }

    /// Time passes, from one moment at which something comes due to the next.
    async fn wait(&mut self, length: Option<i64>) -> Result<(), String> {
        self.counts.add("wait");
        match length {
            Some(length) => self.pass_to(self.state.now + length).await,
            None => match self.meaning.next_due(&self.state) {
                Some(due) => self.pass_to(due).await,
                None => Ok(()),
            },
        }
    }

    async fn pass_to(&mut self, end: i64) -> Result<(), String> {
        for _ in 0..30 {
            let next = self.meaning.next_due(&self.state).filter(|due| *due <= end);
            let Some(due) = next else { break };
            self.counts.add("timer");
            self.state.now = due;
            self.house.set(due);
            self.settle().await?;
            self.at_rest().await?;
        }
        let blocked = self
            .meaning
            .next_due(&self.state)
            .is_some_and(|due| due <= end);
        if !blocked {
            self.state.now = end;
            self.house.set(end);
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), String> {
        self.come_to_rest()?;
        self.house.settle().await
    }

    /// Lets the reference come to rest, counting what it goes through.
    fn come_to_rest(&mut self) -> Result<(), String> {
        for _ in 0..20_000 {
            let steps = self.meaning.enabled(&self.state);
            let Some(step) = steps.first() else {
                return Ok(());
            };
            if let Step::Flow(number) = step
                && let Some(flow) = self.state.flows.get(number)
            {
                match &flow.stage {
                    Stage::Undoing => self.counts.add("undo"),
                    Stage::Calling(calling) if calling.undo => self.counts.add("undo of a call"),
                    Stage::Calling(_) => self.counts.add("call"),
                    _ => {}
                }
            }
            if let Step::Deliver(number) = step
                && let Some(work) = self.state.work.iter().find(|work| work.number == *number)
            {
                self.counts.add(if work.otherwise.is_some() {
                    "policy else"
                } else {
                    "policy"
                });
            }
            if !self.meaning.step(&mut self.state, step, &self.known) {
                return Err("the reference waits for a held row in a settled script".to_owned());
            }
            if !self.state.holds.is_empty() {
                self.counts.add("held");
            }
        }
        Err("the reference does not come to rest".to_owned())
    }

    async fn command(&mut self, request: &Request, fate: Fate, wrong: bool) -> Result<(), String> {
        let rest = self.house.rest().await?;
        let mut request = request.clone();
        let expected = request.expected.is_some().then(|| {
            let mine = request
                .names
                .and_then(|(of, slot)| self.version(of, request.input.slot(slot), &rest.rows));
            mine.map_or((Vec::new(), Vec::new()), |(mine, theirs)| {
                if wrong {
                    (vec![mine + 1000], vec![theirs + 1000])
                } else {
                    (vec![mine], vec![theirs])
                }
            })
        });
        let (mine, theirs) = expected.unzip();
        request.expected = mine;
        self.house.door.prepare(fate);
        *self
            .known
            .fate
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = fate;
        let answer = self.house.command(&request, theirs, &self.rename).await?;
        self.house.settle().await?;
        let number = self.meaning.ask(&mut self.state, request.clone());
        self.come_to_rest()?;
        let Some(mine) = self
            .meaning
            .answer(&self.state, number)
            .map(std::borrow::Cow::into_owned)
        else {
            return Err(format!(
                "the reference does not answer: {:?}",
                self.state.flows.get(&number).map(|flow| &flow.stage)
            ));
        };
        let theirs = match answer {
            CommandAnswer::Accepted { flow, .. } => {
                self.counts.add("accepted");
                match self
                    .house
                    .flow(request.caller.as_ref(), &flow, &self.rename)
                    .await
                {
                    FlowAnswer::Known(report) => match report.state {
                        FlowState::Done(done) => CommandAnswer::Done(done),
                        FlowState::Refused(refusal) => CommandAnswer::Refused(refusal),
                        FlowState::InDoubt => {
                            CommandAnswer::Refused(backend::Refusal::new("in-doubt"))
                        }
                        FlowState::Parked => {
                            CommandAnswer::Refused(backend::Refusal::new("internal"))
                        }
                        other => return Err(format!("an accepted flow is {other:?} at rest")),
                    },
                    FlowAnswer::Refused(refusal) => {
                        return Err(format!(
                            "the flow of an accepted command is refused: {refusal:?}"
                        ));
                    }
                }
            }
            other => other,
        };
        self.same_answer(&request, &mine, &theirs)
    }

    /// The versions of a row on both sides.
    fn version(
        &self,
        of: Id<Aggregate>,
        key: &Value,
        rows: &[(Id<Aggregate>, Value)],
    ) -> Option<(i64, i64)> {
        let declared = self.brief.aggregates.get(of);
        let at = declared.slot("version")?;
        let mut mine = self
            .state
            .rows
            .iter()
            .filter(|(place, _)| place.of == of && place.key == *key);
        let (place, row) = mine.next()?;
        let wanted = self.rename.value(&place.key);
        let tenant = place.tenant.as_ref().map(|tenant| self.rename.text(tenant));
        let theirs = rows.iter().find(|(other, row)| {
            *other == of && key_of(declared, row) == wanted && tenant_of(declared, row) == tenant
        })?;
        match (row.slot(at), theirs.1.slot(at)) {
            (Value::Int(mine), Value::Int(theirs)) => Some((*mine, *theirs)),
            _ => None,
        }
    }

    fn same_answer(
        &mut self,
        request: &Request,
        mine: &Answer,
        theirs: &CommandAnswer,
    ) -> Result<(), String> {
        let command = &self.brief.commands.get(request.command).name;
        let differ = || {
            Err(format!(
                "the answers differ\n  reference: {}\n  engine:    {}",
                text(mine),
                text(theirs)
            ))
        };
        match (mine, theirs) {
            (Answer::Refused(mine), CommandAnswer::Refused(theirs)) => {
                self.counts.add(format!("refused {mine}"));
                if **mine == *theirs.code {
                    Ok(())
                } else {
                    differ()
                }
            }
            (Answer::Done { returned, row }, CommandAnswer::Done(done)) => {
                self.counts.add(format!("done {command}"));
                let values = Value::record(returned.clone());
                if !self.rename.meet(&values, &done.returned) {
                    return differ();
                }
                match (row, &done.row) {
                    (Some(place), Some(mark))
                        if place.of == mark.aggregate
                            && self.rename.meet(&place.key, &mark.key) =>
                    {
                        Ok(())
                    }
                    // A row that is gone has no mark.
                    (None, None) => Ok(()),
                    (Some(place), None) if !self.state.rows.contains_key(place) => Ok(()),
                    _ => differ(),
                }
            }
            _ => differ(),
        }
    }

    async fn query(&mut self, asked: &Asked) -> Result<(), String> {
        let mut asked = asked.clone();
        let mut after = None;
        for _ in 0..12 {
            let mine = self.meaning.query(&self.state, &asked);
            let theirs = self.house.query(&asked, after.take(), &self.rename).await;
            let differ = || {
                Err(format!(
                    "the answers differ\n  reference: {}\n  engine:    {}",
                    text(&mine),
                    text(&theirs)
                ))
            };
            let (rows, next) = match (&mine, theirs.clone()) {
                (Err(mine), QueryAnswer::Refused(theirs)) if **mine == *theirs.code => {
                    self.counts.add(format!("query-refused {mine}"));
                    return Ok(());
                }
                (Ok(_), QueryAnswer::Page(page)) => (page.rows, page.next),
                (Ok(_), QueryAnswer::One(row)) => (vec![row], None),
                _ => return differ(),
            };
            let Ok(page) = &mine else { return differ() };
            let same = page.rows.len() == rows.len()
                && page.rows.iter().zip(&rows).all(|(mine, theirs)| {
                    self.rename.meet(
                        &Value::record(mine.values.clone()),
                        &Value::record(theirs.values.clone()),
                    )
                });
            if !same || (page.more != next.is_some() && !self.brief.queries.get(asked.query).one) {
                return differ();
            }
            self.counts.add(if page.rows.is_empty() {
                "query empty"
            } else {
                "query rows"
            });
            if next.is_none() {
                return Ok(());
            }
            asked.skip += page.rows.len();
            after = next;
        }
        Ok(())
    }

    fn same_row(&mut self, mine: Result<ShownBy, Text>, theirs: RowAnswer) -> Result<(), String> {
        let differ = |mine: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
            Err(format!(
                "the rows differ\n  reference: {mine:?}\n  engine:    {theirs:?}"
            ))
        };
        match (mine, theirs) {
            (Err(mine), RowAnswer::Refused(theirs)) if *mine == *theirs.code => {
                self.counts.add(format!("row-refused {mine}"));
                Ok(())
            }
            (Ok(mine), RowAnswer::Shown { by, .. }) => {
                self.counts.add("row shown");
                let same = mine.len() == by.len()
                    && mine.iter().zip(&by).all(|(a, b)| {
                        a.0 == b.0
                            && self
                                .rename
                                .meet(&Value::record(a.1.clone()), &Value::record(b.1.clone()))
                    });
                if same { Ok(()) } else { differ(&mine, &by) }
            }
            (mine, theirs) => differ(&mine, &theirs),
        }
    }
}
