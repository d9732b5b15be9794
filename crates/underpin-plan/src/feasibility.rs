//! What the brief asks for and cannot have: shown with the arithmetic and the places in conflict.

use crate::Planning;
use crate::calls::latency_p99;
use crate::flows::parts;
use crate::words::{decimal, millis, percent, time};
use std::collections::BTreeSet;
use underpin_brief::codes::design as codes;
use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::flow::{Cut, FlowId, analyse_with};
use underpin_brief::model::*;
use underpin_brief::source::Span;

const ALL: i64 = 100_000_000_000;

/// Every conflict.
pub(crate) fn check(planning: &Planning<'_>) -> Vec<Diagnostic> {
    let brief = planning.brief;
    let mut found = Vec::new();
    for (id, command) in brief.commands.iter() {
        let waits = waits_of_command(planning, id);
        let of = Operation {
            name: &command.name,
            withins: &command.withins,
            deadline: command.deadline.map(millis),
            kind: "command",
        };
        of.check(brief, &waits, &mut found);
    }
    for query in &brief.queries {
        let of = Operation {
            name: &query.name,
            withins: &query.withins,
            deadline: None,
            kind: "query",
        };
        of.check(brief, &waits_of_query(query), &mut found);
    }
    found
}

/// An external operation that an answer always waits for.
struct Wait {
    external: Id<External>,
    operation: Id<ExternalOperation>,
    /// Whether the answer cannot be given at all without it.
    decides: bool,
}

fn waits_of_command(planning: &Planning<'_>, id: Id<Command>) -> Vec<Wait> {
    let brief = planning.brief;
    let command = brief.commands.get(id);
    if command.answer == AnswerMode::Accepted {
        return Vec::new();
    }
    let flow = analyse_with(
        brief,
        planning.survey,
        FlowId::Command(id),
        &Cut::one(brief),
    );
    let mut waits = Vec::new();
    for (at, step) in flow.steps.iter().enumerate() {
        let Some(statement) = step.statement(&command.body) else {
            continue;
        };
        let StatementKind::Call {
            target: CallTarget::External(external, operation),
            fallback,
            ..
        } = &statement.kind
        else {
            continue;
        };
        if statement.when.is_none() && !step.repeated() && fallback.is_empty() {
            // After the pivot an outage makes the answer late (202), not absent.
            let decides = flow.pivot.is_some_and(|pivot| at <= pivot);
            waits.push(Wait {
                external: *external,
                operation: *operation,
                decides,
            });
        }
    }
    waits
}

fn waits_of_query(query: &Query) -> Vec<Wait> {
    let needed = parts(query)
        .into_iter()
        .filter(|part| !part.optional && part.fallback.is_empty() && part.each.is_none());
    needed
        .filter_map(|part| match part.source {
            PartSource::External(external, operation) => Some(Wait {
                external,
                operation,
                decides: true,
            }),
            PartSource::Query(_) => None,
        })
        .collect()
}

struct Operation<'a> {
    name: &'a Name,
    withins: &'a [Within],
    deadline: Option<u64>,
    kind: &'static str,
}

impl Operation<'_> {
    fn check(&self, brief: &Brief, waits: &[Wait], found: &mut Vec<Diagnostic>) {
        self.availability(brief, waits, found);
        self.latency(brief, waits, found);
        let slowest = crate::flows::p99(self.withins);
        let (Some(deadline), Some(within)) = (self.deadline, slowest) else {
            return;
        };
        if deadline < within {
            let span = self
                .withins
                .first()
                .map_or(self.name.span, |within| within.span);
            found.push(
                Diagnostic::error(
                    codes::U0503,
                    span,
                    format!(
                        "`{}` gives up after {}, before the {} that it is allowed",
                        self.name,
                        time(deadline),
                        time(within)
                    ),
                )
                .label("longer than the deadline")
                .help(format!(
                    "give it more time: `deadline \"{}ms\"`",
                    within.saturating_mul(2)
                )),
            );
        }
    }

    fn availability(&self, brief: &Brief, waits: &[Wait], found: &mut Vec<Diagnostic>) {
        let mut seen: BTreeSet<Id<External>> = BTreeSet::new();
        let (mut best, mut names): (i128, Vec<(Span, String)>) = (i128::from(ALL), Vec::new());
        for wait in waits.iter().filter(|wait| wait.decides) {
            let external = brief.externals.get(wait.external);
            let operation = external.operations.get(wait.operation);
            let Some(own) = operation.availability.or(external.availability) else {
                continue;
            };
            if seen.insert(wait.external) {
                best = best * i128::from(own.0.nanos()) / i128::from(ALL);
                let text = format!("`{}` is there {} of the time", external.name, percent(own));
                names.push((external.name.span, text));
            }
        }
        let best = i64::try_from(best).unwrap_or(ALL);
        let quality = &brief.quality.availability;
        let own = quality
            .iter()
            .find(|(_, of)| of.as_ref().is_some_and(|of| of.text == self.name.text));
        let general = quality.iter().find(|(_, of)| of.is_none());
        let (Some((required, of)), false) = (own.or(general), names.is_empty()) else {
            return;
        };
        if best >= required.0.nanos() {
            return;
        }
        let most = format!("at most {}% while it waits for them", decimal(best));
        let message = format!("`{}` cannot reach {}", self.name, percent(*required));
        // The general figure is for the whole; one operation below it may still be outweighed.
        let diagnostic = match of {
            Some(of) => Diagnostic::error(codes::U0501, of.span, message),
            None => Diagnostic::warning(codes::U0501, self.name.span, message),
        };
        let mut diagnostic = diagnostic.label(most);
        for (span, text) in names {
            diagnostic = diagnostic.also(span, text);
        }
        if self.kind == "command" {
            diagnostic = diagnostic.help(format!(
                "answer first, ask after: `command {} answer=accepted`",
                self.name
            ));
        } else {
            diagnostic = diagnostic.help("let the part be missing: `part … optional`");
        }
        let possible = best / 10_000_000 * 10_000_000;
        found.push(diagnostic.help(format!(
            "or require what is possible: `availability \"{}%\" for={}`",
            decimal(possible),
            self.name
        )));
    }

    fn latency(&self, brief: &Brief, waits: &[Wait], found: &mut Vec<Diagnostic>) {
        for within in self.withins {
            let Some(allowed) = within.p99.map(millis) else {
                continue;
            };
            let slowest = waits
                .iter()
                .filter_map(|wait| {
                    let external = brief.externals.get(wait.external);
                    let operation = external.operations.get(wait.operation);
                    latency_p99(external, operation)
                        .map(|p99| (p99, external, operation, wait.decides))
                })
                .max_by_key(|(p99, ..)| *p99);
            let Some((p99, external, operation, decides)) =
                slowest.filter(|(p99, ..)| *p99 > allowed)
            else {
                continue;
            };
            let message = format!("`{}` cannot answer within {}", self.name, time(allowed));
            // After the pivot a late answer can be a 202: not what was asked for, but sound.
            let diagnostic = if decides {
                Diagnostic::error(codes::U0502, within.span, message)
            } else {
                Diagnostic::warning(codes::U0502, within.span, message)
            };
            found.push(
                diagnostic
                    .label(format!(
                        "`{}` alone takes {} at the same percentile",
                        external.name,
                        time(p99)
                    ))
                    .also(operation.name.span, "is waited for")
                    .help(format!(
                        "require what is possible: `within p99=\"{}ms\"`",
                        p99 + p99 / 2
                    )),
            );
        }
    }
}
