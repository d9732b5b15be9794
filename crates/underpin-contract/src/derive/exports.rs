//! Queries whose whole answer can be asked for at once, one operation per format.

use super::operations::Making;
use crate::contract::{Operation, Reply, Source, Target};
use crate::many::{ExportFormat, ExportReply};
use crate::path::{PathTemplate, Segment};
use crate::table::Table;
use underpin_brief::model::{Id, Query};

impl Making<'_, '_> {
    /// The exports of a query that answers pages.
    pub(super) fn exports(&self, id: Id<Query>, page: &Operation) -> Vec<Operation> {
        let declared = &self.brief.queries.get(id).exports;
        let formats = [ExportFormat::Csv, ExportFormat::JsonLines];
        let wanted = formats
            .into_iter()
            .filter(|format| declared.iter().any(|word| &**word == format.ending()));
        wanted
            .filter_map(|format| self.export(id, page, format))
            .collect()
    }

    fn export(&self, id: Id<Query>, page: &Operation, format: ExportFormat) -> Option<Operation> {
        let Reply::Page(reply) = &page.reply else {
            return None;
        };
        let ending = format.ending();
        let mut parameters = page.parameters.clone();
        parameters.retain(|parameter| !matches!(parameter.target, Target::Limit | Target::After));
        let kind = match format {
            ExportFormat::Csv => "Csv",
            ExportFormat::JsonLines => "Jsonl",
        };
        Some(Operation {
            id: format!("{}{kind}", page.id).into(),
            name: format!("{}-{ending}", page.name).into(),
            summary: format!("{}, all of it", page.summary),
            path: with_ending(&page.path, ending),
            source: Source::Export(id, format),
            parameters,
            reply: Reply::Export(ExportReply {
                format,
                table: Table::of(&reply.projection, &self.forms.components),
                projection: reply.projection.clone(),
                component: reply.component.clone(),
            }),
            shapes: Vec::new(),
            ..page.clone()
        })
    }
}

/// `/orders.csv`; a path that ends with a parameter gets a segment instead.
fn with_ending(path: &PathTemplate, ending: &str) -> PathTemplate {
    let mut segments = path.segments.clone();
    match segments.last_mut() {
        Some(Segment::Static(last)) => *last = format!("{last}.{ending}").into(),
        _ => segments.push(Segment::Static(format!("export.{ending}").into())),
    }
    PathTemplate { segments }
}
