/* Lists over the interface: rooms, orders, the wall, events; bad queries and bodies. */
#include "tests/unit/api/world.h"

#include <stdlib.h>

#define SELL "/api/v1/accounts/1/orders"
#define ORDER "{\"order_id\": \"order-0001\", \"amount_fen\": 5000, \"method\": \"cash\"}"

static void test_lists(void **state)
{
    struct world *w = *state;
    struct person p = world_admin(w);
    world_person(w, AUTH_CASHIER, 1);
    world_person(w, AUTH_WARDEN, 2);
    static const struct {
        const char *path, *array;
        size_t count;
    } list[] = {
        {"/api/v1/projects", "projects", 2},
        {"/api/v1/projects/1/places", "places", 2},
        {"/api/v1/projects/1/people", "people", 2},
        {"/api/v1/projects/1/wall", "rows", 2},
        {"/api/v1/projects/1/gateways", "gateways", 1},
        {"/api/v1/projects/1/freshness", "buckets", 10},
        {"/api/v1/accounts/1", "meters", 1},
        {"/api/v1/accounts/1/ledger", "transactions", 1},
        {"/api/v1/accounts/1/orders", "orders", 1},
        {"/api/v1/accounts/1/settlements", "settlements", 0},
        {"/api/v1/accounts/1/messages", "messages", 0},
        {"/api/v1/accounts/1/series?meter=1&from=1700000000&to=1700086400", "points", 0},
        {"/api/v1/accounts/1/series?meter=1&from=1700000000&to=1700086400&step=raw", "points", 0},
        {"/api/v1/accounts/1/series?meter=1&from=1700000000&to=1700086400&step=day", "points", 0},
        {"/api/v1/search?q=301", "hits", 1},
        {"/api/v1/search?q=5678", "hits", 3},
        {"/api/v1/search?q=%E5%BC%A0%E4%B8%89", "hits", 3},
        {"/api/v1/search?q=order-0001", "hits", 1},
        {"/api/v1/search?q=000000000002", "hits", 1},
        {"/api/v1/search?q=nowhere-at-all", "hits", 0},
    };
    check_reply(world_post(w, &p, "key-00000001", SELL, ORDER), 201, "-");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct reply r = world_get(w, &p, list[i].path);
        const json_t *array = json_object_get(r.json, list[i].array);
        if (r.status != 200 || json_array_size(array) != list[i].count || !json_is_array(array))
            fail_msg("%s: %d %s", list[i].path, r.status, r.body);
        reply_free(&r);
    }
    struct reply r = world_get(w, &p, "/api/v1/projects/1/wall?limit=1");
    assert_int_equal(json_array_size(json_object_get(r.json, "rows")), 1);
    assert_int_equal(json_integer_value(json_object_get(r.json, "accounts")), 2);
    assert_int_equal(json_integer_value(json_object_get(r.json, "next")), 1);
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/projects/1/wall?after=1");
    assert_int_equal(json_array_size(json_object_get(r.json, "rows")), 1);
    assert_true(json_is_null(json_object_get(r.json, "next")));
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/projects/1/events?limit=1");
    assert_int_equal(json_array_size(json_object_get(r.json, "events")), 1);
    assert_true(json_is_string(
        json_object_get(json_array_get(json_object_get(r.json, "events"), 0), "text_zh")));
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/search?q=5678");
    assert_non_null(strstr(r.body, "*******5678"));
    assert_null(strstr(r.body, "13812345678"));
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/accounts/1");
    assert_non_null(strstr(r.body, "138****5678"));
    assert_null(strstr(r.body, "13812345678"));
    reply_free(&r);
}

/* The second cashier: what the first one sold and what nobody knows the outcome of. */
static void test_open_orders(void **state)
{
    struct world *w = *state;
    struct person admin = world_admin(w);
    static const struct {
        const char *path;
        size_t count;
    } list[] = {
        {"/api/v1/accounts/1/orders?state=open", 0}, /* booked at once */
        {"/api/v1/accounts/1/orders?state=BOOKED", 1},
        {"/api/v1/accounts/2/orders?state=open", 1},
        {"/api/v1/accounts/2/orders?state=CONFIRMED", 0},
        {"/api/v1/meters/1/orders", 0},
        {"/api/v1/meters/2/orders", 1},
        {"/api/v1/meters/2/orders?state=open", 1},
        {"/api/v1/meters/2/orders?state=REFUNDED", 0},
    };
    check_reply(world_post(w, &admin, "key-00000001", SELL, ORDER), 201, "-");
    check_reply(
        world_post(w, &admin, "key-00000002", "/api/v1/accounts/2/orders",
                   "{\"order_id\": \"order-0002\", \"amount_fen\": 5000, \"method\": \"cash\"}"),
        201, "-");
    struct person second = world_cashier(w);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct reply r = world_get(w, &second, list[i].path);
        const json_t *orders = json_object_get(r.json, "orders");
        if (r.status != 200 || json_array_size(orders) != list[i].count)
            fail_msg("%s: %d %s", list[i].path, r.status, r.body);
        reply_free(&r);
    }
    check_reply(world_get(w, &second, "/api/v1/meters/2/orders?state=lost"), 400, "API_FIELD");
    check_reply(world_get(w, &second, "/api/v1/accounts/2/orders?state="), 400, "API_FIELD");
    check_reply(world_get(w, &second, "/api/v1/meters/3/orders"), 404, "NOT_FOUND");
}

#define RELAY_ROW(w, values)                                                                       \
    world_execute(w, "INSERT OR REPLACE INTO relay (meter_id, circuit, state, state_at) "          \
                     "VALUES (1, " values ")")

static int64_t open_outputs(struct world *w, const struct person *p)
{
    struct reply r = world_get(w, p, "/api/v1/projects/1/wall");
    const json_t *row = json_array_get(json_object_get(r.json, "rows"), 0);
    const json_t *bits = json_object_get(row, "relay_open");
    int64_t open = json_is_integer(bits) ? json_integer_value(bits) : -1;
    reply_free(&r);
    return open;
}

static void test_wall_knows_what_was_read_back(void **state)
{
    struct world *w = *state;
    struct person p = world_admin(w);
    assert_int_equal(open_outputs(w, &p), -1);
    RELAY_ROW(w, "2, 'open', 1790000100"); /* of the others nothing is known */
    assert_int_equal(open_outputs(w, &p), -1);
    RELAY_ROW(w, "0, 'closed', 1790000100");
    assert_int_equal(open_outputs(w, &p), 2);
    RELAY_ROW(w, "0, 'open', 1790000200");
    RELAY_ROW(w, "2, 'unknown', NULL");
    assert_int_equal(open_outputs(w, &p), 7);
    struct reply r = world_get(w, &p, "/api/v1/accounts/1");
    const json_t *meter = json_array_get(json_object_get(r.json, "meters"), 0);
    const json_t *relays = json_object_get(meter, "relays");
    assert_int_equal(json_array_size(relays), 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(json_string_value(json_object_get(json_array_get(relays, i), "state")),
                            "open");
    reply_free(&r);
}

static void test_events_speak_in_words(void **state)
{
    struct world *w = *state;
    struct person p = world_admin(w);
    world_execute(w, "INSERT INTO event (id, at, project_id, account_id, kind, severity, detail) "
                     "VALUES (900, 1790000000, 1, 1, 'fee.protected', 'info', "
                     "'{\"reason\": \"KEEP_POWER\"}')");
    world_execute(w, "INSERT INTO event (id, at, project_id, account_id, kind, severity, detail) "
                     "VALUES (901, 1790000000, 1, 1, 'relay.mismatch', 'alarm', "
                     "'{\"state\": \"open\"}')");
    struct reply r = world_get(w, &p, "/api/v1/projects/1/events?limit=2");
    assert_non_null(strstr(r.body, "Keep-power is set: this meter must not be cut.\""));
    assert_non_null(strstr(r.body, "欠费但未停电：已设置保电，不得停电。\""));
    assert_non_null(strstr(r.body, "The relay is off, but should be –."));
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/projects/1/events?kind=fee.protected");
    assert_int_equal(json_array_size(json_object_get(r.json, "events")), 1);
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/projects/1/events?severity=alarm&account=2");
    assert_int_equal(json_array_size(json_object_get(r.json, "events")), 0);
    reply_free(&r);
    world_person(w, AUTH_WARDEN, 1);
    struct person warden = world_login(w, "warden");
    r = world_get(w, &warden, "/api/v1/projects/1/events"); /* fee.* names amounts */
    assert_int_equal(json_array_size(json_object_get(r.json, "events")), 1);
    reply_free(&r);
}

static void test_bad_queries(void **state)
{
    struct world *w = *state;
    struct person p = world_admin(w);
    static const struct {
        const char *path;
        int status;
        const char *code;
    } list[] = {
        {"/api/v1/search", 400, "API_FIELD"},
        {"/api/v1/search?q=", 400, "API_FIELD"},
        {"/api/v1/search?q=a&q=b", 400, "API_FIELD"},
        {"/api/v1/search?q=%zz", 400, "API_FIELD"},
        {"/api/v1/projects/1/events?limit=0", 400, "API_FIELD"},
        {"/api/v1/projects/1/events?limit=501", 400, "API_FIELD"},
        {"/api/v1/projects/1/events?before=-1", 400, "API_FIELD"},
        {"/api/v1/accounts/1/ledger?before=x", 400, "API_FIELD"},
        {"/api/v1/accounts/1/settlements?before=20261341", 400, "API_FIELD"},
        {"/api/v1/accounts/1/series", 400, "API_FIELD"},
        {"/api/v1/accounts/1/series?meter=1&from=5&to=5", 422, "RANGE"},
        {"/api/v1/accounts/1/series?meter=1&from=1&to=99999999999&step=raw", 422, "RANGE"},
        {"/api/v1/accounts/1/series?meter=1&from=1&to=5&step=week", 400, "API_FIELD"},
        {"/api/v1/accounts/1/series?meter=2&from=1&to=5", 404, "NOT_FOUND"},
        {"/api/v1/accounts/1/series?meter=3&from=1&to=5", 404, "NOT_FOUND"},
        {"/api/v1/projects/3/wall", 404, "NOT_FOUND"},
        {"/api/v1/nothing", 404, "API_ROUTE"},
        {"/api/v2/me", 404, "API_ROUTE"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        check_reply(world_get(w, &p, list[i].path), list[i].status, list[i].code);
    struct ask a = {.method = "DELETE", .path = "/api/v1/me", .person = &p};
    check_reply(world_ask(w, &a), 405, "API_METHOD");
    a = (struct ask){.method = "POST", .path = "/api/v1/nothing", .person = &p, .body = "{}"};
    check_reply(world_ask(w, &a), 404, "API_ROUTE");
}

static void test_body_too_large(void **state)
{
    struct world *w = *state;
    struct person p = world_cashier(w);
    char *body = calloc(1, API_BODY_MAX + 2);
    memset(body, ' ', API_BODY_MAX + 1);
    struct ask a = {.method = "POST",
                    .path = SELL,
                    .person = &p,
                    .key = "key-00000001",
                    .type = "application/json",
                    .body = body};
    check_reply(world_ask(w, &a), 413, "API_BODY");
    free(body);
}

static void test_import_names_rows(void **state)
{
    struct world *w = *state;
    struct person p = world_admin(w);
    struct ask a = {.method = "POST",
                    .path = "/api/v1/projects/1/import",
                    .person = &p,
                    .type = "text/csv",
                    .body = "project,nonsense\nA,1\n"};
    struct reply r = world_ask(w, &a);
    assert_true(json_array_size(json_object_get(r.json, "errors")) > 0);
    check_reply(r, 422, "SITE_IMPORT");
    a.type = "application/json";
    check_reply(world_ask(w, &a), 415, "API_TYPE");
    a = (struct ask){
        .method = "POST",
        .path = "/api/v1/projects/1/import?dry_run=1",
        .person = &p,
        .type = "text/csv",
        .body = "project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,address,"
                "model\n"
                "A,D1,500,500,platform,flat,standard,GW-A,1,tcp:127.0.0.1:9,000000000500,"
                "yufu-shop3p\n"};
    r = world_ask(w, &a);
    if (r.status == 200)
        assert_int_equal(reply_int(&r, "added"), 1);
    check_reply(r, 200, "-");
    int64_t before = world_number(w, "SELECT count(*) FROM meter");
    a.path = "/api/v1/projects/1/import";
    check_reply(world_ask(w, &a), 200, "-");
    assert_int_equal(world_number(w, "SELECT count(*) FROM meter"), before + 1);
    r = world_ask(w, &a);
    assert_int_equal(reply_int(&r, "same"), 1);
    check_reply(r, 200, "-");
    a.path = "/api/v1/projects/2/import";
    check_reply(world_ask(w, &a), 400, "API_FIELD"); /* another project's file */
    a.body = "project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,address,"
             "model\n"
             "A,D1,500,501,platform,nosuch,standard,GW-A,1,,000000000501,yufu-shop3p\n";
    check_reply(world_ask(w, &a), 400, "API_FIELD"); /* not what is amiss with it there */
    a.path = "/api/v1/projects/1/import";
    check_reply(world_ask(w, &a), 422, "SITE_IMPORT");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_lists),
        CASE(test_open_orders),
        CASE(test_wall_knows_what_was_read_back),
        CASE(test_events_speak_in_words),
        CASE(test_bad_queries),
        CASE(test_body_too_large),
        CASE(test_import_names_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
