/*
 * Flow: what meters of water, heat, cooling and gas tell beside their register, and the care of
 * their valves. It needs no wish of anybody and takes no money; whoever is cut or restored is
 * control's affair.
 *
 *   flow after closing   the valve says closed, and the register goes on by closed_l or more: an
 *                        alarm, once a closing. That nothing flows is the proof of the valve.
 *   leak at night        within the night hours the register of a water meter went on by least_l or
 *                        more in every single slot of slot_min minutes: a warning, once until the
 *                        first dry night. A night in which a slot was not read is not judged.
 *   battery, faults      told when they begin and when they end.
 *   exercise             every exercise_days, within its hours, an open valve is moved there and
 *                        back, so that it does not seize. Never a closed one, nor one that is
 *                        ordered to close, kept on, protected, without battery or at fault. What
 *                        came of it is kept.
 *
 * The numbers are a rule of the project, as data; each change is audited.
 */
#ifndef YUFU_FLOW_FLOW_H
#define YUFU_FLOW_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"
#include "uplink/message.h"

/* --- the rule --------------------------------------------------------------------------------- */

struct flow_rule {
    int64_t night_from_min, night_to_min; /* minutes of the local day; may wrap over midnight */
    int64_t slot_min;                     /* divides the night into whole slots, at least two */
    int64_t least_l;                      /* 0: nights are not judged */
    int64_t closed_l;
    int64_t exercise_days;                      /* 0: valves are not exercised */
    int64_t exercise_from_min, exercise_to_min; /* as of the night; at least 10 minutes */
    /* told by flow_rule_get; a rule that nobody changed is version 0 */
    int64_t version;
    wall_s changed_at;
    char actor[64];
};

/* That of the project, or the one the product comes with. */
[[nodiscard]] enum err flow_rule_get(struct store_tx *tx, int64_t project_id,
                                     struct flow_rule *rule);
/* The member that is out of its bounds; NULL: none. */
const char *flow_rule_fault(const struct flow_rule *rule);
/* ERR_RANGE: flow_rule_fault. ERR_STATE: rule->version is not that of the rule in force. */
[[nodiscard]] enum err flow_rule_put(struct store_tx *tx, int64_t project_id,
                                     const struct flow_rule *rule, const char *actor, wall_s now);

/* --- what comes in ---------------------------------------------------------------------------- */

struct flow_report {
    int64_t meter_id, epoch;
    int64_t register_l; /* the charged register, if it was believed; -1: not read. Litres or MJ */
    int64_t volume_l;   /* -1: not read, as the rest */
    int64_t valve;      /* enum meter_valve */
    int64_t relay_open, battery_low, fault_bits;
    wall_s at, now;
};
/* Newest readings only, in order. *moving: the valve is just being exercised, so that its state is
 * of no meaning. Cheap when nothing changed. */
[[nodiscard]] enum err flow_reading(struct store_tx *tx, const struct flow_report *report,
                                    bool *moving);

/* Outcomes of EXERCISE. */
[[nodiscard]] enum err flow_outcome(struct store_tx *tx, const struct uplink_outcome *outcome,
                                    wall_s now, uint64_t random);

struct flow_scan {
    wall_s now;
    int64_t limit;
    uint64_t random;
};
/* Valves whose exercise is due. */
[[nodiscard]] enum err flow_tick(struct store_tx *tx, const struct flow_scan *scan,
                                 int64_t *worked);

/* --- what stands ------------------------------------------------------------------------------ */

enum flow_result {
#define FLOW_RESULT(name, text, en, zh) FLOW_##name,
#include "flow/result_table.h"
#undef FLOW_RESULT
    FLOW_RESULT_COUNT
};
const char *flow_result_name(enum flow_result r); /* "sent" ...; never NULL */
const char *flow_result_en(enum flow_result r);
const char *flow_result_zh(enum flow_result r);

struct flow_state {
    bool known;          /* a reading of this meter told any of this */
    int64_t valve;       /* enum meter_valve, -1: not told */
    int64_t battery_low; /* -1: not told */
    int64_t fault_bits;  /* -1: not told */
    wall_s closed_at;    /* 0: not closed */
    int64_t closed_l;    /* the register then */
    bool closed_flow;    /* the alarm was told */
    wall_s leak_since;   /* the first night of the leak; 0: none */
    int64_t leak_lh;     /* at least so much an hour in the last night of it */
    wall_s night_at;     /* beginning of the last night that was judged; 0: none */
    wall_s exercise_at;  /* when the valve is due; 0: it cannot be exercised */
};
[[nodiscard]] enum err flow_get(struct store_tx *tx, int64_t meter_id, struct flow_state *state);

struct flow_exercise {
    int64_t id, meter_id;
    wall_s at, ended_at; /* ended 0: not yet */
    enum flow_result result;
};
typedef enum err flow_exercise_each(void *arg, const struct flow_exercise *e);
/* Newest first. */
[[nodiscard]] enum err flow_exercises(struct store_tx *tx, int64_t meter_id, int64_t limit,
                                      flow_exercise_each *each, void *arg);

#endif
