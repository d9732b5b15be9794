//! The engine under test: opened on a folder of its own, asked through its door, looked at when it has
//! come to rest. How a cut is opened is the one function [`open`].

use crate::clock::Still;
use crate::outside::{Door, Handle};
use crate::rename::Rename;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration as Length;
use underpin_brief::flow::Cut;
use underpin_brief::model::*;
use underpin_reference::{Asked as Question, Caller, Request};
use underpin_run::backend::{self, Backend, Filter, Sort, Test};
use underpin_run::engine::{Engine, Ground, Rest, Services};
use underpin_run::externals::Externals;
use underpin_run::trace::Trace;
use underpin_run::world::{Moment, SeededRandom, World};

/// Opens a brief under a cut.
///
/// # Errors
/// Why it does not open.
pub fn open(
    brief: &Arc<Brief>,
    cut: &Cut,
    folder: &Path,
    world: &World,
    externals: Arc<dyn Externals>,
) -> Result<Engine, String> {
    let services = Services::of(brief, cut.clone());
    let ground = Ground::new(services, world.clone(), externals);
    Engine::open(brief, folder, &ground).map_err(|error| error.to_string())
}

/// A data folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!(
            "underpin-equivalence-{}-{number}",
            std::process::id()
        ));
        std::fs::create_dir_all(&path).map_err(|error| error.to_string())?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running engine with its surroundings.
pub struct House {
    engine: Engine,
    world: World,
    /// Its clock.
    pub clock: Arc<Still>,
    /// Its externals.
    pub door: Arc<Door>,
    _folder: Folder,
}

impl House {
    /// Opens a brief under a cut at a moment.
    ///
    /// # Errors
    /// Why it does not open.
    pub async fn new(brief: &Arc<Brief>, cut: &Cut, now: i64) -> Result<Self, String> {
        let door = Arc::new(Door::new(brief));
        let clock = Arc::new(Still::new(now, Arc::clone(&door.retrying)));
        let world = World::new(Arc::clone(&clock) as Arc<_>, Arc::new(SeededRandom::new(7)));
        let folder = Folder::new()?;
        let externals = Arc::new(Handle(Arc::clone(&door)));
        let engine = open(brief, cut, &folder.0, &world, externals)?;
        engine.start().await.map_err(|error| error.to_string())?;
        Ok(Self {
            engine,
            world,
            clock,
            door,
            _folder: folder,
        })
    }

    fn asked(&self, caller: Option<&Caller>, rename: &Rename) -> backend::Asked {
        let text = |text: &Text| rename.text(text);
        let caller = caller.map(|caller| underpin_run::identity::Caller {
            id: text(&caller.id),
            actor: caller.actor.to_string(),
            roles: caller.roles.iter().map(ToString::to_string).collect(),
            tenant: caller.tenant.as_ref().map(text),
            channel: Some(caller.channel.to_string()),
            name: None,
            claims: caller
                .claims
                .iter()
                .map(|(name, value)| (name.to_string(), text(value).into()))
                .collect(),
        });
        backend::Asked {
            caller,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            at: self.world.now(),
            trace: Trace::new(&*self.world.random),
        }
    }

    /// Asks for a command; ready when it is answered.
    ///
    /// # Errors
    /// Where no answer comes.
    pub async fn command(
        &self,
        request: &Request,
        expected: Option<Vec<i64>>,
        rename: &Rename,
    ) -> Result<backend::CommandAnswer, String> {
        let request = backend::CommandRequest {
            command: request.command,
            asked: self.asked(request.caller.as_ref(), rename),
            input: rename.value(&request.input),
            key: request.key.as_ref().map(ToString::to_string),
            expected: expected.map(backend::Expected::Versions),
        };
        let answer = self.engine.command(request);
        tokio::time::timeout(Length::from_secs(20), answer)
            .await
            .map_err(|_| "no answer within 20 s".to_owned())
    }

    /// Where a flow stands for its caller.
    pub async fn flow(
        &self,
        caller: Option<&Caller>,
        flow: &str,
        rename: &Rename,
    ) -> backend::FlowAnswer {
        let request = backend::FlowRequest {
            flow: flow.to_owned(),
            asked: self.asked(caller, rename),
        };
        self.engine.flow(request).await
    }

    /// Asks for a page.
    pub async fn query(
        &self,
        asked: &Question,
        after: Option<Vec<Value>>,
        rename: &Rename,
    ) -> backend::QueryAnswer {
        let values = |values: &[Value]| values.iter().map(|value| rename.value(value)).collect();
        let mut filters = Vec::new();
        for (slot, wanted) in &asked.equal {
            filters.push((*slot, wanted));
        }
        let mut tests: Vec<Filter> = filters
            .into_iter()
            .map(|(slot, wanted)| Filter {
                slot,
                test: Test::OneOf(values(wanted)),
            })
            .collect();
        for (slot, least, most) in &asked.between {
            tests.extend(least.iter().map(|least| Filter {
                slot: *slot,
                test: Test::AtLeast(rename.value(least)),
            }));
            tests.extend(most.iter().map(|most| Filter {
                slot: *slot,
                test: Test::AtMost(rename.value(most)),
            }));
        }
        let request = backend::QueryRequest {
            query: asked.query,
            asked: self.asked(asked.caller.as_ref(), rename),
            input: rename.value(&asked.input),
            key: asked.key.as_ref().map(|key| rename.value(key)),
            filters: tests,
            sorts: asked
                .sorts
                .iter()
                .map(|(slot, descending)| Sort {
                    slot: *slot,
                    descending: *descending,
                })
                .collect(),
            search: asked.search.clone(),
            limit: u32::try_from(asked.limit).unwrap_or(u32::MAX),
            after,
        };
        self.engine.query(request).await
    }

    /// Asks for one row.
    pub async fn row(
        &self,
        caller: Option<&Caller>,
        of: Id<Aggregate>,
        key: &Value,
        rename: &Rename,
    ) -> backend::RowAnswer {
        let request = backend::RowRequest {
            aggregate: of,
            key: rename.value(key),
            asked: self.asked(caller, rename),
        };
        self.engine.row(request).await
    }

    /// Hands a message of an external in.
    pub async fn message(
        &self,
        (external, message): (Id<External>, Id<Sends>),
        id: &Text,
        content: &Value,
        rename: &Rename,
    ) {
        let inbound = backend::Inbound {
            external,
            message,
            id: id.to_string(),
            content: rename.value(content),
            at: self.world.now(),
            trace: Trace::new(&*self.world.random),
        };
        self.engine.inbound(inbound).await;
    }

    /// Waits until nothing is under way.
    ///
    /// # Errors
    /// Where it does not come to rest.
    pub async fn settle(&self) -> Result<(), String> {
        for round in 0..900_u64 {
            if self.engine.quiet().await {
                return Ok(());
            }
            tokio::time::sleep(Length::from_micros(200 + round.min(40) * 100)).await;
        }
        let (figures, rest) = (self.engine.figures(), self.rest().await);
        Err(format!("it does not come to rest: {figures:?} {rest:?}"))
    }

    /// What is at rest.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn rest(&self) -> Result<Rest, String> {
        self.engine.rest().await.map_err(|error| error.to_string())
    }

    /// Moves the clock.
    pub fn set(&self, at: i64) {
        let _ = Moment(at);
        self.clock.set(at);
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.engine.abort();
    }
}
