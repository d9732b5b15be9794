//! Which flows there are to stop, and one of them with a crash and without.

use super::laws::{self, State};
use super::site::{Refusing, Site, copy};
use crate::backend::*;
use crate::engine::sample;
use crate::identity::Caller;
use crate::testing::TempFolder;
use crate::trace::Trace;
use crate::world::Moment;
use std::sync::Arc;
use std::time::Duration;
use underpin_brief::model::*;

const START: Moment = Moment(1_790_000_000_000_000);

/// What starts a flow.
#[derive(Clone)]
pub(super) enum Cause {
    Command(Box<CommandRequest>),
    Message(Inbound),
    /// Timers and clocks.
    Time(Duration),
}

/// A flow with the folder that it begins on.
pub(super) struct Case {
    pub(super) name: String,
    brief: Arc<Brief>,
    before: Arc<TempFolder>,
    at: Moment,
    cause: Cause,
    refusing: Option<Refusing>,
}

/// What comes of it without a crash.
pub(super) struct Clean {
    pub(super) places: Vec<String>,
    said: String,
    before: State,
    after: State,
    free: laws::Free,
}

/// Cases of a brief, and commands that no sample reaches.
pub(super) async fn find(name: &str, brief: &Arc<Brief>) -> (Vec<Case>, Vec<String>) {
    let site = Site::open(brief, None, START, 1, None).await;
    for turn in 0..2 {
        seed(&site, turn).await;
    }
    let mut cases: Vec<Option<Case>> = brief.commands.iter().map(|_| None).collect();
    let mut codes: Vec<String> = vec![String::new(); cases.len()];
    for number in 0..60 {
        for (at, (id, command)) in brief.commands.iter().enumerate() {
            if number > 12 && cases[at].is_some() {
                continue;
            }
            let keys = sample::known(site.engine(), brief)
                .await
                .unwrap_or_default();
            for caller in sample::callers(brief, command, number) {
                let tenant = sample::tenant_of(brief, &keys, &caller, number);
                let caller = Caller {
                    tenant,
                    channel: channel(brief, &caller, number),
                    ..caller
                };
                let of = (&**brief, &site.world);
                let Some(mut request) = sample::request(of, id, &keys, caller, number) else {
                    continue;
                };
                request.key = Some(format!("sample-{number}-{at}"));
                let begun = match &cases[at] {
                    Some(_) => None,
                    None => Some(case(name, &site, &command.name.text, &request).await),
                };
                site.clock.advance(Duration::from_secs(1));
                let answer = site.engine().command(request).await;
                match (answer, begun) {
                    (CommandAnswer::Refused(refusal), _) => codes[at] = refusal.code,
                    (_, None) => break,
                    (_, begun) => {
                        cases[at] = begun;
                        break;
                    }
                }
            }
        }
    }
    let _ = site.settle().await;
    let commands = brief.commands.rows().iter().zip(&codes).zip(&cases);
    let none = commands.filter(|(_, case)| case.is_none());
    let none = none.map(|((command, code), _)| format!("{name} {} ({code})", command.name));
    let unreached = none.collect();
    let mut found: Vec<Case> = cases.into_iter().flatten().collect();
    found.extend(messages(name, &site).await);
    found.extend(timers(name, &site).await);
    let mut refused = Vec::new();
    for case in &found {
        refused.extend(case.refused().await);
    }
    found.extend(refused);
    (found, unreached)
}

fn channel(brief: &Brief, caller: &Caller, number: u64) -> Option<String> {
    let actor = brief.actors.get(brief.actors.find(&caller.actor)?);
    let count = u64::try_from(actor.channels.len()).unwrap_or(1).max(1);
    let at = usize::try_from(number % count).unwrap_or(0);
    actor
        .channels
        .get(at)
        .map(|channel| channel.name.to_string())
}

/// Rows of every aggregate, also of those that no command makes; those that point to each other in
/// two turns.
async fn seed(site: &Site, turn: u64) {
    let brief = &site.brief;
    for (id, aggregate) in brief.aggregates.iter() {
        for number in 0..4 {
            let keys = sample::known(site.engine(), brief)
                .await
                .unwrap_or_default();
            let of = (&**brief, &site.world);
            let made = sample::input(of, &aggregate.fields, &keys, turn * 4 + number);
            let Some(Value::Struct(fields)) = made else {
                continue;
            };
            let core = Arc::clone(&site.engine().first().core);
            let tenancy = brief.tenancy.as_ref();
            let tenants = tenancy.and_then(|tenancy| keys.rows.get(&tenancy.aggregate));
            let tenant = tenants.and_then(|all| {
                let at = usize::try_from(number)
                    .unwrap_or(0)
                    .checked_rem(all.len())?;
                Some(all.get(at)?.0.clone())
            });
            let write = site.engine().owner(id).store.write(move |rows| {
                let layout = rows.layout(id);
                let mut row = core.aggregate(id).blank.clone();
                for (slot, value) in row.iter_mut().zip(fields.iter()) {
                    *slot = value.clone();
                }
                let mut set = |at: Option<usize>, value: Value| {
                    if let Some(slot) = at.and_then(|at| row.get_mut(at)) {
                        *slot = value;
                    }
                };
                set(layout.created, Value::Time(START.0));
                set(layout.version, Value::Int(1));
                if layout.tenant.is_some() {
                    let Some(tenant) = tenant else { return Ok(()) };
                    set(layout.tenant, tenant);
                }
                // A row that is there already, or does not fit, is left out.
                rows.insert(id, &Value::record(row)).map(|_| ())
            });
            let _ = write.await;
        }
    }
}

async fn begin(name: &str, site: &Site, cause: Cause) -> Case {
    let _ = site.settle().await;
    let before = TempFolder::new();
    copy(&site.folder.folder.path("."), &before);
    Case {
        name: name.to_owned(),
        brief: Arc::clone(&site.brief),
        before: Arc::new(before),
        at: site.world.now(),
        cause,
        refusing: None,
    }
}

async fn case(of: &str, site: &Site, name: &str, request: &CommandRequest) -> Case {
    let mut request = request.clone();
    request.key = Some("crash".to_owned());
    begin(
        &format!("{of} {name}"),
        site,
        Cause::Command(Box::new(request)),
    )
    .await
}

async fn messages(name: &str, site: &Site) -> Vec<Case> {
    let brief = &site.brief;
    let keys = sample::known(site.engine(), brief)
        .await
        .unwrap_or_default();
    let mut found = Vec::new();
    for (external, declared) in brief.externals.iter() {
        for (message, sends) in declared.sends.iter() {
            let of = (&**brief, &site.world);
            let Some(content) = sample::input(of, &sends.fields, &keys, 1) else {
                continue;
            };
            let inbound = Inbound {
                external,
                message,
                id: "message-1".to_owned(),
                content,
                at: site.world.now(),
                trace: Trace::new(&*site.world.random),
            };
            let name = format!("{name} message {}", sends.name);
            found.push(begin(&name, site, Cause::Message(inbound)).await);
        }
    }
    found
}

async fn timers(name: &str, site: &Site) -> Option<Case> {
    let timed = |policy: &Policy| match &policy.trigger {
        Trigger::On { after, .. } => after.is_some(),
        Trigger::Every(_) | Trigger::Cron { .. } => true,
    };
    if !site.brief.policies.rows().iter().any(timed) {
        return None;
    }
    let day = Cause::Time(Duration::from_secs(26 * 3600));
    Some(begin(&format!("{name} timers"), site, day).await)
}

impl Case {
    async fn site(&self, seed: u64) -> Site {
        let from = self.before.folder.path(".");
        let at = self.at.plus(Duration::from_secs(1));
        Site::open(&self.brief, Some(&from), at, seed, self.refusing.clone()).await
    }

    /// The same with each operation that it calls refusing.
    async fn refused(&self) -> Vec<Self> {
        let site = self.site(7).await;
        let _ = site.settle().await;
        let _ = self.run(&site).await;
        let mut asked = site.script.asked.lock().unwrap().clone();
        asked.sort_unstable();
        asked.dedup();
        let mut found = Vec::new();
        for (external, operation) in asked {
            let declared = self.brief.externals.get(external).operations.get(operation);
            if let Some(fails) = declared.fails.first() {
                let code = fails.code.text.to_string();
                found.push(Self {
                    name: format!("{} ({code})", self.name),
                    brief: Arc::clone(&self.brief),
                    before: Arc::clone(&self.before),
                    at: self.at,
                    cause: self.cause.clone(),
                    refusing: Some((external, operation, code)),
                });
            }
        }
        found
    }

    /// Starts the flow and waits for its end, or for the stop.
    async fn run(&self, site: &Site) -> Result<String, String> {
        let said = match &self.cause {
            Cause::Time(length) => {
                let end = self.at.plus(*length);
                site.clock.advance(end.since(site.world.now()));
                "time".to_owned()
            }
            Cause::Message(message) => {
                let mut message = message.clone();
                message.at = site.world.now();
                let told = site.engine().inbound(message);
                match stoppable(site, told).await {
                    Some(InboundAnswer::Stored) => "stored".to_owned(),
                    other => format!("{other:?}"),
                }
            }
            Cause::Command(request) => {
                let mut request = CommandRequest::clone(request);
                request.asked.at = site.world.now();
                let mut told = stoppable(site, site.engine().command(request.clone())).await;
                if let Some(CommandAnswer::Accepted { .. }) = told {
                    // What became of it is told to whoever asks again.
                    site.settle().await?;
                    told = stoppable(site, site.engine().command(request)).await;
                }
                match told {
                    Some(CommandAnswer::Done(_)) => "done".to_owned(),
                    Some(CommandAnswer::Refused(refusal)) => refusal.code,
                    _ => "nothing".to_owned(),
                }
            }
        };
        site.settle().await?;
        Ok(said)
    }

    async fn once(&self, seed: u64) -> Result<(String, Vec<String>, State, State), String> {
        let site = self.site(seed).await;
        site.settle().await?;
        let before = laws::state(&site, self.at).await?;
        site.places.stop_at(usize::MAX - 2);
        let said = self.run(&site).await?;
        let places = site.places.seen.lock().unwrap().clone();
        laws::at_rest(&site).await?;
        let after = laws::state(&site, self.at).await?;
        Ok((said, places, before, after))
    }

    /// What comes of it without a crash: what differs between two such runs is free.
    pub(super) async fn clean(&self) -> Result<Clean, String> {
        let (said, places, before, after) = self.once(1).await?;
        let (again, _, _, other) = self.once(2).await?;
        if said != again {
            return Err(format!("it says `{said}`, then `{again}`"));
        }
        Ok(Clean {
            places,
            said,
            before,
            free: laws::free(&after, &other),
            after,
        })
    }

    /// Stops it at a place, opens the folder again, asks again with the same key.
    pub(super) async fn crash(&self, clean: &Clean, place: usize) -> Result<(), String> {
        let mut site = self.site(3).await;
        site.settle().await?;
        site.places.stop_at(place);
        let first = self.run(&site).await?;
        site.restart().await;
        site.settle().await?;
        laws::resolve(&site).await?;
        site.settle().await?;
        laws::at_rest(&site).await?;
        let between = laws::state(&site, self.at).await?;
        let acknowledged = first == clean.said;
        let done = laws::same(&clean.after, &between, &clean.free);
        let undone = laws::same(&clean.before, &between, &laws::Free::default());
        match (&done, &undone) {
            (Err(why), _) if acknowledged => {
                return Err(format!("acknowledged with `{first}`, but {why}"));
            }
            (Err(why), Err(other)) => {
                return Err(format!("neither done nor undone: {why}; {other}"));
            }
            _ => {}
        }
        if !matches!(self.cause, Cause::Time(_)) {
            let again = self.run(&site).await?;
            if again != clean.said {
                return Err(format!(
                    "asked again it says `{again}`, not `{}`",
                    clean.said
                ));
            }
        }
        laws::at_rest(&site).await?;
        let after = laws::state(&site, self.at).await?;
        laws::same(&clean.after, &after, &clean.free)
    }
}

/// The answer; none where the engine was stopped and does not answer.
async fn stoppable<T>(site: &Site, answer: Pending<'_, T>) -> Option<T> {
    let stopped = async {
        while !site.places.stopped() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    // The clock stands still, so nothing but a stop can keep an answer for so long.
    tokio::select! {
        answer = answer => Some(answer),
        () = stopped => None,
        () = tokio::time::sleep(Duration::from_secs(10)) => None,
    }
}
