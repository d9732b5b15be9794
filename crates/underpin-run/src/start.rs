//! Starting and stopping a backend: from options to an open port, and back to rest. The only
//! place that puts the pieces together; it must not know what any of them does.

mod checks;
mod reception;

use crate::backend::Backend;
use crate::engine::{self, Services};
use crate::externals::{Behaviour, Chosen, Externals, Http, Simulated};
use crate::feeds::{Courier, Nobody};
use crate::folder::Folder;
use crate::identity::{ExternalIssuer, Issuer, Names, Provider, Trust};
use crate::serve::api::{self, Api, Cursors, Webhooks};
use crate::serve::blobs::Blobs;
use crate::serve::builtin::{self, Builtin};
use crate::serve::front::Front;
use crate::serve::log::{Level, Line, Log};
use crate::serve::metrics::Metrics;
use crate::serve::{Drain, Limits, Served, serve, sweep};
use crate::webhooks::{Reach, Sender};
use crate::world::{Moment, World};
use checks::{bind, data_folder, known_names, not_bound, reachable};
use reception::Reception;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use underpin_brief::codes::{Code, serving};
use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::model::{Brief, Deliver, Feed, Named};
use underpin_contract::Contract;

/// How a backend is to be run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; only loopback addresses, unless there is an `issuer`: tokens of the
    /// development issuer are made on the command line.
    pub address: IpAddr,
    /// The port; 0 for any free one.
    pub port: u16,
    /// The data folder.
    pub data: PathBuf,
    /// Refusals and outages of simulated externals are drawn from it; `None`: there are none.
    pub seed: Option<u64>,
    /// URLs of real externals by name.
    pub with: BTreeMap<String, String>,
    /// Fixed delays of simulated externals, by `external` or `external.operation`.
    pub slow: BTreeMap<String, Duration>,
    /// The OpenID Connect provider whose tokens are believed instead of the development issuer's.
    pub issuer: Option<ExternalIssuer>,
    /// Which endpoints messages of feeds are sent to.
    pub reach: Reach,
    /// Whether requests are logged on standard error.
    pub log: bool,
    /// How long requests in flight may take when the server stops.
    pub drain: Duration,
}

impl Options {
    /// On `127.0.0.1:8080` with that data folder, externals simulated without failures.
    #[must_use]
    pub fn new(data: PathBuf) -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8080,
            data,
            seed: None,
            with: BTreeMap::new(),
            slow: BTreeMap::new(),
            issuer: None,
            reach: Reach::Public,
            log: true,
            drain: Duration::from_secs(20),
        }
    }
}

/// What is served.
#[derive(Clone)]
pub struct Prepared {
    /// What is required.
    pub brief: Arc<Brief>,
    /// What clients see.
    pub contract: Arc<Contract>,
    /// The contract as an OpenAPI document.
    pub openapi: Json,
    /// The services of the design, all of which run in this process.
    pub services: Services,
}

/// What an engine stands on.
#[derive(Clone)]
pub struct Ground {
    /// Clock, chance and ids.
    pub world: World,
    /// The data folder.
    pub data: Folder,
    /// The door to other systems.
    pub externals: Arc<dyn Externals>,
    /// Who brings messages to endpoints.
    pub courier: Arc<dyn Courier>,
    /// Display names of subjects.
    pub names: Arc<Names>,
    /// Where lines go.
    pub log: Arc<Log>,
}

/// Why a backend did not start.
#[derive(Clone, Debug)]
pub struct StartError {
    /// The code, with its page.
    pub code: Code,
    /// What happened, in a line.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl StartError {
    /// An error without a help.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: None,
        }
    }

    /// The same with a help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  = help: {help}"),
            None => Ok(()),
        }
    }
}

/// A backend that serves.
pub struct Running {
    address: SocketAddr,
    ready_after: Duration,
    backend: Arc<dyn Backend>,
    simulated: Vec<String>,
    drain: Drain,
    limit: Duration,
    serving: JoinHandle<Served>,
    admin: Option<Reception>,
    log: Arc<Log>,
    world: World,
}

/// Starts a backend: checks the options, opens the data folder, lets `engine` build what executes,
/// and opens the port. When it returns, requests are answered.
///
/// # Errors
/// What is wrong with the options or the data folder, and what the engine says.
pub async fn start<E, F>(
    prepared: Prepared,
    options: Options,
    world: World,
    engine: E,
) -> Result<Running, StartError>
where
    E: FnOnce(Ground) -> F,
    F: Future<Output = Result<Arc<dyn Backend>, StartError>>,
{
    let began = world.now();
    reachable(&options)?;
    known_names(&prepared.brief, &options)?;
    let data = Folder::open(&options.data).map_err(|error| data_folder(&options, &error))?;
    let unusable = |error: io::Error| data_folder(&options, &error);
    let log = Arc::new(if options.log {
        Log::stderr()
    } else {
        Log::silent()
    });
    // The port is taken first: an engine that has begun to work must not find it taken.
    let listener = bind(&options).await?;
    let address = listener
        .local_addr()
        .map_err(|error| not_bound(&options, &error))?;
    let names = Arc::new(Names::of(&data).map_err(unusable)?);
    let trust = trust(&prepared.brief, &options, &data, (address, began)).await?;
    let externals = externals(&prepared.brief, &options, &world, &data)?;
    let ground = Ground {
        world: world.clone(),
        data: data.clone(),
        externals,
        courier: courier(&prepared, &options, &world)?,
        names,
        log: Arc::clone(&log),
    };
    let backend = engine(ground.clone()).await?;
    let (metrics, drain) = (Arc::new(Metrics::default()), Drain::default());
    let limits = Limits {
        body: largest_body(&prepared.contract),
        ..Limits::default()
    };
    let watched = (Arc::clone(&metrics), drain.clone());
    let handler = handler(&prepared, &ground, &backend, trust, watched).map_err(unusable)?;
    let front = Front::new(
        Arc::new(handler),
        world.clone(),
        limits,
        metrics,
        Arc::clone(&log),
    );
    let admin = match backend.admin() {
        Some(admin) => Some(
            reception::open(admin, &ground, &drain)
                .await
                .map_err(unusable)?,
        ),
        None => None,
    };
    let serving = tokio::spawn(serve(
        listener,
        Arc::new(front),
        drain.clone(),
        options.drain,
    ));
    Ok(Running {
        address,
        ready_after: world.now().since(began),
        backend,
        simulated: simulated(&prepared.brief, &options),
        drain,
        limit: options.drain,
        serving,
        admin,
        log,
        world,
    })
}

/// Whose tokens are believed.
async fn trust(
    brief: &Brief,
    options: &Options,
    data: &Folder,
    (address, now): (SocketAddr, Moment),
) -> Result<Trust, StartError> {
    let system = &brief.system.name.text;
    let Some(issuer) = &options.issuer else {
        let own =
            Issuer::at(data, system, address).map_err(|error| data_folder(options, &error))?;
        return Ok(Trust::Development(Arc::new(own)));
    };
    let url = issuer.url.clone();
    let actors = checks::sign_in_elsewhere(brief);
    let opened = Provider::open(issuer.clone(), system, actors, data, now).await;
    opened.map(Trust::External).map_err(|why| {
        StartError::new(
            serving::U0697,
            format!("the issuer `{url}` cannot be used: {why}"),
        )
        .help(
            "`--issuer` is the `issuer` of its `/.well-known/openid-configuration`, to the letter",
        )
    })
}

/// Everything that answers: the contract's operations behind what every backend answers.
fn handler(
    prepared: &Prepared,
    ground: &Ground,
    backend: &Arc<dyn Backend>,
    trust: Trust,
    (metrics, drain): (Arc<Metrics>, Drain),
) -> io::Result<Builtin> {
    let Ground {
        data, world, names, ..
    } = ground;
    let blobs = Blobs::of(data)?;
    if !prepared.contract.blobs.commands.is_empty() {
        let (kept, backend, world) = (blobs.clone(), Arc::clone(backend), world.clone());
        tokio::spawn(sweep::watch(kept, backend, world, drain.clone()));
    }
    let api = Api::new(api::Parts {
        contract: Arc::clone(&prepared.contract),
        backend: Arc::clone(backend),
        trust: trust.clone(),
        names: Arc::clone(names),
        cursors: Cursors::of(data, &*world.random)?,
        webhooks: Webhooks::of(&prepared.brief, data, &*world.random)?,
        blobs,
        world: world.clone(),
        clock: Arc::clone(&world.clock),
        drain: drain.clone(),
    });
    Ok(Builtin::new(builtin::Parts {
        backend: Arc::clone(backend),
        metrics,
        drain,
        openapi: prepared.openapi.clone(),
        trust,
        next: Arc::new(api),
    }))
}

/// A backend on the embedded engine, with what is to be told about it.
pub struct Started {
    /// The backend.
    pub running: Running,
    /// Flows that were found unfinished and go on: name and id.
    pub recovered: Vec<String>,
    /// What the brief declares and is not served yet.
    pub notes: Vec<Diagnostic>,
    /// What of the folder was migrated from an earlier brief, in a line each.
    pub migrated: Vec<String>,
    /// Rows that were made as a sample, by aggregate.
    pub sampled: Vec<(String, u64)>,
}

/// Starts a backend on the embedded engine: one process, SQLite in the data folder. With `sample`
/// an empty folder is filled through ordinary commands.
///
/// # Errors
/// As [`start`]; a data folder that is in use or was made by another brief, which is then as it was.
pub async fn start_embedded(
    prepared: Prepared,
    options: Options,
    sample: bool,
) -> Result<Started, StartError> {
    let (brief, services) = (Arc::clone(&prepared.brief), prepared.services.clone());
    let mut told = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let found = &mut told;
    let engine = |ground: Ground| async move {
        let begun = engine::begin(&brief, services, ground, sample).await?;
        *found = (begun.recovered, begun.notes, begun.migrated, begun.sampled);
        Ok(begun.backend)
    };
    let running = start(prepared, options, World::system(), engine).await?;
    let (recovered, notes, migrated, sampled) = told;
    Ok(Started {
        running,
        recovered,
        notes,
        migrated,
        sampled,
    })
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long it took to start.
    #[must_use]
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// What executes.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// Names of externals that are simulated.
    #[must_use]
    pub fn simulated(&self) -> &[String] {
        &self.simulated
    }

    /// The switch that stops it, for whoever stands beside.
    #[must_use]
    pub fn drain(&self) -> Drain {
        self.drain.clone()
    }

    /// Stops: answers what is in flight, lets the engine come to rest.
    pub async fn stop(self) -> Served {
        self.note("draining");
        self.drain.begin();
        self.finish().await
    }

    /// Serves until the process is told to end (SIGTERM, SIGINT), then stops.
    pub async fn until_told(self) -> Served {
        let drain = self.drain.clone();
        tokio::select! {
            () = told_to_end() => {}
            () = drain.begun() => {}
        }
        self.stop().await
    }

    async fn finish(self) -> Served {
        let Self {
            backend,
            limit,
            serving,
            admin,
            log,
            world,
            ..
        } = self;
        let served = serving.await.unwrap_or(Served::Cut);
        if let Some(admin) = admin {
            admin.close().await;
        }
        backend.drain(limit).await;
        log.write(Line::new(world.now(), Level::Info, "stopped"));
        served
    }

    fn note(&self, message: &str) {
        self.log
            .write(Line::new(self.world.now(), Level::Info, message));
    }
}

/// Runs a future to its end on a runtime of its own, with every processor.
///
/// # Errors
/// Where the machine gives no threads.
pub fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(future))
}

#[cfg(unix)]
async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    // A machine that gives no signal handlers leaves the default: the process ends at once.
    match (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn told_to_end() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

fn externals(
    brief: &Arc<Brief>,
    options: &Options,
    world: &World,
    data: &Folder,
) -> Result<Arc<dyn Externals>, StartError> {
    let behaviour = Behaviour {
        seed: options.seed,
        slow: options.slow.clone(),
        instant: false,
    };
    let others = Simulated::new(Arc::clone(brief), world.clone(), data, behaviour);
    let mut real: BTreeMap<_, Arc<dyn Externals>> = BTreeMap::new();
    for (name, url) in &options.with {
        if let Some(id) = brief.externals.find(name) {
            let http = Http::new(brief, id, url, Arc::clone(&world.clock)).map_err(|error| {
                StartError::new(serving::U0694, format!("`--with {name}=…`: {error}"))
                    .help(format!("for example `--with {name}=http://localhost:9000`"))
            })?;
            real.insert(id, Arc::new(http));
        }
    }
    Ok(Arc::new(Chosen {
        real,
        others: Arc::new(others),
    }))
}

/// Who brings messages to endpoints; nobody where no feed is delivered so.
fn courier(
    prepared: &Prepared,
    options: &Options,
    world: &World,
) -> Result<Arc<dyn Courier>, StartError> {
    let sends = |feed: &Feed| matches!(feed.deliver, Deliver::Webhook(_));
    if !prepared.brief.feeds.rows().iter().any(sends) {
        return Ok(Arc::new(Nobody));
    }
    let contract = Arc::clone(&prepared.contract);
    let sender = Sender::new(contract, Arc::clone(&world.clock), options.reach);
    let unusable = |error| {
        StartError::new(
            serving::U0694,
            format!("messages of feeds cannot be sent: the certificates of this machine: {error}"),
        )
    };
    Ok(Arc::new(sender.map_err(unusable)?))
}

fn simulated(brief: &Brief, options: &Options) -> Vec<String> {
    let names = brief.externals.rows().iter().map(Named::name);
    names
        .filter(|name| !options.with.contains_key(*name))
        .map(str::to_owned)
        .collect()
}

/// The front reads as much as the most generous operation takes.
fn largest_body(contract: &Contract) -> usize {
    let bodies = contract
        .operations
        .iter()
        .filter_map(|operation| operation.body.as_ref());
    let most = bodies.map(|body| body.max_bytes).max().unwrap_or(0);
    usize::try_from(most)
        .unwrap_or(usize::MAX)
        .clamp(64 * 1024, 64 * 1024 * 1024)
}

#[cfg(test)]
mod tests;
