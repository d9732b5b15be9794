//! Who may what, exhaustively: every operation of every brief, asked by everybody, about their own
//! row, somebody else's and another tenant's, in every state. What is expected is read from
//! `allow` a second time, by `judge`, which shares nothing with the engine.

mod grants;
mod judge;
mod reading;
mod world;

use super::house::{brief as checked, finest, services};
use crate::backend::*;
use crate::engine::{Engine, Ground};
use crate::externals::{Behaviour, Simulated};
use crate::testing::TempFolder;
use crate::trace::Trace;
use crate::world::{Moment, World};
use judge::{Facts, Lack, Verdict, key_of};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use underpin_brief::model::*;
use world::{Cell, Kind, WHOSE, Whose, kinds, shades};

const START: Moment = Moment(1_790_000_000_000_000);

/// Every brief of the repository that this engine opens.
const BRIEFS: &[(&str, &str)] = &[
    (
        "notes",
        include_str!("../../../../../../examples/notes.kdl"),
    ),
    (
        "clinic",
        include_str!("../../../../../../examples/clinic.kdl"),
    ),
    ("shop", include_str!("../../../../../../examples/shop.kdl")),
    (
        "bff",
        include_str!("../../../../../../tests/briefs/bff.kdl"),
    ),
    (
        "carpool",
        include_str!("../../../../../../tests/briefs/carpool.kdl"),
    ),
    (
        "collab",
        include_str!("../../../../../../tests/briefs/collab.kdl"),
    ),
    (
        "hotel",
        include_str!("../../../../../../tests/briefs/hotel.kdl"),
    ),
    (
        "kafka",
        include_str!("../../../../../../tests/briefs/kafka.kdl"),
    ),
    (
        "library",
        include_str!("../../../../../../tests/briefs/library.kdl"),
    ),
    (
        "saas",
        include_str!("../../../../../../tests/briefs/saas.kdl"),
    ),
    (
        "school",
        include_str!("../../../../../../tests/briefs/school.kdl"),
    ),
    (
        "shop of the language page",
        include_str!("../../../../../../tests/briefs/shop.kdl"),
    ),
    (
        "strangler",
        include_str!("../../../../../../tests/briefs/strangler.kdl"),
    ),
    (
        "webhooks",
        include_str!("../../../../../../tests/briefs/webhooks.kdl"),
    ),
];

/// An engine with rows that no command has made.
struct Bench {
    engine: Engine,
    world: World,
    clock: Arc<crate::world::ManualClock>,
    _folder: TempFolder,
}

impl Bench {
    async fn new(brief: &Arc<Brief>) -> Self {
        let folder = TempFolder::new();
        let (world, clock) = World::settable(START, 1);
        let behaviour = Behaviour {
            instant: true,
            ..Behaviour::default()
        };
        let others = Simulated::new(Arc::clone(brief), world.clone(), &folder.folder, behaviour);
        let path = folder.folder.path(".");
        let ground = Ground::new(services(brief, finest()), world.clone(), Arc::new(others));
        let engine = Engine::open(brief, &path, &ground).expect("a store");
        engine.listen();
        Self {
            engine,
            world,
            clock,
            _folder: folder,
        }
    }

    /// Nothing runs that policies have to do: only what is asked for happens.
    async fn seed(&self, rows: Vec<(Id<Aggregate>, Value)>) {
        for node in &*self.engine.nodes {
            let own = |(of, _): &&(Id<Aggregate>, Value)| node.core.place.owns(*of);
            let rows: Vec<_> = rows.iter().filter(own).cloned().collect();
            let written = node.store.write(move |store| {
                for (of, row) in &rows {
                    store.insert(*of, row)?;
                }
                Ok(())
            });
            written.await.expect("rows");
        }
        // Copies of them follow.
        while !self.engine.caught_up().await {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }

    async fn row(&self, of: Id<Aggregate>, row: &Value) -> Option<Value> {
        let (key, tenant) = {
            let aggregate = self.engine.first().core.brief.aggregates.get(of);
            let tenant = aggregate.slot("tenant").map(|slot| row.slot(slot).clone());
            (key_of(aggregate, row), tenant)
        };
        let read = self
            .engine
            .owner(of)
            .store
            .read(move |rows| rows.get(of, &key, tenant.as_ref().and_then(Value::as_text)));
        read.await.expect("a read")
    }

    fn asked(&self, number: usize, cell: &Cell<'_>, kind: &Kind) -> Asked {
        let [_, a, b, c] = u32::try_from(number).unwrap_or(0).to_be_bytes();
        Asked {
            caller: cell.caller(kind),
            address: IpAddr::V4(Ipv4Addr::new(10, a, b, c)),
            at: self.world.now(),
            trace: Trace::new(&*self.world.random),
        }
    }
}

/// What came of all cells of a brief.
#[derive(Default)]
struct Tally {
    expected: BTreeMap<Verdict, usize>,
    said: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

impl Tally {
    fn cells(&self) -> usize {
        self.expected.values().sum()
    }

    fn note(&mut self, what: &str, expected: &Result<Verdict, Lack>, code: &str, fits: bool) {
        match expected {
            Ok(verdict) => *self.expected.entry(*verdict).or_default() += 1,
            Err(lack) => self
                .wrong
                .push(format!("{what}: no expected answer: {lack:?}")),
        }
        *self.said.entry(code.to_owned()).or_default() += 1;
        if !fits {
            self.wrong
                .push(format!("{what}: expected {expected:?}, was `{code}`"));
        }
    }
}

fn describe(brief: &Brief, operation: &str, kind: &Kind, whose: Whose, shade: usize) -> String {
    let actor = kind.actor.map(|actor| brief.actors.get(actor));
    let who = actor.map_or("nobody".to_owned(), |actor| match kind.role {
        Some(role) => format!("{}.{}", actor.name, actor.roles[role]),
        None => actor.name.to_string(),
    });
    format!("{operation} by {who} on {whose:?} (shade {shade})")
}

fn code_of(answer: &CommandAnswer) -> String {
    match answer {
        CommandAnswer::Done(_) => "done".to_owned(),
        CommandAnswer::Accepted { .. } => "accepted".to_owned(),
        CommandAnswer::Refused(refusal) => refusal.code.clone(),
    }
}

/// Whether an answer is one that the verdict permits.
fn fits(expected: &Result<Verdict, Lack>, code: &str, whose: Whose) -> bool {
    match expected {
        Ok(Verdict::Unauthenticated) => code == refusal::UNAUTHENTICATED,
        Ok(Verdict::Forbidden) => code == refusal::FORBIDDEN,
        Ok(Verdict::Hidden) => code == refusal::NOT_FOUND,
        Ok(Verdict::Admitted) => {
            let about_who = [refusal::UNAUTHENTICATED, refusal::FORBIDDEN];
            let defect = [refusal::INTERNAL, refusal::TOO_MANY_REQUESTS];
            // A row beside the one that is asked for, keyed by the caller too, may not be there.
            let missing = code == refusal::NOT_FOUND && whose == Whose::Own;
            !about_who.contains(&code) && !defect.contains(&code) && !missing
        }
        Err(_) => true,
    }
}

/// One command by one caller on one object.
struct Asking<'a> {
    cell: Cell<'a>,
    command: Id<Command>,
    kind: Kind,
    whose: Whose,
    rows: Vec<(Id<Aggregate>, Value)>,
}

fn askings(brief: &Brief) -> Vec<Asking<'_>> {
    let mut found = Vec::new();
    let tenants = brief.tenancy.is_some();
    for (command, _) in brief.commands.iter() {
        for kind in kinds(brief) {
            for whose in WHOSE
                .into_iter()
                .filter(|whose| tenants || *whose != Whose::OtherTenant)
            {
                for shade in 0..shades(brief) {
                    let name = format!("c{}", found.len());
                    let number = i64::try_from(found.len()).unwrap_or(0);
                    let cell = Cell {
                        brief,
                        name,
                        shade,
                        number,
                    };
                    let rows = cell.rows();
                    found.push(Asking {
                        cell,
                        command,
                        kind: kind.clone(),
                        whose,
                        rows,
                    });
                }
            }
        }
    }
    found
}

async fn commands(served: &Arc<Brief>, brief: &Brief, tally: &mut Tally) {
    let bench = Bench::new(served).await;
    let askings = askings(brief);
    bench
        .seed(
            askings
                .iter()
                .flat_map(|asking| asking.rows.clone())
                .collect(),
        )
        .await;
    for (number, asking) in askings.iter().enumerate() {
        let Asking {
            cell, kind, whose, ..
        } = asking;
        let command = brief.commands.get(asking.command);
        let slots = command
            .input
            .iter()
            .map(|field| cell.fill(&field.ty, *whose, false));
        let input = Value::record(slots.collect());
        let mut facts = Facts::new(brief);
        asking.rows.iter().for_each(|(of, row)| facts.add(*of, row));
        let expected = facts.command(command, &cell.person(kind, &facts), &input);
        let request = CommandRequest {
            command: asking.command,
            asked: bench.asked(number, cell, kind),
            input,
            key: None,
            expected: None,
        };
        let answer = tokio::time::timeout(Duration::from_secs(30), bench.engine.command(request));
        let code = code_of(&answer.await.expect("an answer in time"));
        let what = describe(brief, command.name(), kind, *whose, cell.shade);
        tally.note(&what, &expected, &code, fits(&expected, &code, *whose));
        unchanged(&bench, asking, &expected, &facts, (&what, tally)).await;
        bench.clock.advance(Duration::from_secs(2));
    }
}

/// Nothing that was refused leaves a trace, and nobody reaches into another tenant.
async fn unchanged(
    bench: &Bench,
    asking: &Asking<'_>,
    expected: &Result<Verdict, Lack>,
    facts: &Facts<'_>,
    (what, tally): (&str, &mut Tally),
) {
    let brief = asking.cell.brief;
    let crosses = asking
        .kind
        .actor
        .is_some_and(|actor| brief.actors.get(actor).cross_tenant);
    let person = asking.cell.person(&asking.kind, facts);
    for (of, row) in &asking.rows {
        let reachable = crosses || facts.within(*of, row, &person);
        if *expected == Ok(Verdict::Admitted) && reachable {
            continue;
        }
        if bench.row(*of, row).await.as_ref() != Some(row) {
            let name = &brief.aggregates.get(*of).name;
            tally
                .wrong
                .push(format!("{what}: a row of `{name}` was changed"));
        }
    }
}

/// Serves one brief and judges by another, which is the same but for what a test plants.
async fn judged(served: &str, read: &str) -> Tally {
    let (served, read) = (checked(served), checked(read));
    let mut tally = Tally::default();
    commands(&served, &read, &mut tally).await;
    reading::reads(&served, &read, &mut tally).await;
    tally
}

#[tokio::test]
async fn every_operation_answers_everybody_as_allow_says() {
    let mut wrong = Vec::new();
    for (name, text) in BRIEFS {
        let mut tally = judged(text, text).await;
        println!(
            "matrix: {name}: {} cells: {:?}; answers: {:?}",
            tally.cells(),
            tally.expected,
            tally.said
        );
        for verdict in [Verdict::Admitted, Verdict::Unauthenticated] {
            if !tally.expected.contains_key(&verdict) {
                tally.wrong.push(format!("no cell expects {verdict:?}"));
            }
        }
        wrong.extend(
            tally
                .wrong
                .into_iter()
                .map(|text| format!("{name}: {text}")),
        );
    }
    let count = wrong.len();
    wrong.truncate(60);
    assert!(wrong.is_empty(), "{count} wrong:\n{}", wrong.join("\n"));
}

/// What is taken out of a brief before it is served; the judge still reads it.
const PLANTED: &[(&str, &str, &str)] = &[
    (
        "notes",
        "allow writer when=self.mine\n    filter state notebook",
        "allow writer\n    filter state notebook",
    ),
    (
        "notes",
        "allow writer when=input.notebook.mine",
        "allow writer",
    ),
    (
        "notes",
        "self.owner == caller.id",
        "self.owner != caller.id",
    ),
    (
        "clinic",
        "allow receptionist when=caller.employment.lead",
        "allow receptionist",
    ),
    (
        "clinic",
        "actor receptionist kind=staff {",
        "actor receptionist kind=staff cross-tenant {",
    ),
    (
        "shop",
        "allow clerk.manager\n    input order Order",
        "allow clerk\n    input order Order",
    ),
    ("shop", " && input.order.total < money('500.00')", ""),
];

#[tokio::test]
async fn what_is_loosened_behind_the_judge_is_noticed() {
    for (name, from, to) in PLANTED {
        let (_, text) = BRIEFS
            .iter()
            .find(|(known, _)| known == name)
            .expect("a brief");
        assert!(text.contains(from), "{name} has no `{from}`");
        let tally = judged(&text.replace(from, to), text).await;
        assert!(
            !tally.wrong.is_empty(),
            "{name}: `{to}` instead of `{from}` is not noticed"
        );
    }
}
