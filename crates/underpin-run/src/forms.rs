//! How declared fields look as JSON, as the contract has them. Must not know who reads or writes
//! them.

use crate::externals::Form;
use underpin_brief::model::{Brief, Field};
use underpin_contract::{Components, Schema};

/// The form of these fields as one JSON object.
#[must_use]
pub fn form(_: &Brief, _: &[Field]) -> Form {
    Form {
        components: Components::default(),
        schema: Schema::Any { max_bytes: None },
    }
}
