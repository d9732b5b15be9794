//! What is wrong with the flows of a brief, said to people.

use super::examine::{Examined, Problem, examine};
use super::expand::leaves;
use super::order::sound_order;
use super::refusal::Walk;
use super::undo::Doubt;
use super::why::{Why, also};
use super::{FlowId, Survey};
use crate::codes::flows as codes;
use crate::diagnostic::{Diagnostic, Edit, Help};
use crate::model::*;
use crate::source::{Sources, Span};

/// See [`super::check`].
pub(super) fn check(brief: &Brief, sources: &Sources) -> Vec<Diagnostic> {
    let survey = Survey::of(brief);
    let mut found = Vec::new();
    for id in FlowId::all(brief) {
        flow(brief, sources, (id, &survey), &mut found);
        chunks(brief, id, &mut found);
    }
    found
}

fn flow(
    brief: &Brief,
    sources: &Sources,
    (id, survey): (FlowId, &Survey),
    found: &mut Vec<Diagnostic>,
) {
    let statements = &id.body(brief).statements;
    let mut walk = Walk::new(brief, survey, id);
    let examined = examine(&walk, &survey.finest, statements);
    if examined.problems.is_empty() {
        return;
    }
    if !walk.holds {
        walk.holds = true;
        if examine(&walk, &survey.finest, statements)
            .problems
            .is_empty()
        {
            found.push(needs_holds(brief, id, &examined));
            return;
        }
        walk.holds = false;
    }
    let mendable = examined
        .problems
        .iter()
        .any(|p| !matches!(p, Problem::UnknownOutcome { .. }));
    let order = if mendable {
        sound_order(&walk, &survey.finest, statements)
    } else {
        None
    };
    let order = order.map(|order| order_help(sources, statements, &order));
    for (nth, problem) in examined.problems.iter().enumerate() {
        let mut diagnostic = say(brief, &examined, *problem);
        if let Some(order) = order.as_ref().filter(|_| orderly(*problem)) {
            // The edits move every statement; one finding carries them.
            let edits = if nth == 0 {
                order.edits.clone()
            } else {
                Vec::new()
            };
            diagnostic.helps.insert(
                0,
                Help {
                    text: order.text.clone(),
                    edits,
                },
            );
        }
        found.push(diagnostic);
    }
}

fn orderly(problem: Problem) -> bool {
    !matches!(problem, Problem::UnknownOutcome { .. })
}

fn order_help(sources: &Sources, statements: &[Statement], order: &[usize]) -> Help {
    let names: Vec<String> = order
        .iter()
        .filter_map(|at| statements.get(*at))
        .map(|statement| format!("`{}`", first_words(sources, statement)))
        .collect();
    let edits = statements.iter().zip(order).filter_map(|(place, at)| {
        let moved = statements.get(*at)?;
        let text = sources.snippet(moved.span);
        let stays = moved.span == place.span || text.is_empty();
        (!stays).then(|| Edit {
            span: place.span,
            text: text.to_owned(),
        })
    });
    Help {
        text: format!("a sound order: {}", names.join(", ")),
        edits: edits.collect(),
    }
}

/// Enough of a statement to find it again: its verb and name.
fn first_words(sources: &Sources, statement: &Statement) -> String {
    let text = sources.snippet(statement.span);
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    if words.is_empty() {
        statement.name.to_string()
    } else {
        words.join(" ")
    }
}

fn place(examined: &Examined<'_>, leaf: usize) -> (Span, String) {
    match examined.leaves.get(leaf) {
        Some(leaf) => {
            let statement = leaf.statement;
            (
                statement.span,
                format!("`{} {}`", verb(statement), statement.name),
            )
        }
        None => (Span::default(), String::new()),
    }
}

fn verb(statement: &Statement) -> &'static str {
    match statement.kind {
        StatementKind::Let(_) => "let",
        StatementKind::Read { .. } => "read",
        StatementKind::Create { .. } => "create",
        StatementKind::Change { .. } => "change",
        StatementKind::Delete { .. } => "delete",
        StatementKind::Call { .. } => "call",
        StatementKind::Emit { .. } => "emit",
        StatementKind::Each { .. } => "each",
        StatementKind::Require { .. } => "require",
        StatementKind::Return(_) => "return",
    }
}

fn say(brief: &Brief, examined: &Examined<'_>, problem: Problem) -> Diagnostic {
    match problem {
        Problem::NoUndo { leaf, pivot } => no_undo(brief, examined, (leaf, pivot)),
        Problem::TwoPivots { leaf, pivot } => {
            let ((at, what), (later, last)) = (place(examined, leaf), place(examined, pivot));
            let found = Diagnostic::error(
                codes::U0404,
                at,
                format!("{what} and {last} can both be refused and neither can be taken back"),
            )
            .label("whichever comes first must be taken back when the other is refused")
            .also(later, "can be refused after it");
            also(
                also(found, refusal(examined, leaf)),
                refusal(examined, pivot),
            )
            .help("declare an `undo` for one of them, or split them into two commands")
        }
        Problem::UndoRefuses { leaf, doubt } => undo_refuses(examined, leaf, doubt),
        Problem::EarlyEmit { leaf, pivot } => {
            let ((at, what), (later, last)) = (place(examined, leaf), place(examined, pivot));
            let found = Diagnostic::error(
                codes::U0403,
                at,
                format!("{what} tells of what may not happen"),
            )
            .label(format!("stands before {last}"))
            .also(later, "can still be refused");
            also(found, refusal(examined, pivot))
        }
        Problem::UnknownOutcome { leaf } => {
            let (at, what) = place(examined, leaf);
            Diagnostic::error(
                codes::U0405,
                at,
                format!("when the answer of {what} is lost, nobody can tell whether it happened"),
            )
            .label("its operation is neither `idempotent` nor has a `status`")
            .help(
                "name the input that makes a repetition harmless: `operation … idempotent=<input>`",
            )
            .help("or name the operation that tells: `status <operation>`")
            .help("or accept the doubt, tried at most once: `call … once=\"why\"`")
        }
        Problem::OnceElsewhere { leaf, pivot } => {
            let ((at, what), (later, last)) = (place(examined, leaf), place(examined, pivot));
            let found = Diagnostic::error(
                codes::U0406,
                at,
                format!("{what} may end in doubt, so nothing after it may be refused"),
            )
            .label("`once` may stand only at the pivot")
            .also(later, format!("{last} can be refused after it"));
            also(found, refusal(examined, pivot))
        }
        Problem::LateHold { leaf, pivot } => {
            let ((at, what), (later, last)) = (place(examined, leaf), place(examined, pivot));
            Diagnostic::error(
                codes::U0407,
                at,
                format!(
                    "the row of {what} must be held before {last}, but its key is not known then"
                ),
            )
            .label("its key is known only later")
            .also(later, "from here on nothing may be refused")
            .help("read the row before, so that it can be held")
        }
    }
}

/// Why a statement can be refused.
fn refusal<'e>(examined: &'e Examined<'_>, leaf: usize) -> Option<&'e Why> {
    examined.refuses.get(leaf)?.as_ref()
}

fn no_undo(brief: &Brief, examined: &Examined<'_>, (leaf, pivot): (usize, usize)) -> Diagnostic {
    let ((at, what), (later, last)) = (place(examined, leaf), place(examined, pivot));
    let diagnostic = if leaf == pivot {
        // Only a loop meets itself.
        let message = format!("{what} is not taken back when it is refused for a later element");
        Diagnostic::error(codes::U0401, at, message).label("needs an `undo`: it is repeated")
    } else {
        let message = format!("{what} is not taken back when {last} is refused");
        Diagnostic::error(codes::U0401, at, message)
            .label("needs an `undo`")
            .also(later, "can be refused after it")
    };
    let diagnostic = also(diagnostic, refusal(examined, pivot));
    let Some(of) = examined.leaves.get(leaf) else {
        return diagnostic;
    };
    let chunked = of
        .loops
        .iter()
        .any(|each| matches!(each.kind, StatementKind::Each { chunk: Some(_), .. }));
    match &of.statement.kind {
        _ if chunked => diagnostic.help("what is done in chunks is never taken back: let what may be refused stand before the `each`"),
        StatementKind::Change { .. } => diagnostic
            .help("say what takes it back: `undo { set … }` or `undo { move … }`")
            .help("or that nothing does: `undo none=\"why\"`"),
        StatementKind::Call { target: CallTarget::External(external, operation), .. } => {
            let operation = &brief.externals.get(*external).operations.get(*operation).name;
            diagnostic
                .help(format!("declare at operation `{operation}` what takes it back: `undo <operation> {{ set … }}`"))
                .help("or that nothing does: `undo none=\"why\"`")
        }
        _ => diagnostic.help("say that nothing takes it back: `undo none=\"why\"`"),
    }
}

fn undo_refuses(examined: &Examined<'_>, leaf: usize, doubt: Doubt) -> Diagnostic {
    let (at, what) = place(examined, leaf);
    let statement = examined.leaves.get(leaf).map(|leaf| leaf.statement);
    let written = statement.and_then(super::undo::written);
    let (span, whose) = match written {
        Some(Undo::Steps { span, .. } | Undo::Call { span, .. }) => (*span, "the undo"),
        _ => (at, "the default undo"),
    };
    let message = match doubt {
        Doubt::Unproved => format!("{whose} of {what} may be refused"),
        Doubt::Fails => format!("the operation that takes {what} back may refuse"),
        Doubt::Unrepeatable => {
            format!("the operation that takes {what} back cannot be repeated until it is done")
        }
    };
    let diagnostic = Diagnostic::error(codes::U0402, span, message);
    let diagnostic = also(diagnostic, examined.doubts.get(&leaf));
    match doubt {
        Doubt::Unproved => diagnostic
            .label("not proved to keep the invariants and to find the state that its moves need")
            .help("write it, and say why it cannot be: `undo sure=\"why\" { set … }`"),
        Doubt::Fails => diagnostic.help("let the undoing operation have no `fails`"),
        Doubt::Unrepeatable => {
            diagnostic.help("let the undoing operation be `idempotent` or have a `status`")
        }
    }
}

fn needs_holds(brief: &Brief, id: FlowId, examined: &Examined<'_>) -> Diagnostic {
    let first = examined
        .problems
        .first()
        .map(|problem| say(brief, examined, *problem));
    let span = first
        .as_ref()
        .map_or_else(Span::default, |first| first.primary.span);
    let name = id.name(brief);
    let diagnostic = Diagnostic::error(
        codes::U0408,
        span,
        format!("`{name}` is sound only where it may hold rows, which `hold=never` forbids"),
    )
    .label("others may change the row in between")
    .help("remove `hold=never`");
    match first {
        Some(first) => diagnostic.fact(format!("without holds: {}", first.message)),
        None => diagnostic,
    }
}

fn chunks(brief: &Brief, id: FlowId, found: &mut Vec<Diagnostic>) {
    let FlowId::Command(command) = id else { return };
    let command = brief.commands.get(command);
    if command.answer == AnswerMode::Accepted {
        return;
    }
    let mut reported: Vec<Span> = Vec::new();
    for leaf in leaves(&command.body.statements) {
        for each in leaf.loops {
            let chunked = matches!(each.kind, StatementKind::Each { chunk: Some(_), .. });
            if !chunked || reported.contains(&each.span) {
                continue;
            }
            reported.push(each.span);
            found.push(
                Diagnostic::error(
                    codes::U0409,
                    each.span,
                    format!("`{}` answers at the end, but works in chunks", command.name),
                )
                .label("some chunks may be done and others refused")
                .help(format!(
                    "answer at once: `command {} answer=accepted`",
                    command.name
                ))
                .help("or remove `chunk`: all or nothing"),
            );
        }
    }
}
