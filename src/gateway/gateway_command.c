#include <stdio.h>
#include <string.h>

#include "gateway/gateway_impl.h"

struct open_command *gateway_command_find(struct gateway *g, int64_t id)
{
    for (size_t i = 0; i < g->open_count; i++)
        if (g->open[i].command.id == id)
            return &g->open[i];
    return NULL;
}

static void forget(struct gateway *g, int64_t id)
{
    struct open_command *c = gateway_command_find(g, id);
    if (!c)
        return;
    size_t i = (size_t)(c - g->open);
    memmove(c, c + 1, (g->open_count - i - 1) * sizeof *c);
    g->open_count--;
}

static struct uplink_outcome outcome_of(const struct uplink_command *c, enum uplink_status status,
                                        wall_s at)
{
    return (struct uplink_outcome){.command_id = c->id,
                                   .meter_id = c->meter_id,
                                   .epoch = c->epoch,
                                   .kind = c->kind,
                                   .status = status,
                                   .at = at,
                                   .count = -1,
                                   .record_n = -1,
                                   .record_amount_fen = -1,
                                   .purchased_fen = -1,
                                   .balance_fen = INT64_MIN,
                                   .circuit = c->circuit,
                                   .item = c->item,
                                   .version = c->version,
                                   .relay_open = -1,
                                   .keep_power = -1};
}

/* --- the table -------------------------------------------------------------------------------------- */

struct row {
    struct gateway *g;
    const struct uplink_command *command;
    const struct uplink_outcome *outcome;
    const struct uplink_event *with; /* queued beside a new command; NULL: nothing */
    int64_t id, at;
    char state[12]; /* "": no row */
    bool undated; /* by a clock that nobody has set yet */
    bool circuit_known;
    int64_t version;
};

static enum err find(struct store_tx *tx, struct row *r)
{
    struct query q = query_open(tx, "SELECT state FROM command WHERE id = $1", "i", r->id);
    r->state[0] = '\0';
    if (query_step(&q))
        snprintf(r->state, sizeof r->state, "%s", query_text(&q, 0));
    return query_end(&q);
}

/* An outcome is queued again only if its first copy is not waiting any more. */
static enum err say_again(struct store_tx *tx, struct row *r)
{
    struct uplink_message m;
    int64_t waiting = 0;
    struct query q = query_open(tx, "SELECT outcome FROM command WHERE id = $1", "i", r->id);
    enum err e = query_step(&q) ? ERR_OK : ERR_NOT_FOUND;
    if (e == ERR_OK) {
        struct bytes b = query_blob(&q, 0);
        e = uplink_message_decode(b.data, b.len, r->g->arena, &m);
    }
    TRY(query_end(&q));
    TRY(e);
    TRY(store_int(tx, &waiting,
                  "SELECT count(*) FROM queue q JOIN command c ON c.queued = q.seq WHERE c.id = $1",
                  "i", r->id));
    if (waiting > 0)
        return ERR_OK;
    TRY(gateway_queue_put(r->g, tx, &m));
    return store_exec(tx, "UPDATE command SET queued = $1 WHERE id = $2", "ii", m.seq, r->id);
}

static enum err write_final(struct store_tx *tx, struct row *r, const char *state)
{
    uint8_t encoded[1024];
    struct writer w = writer_of(encoded, sizeof encoded);
    struct uplink_message m = {.kind = UPLINK_OUTCOME, .outcome = *r->outcome};
    TRY(gateway_queue_put(r->g, tx, &m));
    if (r->undated)
        TRY(gateway_undated_note(r->g, tx, m.seq));
    uplink_message_encode(&m, &w);
    TRY(w.err);
    return store_exec(tx,
                      "INSERT INTO command (id, received_at, state, outcome, queued) "
                      "VALUES ($1, $2, $3, $4, $5) "
                      "ON CONFLICT (id) DO UPDATE SET state = excluded.state, "
                      "outcome = excluded.outcome, queued = excluded.queued",
                      "iitbi", r->id, r->at, state, (struct bytes){encoded, w.len}, m.seq);
}

static enum err finish(struct store_tx *tx, void *arg)
{
    struct row *r = arg;
    return write_final(tx, r, r->outcome->status == UPLINK_FENCED ? "tombstone" : "final");
}

enum err gateway_command_finish(struct gateway *g, const struct uplink_outcome *outcome,
                                bool undated)
{
    struct row r = {.g = g,
                    .outcome = outcome,
                    .id = outcome->command_id,
                    .at = outcome->at.s,
                    .undated = undated};
    enum err e = gateway_stored(g, store_run(g->store, finish, &r));
    if (e != ERR_OK) {
        gateway_queue_recount(g);
        return e;
    }
    forget(g, outcome->command_id);
    return ERR_OK;
}

/* --- arriving ------------------------------------------------------------------------------------------ */

static enum err insert(struct store_tx *tx, struct row *r)
{
    static uint8_t encoded[4096];
    struct writer w = writer_of(encoded, sizeof encoded);
    const struct uplink_message m = {.kind = UPLINK_COMMAND, .command = *r->command};
    uplink_message_encode(&m, &w);
    TRY(w.err);
    TRY(store_exec(tx,
                   "INSERT INTO command (id, received_at, body, state) "
                   "VALUES ($1, $2, $3, 'waiting')",
                   "iib", r->id, r->at, (struct bytes){encoded, w.len}));
    struct uplink_message told = {.kind = UPLINK_EVENT};
    if (r->with == NULL)
        return ERR_OK;
    told.event = *r->with;
    return gateway_queue_put(r->g, tx, &told);
}

static bool is_final(const char *state)
{
    return strcmp(state, "final") == 0 || strcmp(state, "tombstone") == 0;
}

static enum err take(struct store_tx *tx, void *arg)
{
    struct row *r = arg;
    TRY(find(tx, r));
    if (r->state[0] == '\0')
        return insert(tx, r);
    return is_final(r->state) ? say_again(tx, r) : ERR_OK;
}

static enum err take_with(struct gateway *g, const struct gateway_now *now,
                          const struct uplink_command *c, const struct uplink_event *with)
{
    struct row r = {.g = g, .command = c, .with = with, .id = c->id, .at = now->wall.s};
    if (gateway_command_find(g, c->id))
        return ERR_OK;
    if (g->open_count == GATEWAY_OPEN_MAX)
        return ERR_FULL;
    enum err e = gateway_stored(g, store_run(g->store, take, &r));
    if (e != ERR_OK) {
        gateway_queue_recount(g);
        return e;
    }
    if (r.state[0] == '\0')
        g->open[g->open_count++] = (struct open_command){.command = *c, .away = with != NULL};
    return ERR_OK;
}

enum err gateway_command_take(struct gateway *g, const struct gateway_now *now,
                              const struct uplink_command *c)
{
    return take_with(g, now, c, NULL);
}

enum err gateway_command_own(struct gateway *g, const struct gateway_now *now,
                             const struct uplink_command *c, const struct uplink_event *event)
{
    return take_with(g, now, c, event);
}

static enum err fence(struct store_tx *tx, void *arg)
{
    struct row *r = arg;
    TRY(find(tx, r));
    if (is_final(r->state))
        return say_again(tx, r);
    return write_final(tx, r, "tombstone");
}

enum err gateway_command_fence(struct gateway *g, const struct gateway_now *now, int64_t id)
{
    struct open_command *c = gateway_command_find(g, id);
    if (c && c->started) {
        c->fenced = true; /* it finishes by reading back; its true outcome is the answer */
        return ERR_OK;
    }
    const struct uplink_command unknown = {.id = id, .kind = UPLINK_VEND};
    const struct uplink_outcome o =
        outcome_of(c ? &c->command : &unknown, UPLINK_FENCED, now->wall);
    struct row r = {.g = g, .outcome = &o, .id = id, .at = now->wall.s, .undated = !now->trusted};
    enum err e = gateway_stored(g, store_run(g->store, fence, &r));
    if (e != ERR_OK) {
        gateway_queue_recount(g);
        return e;
    }
    forget(g, id);
    return ERR_OK;
}

/* --- starting ------------------------------------------------------------------------------------------ */

static int64_t version_circuit(const struct uplink_command *c)
{
    return c->kind == UPLINK_KEEP ? GATEWAY_KEEP_CIRCUIT : c->circuit;
}

static bool has_version(const struct uplink_command *c)
{
    return c->kind == UPLINK_RELAY || c->kind == UPLINK_KEEP;
}

static enum err highest(struct store_tx *tx, void *arg)
{
    struct row *r = arg;
    enum err e = store_int(tx, &r->version,
                           "SELECT version FROM relay WHERE meter_id = $1 AND circuit = $2", "ii",
                           r->command->meter_id, version_circuit(r->command));
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err gateway_command_version(struct gateway *g, int64_t meter_id, int64_t *version)
{
    const struct uplink_command whole = {.kind = UPLINK_RELAY, .meter_id = meter_id};
    struct row r = {.command = &whole};
    TRY(gateway_stored(g, store_read(g->store, highest, &r)));
    *version = r.version;
    return ERR_OK;
}

bool gateway_command_open_for(const struct gateway *g, int64_t meter_id)
{
    for (size_t i = 0; i < g->open_count; i++)
        if (g->open[i].command.meter_id == meter_id)
            return true;
    return false;
}

bool gateway_command_overtaken(const struct gateway *g, const struct uplink_command *c)
{
    for (size_t i = 0; i < g->open_count; i++) {
        const struct uplink_command *other = &g->open[i].command;
        if (other->kind == c->kind && other->meter_id == c->meter_id &&
            other->circuit == c->circuit && other->version > c->version)
            return true;
    }
    return false;
}

/* Why a command must not act; UPLINK_DONE if it may. */
static enum uplink_status refusal(struct gateway *g, const struct gateway_now *now,
                                  const struct open_command *o, int64_t version)
{
    const struct uplink_command *c = &o->command;
    const struct gateway_meter *m = gateway_meter_of(g, c->meter_id);
    if (!m || m->epoch != c->epoch)
        return UPLINK_NO_METER;
    if (has_version(c) && c->version < version)
        return UPLINK_SUPERSEDED;
    if (o->started)
        return UPLINK_DONE; /* it may have been sent already: read back, whatever the time */
    if (has_version(c) && gateway_command_overtaken(g, c))
        return UPLINK_SUPERSEDED;
    if (c->not_after.s != 0 && (!now->trusted || now->wall.s > c->not_after.s))
        return UPLINK_EXPIRED;
    if (o->away && g->connected)
        return UPLINK_EXPIRED; /* the platform is back, and knows more */
    return UPLINK_DONE;
}

static enum err start(struct store_tx *tx, void *arg)
{
    struct row *r = arg;
    const struct uplink_command *c = r->command;
    if (has_version(c))
        TRY(store_exec(tx,
                       "INSERT INTO relay (meter_id, circuit, version) VALUES ($1, $2, $3) "
                       "ON CONFLICT (meter_id, circuit) DO UPDATE SET version = excluded.version",
                       "iii", c->meter_id, version_circuit(c), c->version));
    return store_exec(tx, "UPDATE command SET state = 'started' WHERE id = $1", "i", c->id);
}

bool gateway_command_is_wallet(const struct uplink_command *c)
{
    return c->kind == UPLINK_VEND || c->kind == UPLINK_READ;
}

static bool on_line(struct gateway *g, const struct uplink_command *c, size_t line)
{
    const struct gateway_meter *m = gateway_meter_of(g, c->meter_id);
    return m ? m->line == line : line == 0; /* an unknown meter is answered on behalf of line 0 */
}

bool gateway_command_acted(const struct open_command *o)
{
    const struct uplink_command *c = &o->command;
    bool reads = c->kind == UPLINK_READ || (c->kind == UPLINK_REGISTER && c->data_len == 0);
    return o->started && !reads;
}

static enum err try_start(struct gateway *g, const struct gateway_now *now, struct open_command *o)
{
    struct row r = {.g = g, .command = &o->command, .id = o->command.id};
    if (has_version(&o->command))
        TRY(gateway_stored(g, store_read(g->store, highest, &r)));
    enum uplink_status status = refusal(g, now, o, r.version);
    if (status != UPLINK_DONE) {
        struct uplink_outcome answer = outcome_of(&o->command, status, now->wall);
        answer.sent = gateway_command_acted(o);
        TRY(gateway_command_finish(g, &answer, !now->trusted));
        return ERR_STATE;
    }
    if (!o->started)
        TRY(gateway_stored(g, store_run(g->store, start, &r)));
    return ERR_OK;
}

enum err gateway_command_start(struct gateway *g, const struct gateway_now *now, size_t line,
                               struct open_command **out)
{
    for (size_t i = 0; i < g->open_count;) {
        const struct uplink_command *c = &g->open[i].command;
        bool parked = !mono_due(g->open[i].parked_until, now->mono) &&
                      !gateway_command_overtaken(g, c);
        if (!on_line(g, c, line) || parked ||
            (g->lines[line].owes_sweep && gateway_command_is_wallet(c))) {
            i++;
            continue;
        }
        enum err e = try_start(g, now, &g->open[i]);
        if (e == ERR_STATE)
            continue; /* answered and gone: another stands at i */
        TRY(e);
        *out = &g->open[i];
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

/* --- after a restart -------------------------------------------------------------------------------------- */

static enum err load(struct store_tx *tx, void *arg)
{
    struct gateway *g = arg;
    struct uplink_message m;
    struct query q = query_open(tx,
                                "SELECT state, body FROM command WHERE state IN ('waiting', "
                                "'started') ORDER BY received_at, id",
                                "");
    g->open_count = 0;
    while (query_step(&q) && g->open_count < GATEWAY_OPEN_MAX) {
        struct bytes b = query_blob(&q, 1);
        if (uplink_message_decode(b.data, b.len, g->arena, &m) != ERR_OK)
            continue; /* cannot happen with our own bytes; the platform will say it again */
        g->open[g->open_count++] = (struct open_command){
            .command = m.command, .started = strcmp(query_text(&q, 0), "started") == 0};
    }
    return query_end(&q);
}

enum err gateway_command_load(struct gateway *g)
{
    return store_read(g->store, load, g);
}
