//! One operation of the document: what it takes, who may, what it answers.

use super::answers;
use super::common::{Shared, if_match};
use crate::blobs::BlobAction;
use crate::contract::Source;
use crate::contract::{
    Access, Allowed, Condition, Contract, Operation, Parameter, PathParameter, Style, Target,
};
use crate::schema::Schema;
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

/// The operation as OpenAPI has it.
pub(super) fn describe(contract: &Contract, operation: &Operation, shared: &mut Shared) -> Json {
    let mut described = Map::new();
    let mut put = |name: &str, value: Json| described.insert(name.to_owned(), value);
    put("operationId", json!(&*operation.id));
    put("summary", json!(operation.summary));
    put("description", json!(description(operation)));
    put("tags", json!([&*operation.tag]));
    put("security", security(&operation.access));
    let parameters = parameters(contract, operation);
    if !parameters.is_empty() {
        put("parameters", Json::Array(parameters));
    }
    if let Some(body) = &operation.body {
        let schema = Schema::Named(body.component.clone());
        put(
            "requestBody",
            json!({
                "required": !body.optional,
                "content": {
                    "application/json": {
                        "schema": schema.json_schema(),
                        "example": contract.components.example("", &schema),
                    },
                },
            }),
        );
    }
    if operation.source == Source::Blobs(BlobAction::Upload) {
        put("requestBody", super::blobs::upload());
    }
    put("responses", answers::describe(contract, operation, shared));
    put(
        "x-actors",
        json!(
            operation
                .access
                .actors
                .iter()
                .map(actor)
                .collect::<Vec<_>>()
        ),
    );
    Json::Object(described)
}

fn actor(allowed: &Allowed) -> String {
    match &allowed.role {
        Some(role) => format!("{}.{role}", allowed.actor),
        None => allowed.actor.to_string(),
    }
}

fn description(operation: &Operation) -> String {
    let mut who: Vec<String> = operation
        .access
        .actors
        .iter()
        .map(|allowed| {
            let condition = if allowed.conditional {
                " (under a condition)"
            } else {
                ""
            };
            format!("`{}`{condition}", actor(allowed))
        })
        .collect();
    if operation.access.anyone {
        who.insert(0, "anyone".to_owned());
    }
    let mut text = match who.is_empty() {
        true => "Nobody may do this.".to_owned(),
        false => format!("Allowed: {}.", who.join(", ")),
    };
    if operation.precondition == Condition::Required {
        text.push_str(" The client must say in `If-Match` which version it saw.");
    }
    text
}

fn security(access: &Access) -> Json {
    match access.anyone {
        true => json!([{}, { "bearer": [] }]),
        false => json!([{ "bearer": [] }]),
    }
}

fn parameters(contract: &Contract, operation: &Operation) -> Vec<Json> {
    let mut parameters: Vec<Json> = operation
        .path_parameters
        .iter()
        .flat_map(|p| in_path(contract, p))
        .collect();
    parameters.extend(operation.parameters.iter().map(|p| in_query(contract, p)));
    let reference = |name: &str| json!({ "$ref": format!("#/components/parameters/{name}") });
    if crate::openapi::common::conditional(operation) {
        parameters.push(reference("IfNoneMatch"));
    }
    if matches!(operation.source, crate::contract::Source::Feed(_)) {
        parameters.push(super::feeds::last_event_id());
    }
    if operation.idempotent {
        parameters.push(reference("IdempotencyKey"));
    }
    if operation.precondition != Condition::Ignored {
        parameters.push(reference(if_match(operation.precondition).0));
    }
    parameters
}

/// One parameter per segment of a key.
fn in_path(contract: &Contract, parameter: &PathParameter) -> Vec<Json> {
    let mut leaves = Vec::new();
    leaves_of(&parameter.schema, &mut leaves);
    let one = |(name, schema): (&Arc<str>, Schema)| {
        json!({
            "name": &**name,
            "in": "path",
            "required": true,
            "description": parameter.description,
            "schema": schema.json_schema(),
            "example": contract.components.example(name, &schema),
        })
    };
    parameter.names.iter().zip(leaves).map(one).collect()
}

fn leaves_of(schema: &Schema, leaves: &mut Vec<Schema>) {
    match schema {
        Schema::Key(fields) => fields
            .iter()
            .for_each(|(_, inner)| leaves_of(inner, leaves)),
        leaf => leaves.push(leaf.in_url()),
    }
}

fn in_query(contract: &Contract, parameter: &Parameter) -> Json {
    let mut described = json!({
        "name": &*parameter.name,
        "in": "query",
        "required": parameter.required,
    });
    let Some(members) = described.as_object_mut() else {
        return described;
    };
    if !parameter.description.is_empty() {
        members.insert("description".to_owned(), json!(parameter.description));
    }
    let mut schema = parameter.schema.json_schema();
    if let (Target::Input(_, default), Some(form)) = (&parameter.target, schema.as_object_mut())
        && !default.is_null()
    {
        form.insert(
            "default".to_owned(),
            contract.components.write(&parameter.schema, default),
        );
    }
    let example = contract
        .components
        .example(&parameter.name, &parameter.schema);
    if parameter.style == Style::Json {
        let content = json!({ "application/json": { "schema": schema, "example": example } });
        members.insert("content".to_owned(), content);
        return described;
    }
    if matches!(parameter.style, Style::Repeated | Style::Comma) {
        members.insert("style".to_owned(), json!("form"));
        members.insert(
            "explode".to_owned(),
            json!(parameter.style == Style::Repeated),
        );
    }
    members.insert("schema".to_owned(), schema);
    members.insert("example".to_owned(), example);
    described
}
