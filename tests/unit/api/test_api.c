/* The whole interface over real sockets: log-in, sale, control, lists, stream, files. */
#include "tests/unit/api/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "headend/line_stats.h"

#define SELL "/api/v1/accounts/1/orders"
#define ORDER "{\"order_id\": \"order-0001\", \"amount_fen\": 5000, \"method\": \"cash\"}"

static struct person cashier(struct world *w)
{
    world_person(w, AUTH_CASHIER, 1);
    return world_login(w, "cashier");
}

static struct person admin(struct world *w)
{
    world_person(w, AUTH_ADMIN, 0);
    return world_login(w, "admin");
}

static int64_t money_rows(struct world *w)
{
    return world_number(w, "SELECT (SELECT count(*) FROM sale_order) + "
                           "(SELECT count(*) FROM ledger_txn) + (SELECT count(*) FROM command) + "
                           "(SELECT count(*) FROM idempotency)");
}

/* ---- log-in ---- */

static void test_log_in(void **state)
{
    struct world *w = *state;
    check_reply(world_get(w, NULL, "/api/v1/me"), 401, "AUTH_NONE");
    struct person p = cashier(w);
    struct reply r = world_get(w, &p, "/api/v1/me");
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_text(&r, "role"), "cashier");
    assert_string_equal(reply_text(&r, "csrf"), p.csrf);
    assert_int_equal(json_array_size(json_object_get(r.json, "projects")), 1);
    assert_non_null(strstr(r.head, "Cache-Control: no-store"));
    assert_non_null(strstr(r.head, "Content-Security-Policy: default-src 'none'"));
    assert_non_null(strstr(r.head, "X-Content-Type-Options: nosniff"));
    reply_free(&r);
    check_reply(world_post(w, NULL, NULL, "/api/v1/login",
                           "{\"login\": \"cashier\", \"password\": \"wrong password\"}"),
                401, "AUTH_LOGIN");
    check_reply(world_post(w, NULL, NULL, "/api/v1/login",
                           "{\"login\": \"nobody\", \"password\": \"wrong password\"}"),
                401, "AUTH_LOGIN");
    check_reply(world_post(w, &p, NULL, "/api/v1/logout", NULL), 204, "-");
    check_reply(world_get(w, &p, "/api/v1/me"), 401, "AUTH_NONE");
}

static void test_cookie_attributes(void **state)
{
    struct world *w = *state;
    world_person(w, AUTH_ADMIN, 0);
    struct reply r = world_post(w, NULL, NULL, "/api/v1/login",
                                "{\"login\": \"admin\", \"password\": \"" WORLD_PASSWORD "\"}");
    const char *cookie = strstr(r.head, "Set-Cookie:");
    assert_non_null(cookie);
    assert_non_null(strstr(cookie, "HttpOnly"));
    assert_non_null(strstr(cookie, "SameSite=Lax"));
    assert_null(strstr(cookie, "Secure")); /* plain HTTP on loopback */
    reply_free(&r);
}

static void test_throttled_log_in_says_when(void **state)
{
    struct world *w = *state;
    static const char body[] = "{\"login\": \"ghost\", \"password\": \"guess after guess\"}";
    struct reply r = {};
    int failures = 0;
    for (; failures < 20; failures++) { /* the first waits may pass while we try */
        r = world_post(w, NULL, NULL, "/api/v1/login", body);
        if (r.status == 429)
            break;
        check_reply(r, 401, "AUTH_LOGIN");
    }
    assert_in_range(failures, 5, 19);
    assert_non_null(strstr(r.head, "Retry-After: "));
    check_reply(r, 429, "AUTH_THROTTLED");
}

static void test_one_time_password(void **state)
{
    struct world *w = *state;
    world_person(w, AUTH_ADMIN, 0);
    world_execute(w, "UPDATE person SET must_change = 1");
    struct person p = world_login(w, "admin");
    check_reply(world_get(w, &p, "/api/v1/me"), 200, "-");
    check_reply(world_get(w, &p, "/api/v1/projects"), 403, "AUTH_PASSWORD_CHANGE");
    check_reply(world_post(w, &p, NULL, "/api/v1/me/password",
                           "{\"password\": \"" WORLD_PASSWORD
                           "\", \"new_password\": \"12345678\"}"),
                422, "AUTH_WEAK");
    check_reply(
        world_post(w, &p, NULL, "/api/v1/me/password",
                   "{\"password\": \"wrong wrong\", \"new_password\": \"long enough now\"}"),
        401, "AUTH_LOGIN");
    struct reply r =
        world_post(w, &p, NULL, "/api/v1/me/password",
                   "{\"password\": \"" WORLD_PASSWORD "\", \"new_password\": \"long enough now\"}");
    assert_int_equal(r.status, 200);
    struct person fresh = {};
    snprintf(fresh.cookie, sizeof fresh.cookie, "%.43s",
             strstr(r.head, "Set-Cookie: yufu_sid=") + 21);
    snprintf(fresh.csrf, sizeof fresh.csrf, "%s", reply_text(&r, "csrf"));
    reply_free(&r);
    check_reply(world_get(w, &p, "/api/v1/me"), 401, "AUTH_NONE");
    check_reply(world_get(w, &fresh, "/api/v1/projects"), 200, "-");
}

static void test_foreign_pages_are_refused(void **state)
{
    struct world *w = *state;
    struct person p = cashier(w);
    struct ask a = {.method = "POST",
                    .path = SELL,
                    .person = &p,
                    .key = "key-00000001",
                    .type = "application/json",
                    .body = ORDER};
    a.no_csrf = true;
    check_reply(world_ask(w, &a), 403, "AUTH_CSRF");
    a.extra = "X-CSRF-Token: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n";
    check_reply(world_ask(w, &a), 403, "AUTH_CSRF");
    a.no_csrf = false;
    a.extra = "Origin: http://evil.example\r\n";
    check_reply(world_ask(w, &a), 403, "AUTH_CSRF");
    a.extra = "Origin: null\r\n";
    check_reply(world_ask(w, &a), 403, "AUTH_CSRF");
    a.extra = "Sec-Fetch-Site: cross-site\r\n";
    check_reply(world_ask(w, &a), 403, "AUTH_CSRF");
    assert_int_equal(money_rows(w), 0);
    a.extra = "Origin: http://test\r\nSec-Fetch-Site: same-origin\r\n";
    check_reply(world_ask(w, &a), 201, "-");
}

/* ---- sale ---- */

static void test_sale_and_its_trail(void **state)
{
    struct world *w = *state;
    struct person p = cashier(w);
    struct reply r = world_post(w, &p, "key-00000001", SELL, ORDER);
    assert_int_equal(r.status, 201);
    assert_string_equal(reply_text(&r, "state"), "BOOKED");
    assert_int_equal(reply_int(&r, "amount_fen"), 5000);
    assert_true(json_is_true(json_object_get(r.json, "final")));
    char *first = strdup(r.body);
    reply_free(&r);
    r = world_post(w, &p, "key-00000001", SELL, ORDER);
    assert_non_null(strstr(r.head, "Idempotent-Replay: true"));
    assert_string_equal(r.body, first);
    check_reply(r, 201, "-");
    free(first);
    r = world_get(w, &p, SELL "/order-0001");
    assert_string_equal(reply_text(&r, "order_id"), "order-0001");
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/accounts/1");
    const json_t *balance = json_object_get(r.json, "balance");
    assert_true(json_is_object(balance));
    reply_free(&r);
    assert_int_equal(world_number(w, "SELECT amount_fen FROM balance WHERE account_id = 1 AND "
                                     "book = 'prepayment'"),
                     5000);
}

static void test_sale_into_a_meter(void **state)
{
    struct world *w = *state;
    struct person p = cashier(w);
    struct reply r = world_post(w, &p, "key-00000001", "/api/v1/accounts/2/orders", ORDER);
    assert_int_equal(r.status, 201);
    assert_string_equal(reply_text(&r, "wallet"), "meter");
    assert_true(json_is_false(json_object_get(r.json, "final")));
    assert_true(json_array_size(json_object_get(r.json, "steps")) >= 3);
    reply_free(&r);
    check_reply(world_post(w, &p, "key-00000002", "/api/v1/accounts/2/orders/order-0001/cancel",
                           "{\"reason\": \"wrong room\"}"),
                202, "-");
    check_reply(world_post(w, &p, "key-00000003", "/api/v1/accounts/2/orders/order-none/cancel",
                           "{\"reason\": \"wrong room\"}"),
                404, "NOT_FOUND");
}

static void test_key_is_for_one_wish(void **state)
{
    struct world *w = *state;
    struct person p = cashier(w);
    check_reply(world_post(w, &p, "key-00000001", SELL, ORDER), 201, "-");
    check_reply(world_post(w, &p, "key-00000001", SELL,
                           "{\"order_id\": \"order-0001\", \"amount_fen\": 5001, "
                           "\"method\": \"cash\"}"),
                422, "API_KEY_REUSED");
    check_reply(world_post(w, &p, "key-00000001", "/api/v1/accounts/2/orders", ORDER), 422,
                "API_KEY_REUSED");
    check_reply(world_post(w, &p, "key-00000002", SELL,
                           "{\"order_id\": \"order-0001\", \"amount_fen\": 5001, "
                           "\"method\": \"cash\"}"),
                409, "VEND_DIFFERENT");
    /* another key, the same order: the same sale */
    check_reply(world_post(w, &p, "key-00000003", SELL, ORDER), 201, "-");
    assert_int_equal(world_number(w, "SELECT count(*) FROM sale_order"), 1);
    assert_int_equal(world_number(w, "SELECT amount_fen FROM balance WHERE account_id = 1 AND "
                                     "book = 'prepayment'"),
                     5000);
}

struct bad_sale {
    const char *key, *path, *type, *body;
    int status;
    const char *code;
};

static void test_bad_sales_change_nothing(void **state)
{
    struct world *w = *state;
    struct person p = cashier(w);
    static const char json[] = "application/json";
#define SALE(amount)                                                                               \
    "{\"order_id\": \"order-0001\", \"amount_fen\": " amount ", \"method\": \"cash\"}"
    static const struct bad_sale list[] = {
        {NULL, SELL, json, ORDER, 400, "API_KEY"},
        {"short", SELL, json, ORDER, 400, "API_KEY"},
        {"key 00000001", SELL, json, ORDER, 400, "API_KEY"},
        {"key-00000001", SELL, json, SALE("0"), 422, "RANGE"},
        {"key-00000001", SELL, json, SALE("-1"), 422, "RANGE"},
        {"key-00000001", SELL, json, SALE("100000000000"), 422, "RANGE"},
        {"key-00000001", SELL, json, SALE("9223372036854775807"), 422, "RANGE"},
        {"key-00000001", SELL, json, SALE("9223372036854775808"), 400, "API_JSON"},
        {"key-00000001", SELL, json, SALE("1.5"), 400, "API_FIELD"},
        {"key-00000001", SELL, json, SALE("5e3"), 400, "API_FIELD"},
        {"key-00000001", SELL, json, SALE("\"5000\""), 400, "API_FIELD"},
        {"key-00000001", SELL, json, SALE("null"), 400, "API_FIELD"},
        {"key-00000001", SELL, json, SALE("5000, \"amount_fen\": 1"), 400, "API_JSON"},
        {"key-00000001", SELL, json, SALE("5000, \"price\": 1"), 400, "API_FIELD"},
        {"key-00000001", SELL, json, "{\"order_id\": \"order-0001\", \"amount_fen\": 5000}", 400,
         "API_FIELD"},
        {"key-00000001", SELL, json,
         "{\"order_id\": \"a/../../bc\", \"amount_fen\": 1, \"method\": \"cash\"}", 400,
         "API_FIELD"},
        {"key-00000001", SELL, json,
         "{\"order_id\": \"short\", \"amount_fen\": 1, \"method\": \"cash\"}", 400, "API_FIELD"},
        {"key-00000001", SELL, json,
         "{\"order_id\": \"order-0001\", \"amount_fen\": 1, \"method\": \"subsidy\"}", 400,
         "API_FIELD"},
        {"key-00000001", SELL, json, "{\"order_id\": \"order", 400, "API_JSON"},
        {"key-00000001", SELL, json, "[]", 400, "API_FIELD"},
        {"key-00000001", SELL, json, "", 400, "API_JSON"},
        {"key-00000001", SELL, "text/plain", ORDER, 415, "API_TYPE"},
        {"key-00000001", SELL, NULL, ORDER, 415, "API_TYPE"},
        {"key-00000001", "/api/v1/accounts/99/orders", json, ORDER, 404, "NOT_FOUND"},
        {"key-00000001", "/api/v1/accounts/3/orders", json, ORDER, 404, "NOT_FOUND"},
        {"key-00000001", "/api/v1/accounts/x/orders", json, ORDER, 404, "API_ROUTE"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const struct bad_sale *b = &list[i];
        struct ask a = {.method = "POST",
                        .path = b->path,
                        .person = &p,
                        .key = b->key,
                        .type = b->type,
                        .body = b->body};
        check_reply(world_ask(w, &a), b->status, b->code);
    }
    assert_int_equal(money_rows(w), 0);
    check_reply(world_post(w, &p, "key-00000001", SELL, ORDER), 201,
                "-"); /* the key is free still */
}

static void test_problem_names_the_field(void **state)
{
    struct world *w = *state;
    struct person p = cashier(w);
    struct reply r = world_post(w, &p, "key-00000001", SELL, SALE("0"));
    const json_t *error = json_array_get(json_object_get(r.json, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(error, "pointer")), "amount_fen");
    assert_string_equal(json_string_value(json_object_get(error, "code")), "RANGE");
    assert_string_equal(reply_text(&r, "title"), reply_text(&r, "title_zh"));
    reply_free(&r);
    struct ask a = {.method = "GET",
                    .path = "/api/v1/accounts/99",
                    .person = &p,
                    .extra = "Accept-Language: en-GB,en;q=0.9\r\n"};
    r = world_ask(w, &a);
    assert_string_equal(reply_text(&r, "title"), reply_text(&r, "title_en"));
    reply_free(&r);
}

#define HAMMER 50

static void test_double_submit_hammer(void **state)
{
    struct world *w = *state;
    struct person p = cashier(w);
    struct client *clients[HAMMER];
    struct ask a = {.method = "POST",
                    .path = SELL,
                    .person = &p,
                    .key = "key-00000001",
                    .type = "application/json",
                    .body = ORDER};
    for (int i = 0; i < HAMMER; i++)
        clients[i] = client_open(w);
    for (int i = 0; i < HAMMER; i++)
        client_write_ask(clients[i], &a);
    int replays = 0;
    const char *body = NULL;
    for (int i = 0; i < HAMMER; i++) {
        client_wait(clients[i], "\r\n\r\n{");
        client_wait(clients[i], "}]}"); /* the end of steps */
        assert_non_null(strstr(clients[i]->reply, "HTTP/1.1 201"));
        replays += strstr(clients[i]->reply, "Idempotent-Replay: true") != NULL;
        const char *mine = strstr(clients[i]->reply, "\r\n\r\n{");
        if (body)
            assert_string_equal(body, mine);
        body = body ? body : mine;
    }
    assert_int_equal(replays, HAMMER - 1);
    for (int i = 0; i < HAMMER; i++)
        client_close(clients[i]);
    assert_int_equal(world_number(w, "SELECT count(*) FROM sale_order"), 1);
    assert_int_equal(world_number(w, "SELECT count(*) FROM idempotency"), 1);
    assert_int_equal(world_number(w, "SELECT amount_fen FROM balance WHERE account_id = 1 AND "
                                     "book = 'prepayment'"),
                     5000);
}

/* ---- control ---- */

static void test_relay_and_keep(void **state)
{
    struct world *w = *state;
    world_person(w, AUTH_OFFICER, 1);
    struct person p = world_login(w, "officer");
    struct reply r = world_post(w, &p, "relay-000001", "/api/v1/meters/1/relay",
                                "{\"circuit\": 0, \"desired\": \"open\", \"reason\": \"test\"}");
    assert_int_equal(r.status, 202);
    assert_string_equal(reply_text(&r, "desired"), "open");
    assert_true(json_is_true(json_object_get(r.json, "pending")));
    reply_free(&r);
    int64_t commands = world_number(w, "SELECT count(*) FROM command");
    assert_true(commands >= 1);
    check_reply(world_post(w, &p, "relay-000001", "/api/v1/meters/1/relay",
                           "{\"circuit\": 0, \"desired\": \"open\", \"reason\": \"test\"}"),
                202, "-");
    assert_int_equal(world_number(w, "SELECT count(*) FROM command"), commands);
    check_reply(world_post(w, &p, "relay-000002", "/api/v1/meters/1/relay",
                           "{\"circuit\": 0, \"desired\": \"half\", \"reason\": \"test\"}"),
                400, "API_FIELD");
    check_reply(world_post(w, &p, "relay-000003", "/api/v1/meters/1/relay",
                           "{\"circuit\": 0, \"desired\": \"open\", \"reason\": \"\"}"),
                400, "API_FIELD");
    check_reply(world_post(w, &p, "relay-000004", "/api/v1/meters/2/relay",
                           "{\"circuit\": 3, \"desired\": \"open\", \"reason\": \"test\"}"),
                422, "CONTROL_CIRCUIT");
    check_reply(world_post(w, &p, "keep-0000001", "/api/v1/meters/1/keep",
                           "{\"on\": true, \"reason\": \"hospital\"}"),
                202, "-");
    check_reply(world_post(w, &p, "relay-000005", "/api/v1/meters/1/relay",
                           "{\"circuit\": 0, \"desired\": \"open\", \"reason\": \"test\"}"),
                409, "CONTROL_KEEP_POWER");
    check_reply(world_post(w, &p, "keep-0000002", "/api/v1/meters/1/keep",
                           "{\"on\": \"yes\", \"reason\": \"hospital\"}"),
                400, "API_FIELD");
}

static void test_warden_restores_but_does_not_cut(void **state)
{
    struct world *w = *state;
    world_person(w, AUTH_WARDEN, 1);
    struct person p = world_login(w, "warden");
    check_reply(world_post(w, &p, "relay-000001", "/api/v1/meters/1/relay",
                           "{\"circuit\": 1, \"desired\": \"open\", \"reason\": \"test\"}"),
                403, "AUTH_FORBIDDEN");
    check_reply(world_post(w, &p, "relay-000002", "/api/v1/meters/1/relay",
                           "{\"circuit\": 1, \"desired\": \"closed\", \"reason\": \"test\"}"),
                202, "-");
}

static void test_claim_code(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    struct reply r = world_post(w, &p, NULL, "/api/v1/gateways/1/claim-code", NULL);
    assert_int_equal(r.status, 201);
    assert_string_equal(reply_text(&r, "serial"), "GW-A");
    assert_int_equal(strlen(reply_text(&r, "code")), 27);
    reply_free(&r);
    assert_int_equal(world_number(w, "SELECT count(*) FROM gateway WHERE length(claim_hash) = 32"),
                     1);
}

static struct reply ask_legacy(struct world *w, struct person *p, int64_t until, const char *reason)
{
    char body[400];
    snprintf(body, sizeof body, "{\"until\": %lld, \"reason\": \"%s\"}", (long long)until, reason);
    return world_post(w, p, NULL, "/api/v1/gateways/1/legacy-seal", body);
}

static json_t *legacy_of(struct reply *r)
{
    return json_object_get(json_array_get(json_object_get(r->json, "gateways"), 0), "legacy");
}

/* Off; allowed for a while with a reason; told wherever the gateway is; taken back. */
static void test_legacy_seal(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    int64_t now = time(NULL);
    struct reply r = world_get(w, &p, "/api/v1/projects/1/gateways");
    assert_true(json_is_null(legacy_of(&r)));
    reply_free(&r);
    check_reply(ask_legacy(w, &p, 0, "never was"), 404, "NOT_FOUND");
    check_reply(ask_legacy(w, &p, now - 10, "past"), 422, "SITE_LEGACY");
    check_reply(ask_legacy(w, &p, now + 400 * 86'400, "too long"), 422, "SITE_LEGACY");
    check_reply(ask_legacy(w, &p, now + 86'400, ""), 400, "API_FIELD");
    check_reply(world_post(w, &p, NULL, "/api/v1/gateways/99/legacy-seal",
                           "{\"until\": 1, \"reason\": \"x\"}"),
                404, "NOT_FOUND");
    r = ask_legacy(w, &p, now + 86'400, "tender 7 asks for it");
    assert_int_equal(r.status, 200);
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/projects/1/gateways");
    json_t *legacy = legacy_of(&r);
    assert_int_equal(json_integer_value(json_object_get(legacy, "until")), now + 86'400);
    assert_string_equal(json_string_value(json_object_get(legacy, "reason")),
                        "tender 7 asks for it");
    assert_false(json_is_true(json_object_get(legacy, "over")));
    assert_true(json_is_null(json_object_get(legacy, "used_at")));
    reply_free(&r);
    world_execute(w, "UPDATE gateway_legacy SET until_at = 5");
    r = world_get(w, &p, "/api/v1/projects/1/gateways");
    assert_true(json_is_true(json_object_get(legacy_of(&r), "over")));
    reply_free(&r);
    r = ask_legacy(w, &p, 0, "the tender is over");
    assert_int_equal(r.status, 200);
    assert_true(json_is_null(json_object_get(r.json, "legacy")));
    reply_free(&r);
    assert_int_equal(
        world_number(w, "SELECT count(*) FROM event WHERE kind LIKE 'gateway.legacy_%'"), 2);
    assert_int_equal(
        world_number(w, "SELECT count(*) FROM audit WHERE action LIKE 'gateway.legacy_%'"), 2);
}

/* A model that nobody knows stands for itself; what cannot be cut says so. */
static void test_gateway_meters(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    struct reply r = world_get(w, &p, "/api/v1/gateways/1/meters");
    assert_int_equal(r.status, 200);
    json_t *meter = json_array_get(json_object_get(r.json, "meters"), 0);
    assert_int_equal(json_integer_value(json_object_get(meter, "line_id")), 1);
    assert_true(json_is_true(json_object_get(meter, "can_cut")));
    assert_string_equal(json_string_value(json_object_get(meter, "account")), "301");
    assert_true(json_is_string(json_object_get(meter, "model_zh")));
    reply_free(&r);
    world_execute(w, "UPDATE meter SET model = 'heat-188', kind = 'heat' WHERE id = 1");
    r = world_get(w, &p, "/api/v1/gateways/1/meters");
    meter = json_array_get(json_object_get(r.json, "meters"), 0);
    assert_false(json_is_true(json_object_get(meter, "can_cut")));
    assert_string_equal(json_string_value(json_object_get(meter, "model_en")),
                        "Heat meter, CJ/T 188");
    reply_free(&r);
    check_reply(world_get(w, &p, "/api/v1/gateways/99/meters"), 404, "NOT_FOUND");
}

static enum err tell_line(struct store_tx *tx, void *arg)
{
    (void)arg;
    uint8_t body[512];
    struct writer out = writer_of(body, sizeof body);
    struct site_gateway g;
    struct uplink_line_meter slow[] = {{1, 700}, {99, 800}}; /* the second is not its own */
    struct uplink_message m = {.kind = UPLINK_LINE,
                               .line = {.number = 1,
                                        .period_ms = 300'000,
                                        .meters = 1,
                                        .exchanges = 50,
                                        .answered = 30,
                                        .damaged = 10,
                                        .busy_ms = 100'000,
                                        .useful_ms = 91'000,
                                        .slow = slow,
                                        .slow_count = 2}};
    uplink_message_encode(&m, &out);
    TRY(out.err);
    TRY(site_gateway_get(tx, 1, &g));
    return headend_line_told(tx, &g, &m.line, (struct bytes){body, out.len}, (wall_s){time(NULL)});
}

static int64_t number_at(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void test_gateway_lines(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    struct reply r = world_get(w, &p, "/api/v1/gateways/1/lines");
    assert_int_equal(r.status, 200);
    json_t *line = json_array_get(json_object_get(r.json, "lines"), 0);
    assert_int_equal(number_at(line, "number"), 1);
    assert_true(json_is_null(json_object_get(line, "told")));
    assert_true(json_is_null(json_object_get(line, "told_at")));
    reply_free(&r);
    assert_ok(store_run(w->ledger, tell_line, NULL));
    r = world_get(w, &p, "/api/v1/gateways/1/lines?hours=168");
    line = json_array_get(json_object_get(r.json, "lines"), 0);
    json_t *told = json_object_get(line, "told"), *hours = json_object_get(line, "hours");
    assert_int_equal(number_at(told, "damaged_permille"), 250);
    assert_int_equal(number_at(told, "useful_of_busy_permille"), 910);
    assert_int_equal(number_at(told, "busy_permille"), 333);
    assert_int_equal(json_array_size(json_object_get(told, "slowest")), 1);
    assert_int_equal(number_at(json_array_get(json_object_get(told, "slowest"), 0), "ms"), 700);
    assert_int_equal(json_array_size(hours), 1);
    assert_int_equal(number_at(json_array_get(hours, 0), "exchanges"), 50);
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/gateways/1/lines?hours=0");
    line = json_array_get(json_object_get(r.json, "lines"), 0);
    assert_int_equal(json_array_size(json_object_get(line, "hours")), 0);
    reply_free(&r);
    check_reply(world_get(w, &p, "/api/v1/gateways/1/lines?hours=169"), 400, "API_FIELD");
    check_reply(world_get(w, &p, "/api/v1/gateways/99/lines"), 404, "NOT_FOUND");
}

/* ---- lists ---- */

static void test_lists(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    static const struct {
        const char *path, *array;
        size_t count;
    } list[] = {
        {"/api/v1/projects", "projects", 2},
        {"/api/v1/projects/1/places", "places", 2},
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
    struct reply r = world_get(w, &p, "/api/v1/projects/1/events?limit=1");
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
    struct person p = admin(w);
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
    struct person p = admin(w);
    world_execute(w, "INSERT INTO event (id, at, project_id, account_id, kind, severity, detail) "
                     "VALUES (900, 1790000000, 1, 1, 'fee.protected', 'info', "
                     "'{\"reason\": \"KEEP_POWER\"}')");
    world_execute(w, "INSERT INTO event (id, at, project_id, account_id, kind, severity, detail) "
                     "VALUES (901, 1790000000, 1, 1, 'relay.mismatch', 'alarm', "
                     "'{\"state\": \"open\"}')");
    struct reply r = world_get(w, &p, "/api/v1/projects/1/events?limit=2");
    assert_non_null(strstr(r.body, "Keep-power is set: this meter must not be cut.\""));
    assert_non_null(strstr(r.body, "欠费但未停电:已设置保电,不得停电。\""));
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
    struct person p = admin(w);
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
    struct person p = cashier(w);
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
    struct person p = admin(w);
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

/* ---- stream ---- */

static struct client *open_stream(struct world *w, const struct person *p, const char *path,
                                  const char *extra)
{
    struct client *c = client_open(w);
    client_write_ask(c, &(struct ask){.method = "GET", .path = path, .person = p, .extra = extra});
    client_wait(c, "event: hello");
    return c;
}

static void test_stream_tells_of_a_sale(void **state)
{
    struct world *w = *state;
    struct person p = cashier(w);
    struct client *c = open_stream(w, &p, "/api/v1/stream?project=1", NULL);
    check_reply(world_post(w, &p, "key-00000001", SELL, ORDER), 201, "-");
    api_notify_event(w->api, world_number(w, "SELECT max(id) FROM event"));
    client_wait(c, "event: order");
    client_wait(c, "event: event");
    client_wait(c, "event: wall");
    client_wait(c, "\"rows\":[{\"id\":1,");
    client_close(c);
}

static void test_stream_resumes(void **state)
{
    struct world *w = *state;
    struct person p = cashier(w);
    char extra[128], position[64];
    struct client *c = open_stream(w, &p, "/api/v1/stream", NULL);
    stream_position(w->api->stream, position);
    api_notify_account(w->api, 1);
    client_wait(c, "event: wall");
    client_close(c);
    snprintf(extra, sizeof extra, "Last-Event-ID: %s\r\n", position);
    c = open_stream(w, &p, "/api/v1/stream", extra);
    client_wait(c, "event: wall");
    assert_null(strstr(c->reply, "event: reset"));
    client_close(c);
    c = open_stream(w, &p, "/api/v1/stream?after=0123456789abcdef-7", NULL);
    client_wait(c, "event: reset");
    client_close(c);
}

static void test_stream_stays_in_its_scope(void **state)
{
    struct world *w = *state;
    struct person p = cashier(w);
    world_person(w, AUTH_WARDEN, 1);
    struct person warden = world_login(w, "warden");
    struct client *c = open_stream(w, &p, "/api/v1/stream", NULL);
    struct client *other = open_stream(w, &warden, "/api/v1/stream", NULL);
    api_notify_account(w->api, 3); /* of project 2 */
    api_notify_account(w->api, 1);
    client_wait(c, "event: wall");
    client_wait(other, "event: wall");
    assert_null(strstr(c->reply, "\"id\":3,"));
    assert_non_null(strstr(other->reply, "\"available_fen\":null"));
    client_close(c);
    client_close(other);
    check_reply(world_get(w, &p, "/api/v1/stream?project=2"), 404, "NOT_FOUND");
    check_reply(world_get(w, NULL, "/api/v1/stream"), 401, "AUTH_NONE");
}

/* ---- files, health, metrics ---- */

static void test_files(void **state)
{
    struct world *w = *state;
    struct reply r = world_get(w, NULL, "/");
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "<!doctype html>console");
    assert_non_null(strstr(r.head, "text/html; charset=utf-8"));
    assert_non_null(strstr(r.head, "Content-Security-Policy: default-src 'self'"));
    assert_non_null(strstr(r.head, "Cache-Control: no-cache"));
    char etag[128];
    const char *at = strstr(r.head, "ETag: ");
    assert_non_null(at);
    snprintf(etag, sizeof etag, "If-None-Match: %.34s\r\n", at + 6);
    reply_free(&r);
    r = world_ask(w, &(struct ask){.method = "GET", .path = "/", .extra = etag});
    assert_int_equal(r.status, 304);
    reply_free(&r);
    r = world_get(w, NULL, "/accounts/17"); /* a page of the console itself */
    assert_string_equal(r.body, "<!doctype html>console");
    reply_free(&r);
    r = world_get(w, NULL, "/assets/app-1a2b.js");
    assert_string_equal(r.body, "let plain");
    assert_non_null(strstr(r.head, "immutable"));
    assert_null(strstr(r.head, "Content-Encoding"));
    reply_free(&r);
    r = world_ask(w, &(struct ask){.method = "GET",
                                   .path = "/assets/app-1a2b.js",
                                   .extra = "Accept-Encoding: gzip, br\r\n"});
    assert_string_equal(r.body, "zipped");
    assert_non_null(strstr(r.head, "Content-Encoding: gzip"));
    assert_non_null(strstr(r.head, "Vary: Accept-Encoding"));
    reply_free(&r);
    static const char *const absent[] = {
        "/assets/none.js", "/../etc/passwd.txt", "/assets/../secret.txt",  "/.hidden.js",
        "/assets/.x.js",   "/%2e%2e/secret.txt", "/assets/app-1a2b.js.gz", "/a//b.js",
    };
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        r = world_get(w, NULL, absent[i]);
        if (r.status != 404)
            fail_msg("%s: %d", absent[i], r.status);
        reply_free(&r);
    }
    r = world_get(w, NULL, "/secret"); /* a file of unknown kind is no file */
    assert_string_equal(r.body, "<!doctype html>console");
    reply_free(&r);
}

static void test_health_and_metrics(void **state)
{
    struct world *w = *state;
    struct reply r = world_get(w, NULL, "/healthz");
    assert_string_equal(reply_text(&r, "status"), "ok");
    assert_string_equal(reply_text(&r, "version"), "test");
    check_reply(r, 200, "-");
    r = world_get(w, NULL, "/metrics");
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.head, "text/plain; version=0.0.4"));
    assert_non_null(strstr(r.body, "\n# TYPE yufu_http_requests_total counter\n"));
    assert_non_null(strstr(r.body, "\nyufu_meters 0\n"));
    reply_free(&r);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_log_in),
        CASE(test_cookie_attributes),
        CASE(test_throttled_log_in_says_when),
        CASE(test_one_time_password),
        CASE(test_foreign_pages_are_refused),
        CASE(test_sale_and_its_trail),
        CASE(test_sale_into_a_meter),
        CASE(test_key_is_for_one_wish),
        CASE(test_bad_sales_change_nothing),
        CASE(test_problem_names_the_field),
        CASE(test_double_submit_hammer),
        CASE(test_relay_and_keep),
        CASE(test_warden_restores_but_does_not_cut),
        CASE(test_claim_code),
        CASE(test_legacy_seal),
        CASE(test_gateway_meters),
        CASE(test_gateway_lines),
        CASE(test_lists),
        CASE(test_wall_knows_what_was_read_back),
        CASE(test_events_speak_in_words),
        CASE(test_bad_queries),
        CASE(test_body_too_large),
        CASE(test_import_names_rows),
        CASE(test_stream_tells_of_a_sale),
        CASE(test_stream_resumes),
        CASE(test_stream_stays_in_its_scope),
        CASE(test_files),
        CASE(test_health_and_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
