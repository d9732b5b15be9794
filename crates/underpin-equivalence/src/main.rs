//! `underpin-equivalence`: what `cargo xtask equivalence` runs.
#![expect(clippy::print_stdout, reason = "a command line tells what it found")]

use std::process::ExitCode;
use underpin_brief::flow::Cut;
use underpin_equivalence::briefs::{self, Tried};
use underpin_equivalence::count::Counts;
use underpin_equivalence::generate;
use underpin_equivalence::runs::{self, Failure};
use underpin_reference::Meaning;

struct Wanted {
    brief: Option<String>,
    cut: Option<String>,
    seed: Option<u64>,
    scripts: u64,
    generated: u64,
    show: bool,
    steps: usize,
}

fn wanted() -> Result<Wanted, String> {
    let mut wanted = Wanted {
        brief: None,
        cut: None,
        seed: None,
        scripts: 20,
        generated: 10,
        show: false,
        steps: 40,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(format!("`{word}` needs a value"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("`{value}` is no number"))
        };
        match word.as_str() {
            "--cut" => wanted.cut = Some(value),
            "--brief" => wanted.brief = Some(value),
            "--seed" => wanted.seed = Some(number()?),
            "--generated" => wanted.generated = number()?,
            "--show" => wanted.show = number()? > 0,
            "--scripts" => wanted.scripts = number()?,
            "--steps" => wanted.steps = usize::try_from(number()?).unwrap_or(40),
            _ => return Err(format!("`{word}` is not known")),
        }
    }
    Ok(wanted)
}

/// The scripts of one brief on one cut.
fn tried_on(tried: &Tried, cut: (&str, &Cut), wanted: &Wanted) -> (Counts, Vec<Failure>) {
    let meaning = Meaning::new(&tried.brief);
    let seeds = match wanted.seed {
        Some(seed) => seed..seed + 1,
        None => 1..wanted.scripts + 1,
    };
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    for seed in seeds {
        let went = runs::settled_script((tried, cut), &meaning, seed, wanted.steps, &mut counts);
        failures.extend(went.err().map(|failure| *failure));
        if failures.len() >= 2 {
            break;
        }
    }
    (counts, failures)
}

/// Plants faults and says after how many scripts each was found.
#[cfg(feature = "mutations")]
fn mutations() -> Result<bool, String> {
    let found = underpin_equivalence::mutations::all(&briefs::given()?)?;
    for (name, scripts) in &found {
        match scripts {
            Some(scripts) => println!("{name}: found by script {scripts}"),
            None => println!("{name}: NOT found"),
        }
    }
    Ok(found.iter().all(|(_, scripts)| scripts.is_some()))
}

#[cfg(not(feature = "mutations"))]
fn mutations() -> Result<bool, String> {
    Err("faults can be planted only with the feature `mutations`".to_owned())
}

fn run() -> Result<bool, String> {
    if std::env::args().any(|word| word == "--mutations") {
        return mutations();
    }
    let wanted = wanted()?;
    runs::held()?;
    let mut good = true;
    let mut all = Counts::default();
    let mut tried = briefs::given()?;
    let one = wanted
        .brief
        .as_deref()
        .and_then(|name| name.strip_prefix("generated/"));
    match one.and_then(|seed| seed.parse().ok()) {
        Some(seed) => tried.push(generate::brief(seed)?),
        None => {
            for seed in 1..=wanted.generated {
                tried.push(generate::brief(seed)?);
            }
        }
    }
    for tried in tried {
        if wanted
            .brief
            .as_ref()
            .is_some_and(|name| *name != tried.name)
        {
            continue;
        }
        if wanted.show {
            println!("{}", tried.text);
        }
        let cuts = briefs::cuts(&tried);
        if cuts.len() == 1 && tried.brief.aggregates.len() > 1 {
            println!(
                "{}: the brief keeps all together, its cuts coincide",
                tried.name
            );
            // Nothing that is generated may do so: it would compare one service with itself.
            good &= !tried.name.starts_with("generated/");
        }
        for (tried, cut_name, cut) in cuts {
            if wanted.cut.as_ref().is_some_and(|name| *name != cut_name) {
                continue;
            }
            let (counts, failures) = tried_on(&tried, (cut_name, &cut), &wanted);
            failures.iter().for_each(|failure| println!("{failure}"));
            let word = if failures.is_empty() {
                "equal"
            } else {
                "DIFFERENT"
            };
            println!(
                "{} on {cut_name} ({} services): {word}",
                tried.name,
                cut.count()
            );
            all.merge(&counts);
            good &= failures.is_empty();
        }
    }
    all.lines().iter().for_each(|line| println!("{line}"));
    Ok(good)
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            println!("{problem}");
            ExitCode::FAILURE
        }
    }
}
