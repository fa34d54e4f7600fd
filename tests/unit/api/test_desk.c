/* The cash desk, runs, other services and late fees over the interface. */
#include "tests/unit/api/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "ledger/ledger.h"
#include "pay/late.h"
#include "pay/run.h"
#include "readings/readings.h"

#define P "/api/v1/projects/1/"
#define A "/api/v1/accounts/1/"
#define DAY_S 86'400

static struct person somebody(struct world *w, enum auth_role role)
{
    world_person(w, role, 1);
    return world_login(w, auth_role_name(role));
}

static struct reply post(struct world *w, const struct person *p, const char *path,
                         const char *body)
{
    static int number;
    char key[32];
    snprintf(key, sizeof key, "desk-key-%06d", ++number);
    return world_post(w, p, key, path, body);
}

/* YYYYMMDD of the project's day, some days from now. */
static int64_t day(const struct world *w, int days)
{
    struct civil c = civil_from_wall((wall_s){io_wall(w->io).s + (int64_t)days * DAY_S}, 28'800);
    return c.year * 10'000 + c.month * 100 + c.day;
}

static void test_a_shift_over_the_interface(void **state)
{
    struct world *w = *state;
    struct person cashier = somebody(w, AUTH_CASHIER), finance = somebody(w, AUTH_FINANCE);
    check_reply(post(w, &cashier, P "cash-policy",
                     "{\"need_shift\":true,\"fee_permyriad\":500,\"share_as_energy\":false}"),
                403, "AUTH_FORBIDDEN");
    check_reply(post(w, &finance, P "cash-policy",
                     "{\"need_shift\":true,\"fee_permyriad\":500,\"share_as_energy\":false}"),
                200, "-");
    const char *sale = "{\"order_id\":\"order-0001\",\"amount_fen\":10000,\"method\":\"cash\"}";
    check_reply(post(w, &cashier, A "orders", sale), 409, "SHIFT_NONE");
    check_reply(post(w, &cashier, P "shifts/count", "{\"counted_fen\":1}"), 409, "SHIFT_NONE");
    check_reply(post(w, &cashier, P "shifts/open", "{\"float_fen\":20000}"), 201, "-");
    check_reply(post(w, &cashier, P "shifts/open", "{\"float_fen\":20000}"), 409, "SHIFT_OPEN");
    struct reply r = post(w, &cashier, A "orders", sale);
    assert_int_equal(r.status, 201);
    assert_int_equal(reply_int(&r, "amount_fen"), 9'500);
    assert_int_equal(reply_int(&r, "paid_fen"), 10'000);
    assert_int_equal(reply_int(&r, "fee_fen"), 500);
    reply_free(&r);
    /* Blind: nothing tells what should be there. */
    r = world_get(w, &cashier, P "shifts");
    json_t *mine = json_object_get(r.json, "mine");
    assert_null(json_object_get(mine, "expected_fen"));
    assert_null(json_object_get(mine, "in_fen"));
    assert_int_equal(json_integer_value(json_object_get(mine, "entries")), 2);
    reply_free(&r);
    r = world_get(w, &cashier, P "days"); /* nor does the day say what is in the till */
    json_t *today = json_array_get(json_object_get(r.json, "days"), 0);
    assert_int_equal(json_integer_value(json_object_get(today, "unclosed")), 1);
    assert_true(json_is_null(json_object_get(today, "till_in_fen")));
    assert_true(json_is_null(json_object_get(today, "book_in_fen")));
    assert_true(json_is_null(json_object_get(today, "outside_in_fen")));
    reply_free(&r);
    check_reply(post(w, &finance, P "shifts/close", "{\"id\":1,\"note\":\"\"}"), 409,
                "SHIFT_STATE");
    r = post(w, &cashier, P "shifts/count", "{\"counted_fen\":29900}");
    assert_int_equal(reply_int(&r, "expected_fen"), 30'000);
    assert_int_equal(reply_int(&r, "difference_fen"), -100);
    reply_free(&r);
    check_reply(post(w, &cashier, P "shifts/close", "{\"id\":1,\"note\":\"x\"}"), 409,
                "SHIFT_PERSON");
    check_reply(post(w, &finance, P "shifts/close", "{\"id\":1,\"note\":\"\"}"), 422, "SHIFT_NOTE");
    check_reply(post(w, &finance, P "shifts/close", "{\"id\":1,\"note\":\"a coin fell\"}"), 200,
                "-");
    r = world_get(w, &finance, P "shifts");
    assert_true(json_is_null(json_object_get(r.json, "mine")));
    assert_int_equal(json_array_size(json_object_get(r.json, "shifts")), 1);
    reply_free(&r);
}

static void test_days(void **state)
{
    struct world *w = *state;
    struct person cashier = somebody(w, AUTH_CASHIER), finance = somebody(w, AUTH_FINANCE);
    char body[96];
    check_reply(post(w, &cashier, A "orders",
                     "{\"order_id\":\"order-0001\",\"amount_fen\":100,\"method\":\"cash\"}"),
                201, "-");
    struct reply r = world_get(w, &finance, P "days");
    json_t *today = json_array_get(json_object_get(r.json, "days"), 0);
    assert_int_equal(json_integer_value(json_object_get(today, "day")), day(w, 0));
    /* Whoever closes the day says it from paper, and is not told first. */
    assert_true(json_is_null(json_object_get(today, "book_in_fen")));
    assert_true(json_is_null(json_object_get(today, "outside_in_fen")));
    reply_free(&r);
    snprintf(body, sizeof body, "{\"day\":%lld,\"outside_fen\":100,\"note\":\"\"}",
             (long long)day(w, 0));
    check_reply(post(w, &finance, P "days/close", body), 409, "DAY_OPEN");
    snprintf(body, sizeof body, "{\"day\":%lld,\"outside_fen\":1,\"note\":\"\"}",
             (long long)day(w, -1));
    check_reply(post(w, &finance, P "days/close", body), 409, "DAY_OUTSIDE");
    snprintf(body, sizeof body, "{\"day\":%lld,\"outside_fen\":0,\"note\":\"\"}",
             (long long)day(w, -1));
    check_reply(post(w, &cashier, P "days/close", body), 403, "AUTH_FORBIDDEN");
    r = post(w, &finance, P "days/close", body);
    assert_int_equal(r.status, 200);
    assert_true(json_is_integer(json_object_get(r.json, "book_in_fen")));
    reply_free(&r);
    check_reply(post(w, &finance, P "days/close", body), 409, "DAY_CLOSED");
    check_reply(
        post(w, &finance, P "days/close", "{\"day\":20260230,\"outside_fen\":0,\"note\":\"\"}"),
        400, "API_FIELD");
    check_reply(world_get(w, &finance, P "days?before=20260230"), 400, "API_FIELD");
}

/* --- a month ------------------------------------------------------------------------------- */

static void test_a_month_as_far_as_it_is_closed(void **state)
{
    struct world *w = *state;
    struct person finance = somebody(w, AUTH_FINANCE);
    struct person engineer = somebody(w, AUTH_ENGINEER);
    char path[64];
    snprintf(path, sizeof path, P "month?month=%lld", (long long)(day(w, -40) / 100));
    struct reply r = world_get(w, &finance, path);
    assert_int_equal(r.status, 200);
    assert_int_equal(reply_int(&r, "month"), day(w, -40) / 100);
    assert_int_equal(reply_int(&r, "to"), reply_int(&r, "last"));
    assert_int_equal(reply_int(&r, "accounts"), 2);
    assert_int_equal(reply_int(&r, "difference_fen"), 0);
    assert_int_equal(json_array_size(json_object_get(r.json, "books")), 5);
    reply_free(&r);
    check_reply(world_get(w, &engineer, path), 403, "AUTH_FORBIDDEN");
    check_reply(world_get(w, &finance, P "month"), 422, "RANGE");
    check_reply(world_get(w, &finance, P "month?month=202513"), 422, "RANGE");
    check_reply(world_get(w, &finance, P "month?month=209901"), 422, "RANGE");
}

/* --- runs ---------------------------------------------------------------------------------- */

static enum err tick(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t worked;
    return run_tick(tx, &(struct run_turn){io_wall(w->io), 100, 5}, &worked);
}

/* A cashier may not, whoever keeps the books may. */
static void stop_it(struct world *w, struct person *keeper)
{
    struct person cashier = somebody(w, AUTH_CASHIER);
    const char *stop = "{\"id\":1,\"act\":\"stop\",\"note\":\"wait\"}";
    check_reply(post(w, &cashier, P "runs/decide", stop), 403, "AUTH_FORBIDDEN");
    check_reply(post(w, keeper, P "runs/decide", "{\"id\":1,\"act\":\"stop\",\"note\":\"\"}"), 422,
                "RUN_REASON");
    struct reply r = post(w, keeper, P "runs/decide", stop);
    assert_string_equal(reply_text(&r, "state"), "stopped");
    assert_string_equal(reply_text(&r, "stop_reason"), "wait");
    assert_true(reply_int(&r, "stopped_at") > 0);
    reply_free(&r);
    r = post(w, keeper, P "runs/decide", "{\"id\":1,\"act\":\"resume\",\"note\":\"\"}");
    assert_string_equal(reply_text(&r, "state"), "reversing");
    assert_true(json_is_null(json_object_get(r.json, "stopped_at")));
    reply_free(&r);
    check_reply(post(w, keeper, P "runs/decide", stop), 200, "-");
    r = post(w, keeper, P "runs/decide", "{\"id\":1,\"act\":\"give_up\",\"note\":\"right\"}");
    assert_string_equal(reply_text(&r, "state"), "done");
    assert_true(reply_int(&r, "given_up_at") > 0);
    reply_free(&r);
}

static void test_free_credit(void **state)
{
    struct world *w = *state;
    struct person finance = somebody(w, AUTH_FINANCE), manager = somebody(w, AUTH_MANAGER);
    const char *bed =
        "{\"code\":\"bed\",\"period\":\"2026-11\",\"title\":\"Beds\",\"place\":\"\","
        "\"members\":\"301,4\\n302\",\"method\":\"given\",\"each_fen\":300,\"last_day\":0}";
    struct reply r = post(w, &finance, P "runs/subsidy", bed);
    assert_int_equal(r.status, 201);
    assert_int_equal(reply_int(&r, "total_fen"), 1'500);
    reply_free(&r);
    check_reply(post(w, &finance, P "runs/subsidy", bed), 409, "RUN_TWICE");
    check_reply(post(w, &finance, P "runs/decide", "{\"id\":1,\"act\":\"approve\",\"note\":\"\"}"),
                409, "SHIFT_PERSON");
    check_reply(post(w, &manager, P "runs/decide", "{\"id\":1,\"act\":\"dance\",\"note\":\"\"}"),
                400, "API_FIELD");
    check_reply(post(w, &manager, P "runs/decide", "{\"id\":9,\"act\":\"approve\",\"note\":\"\"}"),
                404, "NOT_FOUND");
    check_reply(post(w, &manager, P "runs/decide", "{\"id\":1,\"act\":\"approve\",\"note\":\"\"}"),
                200, "-");
    assert_ok(store_run(w->ledger, tick, w));
    r = world_get(w, &finance, P "runs/lines?run=1");
    json_t *line = json_array_get(json_object_get(r.json, "lines"), 0);
    assert_int_equal(json_integer_value(json_object_get(line, "amount_fen")), 1'200);
    assert_true(json_is_true(json_object_get(line, "posted")));
    reply_free(&r);
    check_reply(post(w, &finance, P "runs/decide", "{\"id\":1,\"act\":\"reverse\",\"note\":\"\"}"),
                422, "RUN_REASON");
    check_reply(post(w, &finance, P "runs/decide", "{\"id\":1,\"act\":\"stop\",\"note\":\"x\"}"),
                409, "RUN_STATE");
    r = post(w, &finance, P "runs/decide",
             "{\"id\":1,\"act\":\"reverse\",\"note\":\"wrong list\"}");
    assert_string_equal(reply_text(&r, "state"), "reversing");
    reply_free(&r);
    stop_it(w, &manager);
    check_reply(world_get(w, &finance, P "runs"), 200, "-");
    check_reply(world_get(w, &finance, P "runs/lines"), 400, "API_FIELD");
    check_reply(world_get(w, &finance, P "runs/lines?run=7"), 404, "NOT_FOUND");
    check_reply(post(w, &finance, P "runs/subsidy",
                     "{\"code\":\"bed\",\"period\":\"2026-12\",\"title\":\"Beds\",\"place\":\"\","
                     "\"members\":\"999\",\"method\":\"given\",\"each_fen\":300,\"last_day\":0}"),
                422, "RUN_MEMBER");
    check_reply(
        post(w, &finance, P "runs/subsidy",
             "{\"code\":\"bed\",\"period\":\"2026-12\",\"title\":\"Beds\",\"place\":\"\","
             "\"members\":\"\",\"method\":\"given\",\"each_fen\":300,\"last_day\":20200101}"),
        422, "RANGE");
}

struct saying {
    struct world *w;
    struct readings_batch batch;
    struct readings_moved moved;
};

static enum err ingest(struct store_tx *tx, void *arg)
{
    struct saying *s = arg;
    return readings_ingest(s->w->readings, tx, &s->batch, &s->moved);
}

static void say(struct world *w, int64_t meter, int64_t at, int64_t wh)
{
    static uint8_t room[UPLINK_MESSAGE_MAX];
    static int64_t seq;
    struct uplink_reading r = {.meter_id = meter,
                               .epoch = 1,
                               .at = {at},
                               .points = {{POINT_ENERGY_WH, wh}},
                               .point_count = 1};
    struct uplink_message m = {
        .kind = UPLINK_READINGS, .epoch = 1, .seq = ++seq, .readings = {1, seq, &r, 1}};
    struct writer out = writer_of(room, sizeof room);
    uplink_message_encode(&m, &out);
    assert_ok(out.err);
    struct saying s = {.w = w,
                       .batch = {.gateway_id = 1,
                                 .epoch = 1,
                                 .seq = seq,
                                 .now = {at},
                                 .body = {room, out.len},
                                 .readings = &m.readings}};
    assert_ok(store_run(w->readings_store, ingest, &s));
}

static struct reply share(struct world *w, const struct person *p, const char *main,
                          const char *sub, int to)
{
    char body[400];
    snprintf(body, sizeof body,
             "{\"code\":\"hall\",\"period\":\"2026-11\",\"title\":\"Hall\",\"place\":\"\","
             "\"members\":\"301,60\\n302,30\",\"main_meters\":\"%s\",\"sub_meters\":\"%s\","
             "\"from_day\":%lld,\"to_day\":%lld,\"price_e8\":50000000,\"method\":\"given\"}",
             main, sub, (long long)day(w, -2), (long long)day(w, to));
    return post(w, p, P "runs/share", body);
}

static void test_common_usage(void **state)
{
    struct world *w = *state;
    struct person finance = somebody(w, AUTH_FINANCE);
    int64_t now = io_wall(w->io).s;
    int64_t evening = now - (now + 28'800) % DAY_S + 20 * 3'600; /* whatever the hour of the test */
    check_reply(share(w, &finance, "000000000001", "000000000002", -1), 422, "RUN_READING");
    say(w, 1, evening - 3 * DAY_S, 1'000'000);
    say(w, 2, evening - 3 * DAY_S, 50'000);
    say(w, 1, evening - 2 * DAY_S, 1'300'000);
    say(w, 2, evening - 2 * DAY_S, 250'000);
    check_reply(share(w, &finance, "000000000001", "000000000001", -1), 400, "API_FIELD");
    check_reply(share(w, &finance, "000000000003", "", -1), 400, "API_FIELD"); /* project B's */
    check_reply(share(w, &finance, "000000000001", "000000000002", 0), 422, "RANGE"); /* not over */
    check_reply(share(w, &finance, "000000000002", "000000000001", -1), 422, "RUN_USAGE");
    struct reply r = share(w, &finance, "000000000001", "000000000002", -1);
    assert_int_equal(r.status, 201);
    assert_int_equal(reply_int(&r, "total_fen"), 5'000); /* (300 - 200) kWh x 0.50 */
    assert_string_equal(reply_text(&r, "booking"), "services");
    json_t *evidence = json_object_get(r.json, "evidence");
    json_t *meter = json_array_get(json_object_get(evidence, "meters"), 0);
    assert_int_equal(json_integer_value(json_object_get(meter, "to_wh")), 1'300'000);
    reply_free(&r);
    r = world_get(w, &finance, P "runs/lines?run=1");
    json_t *line = json_array_get(json_object_get(r.json, "lines"), 1);
    assert_int_equal(json_integer_value(json_object_get(line, "amount_fen")), 1'667);
    reply_free(&r);
}

/* --- other services, late fees ------------------------------------------------------------- */

static void test_other_services_and_late_fees(void **state)
{
    struct world *w = *state;
    struct person cashier = somebody(w, AUTH_CASHIER), finance = somebody(w, AUTH_FINANCE);
    const char *rent = "{\"bill_id\":\"rent-2026-11\",\"service\":\"rent\",\"title\":\"Rent\","
                       "\"amount_fen\":9000}";
    check_reply(post(w, &cashier, A "dues", rent), 403, "AUTH_FORBIDDEN");
    check_reply(post(w, &finance, A "dues",
                     "{\"bill_id\":\"rent-2026-11\",\"service\":\"gold\",\"title\":\"R\","
                     "\"amount_fen\":9000}"),
                400, "API_FIELD");
    struct reply r = post(w, &finance, A "dues", rent);
    assert_int_equal(r.status, 201);
    assert_int_equal(reply_int(&r, "owed_fen"), 9'000);
    assert_null(json_object_get(r.json, "late_term"));
    reply_free(&r);
    check_reply(
        post(w, &cashier, A "dues/pay", "{\"payment_id\":\"paid-0001\",\"amount_fen\":9001}"), 409,
        "DUE_AMOUNT");
    check_reply(
        post(w, &cashier, A "dues/pay", "{\"payment_id\":\"paid-0001\",\"amount_fen\":4000}"), 200,
        "-");
    check_reply(
        post(w, &finance, A "dues/withdraw", "{\"bill_id\":\"rent-2026-12\",\"reason\":\"x\"}"),
        404, "NOT_FOUND");
    check_reply(
        post(w, &finance, A "dues/withdraw", "{\"bill_id\":\"rent-2026-11\",\"reason\":\"x\"}"),
        200, "-");
    const char *term = "{\"in_force\":true,\"ppm\":1000,\"next_years_ppm\":3000,\"grace_days\":10,"
                       "\"least_fen\":100,\"cap_permille\":1000,\"clause\":\"7.2\"}";
    r = post(w, &finance, A "late-term", term);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(r.json, "late_term"), "ppm")), 1'000);
    reply_free(&r);
    /* Account 2 has its balance in the meter: what it owes beside it bears no late fee. */
    check_reply(post(w, &finance, "/api/v1/accounts/2/late-term", term), 400, "API_FIELD");
    r = world_get(w, &finance, P "late-terms");
    assert_int_equal(json_array_size(json_object_get(r.json, "late_terms")), 1);
    reply_free(&r);
    check_reply(world_get(w, &cashier, A "dues"), 200, "-");
    check_reply(post(w, &finance, A "late-term",
                     "{\"in_force\":true,\"ppm\":0,\"next_years_ppm\":3000,\"grace_days\":10,"
                     "\"least_fen\":100,\"cap_permille\":1000,\"clause\":\"7.2\"}"),
                422, "RANGE");
    check_reply(post(w, &finance, A "late-term",
                     "{\"in_force\":true,\"ppm\":1000,\"next_years_ppm\":3000,\"grace_days\":10,"
                     "\"least_fen\":100,\"cap_permille\":1000,\"clause\":\"\"}"),
                400, "API_FIELD");
    check_reply(post(w, &finance, A "late-term",
                     "{\"in_force\":false,\"ppm\":1,\"next_years_ppm\":1,\"grace_days\":0,"
                     "\"least_fen\":0,\"cap_permille\":1,\"clause\":\"\"}"),
                200, "-");
}

/* Energy for which nobody paid: 200.00 in arrears from today on. */
static enum err fall_behind(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t has_fen;
    wall_s now = io_wall(w->io);
    TRY(ledger_balance(tx, 1, LEDGER_PREPAYMENT, &has_fen));
    return ledger_post(tx,
                       &(struct ledger_entry){.account_id = 1,
                                              .key = "settle:trial",
                                              .kind = "settlement",
                                              .now = now,
                                              .occurred_at = now,
                                              .business_day = civil_local_day(now, 28'800),
                                              .actor = "system",
                                              .detail = "{}",
                                              .postings = {{LEDGER_PREPAYMENT, -has_fen - 20'000},
                                                           {LEDGER_REVENUE, has_fen + 20'000}}},
                       NULL);
}

struct later {
    struct world *w;
    int days;
};

static enum err count_later(struct store_tx *tx, void *arg)
{
    const struct later *l = arg;
    int64_t worked;
    return late_tick(tx, (wall_s){io_wall(l->w->io).s + (int64_t)l->days * DAY_S}, 64, &worked);
}

static struct reply dues_after(struct world *w, const struct person *p, int days)
{
    assert_ok(store_run(w->ledger, count_later, &(struct later){w, days}));
    return world_get(w, p, A "dues");
}

static int64_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* The one late fee among the bills, and its one line. */
static void check_late_bill(const struct reply *r)
{
    const json_t *bills = json_object_get(r->json, "bills"), *bill = json_array_get(bills, 0);
    assert_int_equal(json_array_size(bills), 1);
    assert_memory_equal(text_of(bill, "bill_id"), "late:20", 7);
    assert_string_equal(text_of(bill, "service"), "late_fee");
    assert_string_equal(text_of(bill, "title"), "7.2");
    assert_int_equal(number_of(bill, "amount_fen"), 200);
    assert_int_equal(number_of(bill, "days"), 10);
    assert_true(number_of(bill, "begun_day") < number_of(bill, "from_day"));
    const json_t *lines = json_object_get(bill, "lines"), *line = json_array_get(lines, 0);
    assert_int_equal(json_array_size(lines), 1);
    assert_int_equal(number_of(line, "from_day"), number_of(bill, "from_day"));
    assert_int_equal(number_of(line, "to_day"), number_of(bill, "to_day"));
    assert_int_equal(number_of(line, "arrears_fen"), 20'000);
    assert_int_equal(number_of(line, "ppm"), 1'000);
    assert_int_equal(number_of(line, "exact"), 200'000'000);
    assert_string_equal(text_of(line, "rounding"), "half_up");
    assert_string_equal(text_of(line, "rule"), "rounded");
    assert_string_equal(text_of(line, "clause"), "7.2");
    assert_int_equal(number_of(line, "amount_fen"), 200);
}

static int64_t in_term(const struct reply *r, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(r->json, "late_term"), name));
}

/* From the contract's term to the fee that is paid at the desk. */
static void test_late_fees_are_billed_and_paid(void **state)
{
    struct world *w = *state;
    struct person cashier = somebody(w, AUTH_CASHIER), finance = somebody(w, AUTH_FINANCE);
    check_reply(post(w, &finance, A "late-term",
                     "{\"in_force\":true,\"ppm\":1000,\"next_years_ppm\":1000,\"grace_days\":2,"
                     "\"least_fen\":100,\"cap_permille\":1000,\"clause\":\"7.2\"}"),
                200, "-");
    assert_ok(store_run(w->ledger, fall_behind, w));
    struct reply r = dues_after(w, &cashier, 2);
    assert_int_equal(reply_int(&r, "owed_fen"), 0); /* days of grace */
    assert_int_equal(in_term(&r, "arrears_fen"), 20'000);
    reply_free(&r);
    r = dues_after(w, &cashier, 3);
    assert_int_equal(reply_int(&r, "owed_fen"), 100); /* 0.20, but at least 1.00 */
    reply_free(&r);
    r = dues_after(w, &cashier, 12);
    assert_int_equal(reply_int(&r, "owed_fen"), 200); /* 200.00 x 10 days x 1 per mille */
    assert_int_equal(in_term(&r, "days"), 10);
    assert_int_equal(in_term(&r, "fee_fen"), 200);
    check_late_bill(&r);
    reply_free(&r);
    r = dues_after(w, &cashier, 12); /* the same days once more */
    assert_int_equal(reply_int(&r, "owed_fen"), 200);
    reply_free(&r);
    check_reply(
        post(w, &finance, A "dues/withdraw", "{\"bill_id\":\"late:20260101\",\"reason\":\"x\"}"),
        404, "NOT_FOUND"); /* it is the contract's, not somebody's */
    check_reply(
        post(w, &cashier, A "dues/pay", "{\"payment_id\":\"late-0001\",\"amount_fen\":200}"), 200,
        "-");
    r = dues_after(w, &cashier, 13);
    assert_int_equal(reply_int(&r, "owed_fen"), 20);
    reply_free(&r);
    /* The least at once, then each day that brings it above: the sixth to the eleventh. */
    assert_int_equal(world_number(w, "SELECT count(*) FROM ledger_txn WHERE kind = 'late.fee'"), 7);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_shift_over_the_interface),
        T(test_days),
        T(test_a_month_as_far_as_it_is_closed),
        T(test_free_credit),
        T(test_common_usage),
        T(test_other_services_and_late_fees),
        T(test_late_fees_are_billed_and_paid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
