//! What stands on the page, and what cannot get into it.

use super::page;
use serde_json::json;

fn document() -> serde_json::Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "A <b> system", "version": "2" },
        "paths": {
            "/things": { "post": {
                "operationId": "addThing", "tags": ["Thing"], "summary": "Add a thing",
                "requestBody": { "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/AddThing" },
                    "example": { "name": "</script><script>alert(1)</script>" },
                } } },
                "responses": { "201": { "description": "added" }, "409": { "description": "`exists`" } },
            } },
            "/things/{id}": { "get": {
                "operationId": "thing", "tags": ["Thing"],
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } }],
                "responses": { "200": { "description": "the thing" } },
            } },
        },
        "components": { "schemas": { "AddThing": {
            "type": "object", "required": ["name"],
            "properties": { "name": { "type": "string", "maxLength": 40 } },
        }, "Loop": { "$ref": "#/components/schemas/Loop" } } },
    })
}

#[test]
fn every_operation_schema_and_answer_is_on_the_page() {
    let html = page(&document()).html;
    for expected in [
        "id=\"op-addThing\"",
        "id=\"op-thing\"",
        "href=\"#op-thing\"",
        "Add a thing",
        "/things/{id}",
        "id=\"schema-AddThing\"",
        "href=\"#schema-AddThing\"",
        "length ≤ 40",
        "<code>exists</code>",
        "data-in=\"path\" name=\"id\"",
    ] {
        assert!(html.contains(expected), "{expected} is missing");
    }
}

#[test]
fn groups_stand_in_the_order_of_the_documents_tags() {
    let mut document = document();
    let first = json!({ "get": {
        "operationId": "first", "tags": ["Given"], "responses": { "200": { "description": "it" } },
    } });
    document["paths"]["/a"] = first;
    document["tags"] = json!([{ "name": "Thing" }, { "name": "Given" }]);
    let html = page(&document).html;
    let place = |id: &str| html.find(&format!("id=\"op-{id}\"")).expect(id);
    assert!(place("addThing") < place("first"));
}

#[test]
fn nothing_in_the_document_becomes_markup() {
    let html = page(&document()).html;
    assert!(html.contains("A &lt;b&gt; system"));
    assert!(!html.contains("alert(1)</script>"));
    assert_eq!(html.matches("<script>").count(), 1);
}

#[test]
fn the_page_needs_no_network_and_its_policy_admits_only_itself() {
    let page = page(&document());
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.html.contains(outside), "{outside}");
    }
    assert!(page.policy.contains("default-src 'none'"));
    assert!(!page.policy.contains("unsafe"));
}

#[test]
fn a_document_without_anything_still_gives_a_page() {
    assert!(page(&json!({})).html.contains("API reference"));
}

#[test]
fn code_in_prose_is_set_as_code_and_stays_text() {
    for (text, shown) in [
        ("plain", "plain"),
        ("a `b<c` d", "a <code>b&lt;c</code> d"),
        ("a lone ` stays", "a lone ` stays"),
        ("`x``y`", "<code>x</code><code>y</code>"),
    ] {
        assert_eq!(super::html::prose(text), shown);
    }
}
