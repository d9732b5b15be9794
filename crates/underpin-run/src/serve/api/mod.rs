//! The API that the contract describes: a request is found, read and checked by the contract,
//! handed to the backend as typed values, and its answer is written by the contract. Must not know
//! how anything is executed, and no path or schema that is not in the contract.

mod blobs;
mod bulk;
mod changes;
mod condition;
mod cursor;
mod export;
mod feeds;
mod parts;
mod quota;
mod reply;
mod webhooks;

pub use cursor::Cursors;
pub use webhooks::Webhooks;

use super::blobs::Blobs;
use super::connection::Drain;
use super::http::{Answer, Handler, Request};
use super::problem::Problem;
use crate::backend::{
    Asked, Backend, CommandRequest, Expected, Filter, FlowRequest, Pending, QueryRequest, Refusal,
    RowRequest, Sort, Test, refusal,
};
use crate::identity::{Caller, Names, Rejected, Trust, bearer};
use crate::world::{Clock, World};
use hyper::StatusCode;
use std::sync::Arc;
use underpin_brief::model::{Command, Id, Query};
use underpin_contract::{
    Arguments, BlobAction, Contract, FilterOp, Found, Headers, IfMatch, Method, Operation,
    Rejection, Router, Source, Violation, read_request,
};

/// The handler of a contract.
pub struct Api {
    contract: Arc<Contract>,
    router: Router,
    backend: Arc<dyn Backend>,
    trust: Trust,
    names: Arc<Names>,
    cursors: Cursors,
    webhooks: Webhooks,
    blobs: Blobs,
    world: World,
    clock: Arc<dyn Clock>,
    drain: Drain,
}

/// What an [`Api`] stands on.
pub struct Parts {
    /// What clients see.
    pub contract: Arc<Contract>,
    /// What executes.
    pub backend: Arc<dyn Backend>,
    /// Whose tokens are believed.
    pub trust: Trust,
    /// Where display names are remembered.
    pub names: Arc<Names>,
    /// What signs positions of pages.
    pub cursors: Cursors,
    /// Messages of externals.
    pub webhooks: Webhooks,
    /// Stored bytes.
    pub blobs: Blobs,
    /// Ids of handles.
    pub world: World,
    /// What time it is, for streams.
    pub clock: Arc<dyn Clock>,
    /// Ends streams when the server stops.
    pub drain: Drain,
}

/// Headers that change what a request means: one that cannot be read must not be passed over.
const READ: [&str; 6] = [
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
];

/// A request that the contract admits.
struct Admitted<'a> {
    operation: &'a Operation,
    request: &'a Request,
    arguments: Arguments,
    asked: Asked,
}

impl Api {
    /// The handler; the router is built once.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            router: Router::new(&parts.contract),
            contract: parts.contract,
            backend: parts.backend,
            trust: parts.trust,
            names: parts.names,
            cursors: parts.cursors,
            webhooks: parts.webhooks,
            blobs: parts.blobs,
            world: parts.world,
            clock: parts.clock,
            drain: parts.drain,
        }
    }

    async fn answer(&self, request: &Request) -> Answer {
        if let Some(answer) = self.aside(request).await {
            return answer;
        }
        let found = self.router.find(request.method.as_str(), &request.path);
        let (operation, captures) = match found {
            Found::Operation(index, captures) => match self.contract.operations.get(index) {
                Some(operation) => (operation, captures),
                None => return self.nothing(),
            },
            Found::OtherMethods(methods) => return self.other_methods(request, &methods),
            Found::Nothing => return self.nothing(),
        };
        let answer = match self.admit(operation, &captures, request).await {
            Ok(admitted) => self.counted(admitted).await,
            Err(answer) => answer,
        };
        answer.of(Arc::clone(&operation.id))
    }

    /// What stands beside the contract: explanations of problems and messages of externals.
    async fn aside(&self, request: &Request) -> Option<Answer> {
        if let Some(code) = request.path.strip_prefix("/problems/") {
            let known = self.contract.problems.get(code)?;
            let text = format!(
                "{} ({})\n\n{}\n",
                known.title, known.code, known.description
            );
            let answer = Answer::with(StatusCode::OK, "text/plain; charset=utf-8", text);
            return Some(answer.of("problems"));
        }
        let titles = webhooks::Titles(&self.contract);
        self.webhooks.answer(request, &*self.backend, titles).await
    }

    fn nothing(&self) -> Answer {
        self.refused(&Refusal::because(
            refusal::NOT_FOUND,
            "nothing stands at this path",
        ))
    }

    fn other_methods(&self, request: &Request, methods: &[Method]) -> Answer {
        let mut names: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        let allow = names.join(", ");
        if request.method == hyper::Method::OPTIONS {
            return Answer::empty(StatusCode::NO_CONTENT).header("allow", &allow);
        }
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let title = self.title("method-not-allowed", "the method is not allowed here");
        Problem::new(status, "method-not-allowed", &title)
            .answer()
            .header("allow", &allow)
    }

    /// Authentication first, then what the contract says; `allow` is the backend's.
    async fn admit<'a>(
        &self,
        operation: &'a Operation,
        captures: &[String],
        request: &'a Request,
    ) -> Result<Admitted<'a>, Answer> {
        for name in READ {
            if request.headers.contains_key(name) && request.header(name).is_none() {
                return Err(self.rejected(unreadable(name)));
            }
        }
        let caller = self.caller(request).await?;
        if caller.is_none() && !operation.access.anyone {
            return Err(self.unauthenticated(None));
        }
        let read = underpin_contract::Request {
            captures,
            query: request.query.as_deref().unwrap_or(""),
            headers: Headers {
                content_type: request.header("content-type"),
                idempotency_key: request.relied_on("idempotency-key"),
                if_match: request.relied_on("if-match"),
            },
            body: &request.body,
        };
        let arguments = read_request(&self.contract, operation, &read)
            .map_err(|rejection| self.rejected(rejection))?;
        let asked = Asked {
            caller,
            address: request.address,
            at: request.at,
            trace: request.trace,
        };
        Ok(Admitted {
            operation,
            request,
            arguments,
            asked,
        })
    }

    async fn caller(&self, request: &Request) -> Result<Option<Caller>, Answer> {
        let Some(header) = request.header("authorization") else {
            return Ok(None);
        };
        let told = |rejected| self.rejected_token(rejected);
        let token = bearer(header).map_err(told)?;
        let caller = self.trust.verify(token, request.at).await.map_err(told)?;
        if let Some(name) = &caller.name {
            // A directory that cannot be written costs a name, not the request.
            let _ = self.names.learn(&caller.actor, &caller.id, name);
        }
        Ok(Some(caller))
    }

    fn rejected_token(&self, rejected: Rejected) -> Answer {
        match rejected {
            Rejected::Unready => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                refusal::UNAVAILABLE,
                rejected.text(),
            )
            .answer()
            .header("retry-after", "10"),
            other => self.unauthenticated(Some(other)),
        }
    }

    fn unauthenticated(&self, rejected: Option<Rejected>) -> Answer {
        let (detail, challenge) = match rejected {
            None => ("a token is needed", "Bearer".to_owned()),
            Some(rejected) => {
                let text = rejected.text();
                let challenge =
                    format!("Bearer error=\"invalid_token\", error_description=\"{text}\"");
                (text, challenge)
            }
        };
        self.refused(&Refusal::because(refusal::UNAUTHENTICATED, detail))
            .header("www-authenticate", &challenge)
    }

    /// The answer, with what is left to the caller of the limits that guard the operation.
    async fn counted(&self, admitted: Admitted<'_>) -> Answer {
        let guarded = quota::guarded(admitted.operation.source);
        let limited = guarded.filter(|one| self.backend.quotas(*one, &admitted.asked).is_some());
        let Some(limited) = limited else {
            return self.dispatch(admitted).await;
        };
        let asked = admitted.asked.clone();
        let answer = self.dispatch(admitted).await;
        match self.backend.quotas(limited, &asked) {
            Some(quotas) => quota::told(answer, &quotas.await),
            None => answer,
        }
    }

    async fn dispatch(&self, admitted: Admitted<'_>) -> Answer {
        match admitted.operation.source {
            Source::Command(id) => self.command(admitted, id).await,
            Source::Bulk(id) => self.bulk(admitted, id).await,
            Source::Query(id) => self.query(admitted, id).await,
            Source::Changes(id) => self.changes(admitted, id).await,
            Source::Export(id, format) => self.export(admitted, id, format).await,
            Source::Item(aggregate) => {
                let Some(key) = admitted.arguments.key else {
                    return self.nothing();
                };
                let asked = admitted.asked;
                let answer = self
                    .backend
                    .row(RowRequest {
                        aggregate,
                        key,
                        asked,
                    })
                    .await;
                self.row_reply(admitted.operation, admitted.request, answer)
            }
            Source::Blobs(action) => self.blob(admitted, action).await,
            Source::Flow | Source::FlowCancel => self.flow(admitted).await,
            Source::Feed(id) => self.feed(admitted, id).await,
            Source::Endpoints(id, action) => self.endpoints(admitted, (id, action)).await,
        }
    }

    async fn command(&self, admitted: Admitted<'_>, command: Id<Command>) -> Answer {
        let Admitted {
            operation,
            arguments,
            asked,
            ..
        } = admitted;
        if let Err(answer) = self.attachable(command, &asked, &[&arguments.input]) {
            return answer;
        }
        let request = CommandRequest {
            command,
            asked,
            input: arguments.input,
            key: arguments.idempotency_key,
            expected: arguments.if_match.map(|given| expected(&given)),
        };
        let answer = self.backend.command(request).await;
        self.command_reply(operation, answer)
    }

    async fn query(&self, admitted: Admitted<'_>, query: Id<Query>) -> Answer {
        let Admitted {
            operation,
            request,
            arguments,
            asked,
        } = admitted;
        let scope = cursor::scope(operation, &arguments);
        let after = match &arguments.after {
            None => None,
            Some(text) => match self.cursors.open(&scope, text) {
                Some(position) => Some(position),
                None => return self.rejected(bad_position("after")),
            },
        };
        let mut asked = QueryRequest {
            after,
            ..asked_of(query, asked, arguments)
        };
        if let underpin_contract::Reply::Page(page) = operation.reply_for(asked.asked.channel()) {
            asked.limit = asked.limit.min(page.max);
        }
        let channel = asked.asked.channel().to_owned();
        let answer = self.backend.query(asked).await;
        self.query_reply(operation, request, (&channel, &scope), answer)
    }

    async fn flow(&self, admitted: Admitted<'_>) -> Answer {
        let Admitted {
            operation,
            arguments,
            asked,
            ..
        } = admitted;
        let Some(flow) = arguments.flow else {
            return self.nothing();
        };
        let request = FlowRequest { flow, asked };
        let answer = match operation.source {
            Source::FlowCancel => self.backend.cancel(request).await,
            _ => self.backend.flow(request).await,
        };
        self.flow_reply(operation, answer)
    }

    fn rejected(&self, rejection: Rejection) -> Answer {
        let status = self.status(rejection.code);
        let title = self.title(
            rejection.code,
            "the request is not what this operation takes",
        );
        Problem::new(status, rejection.code, &title)
            .detail(rejection.detail)
            .errors(rejection.errors)
            .answer()
    }

    /// The problem of a refusal, with what the contract says about its code.
    fn refused(&self, refused: &Refusal) -> Answer {
        let status = self.status(&refused.code);
        let title = self.title(&refused.code, "the request was refused");
        let mut problem = Problem::new(status, &refused.code, &title);
        if let Some(detail) = &refused.detail {
            problem = problem.detail(detail.clone());
        }
        self.again(refused, problem.answer())
    }

    /// The answer with when to come again, where that may help.
    fn again(&self, refused: &Refusal, answer: Answer) -> Answer {
        let known = self.contract.problems.get(refused.code.as_str());
        let again = known.is_some_and(|problem| problem.retry).then_some(1);
        match refused
            .retry_after
            .map(|wait| wait.as_secs().max(1))
            .or(again)
        {
            Some(seconds) => answer.header("retry-after", &seconds.to_string()),
            None => answer,
        }
    }

    fn status(&self, code: &str) -> StatusCode {
        let own = || match code {
            refusal::NOT_FOUND => 404,
            refusal::UNAUTHENTICATED => 401,
            _ => 500,
        };
        let status = self
            .contract
            .problems
            .get(code)
            .map_or_else(own, |problem| problem.status);
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn title(&self, code: &str, otherwise: &str) -> String {
        let known = self.contract.problems.get(code);
        known.map_or_else(|| otherwise.to_owned(), |problem| problem.title.clone())
    }
}

impl Handler for Api {
    fn handle(&self, request: Request) -> Pending<'_, Answer> {
        Box::pin(async move { self.answer(&request).await })
    }

    fn takes_pieces(&self, method: &hyper::Method, path: &str) -> bool {
        let found = self.router.find(method.as_str(), path);
        let Found::Operation(at, _) = found else {
            return false;
        };
        let operation = self.contract.operations.get(at);
        operation.is_some_and(|one| one.source == Source::Blobs(BlobAction::Upload))
    }
}

/// A query for the rows from the first one on.
fn asked_of(query: Id<Query>, asked: Asked, arguments: Arguments) -> QueryRequest {
    let sort = |sort: &underpin_contract::Sort| Sort {
        slot: sort.slot,
        descending: sort.descending,
    };
    QueryRequest {
        query,
        asked,
        input: arguments.input,
        key: arguments.key,
        filters: arguments.filters.into_iter().map(filter).collect(),
        sorts: arguments.sorts.iter().map(sort).collect(),
        search: arguments.search.map(|(words, _)| words),
        limit: arguments.limit,
        after: None,
    }
}

fn filter(given: underpin_contract::Filter) -> Filter {
    let mut values = given.values;
    let test = match given.op {
        FilterOp::AnyOf => Test::OneOf(values),
        FilterOp::HasAnyOf => Test::HasOneOf(values),
        // A bound has one value: the contract has checked it.
        FilterOp::Min => values.pop().map_or(Test::OneOf(Vec::new()), Test::AtLeast),
        FilterOp::Max => values.pop().map_or(Test::OneOf(Vec::new()), Test::AtMost),
    };
    Filter {
        slot: given.slot,
        test,
    }
}

/// A tag is `<version>` or `<version>.<fingerprint>`; one that is neither fits no row.
pub(super) fn expected(given: &IfMatch) -> Expected {
    let version = |tag: &String| tag.split('.').next()?.parse().ok();
    match given {
        IfMatch::Any => Expected::Any,
        IfMatch::Tags(tags) => Expected::Versions(tags.iter().filter_map(version).collect()),
    }
}

fn unreadable(header: &str) -> Rejection {
    let message = "must be given once, in visible ASCII characters".to_owned();
    Rejection {
        code: "invalid-parameter",
        detail: format!("the header {header} cannot be read"),
        errors: vec![Violation {
            pointer: header.to_owned(),
            message,
        }],
    }
}

pub(super) fn bad_position(name: &str) -> Rejection {
    let message = "is not a position that this query gave for these parameters".to_owned();
    Rejection {
        code: "invalid-parameter",
        detail: "the page cannot be found".to_owned(),
        errors: vec![Violation {
            pointer: name.to_owned(),
            message,
        }],
    }
}

#[cfg(test)]
mod tests;
