//! What a design guarantees: a stable form, and nothing that does not fit together.

use super::*;

type Change = fn(&mut Parts);

fn step(name: &str, segment: u32, role: Role) -> Step {
    Step {
        name: name.into(),
        verb: "change".into(),
        target: "Thing".into(),
        segment,
        service: "main".into(),
        role,
        undo: Undo {
            kind: UndoKind::Unneeded,
            what: String::new(),
        },
        refusals: Vec::new(),
        conditional: false,
    }
}

fn parts() -> Parts {
    Parts {
        format: FORMAT,
        system: System {
            name: "s".into(),
            title: "S".into(),
            purpose: String::new(),
            version: 1,
            regions: Vec::new(),
        },
        contexts: vec![Context {
            name: "main".into(),
            aggregates: vec!["Thing".into()],
            externals: Vec::new(),
            teams: Vec::new(),
        }],
        services: vec![Service {
            name: "main".into(),
            contexts: vec!["main".into()],
            responsibility: "Everything.".into(),
        }],
        flows: vec![Flow {
            operation: "act".into(),
            source: "command act".into(),
            kind: FlowKind::Saga,
            services: vec!["main".into()],
            steps: vec![step("a", 1, Role::Pivot), step("b", 2, Role::Retriable)],
            pivot: Some("a".into()),
            holds: Vec::new(),
            refusals: Vec::new(),
            deadline_ms: Some(5000),
            within_p99_ms: None,
        }],
        calls: Vec::new(),
        decisions: Vec::new(),
        assumptions: Vec::new(),
        questions: Vec::new(),
    }
}

fn refused(change: impl FnOnce(&mut Parts)) -> String {
    let mut parts = parts();
    change(&mut parts);
    let found = parts.finish().expect_err("it must not fit together");
    found
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn a_design_survives_its_json_form() {
    let design = parts().finish().expect("consistent");
    let again = Design::from_json(&design.to_json()).expect("readable");
    assert_eq!(again, design);
    assert_eq!(again.to_json(), design.to_json());
}

#[test]
fn what_does_not_fit_together_is_no_design() {
    let cases: [(&str, Change); 5] = [
        (
            "services/contexts: every context stands in exactly one service",
            |p| p.services.clear(),
        ),
        ("flows/act: the pivot is the one step in that role", |p| {
            p.flows[0].pivot = None;
        }),
        ("flows/act: segments follow the written order", |p| {
            p.flows[0].steps[0].segment = 3;
        }),
        ("flows: `act` stands twice", |p| {
            p.flows.push(p.flows[0].clone());
        }),
        ("contexts/aggregates: `Thing` stands twice", |p| {
            p.contexts[0].aggregates.push("Thing".into());
        }),
    ];
    for (expected, change) in cases {
        let said = refused(change);
        assert!(said.contains(expected), "expected `{expected}` in `{said}`");
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test compares with the published file"
)]
fn the_published_schema_is_the_one_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/design.schema.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, schema()).expect("written");
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == schema(),
        "run the tests with UPDATE_GOLDEN=1 and review the change"
    );
}

#[test]
fn a_lock_never_gives_a_number_twice() {
    let mut lock = Lock::default();
    assert_eq!(lock.decision_number("boundary", "system"), 1);
    assert_eq!(lock.decision_number("flow", "act"), 2);
    let mut again = Lock::read(&lock.write()).expect("readable");
    assert_eq!(again.decision_number("flow", "act"), 2);
    assert_eq!(again.decision_number("flow", "other"), 3);
    assert_eq!(again.port("main"), 8081);
    assert!(Lock::read("{}").is_err());
}
