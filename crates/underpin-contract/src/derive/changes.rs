//! Queries whose clients keep the rows and ask for what has changed since.

use super::operations::Making;
use crate::composed::composed;
use crate::contract::{Operation, Reply, Source, Style, Target};
use crate::contract::{Parameter, PathParameter};
use crate::many::ChangesReply;
use crate::path::{PathTemplate, Segment};
use crate::schema::Schema;
use underpin_brief::model::{Id, Query, QuerySource};

/// How long positions are good for where the brief does not say, µs: an assumption.
const KEEP: i64 = 24 * 3_600 * 1_000_000;
/// Changes of one answer at most.
const MOST: u32 = 500;

impl Making<'_, '_> {
    /// The operation that tells what has changed, where the brief says `changes`.
    pub(super) fn changes(&mut self, id: Id<Query>, page: &Operation) -> Option<Operation> {
        let query = self.brief.queries.get(id);
        let keep = query.changes?;
        if !matches!(query.of, QuerySource::Aggregate(_)) {
            return None;
        }
        let projection = match &page.reply {
            Reply::Page(reply) => reply.projection.clone(),
            Reply::Row(reply) => reply.projection.clone(),
            _ => return None,
        };
        let row = composed(&projection, [].into_iter());
        let component = self.forms.name(&page.name, "Changed");
        self.forms.add(&component, Schema::Object(row));
        let mut parameters = page.parameters.clone();
        parameters.retain(|parameter| matches!(parameter.target, Target::Input(..)));
        parameters.extend([since(), limit()]);
        let mut problems = page.problems.clone();
        problems.remove(&404);
        Some(Operation {
            id: format!("{}Changes", page.id).into(),
            name: format!("{}-changes", page.name).into(),
            summary: format!("{}, what has changed", page.summary),
            path: of_rows(&page.path),
            path_parameters: Vec::<PathParameter>::new(),
            source: Source::Changes(id),
            parameters,
            reply: Reply::Changes(ChangesReply {
                projection,
                component,
                keep: keep.map_or(KEEP, |keep| keep.micros),
                max: MOST,
            }),
            shapes: Vec::new(),
            problems,
            ..page.clone()
        })
    }
}

fn since() -> Parameter {
    Parameter {
        name: "since".into(),
        schema: Schema::token(4_000),
        style: Style::Once,
        required: false,
        target: Target::After,
        description: "The position of an earlier answer; without it all rows come.".to_owned(),
    }
}

fn limit() -> Parameter {
    Parameter {
        name: "limit".into(),
        schema: Schema::Integer {
            min: Some(1),
            max: Some(i64::from(MOST)),
        },
        style: Style::Once,
        required: false,
        target: Target::Limit,
        description: "How many changes at most.".to_owned(),
    }
}

/// `/orders.changes`, whatever names one row.
fn of_rows(path: &PathTemplate) -> PathTemplate {
    let fixed = |segment: &&Segment| matches!(segment, Segment::Static(_));
    let mut segments: Vec<Segment> = path.segments.iter().filter(fixed).cloned().collect();
    match segments.last_mut() {
        Some(Segment::Static(last)) => *last = format!("{last}.changes").into(),
        _ => segments.push(Segment::Static("changes".into())),
    }
    PathTemplate { segments }
}
