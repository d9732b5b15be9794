//! Calls and their resilience: timeouts nested within the deadline of the flow, repetitions in one
//! layer and only where they are harmless.

use crate::Planning;
use crate::assumptions::DEFAULT_LATENCY_P99_MS;
use crate::flows::{parts, step_names, target_name};
use crate::words::millis;
use underpin_brief::flow::{FlowId, Owner, analyse_with};
use underpin_brief::model::*;
use underpin_design::Call;

/// A call may be repeated so often within the deadline.
const RETRIES: u32 = 2;
/// No attempt is given less.
const SHORTEST_MS: u64 = 50;
/// A step of another service of ours answers within this at the 99th percentile.
const OWN_P99_MS: u64 = 100;

/// Every call, in the order of flows and steps.
pub(crate) fn calls(planning: &Planning<'_>) -> Vec<Call> {
    let brief = planning.brief;
    let mut found = Vec::new();
    for id in FlowId::all(brief) {
        of_flow(planning, id, &mut found);
    }
    for query in &brief.queries {
        of_query(planning, query, &mut found);
    }
    found
}

/// The 99th percentile of an external operation, as given or assumed.
pub(crate) fn latency_p99(external: &External, operation: &ExternalOperation) -> Option<u64> {
    let latency = operation.latency.or(external.latency);
    latency.and_then(|latency| latency.p99).map(millis)
}

fn of_flow(planning: &Planning<'_>, id: FlowId, found: &mut Vec<Call>) {
    let brief = planning.brief;
    let flow = analyse_with(brief, planning.survey, id, &planning.boundaries.cut);
    let Some(planned) = planning
        .flows
        .iter()
        .find(|of| of.operation == id.name(brief))
    else {
        return;
    };
    let names = step_names(&flow.steps);
    let body = id.body(brief);
    let mut calls = Vec::new();
    for (step, name) in flow.steps.iter().zip(&names) {
        let Some(statement) = step.statement(body) else {
            continue;
        };
        let Some(owner) = flow.segments.get(step.segment).map(|segment| segment.owner) else {
            continue;
        };
        let home = planning.boundaries.name(flow.home);
        let blank = Call {
            from: home.clone(),
            to: String::new(),
            operation: name.clone(),
            flow: planned.operation.clone(),
            step: name.clone(),
            timeout_ms: 2 * OWN_P99_MS,
            retries: RETRIES,
            idempotent: true,
            status: None,
            fallback: false,
        };
        match (owner, &statement.kind) {
            (
                Owner::External(..),
                StatementKind::Call {
                    target, fallback, ..
                },
            ) => {
                calls.push(external(brief, *target, !fallback.is_empty(), blank));
            }
            (Owner::Command(child), _) => {
                let to = analyse_with(
                    brief,
                    planning.survey,
                    FlowId::Command(child),
                    &planning.boundaries.cut,
                )
                .home;
                if to != flow.home {
                    let to = planning.boundaries.name(to);
                    let operation = target_name(brief, CallTarget::Command(child));
                    calls.push(Call {
                        to,
                        operation,
                        ..blank
                    });
                }
            }
            (Owner::Service(service), _) if service != flow.home => {
                calls.push(Call {
                    to: planning.boundaries.name(service),
                    ..blank
                });
            }
            _ => {}
        }
    }
    nest(&mut calls, planned.deadline_ms);
    found.extend(calls);
}

fn external(brief: &Brief, target: CallTarget, fallback: bool, blank: Call) -> Call {
    let CallTarget::External(of, operation) = target else {
        return blank;
    };
    let of = brief.externals.get(of);
    let operation = of.operations.get(operation);
    let idempotent = operation.read || operation.idempotent.is_some();
    let status = operation
        .status
        .map(|id| of.operations.get(id).name.to_string());
    Call {
        to: of.name.to_string(),
        operation: operation.name.to_string(),
        timeout_ms: 2 * latency_p99(of, operation).unwrap_or(DEFAULT_LATENCY_P99_MS),
        retries: if idempotent || status.is_some() {
            RETRIES
        } else {
            0
        },
        idempotent,
        status,
        fallback,
        ..blank
    }
}

/// Makes all attempts of all calls, one after another, fit into the deadline: first fewer
/// repetitions, then shorter attempts.
fn nest(calls: &mut [Call], deadline: Option<u64>) {
    let Some(deadline) = deadline else { return };
    let total = |calls: &[Call]| -> u64 {
        calls
            .iter()
            .map(|call| call.timeout_ms.saturating_mul(u64::from(call.retries) + 1))
            .sum()
    };
    while total(calls) > deadline {
        let most = calls.iter_mut().filter(|call| call.retries > 0);
        match most.max_by_key(|call| (call.retries, call.timeout_ms)) {
            Some(call) => call.retries -= 1,
            None => break,
        }
    }
    let once: u64 = calls.iter().map(|call| call.timeout_ms).sum();
    if once > deadline {
        for call in calls {
            let share = call.timeout_ms.saturating_mul(deadline) / once.max(1);
            call.timeout_ms = share.clamp(SHORTEST_MS.min(deadline), deadline);
        }
    }
}

fn of_query(planning: &Planning<'_>, query: &Query, found: &mut Vec<Call>) {
    let brief = planning.brief;
    let Some(planned) = planning
        .flows
        .iter()
        .find(|of| of.operation == *query.name.text)
    else {
        return;
    };
    let named = |step: &str| planned.steps.iter().find(|of| of.name == step);
    for part in parts(query) {
        let PartSource::External(of, operation) = part.source else {
            continue;
        };
        let of = brief.externals.get(of);
        let operation = of.operations.get(operation);
        let Some(step) = named(&part.name.text) else {
            continue;
        };
        let usual = 2 * latency_p99(of, operation).unwrap_or(DEFAULT_LATENCY_P99_MS);
        let budget = part.within.map(millis).or(planned.within_p99_ms);
        found.push(Call {
            from: planned.home.clone(),
            to: of.name.to_string(),
            operation: operation.name.to_string(),
            flow: planned.operation.clone(),
            step: step.name.clone(),
            timeout_ms: budget.map_or(usual, |budget| usual.min(budget)),
            retries: 0,
            idempotent: true,
            status: None,
            fallback: part.optional || !part.fallback.is_empty(),
        });
    }
    for step in &planned.steps {
        let own = planned.services.contains(&step.service) && step.service != planned.home;
        if own {
            found.push(Call {
                from: planned.home.clone(),
                to: step.service.clone(),
                operation: step.does.clone(),
                flow: planned.operation.clone(),
                step: step.name.clone(),
                timeout_ms: planned
                    .within_p99_ms
                    .map_or(2 * OWN_P99_MS, |of| of.min(2 * OWN_P99_MS)),
                retries: 1,
                idempotent: true,
                status: None,
                fallback: false,
            });
        }
    }
}
