//! Conditional requests and negotiation: which tag an answer has, whether the client has it
//! already, whether it takes JSON. Must not know what is answered.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The tag of a body; with the version of its row before it, where it shows one.
pub(super) fn tag(version: Option<i64>, body: &str) -> String {
    let sum = digest(&SHA256, body.as_bytes());
    let print = URL_SAFE_NO_PAD.encode(sum.as_ref().get(..9).unwrap_or_default());
    match version {
        Some(version) => format!("\"{version}.{print}\""),
        None => format!("\"{print}\""),
    }
}

/// Whether `If-None-Match` names the tag (compared weakly, RFC 9110 section 13.1.2).
pub(super) fn has_already(header: Option<&str>, tag: &str) -> bool {
    let Some(header) = header else { return false };
    let strong = |given: &str| given.trim().trim_start_matches("W/") == tag;
    header.trim() == "*" || header.split(',').any(strong)
}

/// Whether an `Accept` header admits JSON.
pub(super) fn accepts_json(header: Option<&str>) -> bool {
    let Some(header) = header else { return true };
    let mut ranges = header
        .split(',')
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    ranges.peek().is_none() || ranges.any(admits_json)
}

fn admits_json(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next().unwrap_or("").to_ascii_lowercase();
    let fits = matches!(
        media.as_str(),
        "*/*" | "application/*" | "application/json" | "application/problem+json"
    );
    let weight = |part: &str| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok());
    fits && parts.find_map(weight).is_none_or(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_answered_to_whoever_admits_it() {
        for good in [
            "*/*",
            "application/json",
            "text/html, application/*;q=0.1",
            "",
            "APPLICATION/JSON",
        ] {
            assert!(accepts_json(Some(good)), "{good}");
        }
        assert!(accepts_json(None));
        for bad in [
            "text/html",
            "application/json;q=0",
            "application/xml, text/*",
            "application/jsonx",
        ] {
            assert!(!accepts_json(Some(bad)), "{bad}");
        }
    }

    #[test]
    fn a_tag_names_version_and_content() {
        let one = tag(Some(3), "{}");
        assert!(one.starts_with("\"3."));
        assert_ne!(one, tag(Some(3), "[]"));
        assert!(has_already(Some(&format!("\"x\", W/{one}")), &one));
        assert!(has_already(Some("*"), &one));
        assert!(!has_already(Some("\"3\""), &one));
        assert!(!has_already(None, &one));
    }
}
