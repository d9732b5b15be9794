//! A second reading of `allow`, for tests alone: who may what, by walking the checked expressions
//! over the rows that the test has made. It shares no code with what the engine executes.

use std::collections::BTreeMap;
use underpin_brief::model::*;

/// Why an expression has no value here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// It has none: it grants nothing.
    Nothing,
    /// This reader does not know the construct: a cell without an expected answer.
    Unknown(String),
}

/// Who asks, as the brief sees it.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) actor: Option<Id<Actor>>,
    pub(super) roles: Vec<String>,
    pub(super) tenant: Option<String>,
    /// The value of `caller`.
    pub(super) value: Value,
}

/// What a request should meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// `allow` admits; what follows is not about who may.
    Admitted,
    /// 401.
    Unauthenticated,
    /// 403.
    Forbidden,
    /// 404: nothing shows the caller that row.
    Hidden,
}

type Found = Vec<(Option<String>, Value)>;

/// All rows of the test, by aggregate and key.
pub(super) struct Facts<'a> {
    pub(super) brief: &'a Brief,
    rows: BTreeMap<(usize, Value), Found>,
}

/// Variables of an expression.
type Frame = BTreeMap<u32, Value>;

/// How deep defines are followed where the brief says nothing.
const DEPTH: u32 = 32;

impl<'a> Facts<'a> {
    pub(super) fn new(brief: &'a Brief) -> Self {
        Self {
            brief,
            rows: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, of: Id<Aggregate>, row: &Value) {
        let aggregate = self.brief.aggregates.get(of);
        let tenant = aggregate.slot("tenant");
        let tenant = tenant.and_then(|slot| row.slot(slot).as_text().map(str::to_owned));
        let found = self.rows.entry((of.index(), key_of(aggregate, row)));
        found.or_default().push((tenant, row.clone()));
    }

    /// All rows of an aggregate.
    pub(super) fn all(&self, of: Id<Aggregate>) -> impl Iterator<Item = &Value> {
        let mine = self
            .rows
            .iter()
            .filter(move |((at, _), _)| *at == of.index());
        mine.flat_map(|(_, found)| found.iter().map(|(_, row)| row))
    }

    fn crosses(&self, who: &Person) -> bool {
        who.actor
            .is_some_and(|actor| self.brief.actors.get(actor).cross_tenant)
    }

    /// Whether a row lies where the caller may look at all.
    pub(super) fn within(&self, of: Id<Aggregate>, row: &Value, who: &Person) -> bool {
        let slot = self.brief.aggregates.get(of).slot("tenant");
        let tenant = slot.and_then(|slot| row.slot(slot).as_text());
        slot.is_none() || self.crosses(who) || tenant == who.tenant.as_deref()
    }

    /// The row of that key that the caller may look at; with several, the one beside `near`.
    pub(super) fn find(
        &self,
        of: Id<Aggregate>,
        key: &Value,
        who: &Person,
        near: Option<&str>,
    ) -> Option<&Value> {
        let found = self.rows.get(&(of.index(), key.clone()))?;
        let beside = |(tenant, _): &&(Option<String>, Value)| tenant.as_deref() == near;
        let mut visible = found.iter().filter(|(_, row)| self.within(of, row, who));
        let first = found
            .iter()
            .filter(|(_, row)| self.within(of, row, who))
            .find(beside);
        first.or_else(|| visible.next()).map(|(_, row)| row)
    }

    fn names(&self, who: &Person, allow: &Allow) -> bool {
        match allow.who {
            Who::Anyone => true,
            Who::Actor(actor) => who.actor == Some(actor),
            Who::Role(actor, role) => {
                let name = &self.brief.actors.get(actor).roles[role].text;
                who.actor == Some(actor) && who.roles.iter().any(|held| **held == **name)
            }
        }
    }

    /// Whether one of the lines that name the caller admits; none where no line names them.
    pub(super) fn admits(
        &self,
        allows: &[Allow],
        who: &Person,
        given: &[(Root, Value)],
    ) -> Result<Option<bool>, Lack> {
        let mut named = None;
        for allow in allows.iter().filter(|allow| self.names(who, allow)) {
            let granted = match &allow.when {
                None => true,
                Some(when) => self.holds(when, who, given)?,
            };
            named = Some(named.unwrap_or(false) || granted);
        }
        Ok(named)
    }

    /// Whether an expression is true.
    pub(super) fn holds(
        &self,
        expr: &Expr,
        who: &Person,
        given: &[(Root, Value)],
    ) -> Result<bool, Lack> {
        let mut frame: Frame = given
            .iter()
            .map(|(root, value)| (root.slot().0, value.clone()))
            .collect();
        frame.insert(Root::Caller.slot().0, who.value.clone());
        let near = given.iter().find(|(root, _)| *root == Root::SelfRow);
        let reader = Reader {
            facts: self,
            who,
            near: near.and_then(|(_, row)| self.tenant_beside(expr, row)),
        };
        match reader.value(expr, &mut frame, DEPTH) {
            Ok(value) => Ok(value == Value::Bool(true)),
            Err(Lack::Nothing) => Ok(false),
            Err(unknown) => Err(unknown),
        }
    }

    /// The tenant in which keys of this row are looked for first.
    fn tenant_beside(&self, _: &Expr, row: &Value) -> Option<String> {
        let known = self.rows.values().flatten().find(|(_, known)| known == row);
        known.and_then(|(tenant, _)| tenant.clone())
    }

    /// What a command should answer.
    pub(super) fn command(
        &self,
        command: &Command,
        who: &Person,
        input: &Value,
    ) -> Result<Verdict, Lack> {
        let given = [(Root::Input, input.clone())];
        let verdict = self.admits(&command.allows, who, &given)?;
        if verdict == Some(true) {
            return Ok(Verdict::Admitted);
        }
        if who.actor.is_none() {
            return Ok(Verdict::Unauthenticated);
        }
        let named = underpin_contract::named_row(command);
        let (Some(_), Some((of, slot))) = (verdict, named) else {
            return Ok(Verdict::Forbidden);
        };
        let row = self.find(of, input.slot(slot), who, who.tenant.as_deref());
        let shown = match row {
            Some(row) => self.shown(of, row, who)?,
            None => false,
        };
        Ok(if shown {
            Verdict::Forbidden
        } else {
            Verdict::Hidden
        })
    }

    /// Whether some query shows the caller that row.
    fn shown(&self, of: Id<Aggregate>, row: &Value, who: &Person) -> Result<bool, Lack> {
        let own = |query: &&Query| query.of == QuerySource::Aggregate(of);
        for query in self.brief.queries.rows().iter().filter(own) {
            let given = [(Root::SelfRow, row.clone()), (Root::Input, Value::Null)];
            if self.admits(&query.allows, who, &given)? == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What asking for one row by its key should answer.
    pub(super) fn item(
        &self,
        of: Id<Aggregate>,
        key: &Value,
        who: &Person,
    ) -> Result<Verdict, Lack> {
        let own = |query: &&Query| query.of == QuerySource::Aggregate(of);
        let mut named = false;
        for query in self.brief.queries.rows().iter().filter(own) {
            named |= query.allows.iter().any(|allow| self.names(who, allow));
        }
        if !named && who.actor.is_none() {
            return Ok(Verdict::Unauthenticated);
        }
        let shown = match self.find(of, key, who, who.tenant.as_deref()) {
            Some(row) => self.shown(of, row, who)?,
            None => false,
        };
        Ok(if shown {
            Verdict::Admitted
        } else {
            Verdict::Hidden
        })
    }

    /// Whether a query may be asked at all.
    pub(super) fn query(&self, query: &Query, who: &Person) -> Verdict {
        match query.allows.iter().any(|allow| self.names(who, allow)) {
            true => Verdict::Admitted,
            false if who.actor.is_none() => Verdict::Unauthenticated,
            false => Verdict::Forbidden,
        }
    }
}

/// The key of a row.
pub(super) fn key_of(aggregate: &Aggregate, row: &Value) -> Value {
    match aggregate.keys {
        1 => row.slot(0).clone(),
        several => Value::list((0..several).map(|at| row.slot(at).clone()).collect()),
    }
}

/// Reads expressions for one person.
struct Reader<'a> {
    facts: &'a Facts<'a>,
    who: &'a Person,
    near: Option<String>,
}

impl Reader<'_> {
    fn value(&self, expr: &Expr, frame: &mut Frame, depth: u32) -> Result<Value, Lack> {
        let unknown = || Err(Lack::Unknown(format!("{:?}", expr.kind)));
        match &expr.kind {
            ExprKind::Literal(value) => Ok(value.clone()),
            ExprKind::Slot(slot) => Ok(frame.get(&slot.0).cloned().unwrap_or(Value::Null)),
            ExprKind::Field(of, at) => Ok(self.value(of, frame, depth)?.slot(*at).clone()),
            ExprKind::ActorField(of, ActorField::Id) => self.value(of, frame, depth),
            ExprKind::Join(of, aggregate) => {
                let key = self.value(of, frame, depth)?;
                let tenant = self.near.as_deref().or(self.who.tenant.as_deref());
                let row = self.facts.find(*aggregate, &key, self.who, tenant);
                Ok(row.cloned().unwrap_or(Value::Null))
            }
            ExprKind::Define(of, aggregate, define) => {
                let row = self.value(of, frame, depth)?;
                self.define(row, *aggregate, *define, depth)
            }
            ExprKind::Unary(UnaryOp::Not, of) => Ok(match self.value(of, frame, depth)? {
                Value::Bool(truth) => Value::Bool(!truth),
                _ => Value::Null,
            }),
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, frame, depth),
            ExprKind::Conditional(when, then, otherwise) => {
                match self.value(when, frame, depth)? {
                    Value::Bool(true) => self.value(then, frame, depth),
                    Value::Bool(false) => self.value(otherwise, frame, depth),
                    _ => Err(Lack::Nothing),
                }
            }
            ExprKind::Has(of) => match self.value(of, frame, depth) {
                Ok(value) => Ok(Value::Bool(!value.is_null())),
                Err(Lack::Nothing) => Ok(Value::Bool(false)),
                Err(unknown) => Err(unknown),
            },
            ExprKind::List(items) => {
                let items: Result<Vec<Value>, Lack> = items
                    .iter()
                    .map(|item| self.value(item, frame, depth))
                    .collect();
                Ok(Value::list(items?))
            }
            ExprKind::JsonMember(of, name) => Ok(member(&self.value(of, frame, depth)?, name)),
            ExprKind::Call(function, arguments) => self.call(*function, arguments, frame, depth),
            ExprKind::Comprehension { list, .. } => {
                let list = self.value(list, frame, depth)?;
                self.comprehension(&expr.kind, &list, frame, depth)
            }
            ExprKind::Convert(of) => {
                let value = self.value(of, frame, depth)?;
                match (&value, expr.ty.required()) {
                    (Value::Int(_), Type::Decimal) => unknown(),
                    _ => Ok(value),
                }
            }
            _ => unknown(),
        }
    }

    fn define(
        &self,
        row: Value,
        of: Id<Aggregate>,
        define: Id<Define>,
        depth: u32,
    ) -> Result<Value, Lack> {
        if row.is_null() {
            return Ok(Value::Null);
        }
        if depth == 0 {
            return Ok(Value::Bool(false));
        }
        let define = self.facts.brief.aggregates.get(of).defines.get(define);
        let mut own = Frame::new();
        own.insert(Root::SelfRow.slot().0, row);
        own.insert(Root::Caller.slot().0, self.who.value.clone());
        let left = define.depth.map_or(depth - 1, |most| (depth - 1).min(most));
        self.value(&define.expr, &mut own, left)
    }

    fn comprehension(
        &self,
        of: &ExprKind,
        list: &Value,
        frame: &mut Frame,
        depth: u32,
    ) -> Result<Value, Lack> {
        let (
            ExprKind::Comprehension {
                kind,
                variable,
                body,
                ..
            },
            Value::List(items),
        ) = (of, list)
        else {
            return Ok(Value::Null);
        };
        let mut truths = Vec::new();
        for item in items.iter() {
            frame.insert(variable.0, item.clone());
            truths.push(self.value(body, frame, depth)? == Value::Bool(true));
        }
        match kind {
            Comprehension::All => Ok(Value::Bool(truths.into_iter().all(|truth| truth))),
            Comprehension::Exists => Ok(Value::Bool(truths.into_iter().any(|truth| truth))),
            Comprehension::Filter | Comprehension::Map => Err(Lack::Unknown(format!("{kind:?}"))),
        }
    }

    fn binary(
        &self,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
        frame: &mut Frame,
        depth: u32,
    ) -> Result<Value, Lack> {
        let ends = match op {
            BinaryOp::And => Some(false),
            BinaryOp::Or => Some(true),
            _ => None,
        };
        let first = self.value(left, frame, depth);
        if let Some(end) = ends {
            if first == Ok(Value::Bool(end)) {
                return first;
            }
            let second = self.value(right, frame, depth)?;
            let first = first?;
            return Ok(match (first, second) {
                (_, Value::Bool(second)) if second == end => Value::Bool(end),
                (Value::Bool(_), second @ Value::Bool(_)) => second,
                _ => Value::Null,
            });
        }
        let (first, second) = (first?, self.value(right, frame, depth)?);
        if first.is_null() || second.is_null() {
            return Ok(Value::Null);
        }
        Ok(Value::Bool(match op {
            BinaryOp::Equal => first == second,
            BinaryOp::NotEqual => first != second,
            BinaryOp::Less => first < second,
            BinaryOp::LessEqual => first <= second,
            BinaryOp::Greater => first > second,
            BinaryOp::GreaterEqual => first >= second,
            BinaryOp::In => match &second {
                Value::List(items) => items.contains(&first),
                _ => return Err(Lack::Unknown("in".to_owned())),
            },
            _ => return Err(Lack::Unknown(format!("{op:?}"))),
        }))
    }

    fn call(
        &self,
        function: Function,
        arguments: &[Expr],
        frame: &mut Frame,
        depth: u32,
    ) -> Result<Value, Lack> {
        let values: Result<Vec<Value>, Lack> = arguments
            .iter()
            .map(|argument| self.value(argument, frame, depth))
            .collect();
        let values = values?;
        let first = values.first().cloned().unwrap_or(Value::Null);
        match (function, first) {
            (Function::Value, Value::Null) => Err(Lack::Nothing),
            (Function::Value, value) => Ok(value),
            (Function::OrValue, Value::Null) => Ok(values.get(1).cloned().unwrap_or(Value::Null)),
            (Function::OrValue, value) => Ok(value),
            (Function::Size | Function::Count, Value::List(items)) => {
                Ok(Value::Int(i64::try_from(items.len()).unwrap_or(i64::MAX)))
            }
            (Function::Money, Value::Text(amount)) => money(self.facts.brief, &amount),
            (other, _) => Err(Lack::Unknown(format!("{other:?}"))),
        }
    }
}

/// A member of a JSON object, as JSON.
fn member(value: &Value, name: &str) -> Value {
    let Value::Json(text) = value else {
        return Value::Null;
    };
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    match json.get(name) {
        None | Some(serde_json::Value::Null) => Value::Null,
        Some(found) => Value::Json(found.to_string().into()),
    }
}

/// An amount with two digits after the point, in the first currency.
fn money(brief: &Brief, amount: &str) -> Result<Value, Lack> {
    let minor = amount.replace('.', "").parse();
    let currency = brief.system.currencies.first().copied();
    match (minor, currency, amount.split_once('.')) {
        (Ok(minor), Some(currency), Some((_, cents))) if cents.len() == 2 => {
            Ok(Value::Money(minor, currency))
        }
        _ => Err(Lack::Unknown(format!("money('{amount}')"))),
    }
}
