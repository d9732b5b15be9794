//! A folder of one brief under another: what is migrated, what is refused and stays as it was, and
//! a crash at every step between.

use crate::store::{Contents, Hook, OpenError, Store, no_hook};
use crate::testing::TempFolder;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use underpin_brief::model::Brief;

const SYSTEM: &str = r#"
system demo { title "Demo"; purpose "To be changed."; currency EUR }
actor staff kind=staff { channel web }
"#;

/// What every case begins with.
const OLD: &str = r#"
enum Kind novel essay
record Chapter { field title text; field pages int }
aggregate Book {
    key id
    field title text max=40
    field pages int
    field price money
    field kind Kind
    field note text?
    field chapters Chapter* count="0..9"
    states draft printed { move print draft to=printed }
}
aggregate Shelf { key name text; field full bool default=#false }
event Sold about=Book { field book Book; field price money }
command add-book {
    allow staff
    input title text max=40
    create book Book { set title=input.title pages=1 price="money('1.00')" kind="'novel'" chapters="[]" }
    return book=book.id
}
policy count-sold { on Sold; change shelf Shelf key="'sold'" create { set full=#true } }
"#;

/// Two rows as the old brief writes them.
const ROWS: &str = r#"
INSERT INTO "Book" (id, title, pages, price, "price currency", kind, note, chapters, created, version, state)
VALUES ('b1', 'Emma', 3, 980, 'EUR', 'novel', 'mine', '[{"s":["One",7]},{"s":["Two",8]}]', 1, 1, 'draft'),
       ('b2', 'Persuasion', 5, 120, 'EUR', 'essay', NULL, '[]', 1, 1, 'printed');
INSERT INTO outbox (id, source, key, row_key, tenant, at, event) VALUES
       ('e1', 'event Sold', 'b1', 'b1', NULL, 1,
        '{"s":["b1",{"m":[980,"EUR"]},"e1",{"t":1},{"s":["service","service",[],null,"server",{"j":"{}"}]},null]}');
"#;

fn brief(text: &str) -> Arc<Brief> {
    let checked = underpin_brief::resolve::check_text("demo.kdl", &format!("{SYSTEM}{text}"));
    let found: Vec<String> = checked
        .diagnostics
        .iter()
        .map(|found| format!("{} {}", found.code, found.message))
        .collect();
    Arc::new(
        checked
            .brief
            .unwrap_or_else(|| panic!("{text}\n{found:#?}")),
    )
}

/// The old brief with some of its text replaced.
fn changed(changes: &[(&str, &str)]) -> String {
    let mut text = OLD.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "`{from}` stands in the brief");
        text = text.replace(from, to);
    }
    text
}

fn open(temp: &TempFolder, text: &str, hook: &Hook) -> Result<Store, OpenError> {
    let brief = brief(text);
    // The writer of a store that was dropped lets go of the folder a moment later.
    for _ in 0..400 {
        match Store::open(
            &temp.folder.path("."),
            &brief,
            Contents::all(),
            Arc::clone(hook),
        ) {
            Err(OpenError::InUse(_)) => std::thread::sleep(std::time::Duration::from_millis(5)),
            other => return other,
        }
    }
    panic!("the folder is still in use");
}

fn database(temp: &TempFolder) -> Connection {
    Connection::open(temp.folder.path("store.sqlite")).expect("a database")
}

/// A folder of the old brief with its rows.
fn made(rows: &str) -> TempFolder {
    let temp = TempFolder::new();
    drop(open(&temp, OLD, &no_hook()).expect("a new folder"));
    closed(&temp);
    database(&temp).execute_batch(rows).expect("rows");
    temp
}

/// Waits until nobody holds the folder.
fn closed(temp: &TempFolder) {
    for _ in 0..400 {
        let file = std::fs::File::open(temp.folder.path("store.lock")).expect("a lock");
        if file.try_lock().is_ok() && !temp.folder.path("store.sqlite-wal").exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("the folder is still in use");
}

fn bytes(temp: &TempFolder) -> Vec<(String, Vec<u8>)> {
    let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(temp.folder.path("."))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (name(&path), std::fs::read(&path).expect("a file")))
        .collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// What a statement finds: rows by line, columns by `|`.
fn asked(temp: &TempFolder, sql: &str) -> String {
    let connection = database(temp);
    let mut statement = connection.prepare(sql).expect("a statement");
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect("rows");
    let mut found = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        let cell = |at| match row.get_ref(at).expect("a cell") {
            rusqlite::types::ValueRef::Null => "-".to_owned(),
            rusqlite::types::ValueRef::Integer(number) => number.to_string(),
            rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        };
        let cells: Vec<String> = (0..columns).map(cell).collect();
        found.push(cells.join("|"));
    }
    found.join("\n")
}

/// Changes that lose nothing: what is replaced in the brief, a question to the database
/// afterwards, and its answer.
#[expect(clippy::type_complexity, reason = "a table of cases")]
const MIGRATED: &[(&[(&str, &str)], &str, &str)] = &[
    (
        &[("field note text?", "field note text?\n    field isbn text?")],
        "SELECT id, title, isbn FROM Book ORDER BY id",
        "b1|Emma|-\nb2|Persuasion|-",
    ),
    (
        &[(
            "field note text?",
            "field note text?\n    field copies int default=4\n    field was_price money default=\"2.00\"",
        )],
        "SELECT id, copies, was_price, \"was_price currency\" FROM Book ORDER BY id",
        "b1|4|200|EUR\nb2|4|200|EUR",
    ),
    (
        &[(
            "aggregate Shelf",
            "aggregate Loan { key id; field book Book }\naggregate Shelf",
        )],
        "SELECT COUNT(*) FROM Loan",
        "0",
    ),
    (
        &[
            (
                "field pages int\n    field price",
                "field pages decimal\n    field price",
            ),
            ("pages=1 ", "pages=1.0 "),
        ],
        "SELECT id, pages FROM Book ORDER BY id",
        "b1|3000000000\nb2|5000000000",
    ),
    (
        &[
            (
                "field title text max=40\n    field pages",
                "field name text max=80 was=title\n    field pages",
            ),
            ("set title=", "set name="),
        ],
        "SELECT id, name FROM Book ORDER BY id",
        "b1|Emma\nb2|Persuasion",
    ),
    (
        &[(
            "field pages int\n    field price",
            "field pages int?\n    field price",
        )],
        "SELECT id, pages FROM Book ORDER BY id",
        "b1|3\nb2|5",
    ),
    (
        &[("novel essay", "essay novel poem")],
        "SELECT id, kind FROM Book ORDER BY id",
        "b1|novel\nb2|essay",
    ),
    (
        &[(
            "record Chapter { field title text; field pages int }",
            "record Chapter { field pages int; field author text?; field name text was=title }",
        )],
        "SELECT id, chapters FROM Book ORDER BY id",
        "b1|[{\"s\":[7,null,\"One\"]},{\"s\":[8,null,\"Two\"]}]\nb2|[]",
    ),
    (
        &[(
            "draft printed {",
            "draft printed lost {\n        move lose draft printed to=lost\n",
        )],
        "SELECT id, state FROM Book ORDER BY id",
        "b1|draft\nb2|printed",
    ),
    (
        &[(
            "field kind Kind",
            "field kind Kind\n    invariant \"self.pages > 0\" else=empty",
        )],
        "SELECT COUNT(*) FROM Book",
        "2",
    ),
    (
        &[(
            "field title text max=40\n    field pages",
            "field title text max=40 unique\n    field pages",
        )],
        "SELECT COUNT(*) FROM sqlite_master WHERE name = 'Book unique title'",
        "1",
    ),
    (
        &[(
            "field title text max=40\n    field pages",
            "field title text max=12\n    field pages",
        )],
        "SELECT COUNT(*) FROM Book",
        "2",
    ),
    (
        &[
            (
                "aggregate Shelf { key name text; field full bool default=#false }\n",
                "aggregate Shelf { key room int; field cold bool }\n",
            ),
            (
                "key=\"'sold'\" create { set full=#true }",
                "key=7 create { set cold=#true }",
            ),
        ],
        "SELECT COUNT(*) FROM pragma_table_info('Shelf') WHERE name IN ('room', 'cold')",
        "2",
    ),
    (
        &[(
            "policy count-sold { on Sold; change shelf Shelf key=\"'sold'\" create { set full=#true } }\n",
            "",
        )],
        "SELECT COUNT(*) FROM Book",
        "2",
    ),
    (
        &[(
            "event Sold about=Book { field book Book; field price money }",
            "event Sold about=Book version=2 { field book Book; field cost money was=price; field channel text; upcast from=1 { set channel=\"event.cost > money('5.00') ? 'dear' : 'cheap'\" } }",
        )],
        "SELECT event FROM outbox",
        "{\"s\":[\"b1\",{\"m\":[980,\"EUR\"]},\"dear\",\"e1\",{\"t\":1},{\"s\":[\"service\",\"service\",[],null,\"server\",{\"j\":\"{}\"}]},null]}",
    ),
    (
        &[
            ("currency EUR }", "currency EUR }"),
            ("field note text?", "field note text? // words"),
        ],
        "SELECT value FROM meta WHERE name = 'generation'",
        "2",
    ),
];

#[test]
fn a_change_that_loses_nothing_is_migrated_and_the_rows_are_there() {
    let mut cases = 0;
    for (changes, question, answer) in MIGRATED {
        let changes: Vec<_> = changes
            .iter()
            .copied()
            .filter(|(from, to)| from != to)
            .collect();
        let new = changed(&changes);
        let temp = made(ROWS);
        let store = open(&temp, &new, &no_hook()).unwrap_or_else(|error| panic!("{new}\n{error}"));
        assert_eq!(store.standing().generation, 2);
        drop(store);
        closed(&temp);
        assert_eq!(asked(&temp, question), *answer, "{changes:?}");
        // The same brief again finds nothing to do.
        let again = open(&temp, &new, &no_hook()).expect("the same brief");
        assert_eq!(again.standing().generation, 2);
        assert_eq!(again.standing().migrated, Vec::<String>::new());
        cases += 1;
    }
    println!("{cases} changes migrated");
}

/// Changes that would lose something: what is replaced, rows besides those of every case, and
/// words that every reason has.
#[expect(clippy::type_complexity, reason = "a table of cases")]
const REFUSED: &[(&[(&str, &str)], &str, &[&str])] = &[
    (
        &[("    field note text?\n", "")],
        "",
        &[
            "Book, field note",
            "1 row has a value",
            "`b1`",
            "field note text? until=1",
        ],
    ),
    (
        &[
            ("field note text?", "field note text?\n    field isbn text"),
            ("pages=1 ", "pages=1 isbn=\"'x'\" "),
        ],
        "",
        &[
            "Book, field isbn",
            "2 rows would have no value",
            "field isbn text default=…",
        ],
    ),
    (
        &[
            (
                "field pages int\n    field price",
                "field pages text\n    field price",
            ),
            ("pages=1 ", "pages=\"'1'\" "),
        ],
        "",
        &[
            "Book, field pages",
            "was `int` and is `text`",
            "field pages int",
        ],
    ),
    (
        &[("novel essay", "novel poem")],
        "",
        &[
            "aggregate Book",
            "`essay` is no value of it any more",
            "`b2`",
        ],
    ),
    (
        &[
            ("field note text?", "field note text"),
            ("chapters=\"[]\"", "note=\"'x'\" chapters=\"[]\""),
        ],
        "",
        &["aggregate Book", "`note`", "`b2`"],
    ),
    (
        &[(
            "draft printed { move print draft to=printed }",
            "draft bound { move bind draft to=bound }",
        )],
        "",
        &["aggregate Book", "`printed`", "`b2`"],
    ),
    (
        &[(
            "field kind Kind",
            "field kind Kind\n    invariant \"self.pages > 3\" else=thin",
        )],
        "",
        &["aggregate Book", "invariant \"self.pages > 3\"", "`b1`"],
    ),
    (
        &[
            (
                "field title text max=40\n    field pages",
                "field title text max=5\n    field pages",
            ),
            ("input title text max=40", "input title text max=5"),
        ],
        "",
        &[
            "aggregate Book",
            "`title` is outside its new bounds",
            "`b2`",
        ],
    ),
    (
        &[(
            "field title text max=40\n    field pages",
            "field title text max=40 unique\n    field pages",
        )],
        "UPDATE Book SET title = 'Emma'",
        &["Book, field title", "several rows"],
    ),
    (
        &[
            (
                "aggregate Shelf { key name text; field full bool default=#false }\n",
                "",
            ),
            (
                "policy count-sold { on Sold; change shelf Shelf key=\"'sold'\" create { set full=#true } }\n",
                "",
            ),
        ],
        "INSERT INTO Shelf VALUES ('a', 1, 1, 1)",
        &["aggregate Shelf", "has 1 row"],
    ),
    (
        &[
            ("key id\n    field title", "key shelf int\n    field title"),
            ("set title=input.title", "set shelf=1 title=input.title"),
            ("return book=book.id", "return book=book.shelf"),
        ],
        "",
        &["aggregate Book", "its key has changed"],
    ),
    (
        &[(
            "    states draft printed { move print draft to=printed }\n",
            "",
        )],
        "",
        &["aggregate Book", "states"],
    ),
    (
        &[(
            "policy count-sold { on Sold; change shelf Shelf key=\"'sold'\" create { set full=#true } }\n",
            "",
        )],
        "INSERT INTO work VALUES ('count-sold', 1, 'b1', 'b1', NULL, 9, 'waiting', 0, NULL, NULL)",
        &["policy count-sold", "1 of its events"],
    ),
    (
        &[(
            "event Sold about=Book { field book Book; field price money }",
            "event Sold about=Book { field book Book; field price money; field channel text }",
        )],
        "",
        &[
            "event Sold",
            "1 events",
            "`channel` has no value",
            "version=2",
            "upcast from=1",
        ],
    ),
    (
        &[
            ("    field note text?\n", ""),
            ("novel essay", "novel poem"),
        ],
        "",
        &["Book, field note", "`essay`"],
    ),
];

#[test]
fn a_change_that_would_lose_something_is_refused_with_every_reason_and_the_folder_stays_as_it_was()
{
    let mut cases = 0;
    for (changes, rows, words) in REFUSED {
        let new = changed(changes);
        let temp = made(&format!("{ROWS};{rows}"));
        let before = bytes(&temp);
        let error = open(&temp, &new, &no_hook()).err();
        let Some(OpenError::OtherBrief { differences, .. }) = error else {
            panic!("{changes:?}: {error:?}");
        };
        let text = differences.join("\n");
        for word in *words {
            assert!(text.contains(word), "`{word}` in\n{text}");
        }
        assert!(text.contains("decide: "), "{text}");
        assert!(bytes(&temp) == before, "{changes:?}: a file was changed");
        cases += 1;
    }
    println!("{cases} changes refused");
}

#[test]
fn a_field_whose_end_was_announced_goes_with_the_version_that_had_it() {
    let temp = made(ROWS);
    let last = OLD.replace("field note text?", "field note text? until=1");
    drop(open(&temp, &last, &no_hook()).expect("an announcement"));
    closed(&temp);
    let gone = OLD.replace("    field note text?\n", "");
    let first = open(&temp, &gone, &no_hook()).err();
    assert!(
        matches!(first, Some(OpenError::OtherBrief { .. })),
        "{first:?}"
    );
    closed(&temp);
    let system = SYSTEM.replace("currency EUR", "currency EUR; version 2");
    let checked = underpin_brief::resolve::check_text("demo.kdl", &format!("{system}{gone}"));
    let second = checked.brief.expect("a brief");
    let store = Store::open(&temp.folder.path("."), &second, Contents::all(), no_hook())
        .expect("a migration");
    assert!(
        store
            .standing()
            .migrated
            .iter()
            .any(|line| line.contains("note is taken away")),
        "{:?}",
        store.standing().migrated
    );
}

#[test]
fn a_crash_at_any_step_leaves_the_old_folder_or_the_new_one() {
    let (changes, question, answer) = MIGRATED[7];
    let new = changed(changes);
    let old_answer = asked(&made(ROWS), question);
    let mut seen = Vec::new();
    for place in 0..50 {
        let temp = made(ROWS);
        let left = Arc::new(AtomicUsize::new(place));
        let counter = Arc::clone(&left);
        let hook: Hook = Arc::new(move |_| {
            let before = counter.load(Ordering::SeqCst);
            counter.store(before.saturating_sub(1), Ordering::SeqCst);
            before > 0
        });
        let stopped = open(&temp, &new, &hook).is_err();
        closed(&temp);
        seen.push(asked(&temp, question));
        let kept = asked(&temp, "SELECT value FROM meta WHERE name = 'generation'");
        let whole = seen.last().is_some_and(|seen| seen == answer);
        assert_eq!(kept, if whole { "2" } else { "1" }, "at {place}");
        drop(open(&temp, &new, &no_hook()).expect("it goes on"));
        closed(&temp);
        assert_eq!(asked(&temp, question), answer, "at {place}");
        if !stopped {
            println!("stopped at {place} places");
            assert!(place > 4, "only {place} places");
            assert!(
                seen.iter()
                    .all(|seen| seen == answer || *seen == old_answer)
            );
            assert!(seen.contains(&old_answer));
            return;
        }
    }
    panic!("there is no end of places");
}
