#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "control/control_impl.h"
#include "meter/meter.h"

static const char *const desired_names[] = {
    [CONTROL_NONE] = "none", [CONTROL_OPEN] = "open", [CONTROL_CLOSED] = "closed"};
static const char *const state_names[] = {
    [CONTROL_UNKNOWN] = "unknown", [CONTROL_IS_OPEN] = "open", [CONTROL_IS_CLOSED] = "closed"};

const char *control_desired_name(enum control_desired d)
{
    MUST((unsigned)d <= CONTROL_CLOSED);
    return desired_names[d];
}

const char *control_state_name(enum control_relay_state s)
{
    MUST((unsigned)s <= CONTROL_IS_CLOSED);
    return state_names[s];
}

static unsigned index_of(const char *const *names, const char *name)
{
    unsigned i = 0;
    while (i < 2 && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static bool can_cut(const char *name)
{
    const struct meter_model *model = meter_model_find(name);
    uint8_t how = model ? model->actions[METER_ORDER_OPEN].how : METER_HOW_CONTROL;
    return how != METER_HOW_NOT && how != METER_HOW_SEALED;
}

enum err control_meter_load(struct store_tx *tx, int64_t meter_id, struct control_meter *m)
{
    struct query q =
        query_open(tx,
                   "SELECT project_id, account_id, epoch, circuits, model, kind FROM meter "
                   "WHERE id = $1",
                   "i", meter_id);
    bool found = query_step(&q);
    if (found)
        *m = (struct control_meter){meter_id,
                                    query_int(&q, 0),
                                    query_int(&q, 1),
                                    query_int(&q, 2),
                                    query_int(&q, 3),
                                    can_cut(query_text(&q, 4)),
                                    strcmp(query_text(&q, 5), "electricity") == 0};
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

#define COLUMNS                                                                                    \
    "SELECT meter_id, circuit, version, desired, reason, actor, detail, not_after, changed_at, "   \
    "next_at, keep_next_at, state_at, keep_power, keep_version, keep_attempt, command_id, "        \
    "attempt, told, open_wh, state, of_whole FROM relay "

static void take(const struct query *q, struct control_row *r)
{
    *r = (struct control_row){
        .meter_id = query_int(q, 0),
        .circuit = query_int(q, 1),
        .version = query_int(q, 2),
        .desired = (enum control_desired)index_of(desired_names, query_text(q, 3)),
        .not_after = {query_int(q, 7)},
        .changed_at = {query_int(q, 8)},
        .next_at = {query_int(q, 9)},
        .keep_next_at = {query_int(q, 10)},
        .state_at = {query_int(q, 11)},
        .keep_power = query_int(q, 12) != 0,
        .keep_version = query_int(q, 13),
        .keep_attempt = query_int(q, 14),
        .command_id = query_int(q, 15),
        .attempt = query_int(q, 16),
        .told = query_int(q, 17),
        .open_wh = query_null(q, 18) ? -1 : query_int(q, 18),
        .state = (enum control_relay_state)index_of(state_names, query_text(q, 19)),
        .of_whole = query_int(q, 20) != 0,
    };
    snprintf(r->reason, sizeof r->reason, "%s", query_text(q, 4));
    snprintf(r->actor, sizeof r->actor, "%s", query_text(q, 5));
    snprintf(r->detail, sizeof r->detail, "%s",
             strlen(query_text(q, 6)) < sizeof r->detail ? query_text(q, 6) : "{}");
}

enum err control_row_load(struct store_tx *tx, int64_t meter_id, int64_t circuit,
                          struct control_row *r)
{
    *r = (struct control_row){
        .meter_id = meter_id, .circuit = circuit, .open_wh = -1, .detail = "{}", .actor = "system"};
    struct query q =
        query_open(tx, COLUMNS "WHERE meter_id = $1 AND circuit = $2", "ii", meter_id, circuit);
    if (query_step(&q))
        take(&q, r);
    return query_end(&q);
}

enum err control_rows_load(struct store_tx *tx, int64_t meter_id,
                           struct control_row rows[CONTROL_RELAYS_MAX], size_t *count)
{
    struct query q = query_open(tx, COLUMNS "WHERE meter_id = $1 ORDER BY circuit", "i", meter_id);
    for (*count = 0; query_step(&q); (*count)++) {
        MUST(*count < CONTROL_RELAYS_MAX);
        take(&q, &rows[*count]);
    }
    return query_end(&q);
}

enum err control_row_save(struct store_tx *tx, const struct control_row *r)
{
    TRY(store_exec(tx,
                   "INSERT INTO relay (meter_id, circuit) VALUES ($1, $2) "
                   "ON CONFLICT (meter_id, circuit) DO NOTHING",
                   "ii", r->meter_id, r->circuit));
    TRY(store_exec(
        tx,
        "UPDATE relay SET version = $3, desired = $4, reason = $5, actor = $6, "
        "detail = $7, not_after = nullif($8, 0), changed_at = $9, "
        "next_at = nullif($10, 0), command_id = nullif($11, 0), attempt = $12, told = $13, "
        "of_whole = $14 "
        "WHERE meter_id = $1 AND circuit = $2",
        "iiittttiiiiiii", r->meter_id, r->circuit, r->version, desired_names[r->desired], r->reason,
        r->actor, r->detail, r->not_after.s, r->changed_at.s, r->next_at.s, r->command_id,
        r->attempt, r->told, (int64_t)(r->of_whole && r->desired == CONTROL_OPEN)));
    return store_exec(tx,
                      "UPDATE relay SET keep_power = $3, keep_version = $4, "
                      "keep_next_at = nullif($5, 0), keep_attempt = $6, "
                      "open_wh = CASE WHEN $7 < 0 THEN NULL ELSE $7 END, state = $8, "
                      "state_at = nullif($9, 0) WHERE meter_id = $1 AND circuit = $2",
                      "iiiiiiiti", r->meter_id, r->circuit, (int64_t)r->keep_power, r->keep_version,
                      r->keep_next_at.s, r->keep_attempt, r->open_wh, state_names[r->state],
                      r->state_at.s);
}

enum control_relay_state control_state_of_bits(int64_t bits, int64_t circuit, int64_t circuits)
{
    if (bits < 0)
        return CONTROL_UNKNOWN;
    int64_t mask = circuit == 0 ? ((int64_t)1 << circuits) - 1 : (int64_t)1 << (circuit - 1);
    return (bits & mask) == mask ? CONTROL_IS_OPEN : CONTROL_IS_CLOSED;
}

/* --- looking
 * -------------------------------------------------------------------------------------- */

static void show(const struct control_row *r, struct control_relay *out)
{
    *out = (struct control_relay){
        .meter_id = r->meter_id,
        .circuit = r->circuit,
        .version = r->version,
        .desired = r->desired,
        .changed_at = r->changed_at,
        .not_after = r->not_after,
        .pending = r->next_at.s != 0,
        .keep_power = r->keep_power,
        .state = r->state,
        .state_at = r->state_at,
    };
    memcpy(out->reason, r->reason, sizeof out->reason);
    memcpy(out->actor, r->actor, sizeof out->actor);
}

enum err control_get(struct store_tx *tx, int64_t meter_id, int64_t circuit,
                     struct control_relay *out)
{
    struct control_meter m;
    struct control_row r;
    TRY(control_meter_load(tx, meter_id, &m));
    TRY(control_row_load(tx, meter_id, circuit, &r));
    show(&r, out);
    return ERR_OK;
}

enum err control_list(struct store_tx *tx, int64_t meter_id, control_each *each, void *arg)
{
    struct control_row rows[CONTROL_RELAYS_MAX];
    struct control_relay relay;
    size_t count;
    TRY(control_rows_load(tx, meter_id, rows, &count));
    for (size_t i = 0; i < count; i++) {
        show(&rows[i], &relay);
        TRY(each(arg, &relay));
    }
    return ERR_OK;
}
