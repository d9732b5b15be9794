//! The grammar of a brief as a table: one rule per node and place.

use super::kinds::{Case, Kind};
use super::whole::{COST, FLAG, LIMIT, PIN, QUALITY, QUESTION, SLICE, TENANCY, TIER};
use super::{Child, Rule, arg, many, may, must, needed, once, rule, some};

/// A file: a flat list of declarations.
pub(crate) static TOP: Rule = rule("file").children(&[
    many(&SYSTEM),
    many(&INCLUDE),
    many(&TEAM),
    many(&ACTOR),
    many(&EXTERNAL),
    many(&RECORD),
    many(&ENUM),
    many(&AGGREGATE),
    many(&EVENT),
    many(&VIEW),
    many(&QUERY),
    many(&COMMAND),
    many(&POLICY),
    many(&FEED),
    many(&LIMIT),
    many(&TENANCY),
    many(&TIER),
    many(&FLAG),
    many(&SLICE),
    many(&QUALITY),
    many(&COST),
    many(&PIN),
    many(&QUESTION),
]);

pub(super) const KEBAB: Kind = Kind::Name(Case::Kebab);
pub(super) const PASCAL: Kind = Kind::Name(Case::Pascal);
pub(super) const SNAKE: Kind = Kind::Name(Case::Snake);

static SYSTEM: Rule = rule("system").args(&[arg("name", KEBAB)]).children(&[
    once(&TITLE),
    once(&PURPOSE),
    once(&CURRENCY),
    once(&REGION),
    once(&VERSION),
]);
static TITLE: Rule = rule("title").args(&[arg("title", Kind::Text)]);
static PURPOSE: Rule = rule("purpose").args(&[arg("purpose", Kind::Text)]);
static CURRENCY: Rule = rule("currency")
    .args(&[arg("currency", Kind::Currency)])
    .rest("currency", Kind::Currency);
static REGION: Rule = rule("region")
    .args(&[arg("region", Kind::Word)])
    .rest("region", Kind::Word);
static VERSION: Rule = rule("version")
    .args(&[arg("version", Kind::Int)])
    .children(&[many(&SERVE)]);
static SERVE: Rule = rule("serve")
    .args(&[arg("version", Kind::Int)])
    .rest("version", Kind::Int)
    .props(&[may("until", Kind::Date)]);
static INCLUDE: Rule = rule("include").args(&[arg("file", Kind::Text)]);

static TEAM: Rule = rule("team")
    .args(&[arg("name", KEBAB)])
    .props(&[may("size", Kind::Int)])
    .children(&[once(&SKILLS)]);
static SKILLS: Rule = rule("skills").rest("skill", Kind::Word);

static ACTOR: Rule = rule("actor")
    .args(&[arg("name", KEBAB)])
    .marks(&["cross-tenant"])
    .props(&[may(
        "kind",
        Kind::OneOf(&["person", "staff", "partner", "system"]),
    )])
    .children(&[many(&CHANNEL), once(&SIGN_IN), once(&ROLE)]);
static CHANNEL: Rule = rule("channel")
    .args(&[arg("channel", KEBAB)])
    .rest("channel", KEBAB)
    .props(&[
        may("rtt", Kind::Duration),
        may("bandwidth", Kind::Bandwidth),
        may("session", Kind::OneOf(&["cookie", "token"])),
        may("offline", Kind::Duration),
    ]);
static SIGN_IN: Rule = rule("sign-in")
    .args(&[arg("method", METHOD)])
    .rest("method", METHOD);
const METHOD: Kind = Kind::OneOf(&["password", "passkey", "oidc", "key", "mtls"]);
static ROLE: Rule = rule("role").args(&[arg("role", KEBAB)]).rest("role", KEBAB);

static EXTERNAL: Rule = rule("external")
    .args(&[arg("name", KEBAB)])
    .marks(&["legacy"])
    .props(&[may("team", Kind::Word)])
    .children(&[
        many(&OPERATION),
        many(&SENDS),
        once(&LATENCY),
        once(&AVAILABILITY),
        once(&RATE),
        once(&CONTRACT),
        once(&HOLDS),
        once(&STORE),
        once(&SERVES),
        many(&FREEZE),
    ]);
static OPERATION: Rule = rule("operation")
    .args(&[arg("name", KEBAB)])
    .marks(&["read"])
    .props(&[may("idempotent", Kind::Word)])
    .children(&[
        many(&INPUT),
        many(&OUTPUT),
        many(&FAILS),
        once(&OPERATION_UNDO),
        once(&STATUS),
        once(&LATENCY),
        once(&AVAILABILITY),
        once(&RATE),
        once(&OPERATION_STALE),
    ]);
static FAILS: Rule = rule("fails")
    .args(&[arg("code", KEBAB)])
    .props(&[may("share", Kind::Percent)]);
static OPERATION_UNDO: Rule = rule("undo")
    .args(&[arg("operation", Kind::Word)])
    .children(&[many(&SET)]);
static STATUS: Rule = rule("status").args(&[arg("operation", Kind::Word)]);
static OPERATION_STALE: Rule = rule("stale").args(&[arg("age", Kind::Duration)]);
static LATENCY: Rule =
    rule("latency").props(&[may("p50", Kind::Duration), may("p99", Kind::Duration)]);
static AVAILABILITY: Rule = rule("availability").args(&[arg("share", Kind::Percent)]);
static RATE: Rule = rule("rate").args(&[arg("rate", Kind::Rate)]);
static CONTRACT: Rule = rule("contract").args(&[arg("file", Kind::Text)]);
static HOLDS: Rule = rule("holds")
    .args(&[arg("aggregate", Kind::Word)])
    .rest("aggregate", Kind::Word);
static STORE: Rule = rule("store").args(&[arg("kind", Kind::Word)]).props(&[
    may("version", Kind::Text),
    may("capture", Kind::OneOf(&["log", "trigger", "poll"])),
]);
static SERVES: Rule = rule("serves")
    .args(&[arg("operation", Kind::Word)])
    .rest("operation", Kind::Word)
    .props(&[may("path", Kind::Text)]);
static FREEZE: Rule = rule("freeze").props(&[
    must("from", Kind::Date),
    must("to", Kind::Date),
    may("reason", Kind::Text),
]);
static SENDS: Rule = rule("sends")
    .args(&[arg("name", PASCAL)])
    .props(&[
        must("via", Kind::OneOf(&["webhook", "kafka", "amqp", "nats"])),
        may("topic", Kind::Text),
        may("format", Kind::Text),
    ])
    .children(&[many(&KEY), many(&FIELD), many(&LOAD)]);

macro_rules! slot {
    ($static:ident, $name:literal, $needed:literal) => {
        static $static: Rule = rule($name)
            .args(&[arg("name", SNAKE), arg("type", Kind::Type)])
            .need($needed)
            .marks(&[
                "personal",
                "sensitive",
                "secret",
                "unique",
                "fixed",
                "public-address",
            ])
            .props(&[
                may("min", Kind::Bound),
                may("max", Kind::Bound),
                may("count", Kind::Count),
                may("default", Kind::Any),
                may("typical", Kind::Int),
                may("media", Kind::Text),
                may("merge", Kind::OneOf(&["last", "add", "set", "text"])),
                may("since", Kind::Int),
                may("until", Kind::Int),
                may("was", Kind::Text),
            ]);
    };
}
slot!(KEY, "key", 1);
slot!(FIELD, "field", 2);
slot!(INPUT, "input", 2);
slot!(OUTPUT, "output", 2);

static RECORD: Rule = rule("record")
    .args(&[arg("name", PASCAL)])
    .children(&[many(&KEY), many(&FIELD)]);
static ENUM: Rule = rule("enum")
    .args(&[arg("name", PASCAL), arg("value", SNAKE)])
    .rest("value", SNAKE);

static AGGREGATE: Rule = rule("aggregate")
    .args(&[arg("name", PASCAL)])
    .marks(&["shared"])
    .props(&[may("team", Kind::Word), may("ephemeral", Kind::Duration)])
    .children(&[
        some(&KEY),
        many(&FIELD),
        many(&DEFINE),
        many(&INVARIANT),
        once(&STATES),
        once(&SUBJECT),
        once(&VOLUME),
        once(&KEEP),
        once(&HISTORY),
        once(&PLURAL),
        many(&WAS),
    ]);
static DEFINE: Rule = rule("define")
    .args(&[arg("name", SNAKE), arg("expression", Kind::Expr)])
    .props(&[may("depth", Kind::Int)]);
static INVARIANT: Rule = rule("invariant")
    .args(&[arg("expression", Kind::Expr)])
    .props(&[must("else", KEBAB)]);
static STATES: Rule = rule("states")
    .args(&[arg("state", SNAKE)])
    .rest("state", SNAKE)
    .children(&[many(&MOVE)]);
static MOVE: Rule = rule("move")
    .args(&[arg("name", KEBAB), arg("from", Kind::Word)])
    .rest("from", Kind::Word)
    .props(&[must("to", Kind::Word)]);
static SUBJECT: Rule = rule("subject").args(&[arg("field", Kind::Path)]);
static VOLUME: Rule = rule("volume").props(&[
    may("rows", Kind::Int),
    may("bytes", Kind::Int),
    may("growth", Kind::Growth),
    may("skew", Kind::Number),
]);
static KEEP: Rule = rule("keep").args(&[arg("time", Kind::Duration)]);
static HISTORY: Rule = rule("history").args(&[arg("time", Kind::Duration)]);
static PLURAL: Rule = rule("plural").args(&[arg("plural", KEBAB)]);
static WAS: Rule = rule("was")
    .args(&[arg("table", Kind::Path)])
    .children(&[many(&SET)]);

static EVENT: Rule = rule("event")
    .args(&[arg("name", PASCAL)])
    .marks(&["public"])
    .props(&[must("about", Kind::Word), may("version", Kind::Int)])
    .children(&[many(&KEY), many(&FIELD), many(&UPCAST), once(&KEEP)]);
static UPCAST: Rule = rule("upcast")
    .props(&[must("from", Kind::Int)])
    .children(&[many(&SET)]);

static VIEW: Rule = rule("view")
    .args(&[arg("name", PASCAL)])
    .props(&[may("stale", Kind::Duration)])
    .children(&[some(&FROM), many(&GROUP), some(&VIEW_SHOW)]);
static FROM: Rule = rule("from")
    .args(&[arg("name", SNAKE), arg("aggregate", Kind::Word)])
    .props(&[may("where", Kind::Expr)]);
static GROUP: Rule = rule("group").open(Kind::Expr);
static VIEW_SHOW: Rule = rule("show").open(Kind::Expr);

static QUERY: Rule = rule("query")
    .args(&[arg("name", KEBAB)])
    .marks(&["one"])
    .props(&[
        may("of", Kind::Word),
        may("where", Kind::Expr),
        may("path", Kind::Text),
    ])
    .children(&[
        many(&ALLOW),
        many(&INPUT),
        many(&FILTER),
        many(&SORT),
        many(&SEARCH),
        many(&SHOW),
        once(&PAGE),
        many(&SHAPE),
        many(&PART),
        many(&LOAD),
        many(&WITHIN),
        once(&STALE),
        many(&SIZE),
        once(&PRIORITY),
        once(&CHANGES),
        once(&EXPORT),
    ]);
static ALLOW: Rule = rule("allow")
    .args(&[arg("actor", Kind::Path)])
    .rest("actor", Kind::Path)
    .marks(&["fresh"])
    .props(&[may("when", Kind::Expr)]);
static FILTER: Rule = rule("filter")
    .args(&[arg("field", Kind::Word)])
    .rest("field", Kind::Word);
static SORT: Rule = rule("sort")
    .args(&[arg("field", Kind::Word)])
    .rest("field", Kind::Word);
static SEARCH: Rule = rule("search")
    .args(&[arg("field", Kind::Word)])
    .rest("field", Kind::Word);
static SHOW: Rule = rule("show").rest("field", Kind::Path).open(Kind::Expr);
static PAGE: Rule = rule("page").props(&[must("max", Kind::Int)]);
static SHAPE: Rule = rule("shape")
    .args(&[arg("channel", Kind::Word)])
    .children(&[many(&SHOW), many(&PART), once(&PAGE)]);
static PART: Rule = rule("part")
    .args(&[arg("name", SNAKE), arg("source", Kind::Path)])
    .marks(&["optional"])
    .props(&[may("each", Kind::Expr), may("within", Kind::Duration)])
    .children(&[many(&SET), many(&PART_SHOW), many(&FALLBACK)]);
static PART_SHOW: Rule = rule("show").rest("field", Kind::Word);
pub(super) static SET: Rule = rule("set").open(Kind::Expr);
static FALLBACK: Rule = rule("fallback").open(Kind::Expr);
static STALE: Rule = rule("stale")
    .args(&[arg("age", Kind::Duration)])
    .marks(&["own"]);
static SIZE: Rule = rule("size")
    .args(&[arg("size", Kind::Bytes)])
    .props(&[may("for", Kind::Word)]);
static PRIORITY: Rule =
    rule("priority").args(&[arg("priority", Kind::OneOf(&["low", "normal", "high"]))]);
static CHANGES: Rule = rule("changes").props(&[may("keep", Kind::Duration)]);
static EXPORT: Rule = rule("export")
    .args(&[arg("format", FORMAT)])
    .rest("format", FORMAT);
const FORMAT: Kind = Kind::OneOf(&["csv", "jsonl", "json"]);
static LOAD: Rule = rule("load").props(&[
    may("mean", Kind::Rate),
    may("peak", Kind::Peak),
    may("skew", Kind::Number),
    may("for", Kind::Word),
    may("connections", Kind::Int),
    may("per", Kind::Expr),
    may("typical", Kind::Int),
]);
pub(super) static WITHIN: Rule = rule("within").props(&[
    may("p50", Kind::Duration),
    may("p99", Kind::Duration),
    may("for", Kind::Word),
]);

macro_rules! with_statements {
    ($($more:expr),* $(,)?) => {
        &[
            many(&LET), many(&READ), many(&CREATE), many(&CHANGE), many(&DELETE), many(&CALL),
            many(&EMIT), many(&EACH), many(&REQUIRE), many(&RETURN), $($more),*
        ]
    };
}
static STATEMENTS: &[Child] = with_statements!();

static LET: Rule = rule("let").open(Kind::Expr);
static READ: Rule = rule("read")
    .args(&[arg("name", SNAKE), arg("aggregate", Kind::Word)])
    .props(&[
        may("key", Kind::Expr),
        may("keys", Kind::Expr),
        may("where", Kind::Expr),
        may("limit", Kind::Int),
        may("stale", Kind::Duration),
        may("when", Kind::Expr),
        may("share", Kind::Percent),
    ]);
static CREATE: Rule = rule("create")
    .args(&[arg("name", SNAKE), arg("aggregate", Kind::Word)])
    .props(&[
        may("tenant", Kind::Expr),
        may("when", Kind::Expr),
        may("share", Kind::Percent),
    ])
    .children(&[many(&SET), once(&UNDO)]);
static CHANGE: Rule = rule("change")
    .args(&[arg("name", SNAKE), arg("aggregate", Kind::Word)])
    .need(1)
    .marks(&["create"])
    .props(&[
        may("key", Kind::Expr),
        may("when", Kind::Expr),
        may("share", Kind::Percent),
    ])
    .children(&[many(&REQUIRE), many(&SET), many(&CHANGE_MOVE), once(&UNDO)]);
static DELETE: Rule = rule("delete")
    .args(&[arg("name", SNAKE), arg("aggregate", Kind::Word)])
    .need(1)
    .props(&[
        may("key", Kind::Expr),
        may("when", Kind::Expr),
        may("share", Kind::Percent),
    ])
    .children(&[once(&UNDO)]);
static CALL: Rule = rule("call")
    .args(&[arg("name", SNAKE), arg("operation", Kind::Path)])
    .props(&[
        may("when", Kind::Expr),
        may("share", Kind::Percent),
        may("once", Kind::Text),
    ])
    .children(&[many(&SET), once(&UNDO), many(&FALLBACK)]);
static EMIT: Rule = rule("emit")
    .args(&[arg("event", Kind::Word)])
    .props(&[may("when", Kind::Expr), may("share", Kind::Percent)])
    .children(&[many(&SET)]);
static EACH: Rule = rule("each")
    .args(&[arg("name", SNAKE)])
    .props(&[
        must("in", Kind::Expr),
        may("chunk", Kind::Int),
        may("when", Kind::Expr),
        may("share", Kind::Percent),
    ])
    .children(STATEMENTS);
static REQUIRE: Rule = rule("require")
    .args(&[arg("condition", Kind::Expr)])
    .props(&[
        must("else", KEBAB),
        may("share", Kind::Percent),
        may("when", Kind::Expr),
    ]);
static RETURN: Rule = rule("return").open(Kind::Expr);
static UNDO: Rule = rule("undo")
    .props(&[may("none", Kind::Text), may("sure", Kind::Text)])
    .children(&[many(&SET), many(&CHANGE_MOVE)]);
static CHANGE_MOVE: Rule = rule("move").args(&[arg("move", Kind::Word)]);

static COMMAND: Rule = rule("command")
    .args(&[arg("name", KEBAB)])
    .props(&[
        may("answer", Kind::OneOf(&["final", "accepted"])),
        may("once", Kind::Expr),
        may("precondition", Kind::OneOf(&["version", "none"])),
        may("hold", Kind::OneOf(&["never"])),
        may("path", Kind::Text),
    ])
    .children(with_statements!(
        many(&ALLOW),
        many(&INPUT),
        many(&LOAD),
        many(&WITHIN),
        once(&DEADLINE),
        once(&PRIORITY),
        once(&BULK),
    ));
static DEADLINE: Rule = rule("deadline").args(&[arg("time", Kind::Duration)]);
static BULK: Rule = rule("bulk").args(&[arg("most", Kind::Int)]);

static POLICY: Rule = rule("policy")
    .args(&[arg("name", KEBAB)])
    .children(with_statements!(
        once(&ON_ONE),
        once(&EVERY),
        once(&CRON),
        many(&ELSE),
        once(&LAG),
        once(&RETRY),
        once(&PRIORITY),
    ));
static ON_ONE: Rule = rule("on")
    .args(&[arg("event", Kind::Path)])
    .props(&[may("after", Kind::Duration)]);
static EVERY: Rule = rule("every").args(&[arg("time", Kind::Duration)]);
static CRON: Rule = rule("cron").args(&[arg("times", Kind::Cron)]).props(&[
    may("zone", Kind::Text),
    may("per", Kind::OneOf(&["tenant"])),
]);
static ELSE: Rule = rule("else")
    .args(&[arg("code", KEBAB)])
    .children(STATEMENTS);
static LAG: Rule = rule("lag").props(&[must("p99", Kind::Duration)]);
static RETRY: Rule = rule("retry")
    .args(&[arg("wait", Kind::Duration)])
    .rest("wait", Kind::Duration);

static FEED: Rule = rule("feed")
    .args(&[arg("name", KEBAB)])
    .props(&[may("where", Kind::Expr), may("start", Kind::Word)])
    .children(&[
        many(&INPUT),
        many(&ALLOW),
        some(&ON_MANY),
        many(&SHOW),
        needed(&DELIVER),
        once(&RETRY),
        once(&KEEP),
        once(&SLOW),
        many(&LOAD),
        many(&WITHIN),
        once(&LAG),
    ]);
static ON_MANY: Rule = rule("on")
    .args(&[arg("event", Kind::Path)])
    .rest("event", Kind::Path);
static DELIVER: Rule = rule("deliver")
    .args(&[arg("how", Kind::OneOf(&["live", "webhook", "stream"]))])
    .props(&[
        may("to", Kind::Word),
        may("url", Kind::Expr),
        may("secrets", Kind::Expr),
        may("order", Kind::OneOf(&["none", "key"])),
        may("timeout", Kind::Duration),
    ]);
static SLOW: Rule = rule("slow").args(&[arg("how", Kind::OneOf(&["close", "conflate", "drop"]))]);
