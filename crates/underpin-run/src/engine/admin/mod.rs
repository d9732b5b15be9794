//! The engine's side of the admin surface: what flows are doing in words, and what a person may
//! decide about those that cannot go on. It must not know how an admin's question travels.

mod audit;
mod decide;
mod look;
mod words;

use super::Engine;
use super::answer;
use crate::admin::{Admin, Ask, Refused, Told};
use crate::backend::Pending;
use crate::store::{Rows, StoreError};
use decide::Deed;

fn broken(error: &StoreError) -> Refused {
    let refusal = answer::failed(error);
    let why = format!("the store does not answer (`{}`)", refusal.code);
    Refused::new("unavailable", why, "try again, or look at its log")
}

fn unknown(id: &str) -> Refused {
    let why = format!("there is no flow `{id}`");
    Refused::new("unknown", why, "list them with `underpin admin flows`")
}

impl Engine {
    async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&super::core::Core, Rows<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refused> {
        let core = std::sync::Arc::clone(&self.inner.core);
        let read = self.inner.store.read(move |rows| work(&core, rows));
        read.await.map_err(|error| broken(&error))
    }

    async fn administer(&self, ask: Ask) -> Result<Told, Refused> {
        match ask {
            Ask::Flows { stage } => {
                let lines = self.look(move |core, rows| look::flows(core, rows, stage.as_deref()));
                Ok(Told::Flows(lines.await?))
            }
            Ask::Flow { id } => {
                let key = id.clone();
                let found = self.look(move |core, rows| look::story(core, rows, &key));
                let story = found.await?.ok_or_else(|| unknown(&id))?;
                Ok(Told::Flow(Box::new(story)))
            }
            Ask::Resolve { id, verdict, by } => {
                self.inner.decide(id, Deed::Resolve(verdict), by).await
            }
            Ask::Retry { id, by } => self.inner.decide(id, Deed::Retry, by).await,
            Ask::Skip { id, output, by } => self.inner.decide(id, Deed::Skip(output), by).await,
            Ask::End { id, by } => self.inner.decide(id, Deed::End, by).await,
            Ask::Holds => Ok(Told::Holds(
                self.look(|_, rows| look::holds(rows, None)).await?,
            )),
            Ask::Audit { limit } => {
                let lines = self.look(move |_, rows| audit::latest(rows, None, limit));
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
