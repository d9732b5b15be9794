//! Path templates and the router that finds an operation by them.

use crate::contract::{Contract, Method};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// One segment of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// These characters.
    Static(Arc<str>),
    /// Any characters but none at all; named in documents.
    Parameter(Arc<str>),
}

/// The path of an operation: `/orders/{id}/cancel`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathTemplate {
    /// Its segments in order.
    pub segments: Vec<Segment>,
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Static(text) => write!(f, "/{text}")?,
                Segment::Parameter(name) => write!(f, "/{{{name}}}")?,
            }
        }
        Ok(())
    }
}

impl PathTemplate {
    /// The path without the names of its parameters: two operations of one method collide
    /// where these are equal.
    #[must_use]
    pub fn pattern(&self) -> String {
        let part = |segment: &Segment| match segment {
            Segment::Static(text) => format!("/{text}"),
            Segment::Parameter(_) => "/{}".to_owned(),
        };
        self.segments.iter().map(part).collect()
    }

    /// The path with its parameters filled in, percent-encoded.
    #[must_use]
    pub fn fill(&self, values: &[String]) -> String {
        let mut values = values.iter();
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Static(text) => path.push_str(text),
                Segment::Parameter(_) => {
                    path.push_str(&percent_encode(values.next().map_or("", |value| value)));
                }
            }
        }
        path
    }
}

/// Everything but unreserved characters as `%XX`.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// `%XX` as bytes, `+` as a blank where `form` says so; `None` where that is not UTF-8.
pub(crate) fn percent_decode(text: &str, form: bool) -> Option<String> {
    let encoded = text.contains('%') || form && text.contains('+');
    if !encoded {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let pair = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&pair).ok()?;
                let plain = pair.iter().all(u8::is_ascii_hexdigit);
                bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| plain)?);
            }
            b'+' if form => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

/// What stands at a method and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An operation (a position in [`Contract::operations`]) and the decoded values of its path
    /// parameters in order.
    Operation(usize, Vec<String>),
    /// The path is known, the method is not: 405 with these methods in `Allow`.
    OtherMethods(Vec<Method>),
    /// 404.
    Nothing,
}

/// Finds operations by method and path.
#[derive(Clone, Debug)]
pub struct Router {
    nodes: Vec<RouteNode>,
}

#[derive(Clone, Debug, Default)]
struct RouteNode {
    children: BTreeMap<Arc<str>, usize>,
    parameter: Option<usize>,
    operations: Vec<(Method, usize)>,
}

impl Router {
    /// The router of a contract.
    #[must_use]
    pub fn new(contract: &Contract) -> Self {
        let mut router = Self {
            nodes: vec![RouteNode::default()],
        };
        for (index, operation) in contract.operations.iter().enumerate() {
            router.add(operation.method, &operation.path, index);
        }
        router
    }

    fn add(&mut self, method: Method, path: &PathTemplate, index: usize) {
        let mut at = 0;
        for segment in &path.segments {
            let fresh = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else {
                return;
            };
            let next = match segment {
                Segment::Static(text) => *node.children.entry(text.clone()).or_insert(fresh),
                Segment::Parameter(_) => *node.parameter.get_or_insert(fresh),
            };
            if next == fresh {
                self.nodes.push(RouteNode::default());
            }
            at = next;
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.operations.push((method, index));
            node.operations.sort_unstable();
        }
    }

    /// What stands at `path`, the path of a request target without its query, not yet decoded.
    /// Fixed segments are preferred to parameters; a parameter is never empty. `HEAD` finds what
    /// `GET` finds.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Found {
        let Some(path) = path.strip_prefix('/') else {
            return Found::Nothing;
        };
        let segments: Vec<&str> = if path.is_empty() {
            Vec::new()
        } else {
            path.split('/').collect()
        };
        let mut captures = Vec::new();
        let Some(node) = self.walk(0, &segments, &mut captures) else {
            return Found::Nothing;
        };
        let method = if method == "HEAD" { "GET" } else { method };
        let same = |(known, _): &&(Method, usize)| known.as_str() == method;
        match node.operations.iter().find(same) {
            Some((_, index)) => Found::Operation(*index, captures),
            None => Found::OtherMethods(node.operations.iter().map(|(known, _)| *known).collect()),
        }
    }

    fn walk(&self, at: usize, rest: &[&str], captures: &mut Vec<String>) -> Option<&RouteNode> {
        let node = self.nodes.get(at)?;
        let Some((first, rest)) = rest.split_first() else {
            return (!node.operations.is_empty()).then_some(node);
        };
        if let Some(next) = node.children.get(*first)
            && let Some(found) = self.walk(*next, rest, captures)
        {
            return Some(found);
        }
        let next = node.parameter.filter(|_| !first.is_empty())?;
        captures.push(percent_decode(first, false)?);
        let found = self.walk(next, rest, captures);
        if found.is_none() {
            captures.pop();
        }
        found
    }
}
