-- Prices, charges and fee control, complete. One section a room; see ledger_0001.sql for the rules.

-- strategy -------------------------------------------------------------------------------------------
-- Fee-control packages: a project's catalogue, versioned like strategies.
CREATE TABLE strategy_package (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  code TEXT NOT NULL,
  version INTEGER NOT NULL,
  effective_at INTEGER NOT NULL,
  name_zh TEXT NOT NULL,
  name_en TEXT NOT NULL,
  strategy_code TEXT NOT NULL,
  channels TEXT NOT NULL DEFAULT '',  -- words, separated by blanks; '': those of the strategy
  restore TEXT NOT NULL CHECK (restore IN ('strategy', 'direct', 'safe')),
  offered INTEGER NOT NULL DEFAULT 1,
  UNIQUE (project_id, code, version)
) STRICT;
-- What the contract of an account chose, and when; the newest row counts, '' is no package.
CREATE TABLE account_package (
  account_id INTEGER NOT NULL REFERENCES account (id),
  chosen_at INTEGER NOT NULL,
  number INTEGER NOT NULL,      -- 1, 2 ... within the account
  package_code TEXT NOT NULL,
  actor TEXT NOT NULL,
  PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE strategy_baseline (
  project_id INTEGER PRIMARY KEY REFERENCES project (id),
  strategy_code TEXT NOT NULL
) STRICT;
-- Who must not be cut. Never changed but for being lifted.
CREATE TABLE protection (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  scope TEXT NOT NULL CHECK (scope IN ('project', 'place', 'account', 'meter')),
  object_id INTEGER NOT NULL,
  kind TEXT NOT NULL,           -- a name of strategy/protection_table.h
  from_at INTEGER NOT NULL,
  until_at INTEGER,             -- NULL: until it is lifted
  reason TEXT NOT NULL,
  actor TEXT NOT NULL,
  entered_at INTEGER NOT NULL,
  lifted_at INTEGER,
  lifted_by TEXT,
  lift_reason TEXT
) STRICT;
CREATE INDEX protection_project ON protection (project_id, id);
CREATE INDEX protection_alive ON protection (project_id, scope, object_id) WHERE lifted_at IS NULL;
-- Cuts that people decide.
CREATE TABLE cut_approval (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL,
  account_id INTEGER NOT NULL,
  episode INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('proposed', 'approved', 'released', 'done', 'refused',
                                       'withdrawn')),
  persons INTEGER NOT NULL CHECK (persons IN (1, 2)),
  available_fen INTEGER NOT NULL,
  detail TEXT NOT NULL,         -- JSON: the decision that proposed it
  proposed_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  approved_at INTEGER, approved_by TEXT,
  released_at INTEGER, released_by TEXT,
  ended_at INTEGER, ended_by TEXT,
  reason TEXT NOT NULL DEFAULT '',
  CHECK (released_by IS NULL OR released_by <> approved_by)
) STRICT;
CREATE UNIQUE INDEX cut_approval_open ON cut_approval (account_id)
  WHERE state IN ('proposed', 'approved', 'released');
CREATE INDEX cut_approval_project ON cut_approval (project_id, id);
CREATE INDEX cut_approval_account ON cut_approval (account_id, episode);
-- Payments that somebody has begun and nobody has answered yet: they stand against a cut.
CREATE TABLE payment_flight (
  account_id INTEGER NOT NULL,
  key TEXT NOT NULL,            -- of the payment
  begun_at INTEGER NOT NULL,
  until_at INTEGER NOT NULL,    -- afterwards it is not on its way any more
  PRIMARY KEY (account_id, key)
) STRICT, WITHOUT ROWID;
-- Notices that were delivered, each channel a row: what counts is computed under the strategy in force.
CREATE TABLE fee_notice (
  account_id INTEGER NOT NULL,
  episode INTEGER NOT NULL,
  level INTEGER NOT NULL,
  subject TEXT NOT NULL,
  channel TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (account_id, episode, level, subject, channel)
) STRICT, WITHOUT ROWID;
INSERT INTO fee_notice (account_id, episode, level, subject, channel, at)
  SELECT m.account_id, m.episode, m.level, m.subject, m.channel, m.delivered_at
  FROM message m JOIN fee_state f ON f.account_id = m.account_id AND f.episode = m.episode
  WHERE m.state = 'delivered' AND m.level > 0
    AND m.template IN ('balance_low', 'about_to_cut', 'arrears')
  GROUP BY m.account_id, m.episode, m.level, m.subject, m.channel;
ALTER TABLE fee_state ADD COLUMN strategy TEXT NOT NULL DEFAULT ''; -- what it was decided under
ALTER TABLE fee_state ADD COLUMN told_day INTEGER NOT NULL DEFAULT 0; -- local day of the last notice
ALTER TABLE fee_state ADD COLUMN told_today INTEGER NOT NULL DEFAULT 0; -- notices written on it
ALTER TABLE fee_state ADD COLUMN level_fen INTEGER NOT NULL DEFAULT 0; -- available when it was reached
ALTER TABLE fee_state ADD COLUMN limited_at INTEGER; -- since when power is limited
ALTER TABLE fee_state ADD COLUMN emergency_episode INTEGER NOT NULL DEFAULT -1; -- had it in
ALTER TABLE fee_state ADD COLUMN emergency_at INTEGER;
ALTER TABLE fee_state ADD COLUMN emergency_fen INTEGER NOT NULL DEFAULT 0;
-- A message may go over several channels: each is a row of its own.
CREATE TABLE message_by_channel (
  id INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  template TEXT NOT NULL,
  level INTEGER NOT NULL,
  episode INTEGER NOT NULL,
  subject TEXT NOT NULL DEFAULT '', -- what it is about, if several may be sent in an episode: an order
  channel TEXT NOT NULL,        -- 'console' ...
  text_zh TEXT NOT NULL,
  text_en TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
  delivered_at INTEGER,
  UNIQUE (account_id, template, episode, level, subject, channel)
) STRICT;
INSERT INTO message_by_channel SELECT id, account_id, at, template, level, episode, subject, channel,
  text_zh, text_en, state, delivered_at FROM message;
DROP TABLE message;
ALTER TABLE message_by_channel RENAME TO message;

-- billing --------------------------------------------------------------------------------------------
-- What earlier periods of a meter left behind for the next one: rating/period.h. It outlives an
-- exchange of the meter, and ends when the meter leaves the account.
CREATE TABLE charge_position (
  account_id INTEGER NOT NULL,
  meter_id INTEGER NOT NULL,
  cycle_day INTEGER NOT NULL,   -- first local day of the ladder's cycle; 0: no ladder
  used_wh INTEGER NOT NULL CHECK (used_wh >= 0),
  fee_day INTEGER NOT NULL,     -- the last local day and month whose fees were charged
  fee_month INTEGER NOT NULL,
  PRIMARY KEY (account_id, meter_id)
) STRICT, WITHOUT ROWID;
