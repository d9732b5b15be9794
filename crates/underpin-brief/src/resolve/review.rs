//! Findings that need the whole brief: what is declared and can never happen. Each is a warning:
//! the brief has a meaning, but hardly the one that was meant.

use super::context::Cx;
use super::world::World;
use crate::codes::declarations as codes;
use crate::diagnostic::Diagnostic;
use crate::model::*;
use std::collections::BTreeSet;

/// What statements make happen.
#[derive(Default)]
struct Happens {
    emitted: BTreeSet<Id<Event>>,
    created: BTreeSet<Id<Aggregate>>,
    changed: BTreeSet<Id<Aggregate>>,
    moved: BTreeSet<(Id<Aggregate>, Id<Move>)>,
}

pub(super) fn review(world: &World<'_>, brief: &Brief) {
    let mut happens = Happens::default();
    for command in &brief.commands {
        happens.statements(&command.body.statements);
    }
    for policy in &brief.policies {
        happens.statements(&policy.body.statements);
        for (_, body) in &policy.otherwise {
            happens.statements(&body.statements);
        }
    }
    let cx = &world.cx;
    unreached(world);
    for (id, event) in world.events.iter() {
        if !happens.emitted.contains(&id) {
            let name = &event.name;
            let message = format!("nothing emits `{name}`");
            let help = format!(
                "add `emit {name} {{ set … }}` to a command or a policy, or leave the event out"
            );
            cx.push(Diagnostic::warning(codes::U0226, name.span, message).help(help));
        }
    }
    for policy in &brief.policies {
        if let Trigger::On { source, .. } = &policy.trigger {
            never(world, &happens, *source, &policy.name);
        }
    }
    for feed in &brief.feeds {
        for source in &feed.on {
            never(world, &happens, *source, &feed.name);
        }
    }
    unanswered(cx, world, brief);
}

/// Warns of states that no move leads to.
fn unreached(world: &World<'_>) {
    for aggregate in &world.aggregates {
        let Some(states) = &aggregate.states else {
            continue;
        };
        for (at, state) in states.names.iter().enumerate().skip(1) {
            if !states.moves.rows().iter().any(|one| one.to == at) {
                let message = format!("no move leads to the state `{state}`");
                let help = format!("add `move <name> <state>… to={state}`, or leave the state out");
                world
                    .cx
                    .push(Diagnostic::warning(codes::U0227, state.span, message).help(help));
            }
        }
    }
}

/// Warns of a reaction to something that no statement makes happen.
fn never(world: &World<'_>, happens: &Happens, source: EventSource, name: &Name) {
    let legacy = world
        .externals
        .rows()
        .iter()
        .any(|external| !external.holds.is_empty());
    let (what, happened) = match source {
        EventSource::State(id, state) => {
            let aggregate = world.aggregates.get(id);
            let Some(states) = &aggregate.states else {
                return;
            };
            let reached = |(of, by): &(Id<Aggregate>, Id<Move>)| {
                *of == id && states.moves.get(*by).to == state
            };
            let state_name = states.names.get(state).map_or("", |name| &*name.text);
            let initial = state == 0 && happens.created.contains(&id);
            let happened = initial || happens.moved.iter().any(reached);
            (
                format!(
                    "no statement brings a row of `{}` into `{state_name}`",
                    aggregate.name
                ),
                happened,
            )
        }
        EventSource::Created(id) => {
            let aggregate = &world.aggregates.get(id).name;
            (
                format!("no statement creates a row of `{aggregate}`"),
                happens.created.contains(&id),
            )
        }
        EventSource::Changed(id) => {
            let aggregate = &world.aggregates.get(id).name;
            (
                format!("no statement changes a row of `{aggregate}`"),
                happens.changed.contains(&id),
            )
        }
        _ => return,
    };
    if !happened && !legacy {
        let message = format!("`{name}` waits for what never happens");
        world
            .cx
            .push(Diagnostic::warning(codes::U0226, name.span, message).fact(what));
    }
}

/// Warns of an `else` for a code with which nothing in the policy is refused.
fn unanswered(cx: &Cx<'_>, world: &World<'_>, brief: &Brief) {
    const GENERAL: &[&str] = &["not-found", "exists", "illegal-move", "conflict", "busy"];
    for policy in &brief.policies {
        let mut codes_of = BTreeSet::new();
        refusals(world, brief, &policy.body.statements, &mut codes_of, 0);
        for (code, _) in &policy.otherwise {
            if !codes_of.contains(&*code.text) && !GENERAL.contains(&&*code.text) {
                let known: Vec<&str> = codes_of.iter().map(String::as_str).collect();
                let message = format!("nothing in `{}` is refused with `{code}`", policy.name);
                let found = Diagnostic::warning(codes::U0232, code.span, message);
                let meant = crate::suggest::closest(&code.text, known.iter().copied());
                cx.push(match meant {
                    Some(meant) => found.fix(format!("did you mean `{meant}`?"), code.span, meant),
                    None => found.help("leave this `else` out"),
                });
            }
        }
    }
}

/// The codes with which statements may be refused.
fn refusals(
    world: &World<'_>,
    brief: &Brief,
    statements: &[Statement],
    out: &mut BTreeSet<String>,
    depth: usize,
) {
    for statement in statements {
        match &statement.kind {
            StatementKind::Require { code, .. } => {
                out.insert(code.text.to_string());
            }
            StatementKind::Create { aggregate, .. } => invariants(world, *aggregate, out),
            StatementKind::Change {
                aggregate, steps, ..
            } => {
                invariants(world, *aggregate, out);
                for step in steps {
                    if let ChangeStep::Require { code, .. } = step {
                        out.insert(code.text.to_string());
                    }
                }
            }
            StatementKind::Call {
                target: CallTarget::External(external, operation),
                ..
            } => {
                let operation = world.externals.get(*external).operations.get(*operation);
                out.extend(
                    operation
                        .fails
                        .iter()
                        .map(|fails| fails.code.text.to_string()),
                );
            }
            StatementKind::Call {
                target: CallTarget::Command(id),
                ..
            } if depth < 16 => {
                if let Some(command) = brief.commands.rows().get(id.index()) {
                    refusals(world, brief, &command.body.statements, out, depth + 1);
                }
            }
            StatementKind::Each { body, .. } => refusals(world, brief, body, out, depth + 1),
            _ => {}
        }
    }
}

fn invariants(world: &World<'_>, id: Id<Aggregate>, out: &mut BTreeSet<String>) {
    let invariants = &world.aggregates.get(id).invariants;
    out.extend(
        invariants
            .iter()
            .map(|invariant| invariant.code.text.to_string()),
    );
}

impl Happens {
    fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            match &statement.kind {
                StatementKind::Emit { event, .. } => {
                    self.emitted.insert(*event);
                }
                StatementKind::Create {
                    aggregate, undo, ..
                } => {
                    self.created.insert(*aggregate);
                    self.changed.insert(*aggregate);
                    self.undo(*aggregate, undo);
                }
                StatementKind::Change {
                    aggregate,
                    create,
                    steps,
                    undo,
                    ..
                } => {
                    if *create {
                        self.created.insert(*aggregate);
                    }
                    self.changed.insert(*aggregate);
                    self.steps(*aggregate, steps);
                    self.undo(*aggregate, undo);
                }
                StatementKind::Each { body, .. } => self.statements(body),
                _ => {}
            }
        }
    }

    fn undo(&mut self, aggregate: Id<Aggregate>, undo: &Undo) {
        if let Undo::Steps { steps, .. } = undo {
            self.steps(aggregate, steps);
        }
    }

    fn steps(&mut self, aggregate: Id<Aggregate>, steps: &[ChangeStep]) {
        for step in steps {
            if let ChangeStep::Move { id, .. } = step {
                self.moved.insert((aggregate, *id));
            }
        }
    }
}
