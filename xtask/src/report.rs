//! What a person or a runner reads: plain lines, and the table that closes a run.

use std::io::Write;
use std::time::Duration;

/// Prints one line. A closed pipe is nobody's mistake.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// How many cases of one suite ran, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Cases that passed.
    pub(crate) passed: usize,
    /// Cases that failed.
    pub(crate) failed: usize,
    /// Cases that did not run because outside test data is absent.
    pub(crate) skipped: usize,
}

impl Count {
    /// One case that ended well or not.
    pub(crate) fn one(good: bool) -> Self {
        Self {
            passed: usize::from(good),
            failed: usize::from(!good),
            skipped: 0,
        }
    }

    /// The sum of both.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

/// One suite of a run: its name, its cases, its time and why some were skipped.
#[derive(Debug)]
pub(crate) struct Suite {
    /// What it is called in the table.
    pub(crate) name: String,
    /// Its cases.
    pub(crate) count: Count,
    /// How long it took.
    pub(crate) took: Duration,
}

/// The closing table: a line per suite, then one line with the sums, by itself, that any runner
/// can read.
pub(crate) fn table(suites: &[Suite]) -> String {
    let mut text = String::from("suite                 passed failed skipped seconds\n");
    let mut sum = Count::default();
    for Suite { name, count, took } in suites {
        sum = sum.plus(*count);
        let Count {
            passed,
            failed,
            skipped,
        } = count;
        let seconds = took.as_secs_f64();
        text.push_str(&format!(
            "{name:<21} {passed:>6} {failed:>6} {skipped:>7} {seconds:>7.1}\n"
        ));
    }
    text.push_str(&closing(sum));
    text
}

/// `3 passed, 0 failed, 1 skipped`.
pub(crate) fn closing(
    Count {
        passed,
        failed,
        skipped,
    }: Count,
) -> String {
    format!("{passed} passed, {failed} failed, {skipped} skipped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_ends_with_the_sums_on_a_line_of_their_own() {
        let suite = |name: &str, passed, failed, skipped| Suite {
            name: name.to_owned(),
            count: Count {
                passed,
                failed,
                skipped,
            },
            took: Duration::from_millis(1500),
        };
        let text = table(&[suite("a", 3, 0, 1), suite("b", 2, 1, 0)]);
        assert_eq!(text.lines().last(), Some("5 passed, 1 failed, 1 skipped"));
        assert_eq!(text.lines().count(), 4);
    }
}
