//! `underpin token FILE --actor A --subject S --data D`: a development token on standard output.

use super::{FINE, fail, findings};
use crate::loaded;
use crate::terminal::Terminal;
use std::path::PathBuf;
use std::process::ExitCode;
use underpin_brief::model::{Actor, Brief, Named};
use underpin_brief::suggest;
use underpin_run::folder::Folder;
use underpin_run::identity::{Issuer, TokenRequest};
use underpin_run::world::World;

/// Print a development token for an actor; works with or without a running backend.
#[derive(clap::Args)]
pub struct Args {
    /// The brief.
    file: PathBuf,
    /// The actor, as the brief names it.
    #[arg(long)]
    actor: String,
    /// Who it is: `caller.id`.
    #[arg(long)]
    subject: String,
    /// The data folder of the backend, which holds the key.
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// A role of the actor; may be repeated. Without it, all its roles.
    #[arg(long)]
    role: Vec<String>,
    /// The tenant.
    #[arg(long)]
    tenant: Option<String>,
    /// The channel; without it, the first that the brief names.
    #[arg(long)]
    channel: Option<String>,
    /// A further claim, `name=value`; may be repeated. `name` is the display name.
    #[arg(long, value_name = "NAME=VALUE")]
    claim: Vec<String>,
}

pub fn run(args: &Args, terminal: &mut Terminal) -> ExitCode {
    let checked = loaded::check(&args.file);
    loaded::show_errors(&checked.sources, &checked.diagnostics, terminal);
    let Some(brief) = checked.brief else {
        return findings();
    };
    match token(&brief, args) {
        Ok(token) => {
            terminal.out(&format!("{token}\n"));
            FINE
        }
        Err((message, help)) => fail(terminal, &message, &help),
    }
}

fn token(brief: &Brief, args: &Args) -> Result<String, (String, String)> {
    let actor = find_actor(brief, &args.actor)?;
    let mut request = TokenRequest::new(actor.name(), &args.subject);
    request.roles = roles(actor, &args.role)?;
    request.tenant.clone_from(&args.tenant);
    let first = actor.channels.first().map(|channel| channel.name.text.to_string());
    request.channel = args.channel.clone().or(first);
    for claim in &args.claim {
        let Some((name, value)) = claim.split_once('=') else {
            return Err((format!("`{claim}` is not a claim"), "write --claim name=value".into()));
        };
        request.claims.insert(name.to_owned(), value.into());
    }
    let io = |error: std::io::Error| (format!("{}: {error}", args.data.display()), String::new());
    let folder = Folder::open(&args.data).map_err(io)?;
    let issuer = Issuer::of(&folder, &brief.system.name.text).map_err(io)?;
    issuer.mint(&request, &World::system()).map_err(|error| (error.to_string(), String::new()))
}

fn find_actor<'a>(brief: &'a Brief, name: &str) -> Result<&'a Actor, (String, String)> {
    if let Some(id) = brief.actors.find(name) {
        return Ok(brief.actors.get(id));
    }
    let names: Vec<&str> = brief.actors.rows().iter().map(Named::name).collect();
    let help = match suggest::closest(name, names.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("the brief has: {}", names.join(", ")),
    };
    Err((format!("no actor is called `{name}`"), help))
}

fn roles(actor: &Actor, asked: &[String]) -> Result<Vec<String>, (String, String)> {
    let known: Vec<String> = actor.roles.iter().map(|role| role.text.to_string()).collect();
    if asked.is_empty() {
        return Ok(known);
    }
    match asked.iter().find(|role| !known.contains(role)) {
        Some(role) => {
            let has = format!("`{}` has: {}", actor.name(), known.join(", "));
            Err((format!("`{}` has no role `{role}`", actor.name()), has))
        }
        None => Ok(asked.to_vec()),
    }
}
