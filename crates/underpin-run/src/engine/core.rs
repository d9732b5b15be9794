//! What does not change while the engine runs: the brief made ready, the world, the listeners.

use super::admin::Overrides;
use super::events::Listeners;
use super::feeds::FeedPlan;
use super::placement::Place;
use super::program::{Allowed, Compiler, Programs};
use super::query::QueryPlan;
use super::scope::Scope;
use crate::identity::Names;
use crate::store::{Hook, Schema};
use crate::world::World;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use underpin_brief::expr::{Compiled, Library};
use underpin_brief::model::*;

/// What must hold of a row.
pub(super) struct InvariantPlan {
    pub(super) expr: Compiled,
    pub(super) frame: u32,
    pub(super) code: Arc<str>,
}

/// An aggregate made ready.
pub(super) struct AggregatePlan {
    /// Slots of a new row: defaults, the initial state, empty lists.
    pub(super) blank: Vec<Value>,
    /// The same with zeros for numbers, for rows that a change creates.
    pub(super) zero: Vec<Value>,
    pub(super) generated: bool,
    pub(super) invariants: Vec<InvariantPlan>,
}

/// A command made ready, besides its statements.
pub(super) struct CommandPlan {
    pub(super) allows: Vec<Allowed>,
    pub(super) frame: u32,
    pub(super) once: Option<Compiled>,
    /// The aggregate of the first change, the input slot of its key, and states from which its
    /// moves go (empty: no move).
    pub(super) row: Option<(Id<Aggregate>, usize)>,
    pub(super) from: Vec<Vec<Arc<str>>>,
    pub(super) chunked: bool,
    /// Whether it changes only fields that merge: it meets whatever others did.
    pub(super) merges: bool,
}

/// Everything that flows and queries share.
pub(super) struct Core {
    pub(super) brief: Arc<Brief>,
    pub(super) programs: Programs,
    pub(super) aggregates: Vec<AggregatePlan>,
    pub(super) commands: Vec<CommandPlan>,
    pub(super) queries: Vec<QueryPlan>,
    pub(super) feeds: Vec<FeedPlan>,
    pub(super) listeners: Listeners,
    /// Which tier a tenant has, over its row.
    pub(super) tier: Option<Compiled>,
    pub(super) world: World,
    /// Display names of subjects, where somebody knows them.
    pub(super) names: OnceLock<Arc<Names>>,
    contract: OnceLock<Option<underpin_contract::Contract>>,
    pub(super) hook: Hook,
    /// Flags that a person has decided.
    pub(super) overrides: Overrides,
    /// The generation of the brief, with which its flows are journalled.
    pub(super) generation: u32,
    /// Earlier briefs whose flows are not over.
    pub(super) formers: BTreeMap<u32, Arc<Core>>,
    /// Where this is one of those.
    pub(super) turn: Option<Box<super::former::Turn>>,
    /// Which service this is, and what the others own.
    pub(super) place: Place,
}

impl Core {
    pub(super) fn new(
        brief: &Arc<Brief>,
        schema: &Schema,
        world: World,
        hook: Hook,
        place: Place,
    ) -> Self {
        let library = Library::new(&**brief);
        let compiler = Compiler {
            brief,
            library,
            schema,
            cut: &place.all.cut,
        };
        let aggregates = brief
            .aggregates
            .rows()
            .iter()
            .map(|row| aggregate_plan(&compiler, row));
        let commands = brief
            .commands
            .rows()
            .iter()
            .map(|row| command_plan(&compiler, row));
        Self {
            programs: Programs::new(&compiler),
            aggregates: aggregates.collect(),
            commands: commands.collect(),
            queries: brief
                .queries
                .iter()
                .map(|(id, _)| QueryPlan::new(&compiler, id))
                .collect(),
            feeds: brief
                .feeds
                .iter()
                .map(|(id, _)| FeedPlan::new(&compiler, id))
                .collect(),
            tier: brief
                .tenancy
                .as_ref()
                .and_then(|tenancy| tenancy.tier.as_ref())
                .map(|tier| compiler.expr(tier)),
            listeners: Listeners::new(brief, &place),
            brief: Arc::clone(brief),
            world,
            names: OnceLock::new(),
            overrides: Overrides::default(),
            contract: OnceLock::new(),
            hook,
            generation: 1,
            formers: BTreeMap::new(),
            turn: None,
            place,
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "one plan per aggregate of the same brief"
    )]
    pub(super) fn aggregate(&self, id: Id<Aggregate>) -> &AggregatePlan {
        &self.aggregates[id.index()]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "one plan per command of the same brief"
    )]
    pub(super) fn command(&self, id: Id<Command>) -> &CommandPlan {
        &self.commands[id.index()]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "one plan per query of the same brief"
    )]
    pub(super) fn query(&self, id: Id<Query>) -> &QueryPlan {
        &self.queries[id.index()]
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "one plan per feed of the same brief"
    )]
    pub(super) fn feed(&self, id: Id<Feed>) -> &FeedPlan {
        &self.feeds[id.index()]
    }

    /// Whether rows of that aggregate are the tenants.
    pub(super) fn is_tenant(&self, id: Id<Aggregate>) -> bool {
        self.brief
            .tenancy
            .as_ref()
            .is_some_and(|tenancy| tenancy.aggregate == id)
    }

    /// The contract, where an answer must be put together as clients see it.
    pub(super) fn contract(&self) -> Option<&underpin_contract::Contract> {
        let derived = || underpin_contract::derive(&self.brief).value;
        self.contract.get_or_init(derived).as_ref()
    }

    /// The value of `flags`: on for the tenants of a tier that has it, otherwise decided by what the
    /// rollout is spread over, so the same for all flows of one caller, or of one tenant.
    pub(super) fn flags(&self, scope: &Scope, tier: Option<Id<Tier>>) -> Value {
        let own = tier.map(|tier| &self.brief.tiers.get(tier).flags);
        let caller = scope.who();
        let on = |(id, flag): (Id<Flag>, &Flag)| {
            if let Some(decided) = self.overrides.of(&flag.name.text, scope) {
                return Value::Bool(decided);
            }
            if own.is_some_and(|own| own.contains(&id)) {
                return Value::Bool(true);
            }
            let Some((share, by)) = &flag.rollout else {
                return Value::Bool(false);
            };
            let tenant = scope.tenant.as_deref().filter(|_| &**by == "tenant");
            let over = tenant.unwrap_or(&caller);
            let place = super::admit::spread(&format!("{}\u{1f}{over}", flag.name));
            // A percent is a hundred of the ten thousand places.
            Value::Bool(place < share.0.nanos().max(0).unsigned_abs() / 10_000_000)
        };
        Value::record(self.brief.flags.iter().map(on).collect())
    }
}

fn aggregate_plan(compiler: &Compiler<'_>, aggregate: &Aggregate) -> AggregatePlan {
    let initial = aggregate
        .states
        .as_ref()
        .and_then(|states| states.names.first());
    let currency = compiler.brief.system.currencies.first().copied();
    let mut blank = Vec::new();
    let mut zero = Vec::new();
    for (slot, layout) in aggregate.row.slots.iter().enumerate() {
        let default = aggregate
            .fields
            .get(slot)
            .and_then(|field| field.default.clone());
        let empty = match (&*layout.name, &layout.ty) {
            ("state", Type::State(_)) => initial.map(|name| Value::Text(Arc::clone(&name.text))),
            (_, Type::List(_)) => Some(Value::list(Vec::new())),
            _ => None,
        };
        let number = match &layout.ty {
            Type::Int => Some(Value::Int(0)),
            Type::Decimal => Some(Value::Decimal(Decimal::ZERO)),
            Type::Money => currency.map(|currency| Value::Money(0, currency)),
            Type::Duration => Some(Value::Duration(Duration::from_micros(0))),
            Type::Bool => Some(Value::Bool(false)),
            _ => None,
        };
        let start = default.or(empty);
        blank.push(start.clone().unwrap_or(Value::Null));
        zero.push(start.or(number).unwrap_or(Value::Null));
    }
    let invariant = |invariant: &Invariant| InvariantPlan {
        expr: compiler.expr(&invariant.expr),
        frame: invariant.frame,
        code: Arc::clone(&invariant.code.text),
    };
    AggregatePlan {
        blank,
        zero,
        generated: aggregate.generated_key,
        invariants: aggregate.invariants.iter().map(invariant).collect(),
    }
}

fn command_plan(compiler: &Compiler<'_>, command: &Command) -> CommandPlan {
    let row = underpin_contract::named_row(command);
    CommandPlan {
        allows: compiler.allows(&command.allows),
        frame: command.body.frame,
        once: command.once.as_ref().map(|expr| compiler.expr(expr)),
        row,
        from: row
            .map(|(aggregate, _)| first_moves(compiler.brief, aggregate, command))
            .unwrap_or_default(),
        chunked: command.answer == AnswerMode::Accepted,
        merges: underpin_brief::flow::only_merges(compiler.brief, command),
    }
}

fn first_moves(brief: &Brief, of: Id<Aggregate>, command: &Command) -> Vec<Vec<Arc<str>>> {
    let Some(states) = &brief.aggregates.get(of).states else {
        return Vec::new();
    };
    let change = command
        .body
        .statements
        .iter()
        .find_map(|statement| match &statement.kind {
            StatementKind::Change {
                aggregate, steps, ..
            } if *aggregate == of && statement.when.is_none() => Some(steps),
            _ => None,
        });
    let first = change.into_iter().flatten().find_map(|step| match step {
        ChangeStep::Move { id, .. } => Some(states.moves.get(*id)),
        _ => None,
    });
    let from = |one: &Move| {
        let name = |at: &usize| Some(Arc::clone(&states.names.get(*at)?.text));
        one.from.iter().filter_map(name).collect()
    };
    first.map(from).into_iter().collect()
}
