//! The contract as an OpenAPI 3.1 document: the same contract, the same bytes. It decides nothing;
//! what is said here and not done by the router would be a defect of the contract value.

mod answers;
mod blobs;
mod bulk;
mod common;
mod feeds;
mod operation;

use crate::contract::{Contract, Reply, Source};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// The OpenAPI 3.1 document of a contract, its members in the order in which people read them.
#[must_use]
pub fn openapi(contract: &Contract) -> Json {
    let mut shared = common::Shared::default();
    let mut paths: Map<String, Json> = Map::new();
    for operation in &contract.operations {
        let described = operation::describe(contract, operation, &mut shared);
        let path = paths
            .entry(operation.path.to_string())
            .or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(operation.method.as_str().to_lowercase(), described);
        }
    }
    let responses = shared.responses();
    let webhooks = feeds::webhooks(contract);
    let schemas = reachable(
        schemas(contract),
        &[&Json::Object(paths.clone()), &responses, &webhooks],
    );
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": &*contract.title,
            "description": description(contract),
            "version": contract.version.to_string(),
        },
        "servers": [{ "url": "/", "description": "The backend that serves this document" }],
        "tags": tags(contract),
        "paths": paths,
        "components": {
            "securitySchemes": common::security_schemes(),
            "parameters": shared.parameters(contract),
            "schemas": schemas,
            "responses": responses,
        },
    });
    if let (Json::Object(members), Json::Object(sent)) = (&mut document, &webhooks)
        && !sent.is_empty()
    {
        members.insert("webhooks".to_owned(), webhooks);
    }
    document
}

fn description(contract: &Contract) -> String {
    let mut text = String::new();
    if let Some(purpose) = &contract.purpose {
        text.push_str(purpose);
        text.push_str("\n\n");
    }
    text.push_str(
        "Amounts are objects of a decimal string and a currency; decimals are strings; times are \
         RFC 3339 in UTC; durations are ISO 8601 without years and months. Unknown properties and \
         parameters are refused. Problems are `application/problem+json` with a stable `code`. \
         A method that a path does not have is answered 405 with `Allow`.",
    );
    if !contract.not_served.is_empty() {
        let versions: Vec<String> = contract.not_served.iter().map(u32::to_string).collect();
        text.push_str(&format!(
            "\n\nNot served here: version {}.",
            versions.join(", ")
        ));
    }
    text
}

fn tags(contract: &Contract) -> Vec<Json> {
    // What the brief says comes first, what every backend has last.
    let mut tags: BTreeMap<(bool, &str), usize> = BTreeMap::new();
    for operation in &contract.operations {
        let given = matches!(
            operation.source,
            Source::Flow
                | Source::FlowCancel
                | Source::Blobs(_)
                | Source::Feed(_)
                | Source::Endpoints(..)
        );
        *tags.entry((given, &operation.tag)).or_default() += 1;
    }
    let tag = |((_, name), count): ((bool, &str), usize)| {
        let operations = if count == 1 {
            "operation"
        } else {
            "operations"
        };
        json!({ "name": name, "description": format!("{name}: {count} {operations}") })
    };
    tags.into_iter().map(tag).collect()
}

fn schemas(contract: &Contract) -> Map<String, Json> {
    let mut schemas: Map<String, Json> = contract
        .components
        .schemas
        .iter()
        .map(|(name, schema)| (name.to_string(), schema.json_schema()))
        .collect();
    schemas
        .entry(common::PROBLEM)
        .or_insert_with(common::problem_schema);
    let registers =
        |operation: &crate::contract::Operation| matches!(operation.source, Source::Endpoints(..));
    if contract.operations.iter().any(registers) {
        schemas
            .entry(feeds::ENDPOINT)
            .or_insert_with(feeds::endpoint_schema);
    }
    let follows = contract
        .operations
        .iter()
        .any(|operation| operation.source == Source::Flow);
    if follows {
        let ids: Vec<&str> = contract
            .operations
            .iter()
            .filter(|operation| matches!(operation.reply, Reply::Command(_)))
            .map(|operation| &*operation.id)
            .collect();
        schemas
            .entry(common::FLOW)
            .or_insert_with(|| common::flow_schema(&ids));
    }
    schemas
}

/// The schemas that are referred to from `roots`, directly or through others.
fn reachable(mut schemas: Map<String, Json>, roots: &[&Json]) -> Map<String, Json> {
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    let mut open: Vec<String> = Vec::new();
    for root in roots {
        references(root, &mut open);
    }
    while let Some(name) = open.pop() {
        if wanted.insert(name.clone())
            && let Some(schema) = schemas.get(&name)
        {
            references(schema, &mut open);
        }
    }
    schemas.retain(|name, _| wanted.contains(name));
    schemas.sort_keys();
    schemas
}

fn references(json: &Json, found: &mut Vec<String>) {
    match json {
        Json::Object(members) => {
            let reference = members.get("$ref").and_then(Json::as_str);
            let name = reference.and_then(|text| text.strip_prefix("#/components/schemas/"));
            found.extend(name.map(str::to_owned));
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
