//! From a brief to its contract.

use crate::contract::Contract;
use underpin_brief::diagnostic::Outcome;
use underpin_brief::model::Brief;

/// The contract of a brief, with what is wrong about it (codes 07xx). The value is there even
/// where there are errors, with the operations that could be derived.
#[must_use]
pub fn derive(brief: &Brief) -> Outcome<Contract> {
    let contract = Contract {
        name: brief.system.name.text.clone(),
        title: brief
            .system
            .title
            .clone()
            .unwrap_or_else(|| brief.system.name.text.clone()),
        purpose: brief.system.purpose.clone(),
        version: brief.system.version.number,
        not_served: brief
            .system
            .version
            .serves
            .iter()
            .map(|served| served.number)
            .collect(),
        operations: Vec::new(),
        components: crate::schema::Components::default(),
        problems: std::collections::BTreeMap::new(),
    };
    Outcome {
        value: Some(contract),
        diagnostics: Vec::new(),
    }
}
