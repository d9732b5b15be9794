//! What a token says and which tokens are turned away.

use super::*;
use crate::folder::Folder;
use crate::testing::TempFolder;
use crate::world::{Moment, World};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::time::Duration;

const START: Moment = Moment(1_733_000_000_000_000);

fn later(seconds: u64) -> Moment {
    START.plus(Duration::from_secs(seconds))
}

fn minted(folder: &Folder, request: &TokenRequest) -> String {
    let (world, _) = World::settable(START, 1);
    Issuer::of(folder, "demo")
        .unwrap()
        .mint(request, &world)
        .unwrap()
}

#[test]
fn a_token_says_who_asks() {
    let temp = TempFolder::new();
    let mut request = TokenRequest::new("staff", "ada");
    request.roles = vec!["manager".into()];
    request.tenant = Some("t1".into());
    request.channel = Some("web".into());
    request.claims.insert("level".into(), json!(3));
    request.claims.insert("name".into(), json!("Ada L."));
    let token = minted(&temp.folder, &request);
    let caller = Issuer::of(&temp.folder, "demo")
        .unwrap()
        .verify(&token, START)
        .unwrap();
    assert_eq!(caller.id, "ada");
    assert_eq!(caller.actor, "staff");
    assert_eq!(caller.roles, ["manager".to_owned()].into());
    assert_eq!(caller.tenant.as_deref(), Some("t1"));
    assert_eq!(caller.channel.as_deref(), Some("web"));
    assert_eq!(caller.name.as_deref(), Some("Ada L."));
    assert_eq!(Value::Object(caller.claims), json!({ "level": 3 }));
}

#[test]
fn the_key_stays_and_only_its_owner_reads_it() {
    let temp = TempFolder::new();
    let first = Issuer::of(&temp.folder, "demo").unwrap().jwks();
    assert_eq!(Issuer::of(&temp.folder, "demo").unwrap().jwks(), first);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let path = temp.folder.path("identity/signing-key.p8");
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_token_is_valid_from_its_birth_to_its_end_with_half_a_minute_of_skew() {
    let temp = TempFolder::new();
    let request = TokenRequest {
        lifetime: Duration::from_secs(60),
        ..TokenRequest::new("a", "s")
    };
    let token = minted(&temp.folder, &request);
    let issuer = Issuer::of(&temp.folder, "demo").unwrap();
    let outcome = |at| issuer.verify(&token, at).err();
    assert_eq!(outcome(Moment(START.0 - 31_000_000)), Some(Rejected::Early));
    assert_eq!(outcome(Moment(START.0 - 30_000_000)), None);
    assert_eq!(outcome(later(89)), None);
    assert_eq!(outcome(later(90)), Some(Rejected::Expired));
}

#[test]
fn another_key_audience_or_issuer_is_turned_away() {
    let (here, there) = (TempFolder::new(), TempFolder::new());
    let token = minted(&here.folder, &TokenRequest::new("a", "s"));
    let verified = |folder: &Folder, system: &str| {
        Issuer::of(folder, system)
            .unwrap()
            .verify(&token, START)
            .err()
    };
    assert_eq!(verified(&here.folder, "demo"), None);
    assert_eq!(verified(&here.folder, "other"), Some(Rejected::Audience));
    assert_eq!(verified(&there.folder, "demo"), Some(Rejected::Signature));
    here.folder
        .replace("identity/issuers", "http://elsewhere\n")
        .unwrap();
    assert_eq!(verified(&here.folder, "demo"), Some(Rejected::Issuer));
}

#[test]
fn a_server_on_another_port_still_accepts_older_tokens() {
    let temp = TempFolder::new();
    let token = minted(&temp.folder, &TokenRequest::new("a", "s"));
    let at = "127.0.0.1:9999".parse().unwrap();
    let issuer = Issuer::at(&temp.folder, "demo", at).unwrap();
    assert_eq!(issuer.name(), "http://127.0.0.1:9999");
    assert!(issuer.verify(&token, START).is_ok());
}

#[test]
fn only_the_one_algorithm_is_accepted() {
    let temp = TempFolder::new();
    let issuer = Issuer::of(&temp.folder, "demo").unwrap();
    let claims = json!({
        "iss": issuer.name(), "aud": "demo", "sub": "s", "actor": "a", "exp": i64::MAX,
    });
    let header = Header {
        kid: Some(issuer.key.id.clone()),
        ..Header::new(Algorithm::HS256)
    };
    let forged = encode(&header, &claims, &EncodingKey::from_secret(b"x")).unwrap();
    assert_eq!(
        issuer.verify(&forged, START).err(),
        Some(Rejected::Signature)
    );
    let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzIn0.";
    assert_eq!(issuer.verify(none, START).err(), Some(Rejected::Signature));
    for garbage in ["", ".", "a.b.c", "a.b", "\u{0}"] {
        assert_eq!(
            issuer.verify(garbage, START).err(),
            Some(Rejected::Signature),
            "{garbage:?}"
        );
    }
}

#[test]
fn a_claim_with_an_option_of_its_own_cannot_be_set_freely() {
    let temp = TempFolder::new();
    let (world, _) = World::settable(START, 1);
    let mut request = TokenRequest::new("a", "s");
    request.claims.insert("actor".into(), json!("b"));
    let minted = Issuer::of(&temp.folder, "demo")
        .unwrap()
        .mint(&request, &world);
    assert_eq!(minted, Err(Unmintable::Reserved("actor".into())));
}

#[test]
fn the_authorization_header_is_read_as_bearer() {
    assert_eq!(bearer("Bearer abc"), Ok("abc"));
    assert_eq!(bearer("bearer  abc "), Ok("abc"));
    for bad in ["", "abc", "Basic abc", "Bearer", "Bearer "] {
        assert_eq!(bearer(bad), Err(Rejected::Scheme), "{bad:?}");
    }
}

#[test]
fn the_last_display_name_of_a_subject_is_kept() {
    let temp = TempFolder::new();
    let names = Names::of(&temp.folder).unwrap();
    assert_eq!(names.find("a", "s"), None);
    names.learn("a", "s", "Ada").unwrap();
    names.learn("a", "s", "Ada L.").unwrap();
    assert_eq!(
        Names::of(&temp.folder).unwrap().find("a", "s").as_deref(),
        Some("Ada L.")
    );
}
