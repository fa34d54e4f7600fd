/*
 * Readings: what the meters said, over time.
 *
 * In memory: the newest good state of every meter and the open day's samples, rebuilt at start.
 * On disk (the readings store only; never in one transaction with the ledger):
 *   batch    the open days, one row a gateway batch, exactly as acknowledged
 *   latest   the newest good value of each point
 *   block    sealed days, one row a meter and local day (docs/formats/block.md)
 *   hourly, daily    energy per hour and day, written when a day is sealed
 *   reading_event    everything a check refused or classified
 *
 * What is promised (faults.md R1-R5): a stored register passed range and plausibility; a register
 * never falls silently; a batch is taken once; a gap stays a gap; a sealed value is never
 * rewritten.
 *
 * Not thread-safe. Engines: told `now`, read no clock.
 */
#ifndef YUFU_READINGS_READINGS_H
#define YUFU_READINGS_READINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "meter/point.h"
#include "store/store.h"
#include "uplink/message.h"

struct readings;

[[nodiscard]] enum err readings_new(struct readings **out);
void readings_free(struct readings *r); /* NULL is allowed */

/* Forgets everything in memory and reads it from the store: `latest` and the open batches. At
 * start, and whenever a transaction in which readings_ingest or readings_seal answered ERR_OK did
 * not commit after all. */
[[nodiscard]] enum err readings_load(struct readings *r, struct store_tx *tx);

/* What is known of a meter from elsewhere; without it the defaults hold. */
struct readings_place {
    int64_t group;         /* whose days are sealed together: the project. Default 0 */
    int64_t power_max_w;   /* plausible power, default READINGS_POWER_MAX_W */
    int64_t full_scale_wh; /* registers wrap here, default READINGS_FULL_SCALE_WH */
};
#define READINGS_POWER_MAX_W 66'000                   /* 3 x 230 V x 100 A, rounded down */
#define READINGS_FULL_SCALE_WH INT64_C(1'000'000'000) /* 999999.99 kWh and one more */
[[nodiscard]] enum err readings_place(struct readings *r, int64_t meter_id,
                                      const struct readings_place *place);

/* --- taking ----------------------------------------------------------------------------------- */

enum readings_change {                      /* bits */
                       READINGS_ENERGY = 1, /* a register of energy rose */
                       READINGS_BALANCE =
                           2, /* wallet, purchase count or cumulative purchases differ */
                       READINGS_STATE = 4,  /* relay, alarm, keep-power or reason differ */
                       READINGS_EPOCH = 8,  /* a new installation period began */
                       READINGS_FIRST = 16, /* the first good reading ever */
};
struct readings_moved {
    bool repeat; /* this (gateway, epoch, seq) had been taken before: nothing was changed */
    size_t count;
    struct {
        int64_t meter_id;
        unsigned change; /* enum readings_change bits; 0: confirmed unchanged, but fresher */
    } meter[UPLINK_READINGS_MAX]; /* each meter once */
    size_t refused;               /* values that were not taken; each is a row of reading_event */
};

/* One READINGS message as the headend hands it over. */
struct readings_batch {
    int64_t gateway_id;
    int64_t epoch, seq; /* of the gateway's queue: the batch's name for ever */
    wall_s now;         /* when it arrived */
    struct bytes body;  /* CBOR as received: what is stored */
    const struct uplink_readings *readings;
};

/*
 * Takes one batch, all or nothing, and once: a repeat of (gateway, epoch, seq) changes nothing.
 * Single values that fail a check are left out and recorded; they do not spoil the batch. Memory is
 * changed when ERR_OK is returned, so that the next batch of the same commit sees it; if the commit
 * then fails, call readings_load.
 * The caller has checked that the meters belong to the gateway.
 */
[[nodiscard]] enum err readings_ingest(struct readings *r, struct store_tx *tx,
                                       const struct readings_batch *batch,
                                       struct readings_moved *moved);

/* What happened to a value: reading_event.kind. */
enum readings_verdict {
#define READINGS_VERDICT(name, text) READINGS_##name,
#include "readings/verdict_table.h"
#undef READINGS_VERDICT
    READINGS_VERDICT_COUNT
};
const char *readings_verdict_name(enum readings_verdict v); /* "rollover" ...; never NULL */

/* A recorded verdict. */
struct readings_event {
    int64_t id, meter_id;
    wall_s at;
    const char *kind;   /* readings_verdict_name; valid until the callback returns */
    const char *detail; /* JSON: point, old, new */
};
enum readings_verdict readings_verdict_of(const char *name); /* READINGS_VERDICT_COUNT: unknown */
typedef enum err readings_event_each(void *arg, const struct readings_event *event);
/* Those with id > after, oldest first, at most `limit`. */
[[nodiscard]] enum err readings_events_after(struct store_tx *tx, int64_t after, int64_t limit,
                                             readings_event_each *each, void *arg);

/* --- the newest state (memory) ---------------------------------------------------------------- */

/* False if the meter never said it. `at` may be NULL. */
bool readings_value(const struct readings *r, int64_t meter_id, enum meter_point point,
                    int64_t *value, wall_s *at);
/* Time of the newest good reading of any point; false if there was none. */
bool readings_newest(const struct readings *r, int64_t meter_id, wall_s *at, int64_t *epoch);
/* Seconds since then, never negative; INT64_MAX if there was none. */
int64_t readings_age_s(const struct readings *r, int64_t meter_id, wall_s now);
/* When a register of energy last began anew (exchange, reset, rollover); false: not in the open
 * days. */
bool readings_last_break(const struct readings *r, int64_t meter_id, wall_s *at);

#define READINGS_AGE_BOUNDS 9
struct readings_freshness {
    int64_t meters;                       /* with at least one good reading */
    int64_t bound_s[READINGS_AGE_BOUNDS]; /* 30 60 90 120 150 180 300 900 3600 */
    int64_t within[READINGS_AGE_BOUNDS];  /* meters with age <= bound (cumulative) */
    int64_t oldest_s;                     /* largest age; 0 if there are no meters */
};
void readings_freshness(const struct readings *r, wall_s now, struct readings_freshness *out);

/* --- registers at an instant ------------------------------------------------------------------ */

/* The registers a charge is made from; a rate that the meter does not keep is 0. */
#define READINGS_REGISTERS 5 /* POINT_ENERGY_WH, then the four rates */
struct readings_registers {
    int64_t epoch;
    wall_s at; /* of the last reading that is in them */
    int64_t wh[READINGS_REGISTERS];
    /* The wallet as the meter told it at the last moment with no sale right before or after, with
     * count and cumulative purchases of that moment; without them if there was no such moment. */
    bool wallet_known;
    wall_s wallet_at;
    int64_t balance_fen;
    int64_t count;         /* -1: not told */
    int64_t purchased_fen; /* -1: not told */
};

/* The last reading at or before `at` (at `at` exactly counts). `tx` is of the readings store.
 * ERR_NOT_FOUND if there is none. Within sealed days times are cut to the block's step; day
 * boundaries are exact. */
[[nodiscard]] enum err readings_registers_at(struct readings *r, struct store_tx *tx,
                                             int64_t meter_id, wall_s at,
                                             struct readings_registers *out);

/* The first reading after `at`, with the registers as they stood then. ERR_NOT_FOUND if there is
 * none yet, or a register began anew between the last one at or before `at` and it. */
[[nodiscard]] enum err readings_registers_after(struct readings *r, struct store_tx *tx,
                                                int64_t meter_id, wall_s at,
                                                struct readings_registers *out);

/* The first break after `since` and up to `until`: the meter was exchanged, set back, or rolled
 * over. What was used until then is closing - opening before; what comes after starts at `opening`.
 * ERR_NOT_FOUND if there was none: registers are one rising run. */
struct readings_break {
    enum readings_verdict why; /* EXCHANGE, RESET or ROLLOVER */
    wall_s at;
    struct readings_registers closing, opening;
};
[[nodiscard]] enum err readings_break_after(struct readings *r, struct store_tx *tx,
                                            int64_t meter_id, wall_s since, wall_s until,
                                            struct readings_break *out);

/* Two answers from one look into the store: whether there is no break after `since` and up to
 * `until` (readings_break_after), and where there is none, what readings_registers_at says of `at`,
 * since <= at <= until. *known false: ask readings_registers_at. */
struct readings_stretch {
    wall_s since, until, at;
};
[[nodiscard]] enum err readings_unbroken(struct readings *r, struct store_tx *tx, int64_t meter_id,
                                         const struct readings_stretch *s, bool *unbroken,
                                         bool *known, struct readings_registers *out);

/* --- series for charts ------------------------------------------------------------------------ */

struct readings_sample {
    wall_s at;
    int64_t value;
};
/* The samples of one point with from <= at < to, ascending, thinned to the last of each step_s
 * (step_s <= 1: all). Sealed days and the open one alike. ERR_FULL when more than cap. */
struct readings_span {
    int64_t meter_id;
    enum meter_point point;
    wall_s from, to;
    int64_t step_s;
};
[[nodiscard]] enum err readings_series(struct readings *r, struct store_tx *tx,
                                       const struct readings_span *span,
                                       struct readings_sample *out, size_t cap, size_t *count);

/* The same out of memory alone: days that are not sealed yet. */
[[nodiscard]] enum err readings_recent(const struct readings *r, const struct readings_span *span,
                                       struct readings_sample *out, size_t cap, size_t *count);

struct readings_usage {
    wall_s from;       /* the bucket is [from, from + step_s) */
    int64_t energy_wh; /* used in it */
    bool measured; /* false: no reading fell into it; what was used is in the next measured one */
};
/* Energy per bucket of step_s (at least 60) from `from`; whole hours and days of sealed days come
 * from their own rows. ERR_FULL when (to - from) / step_s > cap; ERR_RANGE for a bad span. */
[[nodiscard]] enum err readings_usage(struct readings *r, struct store_tx *tx,
                                      const struct readings_span *span, struct readings_usage *out,
                                      size_t cap, size_t *count);

/* --- sealing days ----------------------------------------------------------------------------- */

struct readings_day {
    int64_t group;
    int32_t day;      /* local day number */
    wall_s from, to;  /* its first second and the next day's */
    int32_t offset_s; /* of the zone on that day, for hour rows and late readings */
};
/* Seals what is in memory of a day (and, late, of days before it) into blocks, hour and day rows,
 * for up to `limit` meters of the group. *left: meters that still wait; when 0, batches that are
 * wholly sealed were dropped. A value that was sealed before is never changed: late readings only
 * fill holes. */
[[nodiscard]] enum err readings_seal(struct readings *r, struct store_tx *tx,
                                     const struct readings_day *day, size_t limit, size_t *left);

/* Whether readings_seal would find anything; memory only, cheap. */
bool readings_seal_wanted(const struct readings *r, const struct readings_day *day);

#endif
