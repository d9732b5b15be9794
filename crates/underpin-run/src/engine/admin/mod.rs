//! The engine's side of the admin surface: what flows are doing in words, and what a person may
//! decide about those that cannot go on. It must not know how an admin's question travels.

mod audit;
mod backup;
mod decide;
mod faults;
mod flags;
mod letters;
mod limits;
mod look;
mod words;

pub(in crate::engine) use audit::note;
pub(super) use flags::Overrides;

use super::drive::Inner;
use super::{Engine, answer, recover};
use crate::admin::{Admin, Ask, By, Change, Figure, Letters, Refused, Told};
use crate::backend::{Backend, Pending};
use crate::store::{Rows, StoreError};
use decide::Deed;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn broken(error: &StoreError) -> Refused {
    let refusal = answer::failed(error);
    let why = format!("the store does not answer (`{}`)", refusal.code);
    Refused::new("unavailable", why, "try again, or look at its log")
}

fn unknown(id: &str) -> Refused {
    let why = format!("there is no flow `{id}`");
    Refused::new("unknown", why, "list them with `underpin admin flows`")
}

impl Inner {
    async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&super::core::Core, Rows<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refused> {
        let core = Arc::clone(&self.core);
        let read = self.store.read(move |rows| work(&core, rows));
        read.await.map_err(|error| broken(&error))
    }
}

impl Engine {
    /// What every service says, one after the other.
    async fn collect<T: Send + 'static>(
        &self,
        work: impl Fn(&super::core::Core, Rows<'_>) -> Result<Vec<T>, StoreError>
        + Clone
        + Send
        + 'static,
    ) -> Result<Vec<T>, Refused> {
        let mut all = Vec::new();
        for node in &*self.nodes {
            all.extend(node.look(work.clone()).await?);
        }
        Ok(all)
    }

    /// The service where a flow is journalled.
    async fn home(&self, id: &str) -> Result<&Arc<Inner>, Refused> {
        for node in &*self.nodes {
            let key = id.to_owned();
            let known = node.look(move |_, rows| Ok(recover::one(rows, &key)?.is_some()));
            if known.await? {
                return Ok(node);
            }
        }
        Err(unknown(id))
    }

    async fn decide(&self, id: String, deed: Deed, by: By) -> Result<Told, Refused> {
        self.home(&id).await?.decide(id, deed, by).await
    }

    async fn administer(&self, ask: Ask) -> Result<Told, Refused> {
        match ask {
            Ask::Flows { stage } => {
                let lines =
                    self.collect(move |core, rows| look::flows(core, rows, stage.as_deref()));
                Ok(Told::Flows(lines.await?))
            }
            Ask::Flow { id } => {
                let key = id.clone();
                let node = self.home(&id).await?;
                let found = node.look(move |core, rows| look::story(core, rows, &key));
                let story = found.await?.ok_or_else(|| unknown(&id))?;
                Ok(Told::Flow(Box::new(story)))
            }
            Ask::Resolve { id, verdict, by } => self.decide(id, Deed::Resolve(verdict), by).await,
            Ask::Retry { id, by } => self.decide(id, Deed::Retry, by).await,
            Ask::Skip { id, output, by } => self.decide(id, Deed::Skip(output), by).await,
            Ask::End { id, by } => self.decide(id, Deed::End, by).await,
            Ask::Holds => Ok(Told::Holds(
                self.collect(|_, rows| look::holds(rows, None)).await?,
            )),
            Ask::DeadLetters { policy } => {
                let lines = self.collect(move |_, rows| letters::list(rows, policy.as_deref()));
                Ok(Told::DeadLetters(lines.await?))
            }
            Ask::Redrive { letters, by } => self.settle_letters(&letters, true, by).await,
            Ask::Discard { letters, by } => self.settle_letters(&letters, false, by).await,
            Ask::Limits => Ok(Told::Limits(self.first().limits().await?)),
            Ask::ResetLimit { limit, key, by } => self.first().reset_limit(&limit, key, by).await,
            Ask::Flags => Ok(Told::Flags(flags::list(&self.first().core))),
            Ask::SetFlag {
                flag,
                subject,
                on,
                by,
            } => self.set_flag(flag, subject, on, by).await,
            Ask::Faults => Ok(Told::Faults(self.first().faults())),
            Ask::Fault {
                of,
                fault,
                millis,
                by,
            } => self.first().fault(&of, fault, millis, by).await,
            Ask::Heal { of, by } => self.first().heal(of, by).await,
            Ask::Status => self.status().await,
            Ask::Backup { folder, by } => self.backup(folder, by).await,
            Ask::Quiesce { on, by } => {
                self.first().quiescent.store(on, Ordering::Relaxed);
                for node in &*self.nodes {
                    node.wake.notify_one();
                }
                let word = if on { "quiesce" } else { "resume" };
                self.first().noted(&by, word, "backend").await
            }
            // Whoever opened the door ends the process; here it is only kept that it was asked.
            Ask::Drain { by } => self.first().noted(&by, "drain", "backend").await,
            Ask::Erase { subject, by } => {
                let erased = self.erase(subject, by).await;
                Ok(Told::Erased(Box::new(
                    erased.map_err(|error| broken(&error))?,
                )))
            }
            Ask::Audit { limit } => {
                let lines = self.collect(move |_, rows| audit::latest(rows, None, limit));
                Ok(Told::Audit(lines.await?))
            }
        }
    }
}

impl Engine {
    /// How much waits where, in all services together.
    async fn status(&self) -> Result<Told, Refused> {
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for (stage, count) in self.figures().flows {
            sums.insert(format!("flows.{stage}"), count);
        }
        let counts = self.collect(|core, rows| {
            let count = |name: &str, sql: &str| -> Result<(String, u64), StoreError> {
                let count: i64 = rows.prepare(sql)?.query_row([], |row| row.get(0))?;
                Ok((name.to_owned(), u64::try_from(count).unwrap_or(0)))
            };
            let now = core.world.now().0;
            let waiting = "SELECT COUNT(*) FROM work WHERE status = 'waiting' AND due";
            Ok(vec![
                count("events.due", &format!("{waiting} <= {now}"))?,
                count("events.later", &format!("{waiting} > {now}"))?,
                count(
                    "events.parked",
                    "SELECT COUNT(*) FROM work WHERE status = 'parked'",
                )?,
                count("rows.held", "SELECT COUNT(*) FROM holds")?,
            ])
        });
        let mut add = |name: String, value: u64| {
            let sum = sums.entry(name).or_default();
            *sum = sum.saturating_add(value);
        };
        for (name, value) in counts.await? {
            add(name, value);
        }
        for node in &*self.nodes {
            let store = node.store.figures();
            add("store.queue".to_owned(), store.waiting);
            add("store.commits".to_owned(), store.commits);
            add("store.writes".to_owned(), store.writes);
            let left = node.budgets.left(node.core.world.now().0);
            for (external, left) in node.core.brief.externals.rows().iter().zip(left) {
                add(format!("retries.{}", external.name), left);
            }
        }
        let quiescent = self.first().quiescent.load(Ordering::Relaxed);
        add("quiescent".to_owned(), u64::from(quiescent));
        let figure = |(name, value)| Figure { name, value };
        Ok(Told::Status(sums.into_iter().map(figure).collect()))
    }

    /// Settles dead letters wherever they are.
    async fn settle_letters(
        &self,
        letters: &Letters,
        again: bool,
        by: By,
    ) -> Result<Told, Refused> {
        let mut count = 0;
        for node in &*self.nodes {
            count += node.settle_letters(letters.clone(), again, &by).await?;
        }
        letters::told(letters, again, count)
    }

    /// Decides a flag in every service: each keeps what its own flows need.
    async fn set_flag(
        &self,
        flag: String,
        subject: Option<String>,
        on: Option<bool>,
        by: By,
    ) -> Result<Told, Refused> {
        let mut told = None;
        for node in &*self.nodes {
            let one = node.set_flag(flag.clone(), subject.clone(), on, by.clone());
            told = Some(one.await?);
        }
        Ok(told.unwrap_or_else(|| changed(flag)))
    }
}

impl Inner {
    /// Keeps that something was done that changes nothing in the store.
    async fn noted(&self, by: &By, action: &str, target: &str) -> Result<Told, Refused> {
        let now = self.core.world.now().0;
        let (line, action, target) = (by.clone(), action.to_owned(), target.to_owned());
        let done = format!("{action}: {target}");
        let note = self
            .store
            .write(move |rows| audit::note(rows, now, &line, &action, &target));
        note.await.map_err(|error| broken(&error))?;
        Ok(changed(done))
    }
}

fn changed(done: String) -> Told {
    Told::Changed(Box::new(Change { done, flow: None }))
}

impl Admin for Engine {
    fn ask(&self, ask: Ask) -> Pending<'_, Result<Told, Refused>> {
        Box::pin(self.administer(ask))
    }
}
