//! What a brief declares and this engine does not serve yet: named at start, never ignored. One
//! line of the table per construct; a line goes when its construct is served.

use underpin_brief::codes::{Code, serving};
use underpin_brief::diagnostic::Diagnostic;
use underpin_brief::model::*;
use underpin_brief::source::Span;

/// A place and what stands there.
type Place = (Span, String);

/// What to say of a construct, and where it is.
struct Construct {
    code: Code,
    places: fn(&Brief) -> Vec<Place>,
}

const TABLE: &[Construct] = &[
    Construct {
        code: serving::U0601,
        places: feeds,
    },
    Construct {
        code: serving::U0602,
        places: parts,
    },
    Construct {
        code: serving::U0603,
        places: shapes,
    },
    Construct {
        code: serving::U0604,
        places: changes,
    },
    Construct {
        code: serving::U0605,
        places: exports,
    },
    Construct {
        code: serving::U0606,
        places: slices,
    },
    Construct {
        code: serving::U0607,
        places: bulk,
    },
    Construct {
        code: serving::U0608,
        places: merges,
    },
    Construct {
        code: serving::U0609,
        places: ephemeral,
    },
    Construct {
        code: serving::U0610,
        places: retention,
    },
    Construct {
        code: serving::U0611,
        places: brokers,
    },
    Construct {
        code: serving::U0612,
        places: isolation,
    },
    Construct {
        code: serving::U0613,
        places: versions,
    },
    Construct {
        code: serving::U0614,
        places: blobs,
    },
];

/// Notes on everything that is declared and not served yet, in the order of their codes.
#[must_use]
pub fn unserved(brief: &Brief) -> Vec<Diagnostic> {
    let notes = TABLE.iter().flat_map(|construct| {
        let note = |(span, what): Place| {
            let title = construct.code.title();
            Diagnostic::note(construct.code, span, format!("{what}: {title}"))
        };
        (construct.places)(brief).into_iter().map(note)
    });
    notes.collect()
}

fn place(kind: &str, name: &Name) -> Place {
    (name.span, format!("{kind} `{name}`"))
}

fn feeds(brief: &Brief) -> Vec<Place> {
    brief
        .feeds
        .rows()
        .iter()
        .map(|feed| place("feed", &feed.name))
        .collect()
}

fn queries(brief: &Brief, has: impl Fn(&Query) -> bool) -> Vec<Place> {
    let found = brief.queries.rows().iter().filter(|query| has(query));
    found.map(|query| place("query", &query.name)).collect()
}

fn parts(brief: &Brief) -> Vec<Place> {
    queries(brief, |query| !query.parts.is_empty())
}

fn shapes(brief: &Brief) -> Vec<Place> {
    queries(brief, |query| !query.shapes.is_empty())
}

fn changes(brief: &Brief) -> Vec<Place> {
    queries(brief, |query| query.changes.is_some())
}

fn exports(brief: &Brief) -> Vec<Place> {
    queries(brief, |query| !query.exports.is_empty())
}

fn slices(brief: &Brief) -> Vec<Place> {
    brief
        .slices
        .rows()
        .iter()
        .map(|slice| place("slice", &slice.name))
        .collect()
}

fn bulk(brief: &Brief) -> Vec<Place> {
    let found = brief
        .commands
        .rows()
        .iter()
        .filter(|command| command.bulk.is_some());
    found
        .map(|command| place("command", &command.name))
        .collect()
}

fn fields(brief: &Brief, has: impl Fn(&Field) -> bool) -> Vec<Place> {
    let all = brief
        .aggregates
        .rows()
        .iter()
        .flat_map(|aggregate| &aggregate.fields);
    all.filter(|field| has(field))
        .map(|field| place("field", &field.name))
        .collect()
}

fn merges(brief: &Brief) -> Vec<Place> {
    fields(brief, |field| field.merge.is_some())
}

fn blobs(brief: &Brief) -> Vec<Place> {
    fields(brief, |field| field.ty.required() == &Type::Blob)
}

fn aggregates(brief: &Brief, has: impl Fn(&Aggregate) -> bool) -> Vec<Place> {
    let found = brief
        .aggregates
        .rows()
        .iter()
        .filter(|aggregate| has(aggregate));
    found
        .map(|aggregate| place("aggregate", &aggregate.name))
        .collect()
}

fn ephemeral(brief: &Brief) -> Vec<Place> {
    aggregates(brief, |aggregate| aggregate.ephemeral.is_some())
}

fn retention(brief: &Brief) -> Vec<Place> {
    aggregates(brief, |aggregate| {
        aggregate.keep.is_some() || aggregate.history.is_some()
    })
}

fn brokers(brief: &Brief) -> Vec<Place> {
    let all = brief
        .externals
        .rows()
        .iter()
        .flat_map(|external| external.sends.rows());
    all.filter(|sends| sends.via != Via::Webhook)
        .map(|sends| place("message", &sends.name))
        .collect()
}

fn isolation(brief: &Brief) -> Vec<Place> {
    let apart = brief
        .tiers
        .rows()
        .iter()
        .filter(|tier| tier.isolation != Isolation::Pool);
    let mut found: Vec<Place> = apart.map(|tier| place("tier", &tier.name)).collect();
    let placed = brief
        .tenancy
        .iter()
        .filter(|tenancy| tenancy.region.is_some());
    found.extend(placed.map(|tenancy| (tenancy.span, "`region` of tenants".to_owned())));
    found
}

fn versions(brief: &Brief) -> Vec<Place> {
    let older = &brief.system.version.serves;
    let name = &brief.system.name;
    older
        .iter()
        .map(|version| (name.span, format!("version {}", version.number)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_construct_that_is_not_served_is_named_and_nothing_else() {
        let text = r#"
system demo { version 2 { serve 1 } }
actor user kind=person
external bus { sends Heard via=kafka topic=t { field a text } }
aggregate Thing {
    key id
    field picture blob?
    field note text merge=last
    keep "1y"
}
command add { allow user; create thing Thing { set note="'x'" }; bulk 10 }
query things of=Thing { allow user; show id note; export csv; changes }
feed news { allow user; on Thing.created; deliver live }
"#;
        let checked = underpin_brief::resolve::check_text("a.kdl", text);
        let brief = checked
            .brief
            .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
        let codes: Vec<&str> = unserved(&brief).iter().map(|note| note.code.id).collect();
        let expected = [
            "U0601", "U0604", "U0605", "U0607", "U0608", "U0610", "U0611", "U0613", "U0614",
        ];
        assert_eq!(codes, expected);
    }
}
