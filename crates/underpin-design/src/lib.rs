//! The design: how the backend is built, as a value. Every choice is a [`Decision`] with the
//! places in the brief that drove it.
//!
//! A [`Design`] is made only by a [`Builder`], which refuses names that nothing declares. It is
//! written as `design.json`, whose schema is published beside this crate. It holds no spans and
//! nothing that follows from the order of declarations, does no I/O and knows no later stage.

mod builder;
mod decision;
mod lock;
mod types;

pub use builder::{Builder, Inconsistency};
pub use decision::{Alternative, Assumption, Decision, OpenQuestion};
pub use lock::{FIRST_PORT, Lock, LockError};
pub use types::*;

/// The JSON Schema of `design.json`, derived from the documented types.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(DesignForm);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    /// `UPDATE_GOLDEN=1 cargo test -p underpin-design` writes the published schema anew.
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test writes its golden file when asked to"
    )]
    fn the_published_schema_is_that_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/design.schema.json");
        let made = super::schema();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &made).expect("the schema can be written");
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            published, made,
            "run with UPDATE_GOLDEN=1 and review the difference"
        );
    }

    #[test]
    fn every_field_of_the_schema_is_described() {
        let schema: serde_json::Value = serde_json::from_str(&super::schema()).expect("JSON");
        let mut missing = Vec::new();
        let definitions = schema["$defs"].as_object().expect("definitions");
        for (name, definition) in definitions.iter().chain([(&"design".to_owned(), &schema)]) {
            let Some(fields) = definition["properties"].as_object() else {
                continue;
            };
            let undescribed = fields
                .iter()
                .filter(|(_, field)| field["description"].is_null());
            missing.extend(undescribed.map(|(field, _)| format!("{name}.{field}")));
        }
        assert_eq!(missing, Vec::<String>::new());
    }
}
