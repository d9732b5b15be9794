//! Who uses the system, who builds it, and what it depends on.

use super::*;

/// The header of a brief.
#[derive(Clone, Debug)]
pub struct System {
    /// Its name.
    pub name: Name,
    /// A title for people.
    pub title: Option<Text>,
    /// What it is for, in a sentence.
    pub purpose: Option<Text>,
    /// Currencies, the default first.
    pub currencies: Vec<Currency>,
    /// Regions, the default first.
    pub regions: Vec<Text>,
    /// The version of the contract; 1 where the brief says nothing.
    pub version: Version,
}

/// The version of the public contract and the older ones that are still served.
#[derive(Clone, Debug)]
pub struct Version {
    /// The current version.
    pub number: u32,
    /// Older ones.
    pub serves: Vec<ServedVersion>,
}

/// An older version that is still served.
#[derive(Clone, Debug)]
pub struct ServedVersion {
    /// Its number.
    pub number: u32,
    /// Until which day (days since 1970-01-01).
    pub until: Option<i32>,
}

/// A team.
#[derive(Clone, Debug)]
pub struct Team {
    /// Its name.
    pub name: Name,
    /// People in it.
    pub size: Option<u32>,
    /// What it knows.
    pub skills: Vec<Text>,
}

/// Kinds of actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// A person outside the organisation.
    Person,
    /// A person of the organisation.
    Staff,
    /// Another organisation's system.
    Partner,
    /// A system of the organisation.
    System,
}

/// Someone who uses the system.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Its name.
    pub name: Name,
    /// Its kind.
    pub kind: ActorKind,
    /// Whether it sees every tenant.
    pub cross_tenant: bool,
    /// Through what it comes.
    pub channels: Vec<Channel>,
    /// How it signs in (`password passkey oidc key mtls`).
    pub sign_in: Vec<Text>,
    /// Its roles.
    pub roles: Vec<Name>,
}

/// A kind of client.
#[derive(Clone, Debug)]
pub struct Channel {
    /// `web`, `mobile`, `server` …
    pub name: Name,
    /// Round-trip time of its network.
    pub rtt: Option<Duration>,
    /// Its bandwidth in bits per second.
    pub bandwidth: Option<u64>,
    /// `cookie` or `token`.
    pub session: Option<Text>,
    /// How long it must work without a connection.
    pub offline: Option<Duration>,
}

/// A system that somebody else runs.
#[derive(Clone, Debug)]
pub struct External {
    /// Its name.
    pub name: Name,
    /// Whether it is the system that is being replaced.
    pub legacy: bool,
    /// The team of ours that owns it: then it is a custom step behind a contract.
    pub team: Option<Id<Team>>,
    /// A file with its contract, relative to the brief.
    pub contract: Option<Text>,
    /// What can be asked of it.
    pub operations: Table<ExternalOperation>,
    /// What it tells us.
    pub sends: Table<Sends>,
    /// Its latency.
    pub latency: Option<Latency>,
    /// Its availability.
    pub availability: Option<Percent>,
    /// What it can take.
    pub rate: Option<Rate>,
    /// Aggregates whose data it still holds.
    pub holds: Vec<Id<Aggregate>>,
    /// Its store, if it is a legacy system.
    pub store: Option<LegacyStore>,
    /// Operations of ours that it still answers, with the path pattern that it serves.
    pub serves: Option<LegacyServes>,
    /// When it must not change.
    pub freezes: Vec<Freeze>,
}

/// How long an answer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// Median.
    pub p50: Option<Duration>,
    /// 99th percentile.
    pub p99: Option<Duration>,
}

/// The store of a legacy system.
#[derive(Clone, Debug)]
pub struct LegacyStore {
    /// `oracle`, `mysql` …
    pub kind: Text,
    /// Its version.
    pub version: Option<Text>,
    /// How changes can be captured (`log`, `trigger`, `poll`).
    pub capture: Option<Text>,
}

/// What a legacy system still answers.
#[derive(Clone, Debug)]
pub struct LegacyServes {
    /// Names of operations of ours.
    pub operations: Vec<Name>,
    /// The path pattern.
    pub path: Option<Text>,
}

/// A period in which nothing may change.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// First day (days since 1970-01-01).
    pub from: i32,
    /// Last day.
    pub to: i32,
    /// Why.
    pub reason: Option<Text>,
}

/// An operation of an external system.
#[derive(Clone, Debug)]
pub struct ExternalOperation {
    /// Its name.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// The input field that identifies a repetition.
    pub idempotent: Option<usize>,
    /// Whether it changes nothing there.
    pub read: bool,
    /// What it takes: `input` in its own undo.
    pub input: Vec<Field>,
    /// The shape of `input`.
    pub input_shape: Arc<Shape>,
    /// What it answers.
    pub output: Vec<Field>,
    /// The shape of the output, the type of the binding of a call.
    pub output_shape: Arc<Shape>,
    /// How it refuses.
    pub fails: Vec<Fails>,
    /// What takes its effect back.
    pub undo: Option<OperationUndo>,
    /// The operation (of the same external) that tells whether it happened.
    pub status: Option<Id<ExternalOperation>>,
    /// Its latency, where it differs.
    pub latency: Option<Latency>,
    /// Its availability, where it differs.
    pub availability: Option<Percent>,
    /// What it can take, where it differs.
    pub rate: Option<Rate>,
    /// How old its answer may be.
    pub stale: Option<Duration>,
}

/// A way in which an external operation refuses.
#[derive(Clone, Debug)]
pub struct Fails {
    /// The code.
    pub code: Name,
    /// Its share of calls.
    pub share: Option<Percent>,
}

/// The operation that takes an effect back.
#[derive(Clone, Debug)]
pub struct OperationUndo {
    /// An operation of the same external.
    pub operation: Id<ExternalOperation>,
    /// Its input, over `input` and `output` of the operation that is undone.
    pub sets: Vec<Assign>,
}

/// A message that an external sends.
#[derive(Clone, Debug)]
pub struct Sends {
    /// Its name.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// How it comes.
    pub via: Via,
    /// The topic, where there is one.
    pub topic: Option<Text>,
    /// The format, where it is not JSON.
    pub format: Option<Text>,
    /// Which fields make its ordering key.
    pub key: Vec<usize>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// The shape of `event` in a policy on it.
    pub shape: Arc<Shape>,
    /// How often it comes.
    pub loads: Vec<Load>,
}

/// How a message comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// An HTTP request of theirs, verified.
    Webhook,
    /// A Kafka topic.
    Kafka,
    /// An AMQP queue.
    Amqp,
    /// A NATS subject.
    Nats,
}
