//! `underpin run FILE`: the described backend, in this process, until it is told to end.

use super::{FINE, fail, findings};
use crate::planned::{self, Boundaries, Planned};
use crate::terminal::Terminal;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use underpin_brief::flow::Cut;
use underpin_brief::model;
use underpin_run::{ClaimNames, ExternalIssuer, Options, Prepared, Services, StartError, Started};

/// Run the described backend in this process, durable, with nothing to install.
#[derive(clap::Args)]
pub struct Args {
    /// The brief.
    file: PathBuf,
    /// The port; 0 for any free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The data folder; made where it is missing.
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// The address; a loopback one, unless `--issuer` says whose tokens are believed.
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// Believe the tokens of this OpenID Connect provider, and no development tokens.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// What tokens of the issuer must be for; the system's name where it is not given.
    #[arg(long, value_name = "NAME", requires = "issuer")]
    audience: Option<String>,
    /// Where such a token says it: `roles=realm_access.roles`; may be repeated.
    #[arg(long, value_name = "WORD=CLAIM", requires = "issuer")]
    issuer_claim: Vec<String>,
    /// How long after its issue such a token is accepted at most.
    #[arg(long, value_name = "DURATION", requires = "issuer", default_value = "24h")]
    token_age: String,
    /// Simulated externals refuse and fail as often as the brief says, drawn from this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Use a real external: `mailer=https://…`; may be repeated.
    #[arg(long, value_name = "EXTERNAL=URL")]
    with: Vec<String>,
    /// Delay a simulated external: `mailer=1s` or `mailer.send=250ms`; may be repeated.
    #[arg(long, value_name = "EXTERNAL=DURATION")]
    slow: Vec<String>,
    /// Send messages of feeds to any address, also without encryption: for development.
    #[arg(long)]
    allow_private_webhooks: bool,
    /// Fill an empty data folder through ordinary commands.
    #[arg(long)]
    sample: bool,
    /// What to do with a data folder of an earlier version of the brief.
    #[arg(long, value_enum, default_value_t = Migrate::Auto)]
    migrate: Migrate,
    /// Log requests as JSON on standard error; the default where that is no terminal.
    #[arg(long)]
    log: bool,
    #[command(flatten)]
    boundaries: Boundaries,
}

/// What to do with a data folder of an earlier version of the brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Migrate {
    /// Migrate it where nothing is lost; otherwise refuse it untouched.
    Auto,
    /// Refuse it untouched.
    Never,
    /// Only say what would be done; nothing is touched or started.
    Plan,
}

/// What `--migrate` says before anything starts; the exit code where that is all.
fn ahead(args: &Args, planned: &Planned, terminal: &mut Terminal) -> Option<ExitCode> {
    if args.migrate == Migrate::Auto {
        return None;
    }
    let changes = match underpin_run::migration(&planned.brief, &services(planned), &args.data) {
        Ok(changes) => changes,
        Err(error) => {
            terminal.err(&format!("{error}\n"));
            return Some(findings());
        }
    };
    let list: String = changes.iter().map(|change| format!("  {change}\n")).collect();
    let data = args.data.display();
    match (args.migrate, changes.is_empty()) {
        (Migrate::Plan, true) => terminal.out(&format!("`{data}`: nothing to migrate\n")),
        (Migrate::Plan, false) => terminal.out(&format!("`{data}` would be migrated:\n{list}")),
        (_, true) => return None,
        (_, false) => {
            let message = format!("`{data}` is of an earlier version of the brief:\n{list}");
            let help = "leave out `--migrate never` to migrate it; nothing is lost by that";
            return Some(fail(terminal, message.trim_end(), help));
        }
    }
    Some(FINE)
}

pub fn run(args: &Args, terminal: &mut Terminal) -> ExitCode {
    let planned = match planned::plan(&args.file, args.boundaries, terminal) {
        Ok(planned) => planned,
        Err(code) => return code,
    };
    let options = match options(args) {
        Ok(options) => options,
        Err((message, help)) => return fail(terminal, &message, &help),
    };
    if let Some(code) = ahead(args, &planned, terminal) {
        return code;
    }
    let outcome = underpin_run::block_on(serve(prepared(planned), options, args.sample, terminal));
    match outcome {
        Ok(Ok(())) => FINE,
        Ok(Err(error)) => {
            terminal.err(&format!("{error}\n"));
            findings()
        }
        Err(error) => fail(terminal, &format!("this machine gives no threads: {error}"), ""),
    }
}

fn prepared(planned: Planned) -> Prepared {
    Prepared {
        services: services(&planned),
        openapi: underpin_contract::openapi(&planned.contract),
        brief: Arc::new(planned.brief),
        contract: Arc::new(planned.contract),
    }
}

/// The services of the design, for the engine.
fn services(planned: &Planned) -> Services {
    let (brief, design) = (&planned.brief, &planned.design);
    let owner = |aggregate: &str| {
        let mut contexts = design.contexts().iter();
        let context = contexts.find(|context| context.aggregates.iter().any(|own| own == aggregate));
        let mut services = design.services().iter();
        services.position(|service| context.is_some_and(|own| service.contexts.contains(&own.name)))
    };
    let labels: Vec<usize> =
        brief.aggregates.rows().iter().map(|row| owner(&row.name.text).unwrap_or(0)).collect();
    let mut names: Vec<String> = Vec::new();
    for label in &labels {
        let name = design.services().get(*label).map_or("", |service| &service.name);
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    if names.is_empty() {
        return Services::one(brief);
    }
    Services { cut: Cut::from_groups(&labels), names }
}

fn options(args: &Args) -> Result<Options, (String, String)> {
    let mut options = Options::new(args.data.clone());
    options.address = args.address;
    options.port = args.port;
    options.seed = args.seed;
    options.issuer = issuer(args)?;
    options.with = pairs(&args.with, "--with", "mailer=http://localhost:9000", |url| {
        Some(url.to_owned())
    })?;
    options.slow = pairs(&args.slow, "--slow", "mailer=1s", |text| {
        let length = model::Duration::parse(text)?;
        u64::try_from(length.micros).ok().map(Duration::from_micros)
    })?;
    if args.allow_private_webhooks {
        options.reach = underpin_run::webhooks::Reach::Anywhere;
    }
    options.log = args.log || !std::io::stderr().is_terminal();
    Ok(options)
}

/// Whose tokens are believed, where that is said.
fn issuer(args: &Args) -> Result<Option<ExternalIssuer>, (String, String)> {
    let Some(url) = &args.issuer else { return Ok(None) };
    let mut issuer = ExternalIssuer::new(url);
    issuer.audience.clone_from(&args.audience);
    let age = model::Duration::parse(&args.token_age).and_then(|age| u64::try_from(age.micros).ok());
    let Some(age) = age else {
        let message = format!("`--token-age {}` cannot be read", args.token_age);
        return Err((message, "write `--token-age 8h`".to_owned()));
    };
    issuer.max_age = Duration::from_micros(age);
    let claims = pairs(&args.issuer_claim, "--issuer-claim", "roles=realm_access.roles", |claim| {
        Some(claim.to_owned())
    })?;
    for (word, claim) in claims {
        if !issuer.claims.set(&word, &claim) {
            let known = ClaimNames::WORDS.join("`, `");
            return Err((format!("`--issuer-claim {word}=…`: no such word"), format!("one of `{known}`")));
        }
    }
    Ok(Some(issuer))
}

/// `name=value` pairs of a repeated option.
fn pairs<T>(
    given: &[String],
    option: &str,
    example: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<BTreeMap<String, T>, (String, String)> {
    let mut found = BTreeMap::new();
    for text in given {
        let pair = text.split_once('=').and_then(|(name, value)| Some((name, read(value)?)));
        let Some((name, value)) = pair else {
            return Err((format!("`{option} {text}` cannot be read"), format!("write `{option} {example}`")));
        };
        found.insert(name.to_owned(), value);
    }
    Ok(found)
}

async fn serve(
    prepared: Prepared,
    options: Options,
    sample: bool,
    terminal: &mut Terminal,
) -> Result<(), StartError> {
    let brief = Arc::clone(&prepared.brief);
    let services = prepared.services.names.clone();
    let started = underpin_run::start_embedded(prepared, options, sample).await?;
    terminal.out(&greeting(&brief, &started, &services));
    started.running.until_told().await;
    Ok(())
}

/// What a person sees when the backend is ready.
fn greeting(brief: &model::Brief, started: &Started, services: &[String]) -> String {
    let mut lines = String::new();
    for note in &started.notes {
        let at = note.helps.first().map_or("", |help| help.text.as_str());
        let separator = if at.is_empty() { "" } else { " · " };
        lines.push_str(&format!("note[{}]: {}{separator}{at}\n", note.code, note.message));
    }
    if services.len() > 1 {
        let names = services.join(", ");
        lines.push_str(&format!("{} services in this process: {names}\n", services.len()));
    }
    if !started.recovered.is_empty() {
        let count = started.recovered.len();
        let flows = if count == 1 { "flow" } else { "flows" };
        lines.push_str(&format!("recovered {count} {flows}: {}\n", started.recovered.join(", ")));
    }
    for change in &started.migrated {
        lines.push_str(&format!("migrated: {change}\n"));
    }
    if !started.sampled.is_empty() {
        let rows: Vec<String> =
            started.sampled.iter().map(|(name, count)| format!("{count} {name}")).collect();
        lines.push_str(&format!("sample: {}\n", rows.join(", ")));
    }
    let running = &started.running;
    let mut ready = format!(
        "ready {:.2} s · http://{}/docs",
        running.ready_after().as_secs_f64(),
        running.address()
    );
    for name in running.simulated() {
        ready.push_str(&format!(" · {name} simulated (no URL)"));
    }
    if brief.queries.is_empty() && brief.commands.is_empty() {
        ready.push_str(&format!(" · `{}` has no operations yet", brief.system.name.text));
    }
    format!("{lines}{ready}\n")
}
