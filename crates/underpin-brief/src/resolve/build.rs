//! The passes in their order: names, shapes, then everything that holds expressions.

use super::context::Cx;
use super::names::{Names, in_expressions};
use super::world::World;
use super::{
    actor, aggregate, command, event, external, feed, limit, policy, quality, query, record,
    review, system, tenancy, types, view,
};
use crate::diagnostic::{Diagnostic, has_errors};
use crate::expr::{
    AggregateSignature, DeclaredNames, DefineSource, OwnedSource, RecordSignature, Signatures,
    check_defines,
};
use crate::kdl::Node;
use crate::model::*;
use crate::source::Sources;
use std::cell::RefCell;
use std::sync::Arc;

/// The brief that the nodes of all files make, and what was found. The brief is absent where there
/// is an error.
pub(super) fn build(sources: &Sources, nodes: &[&Node]) -> (Option<Brief>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let names = Names::collect(nodes, &mut found);
    let header = system::system(nodes, &mut found);
    let mut cx = context(sources, names, &header, found);
    let tenant = tenancy::tenant(&cx, nodes);
    cx.sig.tenant = tenant;
    cx.sig.memberships = tenancy::memberships(&cx, nodes);
    let actors = actor::actors(&cx);
    let enums = record::enums(&cx);
    let records = record::records(&cx);
    let mut aggregates = aggregate::shapes(&cx, tenant);
    aggregate::break_key_cycles(&cx, &mut aggregates);
    let mut externals = external::shapes(&cx);
    sign(&mut cx, &actors, &enums, &records, &aggregates);
    check_defines(&cx.sig, &mut cx.found.borrow_mut());
    aggregate::rules(&cx, &mut aggregates);
    external::rules(&cx, &mut externals);
    let events = event::events(&cx);
    let commands = cx.names.commands.iter();
    let inputs: Vec<Vec<Field>> = commands
        .map(|(_, _, node)| types::fields(&cx, node, "input"))
        .collect();
    let returns = RefCell::new(vec![None; inputs.len()]);
    let world = World {
        cx,
        externals,
        aggregates,
        events,
        inputs,
        returns,
    };
    let brief = rest(
        &world,
        nodes,
        Parts {
            header,
            actors,
            enums,
            records,
        },
    );
    if !has_errors(&world.cx.found.borrow()) {
        review::review(&world, &brief);
    }
    let World {
        cx,
        externals,
        aggregates,
        events,
        ..
    } = world;
    let brief = Brief {
        externals,
        aggregates,
        events,
        ..brief
    };
    let found = cx.found.into_inner();
    let sound = !has_errors(&found);
    (sound.then_some(brief), found)
}

fn context<'a>(
    sources: &'a Sources,
    names: Names<'a>,
    header: &System,
    found: Vec<Diagnostic>,
) -> Cx<'a> {
    let all = |names: &mut dyn Iterator<Item = &str>| names.map(Arc::from).collect();
    let declared = DeclaredNames {
        enums: all(&mut names.enums.names()),
        records: all(&mut names.records.names()),
        actors: all(&mut names.actors.names()),
        aggregates: all(&mut names.aggregates.names()),
    };
    let currency = header.currencies.first().copied().unwrap_or(Currency::NONE);
    let mut sig = Signatures::new(declared, currency);
    sig.flags = all(&mut names.flags.names());
    sig.limits = names.limits.names().map(in_expressions).collect();
    sig.tiers = all(&mut names.tiers.names());
    sig.regions = header.regions.clone();
    let regions = header.regions.clone();
    Cx {
        sources,
        names,
        currency,
        regions,
        sig,
        found: RefCell::new(found),
    }
}

/// Tells the expression checker what everything is.
fn sign(
    cx: &mut Cx<'_>,
    actors: &Table<Actor>,
    enums: &Table<Enum>,
    records: &Table<Record>,
    aggregates: &Table<Aggregate>,
) {
    let texts = |names: &[Name]| names.iter().map(|name| Arc::clone(&name.text)).collect();
    for (id, actor) in actors.iter() {
        cx.sig.set_actor(id, texts(&actor.roles));
    }
    for (id, one) in enums.iter() {
        cx.sig.set_enum(id, texts(&one.values));
    }
    for (id, record) in records.iter() {
        let signature = RecordSignature {
            keys: record.keys,
            shape: Arc::clone(&record.shape),
            defaults: record
                .fields
                .iter()
                .map(|field| field.default.clone())
                .collect(),
        };
        cx.sig.set_record(id, signature);
    }
    for (id, aggregate) in aggregates.iter() {
        let node = cx.names.aggregates.node(id);
        let defines = node
            .into_iter()
            .flat_map(|node| node.children_named("define"));
        let defines = defines
            .filter_map(|inner| define(cx, aggregate, inner))
            .collect();
        let signature = AggregateSignature {
            row: Arc::clone(&aggregate.row),
            keys: aggregate.keys,
            generated_key: aggregate.generated_key,
            states: aggregate
                .states
                .as_ref()
                .map_or_else(Vec::new, |states| texts(&states.names)),
            defines,
        };
        cx.sig.set_aggregate(id, signature);
    }
}

fn define(cx: &Cx<'_>, aggregate: &Aggregate, node: &Node) -> Option<DefineSource> {
    use super::read::{EntryExt, NodeExt};
    let name = node.title()?;
    if let Some(slot) = aggregate
        .row
        .slots
        .iter()
        .find(|slot| slot.name == name.text)
    {
        let message = format!("`{}` has `{}` already", aggregate.name, slot.name);
        let code = crate::codes::declarations::U0209;
        cx.push(Diagnostic::error(code, name.span, message).help("choose another name"));
    }
    let source = OwnedSource::entry(node.arg(1)?, cx.sources);
    let depth = node.prop("depth").and_then(EntryExt::small);
    Some(DefineSource {
        name,
        source,
        depth,
    })
}

/// What was made first and goes into the brief as it is.
struct Parts {
    header: System,
    actors: Table<Actor>,
    enums: Table<Enum>,
    records: Table<Record>,
}

/// Everything that needs shapes; externals, aggregates and events are still with `world`.
fn rest(world: &World<'_>, nodes: &[&Node], parts: Parts) -> Brief {
    let cx = &world.cx;
    let views = view::views(cx);
    let queries = query::queries(world, &views);
    let commands = command::commands(world);
    let policies = policy::policies(world);
    let feeds = feed::feeds(world);
    let limits = limit::limits(cx, &world.aggregates);
    let tiers = tenancy::tiers(cx, &limits);
    Brief {
        system: parts.header,
        teams: system::teams(cx),
        actors: parts.actors,
        externals: Table::default(),
        records: parts.records,
        enums: parts.enums,
        aggregates: Table::default(),
        events: Table::default(),
        views,
        queries,
        commands,
        policies,
        feeds,
        limits,
        tenancy: tenancy::tenancy(cx, nodes, &world.aggregates),
        tiers,
        flags: tenancy::flags(cx),
        slices: quality::slices(cx),
        quality: quality::quality(cx, nodes),
        costs: quality::costs(nodes),
        pins: quality::pins(cx, nodes),
        questions: quality::questions(cx, nodes),
        texts: Texts::of(cx.sources),
    }
}
