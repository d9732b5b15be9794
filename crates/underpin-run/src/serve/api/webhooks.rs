//! Messages of externals: `POST /webhooks/{external}/{message}`, believed by its signature, read
//! by its declaration, stored once per id. Must not know what a message leads to.

use crate::backend::{Backend, Inbound, InboundAnswer};
use crate::externals::signature::{Secret, Signed};
use crate::folder::Folder;
use crate::forms::Form;
use crate::serve::http::{Answer, Request};
use crate::serve::problem::Problem;
use crate::world::Randomness;
use hyper::{Method, StatusCode};
use std::collections::BTreeMap;
use std::io;
use underpin_brief::model::{Brief, External, Id, Named, Sends, Via};
use underpin_contract::Contract;

const PREFIX: &str = "/webhooks/";

/// All messages that come by webhook, by `external/message`.
#[derive(Default)]
pub struct Webhooks {
    doors: BTreeMap<String, Door>,
}

struct Door {
    external: Id<External>,
    message: Id<Sends>,
    secret: Secret,
    form: Form,
}

impl Webhooks {
    /// The doors of a brief; the secret of each sender is born in the data folder.
    ///
    /// # Errors
    /// What the disk says.
    pub fn of(brief: &Brief, data: &Folder, random: &dyn Randomness) -> io::Result<Self> {
        let mut doors = BTreeMap::new();
        for (external, sender) in brief.externals.iter() {
            for (message, sends) in sender.sends.iter() {
                if sends.via == Via::Webhook {
                    let secret = Secret::of(data, sender.name(), random)?;
                    let form = Form::of(brief, &sends.fields);
                    let name = format!("{}/{}", sender.name(), sends.name());
                    doors.insert(
                        name,
                        Door {
                            external,
                            message,
                            secret,
                            form,
                        },
                    );
                }
            }
        }
        Ok(Self { doors })
    }

    /// The answer to a message; `None` where the path is none of a message.
    pub(super) async fn answer(
        &self,
        request: &Request,
        backend: &dyn Backend,
        titles: Titles<'_>,
    ) -> Option<Answer> {
        let door = self.doors.get(request.path.strip_prefix(PREFIX)?)?;
        let answer = if request.method == Method::POST {
            match door.read(request, titles) {
                Ok(message) => stored(backend.inbound(message).await, titles),
                Err(problem) => problem.answer(),
            }
        } else {
            titles
                .problem(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed")
                .detail("messages are posted")
                .answer()
                .header("allow", "POST")
        };
        Some(answer.of("webhook"))
    }
}

impl Door {
    fn read(&self, request: &Request, titles: Titles<'_>) -> Result<Inbound, Problem> {
        let header = |name| request.header(name).unwrap_or("");
        let signed = Signed {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signatures: header("webhook-signature"),
        };
        self.secret
            .check(signed, &request.body, request.at)
            .map_err(|unbelieved| {
                titles
                    .problem(StatusCode::UNAUTHORIZED, "unauthenticated")
                    .detail(unbelieved.text())
            })?;
        let malformed = |_| {
            titles
                .problem(StatusCode::BAD_REQUEST, "malformed-request")
                .detail("the body is not JSON")
        };
        let json = serde_json::from_slice(&request.body).map_err(malformed)?;
        let content = self.form.read(&json).map_err(|errors| {
            titles
                .problem(StatusCode::UNPROCESSABLE_ENTITY, "invalid-input")
                .detail("the message is not as declared")
                .errors(errors)
        })?;
        Ok(Inbound {
            external: self.external,
            message: self.message,
            id: signed.id.to_owned(),
            content,
            at: request.at,
            trace: request.trace,
        })
    }
}

fn stored(answer: InboundAnswer, titles: Titles<'_>) -> Answer {
    match answer {
        InboundAnswer::Stored => Answer::empty(StatusCode::NO_CONTENT),
        // Whatever the reason, the sender keeps the message and comes again.
        InboundAnswer::Refused(refused) => titles
            .problem(StatusCode::SERVICE_UNAVAILABLE, &refused.code)
            .detail("try again later")
            .answer()
            .header("retry-after", "5"),
    }
}

/// What problems are called.
#[derive(Clone, Copy)]
pub(super) struct Titles<'a>(pub(super) &'a Contract);

impl Titles<'_> {
    fn problem(self, status: StatusCode, code: &str) -> Problem {
        let known = self.0.problems.get(code).map(|known| &*known.title);
        Problem::new(status, code, known.unwrap_or("the message was refused"))
    }
}
