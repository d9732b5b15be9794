//! The pure crates cannot reach the outside world: their lint configuration says so.

use crate::proc::Problem;
use crate::repo;

/// The crates without disk, clock, environment, processes, connections and randomness.
const PURE: &[&str] = &[
    "underpin-brief",
    "underpin-contract",
    "underpin-deliver",
    "underpin-design",
    "underpin-plan",
    "underpin-reference",
    "underpin-resilience",
];

/// Bans that each of them needs at least.
const BANS: &[&str] = &[
    "std::env::args",
    "std::env::var",
    "std::env::vars",
    "std::fs::File",
    "std::fs::read",
    "std::fs::read_to_string",
    "std::fs::write",
    "std::hash::RandomState::new",
    "std::io::stdin",
    "std::net::TcpStream::connect",
    "std::process::Command::new",
    "std::process::exit",
    "std::thread::spawn",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
];

/// Each pure crate has the bans with their reasons, the settings of the workspace (which its
/// file replaces), and the same file as its siblings.
pub(super) fn bans() -> Result<Vec<String>, Problem> {
    let settings = repo::text("clippy.toml")?;
    let mut found = Vec::new();
    let mut first: Option<String> = None;
    for name in PURE {
        let file = format!("crates/{name}/clippy.toml");
        let Ok(text) = repo::text(&file) else {
            found.push(format!("`{file}` is missing"));
            continue;
        };
        found.extend(
            missing(&settings, &text)
                .into_iter()
                .map(|lack| format!("`{file}`: {lack}")),
        );
        if first.get_or_insert_with(|| text.clone()) != &text {
            found.push(format!("`{file}` differs from that of `underpin-brief`"));
        }
    }
    Ok(found)
}

/// What a lint configuration lacks.
fn missing(settings: &str, text: &str) -> Vec<String> {
    let lost = settings
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter(|line| !text.lines().any(|other| other == *line))
        .map(|line| format!("lacks the setting `{line}` of the workspace"));
    let unbanned = BANS
        .iter()
        .filter(|ban| !text.contains(&format!("{{ path = \"{ban}\", reason = \"")))
        .map(|ban| format!("does not ban `{ban}` with a reason"));
    lost.chain(unbanned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_ban_and_a_lost_setting_are_found() {
        let whole = repo::text("crates/underpin-brief/clippy.toml").unwrap();
        assert!(missing("too-many-lines-threshold = 70", &whole).is_empty());
        let less = whole.replace("std::time::Instant::now", "std::time::Instant::later");
        assert_eq!(
            missing("", &less),
            ["does not ban `std::time::Instant::now` with a reason"]
        );
        assert_eq!(
            missing("x = 1", &whole),
            ["lacks the setting `x = 1` of the workspace"]
        );
    }
}
