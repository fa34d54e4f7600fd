/* Shared by the parts of flow/ only. */
#ifndef YUFU_FLOW_FLOW_IMPL_H
#define YUFU_FLOW_FLOW_IMPL_H

#include "flow/flow.h"
#include "journal/detail.h"
#include "journal/journal.h"

#define FLOW_MINUTE_S 60
#define FLOW_DAY_S 86'400

struct flow_meter {
    int64_t id, project_id, account_id, epoch;
    char address[16], model[32];
    bool water;   /* its register is in litres of water: nights are judged */
    bool charged; /* its register counts litres: water and gas */
};
/* ERR_NOT_FOUND. */
[[nodiscard]] enum err flow_meter_load(struct store_tx *tx, int64_t meter_id, struct flow_meter *m);

/* Where a night stands. */
#define FLOW_NIGHT_WAITS (-1)
#define FLOW_NIGHT_SPOILT (-2)

struct flow_row {
    int64_t meter_id, epoch;
    bool fresh; /* there was no row */
    int64_t valve, battery_low, fault_bits;
    wall_s closed_at;
    int64_t closed_l;
    bool closed_told;
    wall_s night_from, night_to; /* the running or next one; 0: not known */
    int64_t slot;                /* from 0, or FLOW_NIGHT_... */
    int64_t slot_l;              /* the register when it began */
    int64_t least_l;             /* of the slots that are over; -1: none is */
    wall_s night_at, leak_since;
    int64_t leak_lh;
    wall_s exercise_at;   /* 0: never */
    int64_t exercise_id;  /* on its way; 0: none */
    wall_s exercise_from; /* when that was ordered */
};
[[nodiscard]] enum err flow_row_load(struct store_tx *tx, int64_t meter_id, struct flow_row *row);
[[nodiscard]] enum err flow_row_save(struct store_tx *tx, const struct flow_row *row);

/* The times of day `from` to `to`, in minutes, that hold at `at` or begin next after it. */
struct flow_hours {
    wall_s from, to;
};
struct flow_hours flow_hours_of(wall_s at, int32_t offset_s, int64_t from_min, int64_t to_min);

[[nodiscard]] enum err flow_tell(struct store_tx *tx, const struct flow_meter *m, wall_s at,
                                 enum journal_kind kind, struct detail *d);

/* A reading within or after the night; *changed: the row is to be saved. */
[[nodiscard]] enum err flow_night(struct store_tx *tx, const struct flow_meter *m,
                                  struct flow_row *row, const struct flow_report *p, bool *changed);

#define FLOW_MOVING_S 180 /* an exercise that was ordered moves the valve within this */
bool flow_can_exercise(const struct flow_meter *m);

#endif
