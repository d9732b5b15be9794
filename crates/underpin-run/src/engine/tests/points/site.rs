//! An engine on a folder of its own that is stopped at a place, and externals that refuse what a
//! case says.

use super::super::house::{finest, services};
use crate::backend::{Backend as _, Pending};
use crate::engine::{Engine, Ground};
use crate::externals::{Behaviour, ExternalCall, ExternalOutcome, Externals, Simulated};
use crate::store::{Hook, OpenError};
use crate::testing::TempFolder;
use crate::world::{ManualClock, Moment, World};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use underpin_brief::model::*;

/// An operation that refuses every call, and how.
pub(super) type Refusing = (Id<External>, Id<ExternalOperation>, String);

/// Simulated externals that remember what was asked of them.
pub(super) struct Script {
    simulated: Simulated,
    refusing: Option<Refusing>,
    pub(super) asked: Mutex<Vec<(Id<External>, Id<ExternalOperation>)>>,
}

struct Door(Arc<Script>);

impl Externals for Door {
    fn call(&self, call: ExternalCall) -> Pending<'_, ExternalOutcome> {
        let of = (call.external, call.operation);
        self.0.asked.lock().unwrap().push(of);
        match &self.0.refusing {
            Some((external, operation, code)) if (*external, *operation) == of => {
                let refused = ExternalOutcome::Refused(code.clone());
                Box::pin(std::future::ready(refused))
            }
            _ => self.0.simulated.call(call),
        }
    }
}

/// Counts places, and stops at one.
#[derive(Clone, Default)]
pub(super) struct Places {
    /// Stops at the place by which this is used up; the largest number: nowhere, uncounted.
    left: Arc<AtomicUsize>,
    pub(super) seen: Arc<Mutex<Vec<String>>>,
}

impl Places {
    fn new() -> Self {
        let places = Self::default();
        places.left.store(usize::MAX, Ordering::SeqCst);
        places
    }

    /// Stops at the place of that number, the first being 0.
    pub(super) fn stop_at(&self, place: usize) {
        self.seen.lock().unwrap().clear();
        self.left.store(place + 1, Ordering::SeqCst);
    }

    pub(super) fn stopped(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    fn hook(&self) -> Hook {
        let places = self.clone();
        Arc::new(move |name| {
            let count = |left: usize| match left {
                usize::MAX | 0 => None,
                left => Some(left - 1),
            };
            let before = places
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, count);
            match before {
                Err(left) => left != 0,
                Ok(1) => false,
                Ok(_) => {
                    places.seen.lock().unwrap().push(name.to_owned());
                    true
                }
            }
        })
    }
}

/// The engine.
pub(super) struct Site {
    pub(super) brief: Arc<Brief>,
    pub(super) folder: TempFolder,
    pub(super) world: World,
    pub(super) clock: Arc<ManualClock>,
    pub(super) script: Arc<Script>,
    pub(super) places: Places,
    engine: Option<Engine>,
}

/// Every database under a folder, by its path in it.
fn databases(of: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![of.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "sqlite") {
                found.push(path.strip_prefix(of).expect("within").to_owned());
            }
        }
    }
    found
}

/// A copy of a folder whose engine is at rest.
pub(super) fn copy(from: &Path, to: &TempFolder) {
    for name in databases(from) {
        let into = to.folder.path(".").join(&name);
        let folder = into.parent().expect("a folder");
        std::fs::create_dir_all(folder).expect("a folder");
        let file = rusqlite::Connection::open(from.join(&name)).expect("a database");
        let into = into.display().to_string();
        file.execute("VACUUM INTO ?1", [into]).expect("a copy");
    }
}

impl Site {
    pub(super) async fn open(
        brief: &Arc<Brief>,
        from: Option<&Path>,
        at: Moment,
        seed: u64,
        refusing: Option<Refusing>,
    ) -> Self {
        let folder = TempFolder::new();
        if let Some(from) = from {
            for name in databases(from) {
                let into = folder.folder.path(".").join(&name);
                std::fs::create_dir_all(into.parent().expect("a folder")).expect("a folder");
                std::fs::copy(from.join(name), into).expect("a copy");
            }
        }
        let (world, clock) = World::settable(at, seed);
        let behaviour = Behaviour {
            instant: true,
            ..Behaviour::default()
        };
        let brief = Arc::clone(brief);
        let simulated =
            Simulated::new(Arc::clone(&brief), world.clone(), &folder.folder, behaviour);
        let script = Arc::new(Script {
            simulated,
            refusing,
            asked: Mutex::default(),
        });
        let mut site = Self {
            brief,
            folder,
            world,
            clock,
            script,
            places: Places::new(),
            engine: None,
        };
        site.start().await;
        site
    }

    async fn start(&mut self) {
        let path = self.folder.folder.path(".");
        for _ in 0..4000 {
            let door = Arc::new(Door(Arc::clone(&self.script)));
            let hook = self.places.hook();
            let services = services(&self.brief, finest());
            let mut ground = Ground::new(services, self.world.clone(), door);
            ground.hook = hook;
            match Engine::open(&self.brief, &path, &ground) {
                Ok(engine) => {
                    engine.start().await.expect("a journal that reads back");
                    self.engine = Some(engine);
                    return;
                }
                // A stopped engine lets go when its last task has seen that it stopped.
                Err(OpenError::InUse(_)) => tokio::time::sleep(Duration::from_millis(1)).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the folder is still in use");
    }

    pub(super) fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("an engine")
    }

    /// As after a crash: the same folder, the same world, no place to stop at.
    pub(super) async fn restart(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.abort();
        }
        self.places = Places::new();
        self.start().await;
    }

    async fn quiet(&self) -> bool {
        let engine = self.engine();
        let now = self.world.now().0;
        for node in &*engine.nodes {
            let clocks = node.store.read(move |rows| {
                let sql = "SELECT COUNT(*) FROM clocks WHERE due <= ?1";
                Ok(rows
                    .prepare(sql)?
                    .query_row([now], |row| row.get::<_, i64>(0))?)
            });
            if clocks.await != Ok(0) {
                return false;
            }
        }
        engine.quiet().await
    }

    /// Waits until nothing is under way, or it has stopped; time passes only where it must.
    pub(super) async fn settle(&self) -> Result<(), String> {
        let mut calm = 0;
        for round in 0..3000 {
            if self.places.stopped() {
                return Ok(());
            }
            calm = if self.quiet().await { calm + 1 } else { 0 };
            if calm > 1 {
                return Ok(());
            }
            if round > 300 {
                self.clock.advance(Duration::from_millis(50));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(format!(
            "it does not come to rest: {:?}",
            self.engine().figures()
        ))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.abort();
        }
    }
}
