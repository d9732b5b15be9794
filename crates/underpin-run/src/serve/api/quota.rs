//! What a caller is told of limits: the fields `RateLimit-Policy` and `RateLimit` of
//! draft-ietf-httpapi-ratelimit-headers. Must not know how anything is counted.

use crate::backend::Quota;
use crate::serve::http::Answer;
use underpin_brief::model::LimitedOperation;
use underpin_contract::Source;

/// What limits may guard.
pub(super) fn guarded(source: Source) -> Option<LimitedOperation> {
    match source {
        Source::Command(id) | Source::Bulk(id) => Some(LimitedOperation::Command(id)),
        Source::Query(id) | Source::Export(id, _) | Source::Changes(id) => {
            Some(LimitedOperation::Query(id))
        }
        _ => None,
    }
}

/// The answer with its fields: one item per limit, in the order of the brief. Names are kebab-case
/// or snake_case, so they need no escaping within quotes.
pub(super) fn told(answer: Answer, quotas: &[Quota]) -> Answer {
    if quotas.is_empty() {
        return answer;
    }
    let policy = |quota: &Quota| {
        let window = quota.window.as_secs().max(1);
        format!("\"{}\";q={};w={window}", quota.name, quota.limit)
    };
    let left = |quota: &Quota| {
        let reset = quota.reset.as_secs();
        format!("\"{}\";r={};t={reset}", quota.name, quota.remaining)
    };
    let list =
        |one: &dyn Fn(&Quota) -> String| quotas.iter().map(one).collect::<Vec<_>>().join(", ");
    answer
        .header("ratelimit-policy", &list(&policy))
        .header("ratelimit", &list(&left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::StatusCode;
    use std::time::Duration;

    #[test]
    fn every_limit_is_an_item_of_both_fields() {
        let quota = |name: &str, limit, remaining| Quota {
            name: name.to_owned(),
            limit,
            window: Duration::from_secs(3),
            remaining,
            reset: Duration::from_secs(2),
        };
        let answer = Answer::empty(StatusCode::OK);
        let answer = told(answer, &[quota("guests", 60, 12), quota("api", 5, 0)]);
        assert_eq!(
            answer.headers["ratelimit-policy"],
            "\"guests\";q=60;w=3, \"api\";q=5;w=3"
        );
        assert_eq!(
            answer.headers["ratelimit"],
            "\"guests\";r=12;t=2, \"api\";r=0;t=2"
        );
        assert!(told(Answer::empty(StatusCode::OK), &[]).headers.is_empty());
    }
}
