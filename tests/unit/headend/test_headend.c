/*
 * The platform's end of sessions, against real uplink clients and real stores. A "turn" is what the
 * owner of the loop does: flush the readings store, then the ledger.
 */
#include "tests/unit/check.h"
#include "tests/unit/store_sql.h"

#include <stdio.h>
#include <stdlib.h>

#include "headend/headend_impl.h"
#include "headend/permit.h"
#include "journal/journal.h"

#define GATEWAY 3
#define PEERS 8
#define HEARD_MAX 1024
#define WALL INT64_C(1'767'240'000)

struct peer { /* a gateway's end */
    int64_t conn;
    struct uplink link;
    bool closed; /* by the headend */
    int64_t acked_seq, welcome_epoch, welcome_seq, config_parts, config_meters;
    int64_t commands[HEARD_MAX], fences[HEARD_MAX];
    size_t command_count, fence_count;
    int64_t permits[HEARD_MAX], permit_meters[HEARD_MAX]; /* accounts, and how many meters */
    size_t permit_count;
    struct uplink_claimed claimed;
    uint8_t secret[32];
};

struct world {
    struct store *ledger, *readings;
    struct headend *headend;
    struct peer peers[PEERS];
    struct uplink_now now;
    uint8_t arena[UPLINK_ARENA];
    /* what the sinks saw */
    int64_t batches[HEARD_MAX], followed[HEARD_MAX], outcomes[HEARD_MAX], events[HEARD_MAX];
    size_t last_batch_size, last_body_size;
    size_t batch_count, follow_count, outcome_count, event_count;
    int commits, pokes;
    enum err batch_answer, outcome_answer, event_answer;
    struct uplink_outcome last_outcome;
    bool last_had_command, last_fenced_before;
    uint64_t random;
    bool legacy; /* peers ask for the legacy seal */
    int64_t warned_until;
    bool permits; /* gateways say that they understand them */
};

static const uint8_t certificate[32] = {9, 9, 9};

/* --- the headend's world ------------------------------------------------------------------------
 */

static struct peer *peer_of(struct world *w, int64_t conn)
{
    for (size_t i = 0; i < PEERS; i++)
        if (w->peers[i].conn == conn)
            return &w->peers[i];
    return NULL;
}

static void hear(struct world *w, struct peer *p, const struct uplink_message *m)
{
    (void)w;
    switch (m->kind) {
    case UPLINK_WELCOME:
        p->welcome_epoch = m->welcome.acked_epoch;
        p->welcome_seq = m->welcome.acked_seq;
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
    struct world *w = ctx;
    struct peer *p = peer_of(w, conn);
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
    struct peer *p = peer_of(ctx, conn);
    assert_non_null(p);
    p->closed = true;
}

static enum err on_batch(void *ctx, struct store_tx *tx, const struct headend_batch *b)
{
    struct world *w = ctx;
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
    struct world *w = ctx;
    (void)tx;
    w->followed[w->follow_count++] = b->seq;
    return ERR_OK;
}

static enum err on_outcome(void *ctx, struct store_tx *tx, const struct headend_result *r)
{
    struct world *w = ctx;
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
    struct world *w = ctx;
    (void)tx;
    assert_string_equal(e->serial, "YG-1");
    if (w->event_answer != ERR_OK && e->event->value == 13)
        return w->event_answer;
    w->events[w->event_count++] = e->event->value;
    return ERR_OK;
}

static void on_committed(void *ctx, int64_t gateway_id)
{
    struct world *w = ctx;
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
    memcpy(hash, certificate, 32);
    writer_put(pem, (const uint8_t *)"PEM", 3);
    return ERR_OK;
}

static void on_legacy(void *ctx, const char *serial, wall_s until)
{
    struct world *w = ctx;
    assert_string_equal(serial, "YG-1");
    w->warned_until = until.s;
}

/* --- set-up
 * ------------------------------------------------------------------------------------------ */

static void sql(struct world *w, const char *text)
{
    sql_run(w->ledger, text);
}

static int64_t number(struct world *w, const char *text)
{
    return sql_number(w->ledger, text);
}

static void new_headend(struct world *w)
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
                   "bb", (struct bytes){certificate, 32}, (struct bytes){secret, 32}));
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

static int setup(void **state)
{
    struct world *w = NULL;
    if (posix_memalign((void **)&w, 64, sizeof *w) != 0)
        return -1;
    memset(w, 0, sizeof *w);
    w->now = (struct uplink_now){{1000}, {WALL}};
    assert_ok(
        store_open(&w->ledger, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}));
    assert_ok(store_open(&w->readings,
                         &(struct store_config){.kind = STORE_READINGS, .path = ":memory:"}));
    assert_ok(store_run(w->ledger, fill, NULL));
    new_headend(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    headend_free(w->headend);
    store_close(w->readings);
    store_close(w->ledger);
    for (size_t i = 0; i < PEERS; i++)
        if (w->peers[i].conn)
            uplink_close(&w->peers[i].link);
    free(w);
    return 0;
}

static void turn(struct world *w)
{
    store_flush(w->readings);
    store_flush(w->ledger);
}

static void turns(struct world *w)
{
    for (int i = 0; i < 6; i++)
        turn(w);
}

/* The peer's bytes reach the headend. */
static void deliver(struct world *w, struct peer *p)
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

static struct peer *dial(struct world *w, int64_t conn, const uint8_t *hash, int64_t gateway,
                         int64_t epoch)
{
    uint8_t random[HEADEND_RANDOM], secret[32] = {7};
    struct peer *p = peer_of(w, 0);
    assert_non_null(p);
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = (uint8_t)(++w->random * 37 >> 3);
    *p = (struct peer){.conn = conn};
    assert_ok(headend_open(w->headend, &(struct headend_peer){conn, hash, random}, w->now));
    uplink_client_init(&p->link, &(struct uplink_client){gateway, epoch, secret, random, w->legacy},
                       w->now);
    deliver(w, p); /* HELLO1; HELLO2 comes back at once */
    deliver(w, p); /* the proof */
    return p;
}

static void say(struct world *w, struct peer *p, const struct uplink_message *m)
{
    assert_ok(uplink_send(&p->link, m));
    deliver(w, p);
}

static void hello(struct world *w, struct peer *p, int64_t config)
{
    say(w, p,
        &(struct uplink_message){.kind = UPLINK_HELLO,
                                 .hello = {.queue_epoch = 50,
                                           .config_version = config,
                                           .wall = w->now.wall,
                                           .program = "test",
                                           .permits = w->permits}});
}

/* A live session that has said HELLO. */
static struct peer *connect_peer(struct world *w, int64_t conn, int64_t epoch)
{
    struct peer *p = dial(w, conn, certificate, GATEWAY, epoch);
    turn(w);
    hello(w, p, 5);
    turn(w);
    return p;
}

static void say_event(struct world *w, struct peer *p, int64_t seq, int64_t value)
{
    say(w, p,
        &(struct uplink_message){
            .kind = UPLINK_EVENT,
            .epoch = 50,
            .seq = seq,
            .event = {.kind = UPLINK_CLOCK_SET, .at = w->now.wall, .value = value}});
}

static void say_readings(struct world *w, struct peer *p, int64_t seq)
{
    struct uplink_reading r = {
        .meter_id = 11, .epoch = 1, .at = w->now.wall, .points = {{1, 100}}, .point_count = 1};
    say(w, p,
        &(struct uplink_message){
            .kind = UPLINK_READINGS,
            .epoch = 50,
            .seq = seq,
            .readings = {.seq_epoch = 50, .seq = seq, .readings = &r, .count = 1}});
}

static void say_outcome(struct world *w, struct peer *p, int64_t seq, int64_t command,
                        enum uplink_status status)
{
    say(w, p,
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

/* --- lines
 * --------------------------------------------------------------------------------------------- */

static void test_a_line_is_told_by_its_own_gateway_only(void **state)
{
    struct world *w = *state;
    struct uplink_message m = {
        .kind = UPLINK_LINE,
        .line = {.number = 1, .period_ms = 300'000, .exchanges = 5, .answered = 4}};
    struct peer *p = dial(w, 1, certificate, GATEWAY, 4);
    turn(w);
    say(w, p, &m); /* before its HELLO: nobody listens yet */
    turn(w);
    assert_int_equal(number(w, "SELECT count(*) FROM line_told"), 0);
    hello(w, p, 5);
    say(w, p, &m);
    turn(w);
    assert_int_equal(number(w, "SELECT exchanges FROM line_hour WHERE line_id = 1"), 5);
    m.line.number = 2; /* no such line: the session goes on */
    say(w, p, &m);
    m.line.number = 1;
    m.line.answered = -1;
    say(w, p, &m);
    turns(w);
    assert_false(p->closed);
    assert_int_equal(number(w, "SELECT count(*) FROM line_hour"), 1);
    assert_int_equal(number(w, "SELECT received_seq FROM gateway WHERE id = 3"), 0);
    sql(w, "UPDATE gateway SET boot_epoch = 9 WHERE id = 3"); /* a newer connection stands */
    w->now.wall.s += 60;
    m.line.answered = 4;
    say(w, p, &m);
    turn(w);
    assert_int_equal(number(w, "SELECT exchanges FROM line_hour"), 5);
}

/* --- who may connect
 * ----------------------------------------------------------------------------------- */

static void test_live_only_after_the_epoch_is_committed(void **state)
{
    struct world *w = *state;
    struct peer *p = dial(w, 1, certificate, GATEWAY, 4);
    hello(w, p, 5); /* too early: it waits */
    assert_false(headend_online(w->headend, GATEWAY));
    assert_int_equal(p->welcome_epoch, 0);
    turn(w);
    assert_true(headend_online(w->headend, GATEWAY));
    assert_int_equal(p->welcome_epoch, 50);
    assert_int_equal(number(w, "SELECT boot_epoch FROM gateway WHERE id = 3"), 4);
    turn(w);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.online'"), 1);
}

static void refused(struct world *w, struct peer *p, enum err why)
{
    turns(w);
    assert_true(p->closed);
    assert_err(why, uplink_error(&p->link));
    assert_int_equal(headend_sessions(w->headend), 0);
}

static void test_wrong_certificate(void **state)
{
    struct world *w = *state;
    uint8_t other[32] = {1};
    refused(w, dial(w, 1, other, GATEWAY, 4), ERR_HEADEND_CERTIFICATE);
    refused(w, dial(w, 2, NULL, GATEWAY, 4), ERR_HEADEND_CERTIFICATE);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.refused'"), 2);
}

static void test_unknown_unclaimed_revoked(void **state)
{
    struct world *w = *state;
    refused(w, dial(w, 1, certificate, 99, 4), ERR_NOT_FOUND);
    refused(w, dial(w, 2, certificate, 4, 4), ERR_NOT_FOUND); /* not claimed yet */
    sql(w, "UPDATE gateway SET revoked = 1 WHERE id = 3");
    refused(w, dial(w, 3, certificate, GATEWAY, 4), ERR_HEADEND_REVOKED);
}

static void test_revoked_while_live_is_kicked(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    sql(w, "UPDATE gateway SET revoked = 1 WHERE id = 3");
    say_event(w, p, 1, 7); /* not believed any more */
    turns(w);
    assert_int_equal(w->event_count, 0);
    assert_true(p->closed);
    assert_false(headend_online(w->headend, GATEWAY));
}

static void legacy_events(struct world *w, int64_t used, int64_t refused_ones)
{
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.legacy'"), used);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.refused'"),
                     refused_ones);
}

/* The legacy seal needs a leave for this gateway whose time is not over. */
static void test_legacy_needs_a_leave(void **state)
{
    struct world *w = *state;
    w->legacy = true;
    refused(w, dial(w, 1, certificate, GATEWAY, 4), ERR_UPLINK_LEGACY);
    sql(w, "INSERT INTO gateway_legacy VALUES (4, 9000000000, 'another gateway''s', 'a', 1, 0)");
    refused(w, dial(w, 2, certificate, GATEWAY, 4), ERR_UPLINK_LEGACY);
    sql(w, "INSERT INTO gateway_legacy VALUES (3, 1, 'over', 'a', 1, 0)");
    refused(w, dial(w, 3, certificate, GATEWAY, 4), ERR_UPLINK_LEGACY);
    legacy_events(w, 0, 3);
    sql(w, "UPDATE gateway_legacy SET until_at = 9000000000, reason = 'tender 7' WHERE gateway_id "
           "= 3");
    struct peer *p = connect_peer(w, 4, 4);
    assert_true(headend_online(w->headend, GATEWAY));
    assert_int_equal(w->warned_until, INT64_C(9'000'000'000));
    legacy_events(w, 1, 3);
    assert_int_equal(number(w,
                            "SELECT count(*) FROM event WHERE kind = 'gateway.legacy' AND detail "
                            "LIKE '%tender 7%' AND detail LIKE '%2255-03-14 16:00%'"),
                     1);
    assert_true(number(w, "SELECT used_at FROM gateway_legacy WHERE gateway_id = 3") > 0);
    say_event(w, p, 1, 7);
    turns(w);
    assert_int_equal(w->event_count, 1);
}

/* Nobody is warned of a session under the usual seal, whatever is allowed. */
static void test_leave_changes_nothing_for_the_usual_seal(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO gateway_legacy VALUES (3, 9000000000, 'tender 7', 'a', 1, 0)");
    struct peer *p = connect_peer(w, 1, 4);
    legacy_events(w, 0, 0);
    assert_int_equal(w->warned_until, 0);
    sql(w, "DELETE FROM gateway_legacy");
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    assert_false(p->closed);
}

static void test_legacy_ends_with_its_leave(void **state)
{
    struct world *w = *state;
    w->legacy = true;
    sql(w, "INSERT INTO gateway_legacy VALUES (3, 9000000000, 'tender 7', 'a', 1, 0)");
    struct peer *p = connect_peer(w, 1, 4);
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    assert_false(p->closed);
    sql(w, "DELETE FROM gateway_legacy WHERE gateway_id = 3");
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    assert_true(p->closed);
    assert_err(ERR_UPLINK_LEGACY, uplink_error(&p->link)); /* told under its seal */
    assert_false(headend_online(w->headend, GATEWAY));
    sql(w, "INSERT INTO gateway_legacy VALUES (3, 9000000000, 'tender 7', 'a', 1, 0)");
    p = connect_peer(w, 2, 5);
    w->now.wall.s = INT64_C(9'000'000'000); /* its time is over */
    headend_tick(w->headend, w->now);
    assert_true(p->closed);
    assert_err(ERR_UPLINK_LEGACY, uplink_error(&p->link));
}

static void test_kick_and_housekeeping(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    headend_kick(w->headend, GATEWAY, w->now);
    assert_true(p->closed);
    p = connect_peer(w, 2, 5);
    sql(w, "UPDATE gateway SET revoked = 1 WHERE id = 3");
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    assert_true(p->closed);
}

static void test_equal_and_older_epochs_are_refused(void **state)
{
    struct world *w = *state;
    struct peer *live = connect_peer(w, 1, 4);
    struct peer *equal = dial(w, 2, certificate, GATEWAY, 4);
    turns(w);
    assert_true(equal->closed);
    assert_err(ERR_UPLINK_EPOCH, uplink_error(&equal->link));
    assert_int_equal(uplink_refused_epoch(&equal->link), 4);
    struct peer *older = dial(w, 3, certificate, GATEWAY, 3);
    turns(w);
    assert_true(older->closed);
    assert_false(live->closed);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.refused'"), 2);
}

static void test_newer_epoch_fences_the_older_session(void **state)
{
    struct world *w = *state;
    struct peer *old = connect_peer(w, 1, 4);
    struct peer *fresh = dial(w, 2, certificate, GATEWAY, 5);
    assert_false(old->closed);
    turn(w);
    assert_true(old->closed);
    assert_err(ERR_UPLINK_EPOCH, uplink_error(&old->link));
    assert_false(fresh->closed);
    turn(w);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.fenced'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.offline'"), 0);
}

static void test_late_message_of_a_fenced_session_is_dropped(void **state)
{
    struct world *w = *state;
    struct peer *old = connect_peer(w, 1, 4);
    struct peer *fresh = dial(w, 2, certificate, GATEWAY, 5); /* its epoch commits first ... */
    say_event(w, old, 1, 7);                                  /* ... in the same flush */
    turns(w);
    assert_int_equal(w->event_count, 0);
    assert_int_equal(number(w, "SELECT received_seq FROM gateway WHERE id = 3"), 0);
    hello(w, fresh, 5);
    say_event(w, fresh, 1, 7);
    turns(w);
    assert_int_equal(w->event_count, 1);
    assert_int_equal(fresh->acked_seq, 1);
}

static void test_two_new_sessions_in_one_turn(void **state)
{
    struct world *w = *state;
    struct peer *five = dial(w, 1, certificate, GATEWAY, 5);
    struct peer *four = dial(w, 2, certificate, GATEWAY, 4);
    turns(w);
    assert_false(five->closed);
    assert_true(four->closed);
    assert_int_equal(headend_sessions(w->headend), 1);
}

static void test_closed_stream_goes_offline(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    say_event(w, p, 1, 7);
    headend_closed(w->headend, 1, w->now); /* with work still queued */
    headend_closed(w->headend, 1, w->now);
    assert_false(headend_online(w->headend, GATEWAY));
    turns(w);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.offline'"), 1);
}

static void test_garbage_ends_a_session(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    static const uint8_t garbage[64] = {0, 0, 0, 20, 99};
    headend_data(w->headend, 1, w->now, garbage, sizeof garbage);
    assert_true(p->closed);
    assert_int_equal(headend_sessions(w->headend), 0);
}

static void test_silence_ends_a_session(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    assert_true(headend_wake(w->headend).ms <= w->now.mono.ms + UPLINK_ASK_MS);
    w->now.mono.ms += UPLINK_SILENT_MS + 1;
    headend_tick(w->headend, w->now);
    assert_true(p->closed);
}

/* --- claims
 * ---------------------------------------------------------------------------------------------- */

static void claim(struct world *w, struct peer *p, const char *serial, const char *code)
{
    struct uplink_message m = {.kind = UPLINK_CLAIM,
                               .claim = {.request = {(const uint8_t *)"REQUEST", 7}}};
    snprintf(m.claim.serial, sizeof m.claim.serial, "%s", serial);
    snprintf(m.claim.code, sizeof m.claim.code, "%s", code);
    deliver(w, p);
    say(w, p, &m);
}

static void test_claim(void **state)
{
    struct world *w = *state;
    struct peer *p = dial(w, 1, NULL, 0, 0);
    claim(w, p, "YG-2", "OPEN-SESAME");
    assert_int_equal(p->claimed.gateway_id, 0); /* not before the commit */
    turn(w);
    assert_int_equal(p->claimed.gateway_id, 4);
    assert_int_equal(number(w, "SELECT length(secret) FROM gateway WHERE id = 4"), 32);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.claimed'"), 1);
    /* With what it was given it may connect. */
    struct peer *again = peer_of(w, 0);
    uint8_t random[HEADEND_RANDOM] = {5};
    *again = (struct peer){.conn = 9};
    assert_ok(headend_open(w->headend, &(struct headend_peer){9, certificate, random}, w->now));
    uplink_client_init(&again->link, &(struct uplink_client){4, 1, p->secret, random}, w->now);
    deliver(w, again);
    deliver(w, again);
    turn(w);
    assert_true(headend_online(w->headend, 4));
}

static void claim_refused(struct world *w, int64_t conn, const char *serial, const char *code)
{
    struct peer *p = dial(w, conn, NULL, 0, 0);
    claim(w, p, serial, code);
    turns(w);
    assert_int_equal(p->claimed.gateway_id, 0);
    assert_string_equal(p->claimed.refusal, err_name(ERR_SITE_CLAIM));
}

static void test_claim_refusals_all_look_the_same(void **state)
{
    struct world *w = *state;
    claim_refused(w, 1, "YG-2", "WRONG");
    claim_refused(w, 2, "YG-9", "OPEN-SESAME");
    w->now.wall.s += 7200;
    claim_refused(w, 3, "YG-2", "OPEN-SESAME"); /* too late */
    w->now.wall.s -= 7200;
    struct peer *p = dial(w, 4, NULL, 0, 0);
    claim(w, p, "YG-2", "OPEN-SESAME");
    turns(w);
    assert_int_equal(p->claimed.gateway_id, 4);
    claim_refused(w, 5, "YG-2", "OPEN-SESAME"); /* used */
}

static void test_claims_are_limited(void **state)
{
    struct world *w = *state;
    struct peer *p = dial(w, 1, NULL, 0, 0);
    for (int i = 0; i < HEADEND_CLAIMS_PER_MINUTE; i++)
        claim(w, p, "YG-2", "GUESS");
    assert_string_equal(p->claimed.refusal, err_name(ERR_SITE_CLAIM));
    claim(w, p, "YG-2", "OPEN-SESAME");
    assert_string_equal(p->claimed.refusal, err_name(ERR_HEADEND_CLAIMS));
    w->now.mono.ms += 61'000;
    headend_tick(w->headend, w->now);
    p = dial(w, 2, NULL, 0, 0);
    claim(w, p, "YG-2", "OPEN-SESAME");
    turns(w);
    assert_int_equal(p->claimed.gateway_id, 4);
}

static void test_unclaimed_session_may_say_nothing_else(void **state)
{
    struct world *w = *state;
    struct peer *p = dial(w, 1, NULL, 0, 0);
    assert_err(ERR_STATE, uplink_send(&p->link, &(struct uplink_message){.kind = UPLINK_HELLO}));
    turns(w);
    assert_int_equal(w->event_count, 0);
}

/* --- configuration
 * ----------------------------------------------------------------------------------------- */

static void test_config_in_parts_when_it_differs(void **state)
{
    struct world *w = *state;
    sql(w, "WITH RECURSIVE n (i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < 1449) "
           "INSERT INTO meter (id, project_id, place_id, line_id, address, model, kind) "
           "SELECT i, 1, 1, 1, printf('%012d', i), 'yufu-shop', 'electricity' FROM n");
    struct peer *p = connect_peer(w, 1, 4);
    assert_int_equal(p->config_parts, 0); /* the gateway has version 5 already */
    sql(w, "UPDATE gateway SET config_version = 6 WHERE id = 3");
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    assert_int_equal(p->config_parts, 3);
    assert_int_equal(p->config_meters, 450);
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now); /* not again and again */
    assert_int_equal(p->config_parts, 3);
    say(w, p, &(struct uplink_message){.kind = UPLINK_APPLIED, .config_version = 6});
    turn(w);
    assert_int_equal(number(w, "SELECT config_applied FROM gateway WHERE id = 3"), 6);
}

/* --- durable messages
 * ----------------------------------------------------------------------------------------- */

static void test_ack_only_after_both_commits(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    say_readings(w, p, 1);
    store_flush(w->readings);
    assert_int_equal(w->batch_count, 1);
    assert_int_equal(p->acked_seq, 0);
    store_flush(w->ledger);
    assert_int_equal(p->acked_seq, 1);
    assert_int_equal(w->follow_count, 1);
    assert_int_equal(number(w, "SELECT received_seq FROM gateway WHERE id = 3"), 1);
    assert_int_equal(w->commits, 1);
}

static void test_one_ack_for_many_and_order_kept(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    say_event(w, p, 1, 1);
    say_readings(w, p, 2);
    say_event(w, p, 3, 3); /* must not overtake the readings before it */
    store_flush(w->ledger);
    assert_int_equal(w->event_count, 1);
    assert_int_equal(p->acked_seq, 1);
    turn(w);
    assert_int_equal(w->event_count, 2);
    assert_int_equal(p->acked_seq, 3);
    assert_int_equal(w->commits, 2);
}

static void test_repeats_collapse(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    say_event(w, p, 1, 1);
    say_event(w, p, 1, 1);
    turn(w);
    p->acked_seq = 0;
    say_event(w, p, 1, 1);
    assert_int_equal(p->acked_seq, 1); /* told again at once */
    turns(w);
    assert_int_equal(w->event_count, 1);
    /* A gap is what the gateway had to drop: it says so itself. */
    say_event(w, p, 5, 5);
    turn(w);
    assert_int_equal(p->acked_seq, 5);
}

static void test_reconnect_goes_on_where_it_was(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    say_event(w, p, 1, 1);
    turn(w);
    headend_closed(w->headend, 1, w->now);
    p = connect_peer(w, 2, 5);
    assert_int_equal(p->welcome_seq, 1);
    say_event(w, p, 1, 1);
    say_event(w, p, 2, 2);
    turns(w);
    assert_int_equal(w->event_count, 2);
}

static void test_new_queue_epoch_begins_at_one(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    say_event(w, p, 9, 1);
    turn(w);
    headend_closed(w->headend, 1, w->now);
    p = dial(w, 2, certificate, GATEWAY, 5);
    turn(w);
    say(w, p,
        &(struct uplink_message){.kind = UPLINK_HELLO,
                                 .hello = {.queue_epoch = 51, .config_version = 5}});
    assert_int_equal(p->welcome_seq, 0);
    say(w, p,
        &(struct uplink_message){.kind = UPLINK_EVENT,
                                 .epoch = 51,
                                 .seq = 1,
                                 .event = {.kind = UPLINK_CLOCK_SET, .value = 2}});
    turns(w);
    assert_int_equal(w->event_count, 2);
    assert_int_equal(number(w, "SELECT received_epoch FROM gateway WHERE id = 3"), 51);
}

/* The gateway sees in our welcome that its file went back in time, and says hello once more. */
static void test_new_queue_epoch_within_a_session(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    say_event(w, p, 9, 1);
    turn(w);
    headend_closed(w->headend, 1, w->now);
    p = connect_peer(w, 2, 5);
    assert_int_equal(p->welcome_seq, 9);
    say_event(w, p, 4, 7); /* what such a gateway would say without it: lost among the repeats */
    turns(w);
    assert_int_equal(w->event_count, 1);
    say(w, p,
        &(struct uplink_message){.kind = UPLINK_HELLO,
                                 .hello = {.queue_epoch = 51, .config_version = 5}});
    assert_int_equal(p->welcome_seq, 0);
    say(w, p,
        &(struct uplink_message){.kind = UPLINK_EVENT,
                                 .epoch = 51,
                                 .seq = 4,
                                 .event = {.kind = UPLINK_CLOCK_SET, .value = 2}});
    turns(w);
    assert_int_equal(w->event_count, 2);
    assert_int_equal(number(w, "SELECT received_seq FROM gateway WHERE id = 3"), 4);
}

/* The process dies between the two commits: readings are there, the ledger knows nothing. */
static void test_crash_between_the_commits(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    say_readings(w, p, 1);
    say_outcome(w, p, 2, 77, UPLINK_DONE);
    store_flush(w->readings);
    headend_free(w->headend); /* everything in memory is gone; its work is answered to nobody */
    turn(w);
    assert_int_equal(p->acked_seq, 0);
    assert_int_equal(w->outcome_count, 0);
    new_headend(w);
    p = connect_peer(w, 2, 5);
    assert_int_equal(p->welcome_seq, 0);
    say_readings(w, p, 1);
    say_outcome(w, p, 2, 77, UPLINK_DONE);
    turns(w);
    assert_int_equal(w->batch_count, 2); /* the sink is idempotent by name */
    assert_int_equal(w->batches[1], 1);
    assert_int_equal(w->follow_count, 1);
    assert_int_equal(w->outcome_count, 1);
    assert_int_equal(p->acked_seq, 2);
}

static void test_bad_message_is_given_up_and_blocks_nobody(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    w->event_answer = ERR_RANGE;
    for (int64_t i = 11; i <= 15; i++) /* 13 is bad */
        say_event(w, p, i, i);
    turns(w);
    assert_int_equal(p->acked_seq, 15);
    assert_int_equal(w->event_count, 4);
    static const int64_t expected[] = {11, 12, 14, 15};
    assert_memory_equal(w->events, expected, sizeof expected);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.refused' "
                               "AND detail LIKE '%RANGE%'"),
                     1);
}

static void test_bad_readings_are_given_up_too(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    w->batch_answer = ERR_RANGE;
    say_readings(w, p, 1);
    turns(w);
    assert_int_equal(p->acked_seq, 1);
    assert_int_equal(w->follow_count, 0);
}

static void test_full_disk_keeps_the_message_at_the_gateway(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    w->event_answer = ERR_STORE_FULL;
    say_event(w, p, 1, 13);
    say_event(w, p, 2, 14);
    turns(w);
    assert_int_equal(p->acked_seq, 0);
    assert_true(p->closed);
    assert_int_equal(w->event_count, 0);
    w->event_answer = ERR_OK;
    p = connect_peer(w, 2, 5);
    say_event(w, p, 1, 13);
    say_event(w, p, 2, 14);
    turns(w);
    assert_int_equal(w->event_count, 2);
}

static void test_a_gateway_speaks_for_its_own_meters(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    struct uplink_reading r[3] = {{.meter_id = 11, .epoch = 1}, {.meter_id = 99}, {.meter_id = 11}};
    say(w, p,
        &(struct uplink_message){
            .kind = UPLINK_READINGS,
            .epoch = 50,
            .seq = 1,
            .readings = {.seq_epoch = 50, .seq = 1, .readings = r, .count = 3}});
    say(w, p,
        &(struct uplink_message){
            .kind = UPLINK_OUTCOME,
            .epoch = 50,
            .seq = 2,
            .outcome = {
                .command_id = 5, .meter_id = 99, .kind = UPLINK_READ, .status = UPLINK_DONE}});
    turns(w);
    say(w, p,
        &(struct uplink_message){
            .kind = UPLINK_EVENT,
            .epoch = 50,
            .seq = 3,
            .event = {.kind = UPLINK_METER_SILENT, .at = w->now.wall, .meter_id = 99}});
    turns(w);
    assert_int_equal(p->acked_seq, 3);
    assert_int_equal(w->batch_count, 1);
    assert_int_equal(w->last_batch_size, 2);
    assert_int_equal(w->last_body_size, 2);
    assert_int_equal(w->outcome_count, 0);
    assert_int_equal(w->event_count, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.refused'"), 3);
}

/* Counts and sums go on from what a gateway says: the ends of the numbers are out of its reach. */
static void test_numbers_beyond_all_meters_are_given_up(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    const struct uplink_outcome bad[] = {
        {.count = INT64_MAX},         {.record_n = INT64_MAX},    {.record_amount_fen = INT64_MIN},
        {.purchased_fen = INT64_MAX}, {.balance_fen = INT64_MAX}, {.version = INT64_MAX},
    };
    int64_t seq = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct uplink_message m = {
            .kind = UPLINK_OUTCOME, .epoch = 50, .seq = ++seq, .outcome = bad[i]};
        m.outcome.meter_id = 11;
        m.outcome.kind = UPLINK_READ;
        m.outcome.status = UPLINK_DONE;
        say(w, p, &m);
        turns(w);
    }
    assert_int_equal(p->acked_seq, seq);
    assert_int_equal(w->outcome_count, 0);
    say_outcome(w, p, ++seq, 5, UPLINK_DONE); /* an unknown balance is not a number too big */
    turns(w);
    assert_int_equal(w->outcome_count, 1);
}

static void test_queue_is_bounded(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    int64_t many = HEADEND_QUEUE_MAX + 40;
    w->event_answer = ERR_OK;
    for (int64_t i = 1; i <= many; i++) {
        say(w, p, &(struct uplink_message){.kind = UPLINK_READINGS, .epoch = 50, .seq = i});
        if (i % 200 == 0)
            w->batch_count = w->follow_count = 0;
    }
    assert_int_equal(store_waiting(w->readings), HEADEND_QUEUE_MAX);
    w->batch_count = w->follow_count = 0;
    store_flush(w->readings);
    w->batch_count = w->follow_count = 0;
    store_flush(w->ledger);
    turns(w);
    assert_int_equal(p->acked_seq, many);
}

static void test_nothing_before_hello(void **state)
{
    struct world *w = *state;
    struct peer *p = dial(w, 1, certificate, GATEWAY, 4);
    turn(w);
    say_event(w, p, 1, 1);
    turns(w);
    assert_int_equal(w->event_count, 0);
    hello(w, p, 5);
    say_event(w, p, 1, 1);
    turns(w);
    assert_int_equal(w->event_count, 1);
}

/* --- commands
 * ---------------------------------------------------------------------------------------------------
 */

struct put {
    struct world *w;
    enum uplink_command_kind kind;
    wall_s not_after;
    int64_t id;
};

static enum err put(struct store_tx *tx, void *arg)
{
    struct put *p = arg;
    return headend_command_put(
        tx,
        &(struct headend_order){
            .command = {.kind = p->kind, .meter_id = 11, .epoch = 1, .not_after = p->not_after},
            .gateway_id = GATEWAY,
            .account_id = 7,
            .ref = "order-aaaa",
            .now = p->w->now.wall,
            .random = ++p->w->random * 1000},
        &p->id);
}

static int64_t put_command(struct world *w, enum uplink_command_kind kind, int64_t not_after)
{
    struct put p = {w, kind, {not_after}, 0};
    assert_ok(store_run(w->ledger, put, &p));
    return p.id;
}

struct fence {
    int64_t id;
    enum err result;
};

static enum err fence(struct store_tx *tx, void *arg)
{
    struct fence *f = arg;
    f->result = headend_fence(tx, f->id);
    return ERR_OK;
}

static enum err fence_command(struct world *w, int64_t id)
{
    struct fence f = {id, ERR_OK};
    assert_ok(store_run(w->ledger, fence, &f));
    return f.result;
}

static void test_command_is_sent_when_poked_and_on_connection(void **state)
{
    struct world *w = *state;
    int64_t first = put_command(w, UPLINK_VEND, 0);
    headend_poke(w->headend, 0, w->now); /* nobody there */
    struct peer *p = connect_peer(w, 1, 4);
    assert_int_equal(p->command_count, 1);
    assert_int_equal(p->commands[0], first);
    assert_int_equal(number(w, "SELECT sent_at FROM command"), w->now.wall.s);
    int64_t second = put_command(w, UPLINK_READ, 0);
    assert_int_equal(p->command_count, 1);
    headend_poke(w->headend, 0, w->now);
    assert_int_equal(p->command_count, 2);
    assert_int_equal(p->commands[1], second);
    headend_poke(w->headend, 0, w->now);
    headend_poke(w->headend, GATEWAY, w->now);
    assert_int_equal(p->command_count, 2); /* in flight */
    headend_closed(w->headend, 1, w->now);
    p = connect_peer(w, 2, 5);
    assert_int_equal(p->command_count, 2); /* both again, under their ids */
}

static void test_command_is_said_again_after_a_while(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    put_command(w, UPLINK_VEND, 0);
    headend_poke(w->headend, GATEWAY, w->now);
    turn(w);
    w->now.mono.ms += HEADEND_RESEND_MS - 1000;
    headend_tick(w->headend, w->now);
    assert_int_equal(p->command_count, 1);
    w->now.mono.ms += 1000;
    headend_tick(w->headend, w->now);
    assert_int_equal(p->command_count, 2);
}

static void test_commands_in_flight_are_bounded_and_urgent_first(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    static const enum uplink_command_kind patient[] = {UPLINK_READ, UPLINK_EXERCISE,
                                                       UPLINK_REGISTER, UPLINK_EXERCISE};
    int64_t ids[HEADEND_INFLIGHT_MAX + 8];
    for (size_t i = 0; i < HEADEND_INFLIGHT_MAX + 8; i++)
        ids[i] = put_command(w, i < 4 ? patient[i] : UPLINK_VEND, 0);
    headend_poke(w->headend, GATEWAY, w->now);
    assert_int_equal(p->command_count, HEADEND_INFLIGHT_MAX);
    for (size_t i = 0; i < p->command_count; i++)
        for (size_t r = 0; r < 4; r++)
            assert_int_not_equal(p->commands[i], ids[r]);
    say_outcome(w, p, 1, p->commands[0], UPLINK_DONE);
    turn(w);
    headend_poke(w->headend, GATEWAY, w->now);
    assert_int_equal(p->command_count, HEADEND_INFLIGHT_MAX + 1);
}

static void test_outcome_closes_its_command_once(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    int64_t id = put_command(w, UPLINK_VEND, 0);
    say_outcome(w, p, 1, id, UPLINK_DONE);
    say_outcome(w, p, 2, id, UPLINK_DONE);
    turns(w);
    assert_int_equal(w->outcome_count, 1);
    assert_true(w->last_had_command);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'done' "
                               "AND outcome IS NOT NULL"),
                     1);
    say_outcome(w, p, 3, 4711, UPLINK_DONE); /* not ours: evidence all the same */
    turns(w);
    assert_int_equal(w->outcome_count, 2);
    assert_false(w->last_had_command);
}

static void test_fence_replaces_the_command(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    int64_t id = put_command(w, UPLINK_RELAY, 0);
    headend_poke(w->headend, 0, w->now);
    turn(w);
    assert_ok(fence_command(w, id));
    headend_poke(w->headend, 0, w->now);
    assert_int_equal(p->command_count, 1);
    assert_int_equal(p->fence_count, 1);
    assert_int_equal(p->fences[0], id);
    /* A gateway that never saw the command answers with the id alone. */
    say(w, p,
        &(struct uplink_message){
            .kind = UPLINK_OUTCOME,
            .epoch = 50,
            .seq = 1,
            .outcome = {.command_id = id, .kind = UPLINK_VEND, .status = UPLINK_FENCED}});
    turns(w);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'fenced'"), 1);
    assert_int_equal(w->last_outcome.kind, UPLINK_RELAY);
    assert_int_equal(w->last_outcome.meter_id, 11);
    assert_ok(fence_command(w, id)); /* stays fenced */
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'fenced'"), 1);
    /* An outcome that contradicts the tombstone is told as such. */
    say_outcome(w, p, 2, id, UPLINK_DONE);
    turns(w);
    assert_true(w->last_fenced_before);
    assert_err(ERR_NOT_FOUND, fence_command(w, 12345));
}

static void test_fence_of_a_finished_command_changes_nothing(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    int64_t id = put_command(w, UPLINK_VEND, 0);
    say_outcome(w, p, 1, id, UPLINK_DONE);
    turns(w);
    assert_ok(fence_command(w, id));
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'done'"), 1);
}

static void test_deadline_passes(void **state)
{
    struct world *w = *state;
    struct peer *p = connect_peer(w, 1, 4);
    int64_t id = put_command(w, UPLINK_RELAY, WALL + 60);
    headend_poke(w->headend, 0, w->now);
    turn(w);
    w->now.wall.s += 80;
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    turn(w);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'waiting'"), 1);
    w->now.wall.s += 80;
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    turn(w);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'expired'"), 1);
    say_outcome(w, p, 1, id, UPLINK_DONE); /* it was carried out in time, told late */
    turns(w);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'done'"), 1);
    assert_int_equal(w->outcome_count, 1);
}

static enum err put_nowhere(struct store_tx *tx, void *arg)
{
    (void)arg;
    int64_t id;
    return headend_command_put(
        tx,
        &(struct headend_order){.command = {.kind = UPLINK_READ}, .gateway_id = 99, .random = 5},
        &id);
}

/* --- standing permissions ---------------------------------------------------------------------- */

static enum err put_permit(struct store_tx *tx, void *account)
{
    struct uplink_permit_meter meter = {11, 1, 501, 1, 0, 1, 66'000};
    struct uplink_permit_window window = {{WALL}, {WALL + 3'600}};
    return headend_permit_put(tx, GATEWAY,
                              &(struct uplink_permit){.account_id = *(int64_t *)account,
                                                      .at = {WALL},
                                                      .valid_from = {WALL},
                                                      .valid_until = {WALL + 3'600},
                                                      .windows = &window,
                                                      .window_count = 1,
                                                      .meters = &meter,
                                                      .meter_count = 1});
}

static enum err end_permit(struct store_tx *tx, void *account)
{
    return headend_permit_end(tx, *(int64_t *)account);
}

static void permit(struct world *w, store_work *work, int64_t account)
{
    assert_ok(store_run(w->ledger, work, &account));
    headend_poke(w->headend, 0, w->now);
}

static void assert_permit(const struct peer *p, size_t index, int64_t account, int64_t meters)
{
    assert_true(index < p->permit_count);
    assert_int_equal(p->permits[index], account);
    assert_int_equal(p->permit_meters[index], meters);
}

static void test_permissions_are_said_as_they_change(void **state)
{
    struct world *w = *state;
    w->permits = true;
    permit(w, put_permit, 7);
    permit(w, put_permit, 8);
    permit(w, end_permit, 8);
    struct peer *p = connect_peer(w, 1, 4);
    assert_int_equal(p->permit_count, 2); /* what stands, and an end that does no harm */
    assert_permit(p, 0, 7, 1);
    assert_permit(p, 1, 8, 0);
    headend_poke(w->headend, 0, w->now);
    assert_int_equal(p->permit_count, 2);
    permit(w, put_permit, 9);
    permit(w, end_permit, 7);
    permit(w, end_permit, 7); /* nothing changes, nothing is said */
    assert_int_equal(p->permit_count, 4);
    assert_permit(p, 2, 9, 1);
    assert_permit(p, 3, 7, 0);
    headend_closed(w->headend, 1, w->now);
    p = connect_peer(w, 2, 5);
    assert_true(p->permit_count >= 1);
    assert_permit(p, 1, 9, 1); /* all that stands, once more */
}

static void test_many_permissions_fit(void **state)
{
    struct world *w = *state;
    w->permits = true;
    for (int64_t account = 1; account <= 100; account++)
        permit(w, put_permit, account);
    struct peer *p = connect_peer(w, 1, 4);
    turns(w);
    assert_int_equal(p->permit_count, 100);
    assert_permit(p, 99, 100, 1);
}

static void test_permissions_whose_time_is_over_are_not_said(void **state)
{
    struct world *w = *state;
    w->permits = true;
    permit(w, put_permit, 7);
    w->now.wall.s = WALL + 3'600;
    assert_int_equal(connect_peer(w, 1, 4)->permit_count, 0);
}

static void test_a_gateway_that_knows_no_permissions_hears_of_none(void **state)
{
    struct world *w = *state;
    permit(w, put_permit, 7);
    struct peer *p = connect_peer(w, 1, 4);
    permit(w, put_permit, 8);
    assert_int_equal(p->permit_count, 0);
}

static void test_command_for_no_gateway(void **state)
{
    struct world *w = *state;
    assert_err(ERR_NOT_FOUND, store_run(w->ledger, put_nowhere, NULL));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_line_is_told_by_its_own_gateway_only),
        CASE(test_live_only_after_the_epoch_is_committed),
        CASE(test_wrong_certificate),
        CASE(test_unknown_unclaimed_revoked),
        CASE(test_revoked_while_live_is_kicked),
        CASE(test_kick_and_housekeeping),
        CASE(test_legacy_needs_a_leave),
        CASE(test_leave_changes_nothing_for_the_usual_seal),
        CASE(test_legacy_ends_with_its_leave),
        CASE(test_equal_and_older_epochs_are_refused),
        CASE(test_newer_epoch_fences_the_older_session),
        CASE(test_late_message_of_a_fenced_session_is_dropped),
        CASE(test_two_new_sessions_in_one_turn),
        CASE(test_closed_stream_goes_offline),
        CASE(test_garbage_ends_a_session),
        CASE(test_silence_ends_a_session),
        CASE(test_claim),
        CASE(test_claim_refusals_all_look_the_same),
        CASE(test_claims_are_limited),
        CASE(test_unclaimed_session_may_say_nothing_else),
        CASE(test_config_in_parts_when_it_differs),
        CASE(test_ack_only_after_both_commits),
        CASE(test_one_ack_for_many_and_order_kept),
        CASE(test_repeats_collapse),
        CASE(test_reconnect_goes_on_where_it_was),
        CASE(test_new_queue_epoch_begins_at_one),
        CASE(test_new_queue_epoch_within_a_session),
        CASE(test_crash_between_the_commits),
        CASE(test_bad_message_is_given_up_and_blocks_nobody),
        CASE(test_bad_readings_are_given_up_too),
        CASE(test_full_disk_keeps_the_message_at_the_gateway),
        CASE(test_a_gateway_speaks_for_its_own_meters),
        CASE(test_numbers_beyond_all_meters_are_given_up),
        CASE(test_queue_is_bounded),
        CASE(test_permissions_are_said_as_they_change),
        CASE(test_many_permissions_fit),
        CASE(test_permissions_whose_time_is_over_are_not_said),
        CASE(test_a_gateway_that_knows_no_permissions_hears_of_none),
        CASE(test_nothing_before_hello),
        CASE(test_command_is_sent_when_poked_and_on_connection),
        CASE(test_command_is_said_again_after_a_while),
        CASE(test_commands_in_flight_are_bounded_and_urgent_first),
        CASE(test_outcome_closes_its_command_once),
        CASE(test_fence_replaces_the_command),
        CASE(test_fence_of_a_finished_command_changes_nothing),
        CASE(test_deadline_passes),
        CASE(test_command_for_no_gateway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
