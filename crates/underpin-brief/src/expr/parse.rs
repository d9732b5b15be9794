//! Tokens to a tree (Pratt). The first mistake ends it: one expression, one diagnostic.

use std::sync::Arc;

use super::ast::{Ast, AstKind, Ident};
use super::lex::{Kind, Mistake, MistakeKind, RESERVED, Token, lex};
use crate::model::{BinaryOp, Decimal, UnaryOp};

/// How many levels an expression may have; chains of one operator count too.
const DEEPEST: u16 = 100;

/// Longest text that is looked at.
const LONGEST: usize = 20_000;

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Ast, Mistake> {
    if text.len() > LONGEST {
        let message = format!("an expression of {} bytes is too long", text.len());
        return Err(Mistake::new(MistakeKind::TooDeep, 0, 1, message)
            .help("name parts of it with `let` or `define`"));
    }
    let mut parser = Parser {
        tokens: lex(text)?,
        at: 0,
        level: 0,
    };
    let tree = parser.expression(0)?;
    match parser.peek().kind {
        Kind::End => Ok(tree),
        _ => Err(parser.unexpected("an operator")),
    }
}

/// Whether `text` is a plain path (`a.b.c`), without looking at what it names.
pub(super) fn path(text: &str) -> Option<Vec<Ident>> {
    fn walk(tree: &Ast, names: &mut Vec<Ident>) -> bool {
        match &tree.kind {
            AstKind::Name(name) => {
                names.push(Ident {
                    text: Arc::clone(name),
                    from: tree.from,
                    to: tree.to,
                });
                true
            }
            AstKind::Member(object, name) => {
                let path = walk(object, names);
                names.push(name.clone());
                path
            }
            _ => false,
        }
    }
    let tree = parse(text).ok()?;
    let mut names = Vec::new();
    walk(&tree, &mut names).then_some(names)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    level: u16,
}

const END: Token = Token {
    kind: Kind::End,
    from: 0,
    to: 0,
};

/// Binding power and operator of a token between two operands.
fn infix(kind: &Kind) -> Option<(u8, BinaryOp)> {
    use BinaryOp as Op;
    Some(match kind {
        Kind::Punct("||") => (2, Op::Or),
        Kind::Punct("&&") => (3, Op::And),
        Kind::Punct("==") => (4, Op::Equal),
        Kind::Punct("!=") => (4, Op::NotEqual),
        Kind::Punct("<") => (4, Op::Less),
        Kind::Punct("<=") => (4, Op::LessEqual),
        Kind::Punct(">") => (4, Op::Greater),
        Kind::Punct(">=") => (4, Op::GreaterEqual),
        Kind::Name(name) if &**name == "in" => (4, Op::In),
        Kind::Punct("+") => (5, Op::Add),
        Kind::Punct("-") => (5, Op::Subtract),
        Kind::Punct("*") => (6, Op::Multiply),
        Kind::Punct("/") => (6, Op::Divide),
        Kind::Punct("%") => (6, Op::Remainder),
        _ => return None,
    })
}

const CONDITIONAL: u8 = 1;
const PREFIX: u8 = 7;

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens
            .get(self.at)
            .or(self.tokens.last())
            .unwrap_or(&END)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn is(&self, punct: &str) -> bool {
        matches!(self.peek().kind, Kind::Punct(found) if found == punct)
    }

    fn eat(&mut self, punct: &str) -> Option<Token> {
        self.is(punct).then(|| self.next())
    }

    fn expect(&mut self, punct: &'static str) -> Result<Token, Mistake> {
        self.eat(punct)
            .ok_or_else(|| self.unexpected(&format!("`{punct}`")))
    }

    fn unexpected(&self, wanted: &str) -> Mistake {
        let token = self.peek();
        let (from, to) = (token.from, token.to);
        let new = |message: String| Mistake::new(MistakeKind::Syntax, from, to, message);
        match &token.kind {
            Kind::End => new(format!("the expression ends where {wanted} was expected")),
            Kind::Name(word) => {
                let mistake = new(format!("expected {wanted}, found `{word}`"));
                match &**word {
                    "and" => mistake.replace("\"and\" is `&&`", "&&"),
                    "or" => mistake.replace("\"or\" is `||`", "||"),
                    "is" => mistake.replace("`==` compares", "=="),
                    _ => mistake,
                }
            }
            Kind::Int(_) | Kind::Decimal(_) => new(format!("expected {wanted}, found a number")),
            Kind::Text(_) => new(format!("expected {wanted}, found a text")),
            Kind::Punct(found) => new(format!("expected {wanted}, found `{found}`")),
        }
    }

    fn node(kind: AstKind, from: u32, to: u32, below: u16) -> Result<Ast, Mistake> {
        if below >= DEEPEST {
            let message = format!("an expression of more than {DEEPEST} levels is too deep");
            return Err(Mistake::new(MistakeKind::TooDeep, from, to, message)
                .help("name parts of it with `let` or `define`"));
        }
        Ok(Ast {
            kind,
            from,
            to,
            depth: below + 1,
        })
    }

    fn expression(&mut self, power: u8) -> Result<Ast, Mistake> {
        self.level += 1;
        if self.level > DEEPEST {
            let token = self.peek();
            return Self::node(AstKind::Null, token.from, token.to, DEEPEST);
        }
        let mut left = self.prefix()?;
        loop {
            if power <= CONDITIONAL && self.eat("?").is_some() {
                left = self.conditional(left)?;
                continue;
            }
            let Some((binding, op)) = infix(&self.peek().kind) else {
                break;
            };
            if binding <= power {
                break;
            }
            self.at += 1;
            let right = self.expression(binding)?;
            let (from, to) = (left.from, right.to);
            let below = left.depth.max(right.depth);
            left = Self::node(
                AstKind::Binary(op, Box::new(left), Box::new(right)),
                from,
                to,
                below,
            )?;
        }
        self.level -= 1;
        Ok(left)
    }

    fn conditional(&mut self, condition: Ast) -> Result<Ast, Mistake> {
        let yes = self.expression(CONDITIONAL)?;
        self.expect(":")?;
        let no = self.expression(0)?;
        let (from, to) = (condition.from, no.to);
        let below = condition.depth.max(yes.depth).max(no.depth);
        let kind = AstKind::Conditional(Box::new(condition), Box::new(yes), Box::new(no));
        Self::node(kind, from, to, below)
    }

    fn prefix(&mut self) -> Result<Ast, Mistake> {
        let from = self.peek().from;
        let op = if self.eat("!").is_some() {
            UnaryOp::Not
        } else if self.eat("-").is_some() {
            if let Some(literal) = self.negative(from)? {
                return Ok(literal);
            }
            UnaryOp::Negate
        } else {
            return self.postfix();
        };
        let operand = self.expression(PREFIX)?;
        let (to, below) = (operand.to, operand.depth);
        Self::node(AstKind::Unary(op, Box::new(operand)), from, to, below)
    }

    /// A number after a minus is one literal, so that the smallest int can be written.
    fn negative(&mut self, from: u32) -> Result<Option<Ast>, Mistake> {
        let token = self.peek().clone();
        let kind = match token.kind {
            Kind::Int(value) => AstKind::Int(int(-i128::from(value), &token)?),
            Kind::Decimal(value) => AstKind::Decimal(Decimal::from_nanos(-value.nanos())),
            _ => return Ok(None),
        };
        self.at += 1;
        Self::node(kind, from, token.to, 0).map(Some)
    }

    fn postfix(&mut self) -> Result<Ast, Mistake> {
        let mut object = self.primary()?;
        loop {
            let (from, below) = (object.from, object.depth);
            if self.eat(".").is_some() {
                object = self.member(object)?;
            } else if self.eat("[").is_some() {
                let index = self.expression(0)?;
                let to = self.expect("]")?.to;
                let below = below.max(index.depth);
                object = Self::node(
                    AstKind::Index(Box::new(object), Box::new(index)),
                    from,
                    to,
                    below,
                )?;
            } else {
                return Ok(object);
            }
        }
    }

    fn member(&mut self, object: Ast) -> Result<Ast, Mistake> {
        let from = object.from;
        let name = self.ident("a name after the `.`")?;
        if self.eat("(").is_none() {
            let (to, below) = (name.to, object.depth);
            return Self::node(AstKind::Member(Box::new(object), name), from, to, below);
        }
        let (arguments, to) = self.list(")")?;
        let below = deepest(&arguments).max(object.depth);
        Self::node(
            AstKind::Method(Box::new(object), name, arguments),
            from,
            to,
            below,
        )
    }

    fn ident(&mut self, wanted: &str) -> Result<Ident, Mistake> {
        let token = self.peek().clone();
        match token.kind {
            Kind::Name(text) => {
                self.at += 1;
                Ok(Ident {
                    text,
                    from: token.from,
                    to: token.to,
                })
            }
            _ => Err(self.unexpected(wanted)),
        }
    }

    fn list(&mut self, close: &'static str) -> Result<(Vec<Ast>, u32), Mistake> {
        let mut items = Vec::new();
        loop {
            if let Some(token) = self.eat(close) {
                return Ok((items, token.to));
            }
            if !items.is_empty() {
                if self.eat(",").is_none() {
                    return Err(self.unexpected(&format!("`,` or `{close}`")));
                }
                if let Some(token) = self.eat(close) {
                    return Ok((items, token.to));
                }
            }
            items.push(self.expression(0)?);
        }
    }

    fn primary(&mut self) -> Result<Ast, Mistake> {
        let token = self.peek().clone();
        let (from, to) = (token.from, token.to);
        let kind = match token.kind {
            Kind::Int(value) => AstKind::Int(int(i128::from(value), &token)?),
            Kind::Decimal(value) => AstKind::Decimal(value),
            Kind::Text(text) => AstKind::Text(text),
            Kind::Name(name) => return self.name(name, from, to),
            Kind::Punct("(") => {
                self.at += 1;
                let mut inner = self.expression(0)?;
                inner.to = self.expect(")")?.to;
                inner.from = from;
                return Ok(inner);
            }
            Kind::Punct("[") => {
                self.at += 1;
                let (items, to) = self.list("]")?;
                let below = deepest(&items);
                return Self::node(AstKind::List(items), from, to, below);
            }
            Kind::Punct("{") => return self.map(),
            _ => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        Self::node(kind, from, to, 0)
    }

    fn name(&mut self, name: Arc<str>, from: u32, to: u32) -> Result<Ast, Mistake> {
        let kind = match &*name {
            "true" => AstKind::Bool(true),
            "false" => AstKind::Bool(false),
            "null" => AstKind::Null,
            "in" => return Err(self.unexpected("a value")),
            "not" if !matches!(self.tokens.get(self.at + 1), Some(t) if punct(t)) => {
                let message = "`not` is not an operator of expressions";
                return Err(Mistake::new(MistakeKind::Syntax, from, to, message)
                    .replace("\"not\" is `!`", "!"));
            }
            word if RESERVED.contains(&word) => {
                let message = format!("`{word}` is a reserved word of expressions");
                return Err(Mistake::new(MistakeKind::Reserved, from, to, message).help(
                    "names in expressions are none of the reserved words; text stands in `'`",
                ));
            }
            _ => {
                self.at += 1;
                let name = Ident {
                    text: name,
                    from,
                    to,
                };
                if self.eat("(").is_some() {
                    let (arguments, to) = self.list(")")?;
                    let below = deepest(&arguments);
                    return Self::node(AstKind::Call(name, arguments), from, to, below);
                }
                if self.eat("{").is_some() {
                    return self.record(name);
                }
                return Self::node(AstKind::Name(name.text), from, to, 0);
            }
        };
        self.at += 1;
        Self::node(kind, from, to, 0)
    }

    fn record(&mut self, name: Ident) -> Result<Ast, Mistake> {
        let mut fields: Vec<(Ident, Ast)> = Vec::new();
        loop {
            if let Some(token) = self.eat("}") {
                let below = fields
                    .iter()
                    .map(|(_, value)| value.depth)
                    .max()
                    .unwrap_or(0);
                let from = name.from;
                return Self::node(AstKind::Record(name, fields), from, token.to, below);
            }
            if !fields.is_empty() {
                if self.eat(",").is_none() {
                    return Err(self.unexpected("`,` or `}`"));
                }
                if self.is("}") {
                    continue;
                }
            }
            let field = self.ident("the name of a field")?;
            self.expect(":")?;
            let value = self.expression(0)?;
            fields.push((field, value));
        }
    }

    fn map(&mut self) -> Result<Ast, Mistake> {
        let from = self.next().from;
        let mut entries: Vec<(Ast, Ast)> = Vec::new();
        loop {
            if let Some(token) = self.eat("}") {
                let depths = entries
                    .iter()
                    .map(|(key, value)| key.depth.max(value.depth));
                let below = depths.max().unwrap_or(0);
                return Self::node(AstKind::Map(entries), from, token.to, below);
            }
            if !entries.is_empty() {
                if self.eat(",").is_none() {
                    return Err(self.unexpected("`,` or `}`"));
                }
                if self.is("}") {
                    continue;
                }
            }
            let key = self.expression(0)?;
            self.expect(":")?;
            let value = self.expression(0)?;
            entries.push((key, value));
        }
    }
}

fn punct(token: &Token) -> bool {
    matches!(token.kind, Kind::Punct(_) | Kind::End)
}

fn deepest(items: &[Ast]) -> u16 {
    items.iter().map(|item| item.depth).max().unwrap_or(0)
}

fn int(value: i128, token: &Token) -> Result<i64, Mistake> {
    i64::try_from(value).map_err(|_| {
        let message = format!("`{value}` does not fit an int");
        Mistake::new(MistakeKind::Literal, token.from, token.to, message)
            .help("whole numbers lie between -9223372036854775808 and 9223372036854775807")
    })
}
