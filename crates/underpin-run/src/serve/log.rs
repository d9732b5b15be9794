//! Logs: one JSON object per line on standard error. A line carries names, statuses, ids of traces
//! and durations, never a path, a parameter, a header or a body: data classes cannot leak through
//! what is not written. Must not know who logs.

use crate::trace::Trace;
use crate::world::Moment;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// How much a line weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What went as it should.
    Info,
    /// What should be looked at some day.
    Warn,
    /// What should be looked at now.
    Error,
}

impl Level {
    fn text(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A line under construction.
pub struct Line {
    fields: Map<String, Value>,
}

impl Line {
    /// A line with its message.
    #[must_use]
    pub fn new(at: Moment, level: Level, message: &str) -> Self {
        let mut fields = Map::new();
        fields.insert("time".into(), json!(at.to_string()));
        fields.insert("level".into(), json!(level.text()));
        fields.insert("message".into(), json!(message));
        Self { fields }
    }

    /// The same within a trace.
    #[must_use]
    pub fn trace(self, trace: Trace) -> Self {
        self.with("trace_id", trace.id())
            .with("span_id", format!("{:016x}", trace.span))
    }

    /// The same with a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }
}

/// Where lines go.
pub struct Log {
    sink: Option<Mutex<Box<dyn Write + Send>>>,
}

impl Log {
    /// Standard error.
    #[must_use]
    pub fn stderr() -> Self {
        Self::to(Box::new(std::io::stderr()))
    }

    /// Anywhere.
    #[must_use]
    pub fn to(sink: Box<dyn Write + Send>) -> Self {
        Self {
            sink: Some(Mutex::new(sink)),
        }
    }

    /// Nowhere.
    #[must_use]
    pub fn silent() -> Self {
        Self { sink: None }
    }

    /// Writes the line; a log that cannot be written is no reason to fail.
    pub fn write(&self, line: Line) {
        if let Some(sink) = &self.sink {
            let mut text = Value::Object(line.fields).to_string();
            text.push('\n');
            let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = sink.write_all(text.as_bytes());
        }
    }
}
