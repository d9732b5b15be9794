//! Commands that run once per item: the same inputs, in a list.

use super::forms::{Side, json_bytes};
use super::names::camel;
use super::operations::Making;
use super::problems::by_status;
use crate::contract::{Body, Condition, Method, Operation, Reply, Source};
use crate::many::BulkReply;
use crate::path::{PathTemplate, Segment};
use crate::schema::{Field, Object, Schema};
use std::sync::Arc;
use underpin_brief::flow::{Cut, FlowId, FlowKind, analyse};
use underpin_brief::model::{AnswerMode, Command, Id, Value};

/// The largest body: many items are many times one.
const MOST: u64 = 64 << 20;
/// What an item says of the version that the client saw.
const VERSION: &str = "if_match";

impl Making<'_, '_> {
    /// The operation that runs a command once per item, where the brief says `bulk`.
    pub(super) fn bulk(&mut self, id: Id<Command>, one: &Operation) -> Option<Operation> {
        let command = self.brief.commands.get(id);
        let max = command.bulk?;
        let (item, version) = self.item_form(command, one.precondition);
        let item_name = self.forms.name(&command.name.text, "Item");
        self.forms.add(&item_name, Schema::Object(item));
        let whole = self.may_be_whole(id);
        let object = list_form(&item_name, max, whole);
        let component = self.forms.name(&command.name.text, "Items");
        let schema = Schema::Object(object.clone());
        let declared = json_bytes(&self.forms.components, &schema, 0);
        self.forms.add(&component, schema);
        let Reply::Command(reply) = &one.reply else {
            return None;
        };
        let name = format!("{}-bulk", command.name.text);
        let mut problems = one.problems.clone();
        let extra = [
            "invalid-input",
            "unsupported-media-type",
            "precondition-failed",
        ];
        for (status, codes) in by_status(extra, self.catalogue) {
            problems.entry(status).or_default().extend(codes);
        }
        Some(Operation {
            id: camel(&name).into(),
            name: name.into(),
            summary: format!("{}, for up to {max} items", one.summary),
            tag: one.tag.clone(),
            method: Method::Post,
            path: bulk_path(&one.path),
            source: Source::Bulk(id),
            path_parameters: Vec::new(),
            parameters: Vec::new(),
            body: Some(Body {
                object,
                component,
                max_bytes: declared.clamp(1 << 20, MOST),
                optional: false,
            }),
            reply: Reply::Bulk(BulkReply {
                command: id,
                max,
                version,
                whole,
                result: (!reply.is_empty()).then(|| reply.component.clone()),
                accepted: reply.accepted,
            }),
            shapes: Vec::new(),
            access: one.access.clone(),
            idempotent: true,
            precondition: Condition::Ignored,
            problems,
            input_width: 2,
        })
    }

    /// All inputs of the command, those that stand in its path too, and the version.
    fn item_form(&self, command: &Command, condition: Condition) -> (Object, Option<usize>) {
        let served = self.brief.system.version.number;
        let in_version = |field: &underpin_brief::model::Field| {
            field.since.is_none_or(|since| since <= served)
                && field.until.is_none_or(|until| until >= served)
        };
        let mut fields: Vec<Field> = command
            .input
            .iter()
            .enumerate()
            .filter(|(_, field)| in_version(field))
            .map(|(slot, field)| self.forms.field(field, slot, Side::In))
            .collect();
        let width = command.input.len();
        let free = command
            .input
            .iter()
            .all(|field| &*field.name.text != VERSION);
        let version = (condition != Condition::Ignored && free).then_some(width);
        fields.extend(version.map(|slot| Field {
            name: VERSION.into(),
            slot,
            schema: Schema::Text {
                min: Some(1),
                max: Some(200),
                format: crate::schema::TextFormat::Plain,
            },
            required: condition == Condition::Required,
            default: None,
            secret: false,
        }));
        let object = Object {
            title: None,
            fields,
            width: width + usize::from(version.is_some()),
        };
        (object, version)
    }

    /// Whether all items can be one transaction under every cut: a command is one by itself, and
    /// its items are rows of the same owner.
    fn may_be_whole(&self, id: Id<Command>) -> bool {
        let flow = analyse(self.brief, FlowId::Command(id), &Cut::finest(self.brief));
        let command = self.brief.commands.get(id);
        flow.kind == FlowKind::Transaction && command.answer == AnswerMode::Final
    }
}

fn list_form(item: &Arc<str>, max: u32, whole: bool) -> Object {
    let field = |name: &str, slot, schema, default: Option<Value>| Field {
        name: name.into(),
        slot,
        schema,
        required: default.is_none(),
        default,
        secret: false,
    };
    let items = Schema::List {
        items: Box::new(Schema::Named(item.clone())),
        min: 1,
        max: Some(max),
    };
    let mut fields = vec![field("items", 0, items, None)];
    fields.extend(whole.then(|| field("atomic", 1, Schema::Bool, Some(Value::Bool(false)))));
    Object {
        title: None,
        fields,
        width: 2,
    }
}

/// The path of the command without what names one row, and `bulk`.
fn bulk_path(path: &PathTemplate) -> PathTemplate {
    let fixed = path
        .segments
        .iter()
        .filter(|segment| matches!(segment, Segment::Static(_)));
    PathTemplate {
        segments: fixed
            .cloned()
            .chain([Segment::Static("bulk".into())])
            .collect(),
    }
}
