//! A house to test in: an engine on a data folder, a world that can be set, externals that do as
//! they are told.

use super::mail::Mail;
use crate::backend::*;
use crate::engine::{Engine, Ground, Links, Passage, Services};
use crate::externals::{ExternalCall, ExternalOutcome, Externals};
use crate::feeds::Courier;
use crate::forms::Form;
use crate::identity::Caller;
use crate::store::{Hook, no_hook};
use crate::testing::TempFolder;
use crate::trace::Trace;
use crate::world::{ManualClock, Moment, World};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use underpin_brief::flow::Cut;
use underpin_brief::model::*;

pub(super) const SHOP: &str = include_str!("shop.kdl");
const START: Moment = Moment(1_790_000_000_000_000);

pub(super) fn brief(text: &str) -> Arc<Brief> {
    let checked = underpin_brief::resolve::check_text("test.kdl", text);
    let found: Vec<String> = checked
        .diagnostics
        .iter()
        .filter(|found| found.severity == underpin_brief::diagnostic::Severity::Error)
        .map(|found| format!("{} {} {:?}", found.code, found.message, found.primary.span))
        .collect();
    Arc::new(
        checked
            .brief
            .unwrap_or_else(|| panic!("the brief checks: {found:#?}")),
    )
}

/// What an external does next.
#[derive(Clone, Debug)]
pub(super) enum Does {
    Refuses(&'static str),
    Fails,
    /// The effect happens, the answer is lost.
    Loses,
    /// Nothing happens, nobody knows.
    Swallows,
}

/// What a reading operation answers.
pub(super) type Reads = fn(&str, &Value) -> ExternalOutcome;

/// An external that remembers by key what it did, and can be told what to do next.
#[derive(Default)]
pub(super) struct Others {
    /// Effects: operation and identity of the call.
    pub(super) done: Mutex<BTreeMap<(String, String), Value>>,
    pub(super) calls: Mutex<Vec<String>>,
    pub(super) next: Mutex<Vec<Does>>,
    pub(super) closed: tokio::sync::Mutex<()>,
    /// What reading operations answer, by name and input, where a test says so.
    pub(super) reads: Mutex<Option<Reads>>,
    /// Operations that never answer.
    pub(super) silent: Mutex<Vec<&'static str>>,
    brief: Mutex<Option<Arc<Brief>>>,
}

impl Others {
    pub(super) fn then(&self, does: Does) {
        self.next.lock().unwrap().push(does);
    }

    pub(super) fn count(&self, operation: &str) -> usize {
        self.done
            .lock()
            .unwrap()
            .keys()
            .filter(|(name, _)| name == operation)
            .count()
    }

    fn is_silent(&self, call: &ExternalCall) -> bool {
        let brief = self.brief.lock().unwrap().clone().expect("a brief");
        let operations = &brief.externals.get(call.external).operations;
        let name = operations.get(call.operation).name.text.to_string();
        self.silent.lock().unwrap().contains(&name.as_str())
    }

    fn answer(&self, call: &ExternalCall) -> ExternalOutcome {
        let brief = self.brief.lock().unwrap().clone().expect("a brief");
        let external = brief.externals.get(call.external);
        let operation = external.operations.get(call.operation);
        let name = operation.name.text.to_string();
        self.calls.lock().unwrap().push(name.clone());
        let reads = *self.reads.lock().unwrap();
        if let Some(reads) = reads.filter(|_| operation.read) {
            return reads(&name, &call.input);
        }
        let mut done = self.done.lock().unwrap();
        if operation.read {
            let asked = call.input.slot(0).clone();
            let found = done.values().find(|value| value.slot(1) == &asked);
            let receipt = found.map_or(Value::Null, |value| value.slot(0).clone());
            return ExternalOutcome::Answered(Value::record(vec![receipt]));
        }
        let next = {
            let mut next = self.next.lock().unwrap();
            if next.is_empty() {
                None
            } else {
                Some(next.remove(0))
            }
        };
        let identity = match operation.idempotent {
            Some(slot) => crate::store::codec::key_text(call.input.slot(slot)),
            None => call.key.clone(),
        };
        match next {
            Some(Does::Refuses(code)) => return ExternalOutcome::Refused(code.to_owned()),
            Some(Does::Fails) => return ExternalOutcome::Failed("down".to_owned()),
            Some(Does::Swallows) => return ExternalOutcome::Unknown("lost".to_owned()),
            Some(Does::Loses) | None => {}
        }
        let receipt = Value::text(&format!("receipt-{identity}"));
        let kept = Value::record(vec![receipt.clone(), call.input.slot(0).clone()]);
        done.insert((name, identity), kept);
        match next {
            Some(Does::Loses) => ExternalOutcome::Unknown("lost".to_owned()),
            _ if operation.output.is_empty() => ExternalOutcome::Answered(Value::record(vec![])),
            _ => ExternalOutcome::Answered(Value::record(vec![receipt])),
        }
    }
}

struct Door(Arc<Others>);

impl Externals for Door {
    fn call(&self, call: ExternalCall) -> Pending<'_, ExternalOutcome> {
        Box::pin(async move {
            let _open = self.0.closed.lock().await;
            if self.0.is_silent(&call) {
                std::future::pending::<()>().await;
            }
            self.0.answer(&call)
        })
    }
}

/// Whether the suite runs with as many services as briefs allow: every test of the engine holds
/// under every cut.
pub(super) fn finest() -> bool {
    std::env::var("UNDERPIN_TEST_CUT").is_ok_and(|cut| cut == "finest")
}

pub(super) fn services(brief: &Brief, finest: bool) -> Services {
    match finest {
        true => Services::of(brief, Cut::finest(brief)),
        false => Services::one(brief),
    }
}

/// Waits until a stopped engine has let go of a store.
fn released(store: &Path) {
    for _ in 0..8000 {
        let file = std::fs::File::open(store.join("store.lock")).expect("a lock");
        if file.try_lock().is_ok() {
            folded(store);
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the folder is still in use");
}

/// The last connection to close takes the log away, unless two close at once: then this one does.
fn folded(store: &Path) {
    for _ in 0..400 {
        if !store.join("store.sqlite-wal").exists() {
            return;
        }
        let last = rusqlite::Connection::open(store.join("store.sqlite")).expect("a database");
        let fold = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        // Where another one is still open it is tried again.
        let _ = last.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], fold);
        drop(last);
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the log of the store stays");
}

/// Links that lose something of every step: its first message, or the first answer to it.
#[derive(Default)]
struct Leaky {
    tried: Mutex<BTreeMap<(String, u64), u32>>,
}

impl Links for Leaky {
    fn pass(&self, _: usize, _: usize, flow: &str, step: u64) -> Passage {
        let mut tried = self.tried.lock().unwrap();
        let times = tried.entry((flow.to_owned(), step)).or_insert(0);
        *times += 1;
        match (*times, step % 2) {
            (1, 0) => Passage::Lost,
            (1, _) => Passage::Unanswered,
            _ => Passage::Whole,
        }
    }
}

/// An engine that can be stopped and started again on the same folder.
pub(super) struct House {
    pub(super) brief: Arc<Brief>,
    pub(super) world: World,
    pub(super) clock: Arc<ManualClock>,
    pub(super) others: Arc<Others>,
    pub(super) folder: TempFolder,
    pub(super) services: Services,
    pub(super) mail: Arc<Mail>,
    engine: Option<Engine>,
}

impl House {
    pub(super) async fn new(text: &str) -> Self {
        Self::with(text, no_hook()).await
    }

    pub(super) async fn with(text: &str, hook: Hook) -> Self {
        Self::cut(text, hook, finest()).await
    }

    pub(super) async fn cut(text: &str, hook: Hook, finest: bool) -> Self {
        let brief = brief(text);
        let services = services(&brief, finest);
        let (world, clock) = World::settable(START, 1);
        let others = Arc::new(Others::default());
        *others.brief.lock().unwrap() = Some(Arc::clone(&brief));
        let folder = TempFolder::new();
        let mut house = Self {
            brief,
            world,
            clock,
            others,
            folder,
            services,
            mail: Arc::default(),
            engine: None,
        };
        house.open(hook).await;
        house
    }

    pub(super) async fn open(&mut self, hook: Hook) -> Vec<String> {
        let door = Arc::new(Door(Arc::clone(&self.others)));
        let path = self.folder.folder.path(".");
        // A stopped engine lets go of the folder when its last task has seen that it stopped.
        for _ in 0..400 {
            let door = Arc::clone(&door) as Arc<dyn Externals>;
            let mut ground = Ground::new(self.services.clone(), self.world.clone(), door);
            ground.hook = Arc::clone(&hook);
            ground.links = Arc::new(Leaky::default());
            let opened = Engine::open(&self.brief, &path, &ground);
            match opened {
                Ok(engine) => {
                    engine.send_by(&(Arc::clone(&self.mail) as Arc<dyn Courier>));
                    let names = engine.start().await.expect("a journal that reads back");
                    self.engine = Some(engine);
                    return names;
                }
                Err(crate::store::OpenError::InUse(_)) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the folder is still in use");
    }

    /// Stops the engine as a crash would, and waits until it has let go of the folder.
    pub(super) fn stop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.abort();
        }
        for store in self.stores() {
            released(&store);
        }
    }

    /// The folder of each service's store.
    fn stores(&self) -> Vec<PathBuf> {
        let folder = self.folder.folder.path(".");
        match self.services.names.as_slice() {
            [_] => vec![folder],
            names => names
                .iter()
                .map(|name| folder.join("services").join(name))
                .collect(),
        }
    }

    /// From the next start on it is another brief's.
    pub(super) fn become_brief(&mut self, text: &str) {
        self.brief = brief(text);
        *self.others.brief.lock().unwrap() = Some(Arc::clone(&self.brief));
    }

    /// Names and bytes of the files of the folder, without the index of the log.
    pub(super) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut folders = self.stores();
        folders.push(self.folder.folder.path("."));
        folders.sort();
        folders.dedup();
        let entries = folders
            .iter()
            .flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
        let mut found: Vec<(String, Vec<u8>)> = entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_file() && !path.display().to_string().ends_with("-shm"))
            .map(|path| {
                (
                    path.display().to_string(),
                    std::fs::read(&path).expect("a file"),
                )
            })
            .collect();
        found.sort();
        found
    }

    /// A number that the database of a stopped engine finds.
    pub(super) fn database(&self, sql: &str) -> i64 {
        let path = self.folder.folder.path("store.sqlite");
        let connection = rusqlite::Connection::open(path).expect("a database");
        connection
            .query_row(sql, [], |row| row.get(0))
            .expect("a number")
    }

    /// A number that the database of a running engine finds.
    pub(super) async fn asked_of_store(&self, sql: String) -> i64 {
        let mut sum = 0;
        for node in &*self.engine().nodes {
            let sql = sql.clone();
            let read = node.store.read(move |rows| {
                let number = rows
                    .prepare(&sql)?
                    .query_row([], |row| row.get::<_, i64>(0));
                Ok(number?)
            });
            sum += read.await.expect("a number");
        }
        sum
    }

    pub(super) fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("an engine")
    }

    pub(super) async fn restart(&mut self) -> Vec<String> {
        if let Some(engine) = self.engine.take() {
            engine.abort();
        }
        self.open(no_hook()).await
    }

    pub(super) fn asked(&self, who: &str) -> Asked {
        Asked {
            caller: caller(who),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            at: self.world.now(),
            trace: Trace::new(&*self.world.random),
        }
    }

    pub(super) fn request(&self, who: &str, command: &str, input: &Json) -> CommandRequest {
        let id = self
            .brief
            .commands
            .find(command)
            .unwrap_or_else(|| panic!("no {command}"));
        let fields = &self.brief.commands.get(id).input;
        let input = Form::of(&self.brief, fields).read(input).expect("an input");
        CommandRequest {
            command: id,
            asked: self.asked(who),
            input,
            key: None,
            expected: None,
        }
    }

    pub(super) async fn answer(&self, request: CommandRequest) -> CommandAnswer {
        let answer = self.engine().command(request);
        tokio::time::timeout(Duration::from_secs(20), answer)
            .await
            .expect("an answer in time")
    }

    /// `ok` with what is returned, or the code of the refusal.
    pub(super) async fn run(&self, who: &str, command: &str, input: Json) -> Result<Done, String> {
        said(self.answer(self.request(who, command, &input)).await)
    }

    pub(super) async fn query(
        &self,
        who: &str,
        query: &str,
        with: impl FnOnce(&mut QueryRequest),
    ) -> QueryAnswer {
        let id = self.brief.queries.find(query).expect("a query");
        let slots = self.brief.queries.get(id).input_shape.slots.len();
        let mut request = QueryRequest {
            query: id,
            asked: self.asked(who),
            input: Value::record(vec![Value::Null; slots]),
            key: None,
            filters: Vec::new(),
            sorts: Vec::new(),
            search: None,
            limit: 50,
            after: None,
        };
        with(&mut request);
        self.engine().query(request).await
    }

    /// Shown values of a query's first page.
    /// What a query shows, once copies of rows are as new as the rows.
    pub(super) async fn rows(&self, who: &str, query: &str) -> Vec<Vec<Value>> {
        for _ in 0..2000 {
            if self.engine().caught_up().await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        match self.query(who, query, |_| ()).await {
            QueryAnswer::Page(page) => page.rows.into_iter().map(|row| row.values).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// Waits until nothing is under way.
    pub(super) async fn settle(&self) {
        for _ in 0..2000 {
            if self.engine().quiet().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it does not come to rest: {:?}", self.engine().figures());
    }

    pub(super) async fn stock(&self, sku: &str) -> i64 {
        let rows = self.rows("", "browse-products").await;
        let row = rows
            .iter()
            .find(|row| row[0] == Value::text(sku))
            .expect("a product");
        match row[3] {
            Value::Int(stock) => stock,
            ref other => panic!("{other:?}"),
        }
    }

    pub(super) async fn product(&self, sku: &str, stock: i64) {
        let input = json!({"sku": sku, "name": sku, "price": "10.00 EUR", "stock": stock});
        let input = match Form::of(
            &self.brief,
            &self
                .brief
                .commands
                .get(self.brief.commands.find("add-product").unwrap())
                .input,
        )
        .read(&input)
        {
            Ok(_) => input,
            Err(_) => {
                json!({"sku": sku, "name": sku, "price": {"amount": "10.00", "currency": "EUR"}, "stock": stock})
            }
        };
        self.run("clerk.manager/ada", "add-product", input)
            .await
            .expect("a product");
    }
}

pub(super) fn said(answer: CommandAnswer) -> Result<Done, String> {
    match answer {
        CommandAnswer::Done(done) => Ok(done),
        CommandAnswer::Accepted { flow, .. } => Err(format!("accepted {flow}")),
        CommandAnswer::Refused(refusal) => Err(refusal.code),
    }
}

/// `actor.role/subject@tenant`; nobody where empty.
pub(super) fn caller(who: &str) -> Option<Caller> {
    if who.is_empty() {
        return None;
    }
    let (actor, rest) = who.split_once('/').expect("actor/subject");
    let (actor, role) = actor.split_once('.').unwrap_or((actor, ""));
    let (id, tenant) = rest.split_once('@').unwrap_or((rest, ""));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(Caller {
        id: id.to_owned(),
        actor: actor.to_owned(),
        roles: some(role).into_iter().collect(),
        tenant: some(tenant),
        channel: Some("web".to_owned()),
        name: None,
        claims: serde_json::Map::new(),
    })
}
