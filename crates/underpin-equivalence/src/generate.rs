//! Small briefs that follow from a seed: a few aggregates with states, invariants, bounds and
//! references, flows over them with calls, loops and undos, policies, limits, tenants, views. What the
//! check refuses is left out, statement by statement, so that every brief is sound.

use crate::briefs::{Tried, checked};
use crate::chance::Chance;
use std::fmt::Write as _;

/// One aggregate as it was drawn.
struct Thing {
    name: String,
    generated: bool,
    states: bool,
    tenants: bool,
}

/// A brief from a seed.
///
/// # Errors
/// Where even the frame of it is refused: a defect of this generator.
pub fn brief(seed: u64) -> Result<Tried, String> {
    let mut chance = Chance::new(seed);
    let mut text = frame(&mut chance);
    let tenants = chance.percent(30);
    if tenants {
        text.push_str("tenancy Org { caller user claim=org; caller clerk claim=org }\naggregate Org { key id; field name text max=20 }\n");
        text.push_str("command found-org { allow root; input name text max=20; create org Org { set name=input.name } ; return org=org.id }\n");
    }
    let count = 2 + chance.below(4);
    let things: Vec<Thing> = (0..count)
        .map(|at| thing(&mut chance, at, tenants))
        .collect();
    for (at, thing) in things.iter().enumerate() {
        let other = &things
            .get(chance.below(count))
            .unwrap_or(thing)
            .name
            .clone();
        text.push_str(&aggregate(&mut chance, thing, at, other));
    }
    text.push_str("aggregate Tally { key name text max=30; field seen int default=0; field sum int default=0 }\n");
    for thing in &things {
        text.push_str(&making(&mut chance, thing));
        text.push_str(&asking(&mut chance, thing));
    }
    let name = format!("generated/{seed}");
    checked(&name, &text).map_err(|error| format!("{error}\n{text}"))?;
    let mut grow = |piece: String| {
        let more = format!("{text}{piece}");
        let sound = checked(&name, &more).is_ok();
        if sound {
            text = more;
        }
        sound
    };
    for number in 0..6 {
        for _ in 0..12 {
            let flow = flow(&mut chance, &things, number);
            if grow(flow) {
                break;
            }
        }
    }
    for number in 0..4 {
        for _ in 0..6 {
            let policy = policy(&mut chance, &things, number);
            if grow(policy) {
                break;
            }
        }
    }
    if chance.percent(40)
        && let Some(thing) = chance.one(&things)
    {
        let per = if chance.percent(50) { "caller" } else { "all" };
        grow(format!(
            "limit few per={per} count={} max=4 else=too-many\n",
            thing.name
        ));
    }
    checked(&name, &text)
}

/// The text of a generated brief, for people.
///
/// # Errors
/// As [`brief`].
pub fn text(seed: u64) -> Result<String, String> {
    brief(seed).map(|tried| tried.text)
}

fn frame(chance: &mut Chance) -> String {
    let back = if chance.percent(50) {
        " undo give-back { set receipt=output.receipt };"
    } else {
        ""
    };
    format!(
        "system made {{ title \"Made\"; purpose \"To be tried.\"; currency EUR }}
actor user kind=person {{ channel web }}
actor clerk kind=staff {{ channel web; role boss }}
actor root kind=staff cross-tenant {{ channel web }}
external pay {{
    operation charge idempotent=order {{ input order text; input amount int; output receipt text; fails declined; fails broke; {back} status find-charge }}
    operation give-back idempotent=receipt {{ input receipt text }}
    operation find-charge read {{ input order text; output receipt text? }}
    operation tell idempotent=order {{ input order text }}
    operation stamp {{ input order text; output page int }}
    sends Paid via=webhook {{ field name text; field amount int }}
}}
"
    )
}

fn thing(chance: &mut Chance, at: usize, tenants: bool) -> Thing {
    Thing {
        name: format!("Thing{at}"),
        generated: chance.percent(60),
        states: chance.percent(70),
        tenants: tenants && !chance.percent(25),
    }
}

fn aggregate(chance: &mut Chance, thing: &Thing, at: usize, other: &str) -> String {
    let mut text = format!("aggregate {} ", thing.name);
    if !thing.tenants && chance.percent(100) {
        text.push_str("shared ");
    }
    text.push_str("{\n");
    text.push_str(if thing.generated {
        "    key id\n"
    } else {
        "    key code text max=12\n"
    });
    text.push_str("    field owner user\n    field label text max=20\n");
    text.push_str(if chance.percent(40) {
        "    field n int min=0 max=60\n"
    } else {
        "    field n int\n"
    });
    text.push_str("    field m int default=0\n");
    if chance.percent(60) {
        let _ = writeln!(text, "    invariant \"self.n >= 0\" else=short-{at}");
    }
    if chance.percent(40) {
        let _ = writeln!(text, "    invariant \"self.m <= 20\" else=full-{at}");
    }
    let _ = writeln!(text, "    field other {other}?");
    if chance.percent(30) {
        text.push_str("    field mark text? max=12 unique\n");
    }
    text.push_str("    define mine \"has(caller.id) && self.owner == caller.id\"\n");
    if thing.states {
        text.push_str("    states fresh open done gone { move begin fresh to=open; move finish open to=done; move drop fresh open to=gone; move again done gone to=open }\n");
    }
    text.push_str("}\n");
    text
}

/// The command that makes a row.
fn making(chance: &mut Chance, thing: &Thing) -> String {
    let name = &thing.name;
    let code = if thing.generated {
        ""
    } else {
        "    input code text max=12\n"
    };
    let set = if thing.generated {
        ""
    } else {
        "code=input.code "
    };
    let key = if thing.generated { "id" } else { "code" };
    let allow = if chance.percent(50) {
        "allow user clerk"
    } else {
        "allow user; allow clerk.boss"
    };
    format!(
        "command make-{} {{\n    {allow}\n{code}    input label text max=20\n    input n int min=0 max=30\n    create made {name} {{ set {set}owner=\"caller.id.orValue('none')\" label=input.label n=input.n }}\n    return key=made.{key}\n}}\n",
        name.to_lowercase()
    ).replace("owner=\"caller.id.orValue('none')\"", "owner=caller.id")
}

/// A query of the rows.
fn asking(chance: &mut Chance, thing: &Thing) -> String {
    let name = &thing.name;
    let key = if thing.generated { "id" } else { "code" };
    let state = if thing.states { " state" } else { "" };
    let rows = if chance.percent(50) {
        " where=\"self.n != 7\""
    } else {
        ""
    };
    format!(
        "query list-{low} of={name}{rows} {{ allow user when=self.mine; allow clerk root; filter n label{state}; sort n label {key}; search label; show {key} label n m{state} other.label other.n twice=\"self.n * 2\"; page max=20; stale \"0s\" }}
view Sums{name} stale=\"5s\" {{ from x {name}; group label=x.label; show count=\"count()\" total=\"sum(x.n)\" most=\"max(x.m)\" }}
query sums-{low} of=Sums{name} {{ allow clerk root; filter label; sort label }}
",
        low = name.to_lowercase()
    ).replace("; stale \"0s\"", "")
}

/// A condition, or none.
fn when(chance: &mut Chance) -> &'static str {
    match chance.below(8) {
        0 => " when=\"input.q > 2\"",
        1 => " when=\"input.q % 2 == 0\"",
        _ => "",
    }
}

/// Steps on a row.
fn steps(chance: &mut Chance, thing: &Thing) -> String {
    let undo = |text: &str| format!("{text} }}");
    match chance.below(9) {
        0 => undo("set n=\"self.n - input.q\""),
        1 => undo("set n=\"self.n + input.q\" m=\"self.m + 1\""),
        2 => undo("require \"self.n >= input.q\" else=lacking; set n=\"self.n - input.q\""),
        3 if thing.states => undo("move begin; undo sure=\"whatever it is now\" { set m=self.m }"),
        4 if thing.states => undo("move begin"),
        5 if thing.states => undo("require \"self.m < 3\" else=tired; move again"),
        6 => undo(
            "set label=\"'seen'\"; undo sure=\"a label is a label\" { set label=\"'undone'\" }",
        ),
        7 => undo("set m=\"self.m + input.q\"; undo { set m=\"self.m - input.q\" }"),
        _ => undo("set n=input.q"),
    }
}

/// One statement of a flow; `at` makes its names its own.
fn statement(chance: &mut Chance, things: &[Thing], at: usize) -> String {
    let Some(thing) = chance.one(things) else {
        return String::new();
    };
    let (name, low) = (&thing.name, thing.name.to_lowercase());
    let when = when(chance);
    match chance.below(12) {
        0..=3 => format!(
            "    change c{at} {name} key=input.{low}{when} {{ {}\n",
            steps(chance, thing)
        ),
        4 => {
            let undo = if thing.states && chance.percent(50) {
                "; undo { move drop }"
            } else {
                ""
            };
            let code = if thing.generated {
                String::new()
            } else {
                format!("code=\"input.word + '{at}'\" ")
            };
            format!(
                "    create d{at} {name}{when} {{ set {code}owner=caller.id label=input.word n=input.q{undo} }}\n"
            )
        }
        5 => format!(
            "    read r{at} {name} key=input.{low}\n    require \"r{at}.n < 40\" else=large\n"
        ),
        6 => format!(
            "    call p{at} pay.charge{when} {{ set order=\"input.word + '{at}'\" amount=input.q }}\n"
        ),
        7 => format!("    call t{at} pay.tell{when} {{ set order=\"input.word + '{at}'\" }}\n"),
        8 => format!(
            "    each e{at} in=input.many{low} {{ change x{at} {name} key=e{at} {{ {} }}\n",
            steps(chance, thing)
        ),
        9 => {
            let Some(other) = chance.one(things) else {
                return String::new();
            };
            format!(
                "    each e{at} in=input.many{low} {{ change x{at} {name} key=e{at} {{ {}; change y{at} {} key=input.{} {{ {} }}\n",
                steps(chance, thing),
                other.name,
                other.name.to_lowercase(),
                steps(chance, other)
            )
        }
        10 => format!("    require \"input.q != 5\" else=five\n    let l{at}=\"input.q + {at}\"\n"),
        _ => format!(
            "    call s{at} pay.stamp once=\"twice does not hurt\" {{ set order=input.word }}\n"
        ),
    }
}

/// A command over several rows.
fn flow(chance: &mut Chance, things: &[Thing], number: usize) -> String {
    let mut inputs = String::new();
    for thing in things {
        let low = thing.name.to_lowercase();
        let _ = write!(
            inputs,
            "    input {low} {}\n    input many{low} {}* count=\"0..3\"\n",
            thing.name, thing.name
        );
    }
    let count = 1 + chance.below(5);
    let body: String = (0..count).map(|at| statement(chance, things, at)).collect();
    let used: String = inputs
        .lines()
        .filter(|line| {
            let name = line.split_whitespace().nth(1).unwrap_or("");
            body.contains(&format!("input.{name} "))
                || body.contains(&format!("input.{name}\n"))
                || body.contains(&format!("input.{name}\""))
        })
        .fold(String::new(), |text, line| format!("{text}{line}\n"));
    let allow = match (chance.below(4), things.first()) {
        (0, Some(thing)) if used.contains(&format!("input {} ", thing.name.to_lowercase())) => {
            format!(
                "allow user when=input.{}.mine; allow clerk",
                thing.name.to_lowercase()
            )
        }
        _ => "allow user clerk".to_owned(),
    };
    format!(
        "command flow-{number} {{\n    {allow}\n{used}    input q int min=0 max=9\n    input word text min=1 max=8\n{body}    return q=input.q\n}}\n"
    )
}

/// A policy on what happens to rows.
fn policy(chance: &mut Chance, things: &[Thing], number: usize) -> String {
    let Some(thing) = chance.one(things) else {
        return String::new();
    };
    let name = &thing.name;
    let tally =
        format!("change tally Tally key=\"'{name}'\" create {{ set seen=\"self.seen + 1\" }}");
    match chance.below(7) {
        0 => format!("policy note-{number} {{ on {name}.created; {tally} }}\n"),
        1 => format!("policy note-{number} {{ on {name}.changed; {tally} }}\n"),
        2 => format!("policy note-{number} {{ on {name}.open; {tally} }}\n"),
        3 => format!(
            "policy late-{number} {{ on {name}.fresh after=\"30m\"; change x {name} key=event.key {{ move drop }} }}\n"
        ),
        4 => format!(
            "policy late-{number} {{ on {name}.open after=\"2h\"; change x {name} key=event.key {{ require \"self.n > 3\" else=small; move finish }}; else small {{ change x {name} key=event.key {{ set m=\"self.m + 1\" }} }} }}\n"
        ),
        5 => format!(
            "policy paid-{number} {{ on pay.Paid; change tally Tally key=event.name create {{ set sum=\"self.sum + event.amount\" }} }}\n"
        ),
        _ => format!(
            "policy paid-{number} {{ on {name}.created; call told pay.tell {{ set order=\"'x' + event.row.label\" }}; {tally} }}\n"
        ),
    }
}
