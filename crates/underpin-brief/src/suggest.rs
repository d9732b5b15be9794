//! "Did you mean": the known word that is nearest to a mistyped one. Knows nothing of what the
//! words name.

/// Words longer than this are not compared: nobody mistypes them by a letter or two.
const LONGEST: usize = 64;

/// The candidate nearest to `word`, if any is near enough to have been meant: at most one slip per
/// three letters. A slip is a letter too many, too few, wrong, or swapped with its neighbour;
/// letter case and `-` against `_` count as no slip at all, but an exact candidate beats them.
/// Of equally near candidates the first in alphabetical order is taken.
#[must_use]
pub fn closest<'a, I, S>(word: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a S>,
    S: AsRef<str> + ?Sized + 'a,
{
    let wanted = folded(word);
    if wanted.is_empty() || wanted.len() > LONGEST {
        return None;
    }
    let allowed = (wanted.len() / 3).max(1);
    candidates
        .into_iter()
        .map(AsRef::as_ref)
        .filter(|candidate| *candidate != word && candidate.len() <= 4 * LONGEST)
        .filter_map(|candidate| {
            let have = folded(candidate);
            if have.len().abs_diff(wanted.len()) > allowed {
                return None;
            }
            let slips = distance(&wanted, &have);
            let touched = have.len().max(wanted.len());
            (slips <= allowed && slips < touched).then_some((slips, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> Vec<char> {
    word.chars()
        .flat_map(char::to_lowercase)
        .map(|c| if c == '_' { '-' } else { c })
        .collect()
}

/// Damerau-Levenshtein distance where no part is edited twice (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (row, &left) in a.iter().enumerate() {
        let mut current = Vec::with_capacity(b.len() + 1);
        current.push(row + 1);
        let mut last = None;
        for (column, &right) in b.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let replaced = at(&above, column) + usize::from(left != right);
            let removed = at(&above, column + 1) + 1;
            let added = at(&current, column) + 1;
            let mut best = replaced.min(removed).min(added);
            if previous == Some(right) && last == Some(left) && column > 0 {
                best = best.min(at(&before, column - 1) + 1);
            }
            current.push(best);
            last = Some(right);
        }
        before = std::mem::replace(&mut above, current);
        previous = Some(left);
    }
    above.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn nearest_word_is_the_one_that_was_meant() {
        let known = [
            "field",
            "filter",
            "feed",
            "flag",
            "place-order",
            "id",
            "key",
        ];
        for (typed, meant) in [
            ("feild", Some("field")),
            ("fild", Some("field")),
            ("fliter", Some("filter")),
            ("place_order", Some("place-order")),
            ("Place-Ordr", Some("place-order")),
            ("kye", Some("key")),
            ("xx", None),
            ("invariant", None),
            ("", None),
            ("ie", Some("id")),
        ] {
            assert_eq!(closest(typed, known.iter().copied()), meant, "{typed}");
        }
    }

    #[test]
    fn ties_go_to_the_first_in_the_alphabet_whatever_the_order() {
        assert_eq!(closest("cat", ["hat", "bat"]), Some("bat"));
        assert_eq!(closest("cat", ["bat", "hat"]), Some("bat"));
    }
}
