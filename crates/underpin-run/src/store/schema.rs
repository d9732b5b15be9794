//! The schema that follows from a brief, with a description by which folders are compared whose
//! brief was not kept.

use super::StoreError;
use super::layout::{Kind, Layout};
use super::presence::{Contents, Presence};
use rusqlite::{Connection, OptionalExtension};
use std::collections::{BTreeMap, BTreeSet};
use underpin_brief::model::{Aggregate, Brief, Id, Type};

/// The layout of the store's own tables; a folder of another format is refused.
pub const FORMAT: &str = "2";

const SYSTEM: &str = include_str!("system.sql");
/// Tables that folders of this format may lack, since they came later and begin empty.
const LATER: &str = include_str!("later.sql");
/// The tables of feeds, made where they are missing: only briefs with feeds have them.
const FEEDS: &str = include_str!("feeds.sql");

/// The tables of a brief.
#[derive(Clone, Debug)]
pub struct Schema {
    layouts: Vec<Layout>,
    contents: Contents,
    description: BTreeMap<String, String>,
    feeds: bool,
}

impl Schema {
    /// The tables that follow from a brief, in a store with these contents.
    #[must_use]
    pub fn new(brief: &Brief, contents: Contents) -> Self {
        let layouts = brief
            .aggregates
            .iter()
            .map(|(id, _)| Layout::new(brief, id))
            .collect();
        let mut description = BTreeMap::new();
        for (id, aggregate) in brief.aggregates.iter() {
            match contents.presence(id) {
                Presence::Own => describe(brief, id, aggregate, &mut description),
                Presence::Replica => {
                    let place = format!("aggregate {}", aggregate.name);
                    description.insert(place, "a copy of another service's rows".to_owned());
                }
                Presence::Absent => {}
            }
        }
        Self {
            layouts,
            contents,
            description,
            feeds: !brief.feeds.is_empty(),
        }
    }

    /// The tables of an earlier brief as they stand under a later one: with columns that the
    /// earlier one does not know, which a new row gets as the later one says.
    pub(crate) fn beside(old: &Brief, new: &Brief) -> Self {
        let mut schema = Self::new(old, Contents::all());
        for (layout, aggregate) in schema.layouts.iter_mut().zip(old.aggregates.rows()) {
            let Some(id) = new.aggregates.find(&aggregate.name.text) else {
                continue;
            };
            let more = crate::migrate::added(new, id, &aggregate.fields);
            *layout = layout.clone().giving(&more);
        }
        schema
    }

    /// What stands in the store.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Layouts of what stands in the store.
    fn present(&self) -> impl Iterator<Item = &Layout> {
        let with_id = self.layouts.iter().enumerate();
        with_id
            .filter(|(at, _)| self.contents.presence(Id::from_index(*at)) != Presence::Absent)
            .map(|(_, layout)| layout)
    }

    /// The table of an aggregate.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "one layout per aggregate of the same brief"
    )]
    pub fn layout(&self, id: Id<Aggregate>) -> &Layout {
        &self.layouts[id.index()]
    }

    /// All tables in the order of aggregates.
    #[must_use]
    pub fn layouts(&self) -> &[Layout] {
        &self.layouts
    }

    /// The description by which folders are compared that kept no brief.
    pub(super) fn text(&self) -> String {
        self.description
            .iter()
            .map(|(place, what)| format!("{place}: {what}\n"))
            .collect()
    }

    /// Makes all tables in an empty database.
    pub(super) fn create(&self, connection: &Connection) -> Result<(), StoreError> {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        connection.execute_batch(SYSTEM)?;
        connection.execute_batch(LATER)?;
        for statement in self.present().flat_map(Layout::statements) {
            connection.execute_batch(statement)?;
        }
        if self.feeds {
            connection.execute_batch(FEEDS)?;
        }
        let mut insert = connection.prepare("INSERT INTO meta VALUES (?1, ?2)")?;
        insert.execute(["format", FORMAT])?;
        insert.execute(["schema", &self.text()])?;
        connection.execute_batch("COMMIT")?;
        Ok(())
    }

    /// Makes the indexes, and the tables of the store itself, that a brief of the same tables asks for since.
    pub(super) fn index(&self, connection: &Connection) -> Result<(), StoreError> {
        connection.execute_batch(LATER)?;
        let statements = self
            .present()
            .flat_map(|layout| layout.statements().iter().skip(1));
        for statement in statements {
            connection.execute_batch(statement)?;
        }
        if self.feeds {
            connection.execute_batch(FEEDS)?;
        }
        Ok(())
    }

    /// Says where the store's own tables are of another format.
    pub(crate) fn format_differs(
        &self,
        connection: &Connection,
    ) -> Result<Option<String>, StoreError> {
        let format = meta(connection, "format")?;
        let found = format.as_deref().unwrap_or("none");
        let differs = found != FORMAT;
        Ok(differs.then(|| format!("the format of the store is `{found}`, not `{FORMAT}`")))
    }

    /// What of the stored schema differs from this one; empty where nothing does.
    pub(crate) fn differences(&self, connection: &Connection) -> Result<Vec<String>, StoreError> {
        let stored = meta(connection, "schema")?;
        Ok(compare(&stored.unwrap_or_default(), &self.text()))
    }
}

fn meta(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let found = connection
        .query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(found)
}

fn describe(
    brief: &Brief,
    id: Id<Aggregate>,
    aggregate: &Aggregate,
    to: &mut BTreeMap<String, String>,
) {
    let layout = Layout::new(brief, id);
    let name = &aggregate.name.text;
    let tenancy = if layout.tenant.is_some() {
        "per tenant"
    } else {
        "shared"
    };
    to.insert(format!("aggregate {name}"), format!("kept {tenancy}"));
    for (slot, field) in aggregate.fields.iter().enumerate() {
        let key = if slot < aggregate.keys { "key " } else { "" };
        let unique = if field.marks.unique { " unique" } else { "" };
        let what = format!(
            "{key}{}{unique}{}",
            field.ty.show(brief),
            inner(brief, &field.ty)
        );
        to.insert(format!("aggregate {name}, field {}", field.name), what);
    }
    if let Some(states) = &aggregate.states {
        // Of states only removed names would strand rows; additions and their order are free.
        for state in &states.names {
            to.insert(
                format!("aggregate {name}, state {state}"),
                "a state".to_owned(),
            );
        }
    }
    for slot in layout
        .columns
        .iter()
        .filter(|column| column.kind == Kind::Coded)
    {
        to.insert(
            format!("aggregate {name}, column {}", slot.name),
            "coded".to_owned(),
        );
    }
}

/// The layout of records within a field's type, since their values are stored by position.
fn inner(brief: &Brief, ty: &Type) -> String {
    match ty {
        Type::Optional(inner_type) | Type::List(inner_type) => inner(brief, inner_type),
        Type::Record(id) => {
            let record = brief.records.get(*id);
            let slot = |slot: &underpin_brief::model::SlotType| {
                format!("{} {}", slot.name, slot.ty.show(brief))
            };
            let slots: Vec<String> = record.shape.slots.iter().map(slot).collect();
            format!(" ({})", slots.join(", "))
        }
        _ => String::new(),
    }
}

fn compare(stored: &str, wanted: &str) -> Vec<String> {
    let parse = |text: &str| -> BTreeMap<String, String> {
        let pairs = text.lines().filter_map(|line| line.split_once(": "));
        pairs
            .map(|(place, what)| (place.to_owned(), what.to_owned()))
            .collect()
    };
    let (stored, wanted) = (parse(stored), parse(wanted));
    let places: BTreeSet<&String> = stored.keys().chain(wanted.keys()).collect();
    let difference = |place: &String| match (stored.get(place), wanted.get(place)) {
        (Some(old), None) => Some(format!("{place} (`{old}`) is only in the folder")),
        (None, Some(new)) => Some(format!("{place} (`{new}`) is only in the brief")),
        (Some(old), Some(new)) if old != new => Some(format!(
            "{place} is `{old}` in the folder and `{new}` in the brief"
        )),
        _ => None,
    };
    places.into_iter().filter_map(difference).collect()
}
