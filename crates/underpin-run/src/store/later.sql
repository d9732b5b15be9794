CREATE TABLE IF NOT EXISTS audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL,
    action TEXT NOT NULL, target TEXT NOT NULL, why TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS "audit of" ON audit (target);
CREATE INDEX IF NOT EXISTS "flows waiting" ON flows (status) WHERE status IN ('parked', 'in_doubt');
CREATE INDEX IF NOT EXISTS "work row" ON work (policy, row_key) WHERE status = 'waiting';
CREATE INDEX IF NOT EXISTS "work event" ON work (seq);
CREATE INDEX IF NOT EXISTS "work over" ON work (due) WHERE status = 'done';
CREATE TABLE IF NOT EXISTS quotas (
    name TEXT NOT NULL, key TEXT NOT NULL, begins INTEGER NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (name, key, begins)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS overrides (
    flag TEXT NOT NULL, subject TEXT NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (flag, subject)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS "work parked" ON work (policy, seq) WHERE status = 'parked';
CREATE TABLE IF NOT EXISTS touched (
    aggregate TEXT NOT NULL, tenant TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (aggregate, tenant, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS versions (
    aggregate TEXT NOT NULL, tenant TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL,
    at INTEGER NOT NULL, row TEXT NOT NULL, PRIMARY KEY (aggregate, tenant, key, version)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS "versions at" ON versions (aggregate, at);
CREATE TABLE IF NOT EXISTS ephemeral (
    aggregate TEXT NOT NULL, tenant TEXT NOT NULL, key TEXT NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (aggregate, tenant, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS "ephemeral until" ON ephemeral (until);
