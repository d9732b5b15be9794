//! How a service behaves when an external system is slow or down.

use super::Draft;
use crate::Planning;
use crate::words::time;
use underpin_design::Call;

/// One decision per external system that is called.
pub(super) fn decide(planning: &Planning<'_>) -> Vec<Draft> {
    let externals = planning.brief.externals.rows().iter();
    externals
        .filter_map(|external| {
            let name = external.name.to_string();
            let calls: Vec<&Call> = planning
                .calls
                .iter()
                .filter(|call| call.to == name)
                .collect();
            (!calls.is_empty()).then(|| one(planning, &name, &calls))
        })
        .collect()
}

fn one(planning: &Planning<'_>, name: &str, calls: &[&Call]) -> Draft {
    let slowest = calls.iter().map(|call| call.timeout_ms).max().unwrap_or(0);
    let repeated = calls.iter().any(|call| call.retries > 0);
    let chosen = if repeated {
        "timeout-and-retry"
    } else {
        "timeout-only"
    };
    let why = if repeated {
        "operations that may be repeated under their key are, within the deadline"
    } else {
        "no operation is repeated within a deadline"
    };
    let flows = calls.iter().filter_map(|call| {
        planning
            .flows
            .iter()
            .find(|flow| flow.operation == call.flow)
            .map(|flow| flow.driver.clone())
    });
    let mut draft = Draft::new("resilience", name)
        .choose(chosen, why)
        .against(
            "retry-in-a-mesh",
            "a second layer multiplies attempts, and knows no keys",
        )
        .because([format!("external {name}")])
        .because(flows)
        .so(format!("one attempt takes at most {}", time(slowest)))
        .so("a breaker refuses at once while it is down; what does not depend on it goes on");
    draft.assumptions = vec![format!("latency {name}"), "deadline".to_owned()];
    draft
}
