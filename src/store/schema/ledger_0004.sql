-- Lines as their gateways tell of them; see ledger_0001.sql for the rules. One section a room.

-- headend --------------------------------------------------------------------------------------------
-- What a gateway told last of a line, and whether its answers come damaged.
CREATE TABLE line_told (
  line_id INTEGER PRIMARY KEY REFERENCES line (id) ON DELETE CASCADE,
  at INTEGER NOT NULL,
  body BLOB NOT NULL,           -- the message, CBOR as received (docs/formats/uplink.cddl)
  damaged INTEGER NOT NULL CHECK (damaged IN (0, 1)), -- too many answers come damaged
  since_at INTEGER NOT NULL,    -- since when that is so
  turning_at INTEGER NOT NULL   -- since when it seems to be otherwise; 0: it does not
) STRICT;
-- Sums of what was told within an hour; kept for a week.
CREATE TABLE line_hour (
  line_id INTEGER NOT NULL REFERENCES line (id) ON DELETE CASCADE,
  hour_at INTEGER NOT NULL CHECK (hour_at % 3600 = 0),
  covered_ms INTEGER NOT NULL,  -- the time that the messages told of
  exchanges INTEGER NOT NULL,
  answered INTEGER NOT NULL,
  retries INTEGER NOT NULL,
  timeouts INTEGER NOT NULL,
  damaged INTEGER NOT NULL,
  foreign_frames INTEGER NOT NULL,
  collisions INTEGER NOT NULL,
  busy_ms INTEGER NOT NULL,
  useful_ms INTEGER NOT NULL,
  silent INTEGER NOT NULL,      -- the most meters that were silent at one time
  PRIMARY KEY (line_id, hour_at)
) STRICT, WITHOUT ROWID;

-- site -----------------------------------------------------------------------------------------------
-- Gateways that may use the legacy seal (3DES) for a while: docs/decisions/0034-legacy-seal.md.
CREATE TABLE gateway_legacy (
  gateway_id INTEGER PRIMARY KEY REFERENCES gateway (id) ON DELETE CASCADE,
  until_at INTEGER NOT NULL CHECK (until_at > 0),
  reason TEXT NOT NULL CHECK (length(reason) > 0),
  actor TEXT NOT NULL,
  allowed_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL DEFAULT 0 -- when a session last opened so; 0: never
) STRICT;
