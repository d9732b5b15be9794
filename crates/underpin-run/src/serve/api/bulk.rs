//! Commands with many inputs: the items of a body to the backend, an outcome per item back. Must
//! not know how any of them is executed.

use super::{Admitted, Api, expected};
use crate::backend::{BulkAnswer, BulkItem, BulkRequest, CommandAnswer, Refusal, refusal};
use crate::serve::http::Answer;
use crate::serve::problem::Problem;
use hyper::StatusCode;
use serde_json::{Map, Value as Json, json};
use underpin_brief::model::{Command, Id, Value};
use underpin_contract::{BulkReply, IfMatch, Reply, Violation};

impl Api {
    pub(super) async fn bulk(&self, admitted: Admitted<'_>, command: Id<Command>) -> Answer {
        let Reply::Bulk(reply) = &admitted.operation.reply else {
            return self.defect();
        };
        let Value::List(items) = admitted.arguments.input.slot(0) else {
            return self.defect();
        };
        let request = BulkRequest {
            command,
            asked: admitted.asked,
            items: items.iter().map(|item| item_of(reply, item)).collect(),
            key: admitted.arguments.idempotency_key,
            whole: reply.whole && admitted.arguments.input.slot(1) == &Value::Bool(true),
        };
        let inputs: Vec<&Value> = request.items.iter().map(|item| &item.input).collect();
        if let Err(answer) = self.attachable(command, &request.asked, &inputs) {
            return answer;
        }
        match self.backend.bulk(request).await {
            BulkAnswer::Each(answers) => self.outcomes(command, answers),
            BulkAnswer::Refused(at, refused) => self.because_of(at, &refused),
        }
    }

    fn outcomes(&self, command: Id<Command>, answers: Vec<CommandAnswer>) -> Answer {
        let refused = answers
            .iter()
            .filter(|answer| matches!(answer, CommandAnswer::Refused(_)))
            .count();
        let done = answers.len() - refused;
        let outcome = |answer| self.outcome(command, answer);
        let items: Vec<Json> = answers.into_iter().map(outcome).collect();
        let body = json!({ "items": items, "done": done, "refused": refused });
        Answer::json(StatusCode::MULTI_STATUS, &body)
    }

    /// What the item would have been answered alone.
    pub(super) fn outcome(&self, command: Id<Command>, answer: CommandAnswer) -> Json {
        let answer = match self.contract.command(command) {
            Some(operation) => self.command_reply(operation, answer),
            None => self.refused(&Refusal::new(refusal::INTERNAL)),
        };
        let mut outcome = Map::new();
        outcome.insert("status".into(), json!(answer.status.as_u16()));
        let good = answer.status.is_success();
        let name = if good { "result" } else { "problem" };
        if let Ok(body) = serde_json::from_slice::<Json>(&answer.body) {
            outcome.insert(name.into(), body);
        }
        let header = |name| answer.headers.get(name)?.to_str().ok();
        if let Some(tag) = header("etag") {
            outcome.insert("etag".into(), json!(tag));
        }
        if header("idempotency-replayed").is_some() {
            outcome.insert("replayed".into(), json!(true));
        }
        Json::Object(outcome)
    }

    /// The problem of the one item for which nothing was done.
    fn because_of(&self, at: usize, refused: &Refusal) -> Answer {
        let title = self.title(&refused.code, "the request was refused");
        let place = Violation {
            pointer: format!("/items/{at}"),
            message: title.clone(),
        };
        let detail = "nothing was done, because of this item";
        let problem = Problem::new(self.status(&refused.code), &refused.code, &title)
            .detail(refused.detail.clone().unwrap_or_else(|| detail.to_owned()))
            .errors(vec![place]);
        self.again(refused, problem.answer())
    }
}

/// An item without the version, which stands behind the inputs.
fn item_of(reply: &BulkReply, item: &Value) -> BulkItem {
    let mut slots = match item {
        Value::Struct(slots) => slots.to_vec(),
        _ => Vec::new(),
    };
    let version = reply.version.and_then(|slot| {
        let given = slots.get(slot)?.as_text().map(IfMatch::parse);
        slots.truncate(slot);
        given
    });
    BulkItem {
        input: Value::record(slots),
        expected: version.map(|given| expected(&given)),
    }
}
