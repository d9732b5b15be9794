//! What a feed tells, live or by webhook: one form of message for both, and the actions on the
//! endpoints that callers register. Knows neither how a message travels nor who gets it.

use crate::projection::{Column, Projection};
use crate::schema::{Components, Object, Schema};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use underpin_brief::model::{Feed, Id, Query, Value};

/// What a feed tells.
#[derive(Clone, Debug)]
pub struct FeedForm {
    /// Which feed.
    pub feed: Id<Feed>,
    /// Its name.
    pub name: Arc<str>,
    /// One per source, in the order of its `on`.
    pub messages: Vec<FeedMessage>,
    /// The query whose answer is the snapshot at the start of a stream.
    pub start: Option<Id<Query>>,
    /// Whether clients open a stream; otherwise it is delivered by webhook.
    pub live: bool,
}

/// One kind of message.
#[derive(Clone, Debug)]
pub struct FeedMessage {
    /// Its name, as `on` writes it: the event of a stream, the `type` of a message.
    pub name: Arc<str>,
    /// The component of the whole message.
    pub component: Arc<str>,
    /// What `data` holds.
    pub data: FeedData,
}

/// What `data` of a message holds.
#[derive(Clone, Debug)]
pub enum FeedData {
    /// What the feed shows; values are counted by its `show`.
    Shown(Projection),
    /// The fields of the event; values are counted by the slots of its source.
    Fields(Object),
}

/// What can be done with registered endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointAction {
    /// Registers one; the answer holds its secret.
    Create,
    /// Lists those of the caller.
    List,
    /// Shows one.
    Show,
    /// Draws another secret; the one before stays valid for a day.
    Rotate,
    /// Delivers again to one that was disabled.
    Enable,
    /// Stops delivering.
    Disable,
    /// Forgets it and what waits for it.
    Delete,
    /// Queues a message without content.
    Test,
    /// Queues again what happened in a range of time.
    Replay,
}

impl EndpointAction {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::List,
        Self::Show,
        Self::Rotate,
        Self::Enable,
        Self::Disable,
        Self::Delete,
        Self::Test,
        Self::Replay,
    ];

    /// The status when all is well.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Create => 201,
            Self::Delete => 204,
            Self::Test | Self::Replay => 202,
            _ => 200,
        }
    }

    /// The last segment of its path, behind the endpoint.
    #[must_use]
    pub fn verb(self) -> Option<&'static str> {
        match self {
            Self::Create | Self::List | Self::Show => None,
            Self::Rotate => Some("rotate"),
            Self::Enable => Some("enable"),
            Self::Disable => Some("disable"),
            Self::Delete => Some("delete"),
            Self::Test => Some("test"),
            Self::Replay => Some("replay"),
        }
    }

    /// Whether one endpoint is named.
    #[must_use]
    pub fn names_one(self) -> bool {
        !matches!(self, Self::Create | Self::List)
    }

    /// Whether it only reads.
    #[must_use]
    pub fn reads(self) -> bool {
        matches!(self, Self::List | Self::Show)
    }
}

impl FeedMessage {
    /// The whole message: `type`, `id` and `timestamp` (RFC 3339) of the event, `data`.
    #[must_use]
    pub fn render(
        &self,
        components: &Components,
        id: &str,
        time: &Value,
        values: &[Value],
    ) -> Json {
        let data = match &self.data {
            FeedData::Shown(projection) => {
                let value = |column: Column| values.get(column.show);
                Json::Object(projection.render(components, &value))
            }
            FeedData::Fields(object) => components.write(
                &Schema::Object(object.clone()),
                &Value::record(values.to_vec()),
            ),
        };
        let mut message = Map::new();
        message.insert("type".into(), json!(&*self.name));
        message.insert("id".into(), json!(id));
        message.insert("timestamp".into(), components.write(&Schema::Time, time));
        message.insert("data".into(), data);
        Json::Object(message)
    }
}
