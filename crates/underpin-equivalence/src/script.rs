//! Scripts: each step is a seed, and becomes an action over what is known when it comes, so a script
//! from which steps are taken away is a script again.

use crate::chance::Chance;
use crate::make::Maker;
use crate::outside::Fate;
use underpin_brief::flow::{Cut, FlowId, analyse};
use underpin_brief::model::*;
use underpin_reference::{Asked, Caller, Request, State};

/// What happens in a step.
#[derive(Clone, Debug)]
pub enum Action {
    /// A command, with the fate of its first call. The last says whether a version is named that the
    /// row does not have.
    Command(Box<Request>, Fate, bool),
    /// A query, read page by page.
    Query(Box<Asked>),
    /// One row.
    Row(Option<Caller>, Id<Aggregate>, Value),
    /// Time passes: to the next timer, or by so many µs.
    Wait(Option<i64>),
    /// A message of an external.
    Message(Id<External>, Id<Sends>, Text, Value),
    /// Nothing fits.
    Nothing,
}

/// Requests and messages that may come again.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Requests with a key, oldest first.
    pub requests: Vec<Request>,
    messages: usize,
}

/// Whether a brief has something that comes due.
fn timed(brief: &Brief) -> bool {
    brief
        .policies
        .rows()
        .iter()
        .any(|policy| !matches!(policy.trigger, Trigger::On { after: None, .. }))
}

/// The action of a step.
pub fn action(brief: &Brief, state: &State, past: &mut Past, seed: u64) -> Action {
    let mut chance = Chance::new(seed);
    let kind = chance.below(100);
    let found = match kind {
        0..=5 if timed(brief) => Some(Action::Wait(None)),
        6..=8 => Some(Action::Wait(Some(
            [60, 3_600, 90_000]
                .get(chance.below(3))
                .copied()
                .unwrap_or(60)
                * 1_000_000,
        ))),
        9..=13 => message(brief, state, past, &mut chance),
        14..=30 => query(brief, state, &mut chance),
        31..=34 => row(brief, state, &mut chance),
        35..=39 => again(past, &mut chance),
        _ => None,
    };
    found
        .or_else(|| command(brief, state, past, &mut chance))
        .unwrap_or(Action::Nothing)
}

fn command(brief: &Brief, state: &State, past: &mut Past, chance: &mut Chance) -> Option<Action> {
    // Early on, what makes rows comes first.
    let ids: Vec<_> = brief.commands.iter().collect();
    let ready = |command: &Command| {
        command.input.iter().all(|field| match &field.ty {
            Type::Ref(of) => state.rows.keys().any(|place| place.of == *of),
            _ => true,
        })
    };
    let wanted: Vec<_> = ids.iter().filter(|(_, command)| ready(command)).collect();
    let (id, command) = match chance.percent(92) {
        true => **chance.one(&wanted)?,
        false => *chance.one(&ids)?,
    };
    let mut maker = Maker {
        brief,
        state,
        chance,
        tenant: None,
    };
    let caller = maker.caller(&command.allows);
    let input = maker.input(&command.input)?;
    let key = chance
        .percent(25)
        .then(|| Text::from(format!("key-{}", chance.below(1_000_000))));
    let names = underpin_contract::named_row(command);
    let looked = command.precondition == Some(Precondition::Version) || chance.percent(10);
    let fate = match chance.below(12) {
        0 | 1 => Fate::Refused(chance.below(2)),
        2 => Fate::Fails(1 + u32::try_from(chance.below(2)).unwrap_or(0)),
        3 => Fate::Loses,
        4 => Fate::Swallows,
        _ => Fate::Answered,
    };
    let fate = match fate {
        Fate::Fails(_) if fails_uselessly(brief, command) => Fate::Answered,
        // A flow in doubt keeps its rows from others for good: that is for scripts of their own.
        Fate::Loses | Fate::Swallows if holds(brief, id) => Fate::Answered,
        fate => fate,
    };
    let wrong = looked && names.is_some() && chance.percent(15);
    let request = Request {
        command: id,
        caller,
        input,
        key,
        expected: (looked && names.is_some()).then(Vec::new),
        names,
    };
    if request.key.is_some() {
        past.requests.push(request.clone());
    }
    Some(Action::Command(Box::new(request), fate, wrong))
}

/// Whether a command keeps rows from others.
fn holds(brief: &Brief, id: Id<Command>) -> bool {
    let flow = analyse(brief, FlowId::Command(id), &Cut::finest(brief));
    !flow.holds.is_empty()
}

/// Whether a call of it cannot be repeated: that it fails is a technical refusal.
fn fails_uselessly(brief: &Brief, command: &Command) -> bool {
    fn within(brief: &Brief, statements: &[Statement]) -> bool {
        statements.iter().any(|statement| match &statement.kind {
            StatementKind::Call {
                target: CallTarget::External(external, operation),
                ..
            } => {
                let operation = brief.externals.get(*external).operations.get(*operation);
                !operation.read && operation.idempotent.is_none() && operation.status.is_none()
            }
            StatementKind::Call {
                target: CallTarget::Command(id),
                ..
            } => within(brief, &brief.commands.get(*id).body.statements),
            StatementKind::Each { body, .. } => within(brief, body),
            _ => false,
        })
    }
    within(brief, &command.body.statements)
}

/// A request with the same key again, sometimes with another input.
fn again(past: &Past, chance: &mut Chance) -> Option<Action> {
    let mut request = chance.one(&past.requests)?.clone();
    if chance.percent(25)
        && let Some(other) = chance
            .one(&past.requests)
            .filter(|other| other.command == request.command)
    {
        request.input = other.input.clone();
    }
    Some(Action::Command(Box::new(request), Fate::Answered, false))
}

fn query(brief: &Brief, state: &State, chance: &mut Chance) -> Option<Action> {
    let ids: Vec<_> = brief
        .queries
        .iter()
        .filter(|(_, query)| query.of != QuerySource::Parts && query.parts.is_empty())
        .collect();
    let (id, query) = *chance.one(&ids)?;
    let mut maker = Maker {
        brief,
        state,
        chance,
        tenant: None,
    };
    let caller = maker.caller(&query.allows);
    let input = maker.input(&query.input)?;
    let (of, shape) = match query.of {
        QuerySource::Aggregate(of) => (Some(of), &brief.aggregates.get(of).row),
        QuerySource::View(view) => (None, &brief.views.get(view).row),
        QuerySource::Parts => return None,
    };
    let key = match of.filter(|_| query.one && query.filter.is_none()) {
        Some(of) => Some(maker.key(of)?),
        None => None,
    };
    let mut asked = Asked {
        query: id,
        caller,
        input,
        key,
        equal: Vec::new(),
        between: Vec::new(),
        sorts: Vec::new(),
        search: None,
        limit: 1 + maker.chance.below(4),
        skip: 0,
    };
    if query.one {
        return Some(Action::Query(Box::new(asked)));
    }
    filters(&mut maker, query, of, shape, &mut asked);
    if maker.chance.percent(50)
        && let Some(slot) = maker.chance.one(&query.sorts)
    {
        asked.sorts.push((*slot, maker.chance.percent(50)));
    }
    if !query.searches.is_empty() && maker.chance.percent(30) {
        asked.search = maker
            .chance
            .one(&["a", "BIR", "e a", "_", "%", "zoe", "q"])
            .map(|word| (*word).to_owned());
    }
    Some(Action::Query(Box::new(asked)))
}

/// Conditions on some of the slots that a query lists under `filter`.
fn filters(
    maker: &mut Maker<'_>,
    query: &Query,
    of: Option<Id<Aggregate>>,
    shape: &Shape,
    asked: &mut Asked,
) {
    for slot in &query.filters {
        let Some(layout) = shape.slots.get(*slot).filter(|_| maker.chance.percent(30)) else {
            continue;
        };
        let values: Vec<Value> = match of {
            Some(of) => maker
                .state
                .rows
                .iter()
                .filter(|(place, _)| place.of == of)
                .map(|(_, row)| row.slot(*slot).clone())
                .collect(),
            None => Vec::new(),
        };
        let inner = match layout.ty.required() {
            Type::List(inner) => inner,
            ty => ty,
        };
        let known = maker.chance.one(&values).cloned().map(|value| match value {
            Value::List(items) => items.first().cloned().unwrap_or(Value::Null),
            value => value,
        });
        let known = known.filter(|value| !value.is_null());
        let Some(value) = known.or_else(|| maker.value(inner, &plain(&layout.name, inner), 0))
        else {
            continue;
        };
        let range = matches!(
            layout.ty.required(),
            Type::Int | Type::Decimal | Type::Money | Type::Date | Type::Time | Type::Duration
        );
        match maker.chance.below(3) {
            0 if range => asked.between.push((*slot, Some(value), None)),
            1 if range => asked.between.push((*slot, None, Some(value))),
            _ => asked.equal.push((*slot, vec![value])),
        }
    }
}

/// A field of that type without marks and bounds.
fn plain(name: &str, ty: &Type) -> Field {
    Field {
        name: Name {
            text: name.into(),
            span: underpin_brief::source::Span::default(),
        },
        ty: ty.clone(),
        marks: Marks::default(),
        min: None,
        max: None,
        count: None,
        default: None,
        typical: None,
        media: None,
        merge: None,
        since: None,
        until: None,
        was: None,
    }
}

fn row(brief: &Brief, state: &State, chance: &mut Chance) -> Option<Action> {
    let shown = |query: &&Query| matches!(query.of, QuerySource::Aggregate(_));
    let queries: Vec<&Query> = brief.queries.rows().iter().filter(shown).collect();
    let query = *chance.one(&queries)?;
    let QuerySource::Aggregate(of) = query.of else {
        return None;
    };
    let mut maker = Maker {
        brief,
        state,
        chance,
        tenant: None,
    };
    let caller = maker.caller(&query.allows);
    Some(Action::Row(caller, of, maker.key(of)?))
}

fn message(brief: &Brief, state: &State, past: &mut Past, chance: &mut Chance) -> Option<Action> {
    let all: Vec<_> = brief
        .externals
        .iter()
        .flat_map(|(external, declared)| {
            declared
                .sends
                .iter()
                .map(move |(id, sends)| (external, id, sends))
        })
        .collect();
    let (external, id, sends) = *chance.one(&all)?;
    let content = Maker {
        brief,
        state,
        chance,
        tenant: None,
    }
    .input(&sends.fields)?;
    past.messages += 1;
    let number = if chance.percent(20) {
        past.messages.saturating_sub(1)
    } else {
        past.messages
    };
    Some(Action::Message(
        external,
        id,
        format!("message-{number}").into(),
        content,
    ))
}
