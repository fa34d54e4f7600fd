#include "tests/unit/billing/town.h"
#include "tests/unit/store_sql.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void town_exec(struct town *t, const char *sql)
{
    sql_run(t->ledger, sql);
}

int64_t town_int(struct town *t, const char *sql)
{
    return sql_number(t->ledger, sql);
}

struct version {
    const char *code, *body;
    int64_t version, at;
};

static enum err put_plan(struct store_tx *tx, void *arg)
{
    const struct version *v = arg;
    int64_t id;
    TRY(store_next_id(tx, "price_plan", &id));
    return store_exec(tx, "INSERT INTO price_plan VALUES ($1, 1, $2, $3, $4, $5)", "itiit", id,
                      v->code, v->version, v->at, v->body);
}

void town_plan(struct town *t, const char *code, int64_t version, int64_t at, const char *body)
{
    assert_ok(store_run(t->ledger, put_plan, &(struct version){code, body, version, at}));
}

static void found(struct town *t)
{
    town_exec(t, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')");
    town_exec(t, "INSERT INTO project (id, organisation_id, code, name, zone) "
                 "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')");
    town_exec(t, "INSERT INTO place (id, project_id, kind, code, name) "
                 "VALUES (1, 1, 'room', 'A', 'A')");
    town_exec(t, "INSERT INTO gateway (id, project_id, serial, name) VALUES (3, 1, 'g', 'g')");
    town_exec(t, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
                 "VALUES (1, 3, 1, 'tcp:1', 2400, 'E')");
    town_exec(t, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
                 "strategy_code, opened_at) VALUES "
                 "(7, 1, 1, 'a7', 'a7', 'platform', 'flat', 's', 1), "
                 "(8, 1, 1, 'a8', 'a8', 'meter', 'flat', 's', 1), "
                 "(9, 1, 1, 'a9', 'a9', 'platform', 'tou', 's', 1), "
                 "(10, 1, 1, 'a10', 'a10', 'platform', 'flat', 's', 1)");
    town_exec(t, "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
                 "kind) VALUES (1, 1, 7, 1, 1, '1', 'yufu-dorm3', 'electricity'), "
                 "(2, 1, 8, 1, 1, '2', 'yufu-dorm3', 'electricity'), "
                 "(3, 1, 9, 1, 1, '3', 'yufu-shop3p', 'electricity')");
    town_plan(t, "flat", 1, 1, "{\"kind\":\"flat\",\"price\":\"0.5\"}");
    town_plan(t, "tou", 1, 1,
              "{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\",\"valley\":\"0.25\"},"
              "\"periods\":[{\"from\":\"08:00\",\"to\":\"22:00\",\"rate\":\"peak\"},"
              "{\"from\":\"22:00\",\"to\":\"08:00\",\"rate\":\"valley\"}]}");
}

static enum err place(struct store_tx *tx, void *arg)
{
    return billing_place_meters(tx, arg);
}

static void wire(struct town *t)
{
    assert_ok(readings_new(&t->readings));
    t->clerk = (struct billing_clerk){
        .billing = {.readings = t->readings, .readings_store = t->store}, .ledger = t->ledger};
    assert_ok(store_read(t->ledger, place, t->readings));
}

static enum err load(struct store_tx *tx, void *arg)
{
    return readings_load(arg, tx);
}

struct town *town_open_at(const char *ledger, const char *readings)
{
    struct town *t = calloc(1, sizeof *t);
    assert_non_null(t);
    assert_ok(store_open(&t->ledger, &(struct store_config){.kind = STORE_LEDGER, .path = ledger}));
    assert_ok(
        store_open(&t->store, &(struct store_config){.kind = STORE_READINGS, .path = readings}));
    if (town_int(t, "SELECT count(*) FROM project") == 0)
        found(t);
    wire(t);
    assert_ok(store_read(t->store, load, t->readings));
    return t;
}

void town_free(struct town *t)
{
    store_close(t->ledger);
    store_close(t->store);
    readings_free(t->readings);
    free(t);
}

int town_open(void **state)
{
    *state = town_open_at(":memory:", ":memory:");
    return 0;
}

int town_close(void **state)
{
    town_free(*state);
    return 0;
}

void town_restart(struct town *t)
{
    readings_free(t->readings);
    wire(t);
    assert_ok(store_read(t->store, load, t->readings));
}

struct payment {
    int64_t account, fen, now;
};

static enum err pay(struct store_tx *tx, void *arg)
{
    const struct payment *p = arg;
    char key[64];
    snprintf(key, sizeof key, "pay:%lld", (long long)p->now);
    return ledger_post(tx,
                       &(struct ledger_entry){
                           .account_id = p->account, .key = key, .kind = "order.paid",
                           .now = {p->now}, .business_day = civil_local_day((wall_s){p->now}, ZONE),
                           .actor = "system",
                           .postings = {{LEDGER_CASH, -p->fen}, {LEDGER_PREPAYMENT, p->fen}}},
                       NULL);
}

void town_pay(struct town *t, int64_t account, int64_t fen, int64_t now)
{
    assert_ok(store_run(t->ledger, pay, &(struct payment){account, fen, now}));
}

/* --- readings ------------------------------------------------------------------------------------ */

struct saying {
    struct town *t;
    struct readings_batch batch;
    struct readings_moved moved;
};

static enum err ingest(struct store_tx *tx, void *arg)
{
    struct saying *s = arg;
    return readings_ingest(s->t->readings, tx, &s->batch, &s->moved);
}

static enum err follow(struct store_tx *tx, void *arg)
{
    struct saying *s = arg;
    return billing_moved(tx, s->t->readings, &s->moved, s->batch.now);
}

static void say(struct town *t, const struct uplink_reading *r)
{
    static uint8_t room[UPLINK_MESSAGE_MAX];
    struct uplink_reading copy = *r;
    int64_t seq = ++t->seq;
    struct uplink_message m = {
        .kind = UPLINK_READINGS, .epoch = 1, .seq = seq, .readings = {1, seq, &copy, 1}};
    struct writer w = writer_of(room, sizeof room);
    uplink_message_encode(&m, &w);
    assert_ok(w.err);
    struct saying s = {.t = t,
                       .batch = {.gateway_id = 3, .epoch = 1, .seq = seq, .now = r->at,
                                 .body = {room, w.len}, .readings = &m.readings}};
    assert_ok(store_run(t->store, ingest, &s));
    assert_ok(store_run(t->ledger, follow, &s));
}

void town_say(struct town *t, int64_t meter, int64_t epoch, int64_t at, ...)
{
    struct uplink_reading r = {.meter_id = meter, .epoch = epoch, .at = {at}};
    va_list args;
    va_start(args, at);
    for (int point = va_arg(args, int); point != 0; point = va_arg(args, int))
        r.points[r.point_count++] = (struct uplink_point){point, va_arg(args, int64_t)};
    va_end(args);
    say(t, &r);
}

void town_wh(struct town *t, int64_t meter, int64_t at, int64_t wh)
{
    town_say(t, meter, 1, at, POINT_ENERGY_WH, wh, POINT_ENERGY_RATE2_WH, wh, 0);
}

void town_run(struct town *t, int64_t meter, int64_t from, int64_t to, int64_t watts)
{
    for (int64_t at = from; at < to; at += 600)
        town_wh(t, meter, at, (at - T0) * watts / 3600 / 10 * 10);
}

/* --- settling ------------------------------------------------------------------------------------- */

void town_tick(struct town *t, int64_t now)
{
    size_t left = 1;
    for (int i = 0; left > 0; i++) {
        assert_true(i < 1000);
        assert_ok(billing_tick(&t->clerk, (wall_s){now}, 2, &left));
        store_flush(t->ledger);
    }
    assert_int_equal(t->clerk.failures, 0);
}

struct ask {
    struct town *t;
    int64_t account, now;
    struct billing_settled *settled;
    struct billing_outlook *outlook;
    int64_t fen;
    enum ledger_book book;
};

static enum err settle(struct store_tx *tx, void *arg)
{
    struct ask *a = arg;
    return billing_settle_account(tx, &a->t->clerk.billing, a->account, (wall_s){a->now},
                                  a->settled);
}

enum err town_settle(struct town *t, int64_t account, int64_t now, struct billing_settled *out)
{
    return store_run(t->ledger, settle,
                     &(struct ask){.t = t, .account = account, .now = now, .settled = out});
}

static enum err split(struct store_tx *tx, void *arg)
{
    struct ask *a = arg;
    return billing_split(tx, &a->t->clerk.billing, a->account, (wall_s){a->now});
}

enum err town_split(struct town *t, int64_t account, int64_t now)
{
    return store_run(t->ledger, split, &(struct ask){.t = t, .account = account, .now = now});
}

static enum err outlook(struct store_tx *tx, void *arg)
{
    struct ask *a = arg;
    return billing_outlook(tx, a->t->readings, a->account, (wall_s){a->now}, a->outlook);
}

enum err town_outlook(struct town *t, int64_t account, int64_t now, struct billing_outlook *out)
{
    return store_read(t->ledger, outlook,
                      &(struct ask){.t = t, .account = account, .now = now, .outlook = out});
}

static enum err book(struct store_tx *tx, void *arg)
{
    struct ask *a = arg;
    return ledger_balance(tx, a->account, a->book, &a->fen);
}

int64_t town_book(struct town *t, int64_t account, enum ledger_book which)
{
    struct ask a = {.t = t, .account = account, .book = which};
    assert_ok(store_read(t->ledger, book, &a));
    return a.fen;
}

/* --- deaths ---------------------------------------------------------------------------------------- */

static void one_round_and_die(const struct town_death *d)
{
    size_t left;
    struct town *t = town_open_at(d->ledger, d->readings);
    if (billing_tick(&t->clerk, (wall_s){d->now}, d->limit, &left) != ERR_OK)
        _exit(3);
    if (d->after)
        store_flush(t->ledger);
    raise(SIGKILL);
}

void town_killed_in_a_round(const struct town_death *d)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        one_round_and_die(d);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
