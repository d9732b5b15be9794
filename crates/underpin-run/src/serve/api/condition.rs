//! Conditional requests: which tag an answer has, and whether the client has it already. Must not
//! know what is answered.

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

#[cfg(test)]
mod tests {
    use super::*;

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
