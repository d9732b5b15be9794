//! Queries: rows that `allow` admits, filtered, sorted, searched, in pages that stay stable while
//! rows are inserted, shown with joins.

use super::access;
use super::compose::Composition;
use super::core::Core;
use super::export::Outlet;
use super::program::{Allowed, Compiler};
use super::scope::{Settled, View, settle};
use super::select::{Select, tenant_condition};
use super::shows::{ShowPlan, shown, shows_plan};
use super::walk::fault_refusal;
use crate::backend::{
    ChangesAnswer, Filter, Page, QueryAnswer, QueryRequest, Refusal, ShownRow, Since, Sort, Test,
    refusal,
};
use crate::sql;
use crate::store::{Rows, StoreError};
use std::cell::RefCell;
use underpin_brief::expr::{Compiled, Fault, Frame};
use underpin_brief::model::*;

/// A query ready to run.
pub(super) struct QueryPlan {
    pub(super) of: QuerySource,
    pub(super) allows: Vec<Allowed>,
    pub(super) filter: Option<Compiled>,
    /// `where` as far as SQL can say it.
    prefilter: Option<sql::Filter>,
    /// The conditions of `allows` as far as SQL can say them, in their order.
    prechecks: Vec<Option<sql::Filter>>,
    pub(super) shows: Vec<ShowPlan>,
    /// What an answer is composed of, for everybody and for clients of some channels.
    compositions: Vec<Composition>,
    pub(super) frame_size: u32,
    pub(super) view: Option<super::views::ViewPlan>,
}

impl QueryPlan {
    pub(super) fn new(compiler: &Compiler<'_>, id: Id<Query>) -> Self {
        let query = compiler.brief.queries.get(id);
        let filter = |expr: &Option<Expr>| match query.of {
            QuerySource::Aggregate(of) => expr.as_ref().map(|expr| compiler.filter(expr, of)),
            _ => None,
        };
        Self {
            of: query.of,
            allows: compiler.allows(&query.allows),
            filter: query.filter.as_ref().map(|expr| compiler.expr(expr)),
            prefilter: filter(&query.filter),
            prechecks: query
                .allows
                .iter()
                .map(|allow| filter(&allow.when))
                .collect(),
            shows: shows_plan(compiler, &query.shows),
            compositions: Composition::all(compiler, query),
            frame_size: query.frame,
            view: match query.of {
                QuerySource::View(view) => Some(super::views::ViewPlan::new(compiler, view)),
                _ => None,
            },
        }
    }

    /// What clients of a channel are answered; what queries that ask this one are without one.
    pub(super) fn composition(&self, channel: Option<&str>) -> Option<&Composition> {
        let own = |one: &&Composition| one.channel.is_some() && one.channel.as_deref() == channel;
        self.compositions
            .iter()
            .find(own)
            .or(self.compositions.first())
    }

    /// A frame with the caller and the input.
    pub(super) fn frame(&self, settled: &Settled, input: &Value) -> Frame {
        let mut frame = Frame::new(self.frame_size.max(Root::COUNT));
        frame.set(Root::Caller.slot(), settled.value.clone());
        frame.set(Root::Input.slot(), input.clone());
        frame
    }
}

fn refused(code: &str) -> QueryAnswer {
    QueryAnswer::Refused(Refusal::new(code))
}

/// Why a caller may not ask this at all.
fn turned_away(core: &Core, plan: &QueryPlan, settled: &Settled) -> Option<Refusal> {
    let named = plan
        .allows
        .iter()
        .any(|allow| settled.named(&core.brief, allow.who));
    let nobody = settled.scope.subject.is_none();
    (!named).then(|| match nobody {
        true => Refusal::new(refusal::UNAUTHENTICATED),
        false => settled.scope.forbidden(),
    })
}

/// All rows of a query on a snapshot, put into `outlet` one by one.
pub(super) fn export(
    core: &Core,
    rows: Rows<'_>,
    request: &QueryRequest,
    outlet: &mut Outlet,
) -> Result<(), StoreError> {
    let settled = settle(&core.brief, rows, request.asked.caller.as_ref())?;
    let plan = core.query(request.query);
    if let Some(refusal) = turned_away(core, plan, &settled) {
        outlet.fail(refusal);
        return Ok(());
    }
    let scope = settled.scope.clone();
    let run = Run {
        core,
        plan,
        request,
        settled: &settled,
        view: &View::frozen(rows, &scope, core),
        shows: &plan.shows,
        raw: None,
    };
    match plan.of {
        QuerySource::Aggregate(of) => run.all(of, outlet),
        QuerySource::View(_) => match run.view()? {
            QueryAnswer::Page(page) => {
                outlet.begin();
                let _ = page.rows.into_iter().all(|row| outlet.put(row));
                Ok(())
            }
            QueryAnswer::Refused(refusal) => {
                outlet.fail(refusal);
                Ok(())
            }
            QueryAnswer::One(_) => Ok(()),
        },
        QuerySource::Parts => Ok(()),
    }
}

/// What has changed of the rows of a query, on a snapshot.
pub(super) fn changes(
    core: &Core,
    rows: Rows<'_>,
    request: &QueryRequest,
    since: Option<Since>,
) -> Result<ChangesAnswer, StoreError> {
    let settled = settle(&core.brief, rows, request.asked.caller.as_ref())?;
    let plan = core.query(request.query);
    if let Some(refusal) = turned_away(core, plan, &settled) {
        return Ok(ChangesAnswer::Refused(refusal));
    }
    let scope = settled.scope.clone();
    let run = Run {
        core,
        plan,
        request,
        settled: &settled,
        view: &View::frozen(rows, &scope, core),
        shows: &plan.shows,
        raw: Some(RefCell::default()),
    };
    match plan.of {
        QuerySource::Aggregate(of) => run.changes(of, since),
        _ => Ok(super::changes::refused()),
    }
}

/// What a query finds before its parts are asked.
pub(super) struct Based {
    pub(super) answer: QueryAnswer,
    pub(super) settled: Settled,
    /// The rows behind what is shown, in its order; only where parts are asked.
    pub(super) raw: Vec<Value>,
}

/// Answers a query on a snapshot, without its parts.
pub(super) fn answer(
    core: &Core,
    rows: Rows<'_>,
    request: &QueryRequest,
    composition: Option<&Composition>,
) -> Result<Based, StoreError> {
    let composed = composition.is_some_and(|one| !one.parts.is_empty());
    found(core, rows, request, composition, composed)
}

/// As [`answer`]; with `keep` the rows behind what is shown are kept.
pub(super) fn found(
    core: &Core,
    rows: Rows<'_>,
    request: &QueryRequest,
    composition: Option<&Composition>,
    keep: bool,
) -> Result<Based, StoreError> {
    let settled = settle(&core.brief, rows, request.asked.caller.as_ref())?;
    let plan = core.query(request.query);
    let based = |answer, raw| Based {
        answer,
        settled: settled.clone(),
        raw,
    };
    if let Some(refusal) = turned_away(core, plan, &settled) {
        return Ok(based(QueryAnswer::Refused(refusal), Vec::new()));
    }
    let scope = settled.scope.clone();
    let view = View::frozen(rows, &scope, core);
    let run = Run {
        core,
        plan,
        request,
        settled: &settled,
        view: &view,
        shows: composition.map_or(&plan.shows, |one| &one.shows),
        raw: keep.then(RefCell::default),
    };
    let answer = match plan.of {
        QuerySource::Aggregate(of) if core.brief.queries.get(request.query).one => run.one(of),
        QuerySource::Aggregate(of) => run.page(of),
        QuerySource::View(_) => run.view(),
        QuerySource::Parts => run.parts(),
    }?;
    let raw = run.raw.map(RefCell::into_inner).unwrap_or_default();
    Ok(based(answer, raw))
}

/// A query on its way.
pub(super) struct Run<'a> {
    core: &'a Core,
    pub(super) plan: &'a QueryPlan,
    pub(super) request: &'a QueryRequest,
    pub(super) settled: &'a Settled,
    pub(super) view: &'a View<'a>,
    shows: &'a [ShowPlan],
    /// Rows as they are shown, for those who compose answers of them.
    pub(super) raw: Option<RefCell<Vec<Value>>>,
}

impl Run<'_> {
    /// Joins of those who see every tenant start in the tenant of this row.
    fn look_from(&self, row: &Value) {
        if let QuerySource::Aggregate(of) = self.plan.of {
            self.view.look_from(of, row);
        }
    }

    /// Whether `where` and `allow` admit a row; the frame then has it as `self`.
    pub(super) fn admits(
        &self,
        frame: &mut Frame,
        row: &Value,
    ) -> Result<Result<bool, Refusal>, StoreError> {
        self.look_from(row);
        frame.set(Root::SelfRow.slot(), row.clone());
        if let Some(filter) = &self.plan.filter {
            match filter.eval(frame, self.view) {
                Ok(value) if value.is_true() => {}
                Ok(_) => return Ok(Ok(false)),
                Err(Fault::NotFound) => return Ok(Ok(false)),
                Err(fault) => return fault_refusal(&fault).map(Err),
            }
        }
        access::allowed(self.core, &self.plan.allows, self.settled, frame, self.view).map(Ok)
    }

    pub(super) fn shown_row(&self, frame: &mut Frame, row: &Value) -> Result<ShownRow, StoreError> {
        self.look_from(row);
        frame.set(Root::SelfRow.slot(), row.clone());
        if let Some(raw) = &self.raw {
            raw.borrow_mut().push(row.clone());
        }
        let mut values = Vec::with_capacity(self.shows.len());
        for plan in self.shows {
            values.push(shown(plan, frame, self.view)?);
        }
        Ok(ShownRow {
            values,
            parts: Vec::new(),
            mark: None,
        })
    }

    /// As [`Run::shown_row`], with what the caller may do with the row: rows of a page do not say.
    fn marked_row(
        &self,
        of: Id<Aggregate>,
        frame: &mut Frame,
        row: &Value,
    ) -> Result<ShownRow, StoreError> {
        let mark = access::mark(self.core, of, row, self.settled, self.view)?;
        Ok(ShownRow {
            mark: Some(mark),
            ..self.shown_row(frame, row)?
        })
    }

    fn one(&self, of: Id<Aggregate>) -> Result<QueryAnswer, StoreError> {
        let mut frame = self.plan.frame(self.settled, &self.request.input);
        let mut found = None;
        let mut look = |row: Value, frame: &mut Frame| match self.admits(frame, &row)? {
            Ok(true) => {
                found = Some(Ok(row));
                Ok(false)
            }
            Ok(false) => Ok(true),
            Err(refusal) => {
                found = Some(Err(refusal));
                Ok(false)
            }
        };
        match &self.request.key {
            Some(key) => {
                let row = self.view.get(of, key)?;
                row.map(|row| look(row, &mut frame)).transpose()?;
            }
            None => {
                let (rest, values) = self.selection(of, &mut frame, None)?;
                let mut each = |row| look(row, &mut frame);
                self.view.rows.walk(of, &rest, values, &mut each)?;
            }
        }
        match found {
            Some(Ok(row)) => self.marked_row(of, &mut frame, &row).map(QueryAnswer::One),
            Some(Err(refusal)) => Ok(QueryAnswer::Refused(refusal)),
            None => Ok(refused(refusal::NOT_FOUND)),
        }
    }

    /// An answer of nothing but parts: one row of which nothing is known.
    fn parts(&self) -> Result<QueryAnswer, StoreError> {
        let mut frame = self.plan.frame(self.settled, &self.request.input);
        let allows = &self.plan.allows;
        if !access::allowed(self.core, allows, self.settled, &mut frame, self.view)? {
            return Ok(QueryAnswer::Refused(self.settled.scope.forbidden()));
        }
        self.shown_row(&mut frame, &Value::Null)
            .map(QueryAnswer::One)
    }

    fn sorts(&self, of: Id<Aggregate>) -> Vec<Sort> {
        let declared = &self.core.brief.queries.get(self.request.query).sorts;
        let mut sorts = self.request.sorts.clone();
        if sorts.is_empty() {
            sorts.extend(declared.first().map(|slot| Sort {
                slot: *slot,
                descending: false,
            }));
        }
        // The key makes every position unique, so that pages neither repeat nor miss rows.
        let keys = self.view.rows.layout(of).keys;
        for slot in 0..keys {
            if !sorts.iter().any(|sort| sort.slot == slot) {
                sorts.push(Sort {
                    slot,
                    descending: false,
                });
            }
        }
        sorts
    }

    /// Lets SQL leave out rows that `where` or every `allow` excludes; what is left is checked
    /// again, row by row, with nothing left out.
    fn prefilter(&self, frame: &mut Frame, select: &mut Select<'_>) {
        let usable = |filter: &&sql::Filter| !(self.view.scope.cross && filter.is_within_tenant());
        if let Some(filter) = self.plan.prefilter.as_ref().filter(usable) {
            select
                .terms
                .extend(filter.bind(frame, self.view, &mut select.values).sql);
        }
        let named = |allow: &Allowed| self.settled.named(&self.core.brief, allow.who);
        let mut any = Vec::new();
        let before = select.values.len();
        for (allow, filter) in self.plan.allows.iter().zip(&self.plan.prechecks) {
            if !named(allow) {
                continue;
            }
            let bound = filter.as_ref().filter(usable);
            let sql =
                bound.and_then(|filter| filter.bind(frame, self.view, &mut select.values).sql);
            match sql {
                Some(sql) => any.push(format!("({sql})")),
                None => {
                    select.values.truncate(before);
                    return;
                }
            }
        }
        if !any.is_empty() {
            select.terms.push(format!("({})", any.join(" OR ")));
        }
    }

    /// Every row that is admitted, in order, while somebody takes them.
    fn all(&self, of: Id<Aggregate>, outlet: &mut Outlet) -> Result<(), StoreError> {
        let mut frame = self.plan.frame(self.settled, &self.request.input);
        let (rest, values) = self.selection(of, &mut frame, None)?;
        self.view.rows.walk(
            of,
            &rest,
            values,
            &mut |row| match self.admits(&mut frame, &row)? {
                Ok(true) => {
                    outlet.begin();
                    Ok(outlet.put(self.shown_row(&mut frame, &row)?))
                }
                Ok(false) => Ok(true),
                Err(why) => {
                    outlet.fail(why);
                    Ok(false)
                }
            },
        )
    }

    /// The rows that may be admitted, as far as SQL can say it, in order.
    fn selection(
        &self,
        of: Id<Aggregate>,
        frame: &mut Frame,
        after: Option<&Vec<Value>>,
    ) -> Result<(String, Vec<rusqlite::types::Value>), StoreError> {
        let sorts = self.sorts(of);
        let mut sql = Select {
            view: self.view,
            of,
            terms: Vec::new(),
            values: Vec::new(),
        };
        sql.terms
            .extend(tenant_condition(self.view, of, &mut sql.values));
        for filter in &self.request.filters {
            sql.filter(filter)?;
        }
        let declared = self.core.brief.queries.get(self.request.query);
        if let Some(search) = &self.request.search {
            sql.search(&declared.searches, search);
        }
        if let Some(after) = after {
            sql.after(&sorts, after)?;
        }
        self.prefilter(frame, &mut sql);
        Ok(sql.finish(&sorts))
    }

    fn page(&self, of: Id<Aggregate>) -> Result<QueryAnswer, StoreError> {
        self.page_after(of, self.request.after.as_ref())
    }

    /// The page behind a position.
    pub(super) fn page_after(
        &self,
        of: Id<Aggregate>,
        after: Option<&Vec<Value>>,
    ) -> Result<QueryAnswer, StoreError> {
        let sorts = self.sorts(of);
        let limit = self.request.limit.max(1) as usize;
        let mut frame = self.plan.frame(self.settled, &self.request.input);
        let (rest, values) = self.selection(of, &mut frame, after)?;
        let mut found: Vec<Value> = Vec::new();
        let mut refusal = None;
        self.view.rows.walk(of, &rest, values, &mut |row| {
            match self.admits(&mut frame, &row)? {
                Ok(true) => found.push(row),
                Ok(false) => {}
                Err(why) => {
                    refusal = Some(why);
                    return Ok(false);
                }
            }
            Ok(found.len() <= limit)
        })?;
        if let Some(refusal) = refusal {
            return Ok(QueryAnswer::Refused(refusal));
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let position = |row: &Value| {
            sorts
                .iter()
                .map(|sort| row.slot(sort.slot).clone())
                .collect::<Vec<_>>()
        };
        let next = found.last().filter(|_| more).map(position);
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            rows.push(self.shown_row(&mut frame, row)?);
        }
        Ok(QueryAnswer::Page(Page { rows, next }))
    }

    fn view(&self) -> Result<QueryAnswer, StoreError> {
        let Some(plan) = &self.plan.view else {
            return Ok(refused(refusal::INTERNAL));
        };
        let mut frame = self.plan.frame(self.settled, &self.request.input);
        let mut found = Vec::new();
        for row in plan.rows(self.view)? {
            if !self
                .request
                .filters
                .iter()
                .all(|filter| holds(filter, &row))
            {
                continue;
            }
            match self.admits(&mut frame, &row)? {
                Ok(true) => found.push(row),
                Ok(false) => {}
                Err(refusal) => return Ok(QueryAnswer::Refused(refusal)),
            }
        }
        let declared = self.core.brief.queries.get(self.request.query);
        let mut sorts = self.request.sorts.clone();
        if sorts.is_empty() {
            sorts.extend(declared.sorts.first().map(|slot| Sort {
                slot: *slot,
                descending: false,
            }));
        }
        found.sort_by(|a, b| order(&sorts, a, b).then_with(|| a.cmp(b)));
        let skip = match &self.request.after {
            Some(after) => {
                let last = Value::record(after.clone());
                let behind = |row: &Value| {
                    order(&sorts, row, &last)
                        .then_with(|| row.cmp(&last))
                        .is_gt()
                };
                found.iter().position(behind).unwrap_or(found.len())
            }
            None => 0,
        };
        let limit = self.request.limit.max(1) as usize;
        let more = found.len() > skip + limit;
        let page: Vec<Value> = found.into_iter().skip(skip).take(limit).collect();
        let next = page.last().filter(|_| more).map(super::acts::slots_of);
        let mut rows = Vec::with_capacity(page.len());
        for row in &page {
            let mut shown = self.shown_row(&mut frame, row)?;
            if self.shows.is_empty() {
                shown.values = super::acts::slots_of(row);
            }
            rows.push(shown);
        }
        Ok(QueryAnswer::Page(Page { rows, next }))
    }
}

fn order(sorts: &[Sort], a: &Value, b: &Value) -> std::cmp::Ordering {
    for sort in sorts {
        let found = a.slot(sort.slot).cmp(b.slot(sort.slot));
        let found = if sort.descending {
            found.reverse()
        } else {
            found
        };
        if found.is_ne() {
            return found;
        }
    }
    std::cmp::Ordering::Equal
}

fn holds(filter: &Filter, row: &Value) -> bool {
    let value = row.slot(filter.slot);
    match &filter.test {
        Test::OneOf(values) => values.contains(value),
        Test::HasOneOf(values) => match value {
            Value::List(items) => items.iter().any(|item| values.contains(item)),
            _ => false,
        },
        Test::AtLeast(least) => comparable(value, least) && value >= least,
        Test::AtMost(most) => comparable(value, most) && value <= most,
    }
}

/// Amounts of different currencies are neither less nor more.
fn comparable(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Money(_, one), Value::Money(_, other)) => one == other,
        _ => true,
    }
}
