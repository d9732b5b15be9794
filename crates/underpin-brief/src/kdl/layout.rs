//! What the indentation tells of where blocks end. Asked only about a text whose braces do not
//! match, to guess which one is lost; it never changes what a right text means.

/// How far a line is looked at for its indentation, so that a text in one line costs no more than
/// one in many.
const LINE_LOOK: usize = 200;

/// The line in which something stands.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Line {
    /// Where it begins, as far as it is looked at.
    pub(super) start: usize,
    /// How many spaces and tabs it begins with.
    pub(super) indent: usize,
}

impl Line {
    /// The line of byte `at`.
    pub(super) fn of(bytes: &[u8], at: usize) -> Self {
        let from = at.saturating_sub(LINE_LOOK);
        let before = bytes.get(from..at).unwrap_or_default();
        let newline = before.iter().rposition(|&byte| byte == b'\n');
        let start = newline.map_or(from, |found| from + found + 1);
        let line = bytes
            .get(start..)
            .unwrap_or_default()
            .iter()
            .take(LINE_LOOK);
        let indent = line
            .take_while(|&&byte| matches!(byte, b' ' | b'\t'))
            .count();
        Self { start, indent }
    }

    /// Whether byte `at` of this line is the first that is no space.
    pub(super) fn begins_at(self, at: usize) -> bool {
        self.start + self.indent == at
    }
}

/// The lines of the blocks that are open.
pub(super) struct Layout<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether it is asked at all.
    pub(super) guided: bool,
    pub(super) open: Vec<Line>,
}

impl Layout<'_> {
    /// Notes the block whose `{` is byte `at`.
    pub(super) fn enter(&mut self, at: usize) {
        let line = if self.guided {
            Line::of(self.bytes, at)
        } else {
            Line {
                start: 0,
                indent: 0,
            }
        };
        self.open.push(line);
    }

    /// The lines of the innermost block and of byte `at`, if they differ.
    fn lines(&self, at: usize) -> Option<(Line, Line)> {
        let open = self.open.last().filter(|_| self.guided)?;
        let line = Line::of(self.bytes, at);
        (line.start != open.start).then_some((*open, line))
    }

    /// Whether what begins at byte `at` is not in the innermost block: a node that is not indented
    /// further than the block's own line, or a `}` that is indented less.
    pub(super) fn is_outside(&self, at: usize) -> bool {
        let close = usize::from(self.bytes.get(at) == Some(&b'}'));
        self.lines(at)
            .is_some_and(|(open, line)| line.begins_at(at) && line.indent + close <= open.indent)
    }

    /// Whether the `}` at byte `at` does not look like the end of the innermost block: it stands in
    /// the middle of a later line or is indented further.
    pub(super) fn is_stray(&self, at: usize) -> bool {
        self.lines(at)
            .is_some_and(|(open, line)| !line.begins_at(at) || line.indent > open.indent)
    }
}
