//! A contract made by hand, a backend with given answers: what clients get to see.

use super::*;
use crate::backend::*;
use crate::identity::TokenRequest;
use crate::serve::http::{Answer, Request};
use crate::testing::{FakeBackend, TempFolder};
use crate::trace::Trace;
use crate::world::{Moment, SeededRandom, World};
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use underpin_brief::model::{Aggregate, Value};
use underpin_contract::*;

const NOW: Moment = Moment(1_733_000_000_000_000);
const KEY: &str = "01JE0000000000000000000000";

fn aggregate() -> Id<Aggregate> {
    Id::from_index(0)
}

fn template(path: &str) -> PathTemplate {
    let segment = |text: &str| match text.strip_prefix('{') {
        Some(name) => Segment::Parameter(name.trim_end_matches('}').into()),
        None => Segment::Static(text.into()),
    };
    PathTemplate {
        segments: path
            .trim_start_matches('/')
            .split('/')
            .map(segment)
            .collect(),
    }
}

fn text(max: u64) -> Schema {
    Schema::Text {
        min: Some(1),
        max: Some(max),
        format: TextFormat::Plain,
    }
}

fn object(fields: &[(&str, Schema, bool)]) -> Object {
    let field = |(slot, (name, schema, required)): (usize, &(&str, Schema, bool))| Field {
        name: (*name).into(),
        slot,
        schema: schema.clone(),
        required: *required,
        default: None,
        secret: false,
    };
    Object {
        title: None,
        fields: fields.iter().enumerate().map(field).collect(),
        width: fields.len(),
    }
}

fn operation(id: &str, method: Method, path: &str, source: Source, reply: Reply) -> Operation {
    Operation {
        id: id.into(),
        name: id.into(),
        summary: id.to_owned(),
        tag: "Thing".into(),
        method,
        path: template(path),
        source,
        shapes: Vec::new(),
        path_parameters: Vec::new(),
        parameters: Vec::new(),
        body: None,
        reply,
        access: Access::default(),
        idempotent: method == Method::Post,
        precondition: Condition::Accepted,
        problems: BTreeMap::new(),
        input_width: 0,
    }
}

fn links() -> Links {
    let link_to = |rel: &str, command: usize| CommandLink {
        rel: rel.into(),
        command: Id::from_index(command),
        path: template(&format!("/things/{{id}}/{rel}")),
        from: Vec::new(),
        access: Access::default(),
    };
    let item = Some(template("/things/{id}"));
    Links {
        item,
        commands: vec![link_to("open", 1), link_to("close", 2)],
    }
}

fn projection() -> Projection {
    let leaf = |show: usize| Node::Leaf {
        columns: vec![Column {
            query: Id::from_index(0),
            show,
        }],
        schema: text(40),
    };
    Projection {
        members: vec![("id".into(), leaf(0)), ("name".into(), leaf(1))],
    }
}

fn add() -> Operation {
    let reply = Reply::Command(CommandReply {
        key: None,
        component: "AddThing".into(),
        returns: object(&[("thing", text(40), true)]),
        row: Some(AnsweredRow {
            aggregate: aggregate(),
            binding: None,
            created: true,
            links: links(),
        }),
        accepted: false,
        may_continue: false,
    });
    let fields = [
        ("name", text(5), true),
        (
            "size",
            Schema::Integer {
                min: Some(1),
                max: Some(9),
            },
            false,
        ),
    ];
    Operation {
        body: Some(Body {
            component: "AddThing".into(),
            object: object(&fields),
            max_bytes: 1000,
            optional: false,
        }),
        input_width: 2,
        ..operation(
            "addThing",
            Method::Post,
            "/things",
            Source::Command(Id::from_index(0)),
            reply,
        )
    }
}

fn list() -> Operation {
    let reply = Reply::Page(PageReply {
        key: None,
        projection: projection(),
        parts: Vec::new(),
        max: 10,
        default: 2,
        component: "Thing".into(),
    });
    let parameter = |name: &str, schema: Schema, target: Target| Parameter {
        name: name.into(),
        schema,
        style: Style::Once,
        required: false,
        target,
        description: String::new(),
    };
    let limit = Schema::Integer {
        min: Some(1),
        max: Some(10),
    };
    Operation {
        parameters: vec![
            parameter("name", text(40), Target::Filter(1, FilterOp::AnyOf)),
            parameter("sort", text(40), Target::Sort(vec![("name".into(), 1)])),
            parameter("limit", limit, Target::Limit),
            parameter("after", text(400), Target::After),
        ],
        access: Access {
            anyone: true,
            actors: Vec::new(),
        },
        ..operation(
            "things",
            Method::Get,
            "/things",
            Source::Query(Id::from_index(0)),
            reply,
        )
    }
}

fn item() -> Operation {
    let reply = Reply::Row(RowReply {
        aggregate: Some(aggregate()),
        projection: projection(),
        parts: Vec::new(),
        queries: vec![Id::from_index(0)],
        links: links(),
        component: "Thing".into(),
    });
    let key = PathParameter {
        names: vec!["id".into()],
        schema: text(40),
        target: PathTarget::Key,
        description: String::new(),
    };
    Operation {
        path_parameters: vec![key],
        ..operation(
            "thing",
            Method::Get,
            "/things/{id}",
            Source::Item(aggregate()),
            reply,
        )
    }
}

fn contract() -> Contract {
    let problem = |(code, status, retry): &(&str, u16, bool)| {
        let problem = underpin_contract::Problem {
            code: (*code).into(),
            status: *status,
            title: format!("title of {code}"),
            description: String::new(),
            declared: false,
            retry: *retry,
        };
        (Arc::from(*code), problem)
    };
    let problems = [
        ("not-found", 404, false),
        ("unauthenticated", 401, false),
        ("method-not-allowed", 405, false),
        ("invalid-input", 422, false),
        ("invalid-parameter", 400, false),
        ("malformed-request", 400, false),
        ("unsupported-media-type", 415, false),
        ("busy", 409, true),
        ("no-such-room", 409, false),
    ];
    Contract {
        name: "demo".into(),
        title: "Demo".into(),
        purpose: None,
        version: 1,
        not_served: Vec::new(),
        blobs: BlobInputs::default(),
        operations: vec![add(), list(), item()],
        components: Components::default(),
        feeds: Vec::new(),
        problems: problems.iter().map(problem).collect(),
    }
}

struct Tested {
    api: Api,
    backend: Arc<FakeBackend>,
    token: String,
    _temp: TempFolder,
}

fn tested(backend: FakeBackend) -> Tested {
    let temp = TempFolder::new();
    let (world, _) = World::settable(NOW, 1);
    let issuer = crate::identity::Issuer::of(&temp.folder, "demo").unwrap();
    let token = issuer
        .mint(&TokenRequest::new("staff", "ada"), &world)
        .unwrap();
    let backend = Arc::new(backend);
    let api = Api::new(Parts {
        contract: Arc::new(contract()),
        backend: Arc::clone(&backend) as Arc<dyn Backend>,
        trust: crate::identity::Trust::Development(Arc::new(issuer)),
        names: Arc::new(Names::of(&temp.folder).unwrap()),
        cursors: Cursors::of(&temp.folder, &SeededRandom::new(1)).unwrap(),
        webhooks: Webhooks::default(),
        blobs: Blobs::of(&temp.folder).unwrap(),
        world: World::settable(NOW, 1).0,
        clock: world.clock,
        drain: Drain::default(),
    });
    Tested {
        api,
        backend,
        token,
        _temp: temp,
    }
}

impl Tested {
    async fn ask(
        &self,
        method: &str,
        target: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Answer {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let value = if *value == "TOKEN" {
                format!("Bearer {}", self.token)
            } else {
                (*value).to_owned()
            };
            all.append(*name, value.parse().unwrap());
        }
        let request = Request {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            query,
            headers: all,
            body: Bytes::copy_from_slice(body.as_bytes()),
            upload: None,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            at: NOW,
            trace: Trace::new(&SeededRandom::new(1)),
        };
        self.api.handle(request).await
    }

    async fn post(&self, body: &str) -> Answer {
        let headers = [
            ("authorization", "TOKEN"),
            ("content-type", "application/json"),
            ("idempotency-key", "k1"),
        ];
        self.ask("POST", "/things", &headers, body).await
    }
}

fn body(answer: &Answer) -> Json {
    serde_json::from_slice(&answer.body).unwrap()
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer
        .headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn mark() -> RowMark {
    let open = vec![Id::from_index(2)];
    RowMark {
        aggregate: aggregate(),
        key: Value::text(KEY),
        version: 7,
        open,
    }
}

fn done() -> CommandAnswer {
    CommandAnswer::Done(Done {
        flow: "f1".to_owned(),
        returned: Value::record(vec![Value::text(KEY)]),
        row: Some(mark()),
        replayed: false,
    })
}

fn shown(name: &str) -> ShownRow {
    ShownRow {
        values: vec![Value::text(KEY), Value::text(name)],
        parts: Vec::new(),
        mark: Some(mark()),
    }
}

#[tokio::test]
async fn a_command_is_handed_over_typed_and_its_row_is_answered_with_links() {
    let tested = tested(FakeBackend {
        command: Some(done()),
        ..FakeBackend::default()
    });
    let answer = tested.post(r#"{"name":"tea","size":2}"#).await;
    assert_eq!(answer.status, 201);
    assert_eq!(&*answer.operation, "addThing");
    assert_eq!(header(&answer, "location"), format!("/things/{KEY}"));
    assert_eq!(header(&answer, "etag"), "\"7\"");
    let links =
        json!({ "self": format!("/things/{KEY}"), "close": format!("/things/{KEY}/close") });
    assert_eq!(body(&answer), json!({ "thing": KEY, "links": links }));
    let asked = tested.backend.commands.lock().unwrap();
    assert_eq!(
        asked[0].input,
        Value::record(vec![Value::text("tea"), Value::Int(2)])
    );
    assert_eq!(asked[0].key.as_deref(), Some("k1"));
    assert_eq!(asked[0].asked.caller.as_ref().unwrap().id, "ada");
}

#[tokio::test]
async fn every_violation_of_a_body_is_told_with_its_place() {
    let tested = tested(FakeBackend::default());
    let answer = tested
        .post(r#"{"name":"too long","size":0,"more":1}"#)
        .await;
    assert_eq!(answer.status, 422);
    assert_eq!(header(&answer, "content-type"), "application/problem+json");
    let body = body(&answer);
    let mut places: Vec<&str> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    places.sort_unstable();
    assert_eq!(places, ["/more", "/name", "/size"]);
    assert_eq!(body["type"], "/problems/invalid-input");
    assert!(tested.backend.commands.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_refusal_is_the_problem_that_the_contract_knows() {
    for (code, status, retry) in [
        ("no-such-room", 409, ""),
        ("busy", 409, "1"),
        ("never-heard-of", 500, ""),
    ] {
        let refused = CommandAnswer::Refused(Refusal::new(code));
        let tested = tested(FakeBackend {
            command: Some(refused),
            ..FakeBackend::default()
        });
        let answer = tested.post(r#"{"name":"tea"}"#).await;
        assert_eq!(answer.status.as_u16(), status, "{code}");
        assert_eq!(header(&answer, "retry-after"), retry, "{code}");
        assert_eq!(body(&answer)["code"], code);
    }
}

#[tokio::test]
async fn who_does_not_say_who_it_is_gets_a_challenge() {
    let tested = tested(FakeBackend::default());
    let json = ("content-type", "application/json");
    let without = tested.ask("POST", "/things", &[json], "{}").await;
    assert_eq!(without.status, 401);
    assert_eq!(header(&without, "www-authenticate"), "Bearer");
    let forged = tested
        .ask(
            "POST",
            "/things",
            &[json, ("authorization", "Bearer a.b.c")],
            "{}",
        )
        .await;
    assert_eq!(forged.status, 401);
    assert!(header(&forged, "www-authenticate").contains("invalid_token"));
    let open = tested
        .ask("GET", "/things", &[("authorization", "Basic x")], "")
        .await;
    assert_eq!(
        open.status, 401,
        "a wrong token is wrong even where none is needed"
    );
}

#[tokio::test]
async fn other_methods_and_paths_are_told_apart() {
    let tested = tested(FakeBackend::default());
    for method in ["DELETE", "PUT", "TRACE", "BREW"] {
        let answer = tested.ask(method, "/things", &[], "").await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(header(&answer, "allow"), "GET, POST, HEAD", "{method}");
    }
    assert_eq!(tested.ask("OPTIONS", "/things", &[], "").await.status, 204);
    assert_eq!(tested.ask("GET", "/nothing", &[], "").await.status, 404);
    let xml = [("authorization", "TOKEN"), ("content-type", "text/xml")];
    assert_eq!(
        tested.ask("POST", "/things", &xml, "<a/>").await.status,
        415
    );
}

#[tokio::test]
async fn a_page_continues_where_it_ended_but_only_for_its_own_question() {
    let page = Page {
        rows: vec![shown("a"), shown("b")],
        next: Some(vec![Value::text("b")]),
    };
    let tested = tested(FakeBackend {
        query: Some(QueryAnswer::Page(page)),
        ..FakeBackend::default()
    });
    let first = tested.ask("GET", "/things?name=x&limit=2", &[], "").await;
    assert_eq!(first.status, 200);
    let answer = body(&first);
    assert_eq!(
        answer["items"],
        json!([{ "id": KEY, "name": "a" }, { "id": KEY, "name": "b" }])
    );
    let next = answer["next"].as_str().unwrap();
    assert_eq!(header(&first, "link"), format!("<{next}>; rel=\"next\""));
    assert_eq!(tested.ask("GET", next, &[], "").await.status, 200);
    let asked = tested.backend.queries.lock().unwrap().clone();
    assert_eq!(asked[1].after, Some(vec![Value::text("b")]));
    assert_eq!(asked[1].limit, 2);
    assert_eq!(
        asked[1].filters,
        [crate::backend::Filter {
            slot: 1,
            test: Test::OneOf(vec![Value::text("x")])
        }]
    );
    let other = next.replace("name=x", "name=y");
    assert_eq!(tested.ask("GET", &other, &[], "").await.status, 400);
    assert_eq!(
        tested.ask("GET", "/things?after=abc", &[], "").await.status,
        400
    );
    assert_eq!(
        tested.ask("GET", "/things?unknown=1", &[], "").await.status,
        400
    );
}

#[tokio::test]
async fn a_row_has_a_tag_and_is_not_sent_to_who_has_it() {
    let by = vec![(
        Id::from_index(0),
        vec![Value::text(KEY), Value::text("tea")],
    )];
    let row = Some(RowAnswer::Shown { mark: mark(), by });
    let tested = tested(FakeBackend {
        row,
        ..FakeBackend::default()
    });
    let target = format!("/things/{KEY}");
    let answer = tested
        .ask("GET", &target, &[("authorization", "TOKEN")], "")
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(body(&answer)["name"], "tea");
    assert_eq!(
        body(&answer)["links"]["close"],
        format!("/things/{KEY}/close")
    );
    let tag = header(&answer, "etag").to_owned();
    assert!(tag.starts_with("\"7."));
    let again = tested
        .ask(
            "GET",
            &target,
            &[("authorization", "TOKEN"), ("if-none-match", &tag)],
            "",
        )
        .await;
    assert_eq!(again.status, 304);
    assert!(again.body.is_empty());
}

#[tokio::test]
async fn what_a_client_saw_is_handed_over_as_versions() {
    let tested = tested(FakeBackend {
        command: Some(done()),
        ..FakeBackend::default()
    });
    for (given, expected) in [
        ("\"7.abc\", W/\"8\"", Expected::Versions(vec![7, 8])),
        ("*", Expected::Any),
        ("\"no-version\"", Expected::Versions(vec![])),
    ] {
        let headers = [
            ("authorization", "TOKEN"),
            ("content-type", "application/json"),
            ("if-match", given),
        ];
        assert_eq!(
            tested
                .ask("POST", "/things", &headers, r#"{"name":"tea"}"#)
                .await
                .status,
            201
        );
        let asked = tested.backend.commands.lock().unwrap().pop().unwrap();
        assert_eq!(asked.expected, Some(expected), "{given}");
    }
}

#[tokio::test]
async fn a_problem_is_explained_where_its_type_points() {
    let tested = tested(FakeBackend::default());
    let answer = tested.ask("GET", "/problems/busy", &[], "").await;
    assert_eq!(answer.status, 200);
    assert!(String::from_utf8_lossy(&answer.body).contains("title of busy"));
    assert_eq!(
        tested.ask("GET", "/problems/nothing", &[], "").await.status,
        404
    );
}

#[tokio::test]
async fn a_header_that_matters_is_never_passed_over() {
    let tested = tested(FakeBackend {
        command: Some(done()),
        ..FakeBackend::default()
    });
    let json = ("content-type", "application/json");
    let token = ("authorization", "TOKEN");
    for twice in [json, token, ("idempotency-key", "k"), ("if-match", "\"1\"")] {
        let headers = [json, token, twice, twice];
        let answer = tested
            .ask("POST", "/things", &headers, r#"{"name":"tea"}"#)
            .await;
        assert_eq!(answer.status, 400, "{}", twice.0);
        assert_eq!(body(&answer)["errors"][0]["pointer"], twice.0);
    }
    let odd = [json, token, ("idempotency-key", "\u{e9}")];
    assert_eq!(
        tested
            .ask("POST", "/things", &odd, r#"{"name":"tea"}"#)
            .await
            .status,
        400
    );
    assert!(tested.backend.commands.lock().unwrap().is_empty());
}
