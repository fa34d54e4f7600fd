#include <stdio.h>

#include "flow/flow_impl.h"
#include "meter/point.h"

/* --- battery and faults ----------------------------------------------------------------------- */

/* Told when it begins and when it ends; what is all right at first sight is not worth a word. */
static enum err take_switch(struct store_tx *tx, const struct flow_meter *m, wall_s at,
                            int64_t *known, int64_t told, const enum journal_kind kinds[2])
{
    struct detail d = {};
    char bits[24];
    bool bad = told != 0, was_bad = *known > 0, same = told == *known;
    if (told < 0)
        return ERR_OK;
    *known = told;
    if (same || (!bad && !was_bad))
        return ERR_OK;
    snprintf(bits, sizeof bits, "%llXH", (unsigned long long)told);
    detail_text(&d, "bits", bits);
    return flow_tell(tx, m, at, kinds[bad ? 0 : 1], &d);
}

static enum err take_health(struct store_tx *tx, const struct flow_meter *m, struct flow_row *row,
                            const struct flow_report *p, bool moving)
{
    static const enum journal_kind battery[] = {EVENT_BATTERY_LOW, EVENT_BATTERY_OK};
    static const enum journal_kind faults[] = {EVENT_METER_FAULT, EVENT_METER_FAULT_ENDED};
    static const enum journal_kind valve[] = {EVENT_VALVE_FAULT, EVENT_VALVE_MENDED};
    int64_t stuck = row->valve == METER_VALVE_FAULT;
    TRY(take_switch(tx, m, p->at, &row->battery_low, p->battery_low, battery));
    TRY(take_switch(tx, m, p->at, &row->fault_bits, p->fault_bits, faults));
    if (p->valve < 0 || moving)
        return ERR_OK;
    row->valve = p->valve;
    return take_switch(tx, m, p->at, &stuck, p->valve == METER_VALVE_FAULT, valve);
}

/* --- closed valves ---------------------------------------------------------------------------- */

static int64_t litres(const struct flow_meter *m, const struct flow_report *p)
{
    return m->charged ? p->register_l : p->volume_l;
}

static enum err take_valve(struct store_tx *tx, const struct flow_meter *m, struct flow_row *row,
                           const struct flow_report *p)
{
    struct flow_rule rule;
    struct detail d = {};
    int64_t l = litres(m, p);
    if (p->relay_open < 0)
        return ERR_OK;
    if (p->relay_open == 0) {
        row->closed_at.s = row->closed_l = 0;
        row->closed_told = false;
        return ERR_OK;
    }
    if (l < 0)
        return ERR_OK;
    if (row->closed_at.s == 0 || l < row->closed_l) {
        row->closed_at = p->at;
        row->closed_l = l;
        return ERR_OK;
    }
    if (row->closed_told || l == row->closed_l)
        return ERR_OK;
    TRY(flow_rule_get(tx, m->project_id, &rule));
    if (l - row->closed_l < rule.closed_l)
        return ERR_OK;
    row->closed_told = true;
    detail_int(&d, "volume_l", l - row->closed_l);
    detail_int(&d, "minutes", (p->at.s - row->closed_at.s) / FLOW_MINUTE_S);
    return flow_tell(tx, m, p->at, EVENT_VALVE_FLOW, &d);
}

/* --- all -------------------------------------------------------------------------------------- */

static bool tells(const struct flow_report *p)
{
    return p->volume_l >= 0 || p->valve >= 0 || p->battery_low >= 0 || p->fault_bits >= 0;
}

static bool differs(const struct flow_row *a, const struct flow_row *b)
{
    return a->fresh || a->epoch != b->epoch || a->valve != b->valve ||
           a->battery_low != b->battery_low || a->fault_bits != b->fault_bits ||
           a->closed_at.s != b->closed_at.s || a->closed_l != b->closed_l ||
           a->closed_told != b->closed_told || a->exercise_at.s != b->exercise_at.s;
}

/* Another device: what the old one told and did is over. */
static void begin_epoch(struct flow_row *row, const struct flow_report *p)
{
    *row = (struct flow_row){.meter_id = row->meter_id,
                             .fresh = row->fresh,
                             .epoch = p->epoch,
                             .valve = -1,
                             .battery_low = -1,
                             .fault_bits = -1,
                             .slot = FLOW_NIGHT_WAITS,
                             .least_l = -1};
}

enum err flow_reading(struct store_tx *tx, const struct flow_report *p, bool *moving)
{
    struct flow_meter m;
    struct flow_row row, before;
    bool changed = false;
    *moving = false;
    if (!tells(p))
        return ERR_OK;
    enum err e = flow_meter_load(tx, p->meter_id, &m);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    TRY(flow_row_load(tx, p->meter_id, &row));
    before = row;
    if (row.epoch < p->epoch)
        begin_epoch(&row, p);
    *moving = row.exercise_id != 0 && p->at.s >= row.exercise_from.s &&
              p->at.s < row.exercise_from.s + FLOW_MOVING_S;
    TRY(take_health(tx, &m, &row, p, *moving));
    if (!*moving)
        TRY(take_valve(tx, &m, &row, p));
    if (m.water && p->register_l >= 0)
        TRY(flow_night(tx, &m, &row, p, &changed));
    if (row.exercise_at.s == 0 && p->valve >= 0 && flow_can_exercise(&m))
        row.exercise_at = p->now;
    return changed || differs(&before, &row) ? flow_row_save(tx, &row) : ERR_OK;
}
