//! The engine's side of the admin surface: what flows are doing in words, and what a person may
//! decide about those that cannot go on. It must not know how an admin's question travels.

mod audit;
mod decide;
mod look;
mod words;

use super::drive::Inner;
use super::{Engine, answer, recover};
use crate::admin::{Admin, Ask, By, Refused, Told};
use crate::backend::Pending;
use crate::store::{Rows, StoreError};
use decide::Deed;
use std::sync::Arc;

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
            Ask::Audit { limit } => {
                let lines = self.collect(move |_, rows| audit::latest(rows, None, limit));
                Ok(Told::Audit(lines.await?))
            }
        }
    }
}

impl Admin for Engine {
    fn ask(&self, ask: Ask) -> Pending<'_, Result<Told, Refused>> {
        Box::pin(self.administer(ask))
    }
}
