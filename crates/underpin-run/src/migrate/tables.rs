//! What becomes of each table: added columns, a rewritten table, a new one, or none. Every reason
//! not to is found before anything is done.

use super::Refusal;
use super::types::{Between, Fit, Lost, former, fresh};
use super::verify::Rules;
use crate::store::{Layout, StoreError, codec};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;
use underpin_brief::model::*;

/// What is done to a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TableStep {
    /// It is made.
    Create,
    /// Columns are added, each with the value of rows that are there.
    Add(Vec<usize>),
    /// Its rows are written anew, by name.
    Rewrite,
    /// It is taken away; it has no rows.
    Drop,
    /// Only what is checked of rows has changed.
    Nothing,
}

/// What becomes of an aggregate.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The aggregate in the earlier brief.
    pub(crate) old: Option<Id<Aggregate>>,
    /// The aggregate in the new one.
    pub(crate) new: Option<Id<Aggregate>>,
    pub(crate) step: TableStep,
    /// For people, in a line each.
    pub(crate) lines: Vec<String>,
}

/// Whether there is a table of that name.
pub(crate) fn exists(connection: &Connection, table: &str) -> Result<bool, StoreError> {
    let bare = table.trim_matches('"').replace("\"\"", "\"");
    let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
    let found: Option<i64> = connection
        .query_row(sql, [bare], |row| row.get(0))
        .optional()?;
    Ok(found.is_some())
}

fn count(connection: &Connection, table: &str) -> Result<u64, StoreError> {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let found: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
    Ok(u64::try_from(found).unwrap_or(0))
}

/// What becomes of every table that the store has, and of those that the new brief asks for.
pub(super) fn all(
    between: Between<'_>,
    connection: &Connection,
    wanted: &[Layout],
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<Table>, StoreError> {
    let mut found = Vec::new();
    for (id, aggregate) in between.old.aggregates.iter() {
        let layout = Layout::new(between.old, id);
        if !exists(connection, &layout.table)? {
            continue;
        }
        let rows = count(connection, &layout.table)?;
        match between.new.aggregates.find(&aggregate.name.text) {
            None => found.extend(removed(aggregate, id, rows, refusals)),
            Some(new) => {
                let changed = Changed {
                    between,
                    old: id,
                    new,
                    rows,
                };
                found.push(changed.plan(connection, refusals)?);
            }
        }
    }
    for (id, aggregate) in between.new.aggregates.iter() {
        let layout = Layout::new(between.new, id);
        let asked = wanted.iter().any(|wanted| wanted.table == layout.table);
        if asked && !exists(connection, &layout.table)? {
            found.push(Table {
                old: None,
                new: Some(id),
                step: TableStep::Create,
                lines: vec![format!("aggregate {} is new", aggregate.name)],
            });
        }
    }
    Ok(found)
}

fn removed(
    aggregate: &Aggregate,
    id: Id<Aggregate>,
    rows: u64,
    refusals: &mut Vec<Refusal>,
) -> Option<Table> {
    let name = &aggregate.name;
    if rows > 0 {
        refusals.push(Refusal::new(
            format!("aggregate {name}"),
            format!("it is gone from the brief and has {}", number(rows)),
            format!(
                "keep `aggregate {name} {{ … }}`, or delete its rows through a command of the \
                 brief that made the folder before it goes"
            ),
        ));
        return None;
    }
    Some(Table {
        old: Some(id),
        new: None,
        step: TableStep::Drop,
        lines: vec![format!("aggregate {name} is gone; it had no rows")],
    })
}

fn number(rows: u64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    }
}

/// An aggregate that both briefs have.
struct Changed<'b> {
    between: Between<'b>,
    old: Id<Aggregate>,
    new: Id<Aggregate>,
    rows: u64,
}

impl Changed<'_> {
    fn from(&self) -> &Aggregate {
        self.between.old.aggregates.get(self.old)
    }

    fn to(&self) -> &Aggregate {
        self.between.new.aggregates.get(self.new)
    }

    fn table(&self, step: TableStep, lines: Vec<String>) -> Table {
        Table {
            old: Some(self.old),
            new: Some(self.new),
            step,
            lines,
        }
    }

    fn plan(
        &self,
        connection: &Connection,
        refusals: &mut Vec<Refusal>,
    ) -> Result<Table, StoreError> {
        let before = refusals.len();
        let step = self.step(refusals);
        if refusals.len() > before {
            return Ok(self.table(TableStep::Nothing, Vec::new()));
        }
        let rules = Rules::new(self.between.old, self.between.new, self.from(), self.to());
        let look =
            self.rows > 0 && (step == TableStep::Rewrite || self.checked() || !rules.is_empty());
        if look {
            self.look(connection, &rules, refusals)?;
        }
        self.unique(connection, refusals)?;
        let lines = self.lines(&step);
        Ok(self.table(step, lines))
    }

    /// What is to be done, from the declarations alone.
    fn step(&self, refusals: &mut Vec<Refusal>) -> TableStep {
        let (from, to) = (self.from(), self.to());
        let layouts = (
            Layout::new(self.between.old, self.old),
            Layout::new(self.between.new, self.new),
        );
        if self.rows == 0 {
            let same = layouts.0.statements().first() == layouts.1.statements().first()
                && self.fits_as_it_is();
            return if same {
                TableStep::Nothing
            } else {
                TableStep::Rewrite
            };
        }
        self.key(refusals);
        self.system(&layouts.0, &layouts.1, refusals);
        let mut rewrite = false;
        let mut added = Vec::new();
        for (slot, field) in to.fields.iter().enumerate() {
            match former(&from.fields, field).and_then(|at| from.fields.get(at)) {
                None => {
                    added.push(slot);
                    if fresh(field).is_err() {
                        refusals.push(self.without_value(field));
                    }
                }
                Some(old) => {
                    rewrite |= old.name.text != field.name.text;
                    match self.between.fit(&old.ty, &field.ty) {
                        Ok(Fit::Changed) => rewrite = true,
                        Ok(Fit::Checked) => rewrite |= field.default.is_some(),
                        Ok(Fit::Same) => {}
                        Err(()) => refusals.push(self.other_type(old, field)),
                    }
                }
            }
        }
        let kept = |old: &Field| {
            to.fields.iter().any(|field| {
                former(&from.fields, field)
                    .and_then(|at| from.fields.get(at))
                    .is_some_and(|found| found.name.text == old.name.text)
            })
        };
        rewrite |= !from.fields.iter().all(kept);
        match (rewrite, added.is_empty()) {
            (true, _) => TableStep::Rewrite,
            (false, false) => TableStep::Add(added),
            (false, true) => TableStep::Nothing,
        }
    }

    fn fits_as_it_is(&self) -> bool {
        let (from, to) = (self.from(), self.to());
        from.fields.len() == to.fields.len()
            && to.fields.iter().all(|field| {
                former(&from.fields, field)
                    .and_then(|at| from.fields.get(at))
                    .is_some_and(|old| {
                        old.name.text == field.name.text
                            && self
                                .between
                                .fit(&old.ty, &field.ty)
                                .is_ok_and(|fit| fit != Fit::Changed)
                    })
            })
    }

    /// Whether values must be looked at because some may be none any more.
    fn checked(&self) -> bool {
        let from = self.from();
        let fields = self.to().fields.iter().any(|field| {
            former(&from.fields, field)
                .and_then(|at| from.fields.get(at))
                .is_some_and(|old| self.between.fit(&old.ty, &field.ty) == Ok(Fit::Checked))
        });
        let states = self
            .between
            .fit(&Type::State(self.old), &Type::State(self.new));
        fields || states == Ok(Fit::Checked)
    }

    fn place(&self) -> String {
        format!("aggregate {}", self.from().name)
    }

    fn key(&self, refusals: &mut Vec<Refusal>) {
        let (from, to) = (self.from().key_fields(), self.to().key_fields());
        let same = from.len() == to.len()
            && from.iter().zip(to).enumerate().all(|(place, (old, new))| {
                former(from, new) == Some(place)
                    && self.between.fit(&old.ty, &new.ty) == Ok(Fit::Same)
            });
        if !same {
            refusals.push(Refusal::new(
                self.place(),
                format!("its key has changed and it has {}", number(self.rows)),
                "keep the key as it was, or give this brief a folder of its own with `--data` and \
                 carry the rows over through its commands"
                    .to_owned(),
            ));
        }
    }

    fn system(&self, old: &Layout, new: &Layout, refusals: &mut Vec<Refusal>) {
        if old.tenant.is_some() != new.tenant.is_some() {
            let (now, decide) = match new.tenant {
                Some(_) => (
                    "kept per tenant now, and nobody knows whose its rows are",
                    format!("keep `aggregate {} shared`", self.from().name),
                ),
                None => (
                    "shared now: every tenant would see the rows of the others",
                    format!("take `shared` away from `aggregate {}`", self.from().name),
                ),
            };
            refusals.push(Refusal::new(
                self.place(),
                format!("it has {} and is {now}", number(self.rows)),
                decide,
            ));
        }
        if old.state.is_some() != new.state.is_some() {
            let what = match new.state {
                Some(_) => "has states now; nobody knows in which its rows are",
                None => "has no states any more; those of its rows would be lost",
            };
            refusals.push(Refusal::new(
                self.place(),
                format!("it has {} and {what}", number(self.rows)),
                "keep the states as they were, or a field with a default (`field phase Phase \
                 default=…`) in their place"
                    .to_owned(),
            ));
        }
    }

    fn without_value(&self, field: &Field) -> Refusal {
        let line = self.between.new.texts.line(field.name.span);
        let from = self.from();
        let gone = from.fields.iter().find(|old| {
            self.between.fit(&old.ty, &field.ty).is_ok()
                && !self
                    .to()
                    .fields
                    .iter()
                    .any(|new| new.name.text == old.name.text)
        });
        let renamed = gone.map_or(String::new(), |old| {
            format!(
                ", or, if it is the former `{}`, `{line} was={}`",
                old.name, old.name
            )
        });
        Refusal::new(
            format!("{}, field {}", self.place(), field.name),
            format!(
                "it is new and {} would have no value in it",
                number(self.rows)
            ),
            format!("give it one: `{line} default=…`, or let it be absent with `?`{renamed}"),
        )
    }

    fn other_type(&self, old: &Field, field: &Field) -> Refusal {
        let (before, now) = (
            old.ty.show(self.between.old).to_string(),
            field.ty.show(self.between.new).to_string(),
        );
        Refusal::new(
            format!("{}, field {}", self.place(), field.name),
            format!(
                "it was `{before}` and is `{now}`; no value of {} has a meaning in that",
                number(self.rows)
            ),
            format!(
                "keep `{}` and give the new one another name, with a default or `?`",
                self.between.old.texts.line(old.name.span)
            ),
        )
    }

    /// Looks at every row in its new form.
    fn look(
        &self,
        connection: &Connection,
        rules: &Rules,
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), StoreError> {
        let mut wrong: BTreeMap<String, (u64, String)> = BTreeMap::new();
        let mut gone: BTreeMap<String, (u64, String)> = BTreeMap::new();
        let layout = Layout::new(self.between.old, self.old);
        walk(connection, &layout, &mut |row| {
            let mut lost = Lost::new();
            let new = self.between.row(&row, self.old, self.new, &mut lost);
            let key = codec::key_text(&layout.key_of(&row));
            for name in lost {
                gone.entry(name).or_insert((0, key.clone())).0 += 1;
            }
            if let Err(why) = new.and_then(|row| rules.check(&row)) {
                wrong.entry(why).or_insert((0, key)).0 += 1;
            }
            Ok(())
        })?;
        refusals.extend(
            gone.into_iter()
                .filter_map(|(field, found)| self.gone(&field, found)),
        );
        refusals.extend(
            wrong
                .into_iter()
                .map(|(why, found)| self.wrong(&why, found)),
        );
        Ok(())
    }

    /// A field with values that the new brief has no place for, unless the earlier one said that
    /// it would end with a version that is over.
    fn gone(&self, field: &str, (rows, key): (u64, String)) -> Option<Refusal> {
        let old = self
            .from()
            .fields
            .iter()
            .find(|old| *old.name.text == *field);
        let version = &self.between.new.system.version;
        let oldest = version.serves.iter().map(|served| served.number);
        let oldest = oldest.min().unwrap_or(version.number).min(version.number);
        if old
            .and_then(|old| old.until)
            .is_some_and(|until| until < oldest)
        {
            return None;
        }
        let line = old.map_or(field, |old| self.between.old.texts.line(old.name.span));
        Some(Refusal::new(
            format!("{}, field {field}", self.place()),
            format!(
                "it is gone from the brief, and {} a value in it (`{key}` for one)",
                have(rows)
            ),
            format!(
                "keep it: `{line}`; or, if it has another name now, `was={field}` there; or let it \
                 end: run `{line} until={}` once in a version {} before it goes",
                version.number,
                version.number.saturating_add(1)
            ),
        ))
    }

    fn wrong(&self, why: &str, (rows, key): (u64, String)) -> Refusal {
        Refusal::new(
            self.place(),
            format!(
                "{} be none of the brief's: {why} (`{key}` for one)",
                would(rows)
            ),
            "change these rows first, through the brief that made the folder, or let the brief \
             admit them as they are"
                .to_owned(),
        )
    }

    /// A field that is unique now must already be.
    fn unique(
        &self,
        connection: &Connection,
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), StoreError> {
        let layout = Layout::new(self.between.old, self.old);
        for field in self.to().fields.iter().filter(|field| field.marks.unique) {
            let Some(at) = former(&self.from().fields, field) else {
                continue;
            };
            let known = self
                .from()
                .fields
                .get(at)
                .is_some_and(|old| old.marks.unique);
            let Some(column) = layout.columns.get(at).filter(|_| !known) else {
                continue;
            };
            let mut by = vec![column.name.as_str()];
            by.extend(
                layout
                    .tenant
                    .and_then(|slot| layout.columns.get(slot))
                    .map(|tenant| tenant.name.as_str()),
            );
            let sql = format!(
                "SELECT COUNT(*) FROM (SELECT 1 FROM {} WHERE {} IS NOT NULL GROUP BY {} HAVING COUNT(*) > 1)",
                layout.table,
                column.name,
                by.join(", ")
            );
            let found: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
            if found > 0 {
                refusals.push(Refusal::new(
                    format!("{}, field {}", self.place(), field.name),
                    format!("it is `unique` now, and {found} of its values stand in several rows"),
                    format!(
                        "make them differ first, or keep `{}`",
                        self.between.old.texts.line(field.name.span)
                    ),
                ));
            }
        }
        Ok(())
    }

    fn lines(&self, step: &TableStep) -> Vec<String> {
        let (from, to) = (self.from(), self.to());
        let mut lines = Vec::new();
        for field in &to.fields {
            let place = format!("{}, field {}", self.place(), field.name);
            match former(&from.fields, field).and_then(|at| from.fields.get(at)) {
                None => lines.push(format!("{place} is added")),
                Some(old) if old.name.text != field.name.text => {
                    lines.push(format!("{place} was `{}`", old.name));
                }
                Some(old) => {
                    let before = old.ty.show(self.between.old).to_string();
                    let now = field.ty.show(self.between.new).to_string();
                    if before != now {
                        lines.push(format!("{place} was `{before}` and is `{now}`"));
                    }
                }
            }
        }
        let gone = from.fields.iter().filter(|old| {
            !to.fields.iter().any(|field| {
                former(&from.fields, field)
                    .and_then(|at| from.fields.get(at))
                    .is_some_and(|found| found.name.text == old.name.text)
            })
        });
        lines.extend(gone.map(|old| format!("{}, field {} is taken away", self.place(), old.name)));
        if *step == TableStep::Rewrite && self.rows > 0 {
            lines.push(format!(
                "{}: {} written anew",
                self.place(),
                match self.rows {
                    1 => "1 row is".to_owned(),
                    rows => format!("{rows} rows are"),
                }
            ));
        }
        lines
    }
}

fn have(rows: u64) -> String {
    match rows {
        1 => "1 row has".to_owned(),
        rows => format!("{rows} rows have"),
    }
}

fn would(rows: u64) -> String {
    format!("{} would", number(rows))
}

/// Every row of a table, in its layout.
pub(crate) fn walk(
    connection: &Connection,
    layout: &Layout,
    each: &mut dyn FnMut(Value) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let sql = format!("SELECT {} FROM {}", layout.select, layout.table);
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        each(layout.read(row, 0)?)?;
    }
    Ok(())
}
