//! Opening the services of a cut: one store each, in a folder that was made for this cut and no
//! other. It must not know what the services do.

use super::Engine;
use super::calls::{Budgets, Paces};
use super::core::Core;
use super::drive::{Gauges, Inner};
use super::gates::Gates;
use super::limits::{Buckets, Standings};
use super::placement::{Place, Placement, Services};
use super::remote::{Links, Whole};
use crate::externals::Externals;
use crate::store::{Contents, Hook, OpenError, Store, no_hook};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::{Notify, Semaphore, watch};
use underpin_brief::model::Brief;

/// The folder of the services, where there are several.
const SERVICES: &str = "services";

/// What an engine stands on.
#[derive(Clone)]
pub struct Ground {
    /// The services that it is cut into.
    pub services: Services,
    /// Clock, chance and ids.
    pub world: World,
    /// The door to other systems.
    pub externals: Arc<dyn Externals>,
    /// Where a test may stop it.
    pub hook: Hook,
    /// The way between services.
    pub links: Arc<dyn Links>,
}

impl Ground {
    /// Services between which nothing is lost and that nobody stops.
    #[must_use]
    pub fn new(services: Services, world: World, externals: Arc<dyn Externals>) -> Self {
        Self {
            services,
            world,
            externals,
            hook: no_hook(),
            links: Arc::new(Whole),
        }
    }
}

impl Engine {
    /// Opens the data folder for a brief and a cut. Nothing runs before [`Engine::start`].
    ///
    /// # Errors
    /// [`OpenError`]; the folder is then as it was.
    pub fn open(brief: &Arc<Brief>, folder: &Path, ground: &Ground) -> Result<Self, OpenError> {
        let services = &ground.services;
        made_for(folder, services)?;
        let placement = Arc::new(Placement::new(brief, &services.cut));
        let shared = Shared {
            buckets: Arc::default(),
            paces: Arc::new(Paces::new(brief, ground.world.now().0)),
            stop: Arc::new(watch::Sender::new(false)),
            draining: Arc::default(),
            quiescent: Arc::default(),
            exports: Arc::new(Semaphore::new(super::export::TOGETHER)),
        };
        let mut nodes: Vec<Arc<Inner>> = Vec::new();
        for (here, name) in services.names.iter().enumerate() {
            let place = Place {
                all: Arc::clone(&placement),
                here,
            };
            let folder = service_folder(folder, services, name)?;
            nodes.push(Arc::new(node(brief, &folder, ground, place, &shared)?));
        }
        for node in &nodes {
            let peers = nodes.iter().map(Arc::downgrade).collect();
            // Set once, here.
            let _ = node.peers.set(peers);
        }
        Ok(Self {
            nodes: nodes.into(),
            folder: folder.into(),
            placement,
        })
    }
}

/// What all services of a process have in common.
struct Shared {
    buckets: Arc<Buckets>,
    paces: Arc<Paces>,
    stop: Arc<watch::Sender<bool>>,
    draining: Arc<AtomicBool>,
    quiescent: Arc<AtomicBool>,
    exports: Arc<Semaphore>,
}

fn node(
    brief: &Arc<Brief>,
    folder: &Path,
    ground: &Ground,
    place: Place,
    shared: &Shared,
) -> Result<Inner, OpenError> {
    let contents = place.all.contents(brief, place.here);
    let store = Store::open(folder, brief, contents, Arc::clone(&ground.hook))?;
    let (world, hook) = (ground.world.clone(), Arc::clone(&ground.hook));
    Ok(Inner {
        budgets: Budgets::new(brief, world.now().0),
        core: Arc::new(
            Core::new(brief, store.schema(), world, hook, place).under(store.standing()),
        ),
        store,
        externals: Arc::clone(&ground.externals),
        buckets: Arc::clone(&shared.buckets),
        standings: Standings::default(),
        paces: Arc::clone(&shared.paces),
        gates: Arc::new(Gates::new(ground.world.now().0)),
        peers: OnceLock::new(),
        links: Arc::clone(&ground.links),
        flows: Mutex::new(BTreeMap::new()),
        gauges: Gauges::default(),
        wake: Notify::new(),
        feeds: super::feeds::Room::default(),
        stop: Arc::clone(&shared.stop),
        draining: Arc::clone(&shared.draining),
        quiescent: Arc::clone(&shared.quiescent),
        exports: Arc::clone(&shared.exports),
    })
}

/// The folder of each service's store, with what stands in it.
pub(super) fn stores(
    brief: &Brief,
    services: &Services,
    folder: &Path,
) -> Vec<(PathBuf, Contents)> {
    let placement = Placement::new(brief, &services.cut);
    let store = |(here, name): (usize, &String)| {
        let folder = match services.names.len() {
            1 => folder.to_owned(),
            _ => folder.join(SERVICES).join(name),
        };
        (folder, placement.contents(brief, here))
    };
    services.names.iter().enumerate().map(store).collect()
}

fn service_folder(folder: &Path, services: &Services, name: &str) -> Result<PathBuf, OpenError> {
    if services.names.len() == 1 {
        return Ok(folder.to_owned());
    }
    let own = folder.join(SERVICES).join(name);
    match std::fs::create_dir_all(&own) {
        Ok(()) => Ok(own),
        Err(error) => Err(OpenError::Unusable(own, error.to_string())),
    }
}

/// Refuses a folder that was made for another cut: its rows stand elsewhere.
fn made_for(folder: &Path, services: &Services) -> Result<(), OpenError> {
    let several = folder.join(SERVICES);
    let mut found: BTreeSet<String> = BTreeSet::new();
    if several.is_dir() {
        let entries = std::fs::read_dir(&several)
            .map_err(|error| OpenError::Unusable(several.clone(), error.to_string()))?;
        let entries = entries.filter_map(Result::ok);
        found.extend(
            entries
                .filter(|entry| entry.path().join("store.sqlite").exists())
                .map(|entry| entry.file_name().to_string_lossy().into_owned()),
        );
    }
    let one = folder.join("store.sqlite").exists();
    let wanted: BTreeSet<String> = services.names.iter().cloned().collect();
    let fits = match services.names.len() {
        1 => found.is_empty(),
        _ => !one && (found.is_empty() || found.is_subset(&wanted)),
    };
    if fits {
        return Ok(());
    }
    let was = match one {
        true => "one service".to_owned(),
        false => list(&found),
    };
    Err(OpenError::OtherBrief {
        folder: folder.to_owned(),
        differences: vec![format!(
            "its rows are those of {was}, and the design has {}",
            list(&wanted)
        )],
    })
}

fn list(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match names.as_slice() {
        [_] => "one service".to_owned(),
        several => format!("{} services ({})", several.len(), several.join(", ")),
    }
}
