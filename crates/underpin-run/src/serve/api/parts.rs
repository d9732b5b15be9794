//! Parts of composed answers as clients see them. Must not know whom they were asked of.

use super::Api;
use crate::backend::{PartAnswer, ShownRow};
use crate::serve::http::Answer;
use serde_json::Value as Json;
use underpin_contract::{PartContent, PartForm, Schema, ShownPart};

impl Api {
    /// Puts the parts of a row below what is shown of it; the names of those that could not be
    /// had.
    pub(super) fn put_parts(
        &self,
        forms: &[PartForm],
        answers: &[PartAnswer],
        row: &mut Json,
    ) -> Vec<String> {
        let mut missing = Vec::new();
        let Some(members) = row.as_object_mut() else {
            return missing;
        };
        for (at, form) in forms.iter().enumerate() {
            let answer = answers.get(at).unwrap_or(&PartAnswer::Missing);
            if !is_whole(answer) {
                missing.push(form.name.to_string());
            }
            members.insert(form.name.to_string(), self.part(form, answer));
        }
        missing
    }

    fn part(&self, form: &PartForm, answer: &PartAnswer) -> Json {
        match (answer, &form.content) {
            (PartAnswer::Missing, _) => Json::Null,
            (PartAnswer::Instead(inner), _) => self.part(form, inner),
            (PartAnswer::List(items), _) => {
                items.iter().map(|item| self.part(form, item)).collect()
            }
            (PartAnswer::Answer(value), PartContent::Answer(object)) => {
                let form = Schema::Object(object.clone());
                self.contract.components.write(&form, value)
            }
            (PartAnswer::Row(row), PartContent::Shown(form)) => self.part_row(form, row),
            (PartAnswer::Answer(_), PartContent::Shown(_))
            | (PartAnswer::Row(_), PartContent::Answer(_)) => Json::Null,
        }
    }

    fn part_row(&self, form: &ShownPart, row: &ShownRow) -> Json {
        let value = |column: underpin_contract::Column| row.values.get(column.show);
        let mut shown = form.projection.render(&self.contract.components, &value);
        for (at, part) in &form.parts {
            let answer = row.parts.get(*at).unwrap_or(&PartAnswer::Missing);
            shown.insert(part.name.to_string(), self.part(part, answer));
        }
        Json::Object(shown)
    }
}

/// Whether nothing of it is missing and nothing stands in for it.
fn is_whole(answer: &PartAnswer) -> bool {
    match answer {
        PartAnswer::Missing | PartAnswer::Instead(_) => false,
        PartAnswer::Answer(_) => true,
        PartAnswer::Row(row) => row.parts.iter().all(is_whole),
        PartAnswer::List(items) => items.iter().all(is_whole),
    }
}

/// The answer with what is missing of it: it is not to be kept by anybody then.
pub(super) fn composed(answer: Answer, missing: &[String]) -> Answer {
    if missing.is_empty() {
        return answer;
    }
    let mut names: Vec<&str> = missing.iter().map(String::as_str).collect();
    names.dedup();
    let mut answer = answer.header("missing-parts", &names.join(", "));
    answer.headers.insert(
        hyper::header::CACHE_CONTROL,
        hyper::header::HeaderValue::from_static("no-store"),
    );
    answer
}
