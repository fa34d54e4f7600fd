/*
 * Control: the desired state of relays and valves, and its pursuit.
 *
 * One register a relay: (version, desired, reason, not_after). A wish raises the version, is
 * audited, and puts one command, all in the caller's transaction; the gateway obeys no version
 * below the highest it knows. A cut lives CONTROL_CUT_S seconds and is never repeated: when it
 * expires, the wish is withdrawn and fee control decides afresh. A restore has no deadline and is
 * pursued with growing pauses until the meter reports that it is closed. After every command the
 * relay's state is read back; what nobody answered is settled by the next reading.
 *
 * Keep-power stands above everything: while it is set no cut is accepted, and the meter is told
 * too.
 *
 * Circuit 0 is the whole meter; 1..3 are switched outputs of a dorm terminal. A circuit that was
 * cut by itself stays open when the whole returns: then the others are ordered one by one. The
 * restore of a circuit waits while the whole is cut. Where somebody closes a circuit of a whole
 * that is cut, the wish is given up, and the other circuits stay open for its reason, each by
 * itself, until they or the whole are restored; the system restores what is left of its own cuts
 * only.
 */
#ifndef YUFU_CONTROL_CONTROL_H
#define YUFU_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"
#include "uplink/message.h"

#define CONTROL_CUT_S 60 /* a cut older than this is never executed */
#define CONTROL_CUT_MAX_S 3600
#define CONTROL_LEAK_WH 50 /* energy after a cut that raises the alarm */
#define CONTROL_LATE_S 600 /* a restore not done after this raises the alarm */
/* The mass-cut breaker. Fixed: no parameter that a broken-into console could widen (decision 0012).
 */
#define CONTROL_BREAKER_S 600        /* its window; */
#define CONTROL_BREAKER_MIN 20       /* that many cuts of one project are always allowed, */
#define CONTROL_BREAKER_PERMILLE 200 /* ... and this share of its meters */

enum control_desired { CONTROL_NONE, CONTROL_OPEN, CONTROL_CLOSED };
enum control_relay_state { CONTROL_UNKNOWN, CONTROL_IS_OPEN, CONTROL_IS_CLOSED };
const char *control_desired_name(enum control_desired d);   /* "none" "open" "closed" */
const char *control_state_name(enum control_relay_state s); /* "unknown" "open" "closed" */

struct control_wish {
    int64_t meter_id;
    int64_t circuit;              /* 0: whole meter */
    enum control_desired desired; /* OPEN cuts, CLOSED restores; NONE withdraws a pending wish */
    const char *reason;           /* 'arrears', 'payment', 'manual' ...: a word */
    const char *detail;           /* JSON object: the facts; NULL: {} */
    const char *actor;
    int64_t life_s; /* seconds in which a cut may begin, this one counted; 0: CONTROL_CUT_S; at most
                       CONTROL_CUT_MAX_S */
    bool
        goes_on; /* part of a cut that the breaker let pass already: another meter of the account */
    wall_s now;
    uint64_t random;
};

/*
 * *version (may be NULL) is the register's new one.
 *   ERR_NOT_FOUND           no such meter
 *   ERR_CONTROL_CIRCUIT     it has no such circuit
 *   ERR_CONTROL_SWITCH      a cut of a meter that cannot be ordered to
 *   ERR_CONTROL_KEEP_POWER  a cut while keep-power is set
 *   ERR_CONTROL_BREAKER     too many cuts in this project; control_breaker_release by a second
 * person ERR_CONTROL_REASON      no reason
 */
[[nodiscard]] enum err control_wish(struct store_tx *tx, const struct control_wish *wish,
                                    int64_t *version);

struct control_keep {
    int64_t meter_id;
    bool on;
    const char *reason;
    const char *actor;
    wall_s now;
    uint64_t random;
};
/* Keep-power of the whole meter. On: withdraws a pending cut, and restores what we had cut. */
[[nodiscard]] enum err control_keep(struct store_tx *tx, const struct control_keep *keep);

/* Mass cuts of a project are let through for the next CONTROL_BREAKER_S seconds, and whom the
 * breaker held back is decided again at once. Two persons do it by breaker.h. */
[[nodiscard]] enum err control_breaker_release(struct store_tx *tx, int64_t project_id,
                                               const char *actor, wall_s now);

/* How many meters of a project may be cut within CONTROL_BREAKER_S before the breaker stops it. */
[[nodiscard]] enum err control_breaker_limit(struct store_tx *tx, int64_t project_id,
                                             int64_t *meters);

/* A setting that leaves a circuit of a terminal without power counts as a cut of its meter does,
 * while it is younger than CONTROL_BREAKER_S. Ask before it is sent. ERR_NOT_FOUND: no such meter;
 * ERR_CONTROL_BREAKER as of a cut. */
struct control_dark {
    int64_t meter_id, circuit; /* 0: of the whole terminal */
    const char *what;          /* the setting's word */
    wall_s now;
};
[[nodiscard]] enum err control_darken(struct store_tx *tx, const struct control_dark *dark);
/* The same setting leaves power on: what was counted of it is taken back. */
[[nodiscard]] enum err control_lighten(struct store_tx *tx, const struct control_dark *dark);

/* Outcomes of RELAY and KEEP commands. */
[[nodiscard]] enum err control_outcome(struct store_tx *tx, const struct uplink_outcome *outcome,
                                       wall_s now, uint64_t random);

/* What a meter reported of itself. Cheap when nothing changed. */
struct control_report {
    int64_t meter_id;
    int64_t relay_open;  /* bits as POINT_RELAY_OPEN; -1: not read */
    int64_t keep_power;  /* 0, 1; -1: not read */
    int64_t open_reason; /* POINT_OPEN_REASON; -1: not read */
    int64_t energy_wh;   /* total register; -1: not read */
    wall_s at, now;
    uint64_t random;
};
[[nodiscard]] enum err control_reading(struct store_tx *tx, const struct control_report *report);

/* Whatever is due: expired cuts are withdrawn, restores and keep-power are repeated, and what a
 * gateway may cut that was not told better is restored (away.h). */
struct control_scan {
    wall_s now;
    int64_t limit;
    uint64_t random;
};
[[nodiscard]] enum err control_tick(struct store_tx *tx, const struct control_scan *scan,
                                    int64_t *worked);

struct control_relay {
    int64_t meter_id, circuit, version;
    enum control_desired desired;
    char reason[32];
    char actor[64];
    wall_s changed_at, not_after; /* 0: none */
    bool pending;                 /* the wish is not confirmed yet */
    bool keep_power;
    enum control_relay_state state;
    wall_s state_at; /* 0: never reported */
};
/* A relay never wished for reads as version 0, desired NONE. ERR_NOT_FOUND: no such meter. */
[[nodiscard]] enum err control_get(struct store_tx *tx, int64_t meter_id, int64_t circuit,
                                   struct control_relay *out);
typedef enum err control_each(void *arg, const struct control_relay *relay);
[[nodiscard]] enum err control_list(struct store_tx *tx, int64_t meter_id, control_each *each,
                                    void *arg);

#endif
