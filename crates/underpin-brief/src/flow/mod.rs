//! What a command or a policy does, analysed: segments, roles, pivot, undo, holds, and whether
//! its order is sound. Pure functions over the checked brief; knows no design and no runtime.
//!
//! Roles and pivot are derived on the finest cut, so they are the same under every cut; segments
//! and holds follow the cut that is asked for.

mod analysis;
mod cut;
mod delta;
mod examine;
mod expand;
mod holds;
mod known;
mod made;
mod mentioned;
mod order;
mod proof;
mod refusal;
mod report;
mod segments;
mod survey;
mod undo;
mod why;

pub use cut::{Cut, aggregates_of, kept_together};
pub use delta::{inverse, is_delta, is_merge, only_merges};
pub use made::made;
pub use survey::Survey;

use crate::diagnostic::Diagnostic;
use crate::model::*;
use crate::source::Sources;

/// A list of statements that runs as one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlowId {
    /// A command.
    Command(Id<Command>),
    /// A policy.
    Policy(Id<Policy>),
    /// What a policy does where it was refused: the branch at this position.
    Otherwise(Id<Policy>, usize),
}

impl FlowId {
    /// Every flow of a brief: commands, then policies, each followed by its branches.
    #[must_use]
    pub fn all(brief: &Brief) -> Vec<Self> {
        let mut all: Vec<Self> = brief
            .commands
            .iter()
            .map(|(id, _)| Self::Command(id))
            .collect();
        for (id, policy) in brief.policies.iter() {
            all.push(Self::Policy(id));
            all.extend((0..policy.otherwise.len()).map(|at| Self::Otherwise(id, at)));
        }
        all
    }

    /// Its statements.
    #[must_use]
    pub fn body(self, brief: &Brief) -> &Body {
        match self {
            Self::Command(id) => &brief.commands.get(id).body,
            Self::Policy(id) => &brief.policies.get(id).body,
            Self::Otherwise(id, at) => {
                let policy = brief.policies.get(id);
                policy
                    .otherwise
                    .get(at)
                    .map_or(&policy.body, |(_, body)| body)
            }
        }
    }

    /// The declaration that it belongs to.
    #[must_use]
    pub fn path(self, brief: &Brief) -> NodePath {
        match self {
            Self::Command(id) => brief.commands.get(id).path.clone(),
            Self::Policy(id) => brief.policies.get(id).path.clone(),
            Self::Otherwise(id, at) => {
                let policy = brief.policies.get(id);
                let code = policy.otherwise.get(at).map_or("", |(code, _)| &*code.text);
                policy.path.child("else", code)
            }
        }
    }

    /// Its name: of the command or policy, with `/code` for a branch.
    #[must_use]
    pub fn name(self, brief: &Brief) -> String {
        match self {
            Self::Command(id) => brief.commands.get(id).name.to_string(),
            Self::Policy(id) => brief.policies.get(id).name.to_string(),
            Self::Otherwise(id, at) => {
                let policy = brief.policies.get(id);
                let code = policy.otherwise.get(at).map_or("", |(code, _)| &*code.text);
                format!("{}/{code}", policy.name)
            }
        }
    }
}

/// Whether a flow is one transaction or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlowKind {
    /// One segment.
    Transaction,
    /// Several segments, or a call.
    Saga,
}

/// An analysed flow.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Which.
    pub id: FlowId,
    /// Its statements in the written order, bodies of `each` in place, once.
    pub steps: Vec<Step>,
    /// Its segments in order; every step belongs to one.
    pub segments: Vec<Segment>,
    /// The step after which nothing can be refused; `None`: retriable from admission.
    pub pivot: Option<usize>,
    /// One transaction or several.
    pub kind: FlowKind,
    /// Rows kept from others until the flow ends, in the order of the steps that need them.
    pub holds: Vec<Hold>,
    /// The service where its progress is kept: of its first changed aggregate.
    pub home: usize,
}

/// Who executes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A service of the cut.
    Service(usize),
    /// An operation of an external.
    External(Id<External>, Id<ExternalOperation>),
    /// A child flow.
    Command(Id<Command>),
}

/// A run of steps that happen together, or one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Who executes it: a service in one transaction, or somebody else outside any.
    pub owner: Owner,
    /// The first step.
    pub first: usize,
    /// The last step.
    pub last: usize,
}

/// What a step is for the fate of its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Nothing of it is seen outside its transaction.
    Local,
    /// Its effect is taken back where a later step is refused.
    Compensatable,
    /// The last that can be refused.
    Pivot,
    /// It is repeated until it is done.
    Retriable,
}

/// What takes a step back.
#[derive(Clone, Debug)]
pub enum StepUndo {
    /// It is never taken back: no effect, or after the pivot.
    Nothing,
    /// The created row is deleted.
    Delete,
    /// The opposite delta, as assignments over the row.
    Inverse(Vec<Assign>),
    /// The operation's own undo.
    Operation,
    /// As written at the statement.
    Written,
    /// Deliberately nothing, with the reason.
    Waived(Text),
    /// Nothing written and no default: an error unless one transaction holds it and the pivot.
    Missing,
}

/// A statement in its flow.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its place in the brief.
    pub path: NodePath,
    /// Its name.
    pub name: Text,
    /// Its position in the body, one index per level of `each`.
    pub at: Vec<usize>,
    /// Its segment.
    pub segment: usize,
    /// Its segment on the finest cut. A refusal takes back the steps of earlier units; a written
    /// undo runs then under every cut, a default one may be replaced by a rollback.
    pub unit: usize,
    /// Its role, the same under every cut. Where the flow is one transaction nobody sees it.
    pub role: Role,
    /// Whether it changes, tells or asks something outside the flow.
    pub effect: bool,
    /// Whether it can be refused at the place where it stands.
    pub refuses: bool,
    /// What takes it back where a later step is refused.
    pub undo: StepUndo,
    /// Whether its outcome can stay unknown.
    pub in_doubt: bool,
}

impl Step {
    /// Whether it stands in an `each`.
    #[must_use]
    pub fn repeated(&self) -> bool {
        self.at.len() > 1
    }

    /// Its statement.
    #[must_use]
    pub fn statement<'a>(&self, body: &'a Body) -> Option<&'a Statement> {
        let (last, outer) = self.at.split_last()?;
        let mut level = &body.statements;
        for at in outer {
            match &level.get(*at)?.kind {
                StatementKind::Each { body, .. } => level = body,
                _ => return None,
            }
        }
        level.get(*last)
    }
}

/// A row that others may read but not change until the flow ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Of which aggregate.
    pub aggregate: Id<Aggregate>,
    /// The step where the hold begins: the one that touches the row first, at the latest the pivot;
    /// a row that is made after the pivot is held from there.
    pub from: usize,
    /// The step after the pivot that changes it.
    pub until: usize,
}

/// Analyses one flow under a cut. Who analyses several takes [`analyse_with`].
#[must_use]
pub fn analyse(brief: &Brief, id: FlowId, cut: &Cut) -> Flow {
    analysis::analyse(brief, &Survey::of(brief), id, cut)
}

/// As [`analyse`], with what was gathered of the whole brief before.
#[must_use]
pub fn analyse_with(brief: &Brief, survey: &Survey, id: FlowId, cut: &Cut) -> Flow {
    analysis::analyse(brief, survey, id, cut)
}

/// What is wrong with the flows of a brief, found on the finest cut that it allows. Helps quote
/// the texts of `sources`.
#[must_use]
pub fn check(brief: &Brief, sources: &Sources) -> Vec<Diagnostic> {
    report::check(brief, sources)
}
