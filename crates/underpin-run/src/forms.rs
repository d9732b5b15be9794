//! How declared fields look as JSON, as the contract has them. Must not know who reads or writes
//! them.

use serde_json::Value as Json;
use underpin_brief::model::{Brief, Field, Value};
use underpin_contract::{Components, Object, Schema, Violation};

/// How some fields look as one JSON object.
#[derive(Clone, Debug)]
pub struct Form {
    /// Named parts.
    pub components: Components,
    /// The whole.
    pub schema: Schema,
}

impl Form {
    /// The form of these fields.
    #[must_use]
    pub fn of(brief: &Brief, fields: &[Field]) -> Self {
        let (components, schema) = underpin_contract::declared(brief, fields);
        Self { components, schema }
    }

    /// A value as JSON.
    #[must_use]
    pub fn write(&self, value: &Value) -> Json {
        self.components.write(&self.schema, value)
    }

    /// A value from JSON. Properties that nobody declared are ignored: others may tell more than
    /// this brief asks for.
    ///
    /// # Errors
    /// Every place that is not as declared.
    pub fn read(&self, json: &Json) -> Result<Value, Vec<Violation>> {
        self.components
            .read(&self.schema, &self.known(&self.schema, json))
    }

    /// The same without what is not declared.
    fn known(&self, schema: &Schema, json: &Json) -> Json {
        match (self.components.follow(schema), json) {
            (Schema::Nullable(inner), json) => self.known(inner, json),
            (Schema::Object(Object { fields, .. }), Json::Object(members)) => {
                let declared = |(name, member): (&String, &Json)| {
                    let field = fields.iter().find(|field| *field.name == *name)?;
                    Some((name.clone(), self.known(&field.schema, member)))
                };
                Json::Object(members.iter().filter_map(declared).collect())
            }
            (Schema::List { items, .. }, Json::Array(elements)) => elements
                .iter()
                .map(|element| self.known(items, element))
                .collect(),
            (_, json) => json.clone(),
        }
    }
}
