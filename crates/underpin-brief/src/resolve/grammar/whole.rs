//! Rules of what concerns the whole: limits, tenants, slices, qualities, pins and questions.

use super::kinds::{Case, Kind};
use super::table::{KEBAB, SET, WITHIN};
use super::{Rule, arg, many, may, must, once, rule, some};

pub(super) static LIMIT: Rule = rule("limit")
    .args(&[arg("name", KEBAB)])
    .props(&[
        must("per", Kind::OneOf(&["caller", "tenant", "ip", "all"])),
        may("rate", Kind::Rate),
        may("burst", Kind::Int),
        may("count", Kind::Word),
        may("sum", Kind::Path),
        may("max", Kind::Bound),
        may("else", KEBAB),
    ])
    .children(&[many(&FOR)]);
static FOR: Rule = rule("for")
    .args(&[arg("operation", Kind::Word)])
    .rest("operation", Kind::Word);

pub(super) static TENANCY: Rule = rule("tenancy")
    .args(&[arg("aggregate", Kind::Word)])
    .children(&[once(&TENANCY_TIER), once(&TENANCY_REGION), many(&CALLER)]);
static TENANCY_TIER: Rule = rule("tier").args(&[arg("expression", Kind::Expr)]);
static TENANCY_REGION: Rule = rule("region").args(&[arg("expression", Kind::Expr)]);
static CALLER: Rule = rule("caller")
    .args(&[arg("actor", Kind::Word)])
    .props(&[may("via", Kind::Word), may("claim", Kind::Text)]);
pub(super) static TIER: Rule = rule("tier")
    .args(&[arg("name", KEBAB)])
    .props(&[
        may("isolation", Kind::OneOf(&["pool", "bridge", "silo"])),
        may("tenants", Kind::Int),
    ])
    .children(&[many(&TIER_LIMIT), many(&TIER_FLAG)]);
static TIER_LIMIT: Rule = rule("limit").args(&[arg("limit", Kind::Word)]).props(&[
    may("rate", Kind::Rate),
    may("burst", Kind::Int),
    may("max", Kind::Bound),
]);
static TIER_FLAG: Rule = rule("flag")
    .args(&[arg("flag", Kind::Word)])
    .rest("flag", Kind::Word);
pub(super) static FLAG: Rule = rule("flag")
    .args(&[arg("name", Kind::Name(Case::Either))])
    .children(&[once(&ROLLOUT)]);
static ROLLOUT: Rule = rule("rollout")
    .args(&[arg("share", Kind::Percent)])
    .props(&[may("by", Kind::OneOf(&["caller", "tenant"]))]);

pub(super) static SLICE: Rule = rule("slice")
    .args(&[arg("name", KEBAB)])
    .props(&[must("from", Kind::Word)])
    .children(&[
        some(&TAKE),
        many(&AFTER),
        once(&SHADOW),
        once(&CANARY),
        once(&BACK),
    ]);
static TAKE: Rule = rule("take")
    .args(&[arg("name", Kind::Word)])
    .rest("name", Kind::Word);
static AFTER: Rule = rule("after")
    .args(&[arg("slice", Kind::Word)])
    .rest("slice", Kind::Word);
static SHADOW: Rule = rule("shadow").props(&[
    may("for", Kind::Duration),
    may("sample", Kind::Percent),
    may("ignore", Kind::Word),
    may("tolerate", Kind::Percent),
]);
static CANARY: Rule = rule("canary")
    .args(&[arg("share", Kind::Percent)])
    .rest("share", Kind::Percent)
    .props(&[
        may("every", Kind::Duration),
        may("by", Kind::OneOf(&["caller", "tenant", "key"])),
    ]);
static BACK: Rule = rule("back")
    .props(&[may("within", Kind::Duration), may("for", Kind::Duration)])
    .children(&[many(&SET)]);

pub(super) static QUALITY: Rule = rule("quality").children(&[
    many(&QUALITY_AVAILABILITY),
    once(&RECOVERY),
    many(&PRIVACY),
    once(&BUDGET),
    many(&WITHIN),
]);
static QUALITY_AVAILABILITY: Rule = rule("availability")
    .args(&[arg("share", Kind::Percent)])
    .props(&[may("for", Kind::Word)]);
static RECOVERY: Rule =
    rule("recovery").props(&[may("point", Kind::Duration), may("time", Kind::Duration)]);
static PRIVACY: Rule = rule("privacy")
    .args(&[arg("rule", Kind::Word)])
    .rest("rule", Kind::Word);
static BUDGET: Rule = rule("budget").args(&[arg("amount", Kind::Budget)]);
pub(super) static COST: Rule = rule("cost").open(Kind::Any);
pub(super) static PIN: Rule = rule("pin")
    .args(&[arg("kind", KEBAB), arg("option", Kind::Word)])
    .rest("subject", Kind::Word)
    .props(&[may("for", Kind::Word)]);
pub(super) static QUESTION: Rule = rule("question")
    .args(&[arg("question", Kind::Text)])
    .props(&[may("about", Kind::Word)]);
