//! Sagas of the running shop under two cuts: orders with a payment, everything in one service and
//! under the finest legal cut, in turns.

use super::released;
use super::shop::{self, Tokens};
use super::sides::{Programs, Side, middle, ratio, turns};
use crate::backend::Backend;
use crate::proc::Problem;
use crate::repo;

/// Starts the shop twice and places orders at both.
pub(crate) fn run() -> Result<Vec<String>, Problem> {
    let programs = Programs::build()?;
    let binary = released(&[])?;
    let text = repo::read(shop::brief()?.as_ref())?;
    let folder = repo::scratch("bench-sagas")?;
    let start = |cut: &str| {
        // The folder of a run is named after its brief.
        let brief = folder.join(format!("shop{cut}.kdl"));
        repo::write(&brief, &text)?;
        let brief = brief.to_string_lossy().into_owned();
        let args = [cut, "--slow", "payments=0ms", "--slow", "parcels=0ms"];
        let backend = Backend::start(&binary, &brief, &args)?;
        let tokens = Tokens::of(&backend, &binary, &brief)?;
        let side = Side {
            port: backend.port,
            process: backend.group.child.id(),
        };
        shop::fill(&programs.load, &side, &tokens)?;
        Ok::<_, Problem>((backend, side, shop::orders(&tokens)))
    };
    let one = start("--one")?;
    let finest = start("--finest")?;
    let sides = [(&one.1, one.2.as_slice()), (&finest.1, finest.2.as_slice())];
    let taken = turns(&programs.load, &sides, "201")?;
    let [one, finest] = taken.as_slice() else {
        return Ok(Vec::new());
    };
    Ok(vec![super::row(
        "orders with a payment a second, the finest cut beside one service",
        &format!(
            "{:.2} × the rate, {:.2} × the processor time",
            ratio(finest, one, |turn| turn.rate),
            ratio(finest, one, |turn| turn.cpu)
        ),
        &format!(
            "{:.0}/s beside {:.0}/s; {:.0} µs beside {:.0} µs of processor; middle latency {:.1} ms beside {:.1} ms",
            middle(finest, |turn| turn.rate),
            middle(one, |turn| turn.rate),
            middle(finest, |turn| turn.cpu),
            middle(one, |turn| turn.cpu),
            middle(finest, |turn| turn.middle),
            middle(one, |turn| turn.middle),
        ),
    )])
}
