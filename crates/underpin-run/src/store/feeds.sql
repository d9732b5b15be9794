CREATE INDEX IF NOT EXISTS "outbox source" ON outbox (source, seq);
CREATE TABLE IF NOT EXISTS swept (source TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fanned (feed TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS endpoints (
    id TEXT PRIMARY KEY, feed TEXT NOT NULL, owner TEXT NOT NULL, tenant TEXT, caller TEXT NOT NULL,
    url TEXT NOT NULL, description TEXT, secrets TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
    created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS "endpoints of" ON endpoints (feed, owner);
CREATE TABLE IF NOT EXISTS lanes (
    feed TEXT NOT NULL, endpoint TEXT NOT NULL, tenant TEXT NOT NULL, due INTEGER, failing INTEGER,
    PRIMARY KEY (feed, endpoint, tenant)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS "lanes due" ON lanes (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, feed TEXT NOT NULL, endpoint TEXT NOT NULL,
    tenant TEXT NOT NULL, key TEXT NOT NULL, row_key TEXT NOT NULL, source TEXT NOT NULL,
    message TEXT NOT NULL, seq INTEGER, at INTEGER NOT NULL, told TEXT NOT NULL, due INTEGER NOT NULL,
    attempts INTEGER NOT NULL, status TEXT NOT NULL, ended INTEGER
);
CREATE INDEX IF NOT EXISTS "deliveries due" ON deliveries (feed, endpoint, tenant, due)
    WHERE status = 'waiting';
CREATE INDEX IF NOT EXISTS "deliveries order" ON deliveries (feed, endpoint, tenant, key, id)
    WHERE status = 'waiting';
CREATE INDEX IF NOT EXISTS "deliveries ended" ON deliveries (ended) WHERE ended IS NOT NULL;
