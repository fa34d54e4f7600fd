-- Circuits that a setting of a terminal leaves without power, within the window of the mass-cut breaker: they
-- count with the cuts. What is older, or was set otherwise since, has no row. control/control.h.
CREATE TABLE control_dark (
  meter_id INTEGER NOT NULL,
  circuit INTEGER NOT NULL,     -- 0: of the whole terminal
  what TEXT NOT NULL,           -- the setting's word
  at INTEGER NOT NULL,
  PRIMARY KEY (meter_id, circuit, what)
) STRICT, WITHOUT ROWID;
CREATE INDEX control_dark_at ON control_dark (at);

-- When it was told last that the breaker stops cuts, and who asked to let them through: control/breaker.h.
ALTER TABLE control_breaker ADD COLUMN told_at INTEGER NOT NULL DEFAULT 0;
CREATE TABLE breaker_request (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('asked', 'granted', 'refused', 'lapsed')),
  cuts INTEGER NOT NULL,        -- when it was asked, as the next two
  limit_meters INTEGER NOT NULL,
  waiting INTEGER NOT NULL,     -- accounts
  asked_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  asked_by TEXT NOT NULL,
  reason TEXT NOT NULL CHECK (length(reason) > 0),
  decided_at INTEGER,
  decided_by TEXT,
  answer TEXT NOT NULL DEFAULT '',
  CHECK (state <> 'granted' OR (decided_by IS NOT NULL AND decided_by <> asked_by))
) STRICT;
CREATE UNIQUE INDEX breaker_request_open ON breaker_request (project_id) WHERE state = 'asked';

-- A circuit is open by a cut of the whole meter that has ended since: control/control.h.
ALTER TABLE relay ADD COLUMN of_whole INTEGER NOT NULL DEFAULT 0
  CHECK (of_whole = 0 OR (desired = 'open' AND circuit > 0));

-- While something is off for money: what was available when it was last known, and the newest transaction
-- then (0: not known). Supply comes back on it where the period that runs cannot be rated.
ALTER TABLE fee_state ADD COLUMN known_fen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE fee_state ADD COLUMN known_seq INTEGER NOT NULL DEFAULT 0;

-- A standing permission that was ended while its gateway was heard lately: when and why, and when to look
-- whether the gateway was heard since (NULL: no more).
ALTER TABLE away ADD COLUMN ended_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE away ADD COLUMN end_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE away ADD COLUMN look_at INTEGER;
CREATE INDEX away_look ON away (look_at) WHERE look_at IS NOT NULL;

-- A transaction counts when it is sealed, all its postings at once: until then no balance knows it, and then
-- it never changes. (Before, each posting moved its balance. A trigger costs about as much as a row.)
DROP TRIGGER posting_balance;
DROP TRIGGER posting_cash;
DROP TRIGGER ledger_no_update;
DROP TRIGGER ledger_seal;
CREATE TRIGGER ledger_seal AFTER UPDATE ON ledger_txn
BEGIN
  SELECT raise(ABORT, 'the ledger is append-only') WHERE OLD.sealed = 1;
  SELECT raise(ABORT, 'postings do not sum to zero') WHERE OLD.sealed = 0 AND NEW.sealed = 1 AND
    (SELECT coalesce(sum(amount_fen), 1) FROM posting
      WHERE account_id = NEW.account_id AND seq = NEW.seq) <> 0;
  INSERT INTO balance SELECT account_id, book, amount_fen FROM posting
    WHERE account_id = NEW.account_id AND seq = NEW.seq AND OLD.sealed = 0 AND NEW.sealed = 1
    ON CONFLICT (account_id, book) DO UPDATE SET amount_fen = amount_fen + excluded.amount_fen;
END;
-- What the ledger says of cash, by day (cash_book); and money came, in whatever way: who is short, off, or may
-- be cut by a gateway is looked at again at once, also where no meter is read.
CREATE TRIGGER ledger_sealed_money AFTER UPDATE ON ledger_txn
WHEN OLD.sealed = 0 AND NEW.sealed = 1 AND EXISTS (SELECT 1 FROM posting
  WHERE account_id = NEW.account_id AND seq = NEW.seq
    AND (book IN ('cash', 'refund') OR (book = 'prepayment' AND amount_fen > 0)))
BEGIN
  INSERT INTO cash_book SELECT NEW.business_day, account_id, seq, line, -amount_fen FROM posting
    WHERE account_id = NEW.account_id AND seq = NEW.seq AND book IN ('cash', 'refund');
  UPDATE fee_state SET due_at = 1 WHERE account_id = NEW.account_id AND EXISTS (SELECT 1 FROM posting
    WHERE account_id = NEW.account_id AND seq = NEW.seq AND book = 'prepayment' AND amount_fen > 0)
    AND (level > 0 OR cut_by_us = 1
    OR EXISTS (SELECT 1 FROM away w WHERE w.account_id = NEW.account_id AND w.state = 'live'));
END;

-- What could not be worked on while the rest of its round went on, and when it is tried again: journal/aside.h.
CREATE TABLE aside (
  work TEXT NOT NULL,
  id INTEGER NOT NULL,
  part INTEGER NOT NULL,
  error TEXT NOT NULL,          -- err_name; as long as it is the same it is not told again
  since INTEGER NOT NULL,
  again_at INTEGER NOT NULL,
  PRIMARY KEY (work, id, part)
) STRICT, WITHOUT ROWID;

-- The clock leapt: until it is right again, or a person says that it is, nothing is taken by time alone.
CREATE TABLE clock_watch (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  leapt INTEGER NOT NULL,
  believed_at INTEGER NOT NULL -- the time, as it was noted last (once a minute); 0: never
) STRICT;
INSERT INTO clock_watch (id, leapt, believed_at) VALUES (1, 0, 0);

-- What an account with its wallet in the meter owes the platform.

-- Of a sale, what stays in the prepayment because the account owes it there; the rest goes into the meter.
ALTER TABLE sale_order ADD COLUMN kept_fen INTEGER NOT NULL DEFAULT 0
  CHECK (kept_fen >= 0 AND kept_fen <= amount_fen);
CREATE INDEX sale_order_meter ON sale_order (meter_id, created_at) WHERE meter_id IS NOT NULL;
-- How much of each hundred of a sale may be kept in this way.
ALTER TABLE billing_rule ADD COLUMN kept_percent INTEGER NOT NULL DEFAULT 50
  CHECK (kept_percent BETWEEN 0 AND 100);
-- A true-up in favour of an account with its wallet in the meter, on its way there as a sale.
CREATE TABLE true_up_sale (
  account_id INTEGER NOT NULL,
  rerate_id INTEGER NOT NULL,
  amount_fen INTEGER NOT NULL CHECK (amount_fen > 0), -- that is given back
  sold_fen INTEGER,             -- of it, sold into the meter: the rest paid what was owed; NULL: not yet
  sold_at INTEGER,
  PRIMARY KEY (account_id, rerate_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX true_up_sale_waiting ON true_up_sale (account_id) WHERE sold_at IS NULL;
-- What the account owed the platform when its meter was exchanged: so much less went into the next one.
ALTER TABLE meter_exchange ADD COLUMN owed_fen INTEGER NOT NULL DEFAULT 0 CHECK (owed_fen >= 0);
-- Free credit that was sold into a meter, by this order; NULL: it lies in the prepayment.
ALTER TABLE free_grant ADD COLUMN order_id TEXT;

-- api ------------------------------------------------------------------------------------------------------
CREATE INDEX idempotency_at ON idempotency (at);

-- late fees (pay/late.h) -------------------------------------------------------------------------------
-- The clause of the contract that the term stands in; '': entered before it was asked for.
ALTER TABLE late_term ADD COLUMN clause TEXT NOT NULL DEFAULT '' CHECK (length(CAST(clause AS BLOB)) <= 96);
-- How the fee of one run of arrears came about: days on end with the same debt, rate and clause.
CREATE TABLE late_line (
  account_id INTEGER NOT NULL REFERENCES account (id),
  begun_day INTEGER NOT NULL,   -- first day of the run of arrears
  from_day INTEGER NOT NULL,    -- both local days cost something
  to_day INTEGER NOT NULL,
  days INTEGER NOT NULL,
  arrears_fen INTEGER,          -- at the end of each day; NULL, like the rates: was not kept
  prior_fen INTEGER,            -- of it, from years before
  ppm INTEGER,
  next_years_ppm INTEGER,
  least_fen INTEGER,
  cap_permille INTEGER,
  exact INTEGER NOT NULL,       -- what the days cost, in millionths of a fen
  most_fen INTEGER NOT NULL,    -- the greatest arrears of the run up to then
  rule TEXT NOT NULL CHECK (rule IN ('rounded', 'least', 'cap')), -- what the whole fee was then
  clause TEXT NOT NULL,
  amount_fen INTEGER NOT NULL CHECK (amount_fen >= 0), -- billed on these days
  billed_at INTEGER,            -- last; NULL: nothing was
  PRIMARY KEY (account_id, begun_day, from_day)
) STRICT, WITHOUT ROWID;
-- What was billed before lines were kept: one line a run of arrears, as far as the ledger says.
INSERT INTO late_line (account_id, begun_day, from_day, to_day, days, exact, most_fen, rule, clause,
                       amount_fen, billed_at)
  SELECT t.account_id, json_extract(t.detail, '$.begun_day'),
    max(json_extract(t.detail, '$.day')) - max(json_extract(t.detail, '$.days')) + 1,
    max(json_extract(t.detail, '$.day')), max(json_extract(t.detail, '$.days')),
    max(json_extract(t.detail, '$.exact')), max(json_extract(t.detail, '$.arrears_fen')), 'rounded', '',
    sum(-p.amount_fen), max(t.at)
  FROM ledger_txn t JOIN posting p ON p.account_id = t.account_id AND p.seq = t.seq
    AND p.book = 'other_due'
  WHERE t.kind = 'late.fee' GROUP BY 1, 2;

-- headend: the gateways' programs and their updates (docs/decisions/0035) ---------------------------------
-- What a gateway said last of its program.
CREATE TABLE gateway_program (
  gateway_id INTEGER PRIMARY KEY REFERENCES gateway (id) ON DELETE CASCADE,
  told TEXT NOT NULL,           -- name and version, as in HELLO
  updates INTEGER NOT NULL CHECK (updates IN (0, 1)), -- it takes updates through the uplink
  version TEXT NOT NULL DEFAULT '', -- from here on as in PROGRAM; '': never told
  machine TEXT NOT NULL DEFAULT '',
  store INTEGER NOT NULL DEFAULT 0,
  place TEXT NOT NULL DEFAULT '',
  trial INTEGER NOT NULL DEFAULT 0 CHECK (trial IN (0, 1)),
  last TEXT NOT NULL DEFAULT '',
  left_version TEXT NOT NULL DEFAULT '',
  at INTEGER NOT NULL
) STRICT;
-- Update files that may be sent, whole and signed by a release key when they were added.
CREATE TABLE gateway_package (
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32), -- of the file
  version TEXT NOT NULL,
  machine TEXT NOT NULL,
  store INTEGER NOT NULL,
  minimum TEXT NOT NULL,        -- version from which on it may be applied
  size INTEGER NOT NULL,        -- of the file
  key_id TEXT NOT NULL,         -- of the release key, hex
  actor TEXT NOT NULL,
  added_at INTEGER NOT NULL
) STRICT;
CREATE TABLE gateway_package_block (
  package_id INTEGER NOT NULL REFERENCES gateway_package (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,      -- from 0; all but the last have 4096 bytes
  data BLOB NOT NULL,
  PRIMARY KEY (package_id, number)
) STRICT;
-- A wish that gateways run the program of a package. It stays when the package is removed.
CREATE TABLE gateway_push (
  id INTEGER PRIMARY KEY,
  package_id INTEGER NOT NULL,
  project_id INTEGER NOT NULL,
  version TEXT NOT NULL,        -- of the package
  -- 'halted': one of the first failed, the rest is not begun
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'stopped', 'halted')),
  from_minute INTEGER NOT NULL CHECK (from_minute BETWEEN 0 AND 1439),
  until_minute INTEGER NOT NULL CHECK (until_minute BETWEEN 0 AND 1439),
  trial_s INTEGER NOT NULL,
  downgrade INTEGER NOT NULL CHECK (downgrade IN (0, 1)),
  reason TEXT NOT NULL CHECK (length(reason) > 0),
  actor TEXT NOT NULL,
  made_at INTEGER NOT NULL
) STRICT;
CREATE INDEX gateway_push_project ON gateway_push (project_id, made_at);
CREATE TABLE gateway_push_part (
  id INTEGER PRIMARY KEY,       -- random: the gateway knows the wish by it
  push_id INTEGER NOT NULL REFERENCES gateway_push (id),
  gateway_id INTEGER NOT NULL,
  stage INTEGER NOT NULL CHECK (stage IN (1, 2)), -- 2: when all of 1 are confirmed
  -- 'stopping': taken back, but the gateway has not said so yet
  state TEXT NOT NULL CHECK (state IN ('waiting', 'fetching', 'ready', 'trial', 'stopping',
                                       'confirmed', 'failed', 'stopped')),
  received INTEGER NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '', -- err_name
  changed_at INTEGER NOT NULL,
  UNIQUE (push_id, gateway_id)
) STRICT;
CREATE UNIQUE INDEX gateway_push_open ON gateway_push_part (gateway_id)
  WHERE state IN ('waiting', 'fetching', 'ready', 'trial', 'stopping');

-- billing: what was rated again, and why ---------------------------------------------------------------
-- 'terms' and 'ratio' are entered by a person and done at once: ids from 2^40 on, no plan, a running number.
ALTER TABLE rerate ADD COLUMN cause TEXT NOT NULL DEFAULT 'plan'
  CHECK (cause IN ('plan', 'terms', 'ratio'));
-- What was used, as it is known now: settlement.energy_wh is what was billed, before a ratio was corrected.
ALTER TABLE settlement_basis ADD COLUMN energy_wh INTEGER NOT NULL DEFAULT 0;
UPDATE settlement_basis SET energy_wh = (SELECT s.energy_wh FROM settlement s
  WHERE s.account_id = settlement_basis.account_id AND s.meter_id = settlement_basis.meter_id
    AND s.epoch = settlement_basis.epoch AND s.opened_at = settlement_basis.opened_at)
  WHERE EXISTS (SELECT 1 FROM settlement s
    WHERE s.account_id = settlement_basis.account_id AND s.meter_id = settlement_basis.meter_id
      AND s.epoch = settlement_basis.epoch AND s.opened_at = settlement_basis.opened_at);
-- What the meters of an account count together: struct rating_shared in rating/period.h. It ends with
-- the account's last meter.
CREATE TABLE account_position (
  account_id INTEGER PRIMARY KEY,
  position TEXT NOT NULL        -- JSON, as in charge_position; of it the account's part
) STRICT;
INSERT INTO account_position SELECT account_id, position FROM
  (SELECT account_id, position, max(fee_day) FROM charge_position WHERE position <> '' GROUP BY account_id);

-- runs over many accounts (pay/run.h) ------------------------------------------------------------------
-- A person stopped it, posting or taking back: it waits behind its cursor until it is resumed or given up.
ALTER TABLE money_run ADD COLUMN stopped_at INTEGER
  CHECK (stopped_at IS NULL OR state IN ('running', 'reversing'));
ALTER TABLE money_run ADD COLUMN stopped_by TEXT
  CHECK ((stopped_by IS NULL) = (stopped_at IS NULL));
ALTER TABLE money_run ADD COLUMN stop_reason TEXT NOT NULL DEFAULT '';
-- Its rest was refused: what was posted, or taken back, up to then stays so.
ALTER TABLE money_run ADD COLUMN given_up_at INTEGER;
ALTER TABLE money_run ADD COLUMN given_up_by TEXT
  CHECK ((given_up_by IS NULL) = (given_up_at IS NULL));
