-- The ledger database: everything that is money, order, desired state, configuration.
-- Rules: integers for money (fen), quantities (Wh) and time (UTC seconds); every money table has
-- account_id first in its primary key and in every unique key; append-only tables refuse UPDATE
-- and DELETE; every state is a word out of a checked list.

CREATE TABLE sequence (name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- journal: what was done, by whom, as a hash chain ----------------------------------------------
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,          -- 'user:3', 'gateway:1', 'system'
  action TEXT NOT NULL,         -- 'order.create', 'relay.set' ...
  object TEXT NOT NULL,         -- 'account:17', 'relay:12/0' ...
  detail TEXT NOT NULL,         -- JSON object, facts and reason
  prev BLOB NOT NULL,           -- hash of seq-1 (32 zero bytes for the first)
  hash BLOB NOT NULL            -- SHA-256 over a canonical row and prev
) STRICT;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'audit is append-only'); END;

-- What must be told to the world after the commit (messages now, webhooks later).
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  topic TEXT NOT NULL,          -- 'message' ...
  account_id INTEGER,
  body TEXT NOT NULL,           -- JSON
  taken_at INTEGER              -- NULL: waiting
) STRICT;
CREATE INDEX outbox_waiting ON outbox (id) WHERE taken_at IS NULL;

-- What happened, for people: the event list of the console.
CREATE TABLE event (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  project_id INTEGER NOT NULL,
  account_id INTEGER,
  meter_id INTEGER,
  kind TEXT NOT NULL,           -- a name of the event table in journal/
  severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'alarm')),
  detail TEXT NOT NULL          -- JSON object: the facts
) STRICT;
CREATE INDEX event_project ON event (project_id, id);
CREATE INDEX event_account ON event (account_id, id);

-- site -----------------------------------------------------------------------------------------
CREATE TABLE organisation (
  id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL
) STRICT;
CREATE TABLE project (
  id INTEGER PRIMARY KEY,
  organisation_id INTEGER NOT NULL REFERENCES organisation (id),
  code TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  zone TEXT NOT NULL            -- IANA name
) STRICT;
CREATE TABLE place (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  parent_id INTEGER REFERENCES place (id),
  kind TEXT NOT NULL CHECK (kind IN ('building', 'floor', 'room', 'shop')),
  code TEXT NOT NULL,           -- path within the project: 'A/3/301'
  name TEXT NOT NULL,
  UNIQUE (project_id, code)
) STRICT;
CREATE TABLE gateway (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  serial TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  claim_hash BLOB,              -- SHA-256 of the one-time code; NULL once used
  claim_until INTEGER,
  certificate_hash BLOB,        -- SHA-256 of the certificate issued at claim (DER)
  secret BLOB,                  -- 32 bytes shared at claim; keys of each connection derive from it
  boot_epoch INTEGER NOT NULL DEFAULT 0,   -- highest connection epoch ever seen
  received_epoch INTEGER NOT NULL DEFAULT 0, -- store-and-forward: (queue epoch,
  received_seq INTEGER NOT NULL DEFAULT 0,   --   sequence) committed so far
  config_version INTEGER NOT NULL DEFAULT 1, -- bumped by every change of lines and meters
  config_applied INTEGER NOT NULL DEFAULT 0,
  revoked INTEGER NOT NULL DEFAULT 0,
  last_seen INTEGER
) STRICT;
CREATE TABLE line (
  id INTEGER PRIMARY KEY,
  gateway_id INTEGER NOT NULL REFERENCES gateway (id),
  number INTEGER NOT NULL,      -- 1..255, the port of the gateway
  endpoint TEXT NOT NULL,       -- 'serial:/dev/ttyS1' or 'tcp:127.0.0.1:9001'
  baud INTEGER NOT NULL,
  parity TEXT NOT NULL CHECK (parity IN ('N', 'E', 'O')),
  UNIQUE (gateway_id, number)
) STRICT;
CREATE TABLE customer (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  phone TEXT NOT NULL DEFAULT '',
  UNIQUE (project_id, code)
) STRICT;
-- Prices and strategies are versioned data: a change is a new row with a later effective time.
CREATE TABLE price_plan (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  code TEXT NOT NULL,
  version INTEGER NOT NULL,
  effective_at INTEGER NOT NULL,
  body TEXT NOT NULL,           -- JSON, see docs/formats/price-plan.md
  UNIQUE (project_id, code, version)
) STRICT;
CREATE TABLE strategy (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  code TEXT NOT NULL,
  version INTEGER NOT NULL,
  effective_at INTEGER NOT NULL,
  body TEXT NOT NULL,           -- JSON, see docs/formats/strategy.md
  UNIQUE (project_id, code, version)
) STRICT;
CREATE TABLE account (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  place_id INTEGER NOT NULL REFERENCES place (id),
  customer_id INTEGER REFERENCES customer (id),
  code TEXT NOT NULL,
  name TEXT NOT NULL,
  wallet TEXT NOT NULL CHECK (wallet IN ('platform', 'meter')), -- where the balance lives
  plan_code TEXT NOT NULL,
  strategy_code TEXT NOT NULL,
  contract_at INTEGER,          -- when the settlement agreement was signed; NULL: no automatic cut
  opened_at INTEGER NOT NULL,
  closed_at INTEGER,
  UNIQUE (project_id, code)
) STRICT;
CREATE TABLE meter (
  id INTEGER PRIMARY KEY,
  project_id INTEGER NOT NULL REFERENCES project (id),
  account_id INTEGER REFERENCES account (id),
  place_id INTEGER NOT NULL REFERENCES place (id),
  line_id INTEGER NOT NULL REFERENCES line (id),
  address TEXT NOT NULL,        -- 12 decimal digits for DL/T 645
  model TEXT NOT NULL,          -- a name of the model table in meter/
  kind TEXT NOT NULL CHECK (kind IN ('electricity', 'water', 'heat', 'cooling', 'gas')),
  circuits INTEGER NOT NULL DEFAULT 1,     -- switched outputs: 1, or 3 for a dorm terminal
  epoch INTEGER NOT NULL DEFAULT 1,        -- installation period 装表期
  customer_number TEXT NOT NULL DEFAULT '000000000000', -- checked by the meter at each vend
  UNIQUE (line_id, address)
) STRICT;
CREATE INDEX meter_account ON meter (account_id);

-- ledger: double entry, one shard an account ------------------------------------------------------
-- A transaction touches one account only. Its counter-entries are books of the same account, so
-- that no row is hot. Books: see ledger/ledger.h. Credit is positive.
CREATE TABLE ledger_txn (
  account_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,         -- 1, 2, 3 ... without gaps in an account
  key TEXT NOT NULL,            -- idempotency: 'order:…/paid', 'settle:…'
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,          -- business time: never runs backwards within an account
  occurred_at INTEGER NOT NULL, -- when it happened at its source; earlier than at if told late
  business_day INTEGER NOT NULL, -- local day number, never runs backwards either
  actor TEXT NOT NULL,
  detail TEXT NOT NULL,         -- JSON
  sealed INTEGER NOT NULL DEFAULT 0 CHECK (sealed IN (0, 1)),
  prev BLOB NOT NULL,
  hash BLOB NOT NULL,           -- SHA-256 over the canonical transaction with its postings and prev
  PRIMARY KEY (account_id, seq),
  UNIQUE (account_id, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE posting (
  account_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  line INTEGER NOT NULL,
  book TEXT NOT NULL,
  amount_fen INTEGER NOT NULL CHECK (amount_fen <> 0),
  PRIMARY KEY (account_id, seq, line),
  FOREIGN KEY (account_id, seq) REFERENCES ledger_txn (account_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE balance (
  account_id INTEGER NOT NULL,
  book TEXT NOT NULL,
  amount_fen INTEGER NOT NULL,
  PRIMARY KEY (account_id, book)
) STRICT, WITHOUT ROWID;
-- The next transaction of an account: numbered without a gap, chained to the one before, which is
-- sealed, and not before it in time. It is born unsealed.
CREATE TRIGGER ledger_next BEFORE INSERT ON ledger_txn
BEGIN
  SELECT raise(ABORT, 'a transaction is born unsealed') WHERE NEW.sealed <> 0;
  SELECT raise(ABORT, 'not the next transaction of this account') WHERE NEW.seq <>
    (SELECT coalesce(max(seq), 0) + 1 FROM ledger_txn WHERE account_id = NEW.account_id);
  SELECT raise(ABORT, 'the chain or the time of this account is broken') FROM ledger_txn
    WHERE account_id = NEW.account_id AND seq = NEW.seq - 1
      AND (sealed = 0 OR hash <> NEW.prev OR at > NEW.at OR business_day > NEW.business_day);
END;
CREATE TRIGGER ledger_seal BEFORE UPDATE ON ledger_txn WHEN OLD.sealed = 0 AND NEW.sealed = 1
BEGIN
  SELECT raise(ABORT, 'postings do not sum to zero') WHERE
    (SELECT coalesce(sum(amount_fen), 1) FROM posting
      WHERE account_id = NEW.account_id AND seq = NEW.seq) <> 0;
END;
CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger_txn WHEN OLD.sealed = 1
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger_txn
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER posting_sealed BEFORE INSERT ON posting
BEGIN
  SELECT raise(ABORT, 'the transaction is sealed') WHERE
    (SELECT sealed FROM ledger_txn WHERE account_id = NEW.account_id AND seq = NEW.seq) <> 0;
END;
CREATE TRIGGER posting_no_update BEFORE UPDATE ON posting
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER posting_no_delete BEFORE DELETE ON posting
BEGIN SELECT raise(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER posting_balance AFTER INSERT ON posting
BEGIN
  INSERT INTO balance (account_id, book, amount_fen)
  VALUES (NEW.account_id, NEW.book, NEW.amount_fen)
  ON CONFLICT (account_id, book) DO UPDATE SET amount_fen = amount_fen + excluded.amount_fen;
END;

-- vend: an order's way into a meter --------------------------------------------------------------
CREATE TABLE sale_order (
  account_id INTEGER NOT NULL,
  order_id TEXT NOT NULL,       -- made by the client, 8..64 characters
  meter_id INTEGER,             -- the meter that holds the wallet; NULL: balance on the platform
  amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
  method TEXT NOT NULL CHECK (method IN ('cash', 'import', 'subsidy', 'transfer')),
  state TEXT NOT NULL CHECK (state IN ('CREATED', 'PAID', 'BOUND', 'CONFIRMED', 'REJECTED',
                                       'FENCED', 'REFUNDED', 'CONFLICT', 'BOOKED')),
  created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  next_at INTEGER NOT NULL DEFAULT 0, -- PAID: when the scanner looks at it again
  paid_at INTEGER, booked_at INTEGER, bound_at INTEGER, confirmed_at INTEGER, -- the money trail
  closed_at INTEGER,            -- refunded, rejected
  PRIMARY KEY (account_id, order_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sale_order_due ON sale_order (next_at) WHERE state = 'PAID';
CREATE INDEX sale_order_waiting ON sale_order (meter_id, created_at) WHERE state = 'PAID';
CREATE INDEX sale_order_time ON sale_order (created_at);
CREATE INDEX sale_order_id ON sale_order (order_id);
-- (meter, epoch, n) belongs to one order for ever; only a number that a fence proved unused
-- (its order is REFUNDED or REJECTED under it) is given out again, as the next generation.
CREATE TABLE vend_binding (
  account_id INTEGER NOT NULL,
  meter_id INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  n INTEGER NOT NULL CHECK (n > 0),
  generation INTEGER NOT NULL,  -- 1, 2 ...
  order_id TEXT NOT NULL,
  amount_fen INTEGER NOT NULL,
  bound_at INTEGER NOT NULL,
  PRIMARY KEY (account_id, meter_id, epoch, n, generation)
) STRICT, WITHOUT ROWID;
CREATE INDEX vend_binding_number ON vend_binding (meter_id, epoch, n);
CREATE INDEX vend_binding_order ON vend_binding (account_id, order_id);
CREATE TRIGGER vend_binding_taken BEFORE INSERT ON vend_binding
BEGIN
  SELECT raise(ABORT, 'the number is bound already') WHERE EXISTS (
    SELECT 1 FROM vend_binding b
    LEFT JOIN vend v ON v.account_id = b.account_id AND v.order_id = b.order_id
    WHERE b.meter_id = NEW.meter_id AND b.epoch = NEW.epoch AND b.n = NEW.n
      AND NOT (v.state IN ('REFUNDED', 'REJECTED') AND v.epoch = b.epoch AND v.n = b.n));
END;
CREATE TRIGGER vend_binding_no_update BEFORE UPDATE ON vend_binding
BEGIN SELECT raise(ABORT, 'a binding is immutable'); END;
CREATE TRIGGER vend_binding_no_delete BEFORE DELETE ON vend_binding
BEGIN SELECT raise(ABORT, 'a binding is immutable'); END;
CREATE TABLE vend (
  account_id INTEGER NOT NULL,
  order_id TEXT NOT NULL,
  meter_id INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  n INTEGER NOT NULL,
  amount_fen INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('BOUND', 'CONFIRMED', 'REJECTED', 'FENCED', 'REFUNDED',
                                       'CONFLICT')),
  attempt INTEGER NOT NULL DEFAULT 0, -- commands issued for this binding
  command_id INTEGER,           -- the last of them
  doubt INTEGER NOT NULL DEFAULT 0,   -- consecutive read-backs that contradict (rule c12)
  doubt_command INTEGER,        -- the last command that contradicted: a repeat does not count
  cause TEXT NOT NULL DEFAULT '' CHECK (cause IN ('', 'cancel', 'refused')), -- why FENCED
  reason TEXT NOT NULL DEFAULT '', -- in words: who cancelled why, how the meter refused
  fence_read INTEGER,           -- the READ issued after every fence stood: its answer decides
  told INTEGER NOT NULL DEFAULT 0, -- 1: said that it is late, 2: alarmed
  pause INTEGER NOT NULL DEFAULT 0, -- fruitless answers in a row: the next attempt waits longer
  next_at INTEGER NOT NULL,     -- when the scanner looks at it again
  bound_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  evidence TEXT NOT NULL DEFAULT '{}', -- JSON: what the meter said
  PRIMARY KEY (account_id, order_id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX vend_number ON vend (account_id, meter_id, epoch, n)
  WHERE state NOT IN ('REFUNDED', 'REJECTED');
CREATE UNIQUE INDEX vend_one_open ON vend (account_id, meter_id)
  WHERE state IN ('BOUND', 'FENCED', 'CONFLICT');
CREATE INDEX vend_open_meter ON vend (meter_id) WHERE state IN ('BOUND', 'FENCED', 'CONFLICT');
CREATE INDEX vend_due ON vend (next_at) WHERE state IN ('BOUND', 'FENCED');
-- What we know of the wallet inside a meter, from its own words.
CREATE TABLE meter_wallet (
  account_id INTEGER NOT NULL,
  meter_id INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  proven INTEGER NOT NULL,      -- 0: not believed until read afresh
  count INTEGER NOT NULL,       -- purchase count last proven
  purchased_fen INTEGER NOT NULL, -- the meter's cumulative purchased amount at that count
  opening_count INTEGER NOT NULL, -- both as first read in this epoch; -1: not yet
  opening_fen INTEGER NOT NULL,
  foreign_fen INTEGER NOT NULL DEFAULT 0, -- of it, sales that are not ours
  suspect_count INTEGER,        -- a contradiction seen once: believed when seen again
  suspect_fen INTEGER,
  suspect_command INTEGER,      -- the command that showed it
  doubt INTEGER NOT NULL DEFAULT 0, -- consecutive contradictions
  read_command INTEGER,         -- the last READ issued for the wallet itself
  remaining_fen INTEGER,        -- last read balance (negative: overdraft)
  read_at INTEGER,
  PRIMARY KEY (account_id, meter_id)
) STRICT, WITHOUT ROWID;

-- headend: commands on their way to a gateway -----------------------------------------------------
CREATE TABLE command (
  id INTEGER PRIMARY KEY,       -- random, never reused
  gateway_id INTEGER NOT NULL,
  meter_id INTEGER NOT NULL,
  account_id INTEGER,
  kind TEXT NOT NULL CHECK (kind IN ('vend', 'relay', 'read', 'keep')),
  ref TEXT NOT NULL DEFAULT '', -- what it is for: the order of a vend
  body BLOB NOT NULL,           -- CBOR as sent, see docs/formats/uplink.cddl
  not_after INTEGER,            -- NULL: no deadline
  state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'expired', 'fencing', 'fenced')),
  created_at INTEGER NOT NULL,
  sent_at INTEGER,              -- first handed to a live session
  handed INTEGER NOT NULL DEFAULT 0, -- 1: so was its present form (a fence is another)
  done_at INTEGER,
  outcome BLOB                  -- CBOR as received
) STRICT;
CREATE INDEX command_open ON command (gateway_id, created_at) WHERE state IN ('waiting', 'fencing');
CREATE INDEX command_unsent ON command (gateway_id)
  WHERE handed = 0 AND state IN ('waiting', 'fencing');
CREATE INDEX command_deadline ON command (not_after) WHERE state = 'waiting' AND not_after IS NOT NULL;
CREATE INDEX command_ref ON command (account_id, ref) WHERE ref <> '';
CREATE INDEX command_meter ON command (meter_id, created_at);

-- control: desired state of relays ---------------------------------------------------------------
CREATE TABLE relay (
  meter_id INTEGER NOT NULL,
  circuit INTEGER NOT NULL,     -- 0: the whole meter
  version INTEGER NOT NULL DEFAULT 0,
  desired TEXT NOT NULL DEFAULT 'none' CHECK (desired IN ('none', 'open', 'closed')),
  reason TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT '{}',
  actor TEXT NOT NULL DEFAULT 'system',
  not_after INTEGER,            -- a cut expires; a restore does not
  keep_power INTEGER NOT NULL DEFAULT 0,
  keep_version INTEGER NOT NULL DEFAULT 0,
  keep_next_at INTEGER,         -- keep-power: when to look again; NULL: the meter has it
  keep_attempt INTEGER NOT NULL DEFAULT 0,
  command_id INTEGER,           -- the last command issued for this version
  attempt INTEGER NOT NULL DEFAULT 0, -- commands issued for this version
  next_at INTEGER,              -- when control looks again; NULL: settled
  told INTEGER NOT NULL DEFAULT 0, -- 1: said that the restore is late, or that energy leaks
  open_wh INTEGER,              -- total register when it was first seen open
  state TEXT NOT NULL DEFAULT 'unknown' CHECK (state IN ('unknown', 'open', 'closed')),
  state_at INTEGER,
  changed_at INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (meter_id, circuit)
) STRICT, WITHOUT ROWID;
CREATE INDEX relay_due ON relay (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX relay_keep_due ON relay (keep_next_at) WHERE keep_next_at IS NOT NULL;
CREATE INDEX relay_cut ON relay (changed_at) WHERE desired = 'open';
-- Mass cuts of a project are blocked until a second person allows them for a while.
CREATE TABLE control_breaker (
  project_id INTEGER PRIMARY KEY,
  released_until INTEGER NOT NULL,
  actor TEXT NOT NULL
) STRICT;

-- billing: where a charge starts, and what was settled -------------------------------------------
CREATE TABLE charge_open (
  account_id INTEGER NOT NULL,
  meter_id INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  plan_code TEXT NOT NULL,
  plan_version INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,
  reading_at INTEGER NOT NULL,  -- of the reading that gave the registers, <= opened_at
  total_wh INTEGER NOT NULL,    -- opening registers: total, then sharp, peak, flat, valley
  rate1_wh INTEGER NOT NULL,
  rate2_wh INTEGER NOT NULL,
  rate3_wh INTEGER NOT NULL,
  rate4_wh INTEGER NOT NULL,
  carry_exact INTEGER NOT NULL DEFAULT 0, -- rounding remainder of the last settlement
  -- the wallet inside the meter at the same time; NULL: on the platform, or not told yet
  balance_fen INTEGER,
  purchase_count INTEGER,
  purchased_fen INTEGER,
  wallet_at INTEGER,            -- when the wallet was told
  broken INTEGER NOT NULL DEFAULT 0, -- 1: a register fell below its opening, settle up to the break
  held TEXT NOT NULL DEFAULT '',     -- why settlement waits, as told in the last event
  PRIMARY KEY (account_id, meter_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE settlement (
  account_id INTEGER NOT NULL,
  meter_id INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,   -- a period is named by its opening
  closed_at INTEGER NOT NULL,
  business_day INTEGER NOT NULL,
  amount_fen INTEGER NOT NULL,
  energy_wh INTEGER NOT NULL,
  bill TEXT NOT NULL,           -- JSON: lines that explain themselves
  PRIMARY KEY (account_id, meter_id, epoch, opened_at)
) STRICT, WITHOUT ROWID;

-- fee control: the running episode of an account -------------------------------------------------
CREATE TABLE fee_state (
  account_id INTEGER PRIMARY KEY,
  level INTEGER NOT NULL DEFAULT 0, -- 0 none, 1 low balance, 2 about to cut, 3 in arrears
  level_at INTEGER NOT NULL DEFAULT 0,
  episode INTEGER NOT NULL DEFAULT 0, -- counts up with each return to level 0
  warned_level INTEGER NOT NULL DEFAULT 0, -- highest level for which a message was delivered
  warned_at INTEGER,            -- the last delivery
  notices INTEGER NOT NULL DEFAULT 0, -- delivered in this episode, spaced as the strategy asks
  notice_at INTEGER,            -- the last that counted
  noted_level INTEGER NOT NULL DEFAULT 0, -- highest level for which a message was written
  noted INTEGER NOT NULL DEFAULT 0, -- messages written in this episode
  noted_at INTEGER,
  cut_by_us INTEGER NOT NULL DEFAULT 0,
  decision TEXT NOT NULL DEFAULT '{}', -- JSON: the last decision with its facts and reasons
  said TEXT NOT NULL DEFAULT '', -- its action, reason and guards in short: what a change is
  decided_at INTEGER,
  due_at INTEGER                -- when it must be decided again even if nothing happens
) STRICT;

CREATE INDEX fee_state_due ON fee_state (due_at) WHERE due_at IS NOT NULL;

-- notify: messages to people ---------------------------------------------------------------------
CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL,
  at INTEGER NOT NULL,
  template TEXT NOT NULL,
  level INTEGER NOT NULL,
  episode INTEGER NOT NULL,
  subject TEXT NOT NULL DEFAULT '', -- what it is about, if several may be sent in an episode: an order
  channel TEXT NOT NULL,        -- 'console'
  text_zh TEXT NOT NULL,
  text_en TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
  delivered_at INTEGER,
  UNIQUE (account_id, template, episode, level, subject)
) STRICT;

-- auth -------------------------------------------------------------------------------------------
CREATE TABLE person (
  id INTEGER PRIMARY KEY,
  login TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password TEXT NOT NULL,       -- argon2id, PHC string
  role TEXT NOT NULL CHECK (role IN ('admin', 'manager', 'cashier', 'finance', 'officer',
                                     'engineer', 'warden', 'auditor')),
  must_change INTEGER NOT NULL DEFAULT 0,
  disabled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE person_project (
  person_id INTEGER NOT NULL REFERENCES person (id),
  project_id INTEGER NOT NULL REFERENCES project (id),
  PRIMARY KEY (person_id, project_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE login (
  token_hash BLOB PRIMARY KEY,  -- SHA-256 of the cookie
  person_id INTEGER NOT NULL REFERENCES person (id),
  csrf TEXT NOT NULL,
  created_at INTEGER NOT NULL,  -- real time, also in a demonstration that runs faster
  seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX login_person ON login (person_id);

-- api: repeated requests get the first answer ----------------------------------------------------
CREATE TABLE idempotency (
  actor TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash BLOB NOT NULL,
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (actor, key)
) STRICT, WITHOUT ROWID;
