//! How the operations of an external belong together by the names of their fields: which input
//! identifies a repetition, which operation tells whether another one happened, and what that says.
//! Must not know whether the external is real.

use underpin_brief::model::{External, ExternalOperation, Field, Id, Named, Type, Value};

/// The value of the slot of that name.
pub(super) fn named<'v>(fields: &[Field], value: &'v Value, name: &str) -> Option<&'v Value> {
    fields
        .iter()
        .position(|field| field.name() == name)
        .map(|at| value.slot(at))
}

/// The operations of which `status` is the status.
pub(super) fn asked_by(
    external: &External,
    status: Id<ExternalOperation>,
) -> impl Iterator<Item = &ExternalOperation> {
    external
        .operations
        .rows()
        .iter()
        .filter(move |operation| operation.status == Some(status))
}

/// The operations that `undo` takes back.
pub(super) fn undone_by(
    external: &External,
    undo: Id<ExternalOperation>,
) -> impl Iterator<Item = &ExternalOperation> {
    let takes_back = move |operation: &&ExternalOperation| {
        operation
            .undo
            .as_ref()
            .is_some_and(|found| found.operation == undo)
    };
    external.operations.rows().iter().filter(takes_back)
}

/// The input for asking `status` what became of a call with `input`: fields of the same name; a
/// lone field takes what identifies the repetition.
pub(crate) fn question(of: &ExternalOperation, status: &ExternalOperation, input: &Value) -> Value {
    let only = status.input.len() == 1;
    let identity = of.idempotent.filter(|_| only).map(|at| input.slot(at));
    let slot = |field: &Field| {
        named(&of.input, input, field.name())
            .or(identity)
            .cloned()
            .unwrap_or(Value::Null)
    };
    Value::record(status.input.iter().map(slot).collect())
}

/// What a status says about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It happened, with this output.
    Happened(Value),
    /// It did not happen.
    NotHappened,
    /// The answer says neither.
    Nothing,
}

/// Reads the answer of `status`: the call happened where every output that it must have is there
/// under its name; where no name is shared, a truth value or an optional field decides.
pub(crate) fn told(of: &ExternalOperation, status: &ExternalOperation, answer: &Value) -> Told {
    let found = |field: &Field| named(&status.output, answer, field.name());
    let output = || {
        let slot = |field: &Field| found(field).cloned().unwrap_or(Value::Null);
        Value::record(of.output.iter().map(slot).collect())
    };
    let shared: Vec<&Value> = of
        .output
        .iter()
        .filter(|field| !field.ty.is_optional())
        .filter_map(found)
        .collect();
    let happened = if shared.is_empty() {
        decisive(status, answer)
    } else {
        Some(shared.iter().all(|value| !value.is_null()))
    };
    match happened {
        Some(true) => Told::Happened(output()),
        Some(false) => Told::NotHappened,
        None => Told::Nothing,
    }
}

fn decisive(status: &ExternalOperation, answer: &Value) -> Option<bool> {
    let place =
        |wanted: fn(&Type) -> bool| status.output.iter().position(|field| wanted(&field.ty));
    let truth = place(|ty| *ty == Type::Bool).map(|at| answer.slot(at).is_true());
    truth.or_else(|| place(Type::is_optional).map(|at| !answer.slot(at).is_null()))
}
