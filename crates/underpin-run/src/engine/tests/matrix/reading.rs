//! Cells of queries and of single rows.

use super::judge::{Facts, Lack, Person, Verdict, key_of};
use super::world::{Cell, Kind, Whose, kinds, shades};
use super::{Bench, Tally, describe, fits};
use crate::backend::*;
use crate::engine::query::found;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use underpin_brief::model::*;

/// Queries and single rows, over rows of every shade at once.
pub(super) async fn reads(served: &Arc<Brief>, brief: &Brief, tally: &mut Tally) {
    let bench = Bench::new(served).await;
    let mut facts = Facts::new(brief);
    let cells: Vec<Cell<'_>> = (0..shades(brief))
        .map(|shade| Cell {
            brief,
            name: format!("q{shade}"),
            shade,
            number: i64::try_from(shade).unwrap_or(0),
        })
        .collect();
    for cell in &cells {
        let rows = cell.rows();
        rows.iter().for_each(|(of, row)| facts.add(*of, row));
        bench.seed(rows).await;
    }
    for cell in &cells {
        for kind in kinds(brief) {
            let person = cell.person(&kind, &facts);
            for (id, query) in brief.queries.iter() {
                let what = describe(brief, query.name(), &kind, Whose::Own, cell.shade);
                let reading = Reading {
                    bench: &bench,
                    facts: &facts,
                    cell,
                    kind: &kind,
                    person: &person,
                };
                reading.query((id, query), &what, tally).await;
            }
            for (of, _) in brief.aggregates.iter() {
                let reading = Reading {
                    bench: &bench,
                    facts: &facts,
                    cell,
                    kind: &kind,
                    person: &person,
                };
                reading.items(of, tally).await;
            }
            bench.clock.advance(Duration::from_secs(60));
        }
    }
}

struct Reading<'a> {
    bench: &'a Bench,
    facts: &'a Facts<'a>,
    cell: &'a Cell<'a>,
    kind: &'a Kind,
    person: &'a Person,
}

impl Reading<'_> {
    fn request(&self, id: Id<Query>, query: &Query) -> QueryRequest {
        let slots = query
            .input
            .iter()
            .map(|field| self.cell.fill(&field.ty, Whose::Own, false));
        QueryRequest {
            query: id,
            asked: self.bench.asked(0, self.cell, self.kind),
            input: Value::record(slots.collect()),
            key: None,
            filters: Vec::new(),
            sorts: Vec::new(),
            search: None,
            limit: 500,
            after: None,
        }
    }

    async fn query(&self, (id, query): (Id<Query>, &Query), what: &str, tally: &mut Tally) {
        let expected = Ok(self.facts.query(query, self.person));
        let request = self.request(id, query);
        let QuerySource::Aggregate(of) = query.of else {
            let code = said(&self.bench.engine.query(request).await);
            let fits = fits(&expected, &code, Whose::Own);
            tally.note(what, &expected, &code, fits);
            return;
        };
        if query.one {
            return self.one(of, query, request, what, tally).await;
        }
        let answer = self.bench.engine.query(request.clone()).await;
        if expected != Ok(Verdict::Admitted) {
            let code = said(&answer);
            tally.note(what, &expected, &code, fits(&expected, &code, Whose::Own));
            return;
        }
        let QueryAnswer::Page(page) = answer else {
            tally.note(what, &expected, &said(&answer), false);
            return;
        };
        // A page need not show keys: they are those of the rows behind it.
        let node = self.bench.engine.owner(of);
        let (core, asked) = (Arc::clone(&node.core), request.clone());
        let read = node
            .store
            .read(move |rows| found(&core, rows, &asked, None, true));
        let behind = read.await.expect("a read").raw;
        assert_eq!(page.rows.len(), behind.len(), "{what}");
        let aggregate = self.facts.brief.aggregates.get(of);
        let keys = behind.iter().map(|row| key_of(aggregate, row));
        let shown: BTreeSet<Value> = keys.collect();
        for row in self.facts.all(of) {
            let key = key_of(self.facts.brief.aggregates.get(of), row);
            let expected = self.visible(of, query, row, &request.input);
            let shown = shown.contains(&key);
            let fits = expected
                == Ok(if shown {
                    Verdict::Admitted
                } else {
                    Verdict::Hidden
                });
            let code = if shown { "shown" } else { "left out" };
            tally.note(&format!("{what}, row {key:?}"), &expected, code, fits);
        }
    }

    fn visible(
        &self,
        of: Id<Aggregate>,
        query: &Query,
        row: &Value,
        input: &Value,
    ) -> Result<Verdict, Lack> {
        if !self.facts.within(of, row, self.person) {
            return Ok(Verdict::Hidden);
        }
        let given = [(Root::SelfRow, row.clone()), (Root::Input, input.clone())];
        let wanted = match &query.filter {
            Some(filter) => self.facts.holds(filter, self.person, &given)?,
            None => true,
        };
        let admitted = self.facts.admits(&query.allows, self.person, &given)? == Some(true);
        Ok(if wanted && admitted {
            Verdict::Admitted
        } else {
            Verdict::Hidden
        })
    }

    async fn one(
        &self,
        of: Id<Aggregate>,
        query: &Query,
        request: QueryRequest,
        what: &str,
        tally: &mut Tally,
    ) {
        let gate = self.facts.query(query, self.person);
        let rows: Vec<Value> = self.facts.all(of).cloned().collect();
        for row in rows {
            let key = key_of(self.facts.brief.aggregates.get(of), &row);
            let expected = match gate {
                Verdict::Admitted => self.visible(of, query, &row, &request.input),
                other => Ok(other),
            };
            let mut request = request.clone();
            request.key = Some(key.clone());
            let code = said(&self.bench.engine.query(request).await);
            tally.note(
                &format!("{what}, row {key:?}"),
                &expected,
                &code,
                fits(&expected, &code, Whose::Own),
            );
        }
    }

    async fn items(&self, of: Id<Aggregate>, tally: &mut Tally) {
        let queries = self.facts.brief.queries.rows().iter();
        if !queries
            .into_iter()
            .any(|query| query.of == QuerySource::Aggregate(of))
        {
            return;
        }
        let name = self.facts.brief.aggregates.get(of).name();
        let rows: Vec<Value> = self.facts.all(of).cloned().collect();
        for row in rows {
            let key = key_of(self.facts.brief.aggregates.get(of), &row);
            let expected = self.facts.item(of, &key, self.person);
            let answer = self.bench.engine.row(RowRequest {
                aggregate: of,
                key: key.clone(),
                asked: self.bench.asked(0, self.cell, self.kind),
            });
            let code = match answer.await {
                RowAnswer::Shown { .. } => "shown".to_owned(),
                RowAnswer::Refused(refusal) => refusal.code,
            };
            let what = describe(
                self.facts.brief,
                name,
                self.kind,
                Whose::Own,
                self.cell.shade,
            );
            tally.note(
                &format!("{what}, row {key:?}"),
                &expected,
                &code,
                fits(&expected, &code, Whose::Own),
            );
        }
    }
}

fn said(answer: &QueryAnswer) -> String {
    match answer {
        QueryAnswer::Page(_) | QueryAnswer::One(_) => "shown".to_owned(),
        QueryAnswer::Refused(refusal) => refusal.code.clone(),
    }
}
