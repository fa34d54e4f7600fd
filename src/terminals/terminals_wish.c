#include <stdio.h>
#include <string.h>

#include "headend/headend.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "terminals/terminals_impl.h"

static bool has_register(const struct terminals_meter *m, int64_t circuit,
                         enum meter_terminal_item item)
{
    if (!m->terminal || item < METER_TERMINAL_STATUS || item >= METER_TERMINAL_ITEMS)
        return false;
    bool whole = item == METER_TERMINAL_CALENDAR;
    return whole ? circuit == 0 : circuit >= 1 && circuit <= m->circuits;
}

bool terminals_is_order(enum meter_terminal_item item)
{
    return meter_terminal_proof(item) != item;
}

enum err terminals_send(struct terminals_turn *t, const struct terminals_meter *m,
                        struct terminals_row *row, bool write)
{
    struct headend_order o = {
        .command = {.kind = UPLINK_REGISTER,
                    .meter_id = m->id,
                    .epoch = m->epoch,
                    .circuit = row->r.circuit,
                    .item = write ? row->r.item : meter_terminal_proof(row->r.item)},
        .account_id = m->account_id,
        .now = t->now,
        .random = rand_u64(&t->ids),
    };
    if (write) {
        memcpy(o.command.data, row->r.wanted, row->r.wanted_len);
        o.command.data_len = row->r.wanted_len;
        o.command.not_after.s = terminals_is_order(row->r.item) ? t->now.s + TERMINALS_ORDER_S : 0;
    }
    TRY(headend_gateway_of_meter(t->tx, m->id, &o.gateway_id));
    TRY(headend_command_put(t->tx, &o, &row->command_id));
    /* An order that was not carried out in time will not be. */
    row->next_at.s = o.command.not_after.s ? o.command.not_after.s + 5 : 0;
    return terminals_row_save(t->tx, row);
}

enum err terminals_look(struct terminals_turn *t, const struct terminals_meter *m, int64_t circuit,
                        enum meter_terminal_item item)
{
    struct terminals_row row;
    TRY(terminals_row_load(t->tx, m->id, circuit, item, &row));
    return row.command_id != 0 ? ERR_OK : terminals_send(t, m, &row, false);
}

enum err terminals_read(struct store_tx *tx, const struct terminals_ask *ask)
{
    struct terminals_turn t = terminals_turn_of(tx, ask->now, ask->random);
    struct terminals_meter m;
    TRY(terminals_meter_load(tx, ask->meter_id, &m));
    if (!m.terminal)
        return ERR_TERMINALS_NONE;
    int last = ask->status_only ? METER_TERMINAL_STATUS : METER_TERMINAL_ITEMS - 1;
    for (int i = METER_TERMINAL_STATUS; i <= last; i++)
        for (int64_t circuit = 0; circuit <= m.circuits; circuit++) {
            enum meter_terminal_item item = (enum meter_terminal_item)i;
            if (has_register(&m, circuit, item) && !terminals_is_order(item))
                TRY(terminals_look(&t, &m, circuit, item));
        }
    return ERR_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

static enum err audit(struct terminals_turn *t, const struct terminals_wish *w)
{
    char object[64], action[48], hex[2 * METER_TERMINAL_BYTES + 1] = "";
    struct detail d = {};
    for (size_t i = 0; i < w->data.len; i++)
        snprintf(hex + 2 * i, 3, "%02x", w->data.data[i]);
    detail_text(&d, "reason", w->reason);
    detail_text(&d, "data", hex);
    snprintf(object, sizeof object, "terminal:%lld/%lld", (long long)w->meter_id,
             (long long)w->circuit);
    snprintf(action, sizeof action, "terminal.%s", meter_terminal_name(w->item));
    return journal_append(t->tx,
                          &(struct journal_act){t->now, w->actor, action, object, detail_end(&d)});
}

/* What was wished before must not act any more if the gateway has not begun it. */
static enum err fence_old(struct terminals_turn *t, const struct terminals_row *row)
{
    if (row->command_id == 0)
        return ERR_OK;
    enum err e = headend_fence(t->tx, row->command_id);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err check(const struct terminals_wish *w, const struct terminals_meter *m)
{
    bool fits = w->data.len > 0 && w->data.len <= METER_TERMINAL_BYTES;
    if (!w->reason || !*w->reason)
        return ERR_CONTROL_REASON;
    return fits && has_register(m, w->circuit, w->item) && meter_terminal_writable(w->item)
               ? ERR_OK
               : ERR_TERMINALS_NONE;
}

enum err terminals_write(struct store_tx *tx, const struct terminals_wish *w)
{
    struct terminals_turn t = terminals_turn_of(tx, w->now, w->random);
    struct terminals_meter m;
    struct terminals_row row;
    TRY(terminals_meter_load(tx, w->meter_id, &m));
    TRY(check(w, &m));
    TRY(terminals_count_dark(&t, &m, w));
    TRY(terminals_row_load(tx, m.id, w->circuit, w->item, &row));
    TRY(fence_old(&t, &row));
    row.r.state = TERMINALS_PENDING;
    row.r.wanted_len = w->data.len;
    memcpy(row.r.wanted, w->data.data, w->data.len);
    row.r.wanted_at = w->now;
    row.attempt = 0;
    snprintf(row.r.actor, sizeof row.r.actor, "%s", w->actor);
    snprintf(row.r.reason, sizeof row.r.reason, "%s", w->reason);
    TRY(audit(&t, w));
    return terminals_send(&t, &m, &row, true);
}
