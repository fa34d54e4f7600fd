-- The readings database. Nothing in it is money; all of it can be asked from meters again.

CREATE TABLE sequence (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- The open day: one row a gateway batch, exactly as acknowledged. (gateway, epoch, seq) names it.
CREATE TABLE batch (
  gateway_id INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  body BLOB NOT NULL,           -- CBOR as received
  PRIMARY KEY (gateway_id, epoch, seq)
) STRICT, WITHOUT ROWID;

-- Newest good value of each register: what the in-memory state is rebuilt from.
CREATE TABLE latest (
  meter_id INTEGER NOT NULL,
  point INTEGER NOT NULL,       -- enum meter_point
  epoch INTEGER NOT NULL,
  at INTEGER NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (meter_id, point)
) STRICT, WITHOUT ROWID;

-- Sealed days. block_key = meter_id * 65536 + local day number.
CREATE TABLE block (
  block_key INTEGER PRIMARY KEY,
  body BLOB NOT NULL            -- docs/formats/block.md
) STRICT;

-- Fixed-width sums, so that reports never decode blocks. hour_key = local day * 24 + hour.
CREATE TABLE hourly (
  meter_id INTEGER NOT NULL,
  hour_key INTEGER NOT NULL,
  energy_wh INTEGER NOT NULL,   -- used in this hour
  total_wh INTEGER NOT NULL,    -- register at its end
  PRIMARY KEY (meter_id, hour_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE daily (
  meter_id INTEGER NOT NULL,
  day INTEGER NOT NULL,         -- local day number
  energy_wh INTEGER NOT NULL,
  opening_wh INTEGER NOT NULL,
  closing_wh INTEGER NOT NULL,
  PRIMARY KEY (meter_id, day)
) STRICT, WITHOUT ROWID;

-- What a check refused or classified: range, rollover, reset, exchange, gap.
CREATE TABLE reading_event (
  id INTEGER PRIMARY KEY,
  meter_id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE INDEX reading_event_meter ON reading_event (meter_id, at);
