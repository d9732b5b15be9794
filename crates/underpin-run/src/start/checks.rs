//! What can be wrong with options and data folder before anything runs, each with its code and a
//! help.

use super::{Options, StartError};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use underpin_brief::codes::serving;
use underpin_brief::model::{Brief, Named, Text};
use underpin_brief::suggest;

pub(super) fn reachable(options: &Options) -> Result<(), StartError> {
    let address = options.address;
    if address.is_loopback() || options.issuer.is_some() {
        return Ok(());
    }
    let message = format!("tokens made on the command line are not accepted on `{address}`");
    let help = "use `127.0.0.1`, or name who signs tokens: `--issuer https://id.example.org`";
    Err(StartError::new(serving::U0690, message).help(help))
}

/// The actors who come with a token of a provider: a person proves to it who they are, however the
/// brief says so. One who signs in by a key or a certificate alone does not come this way.
pub(super) fn sign_in_elsewhere(brief: &Brief) -> Vec<String> {
    let through = |way: &Text| matches!(&**way, "oidc" | "password" | "passkey");
    let actors = brief.actors.rows().iter();
    let actors =
        actors.filter(|actor| actor.sign_in.is_empty() || actor.sign_in.iter().any(through));
    actors.map(|actor| actor.name().to_owned()).collect()
}

pub(super) async fn bind(options: &Options) -> Result<TcpListener, StartError> {
    let wanted = SocketAddr::new(options.address, options.port);
    TcpListener::bind(wanted)
        .await
        .map_err(|error| not_bound(options, &error))
}

pub(super) fn not_bound(options: &Options, error: &io::Error) -> StartError {
    let wanted = SocketAddr::new(options.address, options.port);
    StartError::new(
        serving::U0691,
        format!("cannot listen on `{wanted}`: {error}"),
    )
    .help("choose another with `--port`; `--port 0` takes any free one")
}

pub(super) fn data_folder(options: &Options, error: &io::Error) -> StartError {
    let path = options.data.display();
    StartError::new(
        serving::U0692,
        format!("the data folder `{path}` cannot be used: {error}"),
    )
}

pub(super) fn known_names(brief: &Brief, options: &Options) -> Result<(), StartError> {
    for name in options.with.keys() {
        if brief.externals.find(name).is_none() {
            return Err(unknown(brief, "--with", name));
        }
    }
    for name in options.slow.keys() {
        let known = match name.split_once('.') {
            None => brief.externals.find(name).is_some(),
            Some((external, operation)) => brief
                .externals
                .find(external)
                .is_some_and(|id| brief.externals.get(id).operations.find(operation).is_some()),
        };
        if !known {
            return Err(unknown(brief, "--slow", name));
        }
    }
    Ok(())
}

fn unknown(brief: &Brief, option: &str, name: &str) -> StartError {
    let names: Vec<&str> = brief.externals.rows().iter().map(Named::name).collect();
    let error = StartError::new(
        serving::U0693,
        format!("`{option}` names `{name}`, which is no external"),
    );
    match (suggest::closest(name, names.iter()), names.as_slice()) {
        (Some(near), _) => error.help(format!("did you mean `{near}`?")),
        (None, []) => error.help("the brief declares none"),
        (None, names) => error.help(format!("the brief declares `{}`", names.join("`, `"))),
    }
}
