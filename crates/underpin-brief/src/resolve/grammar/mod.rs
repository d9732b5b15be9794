//! Which nodes, arguments, properties and children may stand where. The table itself is
//! [`table`]; this room compares a node with its rule and knows nothing of what names mean.

pub(crate) mod kinds;
mod table;
mod validate;
mod whole;

pub(crate) use kinds::both;
pub(crate) use kinds::{Case, Kind};
pub(crate) use table::TOP;
pub(crate) use validate::{respell, validate};

/// What one node may look like.
pub(crate) struct Rule {
    /// Its name; for the file itself, `file`.
    pub name: &'static str,
    /// Positional arguments, the required ones first.
    pub args: &'static [Arg],
    /// How many of them are required.
    pub required: usize,
    /// Any number of further arguments.
    pub rest: Option<Arg>,
    /// Words that may follow the arguments, each at most once.
    pub marks: &'static [&'static str],
    /// Properties.
    pub props: &'static [Prop],
    /// Properties named by the user: their values.
    pub open: Option<Kind>,
    /// Children.
    pub children: &'static [Child],
}

/// A positional argument.
#[derive(Clone, Copy)]
pub(crate) struct Arg {
    /// What it is, for messages.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
}

/// A property.
pub(crate) struct Prop {
    /// Its name.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
}

/// A child.
pub(crate) struct Child {
    /// What it looks like.
    pub rule: &'static Rule,
    /// How often.
    pub times: Times,
}

/// How often a child may stand in a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// At most once.
    Once,
    /// Exactly once.
    Needed,
    /// Any number.
    Many,
    /// At least once.
    Some,
}

pub(crate) const fn rule(name: &'static str) -> Rule {
    Rule {
        name,
        args: &[],
        required: 0,
        rest: None,
        marks: &[],
        props: &[],
        open: None,
        children: &[],
    }
}

impl Rule {
    pub(crate) const fn args(mut self, args: &'static [Arg]) -> Self {
        self.args = args;
        self.required = args.len();
        self
    }

    /// Of the arguments only the first `count` are required.
    pub(crate) const fn need(mut self, count: usize) -> Self {
        self.required = count;
        self
    }

    pub(crate) const fn rest(mut self, name: &'static str, kind: Kind) -> Self {
        self.rest = Some(Arg { name, kind });
        self
    }

    pub(crate) const fn marks(mut self, marks: &'static [&'static str]) -> Self {
        self.marks = marks;
        self
    }

    pub(crate) const fn props(mut self, props: &'static [Prop]) -> Self {
        self.props = props;
        self
    }

    pub(crate) const fn open(mut self, kind: Kind) -> Self {
        self.open = Some(kind);
        self
    }

    pub(crate) const fn children(mut self, children: &'static [Child]) -> Self {
        self.children = children;
        self
    }

    /// The child rule of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&'static Child> {
        self.children.iter().find(|child| child.rule.name == name)
    }
}

pub(crate) const fn arg(name: &'static str, kind: Kind) -> Arg {
    Arg { name, kind }
}

pub(crate) const fn may(name: &'static str, kind: Kind) -> Prop {
    Prop {
        name,
        kind,
        required: false,
    }
}

pub(crate) const fn must(name: &'static str, kind: Kind) -> Prop {
    Prop {
        name,
        kind,
        required: true,
    }
}

pub(crate) const fn once(rule: &'static Rule) -> Child {
    Child {
        rule,
        times: Times::Once,
    }
}

pub(crate) const fn needed(rule: &'static Rule) -> Child {
    Child {
        rule,
        times: Times::Needed,
    }
}

pub(crate) const fn many(rule: &'static Rule) -> Child {
    Child {
        rule,
        times: Times::Many,
    }
}

pub(crate) const fn some(rule: &'static Rule) -> Child {
    Child {
        rule,
        times: Times::Some,
    }
}
