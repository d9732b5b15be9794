//! Stored bytes over HTTP: a handle, an upload, a download in whole or in part, and whether a
//! handle may be attached where a command takes it. Must not know files.

use super::{Admitted, Api};
use crate::backend::{Asked, BlobAnswer, BlobRequest, Refusal, refusal};
use crate::serve::blobs::{Kept, Known, Untaken};
use crate::serve::http::{Answer, Request};
use crate::serve::problem::Problem;
use hyper::StatusCode;
use serde_json::json;
use underpin_brief::model::{Command, Id, Value};
use underpin_contract::{BlobAction, BlobInput, Violation};

/// A handle that is attached again within this time of µs is not remembered anew.
const FRESH: i64 = 3_600 * 1_000_000;
/// Media types that browsers show without running anything in them.
const SHOWN: [&str; 5] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
];

impl Api {
    pub(super) async fn blob(&self, admitted: Admitted<'_>, action: BlobAction) -> Answer {
        let Admitted {
            operation,
            request,
            arguments,
            asked,
        } = admitted;
        let blob = arguments.flow.unwrap_or_default();
        match action {
            BlobAction::Ticket => {
                let named = |actor: &str| {
                    let mut actors = operation.access.actors.iter();
                    operation.access.anyone || actors.any(|allowed| &*allowed.actor == actor)
                };
                match &asked.caller {
                    Some(caller) if !named(&caller.actor) => {
                        self.refused(&Refusal::new(refusal::FORBIDDEN))
                    }
                    _ => self.ticket(&asked),
                }
            }
            BlobAction::Upload => self.take(request, &blob, &asked).await,
            BlobAction::Download => self.give(request, &blob, asked).await,
        }
    }

    fn ticket(&self, asked: &Asked) -> Answer {
        let blob = self.world.id().to_string();
        let known = Known {
            owner: owner(asked),
            at: asked.at.0,
            kept: None,
        };
        if self.blobs.remember(&blob, &known).is_err() {
            return self.defect();
        }
        let place = format!("/blobs/{blob}");
        let most = self.contract.blobs.largest;
        let body = json!({ "blob": blob, "upload": place, "max_bytes": most });
        Answer::json(StatusCode::CREATED, &body).header("location", &place)
    }

    async fn take(&self, request: &Request, blob: &str, asked: &Asked) -> Answer {
        let known = match self.blobs.known(blob) {
            Ok(Some(known)) if known.owner == owner(asked) => known,
            Ok(_) => return self.refused(&Refusal::new(refusal::NOT_FOUND)),
            Err(_) => return self.defect(),
        };
        if known.kept.is_some() {
            return self.refused(&Refusal::because(refusal::EXISTS, "the bytes are here"));
        }
        let Some(media) = request.header("content-type").and_then(media_type) else {
            return self.problem_of("unsupported-media-type", "say the media type of the bytes");
        };
        let most = self.contract.blobs.largest;
        let said = request.header("content-length");
        let too_many = || {
            let detail = format!("at most {most} bytes are taken");
            self.problem_of("too-large", &detail)
                .header("connection", "close")
        };
        if said
            .and_then(|said| said.parse::<u64>().ok())
            .is_some_and(|said| said > most)
        {
            return too_many();
        }
        let Some(mut pieces) = request.upload.as_ref().and_then(|upload| upload.take()) else {
            return self.defect();
        };
        let (bytes, digest) = match self.blobs.take(blob, &mut *pieces, most).await {
            Ok(taken) => taken,
            Err(Untaken::TooMany) => return too_many(),
            Err(Untaken::Broken(_)) => {
                return self
                    .problem_of("malformed-request", "the bytes did not come to their end")
                    .header("connection", "close");
            }
        };
        let tag = format!("\"{digest}\"");
        let kept = Some(Kept {
            media,
            bytes,
            digest,
        });
        match self.blobs.remember(blob, &Known { kept, ..known }) {
            Ok(()) => Answer::empty(StatusCode::NO_CONTENT).header("etag", &tag),
            Err(_) => self.defect(),
        }
    }

    async fn give(&self, request: &Request, blob: &str, asked: Asked) -> Answer {
        let nothing = || self.refused(&Refusal::new(refusal::NOT_FOUND));
        let Ok(Some(known)) = self.blobs.known(blob) else {
            return nothing();
        };
        let own = asked.caller.is_some() && known.owner == owner(&asked);
        let Some(kept) = known.kept else {
            return nothing();
        };
        let request_for = BlobRequest {
            blob: blob.to_owned(),
            asked: Some(asked),
        };
        match self.backend.blob(request_for).await {
            BlobAnswer::Seen => {}
            BlobAnswer::Unused if own => {}
            BlobAnswer::Unknown => return self.refused(&Refusal::new(refusal::UNAVAILABLE)),
            BlobAnswer::Hidden | BlobAnswer::Unused => return nothing(),
        }
        self.bytes(request, blob, &kept)
    }

    fn bytes(&self, request: &Request, blob: &str, kept: &Kept) -> Answer {
        let tag = format!("\"{}\"", kept.digest);
        if super::condition::has_already(request.header("if-none-match"), &tag) {
            return Answer::empty(StatusCode::NOT_MODIFIED).header("etag", &tag);
        }
        let same = request.header("if-range").is_none_or(|range| range == tag);
        let range = request.header("range").filter(|_| same);
        let (status, first, count) = match range.map(|range| part(range, kept.bytes)) {
            None | Some(Range::Unknown) => (StatusCode::OK, 0, kept.bytes),
            Some(Range::Part(first, count)) => (StatusCode::PARTIAL_CONTENT, first, count),
            Some(Range::Nowhere) => {
                let all = format!("bytes */{}", kept.bytes);
                return Answer::empty(StatusCode::RANGE_NOT_SATISFIABLE)
                    .header("content-range", &all);
            }
        };
        let Ok(pieces) = self.blobs.open(blob, first, count) else {
            return self.defect();
        };
        let shown = SHOWN.contains(&kept.media.as_str());
        let mut answer = Answer::streamed(status, "application/octet-stream", pieces);
        if let Ok(media) = hyper::header::HeaderValue::from_str(&kept.media) {
            answer.headers.insert(hyper::header::CONTENT_TYPE, media);
        }
        if status == StatusCode::PARTIAL_CONTENT {
            let last = first.saturating_add(count).saturating_sub(1);
            let place = format!("bytes {first}-{last}/{}", kept.bytes);
            answer = answer.header("content-range", &place);
        }
        answer
            .header("content-length", &count.to_string())
            .header(
                "content-disposition",
                if shown { "inline" } else { "attachment" },
            )
            .header("etag", &tag)
            .header("accept-ranges", "bytes")
            .header("cache-control", "private, no-cache")
            .header("vary", "authorization")
    }

    /// Whether the handles among the inputs of a command may be attached where it takes them.
    pub(super) fn attachable(
        &self,
        command: Id<Command>,
        asked: &Asked,
        inputs: &[&Value],
    ) -> Result<(), Answer> {
        let Some(places) = self.contract.blobs.commands.get(&command) else {
            return Ok(());
        };
        let mut errors = Vec::new();
        for (at, input) in inputs.iter().enumerate() {
            for place in places {
                let Some(blob) = input.slot(place.slot).as_text() else {
                    continue;
                };
                if let Some(message) = self.refuses(place, blob, asked) {
                    let pointer = match inputs.len() {
                        1 => format!("/{}", place.name),
                        _ => format!("/items/{at}/{}", place.name),
                    };
                    errors.push(Violation { pointer, message });
                }
            }
        }
        if errors.is_empty() {
            return Ok(());
        }
        Err(self.rejected(underpin_contract::Rejection {
            code: "invalid-input",
            detail: "a handle cannot be attached here".to_owned(),
            errors,
        }))
    }

    fn refuses(&self, place: &BlobInput, blob: &str, asked: &Asked) -> Option<String> {
        let known = self.blobs.known(blob).ok().flatten();
        let known = known.filter(|known| known.owner == owner(asked));
        let Some(known) = known else {
            return Some("is no handle of this caller".to_owned());
        };
        let Some(kept) = &known.kept else {
            return Some("names bytes that have not come yet".to_owned());
        };
        if !place.accepts(kept.bytes, &kept.media) {
            let most = place.max.map(|max| format!(", at most {max} bytes"));
            let media: Vec<&str> = place.media.iter().map(|media| &**media).collect();
            return Some(format!(
                "must be {}{}",
                if media.is_empty() {
                    "bytes".to_owned()
                } else {
                    media.join(" and ")
                },
                most.unwrap_or_default()
            ));
        }
        // What is about to be used must not be taken away as unused meanwhile.
        if asked.at.0.saturating_sub(known.at) > FRESH {
            let at = asked.at.0;
            let _ = self.blobs.remember(blob, &Known { at, ..known });
        }
        None
    }

    fn problem_of(&self, code: &'static str, detail: &str) -> Answer {
        let title = self.title(code, "the request was refused");
        Problem::new(self.status(code), code, &title)
            .detail(detail)
            .answer()
    }
}

/// Whose a handle is.
fn owner(asked: &Asked) -> String {
    match &asked.caller {
        Some(caller) => format!(
            "{}\u{1f}{}\u{1f}{}",
            caller.tenant.as_deref().unwrap_or(""),
            caller.actor,
            caller.id
        ),
        None => format!("ip\u{1f}{}", asked.address),
    }
}

/// A media type without its parameters, in small letters.
fn media_type(header: &str) -> Option<String> {
    let media = header.split(';').next()?.trim().to_ascii_lowercase();
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    let (kind, sub) = media.split_once('/')?;
    let named = |part: &str| !part.is_empty() && part.bytes().all(token);
    (media.len() <= 127 && named(kind) && named(sub)).then_some(media)
}

/// What `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Range {
    /// From there, so many.
    Part(u64, u64),
    /// Nothing that is there.
    Nowhere,
    /// Not understood: everything is answered.
    Unknown,
}

/// One range of bytes; several are answered whole.
fn part(header: &str, bytes: u64) -> Range {
    let Some((first, last)) = header
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Range::Unknown;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), _) if first >= bytes => Range::Nowhere,
        (Ok(first), Ok(last)) if last < first => Range::Unknown,
        (Ok(first), Ok(last)) => Range::Part(first, last.min(bytes - 1) - first + 1),
        (Ok(first), Err(_)) if last.trim().is_empty() => Range::Part(first, bytes - first),
        (Err(_), Ok(0)) if first.trim().is_empty() => Range::Nowhere,
        (Err(_), Ok(_)) if first.trim().is_empty() && bytes == 0 => Range::Nowhere,
        (Err(_), Ok(count)) if first.trim().is_empty() => {
            let count = count.min(bytes);
            Range::Part(bytes - count, count)
        }
        _ => Range::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_within_the_bytes_or_nowhere() {
        let cases = [
            ("bytes=0-4", Range::Part(0, 5)),
            ("bytes=8-", Range::Part(8, 2)),
            ("bytes=8-99", Range::Part(8, 2)),
            ("bytes=-3", Range::Part(7, 3)),
            ("bytes=-99", Range::Part(0, 10)),
            ("bytes=-0", Range::Nowhere),
            ("bytes=10-", Range::Nowhere),
            ("bytes=4-2", Range::Unknown),
            ("bytes=0-1,3-4", Range::Unknown),
            ("lines=0-1", Range::Unknown),
            ("bytes=a-b", Range::Unknown),
        ];
        for (header, expected) in cases {
            assert_eq!(part(header, 10), expected, "{header}");
        }
        assert_eq!(part("bytes=-1", 0), Range::Nowhere);
    }

    #[test]
    fn media_types_are_names_and_nothing_else() {
        assert_eq!(media_type("Image/PNG; q=1").as_deref(), Some("image/png"));
        for bad in ["", "image", "/png", "image/", "a b/c", "image/p\ng"] {
            assert_eq!(media_type(bad), None, "{bad}");
        }
    }
}
