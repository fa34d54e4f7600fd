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
