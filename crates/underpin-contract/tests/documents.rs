//! The OpenAPI document: the same bytes, references that exist, and problems on every operation.

use crate::{briefs, contract, here};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use underpin_contract::{Contract, openapi};

fn document(contract: &Contract) -> String {
    let mut text = serde_json::to_string_pretty(&openapi(contract)).expect("JSON");
    text.push('\n');
    text
}

#[test]
fn the_document_of_a_brief_is_the_golden_one() {
    let text = std::fs::read_to_string(here("tests/briefs/library.kdl")).expect("the brief");
    let (contract, found) = contract("library.kdl", &text);
    assert_eq!(found, []);
    let made = document(&contract);
    let golden = here("tests/golden/library.openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &made).expect("a golden file");
    }
    let known = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(
        made == known,
        "run with UPDATE_GOLDEN=1 and review the difference"
    );
}

#[test]
fn order_of_declarations_changes_no_byte() {
    let pieces = [
        "system s { currency EUR }",
        "actor a kind=person",
        "enum Size small large",
        "record Line { key name text max=9; field size Size }",
        "aggregate Box { key id; field lines Line*; field price money; states open shut { move close open to=shut; move reopen shut to=open } }",
        "command add { allow a; input lines Line*; create b Box { set lines=input.lines price=\"money('1.00')\" } }",
        "command close { allow a; input box Box; change b Box key=input.box { move close } }",
        "command reopen { allow a; input box Box; change b Box key=input.box { move reopen } }",
        "query boxes of=Box { allow a; filter state price; sort price; show id lines.size price }",
    ];
    let forward = pieces.join("\n");
    let backward: Vec<&str> = pieces.iter().rev().copied().collect();
    let (one, _) = contract("one.kdl", &forward);
    let (other, _) = contract("two.kdl", &backward.join("\n"));
    assert_eq!(document(&one), document(&other));
}

fn references(json: &Json, found: &mut BTreeSet<String>) {
    match json {
        Json::Object(members) => {
            found.extend(
                members
                    .get("$ref")
                    .and_then(Json::as_str)
                    .map(str::to_owned),
            );
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Json::Array(elements) => elements
            .iter()
            .for_each(|element| references(element, found)),
        _ => {}
    }
}

#[test]
fn references_exist_and_everything_defined_is_referred_to() {
    for (name, text) in briefs() {
        let (contract, _) = contract(&name, &text);
        let json = openapi(&contract);
        let mut wanted = BTreeSet::new();
        references(&json, &mut wanted);
        let mut defined = BTreeSet::new();
        for kind in ["parameters", "schemas", "responses"] {
            let members = json
                .pointer(&format!("/components/{kind}"))
                .and_then(Json::as_object);
            let names = members.into_iter().flat_map(|members| members.keys());
            defined.extend(names.map(|member| format!("#/components/{kind}/{member}")));
        }
        assert_eq!(wanted, defined, "{name}");
    }
}

#[test]
fn every_operation_answers_well_and_says_how_it_refuses() {
    for (name, text) in briefs() {
        let (contract, _) = contract(&name, &text);
        let json = openapi(&contract);
        for operation in &contract.operations {
            let path = operation
                .path
                .to_string()
                .replace('~', "~0")
                .replace('/', "~1");
            let method = operation.method.as_str().to_lowercase();
            let answers = json.pointer(&format!("/paths/{path}/{method}/responses"));
            let answers = answers.and_then(Json::as_object).expect("answers");
            let good = answers.keys().any(|status| status.starts_with('2'));
            let at = format!("{name}: {}", operation.id);
            assert!(good, "{at}");
            for status in ["400", "401", "405", "429", "500", "503"] {
                assert!(answers.contains_key(status), "{at} {status}");
            }
            for (status, codes) in &operation.problems {
                assert!(answers.contains_key(&status.to_string()), "{at} {status}");
                for code in codes {
                    assert_eq!(contract.status(code), *status, "{at} {code}");
                }
            }
        }
    }
}

#[test]
fn refusals_of_a_command_are_its_own() {
    let text = std::fs::read_to_string(here("tests/briefs/library.kdl")).expect("the brief");
    let (contract, _) = contract("library.kdl", &text);
    let codes = |name: &str, status: u16| {
        let operation = contract.find(name).expect("an operation");
        let codes = operation.problems.get(&status).cloned().unwrap_or_default();
        codes
            .iter()
            .map(|code| code.to_string())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let table = [
        ("add-book", 409, "busy conflict exists in-progress too-dear"),
        ("add-book", 422, "arithmetic invalid-input key-reused"),
        ("give-back", 409, "busy conflict illegal-move in-progress"),
        ("give-back", 412, "precondition-failed"),
        ("lend", 428, "precondition-required"),
        ("lend", 404, "not-found"),
        ("lend", 422, "arithmetic invalid-input key-reused"),
        ("take-seat", 409, "busy conflict in-progress taken"),
        ("take-seat", 412, ""),
        ("remind", 422, "invalid-input key-reused unreachable"),
        ("books", 404, ""),
        ("get-book", 404, "not-found"),
        ("book-for-desk", 404, "not-found"),
    ];
    for (name, status, wanted) in table {
        assert_eq!(codes(name, status), wanted, "{name} {status}");
    }
}

#[test]
fn the_document_says_what_a_stream_tells_and_what_is_posted() {
    let text = "system s\nactor a kind=person\naggregate Box { key id; field word text }\n\
        feed news { allow a; on Box.created; show row.word; deliver live }\n\
        feed posts { allow a; on Box.created; deliver webhook }\n";
    let (contract, found) = contract("feeds.kdl", text);
    assert_eq!(found, []);
    let document = openapi(&contract);
    let at = |pointer: &str| document.pointer(pointer).cloned().unwrap_or_default();
    let stream = "/paths/~1feeds~1news/get/responses/200/content/text~1event-stream/schema";
    let told = at(&format!("{stream}/contentSchema/$ref"));
    assert_eq!(told, "#/components/schemas/NewsBoxCreatedMessage");
    let data = "/components/schemas/NewsBoxCreatedMessage/properties";
    assert_eq!(
        at(&format!("{data}/type/enum")),
        serde_json::json!(["Box.created"])
    );
    let word = at(&format!("{data}/data/properties/row/properties/word/type"));
    assert_eq!(word, "string");
    let posted =
        "/webhooks/posts-Box-created/post/requestBody/content/application~1json/schema/$ref";
    assert_eq!(at(posted), "#/components/schemas/PostsBoxCreatedMessage");
}
