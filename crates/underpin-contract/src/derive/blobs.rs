//! Operations on stored bytes, where a command takes handles of them.

use super::access;
use super::problems::by_status;
use crate::blobs::{BlobAction, BlobInput, BlobInputs};
use crate::contract::{
    Access, Condition, Method, Operation, PathParameter, PathTarget, Problem, Reply, Source,
};
use crate::path::{PathTemplate, Segment};
use crate::schema::Schema;
use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::model::{
    Aggregate, Assign, Brief, ChangeStep, Command, Expr, ExprKind, Field, Id, Root, Statement,
    StatementKind, Type, Value,
};

/// The most bytes where nothing is said: an assumption.
const LARGEST: u64 = 16 << 20;

/// Where handles are taken.
pub(super) fn inputs(brief: &Brief) -> BlobInputs {
    let mut found = BlobInputs::default();
    for (id, command) in brief.commands.iter() {
        let inputs = of_command(brief, command);
        let most = inputs.iter().map(|input| input.max.unwrap_or(LARGEST));
        found.largest = most.fold(found.largest, u64::max);
        if !inputs.is_empty() {
            found.commands.insert(id, inputs);
        }
    }
    found
}

fn of_command(brief: &Brief, command: &Command) -> Vec<BlobInput> {
    let taken = command.input.iter().enumerate();
    let taken = taken.filter(|(_, field)| field.ty.required() == &Type::Blob);
    let input = |(slot, field): (usize, &Field)| {
        let mut input = BlobInput {
            slot,
            name: field.name.text.clone(),
            max: None,
            media: Vec::new(),
        };
        narrow(&mut input, field);
        targets(brief, &command.body.statements, slot, &mut |field| {
            narrow(&mut input, field);
        });
        input
    };
    taken.map(input).collect()
}

/// What the declaration of a field adds to what is accepted.
fn narrow(input: &mut BlobInput, field: &Field) {
    let max = match &field.max {
        Some(Value::Int(bytes)) => u64::try_from(*bytes).ok(),
        _ => None,
    };
    input.max = match (input.max, max) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    input.media.extend(field.media.clone());
}

/// The fields that are set to the input at `slot`.
fn targets(brief: &Brief, statements: &[Statement], slot: usize, found: &mut dyn FnMut(&Field)) {
    for statement in statements {
        match &statement.kind {
            StatementKind::Create {
                aggregate, sets, ..
            } => set_to(brief, *aggregate, sets, slot, found),
            StatementKind::Change {
                aggregate, steps, ..
            } => {
                for step in steps {
                    if let ChangeStep::Set(sets) = step {
                        set_to(brief, *aggregate, sets, slot, found);
                    }
                }
            }
            StatementKind::Each { body, .. } => targets(brief, body, slot, found),
            _ => {}
        }
    }
}

fn set_to(
    brief: &Brief,
    aggregate: Id<Aggregate>,
    sets: &[Assign],
    slot: usize,
    found: &mut dyn FnMut(&Field),
) {
    for set in sets.iter().filter(|set| mentions(&set.value, slot)) {
        let field = brief.aggregates.get(aggregate).field_of_slot(set.slot);
        field.into_iter().for_each(&mut *found);
    }
}

/// Whether the input at `slot` is looked at.
fn mentions(expr: &Expr, slot: usize) -> bool {
    let mut seen = false;
    expr.walk(&mut |part| {
        if let ExprKind::Field(object, at) = &part.kind {
            seen |= *at == slot
                && matches!(object.kind, ExprKind::Slot(root) if root == Root::Input.slot());
        }
    });
    seen
}

/// The operations, where there is a place for handles.
pub(super) fn operations(
    brief: &Brief,
    inputs: &BlobInputs,
    catalogue: &BTreeMap<Arc<str>, Problem>,
) -> Vec<Operation> {
    if inputs.commands.is_empty() {
        return Vec::new();
    }
    let allows = inputs.commands.keys();
    let allows = allows.flat_map(|id| &brief.commands.get(*id).allows);
    let who = access::of(brief, allows);
    let anybody = Access {
        anyone: true,
        actors: Vec::new(),
    };
    vec![
        operation(BlobAction::Ticket, who.clone(), catalogue),
        operation(BlobAction::Upload, who, catalogue),
        operation(BlobAction::Download, anybody, catalogue),
    ]
}

fn operation(
    action: BlobAction,
    access: Access,
    catalogue: &BTreeMap<Arc<str>, Problem>,
) -> Operation {
    let general = [
        "malformed-request",
        "invalid-parameter",
        "unauthenticated",
        "unavailable",
    ];
    let more: &[&str] = match action {
        BlobAction::Ticket => &[
            "forbidden",
            "too-large",
            "invalid-input",
            "unsupported-media-type",
        ],
        BlobAction::Upload => &["not-found", "too-large", "unsupported-media-type", "exists"],
        BlobAction::Download => &["not-found"],
    };
    let (id, summary, method) = match action {
        BlobAction::Ticket => ("ticketBlob", "A handle for bytes to come", Method::Post),
        BlobAction::Upload => ("uploadBlob", "The bytes of a handle", Method::Put),
        BlobAction::Download => ("downloadBlob", "Stored bytes", Method::Get),
    };
    let mut segments = vec![Segment::Static("blobs".into())];
    let mut parameters = Vec::new();
    if action != BlobAction::Ticket {
        segments.push(Segment::Parameter("blob".into()));
        parameters.push(PathParameter {
            names: vec!["blob".into()],
            schema: Schema::token(128),
            target: PathTarget::Flow,
            description: "The handle.".to_owned(),
        });
    }
    let codes = general
        .iter()
        .chain(["internal", "method-not-allowed"].iter());
    Operation {
        id: id.into(),
        name: super::names::kebab(id).into(),
        summary: summary.to_owned(),
        tag: "Blobs".into(),
        method,
        path: PathTemplate { segments },
        source: Source::Blobs(action),
        path_parameters: parameters,
        parameters: Vec::new(),
        body: None,
        reply: Reply::Blobs(action),
        shapes: Vec::new(),
        access,
        idempotent: false,
        precondition: Condition::Ignored,
        problems: by_status(codes.chain(more).copied(), catalogue),
        input_width: 0,
    }
}
