#include "tests/unit/control/fee_world.h"
#include "tests/unit/store_sql.h"

void sql(struct world *w, const char *text)
{
    sql_run(w->ledger, text);
}

int64_t number(struct world *w, const char *text)
{
    return sql_number(w->ledger, text);
}

static void fill(struct world *w)
{
    sql(w, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')");
    sql(w, "INSERT INTO project (id, organisation_id, code, name, zone) "
           "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')");
    sql(w, "INSERT INTO place (id, project_id, kind, code, name) VALUES (1, 1, 'room', 'A', 'A')");
    sql(w, "INSERT INTO gateway (id, project_id, serial, name) VALUES (3, 1, 'g', 'g')");
    sql(w, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
           "VALUES (1, 3, 1, 'tcp:1', 2400, 'E')");
    sql(w, "INSERT INTO price_plan (id, project_id, code, version, effective_at, body) "
           "VALUES (1, 1, 'flat', 1, 1, '{\"kind\":\"flat\",\"price\":\"1.00\"}')");
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "VALUES (1, 1, 's', 1, 1, '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}')");
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, contract_at, opened_at) "
           "VALUES (7, 1, 1, 'a7', 'a7', 'platform', 'flat', 's', 5, 1)");
    sql(w,
        "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, kind) "
        "VALUES (11, 1, 7, 1, 1, '000000000011', 'yufu-shop3', 'electricity')");
}

static void open_ledger(struct world *w)
{
    assert_ok(
        store_open(&w->ledger, &(struct store_config){.kind = STORE_LEDGER,
                                                      .path = w->path ? w->path : ":memory:"}));
}

struct world *world_new(const char *path)
{
    struct world *w = calloc(1, sizeof *w);
    w->now.s = NOON;
    w->path = path;
    open_ledger(w);
    assert_ok(store_open(&w->readings_store,
                         &(struct store_config){.kind = STORE_READINGS, .path = ":memory:"}));
    assert_ok(readings_new(&w->readings));
    fill(w);
    return w;
}

int setup(void **state)
{
    *state = world_new(NULL);
    return 0;
}

static enum err load(struct store_tx *tx, void *arg)
{
    return readings_load(arg, tx);
}

void restart(struct world *w)
{
    store_close(w->ledger);
    readings_free(w->readings);
    open_ledger(w);
    assert_ok(readings_new(&w->readings));
    assert_ok(store_read(w->readings_store, load, w->readings));
}

int teardown(void **state)
{
    struct world *w = *state;
    readings_free(w->readings);
    store_close(w->readings_store);
    store_close(w->ledger);
    free(w);
    return 0;
}

/* --- acts
 * ------------------------------------------------------------------------------------------ */

static enum err ingest(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct readings_moved moved;
    struct uplink_reading r = {.meter_id = METER,
                               .epoch = 1,
                               .at = w->now,
                               .points = {{POINT_ENERGY_WH, w->energy_wh},
                                          {POINT_ENERGY_RATE1_WH, 0},
                                          {POINT_ENERGY_RATE2_WH, 0},
                                          {POINT_ENERGY_RATE3_WH, w->energy_wh},
                                          {POINT_ENERGY_RATE4_WH, 0},
                                          {POINT_RELAY_OPEN, w->relay_open},
                                          {POINT_KEEP_POWER, 0},
                                          {POINT_BALANCE_FEN, w->balance_fen},
                                          {POINT_PURCHASE_COUNT, 0},
                                          {POINT_PURCHASED_FEN, 0}},
                               .point_count = 10};
    struct uplink_reading both[2] = {r, r};
    both[1].meter_id = METER + 1;
    both[1].points[0].value = both[1].points[3].value = 0;
    both[1].points[5].value = 0; /* closed */
    struct uplink_readings batch = {
        .seq_epoch = 1, .seq = ++w->seq, .readings = both, .count = w->neighbour ? 2 : 1};
    uint8_t body[4096];
    struct writer out = writer_of(body, sizeof body);
    uplink_message_encode(
        &(struct uplink_message){
            .kind = UPLINK_READINGS, .epoch = 1, .seq = w->seq, .readings = batch},
        &out);
    return readings_ingest(w->readings, tx,
                           &(struct readings_batch){3, 1, w->seq, w->now, {body, out.len}, &batch},
                           &moved);
}

enum err check(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return control_fee_check(
        tx, &(struct control_fee){w->readings, ACCOUNT, w->now, ++w->random * 12'345});
}

static enum err check_reading(struct store_tx *tx, struct world *w)
{
    if (!w->leave_alone)
        return check(tx, w);
    return control_fee_reading(
        tx, &(struct control_fee){w->readings, ACCOUNT, w->now, ++w->random * 12'345});
}

static enum err follow(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct readings_moved moved = {.count = w->neighbour ? 2 : 1};
    for (size_t i = 0; i < moved.count; i++) {
        moved.meter[i].meter_id = METER + (int64_t)i;
        moved.meter[i].change = READINGS_ENERGY;
    }
    TRY(billing_moved(tx, w->readings, &moved, w->now));
    TRY(control_reading(tx, &(struct control_report){.meter_id = METER,
                                                     .relay_open = w->relay_open,
                                                     .keep_power = 0,
                                                     .open_reason = 1,
                                                     .energy_wh = w->energy_wh,
                                                     .at = w->now,
                                                     .now = w->now,
                                                     .random = ++w->random * 999}));
    return check_reading(tx, w);
}

/* Time passes, the meter is read, the loop runs. */
void reading(struct world *w, int64_t after_s, int64_t used_wh)
{
    w->now.s += after_s;
    w->energy_wh += used_wh;
    assert_ok(store_run(w->readings_store, ingest, w));
    assert_ok(store_run(w->ledger, follow, w));
}

struct sale {
    struct world *w;
    const char *order;
    int64_t amount_fen;
};

static enum err sell(struct store_tx *tx, void *arg)
{
    struct sale *s = arg;
    struct vend_status out;
    return vend_sell(tx,
                     &(struct vend_sale){.account_id = ACCOUNT,
                                         .order_id = s->order,
                                         .amount_fen = s->amount_fen,
                                         .method = "cash",
                                         .actor = "user:1",
                                         .now = s->w->now,
                                         .random = ++s->w->random * 54'321,
                                         .readings = s->w->readings},
                     &out);
}

enum err try_pay(struct world *w, const char *order, int64_t amount_fen)
{
    struct sale s = {w, order, amount_fen};
    return store_run(w->ledger, sell, &s);
}

void pay(struct world *w, const char *order, int64_t amount_fen)
{
    struct sale s = {w, order, amount_fen};
    assert_ok(store_run(w->ledger, sell, &s));
}

static enum err delivered(void *arg, struct store_tx *tx, const struct notify_message *m, wall_s at)
{
    (void)arg;
    return control_fee_notice(tx, &(struct control_notice){m->account_id, m->level, m->episode, at,
                                                           notify_template_name(m->template),
                                                           m->subject, m->channel});
}

static enum err notify(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct notify n = {.channels = {&notify_console}, .delivered = delivered, .arg = w};
    struct notify_done done;
    TRY(notify_run(&n, tx, w->now, 10, &done));
    return done.refused ? ERR_BUG : ERR_OK;
}

enum err ask_credit(struct store_tx *tx, void *world)
{
    struct world *w = world;
    return control_emergency(tx,
                             &(struct control_request){.readings = w->readings,
                                                       .account_id = ACCOUNT,
                                                       .actor = "account:7",
                                                       .now = w->now,
                                                       .random = ++w->random * 31},
                             NULL);
}

void deliver(struct world *w)
{
    assert_ok(store_run(w->ledger, notify, w));
}

static enum err answer_relay(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t version;
    TRY(store_int(tx, &version, "SELECT version FROM relay WHERE meter_id = 11", ""));
    struct uplink_outcome o = {.kind = UPLINK_RELAY,
                               .meter_id = METER,
                               .epoch = 1,
                               .status = UPLINK_DONE,
                               .at = w->now,
                               .version = version,
                               .relay_open = w->relay_open,
                               .keep_power = -1};
    return control_outcome(tx, &o, w->now, ++w->random * 777);
}

void relay_does(struct world *w, bool open)
{
    w->relay_open = open;
    assert_ok(store_run(w->ledger, answer_relay, w));
}

int64_t level(struct world *w)
{
    return number(w, "SELECT level FROM fee_state WHERE account_id = 7");
}

bool wished(struct world *w, const char *desired)
{
    static char texts[3][96]; /* one text a word: statements are known by their address */
    char *text = texts[desired[0] == 'o' ? 0 : desired[0] == 'c' ? 1 : 2];
    snprintf(text, sizeof texts[0], "SELECT count(*) FROM relay WHERE desired = '%s'", desired);
    return number(w, text) == 1;
}

bool decided(struct world *w, const char *part)
{
    static char texts[32][128];
    static size_t used;
    size_t i = 0;
    while (i < used && !strstr(texts[i], part))
        i++;
    if (i == used)
        used++;
    assert_true(used <= 32);
    snprintf(texts[i], sizeof texts[0],
             "SELECT count(*) FROM fee_state WHERE decision LIKE '%%\"%s\"%%'", part);
    return number(w, texts[i]) == 1;
}

void near_the_end(struct world *w)
{
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true,\"away_hours\":24}}'");
    pay(w, "order-0001", 4000);
    reading(w, 60, 0);
    reading(w, 3600, 15'000);
    deliver(w);
    reading(w, 3600, 17'000);
    assert_int_equal(level(w), 2);
    assert_int_equal(number(w, "SELECT count(*) FROM permit"), 0); /* no notice of it yet */
    deliver(w);
    sql(w, "UPDATE gateway SET last_seen = 4000000000"); /* it can be reached */
    reading(w, 60, 0);
}
