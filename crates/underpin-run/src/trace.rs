//! W3C trace context: which trace a piece of work belongs to. Must not know who records it.

use crate::world::Randomness;
use std::fmt;

/// A span of a trace (<https://www.w3.org/TR/trace-context/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The trace; never zero.
    pub trace: u128,
    /// The span; never zero.
    pub span: u64,
    /// Whether the sender records it.
    pub sampled: bool,
}

impl Trace {
    /// A trace that begins here.
    #[must_use]
    pub fn new(random: &dyn Randomness) -> Self {
        let high = u128::from(random.number()) << 64;
        Self {
            trace: high | u128::from(random.number() | 1),
            span: random.number() | 1,
            sampled: false,
        }
    }

    /// Reads a `traceparent` header of any version; `None` where it is not one.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let version = hex(parts.next()?, 2)?;
        let trace = hex(parts.next()?, 32)?;
        let span = u64::try_from(hex(parts.next()?, 16)?).ok()?;
        let flags = hex(parts.next()?, 2)?;
        let complete = version != 0 || parts.next().is_none();
        (version != 0xff && trace != 0 && span != 0 && complete).then_some(Self {
            trace,
            span,
            sampled: flags & 1 == 1,
        })
    }

    /// The next span of the same trace.
    #[must_use]
    pub fn child(self, random: &dyn Randomness) -> Self {
        Self {
            span: random.number() | 1,
            ..self
        }
    }

    /// The trace id as text.
    #[must_use]
    pub fn id(self) -> String {
        format!("{:032x}", self.trace)
    }
}

impl fmt::Display for Trace {
    /// As a `traceparent` header.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace,
            self.span,
            u8::from(self.sampled)
        )
    }
}

fn hex(text: &str, length: usize) -> Option<u128> {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == length && text.bytes().all(lower))
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::Trace;
    use crate::world::SeededRandom;

    #[test]
    fn a_traceparent_reads_back_and_damaged_ones_are_not_read() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = Trace::parse(good).expect("a trace");
        assert_eq!(trace.to_string(), good);
        assert!(trace.sampled);
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        ] {
            assert_eq!(Trace::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_child_stays_in_the_trace() {
        let random = SeededRandom::new(1);
        let trace = Trace::new(&random);
        let child = trace.child(&random);
        assert_eq!(child.trace, trace.trace);
        assert_ne!(child.span, trace.span);
        assert_eq!(Trace::parse(&trace.to_string()), Some(trace));
    }
}
