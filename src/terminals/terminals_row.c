#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "terminals/terminals_impl.h"

static const char *const state_names[] = {
    [TERMINALS_NONE] = "none",       [TERMINALS_PENDING] = "pending",
    [TERMINALS_DONE] = "done",       [TERMINALS_REFUSED] = "refused",
    [TERMINALS_UNKNOWN] = "unknown", [TERMINALS_EXPIRED] = "expired",
    [TERMINALS_LOST] = "lost",
};

const char *terminals_state_name(enum terminals_state s)
{
    MUST((unsigned)s <= TERMINALS_LOST);
    return state_names[s];
}

static enum terminals_state state_of(const char *name)
{
    unsigned i = 0;
    while (i < TERMINALS_LOST && strcmp(state_names[i], name) != 0)
        i++;
    return (enum terminals_state)i;
}

struct terminals_meter terminals_meter_of(const struct query *q, int64_t meter_id)
{
    const struct meter_model *model = meter_model_find(query_text(q, 5));
    return (struct terminals_meter){
        .id = meter_id,
        .project_id = query_int(q, 0),
        .account_id = query_int(q, 1),
        .place_id = query_int(q, 2),
        .epoch = query_int(q, 3),
        .circuits = query_int(q, 4),
        .terminal = model && meter_terminal_is(model),
    };
}

enum err terminals_meter_load(struct store_tx *tx, int64_t meter_id, struct terminals_meter *m)
{
    struct query q = query_open(tx,
                                "SELECT project_id, account_id, place_id, epoch, circuits, model "
                                "FROM meter WHERE id = $1",
                                "i", meter_id);
    bool found = query_step(&q);
    if (found)
        *m = terminals_meter_of(&q, meter_id);
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

/* --- registers -------------------------------------------------------------------------------- */

#define COLUMNS                                                                                    \
    "SELECT meter_id, circuit, item, state, value, read_at, wanted, wanted_at, actor, reason, "    \
    "command_id, attempt, next_at FROM terminal_register "

static size_t copy(uint8_t out[METER_TERMINAL_BYTES], struct bytes b)
{
    size_t len = b.len < METER_TERMINAL_BYTES ? b.len : METER_TERMINAL_BYTES;
    if (len > 0)
        memcpy(out, b.data, len);
    return len;
}

static void take(const struct query *q, struct terminals_row *row)
{
    *row = (struct terminals_row){
        .meter_id = query_int(q, 0),
        .command_id = query_int(q, 10),
        .attempt = query_int(q, 11),
        .next_at.s = query_int(q, 12),
        .r = {.circuit = query_int(q, 1),
              .item = (enum meter_terminal_item)query_int(q, 2),
              .state = state_of(query_text(q, 3)),
              .reading = query_int(q, 10) != 0,
              .read_at.s = query_int(q, 5),
              .wanted_at.s = query_int(q, 7)},
    };
    row->r.value_len = copy(row->r.value, query_blob(q, 4));
    row->r.wanted_len = copy(row->r.wanted, query_blob(q, 6));
    snprintf(row->r.actor, sizeof row->r.actor, "%s", query_text(q, 8));
    snprintf(row->r.reason, sizeof row->r.reason, "%s", query_text(q, 9));
}

enum err terminals_row_load(struct store_tx *tx, int64_t meter_id, int64_t circuit,
                            enum meter_terminal_item item, struct terminals_row *row)
{
    *row = (struct terminals_row){.meter_id = meter_id, .r = {.item = item, .circuit = circuit}};
    struct query q = query_open(tx, COLUMNS "WHERE meter_id = $1 AND circuit = $2 AND item = $3",
                                "iii", meter_id, circuit, (int64_t)item);
    if (query_step(&q))
        take(&q, row);
    return query_end(&q);
}

static struct bytes blob(const uint8_t *data, size_t len)
{
    return (struct bytes){len > 0 ? data : NULL, len};
}

enum err terminals_row_save(struct store_tx *tx, const struct terminals_row *row)
{
    const struct terminals_register *r = &row->r;
    return store_exec(
        tx,
        "INSERT INTO terminal_register (meter_id, circuit, item, state, value, read_at, wanted, "
        "wanted_at, actor, reason, command_id, attempt, next_at) VALUES ($1, $2, $3, $4, $5, "
        "nullif($6, 0), $7, nullif($8, 0), $9, $10, nullif($11, 0), $12, nullif($13, 0)) "
        "ON CONFLICT (meter_id, circuit, item) DO UPDATE SET state = excluded.state, "
        "value = excluded.value, read_at = excluded.read_at, wanted = excluded.wanted, "
        "wanted_at = excluded.wanted_at, actor = excluded.actor, reason = excluded.reason, "
        "command_id = excluded.command_id, attempt = excluded.attempt, next_at = excluded.next_at",
        "iiitbibittiii", row->meter_id, r->circuit, (int64_t)r->item, state_names[r->state],
        blob(r->value, r->value_len), r->read_at.s, blob(r->wanted, r->wanted_len), r->wanted_at.s,
        r->actor, r->reason, row->command_id, row->attempt, row->next_at.s);
}

enum err terminals_registers(struct store_tx *tx, int64_t meter_id, terminals_each *each, void *arg)
{
    struct terminals_row row;
    enum err e = ERR_OK;
    struct query q =
        query_open(tx, COLUMNS "WHERE meter_id = $1 ORDER BY circuit, item", "i", meter_id);
    while (e == ERR_OK && query_step(&q)) {
        take(&q, &row);
        e = each(arg, &row.r);
    }
    TRY(query_end(&q));
    return e;
}
