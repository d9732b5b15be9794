//! Flows of the design: what the analysis of commands and policies says, and queries.

use crate::Planning;
use crate::assumptions::DEFAULT_DEADLINE_MS;
use crate::words::millis;
use std::collections::BTreeSet;
use underpin_brief::flow::{self, FlowId, Owner, StepUndo, aggregates_of, analyse_with};
use underpin_brief::model::*;
use underpin_design::{Flow, FlowKind, Hold, Step, StepRole};

/// Commands, policies with their branches, queries; each kind by name.
pub(crate) fn flows(planning: &Planning<'_>) -> Vec<Flow> {
    let brief = planning.brief;
    let commands = FlowId::all(brief)
        .into_iter()
        .map(|id| command(planning, id));
    let queries = brief.queries.iter().map(|(_, of)| query(planning, of));
    commands.chain(queries).collect()
}

/// The deadline of a flow: as given, else the default where a client waits.
pub(crate) fn deadline(brief: &Brief, id: FlowId) -> Option<u64> {
    let FlowId::Command(command) = id else {
        return None;
    };
    let command = brief.commands.get(command);
    let waits = command.answer == AnswerMode::Final;
    command
        .deadline
        .map(millis)
        .or(waits.then_some(DEFAULT_DEADLINE_MS))
}

/// The strictest 99th percentile.
pub(crate) fn p99(withins: &[Within]) -> Option<u64> {
    withins
        .iter()
        .filter_map(|within| within.p99)
        .map(millis)
        .min()
}

fn command(planning: &Planning<'_>, id: FlowId) -> Flow {
    let brief = planning.brief;
    let analysed = analyse_with(brief, planning.survey, id, &planning.boundaries.cut);
    let names = step_names(&analysed.steps);
    let body = id.body(brief);
    let saga = analysed.kind == flow::FlowKind::Saga;
    let steps: Vec<Step> = analysed
        .steps
        .iter()
        .zip(&names)
        .filter_map(|(of, name)| step(planning, &analysed, body, of, name))
        .collect();
    let named = |at: usize| names.get(at).cloned().unwrap_or_default();
    let home = planning.boundaries.name(analysed.home);
    let (accepted, withins): (bool, &[Within]) = match id {
        FlowId::Command(id) => {
            let command = brief.commands.get(id);
            (command.answer == AnswerMode::Accepted, &command.withins)
        }
        FlowId::Policy(_) | FlowId::Otherwise(..) => (true, &[]),
    };
    let externals: BTreeSet<&str> = brief.externals.rows().iter().map(Named::name).collect();
    let services: BTreeSet<String> = steps
        .iter()
        .map(|step| step.service.clone())
        .filter(|name| !externals.contains(name.as_str()))
        .chain([home.clone()])
        .collect();
    let hold = |hold: &flow::Hold| Hold {
        aggregate: brief.aggregates.get(hold.aggregate).name.to_string(),
        from: named(hold.from),
        until: named(hold.until),
    };
    Flow {
        operation: id.name(brief),
        kind: if saga {
            FlowKind::Saga
        } else {
            FlowKind::Transaction
        },
        driver: id.path(brief).to_string(),
        home,
        services: services.into_iter().collect(),
        pivot: analysed.pivot.filter(|_| saga).map(named),
        holds: analysed.holds.iter().map(hold).collect(),
        steps,
        accepted,
        deadline_ms: deadline(brief, id),
        within_p99_ms: p99(withins),
    }
}

/// Names of steps: of their statements, numbered from the second of a name.
pub(crate) fn step_names(steps: &[flow::Step]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for step in steps {
        let mut name = step.name.to_string();
        let mut number = 1;
        while names.contains(&name) {
            number += 1;
            name = format!("{}-{number}", step.name);
        }
        names.push(name);
    }
    names
}

fn step(
    planning: &Planning<'_>,
    analysed: &flow::Flow,
    body: &Body,
    of: &flow::Step,
    name: &str,
) -> Option<Step> {
    let brief = planning.brief;
    let statement = of.statement(body)?;
    let owner = analysed.segments.get(of.segment)?.owner;
    let service = match owner {
        Owner::Service(service) => planning.boundaries.name(service),
        Owner::External(external, _) => brief.externals.get(external).name.to_string(),
        Owner::Command(id) => {
            let child = analyse_with(
                brief,
                planning.survey,
                FlowId::Command(id),
                &planning.boundaries.cut,
            );
            planning.boundaries.name(child.home)
        }
    };
    let role = match of.role {
        _ if analysed.kind == flow::FlowKind::Transaction => StepRole::Local,
        flow::Role::Local => StepRole::Local,
        flow::Role::Compensatable => StepRole::Compensatable,
        flow::Role::Pivot => StepRole::Pivot,
        flow::Role::Retriable => StepRole::Retriable,
    };
    let compensated = role == StepRole::Compensatable;
    Some(Step {
        name: name.to_owned(),
        segment: u32::try_from(of.segment + 1).unwrap_or(u32::MAX),
        service,
        role,
        does: does(brief, statement),
        driver: of.path.to_string(),
        undo: undo(brief, statement, &of.undo).filter(|_| compensated),
        refusals: if of.refuses {
            refusals(brief, statement)
        } else {
            Vec::new()
        },
        repeated: of.repeated(),
        conditional: statement.when.is_some(),
        in_doubt: of.in_doubt,
    })
}

/// Verb and target of a statement.
fn does(brief: &Brief, statement: &Statement) -> String {
    let aggregate = |id: &Id<Aggregate>| &brief.aggregates.get(*id).name;
    match &statement.kind {
        StatementKind::Let(_) => format!("let {}", statement.name),
        StatementKind::Read { aggregate: of, .. } => format!("read {}", aggregate(of)),
        StatementKind::Create { aggregate: of, .. } => format!("create {}", aggregate(of)),
        StatementKind::Change {
            aggregate: of,
            steps,
            ..
        } => {
            let moves = steps.iter().find_map(|step| match step {
                ChangeStep::Move { id, .. } => {
                    let states = brief.aggregates.get(*of).states.as_ref()?;
                    Some(states.moves.get(*id).name.to_string())
                }
                _ => None,
            });
            match moves {
                Some(name) => format!("change {} ({name})", aggregate(of)),
                None => format!("change {}", aggregate(of)),
            }
        }
        StatementKind::Delete { aggregate: of, .. } => format!("delete {}", aggregate(of)),
        StatementKind::Call { target, .. } => format!("call {}", target_name(brief, *target)),
        StatementKind::Emit { event, .. } => format!("emit {}", brief.events.get(*event).name),
        StatementKind::Each { .. } => "each".to_owned(),
        StatementKind::Require { code, .. } => format!("require else {code}"),
        StatementKind::Return(_) => "return".to_owned(),
    }
}

/// `external.operation`, or a command.
pub(crate) fn target_name(brief: &Brief, target: CallTarget) -> String {
    match target {
        CallTarget::External(external, operation) => {
            let external = brief.externals.get(external);
            format!(
                "{}.{}",
                external.name,
                external.operations.get(operation).name
            )
        }
        CallTarget::Command(id) => brief.commands.get(id).name.to_string(),
    }
}

fn undo(brief: &Brief, statement: &Statement, undo: &StepUndo) -> Option<String> {
    match undo {
        StepUndo::Nothing | StepUndo::Missing => None,
        StepUndo::Delete => Some("delete the row".to_owned()),
        StepUndo::Inverse(_) => Some("the opposite change".to_owned()),
        StepUndo::Waived(why) => Some(format!("nothing: {why}")),
        StepUndo::Written => Some("as written".to_owned()),
        StepUndo::Operation => match &statement.kind {
            StatementKind::Call {
                target: CallTarget::External(external, operation),
                ..
            } => {
                let external = brief.externals.get(*external);
                let undo = external.operations.get(*operation).undo.as_ref()?;
                let name = &external.operations.get(undo.operation).name;
                Some(format!("call {}.{name}", external.name))
            }
            _ => None,
        },
    }
}

fn refusals(brief: &Brief, statement: &Statement) -> Vec<String> {
    let mut codes: BTreeSet<String> = BTreeSet::new();
    let invariants = |id: &Id<Aggregate>| {
        let rules = &brief.aggregates.get(*id).invariants;
        rules
            .iter()
            .map(|rule| rule.code.to_string())
            .collect::<Vec<_>>()
    };
    match &statement.kind {
        StatementKind::Require { code, .. } => drop(codes.insert(code.to_string())),
        StatementKind::Read { .. } | StatementKind::Let(_) | StatementKind::Delete { .. } => {
            codes.insert("not-found".to_owned());
        }
        StatementKind::Create { aggregate, .. } => {
            let of = brief.aggregates.get(*aggregate);
            if !of.generated_key || of.fields.iter().any(|field| field.marks.unique) {
                codes.insert("exists".to_owned());
            }
            codes.extend(invariants(aggregate));
        }
        StatementKind::Change {
            aggregate,
            create,
            steps,
            target,
            ..
        } => {
            if !create && matches!(target, Target::Key(_)) {
                codes.insert("not-found".to_owned());
            }
            for step in steps {
                match step {
                    ChangeStep::Require { code, .. } => drop(codes.insert(code.to_string())),
                    ChangeStep::Move { .. } => drop(codes.insert("illegal-move".to_owned())),
                    ChangeStep::Set(_) => codes.extend(invariants(aggregate)),
                }
            }
        }
        StatementKind::Call {
            target: CallTarget::External(external, operation),
            ..
        } => {
            let operation = brief.externals.get(*external).operations.get(*operation);
            codes.extend(operation.fails.iter().map(|fails| fails.code.to_string()));
        }
        _ => {}
    }
    codes.into_iter().collect()
}

/// A query reads its own rows, joins those of others, and asks its parts.
fn query(planning: &Planning<'_>, query: &Query) -> Flow {
    let brief = planning.brief;
    let cut = &planning.boundaries.cut;
    let read = aggregates_of(brief, query);
    let own = match query.of {
        QuerySource::Aggregate(id) => Some(id),
        QuerySource::View(_) | QuerySource::Parts => read.first().copied(),
    };
    let home = planning
        .boundaries
        .name(own.map_or(0, |id| cut.service(id)));
    let mut steps = QuerySteps {
        driver: query.path.to_string(),
        steps: Vec::new(),
    };
    let mut rows: Vec<_> = read
        .iter()
        .map(|id| (Some(*id) != own, cut.service(*id), *id))
        .collect();
    rows.sort();
    for (_, service, id) in rows {
        let name = &brief.aggregates.get(id).name.text;
        steps.add(
            name,
            planning.boundaries.name(service),
            format!("read {name}"),
            false,
        );
    }
    for part in parts(query) {
        let (service, does) = match part.source {
            PartSource::Query(id) => (home.clone(), brief.queries.get(id).name.to_string()),
            PartSource::External(external, operation) => {
                let external = brief.externals.get(external);
                let name = &external.operations.get(operation).name;
                (
                    external.name.to_string(),
                    format!("call {}.{name}", external.name),
                )
            }
        };
        steps.add(&part.name.text, service, does, part.optional);
    }
    let steps = steps.steps;
    let externals = |name: &&Step| brief.externals.find(&name.service).is_none();
    let services: BTreeSet<String> = steps
        .iter()
        .filter(externals)
        .map(|step| step.service.clone())
        .chain([home.clone()])
        .collect();
    Flow {
        operation: query.name.to_string(),
        kind: FlowKind::Query,
        driver: query.path.to_string(),
        home,
        services: services.into_iter().collect(),
        steps,
        pivot: None,
        holds: Vec::new(),
        accepted: false,
        deadline_ms: None,
        within_p99_ms: p99(&query.withins),
    }
}

/// The steps of a query being made.
struct QuerySteps {
    driver: String,
    steps: Vec<Step>,
}

impl QuerySteps {
    /// Adds a step: in the segment before it where the same service does both.
    fn add(&mut self, name: &str, service: String, does: String, conditional: bool) {
        let mut unique = name.to_owned();
        let mut number = 1;
        while self.steps.iter().any(|step| step.name == unique) {
            number += 1;
            unique = format!("{name}-{number}");
        }
        let segment = match self.steps.last() {
            Some(last) if last.service == service => last.segment,
            Some(last) => last.segment + 1,
            None => 1,
        };
        self.steps.push(Step {
            name: unique,
            segment,
            service,
            role: StepRole::Local,
            does,
            driver: self.driver.clone(),
            undo: None,
            refusals: Vec::new(),
            repeated: false,
            conditional,
            in_doubt: false,
        });
    }
}

/// The parts of a query, those of shapes included, each name once.
pub(crate) fn parts(query: &Query) -> Vec<&Part> {
    let mut found: Vec<&Part> = Vec::new();
    for part in query
        .parts
        .iter()
        .chain(query.shapes.iter().flat_map(|shape| &shape.parts))
    {
        if !found.iter().any(|known| known.name.text == part.name.text) {
            found.push(part);
        }
    }
    found
}
