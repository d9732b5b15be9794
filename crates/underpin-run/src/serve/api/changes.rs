//! What has changed since a position: positions are signed and good for one question, and rows
//! are told apart by tags of which nothing can be learned. Must not know how changes are found.

use super::{Admitted, Api, asked_of, bad_position, cursor};
use crate::backend::{Changes, ChangesAnswer, ChangesRequest, Since};
use crate::serve::http::Answer;
use crate::world::Moment;
use hyper::StatusCode;
use serde_json::{Value as Json, json};
use underpin_brief::model::{Id, Query, Value};
use underpin_contract::{ChangesReply, Reply};

impl Api {
    pub(super) async fn changes(&self, admitted: Admitted<'_>, query: Id<Query>) -> Answer {
        let Admitted {
            operation,
            request,
            arguments,
            asked,
        } = admitted;
        let Reply::Changes(reply) = &operation.reply else {
            return self.defect();
        };
        let who = asked.caller.as_ref().map_or("", |caller| &caller.id);
        let scope = format!("{}|{who}", cursor::scope(operation, &arguments));
        let since = match &arguments.after {
            None => None,
            Some(text) => match self.cursors.open(&scope, text).as_deref().and_then(opened) {
                Some(found) => Some(found),
                None => return self.rejected(bad_position("since")),
            },
        };
        // Rows that are gone are known for as long as positions are good.
        let good = |(_, told): &(Since, i64)| request.at.0.saturating_sub(*told) <= reply.keep;
        let told = since.as_ref().map(|(_, told)| *told);
        let since = since.filter(good).map(|(since, _)| since);
        let asked = ChangesRequest {
            query: asked_of(query, asked, arguments),
            since,
        };
        match self.backend.changes(asked).await {
            ChangesAnswer::Refused(refused) => self.refused(&refused),
            ChangesAnswer::Changes(changes) => {
                // All pages of all rows belong to the moment at which the first was given.
                let began = told.filter(|_| !changes.reset && changes.since.after.is_some());
                let at = began.map_or(request.at, Moment);
                let position = self.cursors.seal(&scope, &sealed(&changes.since, at));
                let next = super::reply::next_at(request, "since", &position);
                self.told(query, reply, &changes, &next)
            }
        }
    }

    fn told(
        &self,
        query: Id<Query>,
        reply: &ChangesReply,
        changes: &Changes,
        next: &str,
    ) -> Answer {
        let of = format!("row|{}", query.index());
        let components = &self.contract.components;
        let items: Vec<Json> = changes
            .rows
            .iter()
            .map(|(name, row)| {
                let value = |column: underpin_contract::Column| row.values.get(column.show);
                let shown = reply.projection.render(components, &value);
                json!({ "tag": self.cursors.tag(&of, name), "row": shown })
            })
            .collect();
        let gone = changes.gone.iter();
        let gone: Vec<String> = gone.map(|name| self.cursors.tag(&of, name)).collect();
        let body = json!({
            "reset": changes.reset,
            "items": items,
            "deleted": gone,
            "more": changes.more,
            "next": next,
        });
        Answer::json(StatusCode::OK, &body).header("cache-control", "no-store")
    }
}

/// A position and when it was given.
fn opened(values: &[Value]) -> Option<(Since, i64)> {
    let [Value::Int(seq), Value::Time(told), after] = values else {
        return None;
    };
    let after = match after {
        Value::List(values) => Some(values.to_vec()),
        _ => None,
    };
    Some((Since { seq: *seq, after }, *told))
}

fn sealed(since: &Since, at: Moment) -> Vec<Value> {
    let after = since.after.clone().map_or(Value::Null, Value::list);
    vec![Value::Int(since.seq), Value::Time(at.0), after]
}
