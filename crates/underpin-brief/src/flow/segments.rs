//! Segments: maximal runs of statements of one service without a remote call between them.

use super::{Owner, Segment};

/// Puts every element into a segment. Elements without an owner join the transaction before
/// them, else the one after them (where no call stands between), else the call before them;
/// where nobody owns anything, all are one transaction of `home`.
pub(super) fn segments(owners: &[Option<Owner>], home: usize) -> (Vec<usize>, Vec<Segment>) {
    let mut settled: Vec<Option<Owner>> = Vec::with_capacity(owners.len());
    for owner in owners {
        let before = settled.last().copied().flatten();
        settled.push(owner.or(before.filter(|before| matches!(before, Owner::Service(_)))));
    }
    for at in (0..settled.len()).rev() {
        let after = settled.get(at + 1).copied().flatten();
        if let Some(slot @ None) = settled.get_mut(at) {
            *slot = after.filter(|after| matches!(after, Owner::Service(_)));
        }
    }
    let mut of = Vec::with_capacity(owners.len());
    let mut list: Vec<Segment> = Vec::new();
    for (at, (owner, written)) in settled.iter().zip(owners).enumerate() {
        match (list.last_mut(), owner) {
            // A call is its own segment even next to a call of the same operation.
            (Some(last), Some(Owner::Service(_))) if Some(last.owner) == *owner => last.last = at,
            (Some(last), None) => last.last = at,
            (_, owner) => {
                let owner = owner.or(*written).unwrap_or(Owner::Service(home));
                list.push(Segment {
                    owner,
                    first: at,
                    last: at,
                });
            }
        }
        of.push(list.len().saturating_sub(1));
    }
    (of, list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Id;

    /// `a b` services, `!` a call, `.` no owner; the answer repeats the segment per element.
    fn check(text: &str, expected: &str) {
        let owners: Vec<Option<Owner>> = text
            .chars()
            .map(|letter| match letter {
                '.' => None,
                '!' => Some(Owner::External(Id::from_index(0), Id::from_index(0))),
                letter => Some(Owner::Service(letter as usize)),
            })
            .collect();
        let (of, list) = segments(&owners, 0);
        let found: String = of.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{text}");
        for (at, segment) in list.iter().enumerate() {
            assert!(segment.first <= segment.last);
            assert!(
                of[segment.first..=segment.last].iter().all(|of| *of == at),
                "{text}"
            );
        }
    }

    #[test]
    fn a_call_and_a_change_of_service_end_a_segment() {
        check("", "");
        check("aaa", "000");
        check("aab", "001");
        check("aba", "012");
        check("a!a", "012");
        check("!!", "01");
    }

    #[test]
    fn statements_without_owner_join_their_surroundings() {
        check("...", "000");
        check(".a.", "000");
        check("a.b", "001");
        check("a!.", "011");
        check("a!.b", "0122");
        check(".!.", "011");
        check("!.!", "001");
    }
}
