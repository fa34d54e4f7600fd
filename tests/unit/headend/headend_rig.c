#include "tests/unit/headend/headend_rig.h"

#include "tests/unit/store_sql.h"

#include <stdlib.h>

#include "journal/journal.h"

const uint8_t rig_certificate[32] = {9, 9, 9};

/* --- the headend's world ------------------------------------------------------------------------
 */

struct peer *rig_peer_of(struct rig *w, int64_t conn)
{
    for (size_t i = 0; i < PEERS; i++)
        if (w->peers[i].conn == conn)
            return &w->peers[i];
    return NULL;
}

static void hear(struct rig *w, struct peer *p, const struct uplink_message *m)
{
    (void)w;
    switch (m->kind) {
    case UPLINK_WELCOME:
        p->welcome_epoch = m->welcome.acked_epoch;
        p->welcome_seq = m->welcome.acked_seq;
        p->welcome_wall = m->welcome.wall;
        break;
    case UPLINK_ACK:
        p->acked_seq = m->ack.seq;
        break;
    case UPLINK_CONFIG:
        p->config_parts++;
        p->config_meters += (int64_t)m->config.meter_count;
        break;
    case UPLINK_COMMAND:
        assert_true(p->command_count < HEARD_MAX);
        p->commands[p->command_count++] = m->command.id;
        break;
    case UPLINK_PERMIT:
        p->permits[p->permit_count] = m->permit.account_id;
        p->permit_meters[p->permit_count++] = (int64_t)m->permit.meter_count;
        break;
    case UPLINK_UPDATE:
        p->update = m->update;
        p->updates++;
        break;
    case UPLINK_BLOCK:
        memcpy(p->block_data, m->block.data.data, m->block.data.len);
        p->block = (struct bytes){p->block_data, m->block.data.len};
        p->block_offset = m->block.offset;
        p->blocks++;
        break;
    case UPLINK_FENCE:
        p->fences[p->fence_count++] = m->fence_id;
        break;
    case UPLINK_CLAIMED:
        p->claimed = m->claimed;
        if (m->claimed.gateway_id)
            memcpy(p->secret, m->claimed.secret.data, 32);
        break;
    default:
        break;
    }
}

static void on_send(void *ctx, int64_t conn, const uint8_t *data, size_t len)
{
    struct rig *w = ctx;
    struct peer *p = rig_peer_of(w, conn);
    struct uplink_message m;
    assert_non_null(p);
    assert_false(p->closed);
    if (uplink_receive(&p->link, w->now, data, len) != ERR_OK)
        return;
    for (;;) {
        enum uplink_step step = uplink_next(&p->link, w->now, w->arena, &m);
        if (step == UPLINK_STEP_MESSAGE)
            hear(w, p, &m);
        else if (step != UPLINK_STEP_OPENED)
            return;
    }
}

static void on_close(void *ctx, int64_t conn)
{
    struct peer *p = rig_peer_of(ctx, conn);
    assert_non_null(p);
    p->closed = true;
}

static enum err on_batch(void *ctx, struct store_tx *tx, const struct headend_batch *b)
{
    struct rig *w = ctx;
    if (w->batch_answer != ERR_OK)
        return w->batch_answer;
    w->batches[w->batch_count++] = b->seq;
    w->last_batch_size = b->readings->count;
    struct uplink_message body;
    assert_ok(uplink_message_decode(b->body.data, b->body.len, w->arena, &body));
    w->last_body_size = body.readings.count;
    assert_int_equal(b->gateway_id, GATEWAY);
    return store_exec(tx,
                      "INSERT INTO batch (gateway_id, epoch, seq, at, body) "
                      "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                      "iiiib", b->gateway_id, b->epoch, b->seq, b->now.s, b->body);
}

static enum err on_follow(void *ctx, struct store_tx *tx, const struct headend_batch *b)
{
    struct rig *w = ctx;
    (void)tx;
    w->followed[w->follow_count++] = b->seq;
    return ERR_OK;
}

static enum err on_outcome(void *ctx, struct store_tx *tx, const struct headend_result *r)
{
    struct rig *w = ctx;
    (void)tx;
    if (w->outcome_answer != ERR_OK)
        return w->outcome_answer;
    w->last_outcome = *r->outcome;
    w->last_had_command = r->command != NULL;
    w->last_fenced_before = r->fenced_before;
    w->outcomes[w->outcome_count++] = r->outcome->command_id;
    return ERR_OK;
}

static enum err on_event(void *ctx, struct store_tx *tx, const struct headend_happening *e)
{
    struct rig *w = ctx;
    (void)tx;
    assert_string_equal(e->serial, "YG-1");
    if (w->event_answer != ERR_OK && e->event->value == 13)
        return w->event_answer;
    w->event_at = e->event->at;
    w->events[w->event_count++] = e->event->value;
    return ERR_OK;
}

static void on_committed(void *ctx, int64_t gateway_id)
{
    struct rig *w = ctx;
    assert_int_equal(gateway_id, GATEWAY);
    w->commits++;
}

static enum err on_sign(void *ctx, const char *serial, struct bytes request, struct writer *pem,
                        uint8_t hash[32])
{
    (void)ctx;
    assert_string_equal(serial, "YG-2");
    if (request.len == 0)
        return ERR_TLS;
    memcpy(hash, rig_certificate, 32);
    writer_put(pem, (const uint8_t *)"PEM", 3);
    return ERR_OK;
}

static void on_legacy(void *ctx, const char *serial, wall_s until)
{
    struct rig *w = ctx;
    assert_string_equal(serial, "YG-1");
    w->warned_until = until.s;
}

/* --- set-up
 * ------------------------------------------------------------------------------------------ */

void rig_sql(struct rig *w, const char *text)
{
    sql_run(w->ledger, text);
}

int64_t rig_number(struct rig *w, const char *text)
{
    return sql_number(w->ledger, text);
}

void rig_new_headend(struct rig *w)
{
    assert_ok(headend_new(&w->headend, &(struct headend_config){
                                           .ledger = w->ledger,
                                           .readings = w->readings,
                                           .io = {w, on_send, on_close},
                                           .sinks = {w, on_batch, on_follow, on_outcome, on_event,
                                                     on_committed, on_sign, NULL, on_legacy}}));
}

static enum err fill(struct store_tx *tx, void *arg)
{
    (void)arg;
    uint8_t secret[32] = {7}, code[32];
    journal_sha256("OPEN-SESAME", 11, code);
    TRY(store_exec(tx, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')", ""));
    TRY(store_exec(tx,
                   "INSERT INTO project (id, organisation_id, code, name, zone) "
                   "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')",
                   ""));
    TRY(store_exec(tx,
                   "INSERT INTO place (id, project_id, kind, code, name) "
                   "VALUES (1, 1, 'shop', 'A', 'A')",
                   ""));
    TRY(store_exec(tx,
                   "INSERT INTO gateway (id, project_id, serial, name, certificate_hash, secret, "
                   "config_version, config_applied) VALUES (3, 1, 'YG-1', 'g', $1, $2, 5, 5)",
                   "bb", (struct bytes){rig_certificate, 32}, (struct bytes){secret, 32}));
    TRY(store_exec(tx,
                   "INSERT INTO gateway (id, project_id, serial, name, claim_hash, claim_until, "
                   "config_applied) VALUES (4, 1, 'YG-2', 'g', $1, $2, 1)",
                   "bi", (struct bytes){code, 32}, WALL + 3600));
    TRY(store_exec(tx,
                   "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
                   "VALUES (1, 3, 1, 'tcp:1', 2400, 'E')",
                   ""));
    return store_exec(tx,
                      "INSERT INTO meter (id, project_id, place_id, line_id, address, model, "
                      "kind) VALUES (11, 1, 1, 1, '000000000011', 'yufu-shop', 'electricity')",
                      "");
}

int rig_set_up(void **state)
{
    struct rig *w = NULL;
    if (posix_memalign((void **)&w, 64, sizeof *w) != 0)
        return -1;
    memset(w, 0, sizeof *w);
    w->now = (struct uplink_now){{1000}, {WALL}};
    assert_ok(
        store_open(&w->ledger, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}));
    assert_ok(store_open(&w->readings,
                         &(struct store_config){.kind = STORE_READINGS, .path = ":memory:"}));
    assert_ok(store_run(w->ledger, fill, NULL));
    rig_new_headend(w);
    *state = w;
    return 0;
}

int rig_tear_down(void **state)
{
    struct rig *w = *state;
    headend_free(w->headend);
    store_close(w->readings);
    store_close(w->ledger);
    for (size_t i = 0; i < PEERS; i++)
        if (w->peers[i].conn)
            uplink_close(&w->peers[i].link);
    free(w);
    return 0;
}

void rig_turn(struct rig *w)
{
    store_flush(w->readings);
    store_flush(w->ledger);
}

void rig_turns(struct rig *w)
{
    for (int i = 0; i < 6; i++)
        rig_turn(w);
}

/* The peer's bytes reach the headend. */
void rig_deliver(struct rig *w, struct peer *p)
{
    struct bytes out = uplink_output(&p->link);
    if (out.len == 0)
        return;
    uint8_t *copy = malloc(out.len);
    memcpy(copy, out.data, out.len);
    size_t len = out.len;
    uplink_output_taken(&p->link, len);
    headend_data(w->headend, p->conn, w->now, copy, len);
    free(copy);
}

struct peer *rig_dial(struct rig *w, int64_t conn, const uint8_t *hash, int64_t gateway,
                      int64_t epoch)
{
    uint8_t random[HEADEND_RANDOM], secret[32] = {7};
    struct peer *p = rig_peer_of(w, 0);
    assert_non_null(p);
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(++w->random * 37 >> 3);
    *p = (struct peer){.conn = conn};
    assert_ok(headend_open(w->headend, &(struct headend_peer){conn, hash, random}, w->now));
    uplink_client_init(&p->link, &(struct uplink_client){gateway, epoch, secret, random, w->legacy},
                       w->now);
    rig_deliver(w, p); /* HELLO1; HELLO2 comes back at once */
    rig_deliver(w, p); /* the proof */
    return p;
}

void rig_say(struct rig *w, struct peer *p, const struct uplink_message *m)
{
    assert_ok(uplink_send(&p->link, m));
    rig_deliver(w, p);
}

void rig_hello(struct rig *w, struct peer *p, int64_t config)
{
    rig_say(w, p,
            &(struct uplink_message){.kind = UPLINK_HELLO,
                                     .hello = {.queue_epoch = 50,
                                               .config_version = config,
                                               .wall = w->now.wall,
                                               .program = "test",
                                               .permits = w->permits,
                                               .updates = w->updates}});
}

/* A live session that has said HELLO. */
struct peer *rig_connect(struct rig *w, int64_t conn, int64_t epoch)
{
    struct peer *p = rig_dial(w, conn, rig_certificate, GATEWAY, epoch);
    rig_turn(w);
    rig_hello(w, p, 5);
    rig_turn(w);
    return p;
}

void rig_say_event(struct rig *w, struct peer *p, int64_t seq, int64_t value)
{
    rig_say(w, p,
            &(struct uplink_message){
                .kind = UPLINK_EVENT,
                .epoch = 50,
                .seq = seq,
                .event = {.kind = UPLINK_CLOCK_SET, .at = w->now.wall, .value = value}});
}

void rig_say_readings(struct rig *w, struct peer *p, int64_t seq)
{
    struct uplink_reading r = {
        .meter_id = 11, .epoch = 1, .at = w->now.wall, .points = {{1, 100}}, .point_count = 1};
    rig_say(w, p,
            &(struct uplink_message){
                .kind = UPLINK_READINGS,
                .epoch = 50,
                .seq = seq,
                .readings = {.seq_epoch = 50, .seq = seq, .readings = &r, .count = 1}});
}

void rig_say_outcome(struct rig *w, struct peer *p, int64_t seq, int64_t command,
                     enum uplink_status status)
{
    rig_say(w, p,
            &(struct uplink_message){.kind = UPLINK_OUTCOME,
                                     .epoch = 50,
                                     .seq = seq,
                                     .outcome = {.command_id = command,
                                                 .meter_id = 11,
                                                 .epoch = 1,
                                                 .kind = UPLINK_VEND,
                                                 .status = status,
                                                 .at = w->now.wall,
                                                 .count = -1,
                                                 .record_n = -1,
                                                 .purchased_fen = -1,
                                                 .balance_fen = INT64_MIN}});
}
