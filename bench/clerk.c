/*
 * One day's settlement of many accounts by the platform's own clerk (billing_tick), in real files:
 * the day of every account ends at once, as at midnight.
 *   clerk DIR ACCOUNTS
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "billing/billing.h"

#define DAY INT64_C(86'400)
#define OFFSET_S (8 * 3600)
#define START (20'500 * DAY - OFFSET_S) /* midnight in UTC+8 */
#define LIMIT 500                       /* accounts a turn, as the platform does */
#define IDLE 100                        /* turns without anything due */
#define READINGS 40                     /* in a message */

struct town {
    struct store *ledger, *store;
    struct readings *readings;
    struct billing_clerk clerk;
    int64_t accounts, seq;
};

static void must(enum err e, const char *what)
{
    if (e == ERR_OK)
        return;
    fprintf(stderr, "clerk: %s: %s\n", what, err_name(e));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

/* Of this process on its processor: what a busy machine does not change. */
static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- the town --------------------------------------------------------------------------------- */

static enum err found(struct store_tx *tx, void *arg)
{
    const struct town *t = arg;
    TRY(store_exec(tx, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')", ""));
    TRY(store_exec(tx,
                   "INSERT INTO project (id, organisation_id, code, name, zone) "
                   "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')",
                   ""));
    TRY(store_exec(tx,
                   "INSERT INTO place (id, project_id, kind, code, name) "
                   "VALUES (1, 1, 'room', 'A', 'A')",
                   ""));
    TRY(store_exec(tx, "INSERT INTO gateway (id, project_id, serial, name) VALUES (3, 1, 'g', 'g')",
                   ""));
    TRY(store_exec(tx,
                   "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
                   "VALUES (1, 3, 1, 'tcp:1', 2400, 'E')",
                   ""));
    TRY(store_exec(tx,
                   "INSERT INTO price_plan VALUES (1, 1, 'flat', 1, 1, "
                   "'{\"kind\":\"flat\",\"price\":\"0.5\"}'), (2, 1, 'tou', 1, 1, "
                   "'{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[{\"from\":"
                   "\"00:00\",\"to\":\"24:00\",\"rate\":\"peak\"}]}'), (3, 1, 'ladder', 1, 1, "
                   "'{\"kind\":\"ladder\",\"cycle\":\"month\",\"steps\":[{\"to\":\"240\",\"price\":"
                   "\"0.4883\"},{\"to\":\"400\",\"price\":\"0.5383\"},{\"price\":\"0.7883\"}],"
                   "\"fees\":[{\"code\":\"meter\",\"per\":\"day\",\"price\":\"0.05\"}]}')",
                   ""));
    TRY(store_exec(tx,
                   "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < $1) "
                   "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
                   "strategy_code, opened_at) SELECT i, 1, 1, 'a' || i, 'a' || i, 'platform', "
                   "CASE i % 3 WHEN 0 THEN 'flat' WHEN 1 THEN 'tou' ELSE 'ladder' END, 's', 1 "
                   "FROM n",
                   "i", t->accounts));
    return store_exec(
        tx,
        "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, kind) "
        "SELECT id, 1, id, 1, 1, id, 'yufu-shop3p', 'electricity' FROM account",
        "");
}

static enum err place(struct store_tx *tx, void *arg)
{
    return billing_place_meters(tx, arg);
}

/* --- readings --------------------------------------------------------------------------------- */

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

static void say(struct town *t, int64_t first, size_t count, int64_t at, int64_t wh)
{
    static uint8_t room[UPLINK_MESSAGE_MAX];
    static struct uplink_reading list[READINGS];
    static struct saying s;
    int64_t seq = ++t->seq;
    for (size_t i = 0; i < count; i++) {
        list[i] = (struct uplink_reading){
            .meter_id = first + (int64_t)i, .epoch = 1, .at = {at}, .point_count = 2};
        list[i].points[0] = (struct uplink_point){POINT_ENERGY_WH, wh};
        list[i].points[1] = (struct uplink_point){POINT_ENERGY_RATE2_WH, wh};
    }
    struct uplink_message m = {
        .kind = UPLINK_READINGS, .epoch = 1, .seq = seq, .readings = {1, seq, list, count}};
    struct writer w = writer_of(room, sizeof room);
    uplink_message_encode(&m, &w);
    must(w.err, "encode");
    s = (struct saying){.t = t,
                        .batch = {.gateway_id = 3,
                                  .epoch = 1,
                                  .seq = seq,
                                  .now = {at},
                                  .body = {room, w.len},
                                  .readings = &m.readings}};
    must(store_run(t->store, ingest, &s), "ingest");
    store_submit(t->ledger, follow, NULL, &s);
    store_flush(t->ledger);
}

static void read_all(struct town *t, int64_t at, int64_t wh)
{
    for (int64_t first = 1; first <= t->accounts; first += READINGS) {
        int64_t left = t->accounts - first + 1;
        say(t, first, left < READINGS ? (size_t)left : READINGS, at, wh);
    }
}

/* --- the night -------------------------------------------------------------------------------- */

static void night(struct town *t, int64_t now)
{
    size_t left = 1, turns = 0;
    int64_t from = now_ns(), before = t->clerk.settlements;
    double cpu = cpu_s();
    for (; left > 0; turns++) {
        must(billing_tick(&t->clerk, (wall_s){now}, LIMIT, &left), "billing_tick");
        store_flush(t->ledger);
    }
    double s = (double)(now_ns() - from) / 1e9;
    int64_t settled = t->clerk.settlements - before;
    printf("%" PRId64
           " settlements in %.2f s (%.2f s of processor): %.0f a second, %zu turns, %" PRId64
           " failures\n",
           settled, s, cpu_s() - cpu, (double)settled / s, turns, t->clerk.failures);
    cpu = cpu_s();
    for (int i = 0; i < IDLE; i++) {
        must(billing_tick(&t->clerk, (wall_s){now + i}, LIMIT, &left), "billing_tick");
        store_flush(t->ledger);
    }
    printf("a turn without anything due: %.1f ms of processor\n", (cpu_s() - cpu) / IDLE * 1e3);
    if (settled < t->accounts || t->clerk.failures != 0)
        exit(1);
}

static void path(char out[512], const char *dir, const char *name)
{
    snprintf(out, 512, "%s/%s", dir, name);
}

int main(int argc, char **argv)
{
    char ledger[512], readings[512];
    struct town t = {.accounts = argc == 3 ? strtoll(argv[2], NULL, 10) : 0};
    if (t.accounts < 1) {
        fprintf(stderr, "usage: clerk DIR ACCOUNTS\n");
        return 2;
    }
    path(ledger, argv[1], "ledger.db");
    path(readings, argv[1], "readings.db");
    must(store_open(&t.ledger, &(struct store_config){.kind = STORE_LEDGER, .path = ledger}),
         "ledger");
    must(store_open(&t.store, &(struct store_config){.kind = STORE_READINGS, .path = readings}),
         "readings");
    must(store_run(t.ledger, found, &t), "found");
    must(readings_new(&t.readings), "readings");
    t.clerk = (struct billing_clerk){.billing = {.readings = t.readings, .readings_store = t.store},
                                     .ledger = t.ledger};
    must(store_read(t.ledger, place, t.readings), "place");
    int64_t from = now_ns();
    read_all(&t, START + 5, 1000);
    read_all(&t, START + DAY - 5, 9000);
    read_all(&t, START + DAY + 5, 9010);
    printf("%" PRId64 " readings taken in %.1f s\n", 3 * t.accounts,
           (double)(now_ns() - from) / 1e9);
    night(&t, START + DAY + 60);
    read_all(&t, START + 2 * DAY - 5, 17000);
    night(&t, START + 2 * DAY + 60);
    store_close(t.ledger);
    store_close(t.store);
    readings_free(t.readings);
    return 0;
}
