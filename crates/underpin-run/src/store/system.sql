CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE flows (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
    tenant TEXT, caller TEXT, state TEXT NOT NULL, answer TEXT, started INTEGER NOT NULL,
    ended INTEGER
) WITHOUT ROWID;
CREATE INDEX "flows open" ON flows (status) WHERE status IN ('running', 'compensating');
CREATE INDEX "flows ended" ON flows (ended) WHERE ended IS NOT NULL;
CREATE TABLE replays (
    scope TEXT NOT NULL, key TEXT NOT NULL, input TEXT NOT NULL, flow TEXT NOT NULL,
    status TEXT NOT NULL, answer TEXT, drawn TEXT, until INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE INDEX "replays until" ON replays (until);
CREATE TABLE holds (
    aggregate TEXT NOT NULL, tenant TEXT NOT NULL, key TEXT NOT NULL, flow TEXT NOT NULL,
    reason TEXT NOT NULL, PRIMARY KEY (aggregate, tenant, key)
) WITHOUT ROWID;
CREATE INDEX "holds of" ON holds (flow);
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, source TEXT NOT NULL,
    key TEXT NOT NULL, row_key TEXT NOT NULL, tenant TEXT, at INTEGER NOT NULL,
    event TEXT NOT NULL, held TEXT, origin TEXT
);
CREATE INDEX "outbox held" ON outbox (held) WHERE held IS NOT NULL;
CREATE TABLE work (
    policy TEXT NOT NULL, seq INTEGER NOT NULL, key TEXT NOT NULL, row_key TEXT NOT NULL,
    tenant TEXT, due INTEGER NOT NULL, status TEXT NOT NULL, attempts INTEGER NOT NULL,
    reason TEXT, flow TEXT, PRIMARY KEY (policy, seq)
) WITHOUT ROWID;
CREATE INDEX "work due" ON work (due) WHERE status = 'waiting';
CREATE INDEX "work order" ON work (policy, key, seq) WHERE status <> 'done';
CREATE TABLE clocks (
    policy TEXT NOT NULL, tenant TEXT NOT NULL, due INTEGER NOT NULL,
    PRIMARY KEY (policy, tenant)
) WITHOUT ROWID;
CREATE TABLE inbox (
    flow TEXT NOT NULL, step INTEGER NOT NULL, outcome TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (flow, step)
) WITHOUT ROWID;
CREATE INDEX "inbox at" ON inbox (at);
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, aggregate TEXT NOT NULL, tenant TEXT NOT NULL,
    key TEXT NOT NULL, gone INTEGER NOT NULL, UNIQUE (aggregate, tenant, key)
);
CREATE TABLE positions (
    peer TEXT NOT NULL, log TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (peer, log)
) WITHOUT ROWID;
