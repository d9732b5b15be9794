//! What must hold after a crash, whatever the brief is about.

use super::site::Site;
use crate::admin::{Admin as _, Ask, By, Told, Verdict};
use crate::forms::Form;
use crate::store::codec;
use crate::world::Moment;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use underpin_brief::model::*;

/// Rows and effects at externals, without what is free: ids that are drawn, versions, times.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// Per aggregate one line per row, a text per column.
    rows: BTreeMap<String, Vec<Vec<String>>>,
    /// How often each operation has an effect that stands.
    effects: BTreeMap<String, i64>,
}

/// Columns that chance decides: aggregate and position.
pub(super) type Free = BTreeSet<(String, usize)>;

/// Replaces what is born after the case began.
fn plain(value: &Value, since: Moment) -> Value {
    let all = |items: &[Value]| items.iter().map(|item| plain(item, since)).collect();
    match value {
        Value::Time(at) if *at >= since.0 && *at < since.0 + 3_600_000_000 => Value::text("now"),
        Value::Struct(slots) => Value::record(all(slots)),
        Value::List(items) => Value::list(all(items)),
        other => other.clone(),
    }
}

/// Replaces ids that were drawn after the case began: 26 characters of which the first ten are time.
fn without_ids(text: &str, since: Moment) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let id = rest.get(..26).and_then(crate::world::Id::parse);
        let (shown, length) = match id {
            Some(id) if id.born() > since => ('#', 26),
            _ => (next, next.len_utf8()),
        };
        out.push(shown);
        rest = rest.get(length..).unwrap_or("");
    }
    out
}

pub(super) async fn state(site: &Site, since: Moment) -> Result<State, String> {
    let brief = std::sync::Arc::clone(&site.brief);
    let mut found = BTreeMap::new();
    // Rows that vanish by themselves are lost in a crash: that is what they are for.
    let lasting = brief.aggregates.iter();
    for (id, aggregate) in lasting.filter(|(_, aggregate)| aggregate.ephemeral.is_none()) {
        let lines = site.engine().owner(id).store.read(move |rows| {
            let version = rows.layout(id).version;
            let line = |row: &Value| -> Vec<String> {
                let Value::Struct(slots) = row else {
                    return Vec::new();
                };
                let text = |(at, slot): (usize, &Value)| match version == Some(at) {
                    true => String::new(),
                    false => without_ids(&codec::to_text(&plain(slot, since)), since),
                };
                slots.iter().enumerate().map(text).collect()
            };
            let all = rows.select(id, "", Vec::new())?;
            let mut lines: Vec<Vec<String>> = all.iter().map(line).collect();
            lines.sort();
            Ok(lines)
        });
        let lines = lines.await.map_err(|error| error.to_string())?;
        found.insert(aggregate.name.to_string(), lines);
    }
    Ok(State {
        rows: found,
        effects: effects(site).map_err(|error| error.to_string())?,
    })
}

fn externals(site: &Site) -> rusqlite::Result<Option<Connection>> {
    let path = site.folder.folder.path("externals.sqlite");
    path.exists().then(|| Connection::open(path)).transpose()
}

fn effects(site: &Site) -> rusqlite::Result<BTreeMap<String, i64>> {
    let Some(file) = externals(site)? else {
        return Ok(BTreeMap::new());
    };
    let mut find = file.prepare(
        "SELECT external || '.' || operation, COUNT(*) FROM effect WHERE undone = 0 GROUP BY 1",
    )?;
    let rows = find.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Columns in which two runs without a crash differ.
pub(super) fn free(one: &State, other: &State) -> Free {
    let mut found = Free::new();
    for (aggregate, rows) in &one.rows {
        let others = other.rows.get(aggregate).map_or(&[][..], |rows| rows);
        let width = rows.iter().chain(others).map(Vec::len).max().unwrap_or(0);
        for column in 0..width {
            let sorted = |rows: &[Vec<String>]| {
                let mut all: Vec<String> = rows.iter().map(|row| row[column].clone()).collect();
                all.sort();
                all
            };
            if sorted(rows) != sorted(others) {
                found.insert((aggregate.clone(), column));
            }
        }
    }
    found
}

/// Says where two states differ in what is not free.
pub(super) fn same(wanted: &State, found: &State, free: &Free) -> Result<(), String> {
    let kept = |aggregate: &String, rows: &[Vec<String>]| {
        let line = |row: &Vec<String>| -> String {
            let column =
                |(at, text): (usize, &String)| match free.contains(&(aggregate.clone(), at)) {
                    true => "~".to_owned(),
                    false => text.clone(),
                };
            let all: Vec<String> = row.iter().enumerate().map(column).collect();
            all.join(" ")
        };
        let mut lines: Vec<String> = rows.iter().map(line).collect();
        lines.sort();
        lines
    };
    for (aggregate, rows) in &wanted.rows {
        let wanted = kept(aggregate, rows);
        let found = kept(
            aggregate,
            found.rows.get(aggregate).map_or(&[][..], |rows| rows),
        );
        if wanted != found {
            let lacks: Vec<&String> = wanted.iter().filter(|row| !found.contains(row)).collect();
            let has: Vec<&String> = found.iter().filter(|row| !wanted.contains(row)).collect();
            let counts = (wanted.len(), found.len());
            return Err(format!(
                "of {aggregate} {counts:?} lacks {lacks:?}, has {has:?}"
            ));
        }
    }
    match wanted.effects == found.effects {
        true => Ok(()),
        false => Err(format!(
            "effects {:?}, not {:?}",
            found.effects, wanted.effects
        )),
    }
}

/// Nothing is unfinished, nothing is held, nobody has to look.
pub(super) async fn at_rest(site: &Site) -> Result<(), String> {
    for ask in [Ask::Flows { stage: None }, Ask::Holds] {
        match site.engine().ask(ask).await {
            Ok(Told::Flows(lines)) if lines.is_empty() => {}
            Ok(Told::Holds(lines)) if lines.is_empty() => {}
            other => return Err(format!("not at rest: {other:?}")),
        }
    }
    Ok(())
}

/// Resolves flows in doubt as the external's own record says: as a person would who asks there.
pub(super) async fn resolve(site: &Site) -> Result<(), String> {
    let stage = Some("in-doubt".to_owned());
    let Ok(Told::Flows(lines)) = site.engine().ask(Ask::Flows { stage }).await else {
        return Err("no flows".to_owned());
    };
    for line in lines {
        let id = line.id;
        let Ok(Told::Flow(story)) = site.engine().ask(Ask::Flow { id: id.clone() }).await else {
            return Err("no flow".to_owned());
        };
        let call = story.call.ok_or("in doubt without a call")?;
        let known = happened(site, &call.what, &call.key).map_err(|error| error.to_string())?;
        let verdict = match known {
            Some(output) => Verdict::Happened {
                output: Some(output),
            },
            None => Verdict::DidNotHappen,
        };
        let by = By {
            who: "test".to_owned(),
            why: "asked there".to_owned(),
        };
        let told = site.engine().ask(Ask::Resolve { id, verdict, by }).await;
        told.map_err(|refused| refused.message)?;
    }
    Ok(())
}

fn happened(site: &Site, what: &str, key: &str) -> rusqlite::Result<Option<serde_json::Value>> {
    let (Some(file), Some((external, operation))) = (externals(site)?, what.split_once('.')) else {
        return Ok(None);
    };
    let mut find = file.prepare(
        "SELECT output FROM effect WHERE external = ?1 AND operation = ?2 AND undone = 0
         AND key LIKE ?3 || '#%'",
    )?;
    let mut rows = find.query_map([external, operation, key], |row| row.get::<_, String>(0))?;
    let Some(text) = rows.next().transpose()? else {
        return Ok(None);
    };
    let brief = &site.brief;
    let external = brief
        .externals
        .get(brief.externals.find(external).expect("declared"));
    let operation = external.operations.find(operation).expect("declared");
    let form = Form::of(brief, &external.operations.get(operation).output);
    Ok(codec::from_text(&text).map(|output| form.write(&output)))
}
