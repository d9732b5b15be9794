//! Walking over checked expressions.

use super::{
    Access, Assign, ChangeStep, Expr, ExprKind, Slot, Statement, StatementKind, Target, Undo,
};

impl Expr {
    /// The direct parts, in evaluation order.
    #[must_use]
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Literal(_) | ExprKind::Slot(_) => Vec::new(),
            ExprKind::Field(inner, _)
            | ExprKind::ActorField(inner, _)
            | ExprKind::Join(inner, _)
            | ExprKind::Define(inner, ..)
            | ExprKind::JsonMember(inner, _)
            | ExprKind::Unary(_, inner)
            | ExprKind::Has(inner)
            | ExprKind::Convert(inner) => vec![inner],
            ExprKind::Binary(_, left, right) | ExprKind::Index(left, right) => vec![left, right],
            ExprKind::Conditional(test, yes, no) => vec![test, yes, no],
            ExprKind::List(items) | ExprKind::Record(items) | ExprKind::Call(_, items) => {
                items.iter().collect()
            }
            ExprKind::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
            ExprKind::Comprehension { list, body, .. } => vec![list, body],
            ExprKind::Aggregate(_, inner) => inner.iter().map(|inner| &**inner).collect(),
        }
    }

    /// Calls `visit` on this expression and everything inside it.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// The slots that it mentions, its own comprehension variables included; may repeat.
    #[must_use]
    pub fn slots(&self) -> Vec<Slot> {
        let mut found = Vec::new();
        self.walk(&mut |part| {
            if let ExprKind::Slot(slot) = part.kind {
                found.push(slot);
            }
        });
        found
    }

    /// Whether both compute the same from the same slots; places in the text do not count.
    #[must_use]
    pub fn same(&self, other: &Expr) -> bool {
        let alike = match (&self.kind, &other.kind) {
            (ExprKind::Literal(a), ExprKind::Literal(b)) => a == b,
            (ExprKind::Slot(a), ExprKind::Slot(b)) => a == b,
            (ExprKind::Field(_, a), ExprKind::Field(_, b)) => a == b,
            (ExprKind::ActorField(_, a), ExprKind::ActorField(_, b)) => a == b,
            (ExprKind::Join(_, a), ExprKind::Join(_, b)) => a == b,
            (ExprKind::Define(_, a, x), ExprKind::Define(_, b, y)) => a == b && x == y,
            (ExprKind::JsonMember(_, a), ExprKind::JsonMember(_, b)) => a == b,
            (ExprKind::Unary(a, _), ExprKind::Unary(b, _)) => a == b,
            (ExprKind::Binary(a, ..), ExprKind::Binary(b, ..)) => a == b,
            (ExprKind::Call(a, _), ExprKind::Call(b, _)) => a == b,
            (
                ExprKind::Comprehension {
                    kind: a,
                    variable: x,
                    ..
                },
                ExprKind::Comprehension {
                    kind: b,
                    variable: y,
                    ..
                },
            ) => a == b && x == y,
            (ExprKind::Aggregate(a, _), ExprKind::Aggregate(b, _)) => a == b,
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        };
        let (mine, theirs) = (self.children(), other.children());
        alike
            && self.ty == other.ty
            && mine.len() == theirs.len()
            && mine.iter().zip(&theirs).all(|(a, b)| a.same(b))
    }

    /// The expression without the conversions around it.
    #[must_use]
    pub fn unconverted(&self) -> &Expr {
        match &self.kind {
            ExprKind::Convert(inner) => inner.unconverted(),
            _ => self,
        }
    }
}

impl Expr {
    /// The direct parts for change, in evaluation order.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        match &mut self.kind {
            ExprKind::Literal(_) | ExprKind::Slot(_) => Vec::new(),
            ExprKind::Field(inner, _)
            | ExprKind::ActorField(inner, _)
            | ExprKind::Join(inner, _)
            | ExprKind::Define(inner, ..)
            | ExprKind::JsonMember(inner, _)
            | ExprKind::Unary(_, inner)
            | ExprKind::Has(inner)
            | ExprKind::Convert(inner) => vec![inner],
            ExprKind::Binary(_, left, right) | ExprKind::Index(left, right) => vec![left, right],
            ExprKind::Conditional(test, yes, no) => vec![test, yes, no],
            ExprKind::List(items) | ExprKind::Record(items) | ExprKind::Call(_, items) => {
                items.iter_mut().collect()
            }
            ExprKind::Map(pairs) => pairs
                .iter_mut()
                .flat_map(|(key, value)| [key, value])
                .collect(),
            ExprKind::Comprehension { list, body, .. } => vec![list, body],
            ExprKind::Aggregate(_, inner) => inner.iter_mut().map(|inner| &mut **inner).collect(),
        }
    }
}

impl ChangeStep {
    fn expressions<'a>(&'a self, found: &mut Vec<&'a Expr>) {
        match self {
            Self::Require { condition, .. } => found.push(condition),
            Self::Set(assigns) => found.extend(assigns.iter().map(|assign| &assign.value)),
            Self::Move { .. } => {}
        }
    }
}

impl Undo {
    fn expressions<'a>(&'a self, found: &mut Vec<&'a Expr>) {
        match self {
            Self::Steps { steps, .. } => steps.iter().for_each(|step| step.expressions(found)),
            Self::Call { sets, .. } => found.extend(sets.iter().map(|set| &set.value)),
            Self::Default | Self::None { .. } => {}
        }
    }
}

impl Statement {
    /// Every expression of this statement, its undo and the statements within it.
    pub fn expressions<'a>(&'a self, found: &mut Vec<&'a Expr>) {
        found.extend(&self.when);
        let values = |sets: &'a [Assign], found: &mut Vec<&'a Expr>| {
            found.extend(sets.iter().map(|set| &set.value));
        };
        match &self.kind {
            StatementKind::Let(expr) => found.push(expr),
            StatementKind::Read { access, .. } => match access {
                Access::One(expr) | Access::Keys(expr) => found.push(expr),
                Access::Where { filter, .. } => found.extend(filter),
            },
            StatementKind::Create {
                tenant, sets, undo, ..
            } => {
                found.extend(tenant);
                values(sets, found);
                undo.expressions(found);
            }
            StatementKind::Change {
                target,
                steps,
                undo,
                ..
            } => {
                target.expressions(found);
                steps.iter().for_each(|step| step.expressions(found));
                undo.expressions(found);
            }
            StatementKind::Delete { target, undo, .. } => {
                target.expressions(found);
                undo.expressions(found);
            }
            StatementKind::Call {
                sets,
                undo,
                fallback,
                ..
            } => {
                values(sets, found);
                values(fallback, found);
                undo.expressions(found);
            }
            StatementKind::Emit { sets, .. } => values(sets, found),
            StatementKind::Each { list, body, .. } => {
                found.push(list);
                body.iter().for_each(|inner| inner.expressions(found));
            }
            StatementKind::Require { condition, .. } => found.push(condition),
            StatementKind::Return(shown) => found.extend(shown.iter().map(|(_, expr)| expr)),
        }
    }
}

impl Target {
    fn expressions<'a>(&'a self, found: &mut Vec<&'a Expr>) {
        if let Self::Key(expr) = self {
            found.push(expr);
        }
    }
}
