/* What an account's page says of the days to come. */
#include <string.h>
#include <time.h>

#include "tests/unit/api/world.h"

#define METER 1
#define DAY_WH 4000

static int64_t now_s;

static enum err ingest(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct readings_moved moved;
    struct uplink_reading r = {.meter_id = METER,
                               .epoch = 1,
                               .at = {now_s},
                               .points = {{POINT_ENERGY_WH, 100'000},
                                          {POINT_ENERGY_RATE1_WH, 0},
                                          {POINT_ENERGY_RATE2_WH, 0},
                                          {POINT_ENERGY_RATE3_WH, 100'000},
                                          {POINT_ENERGY_RATE4_WH, 0}},
                               .point_count = 5};
    struct uplink_readings batch = {.seq_epoch = 1, .seq = 1, .readings = &r, .count = 1};
    uint8_t body[4096];
    struct writer out = writer_of(body, sizeof body);
    uplink_message_encode(
        &(struct uplink_message){.kind = UPLINK_READINGS, .epoch = 1, .seq = 1, .readings = batch},
        &out);
    return readings_ingest(w->readings, tx,
                           &(struct readings_batch){1, 1, 1, {now_s}, {body, out.len}, &batch},
                           &moved);
}

/* A charge is open, and four weeks of the same use are settled. */
static enum err settle_weeks(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t today = (now_s + 28'800) / 86'400, midnight_s = today * 86'400 - 28'800;
    TRY(billing_open(tx, w->readings, METER, (wall_s){now_s}));
    for (int64_t d = 1; d <= 28; d++)
        TRY(store_exec(tx,
                       "INSERT INTO settlement (account_id, meter_id, epoch, opened_at, "
                       "closed_at, business_day, amount_fen, energy_wh, bill) VALUES (1, 1, 1, $1, "
                       "$2, $3, 0, $4, '{}')",
                       "iiii", midnight_s - d * 86'400, midnight_s - (d - 1) * 86'400, today - d,
                       (int64_t)DAY_WH));
    return ERR_OK;
}

static void test_days_that_the_money_covers(void **state)
{
    struct world *w = *state;
    world_person(w, AUTH_CASHIER, 1);
    struct person p = world_login(w, "cashier");
    now_s = time(NULL);
    struct reply r = world_get(w, &p, "/api/v1/accounts/1");
    const json_t *balance = json_object_get(r.json, "balance");
    assert_true(json_is_null(json_object_get(balance, "foreseen"))); /* nothing to go by */
    reply_free(&r);
    check_reply(world_post(w, &p, "key-00000001", "/api/v1/accounts/1/orders",
                           "{\"order_id\":\"order-0001\",\"amount_fen\":2000,"
                           "\"method\":\"cash\"}"),
                201, "-");
    assert_ok(store_run(w->readings_store, ingest, w));
    assert_ok(store_run(w->ledger, settle_weeks, w));
    r = world_get(w, &p, "/api/v1/accounts/1");
    const json_t *f = json_object_get(json_object_get(r.json, "balance"), "foreseen");
    assert_true(json_is_object(f));
    /* 20 yuan at 4 kWh a day and 0.5883 yuan a kWh: 2.3532 a day */
    assert_int_equal(json_integer_value(json_object_get(f, "p50")), 8);
    assert_true(json_integer_value(json_object_get(f, "p50")) >=
                json_integer_value(json_object_get(f, "p90")));
    assert_true(json_integer_value(json_object_get(f, "p90")) >=
                json_integer_value(json_object_get(f, "p99")));
    assert_non_null(strstr(json_string_value(json_object_get(json_object_get(f, "reason"), "en")),
                           "28 similar days"));
    assert_true(json_is_false(json_object_get(f, "selected")));
    reply_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_days_that_the_money_covers, world_open, world_close)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
