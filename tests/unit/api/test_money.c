/* Refunds, reversals, transfers and closings over the interface: who may what, and what comes of
 * it. */
#include "tests/unit/api/world.h"

#include <stdio.h>

#define ONE "/api/v1/accounts/1/money-requests"

static struct person cashier, finance;

static void set_up(struct world *w)
{
    world_person(w, AUTH_CASHIER, 1);
    world_person(w, AUTH_FINANCE, 1);
    cashier = world_login(w, "cashier");
    finance = world_login(w, "finance");
}

static struct reply sell(struct world *w, const char *order, int64_t fen)
{
    char body[160];
    snprintf(body, sizeof body, "{\"order_id\":\"%s\",\"amount_fen\":%lld,\"method\":\"cash\"}",
             order, (long long)fen);
    return world_post(w, &cashier, order, "/api/v1/accounts/1/orders", body);
}

static struct reply ask(struct world *w, const char *id, const char *kind, int64_t fen,
                        const char *to, const char *order)
{
    char body[400];
    snprintf(body, sizeof body,
             "{\"request_id\":\"%s\",\"kind\":\"%s\",\"amount_fen\":%lld,\"to\":\"%s\",\"order_"
             "id\":\"%s\","
             "\"reason\":\"moved out\"}",
             id, kind, (long long)fen, to, order);
    return world_post(w, &cashier, id, ONE, body);
}

static struct reply decide(struct world *w, const struct person *p, const char *id, const char *act)
{
    static int turn;
    char body[200], key[32];
    snprintf(body, sizeof body, "{\"request_id\":\"%s\",\"act\":\"%s\",\"note\":\"\"}", id, act);
    snprintf(key, sizeof key, "decide-%08d", turn++);
    return world_post(w, p, key, ONE "/decide", body);
}

static struct reply pay(struct world *w, const struct person *p, const char *id, const char *method)
{
    static int turn;
    char body[200], key[32];
    snprintf(body, sizeof body, "{\"request_id\":\"%s\",\"method\":\"%s\",\"reference\":\"\"}", id,
             method);
    snprintf(key, sizeof key, "payout-%08d", turn++);
    return world_post(w, p, key, ONE "/pay", body);
}

static void state_is(struct reply r, int status, const char *state)
{
    assert_int_equal(r.status, status);
    assert_string_equal(reply_text(&r, "state"), state);
    reply_free(&r);
}

static void test_refund_by_two(void **state)
{
    struct world *w = *state;
    set_up(w);
    check_reply(sell(w, "order-0001", 5'000), 201, NULL);
    check_reply(ask(w, "refund-01", "refund", 900'000, "", ""), 409, "VEND_FUNDS");
    check_reply(ask(w, "refund-02", "gift", 900, "", ""), 400, "API_FIELD");
    check_reply(ask(w, "refund-03", "refund", 900, "S2", ""), 400, "API_FIELD");
    check_reply(ask(w, "refund-04", "refund", 900, "", "order-0001"), 400, "API_FIELD");
    check_reply(ask(w, "transfer1", "transfer", 900, "nobody", ""), 400, "API_FIELD");
    state_is(ask(w, "refund-05", "refund", 900, "", ""), 201, "REQUESTED");
    check_reply(decide(w, &cashier, "refund-05", "approve"), 403, "AUTH_FORBIDDEN");
    check_reply(decide(w, &finance, "refund-05", "perhaps"), 400, "API_FIELD");
    check_reply(decide(w, &finance, "refund-99", "approve"), 404, "NOT_FOUND");
    check_reply(pay(w, &cashier, "refund-05", "cash"), 409, "STATE");
    state_is(decide(w, &finance, "refund-05", "approve"), 200, "APPROVED");
    check_reply(pay(w, &cashier, "refund-05", "cheque"), 422, "PAY_METHOD");
    state_is(pay(w, &cashier, "refund-05", "cash"), 200, "PAID");
    check_reply(decide(w, &finance, "refund-05", "reject"), 409, "STATE");
    struct reply r = world_get(w, &finance, "/api/v1/projects/1/money-requests?open=1");
    assert_int_equal(json_array_size(json_object_get(r.json, "requests")), 0);
    reply_free(&r);
    r = world_get(w, &finance, ONE);
    assert_int_equal(json_array_size(json_object_get(r.json, "requests")), 1);
    reply_free(&r);
    assert_int_equal(world_number(w, "SELECT amount_fen FROM balance WHERE book = 'refund'"), 900);
}

static void test_own_request_is_taken_back(void **state)
{
    struct world *w = *state;
    set_up(w);
    check_reply(sell(w, "order-0001", 5'000), 201, NULL);
    state_is(ask(w, "refund-01", "refund", 900, "", ""), 201, "REQUESTED");
    state_is(decide(w, &cashier, "refund-01", "reject"), 200, "REJECTED");
    assert_int_equal(world_number(w, "SELECT amount_fen FROM balance WHERE book = 'held'"), 0);
}

static void test_reversal_and_closing(void **state)
{
    struct world *w = *state;
    set_up(w);
    check_reply(sell(w, "order-0001", 5'000), 201, NULL);
    state_is(ask(w, "reverse-1", "reversal", 0, "", "order-0001"), 201, "REQUESTED");
    check_reply(ask(w, "reverse-2", "reversal", 0, "", "order-0001"), 409, "PAY_TWICE");
    check_reply(ask(w, "closing-1", "close", 0, "", ""), 409, "PAY_OPEN");
    state_is(decide(w, &finance, "reverse-1", "approve"), 200, "APPROVED");
    state_is(pay(w, &finance, "reverse-1", "bank"), 200, "PAID");
    state_is(ask(w, "closing-1", "close", 0, "", ""), 201, "REQUESTED");
    state_is(decide(w, &finance, "closing-1", "approve"), 200, "APPROVED");
    check_reply(sell(w, "order-0002", 5'000), 409, "VEND_CLOSED");
}

static void test_policy(void **state)
{
    struct world *w = *state;
    static const char path[] = "/api/v1/projects/1/pay-policy";
    set_up(w);
    check_reply(world_post(w, &cashier, "policy-0001", path,
                           "{\"one_person_fen\":1000,\"reversal_days\":3}"),
                403, "AUTH_FORBIDDEN");
    check_reply(world_post(w, &finance, "policy-0002", path,
                           "{\"one_person_fen\":1000,\"reversal_days\":32}"),
                422, "RANGE");
    check_reply(world_post(w, &finance, "policy-0003", path,
                           "{\"one_person_fen\":1000,\"reversal_days\":3}"),
                200, NULL);
    struct reply r = world_get(w, &cashier, path);
    assert_int_equal(reply_int(&r, "reversal_days"), 3);
    reply_free(&r);
    check_reply(sell(w, "order-0001", 5'000), 201, NULL);
    state_is(ask(w, "refund-01", "refund", 1'000, "", ""), 201, "APPROVED");
}

static struct reply exchange_by(struct world *w, const struct person *p, const char *key,
                                const char *id, int epoch, const char *address)
{
    char body[800];
    snprintf(body, sizeof body,
             "{\"exchange_id\":\"%s\",\"epoch\":%d,\"address\":\"%s\",\"model\":\"yufu-dorm3\","
             "\"closing_total_wh\":0,\"closing_sharp_wh\":0,\"closing_peak_wh\":0,"
             "\"closing_flat_wh\":0,\"closing_valley_wh\":0,\"opening_total_wh\":500,"
             "\"opening_sharp_wh\":0,\"opening_peak_wh\":0,\"opening_flat_wh\":0,"
             "\"opening_valley_wh\":0,\"display_fen\":0,\"display_read\":false,\"keep\":false,"
             "\"evidence\":\"order 17\"}",
             id, epoch, address);
    return world_post(w, p, key, "/api/v1/meters/1/exchange", body);
}

static struct reply exchange(struct world *w, const struct person *p, const char *id, int epoch,
                             const char *address)
{
    return exchange_by(w, p, id, id, epoch, address);
}

static void test_exchange(void **state)
{
    struct world *w = *state;
    set_up(w);
    world_person(w, AUTH_ENGINEER, 1);
    struct person engineer = world_login(w, "engineer");
    check_reply(exchange(w, &cashier, "exchange-0", 1, "000000000099"), 403, "AUTH_FORBIDDEN");
    check_reply(exchange(w, &engineer, "exchange-1", 1, "00000000009x"), 422, "SITE_METER");
    check_reply(exchange(w, &engineer, "exchange-2", 1, "99"), 400, "API_FIELD");
    struct reply r = exchange(w, &engineer, "exchange-3", 1, "000000000099");
    assert_int_equal(r.status, 200);
    assert_int_equal(reply_int(&r, "epoch"), 2);
    reply_free(&r);
    check_reply(exchange(w, &engineer, "exchange-4", 1, "000000000098"), 409, "PAY_EPOCH");
    r = world_get(w, &finance, "/api/v1/accounts/1/exchanges");
    const json_t *one = json_array_get(json_object_get(r.json, "exchanges"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "evidence")), "order 17");
    assert_true(json_is_null(json_object_get(one, "display_fen")));
    reply_free(&r);
    /* told once, however often it is asked for */
    assert_int_equal(world_number(w, "SELECT count(*) FROM event WHERE kind = 'meter.exchanged' "
                                     "AND meter_id = 1 AND account_id = 1 "
                                     "AND detail LIKE '%\"new\":\"000000000099\"%'"),
                     1);
    r = exchange_by(w, &engineer, "exchange-3b", "exchange-3", 1, "000000000099");
    assert_int_equal(r.status, 200);
    reply_free(&r);
    assert_int_equal(world_number(w, "SELECT count(*) FROM event WHERE kind = 'meter.exchanged'"),
                     1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_refund_by_two), CASE(test_own_request_is_taken_back),
        CASE(test_reversal_and_closing), CASE(test_policy), CASE(test_exchange)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
