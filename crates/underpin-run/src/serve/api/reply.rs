//! Answers of the backend as the contract writes them. Must not know how requests are read.

use super::Api;
use super::condition::{has_already, tag};
use super::parts::composed;
use crate::backend::{
    CommandAnswer, Done, FlowAnswer, FlowReport, FlowState, Page, QueryAnswer, Refusal, RowAnswer,
    RowMark, ShownRow, refusal,
};
use crate::serve::http::{Answer, Request};
use hyper::StatusCode;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_json::{Map, Value as Json, json};
use underpin_brief::model::{Id, Query, Value};
use underpin_contract::{
    Column, CommandReply, Components, Contract, Links, Operation, PageReply, PathTemplate,
    Projection, Reply, RowReply, Schema, Source,
};

impl Api {
    pub(super) fn command_reply(&self, operation: &Operation, answer: CommandAnswer) -> Answer {
        let Reply::Command(reply) = &operation.reply else {
            return self.defect();
        };
        match answer {
            CommandAnswer::Refused(refused) => self.refused(&refused),
            CommandAnswer::Accepted { flow, returned } => self.accepted(reply, &flow, &returned),
            CommandAnswer::Done(done) => self.done(reply, &done),
        }
    }

    fn done(&self, reply: &CommandReply, done: &Done) -> Answer {
        // A command that answers at once may be done before it is asked again with its key.
        let status = match reply.accepted {
            true => return self.accepted(reply, &done.flow, &done.returned),
            false => status(reply.status()),
        };
        let mut answer = if status == StatusCode::NO_CONTENT {
            Answer::empty(status)
        } else {
            Answer::json(status, &self.result(reply, done))
        };
        if let Some(mark) = &done.row {
            let item = reply.row.as_ref().and_then(|row| row.links.item.as_ref());
            if let Some(item) = item.filter(|_| status == StatusCode::CREATED) {
                answer = answer.header("location", &item.fill(&Components::key_texts(&mark.key)));
            }
            answer = answer.header("etag", &format!("\"{}\"", mark.version));
        }
        if done.replayed {
            answer = answer.header("idempotency-replayed", "true");
        }
        answer
    }

    /// The `return` fields and the links.
    fn result(&self, reply: &CommandReply, done: &Done) -> Json {
        let mut body = self.returned(reply, &done.returned);
        if let (Some(row), Some(mark)) = (&reply.row, &done.row)
            && !row.links.is_empty()
        {
            body.insert("links".into(), links(&row.links, mark));
        }
        Json::Object(body)
    }

    fn returned(&self, reply: &CommandReply, returned: &Value) -> Map<String, Json> {
        let form = Schema::Object(reply.returns.clone());
        match self.contract.components.write(&form, returned) {
            Json::Object(body) => body,
            _ => Map::new(),
        }
    }

    fn accepted(&self, reply: &CommandReply, flow: &str, returned: &Value) -> Answer {
        let mut body = self.returned(reply, returned);
        body.insert("flow".into(), json!(flow));
        body.insert("links".into(), self.flow_links(flow));
        let answer =
            Answer::json(StatusCode::ACCEPTED, &Json::Object(body)).header("retry-after", "1");
        match flow_path(&self.contract, Source::Flow) {
            Some(path) => answer.header("location", &path.fill(&[flow.to_owned()])),
            None => answer,
        }
    }

    fn flow_links(&self, flow: &str) -> Json {
        let mut links = Map::new();
        for (name, source) in [("flow", Source::Flow), ("cancel", Source::FlowCancel)] {
            if let Some(path) = flow_path(&self.contract, source) {
                links.insert(name.into(), json!(path.fill(&[flow.to_owned()])));
            }
        }
        Json::Object(links)
    }

    pub(super) fn flow_reply(&self, operation: &Operation, answer: FlowAnswer) -> Answer {
        match answer {
            FlowAnswer::Refused(refused) => self.refused(&refused),
            FlowAnswer::Known(report) => {
                let status = match operation.source {
                    Source::FlowCancel => StatusCode::ACCEPTED,
                    _ => StatusCode::OK,
                };
                let answer = Answer::json(status, &self.report(&report));
                match report.state {
                    FlowState::Running | FlowState::Undoing => answer.header("retry-after", "1"),
                    _ => answer,
                }
            }
        }
    }

    fn report(&self, report: &FlowReport) -> Json {
        let command = self.contract.command(report.command);
        let state = match &report.state {
            FlowState::Running => "running",
            FlowState::Undoing => "undoing",
            FlowState::Done(_) => "done",
            FlowState::Refused(_) => "refused",
            FlowState::InDoubt => "in-doubt",
            FlowState::Parked => "parked",
        };
        let mut body = Map::new();
        body.insert("flow".into(), json!(report.flow));
        body.insert(
            "operation".into(),
            json!(command.map(|operation| operation.id.as_ref())),
        );
        body.insert("state".into(), json!(state));
        body.insert("started".into(), json!(report.started.to_string()));
        if let Some((done, total)) = report.progress {
            body.insert("progress".into(), json!({ "done": done, "total": total }));
        }
        match &report.state {
            FlowState::Done(done) => {
                if let Some(Reply::Command(reply)) = command.map(|operation| &operation.reply) {
                    body.insert("result".into(), self.result(reply, done));
                }
            }
            FlowState::Refused(refused) => {
                let title = self.title(&refused.code, "the request was refused");
                let problem = json!({
                    "type": format!("/problems/{}", refused.code),
                    "title": title,
                    "status": self.status(&refused.code).as_u16(),
                    "code": refused.code,
                });
                body.insert("problem".into(), problem);
            }
            _ => {}
        }
        body.insert("links".into(), self.flow_links(&report.flow));
        Json::Object(body)
    }

    pub(super) fn query_reply(
        &self,
        operation: &Operation,
        request: &Request,
        (channel, scope): (&str, &str),
        answer: QueryAnswer,
    ) -> Answer {
        let reply = operation.reply_for(channel);
        let Source::Query(query) = operation.source else {
            return self.defect();
        };
        match (answer, reply) {
            (QueryAnswer::Refused(refused), _) => self.refused(&refused),
            (QueryAnswer::Page(page), Reply::Page(reply)) => {
                self.page(query, reply, request, scope, &page)
            }
            (QueryAnswer::One(row), Reply::Row(reply)) => {
                let mut body = self.row(reply, row.mark.as_ref(), &|column| {
                    shown(query, &row, column)
                });
                let missing = self.put_parts(&reply.parts, &row.parts, &mut body);
                let version = row.mark.as_ref().map(|mark| mark.version);
                composed(read(request, version, &body), &missing)
            }
            (QueryAnswer::One(row), Reply::Parts(reply)) => {
                let mut body = Json::Object(Map::new());
                let missing = self.put_parts(&reply.parts, &row.parts, &mut body);
                composed(read(request, None, &body), &missing)
            }
            _ => self.defect(),
        }
    }

    fn page(
        &self,
        query: Id<Query>,
        reply: &PageReply,
        request: &Request,
        scope: &str,
        page: &Page,
    ) -> Answer {
        let components = &self.contract.components;
        let mut missing = Vec::new();
        let mut parts = Vec::new();
        if !reply.parts.is_empty() {
            for row in &page.rows {
                let mut below = Json::Object(Map::new());
                missing.extend(self.put_parts(&reply.parts, &row.parts, &mut below));
                parts.push(below);
            }
        }
        let next = page
            .next
            .as_ref()
            .map(|position| next_page(request, &self.cursors.seal(scope, position)));
        let body = PageBody {
            items: Items {
                query,
                rows: &page.rows,
                parts: &parts,
                projection: &reply.projection,
                components,
            },
            next: next.as_deref(),
        };
        let Ok(text) = serde_json::to_string(&body) else {
            return self.defect();
        };
        let answer = composed(read_text(request, None, text), &missing);
        match next {
            Some(next) => answer.header("link", &format!("<{next}>; rel=\"next\"")),
            None => answer,
        }
    }

    pub(super) fn row_reply(
        &self,
        operation: &Operation,
        request: &Request,
        answer: RowAnswer,
    ) -> Answer {
        let Reply::Row(reply) = &operation.reply else {
            return self.defect();
        };
        match answer {
            RowAnswer::Refused(refused) => self.refused(&refused),
            RowAnswer::Shown { mark, by } => {
                let value = |column: Column| {
                    let (_, values) = by.iter().find(|(query, _)| *query == column.query)?;
                    values.get(column.show)
                };
                read(
                    request,
                    Some(mark.version),
                    &self.row(reply, Some(&mark), &value),
                )
            }
        }
    }

    pub(super) fn row<'v>(
        &self,
        reply: &RowReply,
        mark: Option<&RowMark>,
        value: &dyn Fn(Column) -> Option<&'v Value>,
    ) -> Json {
        let mut body = reply.projection.render(&self.contract.components, value);
        if let Some(mark) = mark.filter(|_| !reply.links.is_empty()) {
            body.insert("links".into(), links(&reply.links, mark));
        }
        Json::Object(body)
    }

    /// An answer of the backend that does not fit its operation.
    pub(super) fn defect(&self) -> Answer {
        self.refused(&Refusal::new(refusal::INTERNAL))
    }
}

/// A page as it is written.
#[derive(Serialize)]
struct PageBody<'a> {
    items: Items<'a>,
    next: Option<&'a str>,
}

/// The rows of a page.
struct Items<'a> {
    query: Id<Query>,
    rows: &'a [ShownRow],
    /// What stands below what is shown of each row, where there are parts.
    parts: &'a [Json],
    projection: &'a Projection,
    components: &'a Components,
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut items = to.serialize_seq(Some(self.rows.len()))?;
        for (at, row) in self.rows.iter().enumerate() {
            let value = |column| shown(self.query, row, column);
            match self.parts.get(at) {
                None => items.serialize_element(&self.projection.shown(self.components, &value))?,
                Some(below) => {
                    let mut row = self.projection.render(self.components, &value);
                    row.extend(below.as_object().cloned().unwrap_or_default());
                    items.serialize_element(&row)?;
                }
            }
        }
        items.end()
    }
}

/// An answer to a reading request, or 304 where the client has it.
fn read(request: &Request, version: Option<i64>, body: &Json) -> Answer {
    read_text(request, version, body.to_string())
}

fn read_text(request: &Request, version: Option<i64>, text: String) -> Answer {
    let tag = tag(version, &text);
    let answer = if has_already(request.header("if-none-match"), &tag) {
        Answer::empty(StatusCode::NOT_MODIFIED)
    } else {
        Answer::with(StatusCode::OK, "application/json", text)
    };
    answer
        .header("etag", &tag)
        .header("cache-control", "private, no-cache")
        .header("vary", "authorization")
}

pub(super) fn shown(query: Id<Query>, row: &ShownRow, column: Column) -> Option<&Value> {
    row.values
        .get(column.show)
        .filter(|_| column.query == query)
}

/// Where the row stands and which commands on it are open.
fn links(links: &Links, mark: &RowMark) -> Json {
    let key = Components::key_texts(&mark.key);
    links.render(&key, |link| mark.open.contains(&link.command))
}

/// The same question, continued at `after`.
fn next_page(request: &Request, after: &str) -> String {
    next_at(request, "after", after)
}

/// The same question with another position under `name`.
pub(super) fn next_at(request: &Request, name: &str, after: &str) -> String {
    let query = request.query.as_deref().unwrap_or("");
    let other = |pair: &&str| !pair.is_empty() && pair.split('=').next() != Some(name);
    let mut pairs: Vec<&str> = query.split('&').filter(other).collect();
    let last = format!("{name}={after}");
    pairs.push(&last);
    format!("{}?{}", request.path, pairs.join("&"))
}

fn flow_path(contract: &Contract, source: Source) -> Option<&PathTemplate> {
    let found = contract
        .operations
        .iter()
        .find(|operation| operation.source == source);
    found.map(|operation| &operation.path)
}

fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::OK)
}
