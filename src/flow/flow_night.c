/*
 * A night is cut into slots. Each must be read, at its beginning and at the beginning of what comes
 * after it, and the register must have gone on in all of them: whoever sleeps draws no water, and a
 * leak never sleeps.
 */
#include <stdio.h>

#include "billing/billing.h"
#include "flow/flow_impl.h"

static enum err plan(struct store_tx *tx, const struct flow_meter *m, struct flow_row *row,
                     const struct flow_rule *rule, wall_s at)
{
    int32_t offset_s;
    TRY(billing_project_offset(tx, m->project_id, at, &offset_s));
    struct flow_hours h = flow_hours_of(at, offset_s, rule->night_from_min, rule->night_to_min);
    row->night_from = h.from;
    row->night_to = h.to;
    row->slot = FLOW_NIGHT_WAITS;
    row->least_l = -1;
    return ERR_OK;
}

static void put_minute(struct detail *d, const char *name, int64_t minute)
{
    char text[8];
    snprintf(text, sizeof text, "%02d:%02d", (int)(minute / 60 % 24), (int)(minute % 60));
    detail_text(d, name, text);
}

static enum err judge(struct store_tx *tx, const struct flow_meter *m, struct flow_row *row,
                      const struct flow_rule *rule, wall_s at)
{
    bool leaks = row->least_l >= rule->least_l, leaked = row->leak_since.s != 0;
    struct detail d = {};
    row->night_at = row->night_from;
    if (leaks)
        row->leak_lh = row->least_l * 60 / rule->slot_min;
    if (leaks == leaked)
        return ERR_OK;
    row->leak_since.s = leaks ? row->night_from.s : 0;
    if (!leaks)
        return flow_tell(tx, m, at, EVENT_FLOW_NIGHT_ENDED, &d);
    detail_int(&d, "least_lh", row->leak_lh);
    put_minute(&d, "from", rule->night_from_min);
    put_minute(&d, "to", rule->night_to_min);
    detail_int(&d, "slot_min", rule->slot_min);
    detail_int(&d, "rule_l", rule->least_l);
    return flow_tell(tx, m, at, EVENT_FLOW_NIGHT, &d);
}

static void close_slot(struct flow_row *row, int64_t l)
{
    int64_t rise = l - row->slot_l;
    if (rise < 0)
        row->slot = FLOW_NIGHT_SPOILT; /* set back, or another meter */
    else if (row->least_l < 0 || rise < row->least_l)
        row->least_l = rise;
}

static bool take_slot(struct flow_row *row, int64_t slot, int64_t l)
{
    if (row->slot == FLOW_NIGHT_SPOILT || row->slot == slot)
        return false;
    if (slot != row->slot + 1) {
        row->slot = FLOW_NIGHT_SPOILT;
        return true;
    }
    if (row->slot >= 0)
        close_slot(row, l);
    if (row->slot != FLOW_NIGHT_SPOILT)
        row->slot = slot;
    row->slot_l = l;
    return true;
}

enum err flow_night(struct store_tx *tx, const struct flow_meter *m, struct flow_row *row,
                    const struct flow_report *p, bool *changed)
{
    struct flow_rule rule;
    if (row->night_from.s != 0 && p->at.s < row->night_from.s)
        return ERR_OK;
    TRY(flow_rule_get(tx, m->project_id, &rule));
    if (row->night_from.s == 0) {
        *changed = true;
        TRY(plan(tx, m, row, &rule, p->at));
        if (p->at.s < row->night_from.s)
            return ERR_OK;
    }
    int64_t slot_s = rule.slot_min * FLOW_MINUTE_S;
    if (p->at.s < row->night_to.s) {
        int64_t slot = (p->at.s - row->night_from.s) / slot_s;
        *changed = take_slot(row, slot, p->register_l) || *changed;
        return ERR_OK;
    }
    int64_t slots = (row->night_to.s - row->night_from.s) / slot_s;
    if (row->slot == slots - 1 && p->at.s < row->night_to.s + slot_s)
        close_slot(row, p->register_l);
    else
        row->slot = FLOW_NIGHT_SPOILT;
    *changed = true;
    if (row->slot != FLOW_NIGHT_SPOILT && rule.least_l > 0)
        TRY(judge(tx, m, row, &rule, p->at));
    return plan(tx, m, row, &rule, p->at);
}
