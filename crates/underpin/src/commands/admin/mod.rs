//! `underpin admin …`: looks into a running backend and decides what only a person can decide.
//! One file per question, one line of registration each.

mod shown;

use super::{FINE, findings};
use crate::terminal::Terminal;
use clap::Subcommand;
use std::path::PathBuf;
use std::process::ExitCode;
use underpin_run::admin::{Ask, By, Letters, Refused, Told, client};

macro_rules! questions {
    ($($(#[$meta:meta])* $name:ident: $module:ident,)*) => {
        $($(#[$meta])* mod $module;)*

        /// What can be asked of a running backend.
        #[derive(Subcommand)]
        enum Question {
            $($(#[$meta])* $name($module::Args),)*
        }

        impl Question {
            fn run(&self, desk: &Desk) -> Result<Told, Refused> {
                match self {
                    $($(#[$meta])* Self::$name(args) => $module::run(args, desk),)*
                }
            }
        }
    };
}

questions! {
    Flows: flows,
    Flow: flow,
    Resolve: resolve,
    Retry: retry,
    Skip: skip,
    End: end,
    Holds: holds,
    DeadLetters: dead_letters,
    Redrive: redrive,
    Discard: discard,
    Limits: limits,
    ResetLimit: reset_limit,
    Flags: flags,
    Flag: flag,
    Faults: faults,
    Fault: fault,
    Heal: heal,
    Status: status,
    Backup: backup,
    Restore: restore,
    Quiesce: quiesce,
    Resume: resume,
    Drain: drain,
    Erase: erase,
    Audit: audit,
}

/// Look into a running backend, and decide what only a person can decide.
#[derive(clap::Args)]
pub struct Args {
    /// The data folder of the backend.
    #[arg(long, default_value = "data", global = true)]
    data: PathBuf,
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t = Format::Text, global = true)]
    format: Format,
    #[command(subcommand)]
    question: Question,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Who changes something, and why.
#[derive(clap::Args)]
struct Reason {
    /// The reason; it is kept in the audit log.
    #[arg(long, value_name = "REASON")]
    why: String,
    /// Who decides; without it, the account of this machine.
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
}

impl Reason {
    fn by(&self) -> By {
        by(self.who.as_ref(), &self.why)
    }
}

/// As [`Reason`], for changes that speak for themselves.
#[derive(clap::Args)]
struct Note {
    /// The reason; it is kept in the audit log.
    #[arg(long, value_name = "REASON", default_value = "")]
    why: String,
    /// Who decides; without it, the account of this machine.
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
}

impl Note {
    fn by(&self) -> By {
        by(self.who.as_ref(), &self.why)
    }
}

fn by(who: Option<&String>, why: &str) -> By {
    let account = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    By {
        who: who.cloned().or(account).unwrap_or_else(|| "unknown".to_owned()),
        why: why.to_owned(),
    }
}

/// Which dead letters.
#[derive(clap::Args)]
struct Which {
    /// Those of this policy.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    policy: Option<String>,
    /// The one of this number, as `dead-letters` tells it.
    #[arg(requires = "policy")]
    number: Option<i64>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

impl Which {
    fn letters(&self) -> Letters {
        Letters {
            policy: self.policy.clone(),
            number: self.number,
        }
    }
}

/// The backend that is asked.
struct Desk {
    data: PathBuf,
}

impl Desk {
    fn ask(&self, ask: &Ask) -> Result<Told, Refused> {
        client::ask(&self.data, ask)
    }
}

pub fn run(args: &Args, terminal: &mut Terminal) -> ExitCode {
    let desk = Desk { data: args.data.clone() };
    match (args.question.run(&desk), args.format) {
        (Ok(told), Format::Text) => {
            terminal.out(&shown::text(&told));
            FINE
        }
        (Ok(told), Format::Json) => {
            let json = serde_json::to_string_pretty(&told).unwrap_or_default();
            terminal.out(&format!("{json}\n"));
            FINE
        }
        (Err(refused), Format::Text) => super::fail(terminal, &refused.message, &refused.help),
        (Err(refused), Format::Json) => {
            let json = serde_json::json!({ "refused": refused });
            terminal.out(&format!("{json:#}\n"));
            findings()
        }
    }
}

/// JSON of one argument.
fn json(text: &str) -> Result<serde_json::Value, Refused> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("`{text}` is not JSON: {error}");
        Refused::new("bad-output", message, "write it in one argument: '{\"name\": \"value\"}'")
    })
}
