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
        code: serving::U0604,
        places: changes,
    },
    Construct {
        code: serving::U0606,
        places: slices,
    },
    Construct {
        code: serving::U0608,
        places: merges,
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
    Construct {
        code: serving::U0621,
        places: public_addresses,
    },
    Construct {
        code: serving::U0622,
        places: sign_in,
    },
    Construct {
        code: serving::U0623,
        places: formats,
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

fn queries(brief: &Brief, has: impl Fn(&Query) -> bool) -> Vec<Place> {
    let found = brief.queries.rows().iter().filter(|query| has(query));
    found.map(|query| place("query", &query.name)).collect()
}

fn changes(brief: &Brief) -> Vec<Place> {
    queries(brief, |query| {
        query.changes.is_some() && !matches!(query.of, QuerySource::Aggregate(_))
    })
}

fn slices(brief: &Brief) -> Vec<Place> {
    let slices = brief.slices.rows();
    let mut found: Vec<Place> = slices
        .iter()
        .map(|slice| place("slice", &slice.name))
        .collect();
    let described = brief.externals.iter().filter(|(id, external)| {
        let says = external.store.is_some() || external.serves.is_some();
        let says = says || !external.holds.is_empty() || !external.freezes.is_empty();
        says && slices.iter().all(|slice| slice.from != *id)
    });
    found.extend(described.map(|(_, external)| place("external", &external.name)));
    found
}

fn sign_in(brief: &Brief) -> Vec<Place> {
    let actors = brief.actors.rows().iter();
    actors
        .filter(|actor| actor.sign_in.iter().any(|method| &**method != "oidc"))
        .map(|actor| place("actor", &actor.name))
        .collect()
}

fn formats(brief: &Brief) -> Vec<Place> {
    let all = brief
        .externals
        .rows()
        .iter()
        .flat_map(|external| external.sends.rows());
    all.filter(|sends| sends.via == Via::Webhook)
        .filter(|sends| {
            sends
                .format
                .as_deref()
                .is_some_and(|format| format != "json")
        })
        .map(|sends| place("message", &sends.name))
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
    fields(brief, |field| field.merge == Some(Merge::Text))
}

fn blobs(brief: &Brief) -> Vec<Place> {
    let inside = |field: &Field| holds_blob(brief, &field.ty) && field.ty.required() != &Type::Blob;
    fields(brief, inside)
}

fn holds_blob(brief: &Brief, ty: &Type) -> bool {
    match ty {
        Type::Blob => true,
        Type::Optional(inner) | Type::List(inner) => holds_blob(brief, inner),
        Type::Record(id) => {
            let fields = &brief.records.get(*id).fields;
            // A record within itself holds no more than its other fields.
            fields.iter().any(|field| match field.ty.required() {
                Type::Record(_) => false,
                ty => holds_blob(brief, ty),
            })
        }
        _ => false,
    }
}

fn public_addresses(brief: &Brief) -> Vec<Place> {
    let mut found = fields(brief, |field| field.marks.public_address);
    let inputs = brief.commands.rows().iter();
    let inputs = inputs.flat_map(|command| &command.input);
    let marked = inputs.filter(|field| field.marks.public_address);
    found.extend(marked.map(|field| place("input", &field.name)));
    found
}

fn brokers(brief: &Brief) -> Vec<Place> {
    let all = brief
        .externals
        .rows()
        .iter()
        .flat_map(|external| external.sends.rows());
    let mut found: Vec<Place> = all
        .filter(|sends| sends.via != Via::Webhook)
        .map(|sends| place("message", &sends.name))
        .collect();
    let feeds = brief.feeds.rows().iter();
    let streams = feeds.filter(|feed| matches!(feed.deliver, Deliver::Stream));
    found.extend(streams.map(|feed| place("feed", &feed.name)));
    found
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
    use underpin_brief::codes::pages::{Form, files, untrue};
    use underpin_brief::resolve::check_files;

    /// What is added to a small brief, and the code that names it.
    const TABLE: &[(&str, &[&str])] = &[
        ("", &[]),
        (
            "feed news { allow user; on Thing.created; deliver stream }",
            &["U0611"],
        ),
        (
            "feed news { allow user; on Thing.created; deliver live }",
            &[],
        ),
        (
            "view Notes { from t Thing; group note=t.note; show things=\"count()\" }
             query sent of=Notes { allow user; changes }",
            &["U0604"],
        ),
        (
            "aggregate Pad { key id; field body text merge=text; field title text merge=last }",
            &["U0608"],
        ),
        (
            "external bus { sends Heard via=kafka topic=t { field a text } }",
            &["U0611"],
        ),
        ("tier high isolation=silo", &["U0612"]),
        (
            "record Page { key at int; field picture blob }\naggregate Card { key id; field front blob?; field pages Page* }",
            &["U0614"],
        ),
        (
            "aggregate Hook { key id; field target url public-address }",
            &["U0621"],
        ),
    ];

    #[test]
    fn every_construct_that_is_not_served_is_named_and_nothing_else() {
        let mut wrong = Vec::new();
        for (added, expected) in TABLE {
            let text = format!(
                "system demo\nactor user kind=person\naggregate Thing {{ key id; field note text }}\n{added}\n"
            );
            let checked = underpin_brief::resolve::check_text("a.kdl", &text);
            let Some(brief) = checked.brief else {
                let found: Vec<String> = checked
                    .diagnostics
                    .iter()
                    .map(|d| d.message.clone())
                    .collect();
                wrong.push(format!("{added}: {found:?}"));
                continue;
            };
            let codes: Vec<&str> = unserved(&brief).iter().map(|note| note.code.id).collect();
            if codes != *expected {
                wrong.push(format!("{added}: {codes:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Codes of what is declared and not served; those from U0690 on are of options.
    const DECLARED: &[&str] = &["U060", "U061", "U062"];

    #[test]
    fn the_examples_on_the_pages_are_noted_at_start_or_mended() {
        let raised = |block: &str| {
            let checked = check_files(files(block));
            let mut found = checked.diagnostics;
            found.extend(checked.brief.iter().flat_map(unserved));
            found.iter().map(|found| found.code.id.to_owned()).collect()
        };
        let wrong = untrue(DECLARED, Form::Brief, raised);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
