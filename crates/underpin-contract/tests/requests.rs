//! What the document shows is what the router accepts, and what it does not describe is refused.

use crate::{briefs, contract, here};
use serde_json::Value as Json;
use underpin_contract::openapi;
use underpin_contract::{
    Arguments, Contract, Headers, Operation, Rejection, Request, read_request,
};

/// A request made only of the examples in the document.
struct Example {
    captures: Vec<String>,
    query: String,
    body: Vec<u8>,
    if_match: Option<String>,
}

fn text_of(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn described<'a>(json: &'a Json, operation: &Operation) -> &'a Json {
    let path = operation
        .path
        .to_string()
        .replace('~', "~0")
        .replace('/', "~1");
    let method = operation.method.as_str().to_lowercase();
    json.pointer(&format!("/paths/{path}/{method}"))
        .expect("the operation")
}

fn example(json: &Json, operation: &Operation) -> Example {
    let described = described(json, operation);
    let mut made = Example {
        captures: Vec::new(),
        query: String::new(),
        body: Vec::new(),
        if_match: None,
    };
    let mut pairs = Vec::new();
    let parameters = described.get("parameters").and_then(Json::as_array);
    for parameter in parameters.into_iter().flatten() {
        let parameter = match parameter.get("$ref").and_then(Json::as_str) {
            Some(reference) => json
                .pointer(reference.trim_start_matches('#'))
                .expect("a parameter"),
            None => parameter,
        };
        let in_content = parameter.pointer("/content/application~1json/example");
        let name = text_of(&parameter["name"]);
        if name == "Idempotency-Key" {
            // A client makes its own; an example would be copied and reused.
            continue;
        }
        let example = parameter.get("example").or(in_content).expect("an example");
        match parameter["in"].as_str() {
            Some("path") => made.captures.push(text_of(example)),
            Some("header") if name == "If-Match" => made.if_match = Some(text_of(example)),
            Some("query") => match (example, parameter["explode"].as_bool()) {
                (Json::Array(values), Some(true)) => {
                    pairs.extend(values.iter().map(|value| (name.clone(), text_of(value))));
                }
                (Json::Array(values), Some(false)) => {
                    let values: Vec<String> = values.iter().map(text_of).collect();
                    pairs.push((name, values.join(",")));
                }
                (value, _) => pairs.push((name, text_of(value))),
            },
            _ => {}
        }
    }
    let pair = |(name, value): &(String, String)| format!("{}={}", encode(name), encode(value));
    made.query = pairs.iter().map(pair).collect::<Vec<_>>().join("&");
    if let Some(body) = described.pointer("/requestBody/content/application~1json/example") {
        made.body = body.to_string().into_bytes();
    }
    made
}

fn read(
    contract: &Contract,
    operation: &Operation,
    made: &Example,
) -> Result<Arguments, Rejection> {
    let request = Request {
        captures: &made.captures,
        query: &made.query,
        headers: Headers {
            content_type: Some("application/json; charset=utf-8"),
            idempotency_key: None,
            if_match: made.if_match.as_deref(),
        },
        body: &made.body,
    };
    read_request(contract, operation, &request)
}

#[test]
fn every_example_of_the_document_is_accepted() {
    for (name, text) in briefs() {
        let (contract, found) = contract(&name, &text);
        assert_eq!(found, [], "{name}");
        let json = openapi(&contract);
        for operation in &contract.operations {
            let made = example(&json, operation);
            let read = read(&contract, operation, &made);
            assert!(
                read.is_ok(),
                "{name} {}: {read:?}\n{}",
                operation.id,
                made.query
            );
        }
    }
}

#[test]
fn every_example_of_an_answer_is_of_its_form() {
    for (name, text) in briefs() {
        let (contract, _) = contract(&name, &text);
        for (component, schema) in &contract.components.schemas {
            let example = contract.components.example("", schema);
            let found = contract.components.validate(schema, &example);
            assert_eq!(found, [], "{name} {component}: {example}");
        }
    }
}

fn library() -> Contract {
    let text = std::fs::read_to_string(here("tests/briefs/library.kdl")).expect("the brief");
    contract("library.kdl", &text).0
}

/// The code with which a request is refused, or `ok`.
fn outcome(contract: &Contract, name: &str, change: impl FnOnce(&mut Example)) -> String {
    let operation = contract.find(name).expect("an operation");
    let mut made = example(&openapi(contract), operation);
    change(&mut made);
    match read(contract, operation, &made) {
        Ok(_) => "ok".to_owned(),
        Err(rejection) => {
            let places: Vec<&str> = rejection
                .errors
                .iter()
                .map(|error| &*error.pointer)
                .collect();
            format!("{} {}", rejection.code, places.join(" "))
                .trim_end()
                .to_owned()
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn what_is_not_described_is_refused() {
    let contract = library();
    let body = |text: &'static str| move |made: &mut Example| made.body = text.into();
    let query = |text: &'static str| move |made: &mut Example| made.query = text.into();
    let add = r#"{"isbn":"0123456789","title":"t","fee":{"amount":"1","currency":"JPY"},"tags":[]"#;
    let table: Vec<(&str, String, &str)> = vec![
        (
            "add-book",
            outcome(&contract, "add-book", body("{")),
            "malformed-request",
        ),
        (
            "add-book",
            outcome(&contract, "add-book", body("")),
            "malformed-request",
        ),
        (
            "add-book",
            outcome(&contract, "add-book", body("[]")),
            "invalid-input",
        ),
        (
            "unknown property",
            outcome(&contract, "add-book", |made| {
                made.body = format!("{add},\"x\":1}}").into();
            }),
            "invalid-input /x",
        ),
        (
            "no body",
            outcome(&contract, "declare-lost", body("")),
            "ok",
        ),
        (
            "empty body",
            outcome(&contract, "declare-lost", body("{}")),
            "ok",
        ),
        (
            "body",
            outcome(&contract, "declare-lost", body("{\"a\":1}")),
            "invalid-input /a",
        ),
        (
            "large",
            outcome(&contract, "declare-lost", |m| m.body = vec![b' '; 2000]),
            "too-large",
        ),
        (
            "path",
            outcome(&contract, "declare-lost", |m| {
                m.captures = vec!["a b".into()];
            }),
            "not-found",
        ),
        (
            "key of two",
            outcome(&contract, "take-seat", |m| {
                m.captures = vec!["hall".into(), "0".into()];
            }),
            "not-found",
        ),
        (
            "version",
            outcome(&contract, "lend", |made| made.if_match = None),
            "precondition-required",
        ),
        (
            "version",
            outcome(&contract, "lend", |made| made.if_match = Some("7".into())),
            "ok",
        ),
        (
            "sort",
            outcome(&contract, "books", query("sort=-fee,title")),
            "ok",
        ),
        (
            "sort",
            outcome(&contract, "books", query("sort=isbn")),
            "invalid-parameter sort",
        ),
        (
            "limit",
            outcome(&contract, "books", query("limit=41")),
            "invalid-parameter limit",
        ),
        (
            "twice",
            outcome(&contract, "books", query("limit=1&limit=2")),
            "invalid-parameter limit",
        ),
        (
            "filter",
            outcome(&contract, "books", query("shelf=ground&shelf=upper")),
            "ok",
        ),
        (
            "filter",
            outcome(&contract, "books", query("shelf=roof")),
            "invalid-parameter shelf",
        ),
        (
            "range",
            outcome(&contract, "books", query("fee.min=1.50+EUR&weight.max=2.5")),
            "ok",
        ),
        (
            "unknown",
            outcome(&contract, "books", query("isbn=1")),
            "invalid-parameter isbn",
        ),
        (
            "encoding",
            outcome(&contract, "books", query("search=%ff")),
            "malformed-request",
        ),
        (
            "empty",
            outcome(&contract, "books", query("search=")),
            "invalid-parameter search",
        ),
    ];
    for (name, got, wanted) in table {
        assert_eq!(got, wanted, "{name}");
    }
}

#[test]
fn a_request_becomes_typed_arguments() {
    use underpin_brief::model::Value;
    let contract = library();
    let operation = contract.find("take-seat").expect("an operation");
    let made = Example {
        captures: vec!["hall".into(), "7".into()],
        query: String::new(),
        body: Vec::new(),
        if_match: None,
    };
    let arguments = read(&contract, operation, &made).expect("arguments");
    let seat = Value::list(vec![Value::text("hall"), Value::Int(7)]);
    assert_eq!(arguments.input, Value::record(vec![seat]));
}

#[test]
fn if_match_compares_versions_and_nothing_else() {
    let contract = library();
    let operation = contract.find("lend").expect("an operation");
    let table = [
        ("\"7\"", true),
        ("7", true),
        ("\"7.fingerprint\"", true),
        ("W/\"7.x\"", true),
        ("\"6\", \"7\"", true),
        ("*", true),
        ("\"6\"", false),
        ("\"77\"", false),
        ("", false),
        ("\u{fffd}", false),
    ];
    for (header, admitted) in table {
        let mut made = example(&openapi(&contract), operation);
        made.if_match = Some(header.to_owned());
        let arguments = read(&contract, operation, &made).expect("arguments");
        assert_eq!(
            arguments.if_match.map(|given| given.admits(7)),
            Some(admitted),
            "{header}"
        );
    }
}
