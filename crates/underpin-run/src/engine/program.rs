//! Flows made ready to run: statements in the written order with compiled expressions, and what
//! the analysis says of each (pivot, undo, holds). Made once at start; knows no state of any run.

use crate::sql;
use crate::store::Schema;
use std::collections::BTreeMap;
use std::sync::Arc;
use underpin_brief::expr::{Compiled, Library};
use underpin_brief::flow::{self, Cut, FlowId, FlowKind, StepUndo};
use underpin_brief::model::*;

/// An assignment ready to run.
#[derive(Clone, Debug)]
pub(super) struct Put {
    pub(super) slot: usize,
    pub(super) value: Compiled,
}

/// A step on a row ready to run.
#[derive(Clone, Debug)]
pub(super) enum RowStep {
    Require { condition: Compiled, code: Arc<str> },
    Set(Vec<Put>),
    Move { from: Vec<Arc<str>>, to: Arc<str> },
}

/// Which rows a statement reads.
#[derive(Clone, Debug)]
pub(super) enum Reads {
    One(Compiled),
    Keys(Compiled),
    Where {
        filter: Option<(Compiled, sql::Filter)>,
        limit: Option<u32>,
    },
}

/// Which row a statement changes.
#[derive(Clone, Debug)]
pub(super) enum Row {
    Key(Compiled),
    Bound(Slot),
}

/// What takes a statement back.
#[derive(Clone, Debug)]
pub(super) enum Back {
    Nothing,
    Delete,
    Steps(Vec<RowStep>),
    Operation {
        operation: Id<ExternalOperation>,
        puts: Vec<Put>,
    },
}

/// What a statement does.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Let(Compiled),
    Read {
        aggregate: Id<Aggregate>,
        reads: Reads,
    },
    Create {
        aggregate: Id<Aggregate>,
        tenant: Option<Compiled>,
        puts: Vec<Put>,
    },
    Change {
        aggregate: Id<Aggregate>,
        row: Row,
        create: bool,
        steps: Vec<RowStep>,
        delta: bool,
    },
    Delete {
        aggregate: Id<Aggregate>,
        row: Row,
    },
    Call {
        target: CallTarget,
        puts: Vec<Put>,
        fallback: Vec<Put>,
        once: bool,
    },
    Emit {
        event: Id<Event>,
        puts: Vec<Put>,
    },
    Each {
        variable: Slot,
        list: Compiled,
        chunk: Option<u32>,
        body: Vec<Op>,
    },
    Require {
        condition: Compiled,
        code: Arc<str>,
    },
    Return(Vec<Compiled>),
}

/// A statement.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) path: Arc<str>,
    /// Its position among the analysed steps; none for `each`.
    pub(super) leaf: Option<usize>,
    pub(super) binding: Option<Slot>,
    pub(super) when: Option<Compiled>,
    pub(super) act: Act,
    pub(super) back: Back,
    /// Whether the undo was written, so that a rollback may not stand in for it.
    pub(super) written: bool,
    /// Its segment on the finest cut; none for `each`.
    pub(super) unit: Option<usize>,
    /// Slots other than roots that the undo sees.
    pub(super) remembered: Vec<Slot>,
}

impl Op {
    /// Whether it goes on with a row that an earlier statement bound.
    pub(super) fn goes_on(&self) -> bool {
        matches!(
            self.act,
            Act::Change {
                row: Row::Bound(_),
                ..
            } | Act::Delete {
                row: Row::Bound(_),
                ..
            }
        )
    }
}

/// A hold that a step takes.
#[derive(Clone, Debug)]
pub(super) struct HoldPlan {
    pub(super) aggregate: Id<Aggregate>,
    pub(super) from: usize,
    pub(super) until: Vec<usize>,
}

/// An `allow` line.
#[derive(Clone, Debug)]
pub(super) struct Allowed {
    pub(super) who: Who,
    pub(super) when: Option<Compiled>,
}

/// A flow ready to run.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) id: FlowId,
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) frame: u32,
    pub(super) ops: Vec<Op>,
    pub(super) pivot: Option<usize>,
    /// Its position: one index per level.
    pub(super) pivot_at: Vec<usize>,
    pub(super) saga: bool,
    pub(super) holds: Vec<HoldPlan>,
    /// Changes when statements are added, removed or renamed: a flow of another shape cannot go on.
    pub(super) shape: String,
    /// The row that the client names in the path: its aggregate, and the input that is its key.
    pub(super) named: Option<(Id<Aggregate>, usize)>,
    /// Creates outside `each` whose key is generated, with the path of the statement.
    pub(super) generated: Vec<Arc<str>>,
}

/// Compiles expressions of one brief.
#[derive(Clone)]
pub(super) struct Compiler<'b> {
    pub(super) brief: &'b Brief,
    pub(super) library: Arc<Library>,
    pub(super) schema: &'b Schema,
    pub(super) cut: &'b Cut,
}

impl Compiler<'_> {
    pub(super) fn expr(&self, expr: &Expr) -> Compiled {
        self.library.compile(expr)
    }

    /// A condition on rows of an aggregate, as far as SQL can say it.
    pub(super) fn filter(&self, expr: &Expr, of: Id<Aggregate>) -> sql::Filter {
        let stored = sql::Stored {
            brief: self.brief,
            schema: self.schema,
        };
        sql::Filter::new(expr, of, &stored, &self.library)
    }

    fn reads(&self, of: Id<Aggregate>, access: &Access) -> Reads {
        match access {
            Access::One(key) => Reads::One(self.expr(key)),
            Access::Keys(keys) => Reads::Keys(self.expr(keys)),
            Access::Where { filter, limit } => Reads::Where {
                filter: filter
                    .as_ref()
                    .map(|expr| (self.expr(expr), self.filter(expr, of))),
                limit: *limit,
            },
        }
    }

    pub(super) fn puts(&self, assigns: &[Assign]) -> Vec<Put> {
        let put = |assign: &Assign| Put {
            slot: assign.slot,
            value: self.expr(&assign.value),
        };
        assigns.iter().map(put).collect()
    }

    pub(super) fn allows(&self, allows: &[Allow]) -> Vec<Allowed> {
        let allowed = |allow: &Allow| Allowed {
            who: allow.who,
            when: allow.when.as_ref().map(|expr| self.expr(expr)),
        };
        allows.iter().map(allowed).collect()
    }

    fn row_steps(&self, aggregate: Id<Aggregate>, steps: &[ChangeStep]) -> Vec<RowStep> {
        let aggregate = self.brief.aggregates.get(aggregate);
        let step = |step: &ChangeStep| match step {
            ChangeStep::Require {
                condition, code, ..
            } => Some(RowStep::Require {
                condition: self.expr(condition),
                code: Arc::clone(&code.text),
            }),
            ChangeStep::Set(assigns) => Some(RowStep::Set(self.puts(assigns))),
            ChangeStep::Move { id, .. } => {
                let states = aggregate.states.as_ref()?;
                let name = |at: &usize| Some(Arc::clone(&states.names.get(*at)?.text));
                let one = states.moves.get(*id);
                Some(RowStep::Move {
                    from: one.from.iter().filter_map(name).collect(),
                    to: name(&one.to)?,
                })
            }
        };
        steps.iter().filter_map(step).collect()
    }

    /// Makes a flow ready to run.
    pub(super) fn program(&self, id: FlowId) -> Program {
        let flow = flow::analyse(self.brief, id, self.cut);
        let body = id.body(self.brief);
        let mut maker = Maker {
            compiler: self,
            flow: &flow,
            paths: Vec::new(),
            generated: Vec::new(),
        };
        let ops = maker.ops(&body.statements, &mut Vec::new());
        let holds = flow.holds.iter().filter_map(|hold| {
            let until = flow.steps.get(hold.until)?;
            let from = flow.steps.get(hold.from)?;
            (until.segment != from.segment).then(|| HoldPlan {
                aggregate: hold.aggregate,
                from: hold.from,
                until: until.at.clone(),
            })
        });
        Program {
            id,
            kind: match id {
                FlowId::Command(_) => "command",
                FlowId::Policy(_) | FlowId::Otherwise(..) => "policy",
            },
            name: id.name(self.brief),
            frame: body.frame,
            pivot_at: flow
                .pivot
                .and_then(|pivot| flow.steps.get(pivot))
                .map(|step| step.at.clone())
                .unwrap_or_default(),
            pivot: flow.pivot,
            saga: flow.kind == FlowKind::Saga || has_parts(&ops),
            holds: holds.collect(),
            shape: maker.paths.join("\n"),
            generated: maker.generated,
            named: match id {
                FlowId::Command(id) => underpin_contract::named_row(self.brief.commands.get(id)),
                FlowId::Policy(_) | FlowId::Otherwise(..) => None,
            },
            ops,
        }
    }
}

fn has_parts(ops: &[Op]) -> bool {
    ops.iter().any(|op| match &op.act {
        Act::Call { .. } => true,
        Act::Each { chunk, body, .. } => chunk.is_some() || has_parts(body),
        _ => false,
    })
}

struct Maker<'c, 'b> {
    compiler: &'c Compiler<'b>,
    flow: &'c flow::Flow,
    paths: Vec<String>,
    generated: Vec<Arc<str>>,
}

impl Maker<'_, '_> {
    fn ops(&mut self, statements: &[Statement], at: &mut Vec<usize>) -> Vec<Op> {
        let mut ops = Vec::new();
        for (index, statement) in statements.iter().enumerate() {
            at.push(index);
            ops.push(self.op(statement, at));
            at.pop();
        }
        ops
    }

    fn op(&mut self, statement: &Statement, at: &mut Vec<usize>) -> Op {
        self.paths.push(statement.path.to_string());
        let leaf = self.flow.steps.iter().position(|step| step.at == *at);
        let undo = leaf
            .and_then(|leaf| self.flow.steps.get(leaf))
            .map(|step| &step.undo);
        let (back, written, remembered) = self.back(statement, undo);
        let unit = leaf.and_then(|leaf| self.flow.steps.get(leaf));
        let unit = unit.map(|step| step.unit);
        let generated = match &statement.kind {
            StatementKind::Create { aggregate, .. } => {
                at.len() == 1 && self.compiler.brief.aggregates.get(*aggregate).generated_key
            }
            _ => false,
        };
        if generated {
            self.generated.push(Arc::clone(&statement.path.0));
        }
        Op {
            path: Arc::clone(&statement.path.0),
            leaf,
            binding: statement.binding,
            when: statement.when.as_ref().map(|expr| self.compiler.expr(expr)),
            act: self.act(statement, at),
            back,
            written,
            unit,
            remembered,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm per kind of statement")]
    fn act(&mut self, statement: &Statement, at: &mut Vec<usize>) -> Act {
        let compiler = self.compiler;
        match &statement.kind {
            StatementKind::Let(expr) => Act::Let(compiler.expr(expr)),
            StatementKind::Read {
                aggregate: of,
                access,
                ..
            } => Act::Read {
                aggregate: *of,
                reads: compiler.reads(*of, access),
            },
            StatementKind::Create {
                aggregate,
                tenant,
                sets,
                ..
            } => Act::Create {
                aggregate: *aggregate,
                tenant: tenant.as_ref().map(|expr| compiler.expr(expr)),
                puts: compiler.puts(sets),
            },
            StatementKind::Change {
                aggregate,
                target,
                create,
                steps,
                ..
            } => Act::Change {
                aggregate: *aggregate,
                row: self.row(target),
                create: *create,
                steps: compiler.row_steps(*aggregate, steps),
                delta: flow::is_delta(steps)
                    || flow::is_merge(self.compiler.brief.aggregates.get(*aggregate), steps),
            },
            StatementKind::Delete {
                aggregate, target, ..
            } => Act::Delete {
                aggregate: *aggregate,
                row: self.row(target),
            },
            StatementKind::Call {
                target,
                sets,
                fallback,
                once,
                ..
            } => Act::Call {
                target: *target,
                puts: compiler.puts(sets),
                fallback: compiler.puts(fallback),
                once: once.is_some(),
            },
            StatementKind::Emit { event, sets } => Act::Emit {
                event: *event,
                puts: compiler.puts(sets),
            },
            StatementKind::Each {
                variable,
                list,
                chunk,
                body,
            } => Act::Each {
                variable: *variable,
                list: compiler.expr(list),
                chunk: *chunk,
                body: self.ops(body, at),
            },
            StatementKind::Require { condition, code } => Act::Require {
                condition: compiler.expr(condition),
                code: Arc::clone(&code.text),
            },
            StatementKind::Return(values) => {
                Act::Return(values.iter().map(|(_, expr)| compiler.expr(expr)).collect())
            }
        }
    }

    fn row(&self, target: &Target) -> Row {
        match target {
            Target::Key(expr) => Row::Key(self.compiler.expr(expr)),
            Target::Bound(slot) => Row::Bound(*slot),
        }
    }

    fn back(&self, statement: &Statement, undo: Option<&StepUndo>) -> (Back, bool, Vec<Slot>) {
        match undo {
            Some(StepUndo::Delete) => (Back::Delete, false, Vec::new()),
            Some(StepUndo::Inverse(assigns)) => {
                let steps = vec![RowStep::Set(self.compiler.puts(assigns))];
                (
                    Back::Steps(steps),
                    false,
                    seen(assigns.iter().map(|assign| &assign.value)),
                )
            }
            Some(StepUndo::Operation) => {
                let back = self.operation(statement, None).unwrap_or(Back::Nothing);
                (back, false, Vec::new())
            }
            Some(StepUndo::Written) => self.written(statement),
            Some(StepUndo::Waived(_)) => (Back::Nothing, true, Vec::new()),
            Some(StepUndo::Nothing | StepUndo::Missing) | None => {
                (Back::Nothing, false, Vec::new())
            }
        }
    }

    fn written(&self, statement: &Statement) -> (Back, bool, Vec<Slot>) {
        let (StatementKind::Create {
            aggregate, undo, ..
        }
        | StatementKind::Change {
            aggregate, undo, ..
        }
        | StatementKind::Delete {
            aggregate, undo, ..
        }) = &statement.kind
        else {
            let StatementKind::Call {
                undo: Undo::Call { sets, .. },
                ..
            } = &statement.kind
            else {
                return (Back::Nothing, true, Vec::new());
            };
            let back = self
                .operation(statement, Some(sets))
                .unwrap_or(Back::Nothing);
            return (back, true, seen(sets.iter().map(|set| &set.value)));
        };
        let Undo::Steps { steps, .. } = undo else {
            return (Back::Nothing, true, Vec::new());
        };
        let mut exprs: Vec<&Expr> = Vec::new();
        for step in steps {
            match step {
                ChangeStep::Require { condition, .. } => exprs.push(condition),
                ChangeStep::Set(assigns) => exprs.extend(assigns.iter().map(|set| &set.value)),
                ChangeStep::Move { .. } => {}
            }
        }
        let remembered = seen(exprs.into_iter());
        (
            Back::Steps(self.compiler.row_steps(*aggregate, steps)),
            true,
            remembered,
        )
    }

    fn operation(&self, statement: &Statement, written: Option<&Vec<Assign>>) -> Option<Back> {
        let StatementKind::Call {
            target: CallTarget::External(external, operation),
            ..
        } = &statement.kind
        else {
            return None;
        };
        let external = self.compiler.brief.externals.get(*external);
        let undo = external.operations.get(*operation).undo.as_ref()?;
        let sets = written.unwrap_or(&undo.sets);
        Some(Back::Operation {
            operation: undo.operation,
            puts: self.compiler.puts(sets),
        })
    }
}

fn seen<'e>(exprs: impl Iterator<Item = &'e Expr>) -> Vec<Slot> {
    let mut slots: Vec<Slot> = exprs
        .flat_map(Expr::slots)
        .filter(|slot| slot.0 >= Root::COUNT)
        .collect();
    slots.sort_unstable();
    slots.dedup();
    slots
}

/// Every flow of a brief, by kind and name as the journal keeps them.
#[derive(Clone, Debug, Default)]
pub(super) struct Programs {
    all: Vec<Arc<Program>>,
    places: BTreeMap<FlowId, usize>,
}

impl Programs {
    pub(super) fn new(compiler: &Compiler<'_>) -> Self {
        let mut programs = Self::default();
        for id in FlowId::all(compiler.brief) {
            programs.places.insert(id, programs.all.len());
            programs.all.push(Arc::new(compiler.program(id)));
        }
        programs
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "every flow of the brief has a program"
    )]
    pub(super) fn get(&self, id: FlowId) -> &Arc<Program> {
        &self.all[self.places.get(&id).copied().unwrap_or(usize::MAX)]
    }

    pub(super) fn find(&self, kind: &str, name: &str) -> Option<&Arc<Program>> {
        self.all
            .iter()
            .find(|program| program.kind == kind && program.name == name)
    }
}
