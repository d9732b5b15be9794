//! Limits, tenants, tiers and flags.

use super::*;

/// A limit on use.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Its name.
    pub name: Name,
    /// Its path.
    pub path: NodePath,
    /// Counted per what.
    pub per: LimitPer,
    /// What is limited.
    pub kind: LimitKind,
    /// Commands and queries that it guards; empty: all for a rate, whatever creates for a count.
    pub operations: Vec<LimitedOperation>,
    /// The refusal; 429 where none is named.
    pub code: Option<Name>,
}

/// What a limit counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitPer {
    /// The caller.
    Caller,
    /// The tenant.
    Tenant,
    /// The address.
    Ip,
    /// Everybody together.
    All,
}

/// What is limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// Admissions: per second, minute or hour a token bucket, else exact.
    Rate {
        /// How many.
        rate: Rate,
        /// How many at once.
        burst: Option<u64>,
    },
    /// Rows of an aggregate.
    Count {
        /// Of which.
        aggregate: Id<Aggregate>,
        /// How many.
        max: u64,
    },
    /// The sum of a field.
    Sum {
        /// Of which aggregate.
        aggregate: Id<Aggregate>,
        /// Of which row slot.
        slot: usize,
        /// How much.
        max: u64,
    },
}

/// A command or a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitedOperation {
    /// A command.
    Command(Id<Command>),
    /// A query.
    Query(Id<Query>),
}

/// Customers that are kept apart.
#[derive(Clone, Debug)]
pub struct Tenancy {
    /// The aggregate whose rows are the tenants.
    pub aggregate: Id<Aggregate>,
    /// Which tier a tenant has, over `self`.
    pub tier: Option<Expr>,
    /// Where its data stand, over `self`.
    pub region: Option<Expr>,
    /// How callers belong to a tenant.
    pub callers: Vec<TenantCaller>,
    /// Where it stands.
    pub span: Span,
}

/// How callers of an actor belong to a tenant.
#[derive(Clone, Debug)]
pub struct TenantCaller {
    /// The actor.
    pub actor: Id<Actor>,
    /// Through what.
    pub via: TenantVia,
}

/// How a caller belongs to a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantVia {
    /// A row of this aggregate, keyed by the caller, in the tenant: `caller.<name>`.
    Membership(Id<Aggregate>),
    /// A claim of the token.
    Claim(Text),
}

/// A tier of tenants.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name.
    pub name: Name,
    /// How it is kept apart.
    pub isolation: Isolation,
    /// How many tenants.
    pub tenants: Option<u64>,
    /// Its own values of limits.
    pub limits: Vec<(Id<Limit>, LimitKind)>,
    /// Flags that are on for it.
    pub flags: Vec<Id<Flag>>,
}

/// How tenants are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Rows of one store.
    Pool,
    /// A store of its own.
    Bridge,
    /// Everything of its own.
    Silo,
}

/// A flag.
#[derive(Clone, Debug)]
pub struct Flag {
    /// Its name.
    pub name: Name,
    /// Share and by what it is spread.
    pub rollout: Option<(Percent, Text)>,
}
