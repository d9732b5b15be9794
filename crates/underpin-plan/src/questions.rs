//! What only a person can answer: the author's own questions, and what no default can stand for.

use crate::Planning;
use crate::words::path_of;
use underpin_brief::flow::made;
use underpin_brief::model::*;
use underpin_design::OpenQuestion;

/// All questions.
pub(crate) fn questions(planning: &Planning<'_>) -> Vec<OpenQuestion> {
    let brief = planning.brief;
    let own = brief.questions.iter().map(|question| OpenQuestion {
        text: question.text.to_string(),
        about: question
            .about
            .as_ref()
            .and_then(|about| path_of(brief, &about.text)),
        asked_by: "brief".to_owned(),
    });
    let mut all: Vec<OpenQuestion> = own.collect();
    all.extend(retention(brief));
    all.extend(origins(brief));
    all.extend(load(brief));
    all
}

/// Personal data may be kept only as long as there is a reason: nobody but a person knows it.
fn retention(brief: &Brief) -> impl Iterator<Item = OpenQuestion> + '_ {
    let personal = |aggregate: &&Aggregate| {
        aggregate.keep.is_none() && aggregate.fields.iter().any(|field| field.marks.personal)
    };
    brief
        .aggregates
        .rows()
        .iter()
        .filter(personal)
        .map(|aggregate| OpenQuestion {
            text: format!("How long may personal data of {} be kept?", aggregate.name),
            about: Some(aggregate.path.to_string()),
            asked_by: "planner".to_owned(),
        })
}

/// What no command or policy makes comes from somewhere else, or is never there.
fn origins(brief: &Brief) -> impl Iterator<Item = OpenQuestion> + '_ {
    let made = made(brief);
    let foreign = brief
        .aggregates
        .iter()
        .filter(move |(id, _)| !made.contains(id));
    foreign.map(|(_, aggregate)| OpenQuestion {
        text: format!(
            "Where do rows of {} come from? No command makes one.",
            aggregate.name
        ),
        about: Some(aggregate.path.to_string()),
        asked_by: "planner".to_owned(),
    })
}

fn load(brief: &Brief) -> Option<OpenQuestion> {
    let commands = brief.commands.rows().iter().map(|command| &command.loads);
    let queries = brief.queries.rows().iter().map(|query| &query.loads);
    let silent = commands.chain(queries).all(Vec::is_empty);
    silent.then(|| OpenQuestion {
        text: "How many requests come at peak?".to_owned(),
        about: None,
        asked_by: "planner".to_owned(),
    })
}
