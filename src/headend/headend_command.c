#include <string.h>

#include "base/must.h"
#include "headend/headend_impl.h"

static const char *const kind_names[] = {[UPLINK_VEND] = "vend",
                                         [UPLINK_RELAY] = "relay",
                                         [UPLINK_KEEP] = "keep",
                                         [UPLINK_READ] = "read",
                                         [UPLINK_REGISTER] = "register",
                                         [UPLINK_EXERCISE] = "exercise"};

static const char *const state_names[] = {
    [HEADEND_WAITING] = "waiting", [HEADEND_DONE] = "done",     [HEADEND_EXPIRED] = "expired",
    [HEADEND_FENCING] = "fencing", [HEADEND_FENCED] = "fenced",
};

static enum headend_command_state state_of(const char *name)
{
    for (size_t i = 0; i < sizeof state_names / sizeof *state_names; i++)
        if (strcmp(name, state_names[i]) == 0)
            return (enum headend_command_state)i;
    MUST(!"a state the schema allows");
    return HEADEND_DONE;
}

enum err headend_gateway_of_meter(struct store_tx *tx, int64_t meter_id, int64_t *gateway_id)
{
    return store_int(tx, gateway_id,
                     "SELECT line.gateway_id FROM meter JOIN line ON line.id = meter.line_id "
                     "WHERE meter.id = $1",
                     "i", meter_id);
}

static enum err insert(struct store_tx *tx, const struct headend_order *o, int64_t id,
                       struct bytes body)
{
    const struct uplink_command *c = &o->command;
    TRY(store_exec(tx,
                   "INSERT INTO command (id, gateway_id, meter_id, account_id, kind, ref, body, "
                   "not_after, state, created_at) "
                   "VALUES ($1, $2, $3, nullif($4, 0), $5, $6, $7, nullif($8, 0), 'waiting', $9)",
                   "iiiittbii", id, o->gateway_id, c->meter_id, o->account_id, kind_names[c->kind],
                   o->ref ? o->ref : "", body, c->not_after.s, o->now.s));
    return ERR_OK;
}

enum err headend_command_put(struct store_tx *tx, const struct headend_order *order,
                             int64_t *command_id)
{
    int64_t known, id = (int64_t)(order->random >> 1);
    MUST(order->command.kind >= UPLINK_VEND && order->command.kind <= UPLINK_EXERCISE);
    TRY(store_int(tx, &known, "SELECT 1 FROM gateway WHERE id = $1", "i", order->gateway_id));
    struct uplink_message m = {.kind = UPLINK_COMMAND, .command = order->command};
    m.command.id = id = id ? id : 1;
    uint8_t buf[HEADEND_COMMAND_BYTES];
    struct writer w = writer_of(buf, sizeof buf);
    uplink_message_encode(&m, &w);
    TRY(w.err);
    TRY(insert(tx, order, id, (struct bytes){buf, w.len}));
    *command_id = id;
    return ERR_OK;
}

enum err headend_command_get(struct store_tx *tx, int64_t id, struct headend_command *out)
{
    struct query q = query_open(tx,
                                "SELECT gateway_id, meter_id, state, created_at, sent_at, done_at "
                                "FROM command WHERE id = $1",
                                "i", id);
    bool found = query_step(&q);
    if (found)
        *out = (struct headend_command){
            .id = id,
            .gateway_id = query_int(&q, 0),
            .meter_id = query_int(&q, 1),
            .state = state_of(query_text(&q, 2)),
            .created_at.s = query_int(&q, 3),
            .sent_at.s = query_int(&q, 4),
            .done_at.s = query_int(&q, 5),
        };
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err headend_fence(struct store_tx *tx, int64_t command_id)
{
    int64_t known;
    TRY(store_int(tx, &known, "SELECT 1 FROM command WHERE id = $1", "i", command_id));
    return store_exec(tx,
                      "UPDATE command SET state = 'fencing', handed = 0 "
                      "WHERE id = $1 AND state IN ('waiting', 'expired')",
                      "i", command_id);
}

enum err headend_command_read(struct store_tx *tx, int64_t id, void *arena,
                              struct uplink_command *out)
{
    struct query q = query_open(tx, "SELECT body FROM command WHERE id = $1", "i", id);
    enum err e = ERR_NOT_FOUND;
    struct uplink_message m;
    if (query_step(&q)) {
        struct bytes body = query_blob(&q, 0);
        e = uplink_message_decode(body.data, body.len, arena, &m);
        if (e == ERR_OK)
            *out = m.command;
    }
    TRY(query_end(&q));
    return e;
}

enum err headend_command_close(struct store_tx *tx, const struct headend_closing *closing,
                               bool *fresh, bool *fenced_before)
{
    struct headend_command c;
    const struct uplink_outcome *o = closing->outcome;
    TRY(headend_command_get(tx, o->command_id, &c));
    bool nameless = o->status == UPLINK_FENCED; /* a tombstone of a command never seen */
    if (c.gateway_id != closing->gateway_id || (!nameless && c.meter_id != o->meter_id))
        return ERR_NOT_FOUND; /* not this gateway's to answer */
    *fenced_before = c.state == HEADEND_FENCED && o->status != UPLINK_FENCED;
    *fresh = c.state != HEADEND_DONE && (c.state != HEADEND_FENCED || *fenced_before);
    if (!*fresh)
        return ERR_OK;
    const char *state = o->status == UPLINK_FENCED ? "fenced" : "done";
    return store_exec(tx, "UPDATE command SET state = $2, done_at = $3, outcome = $4 WHERE id = $1",
                      "itib", c.id, state, closing->now.s, closing->body);
}
