//! What the tests of this crate share.

use crate::backend::*;
use crate::feeds::{EndpointAnswer, EndpointRequest, FeedAnswer, FeedRequest};
use crate::folder::Folder;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A data folder that is removed at the end of a test.
pub(crate) struct TempFolder {
    pub(crate) folder: Folder,
    path: PathBuf,
}

impl TempFolder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("underpin-run-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let folder = Folder::open(&path).expect("a temporary folder");
        Self { folder, path }
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// A backend that gives the answers that a test has put in, and keeps what it was asked.
#[derive(Default)]
pub(crate) struct FakeBackend {
    pub(crate) unready: Option<String>,
    pub(crate) command: Option<CommandAnswer>,
    pub(crate) query: Option<QueryAnswer>,
    pub(crate) row: Option<RowAnswer>,
    pub(crate) flow: Option<FlowAnswer>,
    pub(crate) blob: Option<BlobAnswer>,
    pub(crate) commands: Mutex<Vec<CommandRequest>>,
    pub(crate) queries: Mutex<Vec<QueryRequest>>,
    pub(crate) messages: Mutex<Vec<Inbound>>,
}

fn ready<'a, T: Send + 'a>(value: T) -> Pending<'a, T> {
    Box::pin(std::future::ready(value))
}

fn missing() -> Refusal {
    Refusal::new(refusal::NOT_FOUND)
}

impl Backend for FakeBackend {
    fn command(&self, request: CommandRequest) -> Pending<'_, CommandAnswer> {
        self.commands.lock().unwrap().push(request);
        ready(
            self.command
                .clone()
                .unwrap_or_else(|| CommandAnswer::Refused(missing())),
        )
    }

    fn bulk(&self, request: BulkRequest) -> Pending<'_, BulkAnswer> {
        let answers = request.requests().map(|one| {
            self.commands.lock().unwrap().push(one);
            self.command
                .clone()
                .unwrap_or_else(|| CommandAnswer::Refused(missing()))
        });
        ready(BulkAnswer::Each(answers.collect()))
    }

    fn query(&self, request: QueryRequest) -> Pending<'_, QueryAnswer> {
        self.queries.lock().unwrap().push(request);
        ready(
            self.query
                .clone()
                .unwrap_or_else(|| QueryAnswer::Refused(missing())),
        )
    }

    fn export(&self, request: QueryRequest) -> Pending<'_, ExportAnswer> {
        self.queries.lock().unwrap().push(request);
        ready(ExportAnswer::Refused(missing()))
    }

    fn changes(&self, request: ChangesRequest) -> Pending<'_, ChangesAnswer> {
        self.queries.lock().unwrap().push(request.query);
        ready(ChangesAnswer::Refused(missing()))
    }

    fn blob(&self, _: BlobRequest) -> Pending<'_, BlobAnswer> {
        ready(self.blob.unwrap_or(BlobAnswer::Unknown))
    }

    fn row(&self, _: RowRequest) -> Pending<'_, RowAnswer> {
        ready(
            self.row
                .clone()
                .unwrap_or_else(|| RowAnswer::Refused(missing())),
        )
    }

    fn flow(&self, _: FlowRequest) -> Pending<'_, FlowAnswer> {
        ready(
            self.flow
                .clone()
                .unwrap_or_else(|| FlowAnswer::Refused(missing())),
        )
    }

    fn cancel(&self, request: FlowRequest) -> Pending<'_, FlowAnswer> {
        self.flow(request)
    }

    fn inbound(&self, message: Inbound) -> Pending<'_, InboundAnswer> {
        self.messages.lock().unwrap().push(message);
        ready(InboundAnswer::Stored)
    }

    fn subscribe(&self, _: FeedRequest) -> Pending<'_, FeedAnswer> {
        ready(FeedAnswer::Refused(missing()))
    }

    fn endpoints(&self, _: EndpointRequest) -> Pending<'_, EndpointAnswer> {
        ready(EndpointAnswer::Refused(missing()))
    }

    fn figures(&self) -> Figures {
        Figures {
            unready: self.unready.clone(),
            ..Figures::default()
        }
    }

    fn drain(&self, _: Duration) -> Pending<'_, ()> {
        ready(())
    }
}

/// The whole answer to a request that says `connection: close`.
pub(crate) async fn sent(address: SocketAddr, request: &str) -> String {
    let request = request.to_owned();
    let exchange = move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(5)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A server that turns a request away may close before it has read all of it.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    };
    tokio::task::spawn_blocking(exchange).await.unwrap()
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("")
}

/// Parts of a brief made by hand, for tests below the level of text.
pub(crate) mod made {
    use std::sync::Arc;
    use underpin_brief::model::*;
    use underpin_brief::source::Span;

    pub(crate) fn name(text: &str) -> Name {
        Name {
            text: text.into(),
            span: Span::default(),
        }
    }

    pub(crate) fn field(text: &str, ty: Type) -> Field {
        Field {
            name: name(text),
            ty,
            marks: Marks::default(),
            min: None,
            max: None,
            count: None,
            default: None,
            typical: None,
            media: None,
            merge: None,
            since: None,
            until: None,
            was: None,
        }
    }

    pub(crate) fn operation(
        text: &str,
        input: Vec<Field>,
        output: Vec<Field>,
    ) -> ExternalOperation {
        ExternalOperation {
            name: name(text),
            path: NodePath::declaration("operation", text),
            idempotent: None,
            read: false,
            input,
            input_shape: Arc::default(),
            output,
            output_shape: Arc::default(),
            fails: Vec::new(),
            undo: None,
            status: None,
            latency: None,
            availability: None,
            rate: None,
            stale: None,
        }
    }

    pub(crate) fn external(text: &str, operations: Vec<ExternalOperation>) -> External {
        External {
            name: name(text),
            legacy: false,
            team: None,
            contract: None,
            operations: Table::new(operations),
            sends: Table::default(),
            latency: None,
            availability: None,
            rate: None,
            holds: Vec::new(),
            store: None,
            serves: None,
            freezes: Vec::new(),
        }
    }

    pub(crate) fn brief(externals: Vec<External>) -> Brief {
        Brief {
            system: System {
                name: name("demo"),
                title: None,
                purpose: None,
                currencies: Currency::parse("EUR").into_iter().collect(),
                regions: Vec::new(),
                version: Version {
                    number: 1,
                    serves: Vec::new(),
                },
            },
            teams: Table::default(),
            actors: Table::default(),
            externals: Table::new(externals),
            records: Table::default(),
            enums: Table::default(),
            aggregates: Table::default(),
            events: Table::default(),
            views: Table::default(),
            queries: Table::default(),
            commands: Table::default(),
            policies: Table::default(),
            feeds: Table::default(),
            limits: Table::default(),
            tenancy: None,
            tiers: Table::default(),
            flags: Table::default(),
            slices: Table::default(),
            quality: Quality::default(),
            costs: Vec::new(),
            pins: Vec::new(),
            questions: Vec::new(),
            texts: Texts::default(),
        }
    }
}
