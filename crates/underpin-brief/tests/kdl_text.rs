//! Random texts in the notation, valid and nearly valid, from a seed.

/// A generator of numbers (splitmix64): same seed, same numbers.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("below a usize")
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const WORDS: &[&str] = &[
    "node",
    "a",
    "place-order",
    "input.order",
    "-",
    "--x",
    "+",
    ".x",
    "-.",
    "é",
    "日本",
    "x,y",
    "a>b",
    "Line*",
    "text?",
    "_1",
    "true_",
    "a:b",
    "|",
    "<x>",
    "'q'",
];
const VALUES: &[&str] = &[
    "1",
    "-10",
    "+3",
    "0x1F",
    "0b10",
    "0o17",
    "1_000",
    "1.5",
    "1.0e10",
    "1E-3",
    "-0.0",
    "#true",
    "#false",
    "#null",
    "#inf",
    "#-inf",
    "#nan",
    "\"\"",
    "\"a b\"",
    "\"\\n\\\"\\\\\"",
    "\"\\u{1F600}\"",
    "\"a\\   b\"",
    "\"a \\\n  b\"",
    "#\"raw \\ \"q\"#",
    "##\"a\"#b\"##",
    "\"\"\"\n  two\n   lines\n\n  \"\"\"",
    "#\"\"\"\n  raw\n  \"\"\"#",
    "\"\"\"\n  a \\\n  b\\n\n  \"\"\"",
    "\"\"\"\n\"\"\"",
    "\"(\"",
    "\"\u{a0}\"",
];
const SPACES: &[&str] = &[
    " ",
    "  ",
    "\t",
    " /* c */ ",
    " \\\n ",
    " \\ // c\n ",
    "\u{a0}",
    "\u{3000}",
    " /- gone ",
    " /-k=1 ",
    " /* a /* b */ */ ",
];
const ENDS: &[&str] = &[
    "\n",
    ";",
    " // comment\n",
    "\r\n",
    "\n\n",
    "; ",
    "\u{85}",
    "\r",
    "\u{c}",
];

/// A valid document.
pub fn document(random: &mut Random) -> String {
    let mut out = String::new();
    if random.chance(3) {
        out.push('\u{feff}');
    }
    nodes(random, 0, &mut out);
    out
}

fn nodes(random: &mut Random, depth: usize, out: &mut String) {
    for _ in 0..random.below(4) {
        if random.chance(10) {
            out.push_str(random.pick(&["\n", "// line\n", "/* block */", " ", "\\\n", "/-\n"]));
            if out.ends_with("/-\n") {
                node(random, depth, out);
                out.push('\n');
            }
        }
        node(random, depth, out);
        out.push_str(random.pick(ENDS));
    }
}

fn node(random: &mut Random, depth: usize, out: &mut String) {
    if random.chance(5) {
        out.push_str(random.pick(&["(t)", "( \"t y\" )", "(t) "]));
    }
    name(random, out);
    for _ in 0..random.below(4) {
        if random.chance(75) {
            out.push(' ');
        } else {
            out.push_str(random.pick(SPACES));
            out.push(' ');
        }
        if random.chance(40) {
            name(random, out);
            out.push_str(if random.chance(90) { "=" } else { " = " });
        }
        value(random, out);
    }
    if depth < 4 && random.chance(30) {
        if random.chance(10) {
            out.push_str(" /-{ x; }");
        }
        out.push_str(random.pick(&[" {", " {\n", "{"]));
        nodes(random, depth + 1, out);
        out.push('}');
        if random.chance(10) {
            out.push_str(" /- { y\n}");
        }
    }
}

fn name(random: &mut Random, out: &mut String) {
    if random.chance(85) {
        out.push_str(random.pick(WORDS));
    } else {
        out.push_str(random.pick(&["\"quoted name\"", "\"\"", "#\"raw\"#"]));
    }
}

fn value(random: &mut Random, out: &mut String) {
    if random.chance(4) {
        out.push_str(random.pick(&["(t)", "(\"t\")", "(t) "]));
    }
    let from = if random.chance(30) { WORDS } else { VALUES };
    out.push_str(random.pick(from));
}

const SCRAPS: &[&str] = &[
    "{", "}", "(", ")", "[", "]", "\"", "\"\"\"", "#", "\\", "/", "/-", "//", "/*", "*/", ";", "=",
    " ", "\n", "\r", ",", ".", "-", "+", "0", "9", "e", "_", "x", "true", "inf", "-inf", "#true",
    "u{", "\\u{41}", "\\s", "30s", "99%", "1..2", "\u{a0}", "\u{feff}", "\u{200e}", "\u{7f}",
    "\u{0}", "é", "\u{85}", "\"\"", "###", "'", "a=b", "(t)",
];

/// `text` with a few things put in, taken out, doubled or moved.
pub fn mutated(random: &mut Random, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(chars.len() + 1);
        let length = random.below(4).min(chars.len() - at);
        match random.below(5) {
            0 | 1 => {
                chars.splice(at..at, random.pick(SCRAPS).chars());
            }
            2 => {
                chars.drain(at..at + length);
            }
            3 => {
                let part = chars[at..at + length].to_vec();
                let to = random.below(chars.len() + 1);
                chars.splice(to..to, part);
            }
            _ => {
                chars.splice(at..at + length, random.pick(SCRAPS).chars());
            }
        }
    }
    chars.into_iter().collect()
}

/// How many cases to try: `UNDERPIN_FUZZ_CASES`, or `usual`.
pub fn cases(usual: usize) -> usize {
    std::env::var("UNDERPIN_FUZZ_CASES").map_or(usual, |cases| cases.parse().expect("a number"))
}
