/* The whole interface over real sockets: log-in, sale, control, lists, stream, files. */
#include "tests/unit/api/world.h"

#include <stdio.h>
#include <stdlib.h>

#define SELL "/api/v1/accounts/1/orders"
#define ORDER "{\"order_id\": \"order-0001\", \"amount_fen\": 5000, \"method\": \"cash\"}"

/* ---- log-in ---- */

static void test_log_in(void **state)
{
    struct world *w = *state;
    check_reply(world_get(w, NULL, "/api/v1/me"), 401, "AUTH_NONE");
    struct person p = world_cashier(w);
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
    struct person p = world_cashier(w);
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
    assert_int_equal(world_money_rows(w), 0);
    a.extra = "Origin: http://test\r\nSec-Fetch-Site: same-origin\r\n";
    check_reply(world_ask(w, &a), 201, "-");
}

/* ---- sale ---- */

static void test_sale_and_its_trail(void **state)
{
    struct world *w = *state;
    struct person p = world_cashier(w);
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
    struct person p = world_cashier(w);
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
    struct person p = world_cashier(w);
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
    struct person p = world_cashier(w);
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
    assert_int_equal(world_money_rows(w), 0);
    check_reply(world_post(w, &p, "key-00000001", SELL, ORDER), 201,
                "-"); /* the key is free still */
}

static void test_problem_names_the_field(void **state)
{
    struct world *w = *state;
    struct person p = world_cashier(w);
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
    struct person p = world_cashier(w);
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

/* Answers are kept for thirty days; older ones go, some hundred at a time. However the clock leaps,
 * the newest ten thousand stay. */
static void test_old_answers_go(void **state)
{
    enum { KEPT = 10'000, OLD = KEPT + 700 };
    struct world *w = *state;
    struct person p = world_cashier(w);
    char sql[512];
    check_reply(world_post(w, &p, "key-00000001", SELL, ORDER), 201, "-");
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
             "INSERT INTO idempotency SELECT actor, 'old-' || i, request_hash, status, body, "
             "at - 30 * 86400 - i FROM n, idempotency WHERE key = 'key-00000001'",
             OLD);
    world_execute(w, sql);
    world_execute(w, "INSERT INTO idempotency SELECT actor, 'young-01', request_hash, status, "
                     "body, at - 30 * 86400 + 3600 FROM idempotency WHERE key = 'key-00000001'");
    api_repeat_forget(w->api);
    store_flush(w->ledger);
    assert_int_equal(world_number(w, "SELECT count(*) FROM idempotency"), 2 + OLD - 500);
    assert_int_equal(world_number(w, "SELECT count(*) FROM idempotency WHERE key = 'old-1'"), 1);
    api_repeat_forget(w->api);
    store_flush(w->ledger);
    assert_int_equal(world_number(w, "SELECT count(*) FROM idempotency"), KEPT);
    world_execute(w, "UPDATE idempotency SET at = at - 400 * 86400");
    api_repeat_forget(w->api);
    store_flush(w->ledger);
    assert_int_equal(world_number(w, "SELECT count(*) FROM idempotency"), KEPT);
    struct reply r = world_post(w, &p, "key-00000001", SELL, ORDER);
    assert_non_null(strstr(r.head, "Idempotent-Replay: true"));
    reply_free(&r);
    assert_int_equal(world_number(w, "SELECT count(*) FROM sale_order"), 1);
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

/* A circuit returns with the whole meter; what was cut by itself can be let go before. */
static void test_no_circuit_returns_while_the_whole_is_cut(void **state)
{
    struct world *w = *state;
    world_person(w, AUTH_OFFICER, 1);
    struct person p = world_login(w, "officer");
    world_execute(w, "UPDATE meter SET circuits = 3 WHERE id = 1");
    static const struct {
        const char *key, *body, *error;
        int status;
    } steps[] = {
        {"relay-000001", "{\"circuit\": 2, \"desired\": \"open\", \"reason\": \"work\"}", "-", 202},
        {"relay-000002", "{\"circuit\": 0, \"desired\": \"open\", \"reason\": \"test\"}", "-", 202},
        {"relay-000003", "{\"circuit\": 1, \"desired\": \"closed\", \"reason\": \"light\"}",
         "CONTROL_WHOLE", 409},
        {"relay-000004", "{\"circuit\": 2, \"desired\": \"closed\", \"reason\": \"done\"}", "-",
         202},
        {"relay-000005", "{\"circuit\": 0, \"desired\": \"closed\", \"reason\": \"test\"}", "-",
         202},
        {"relay-000006", "{\"circuit\": 1, \"desired\": \"closed\", \"reason\": \"light\"}", "-",
         202},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        check_reply(world_post(w, &p, steps[i].key, "/api/v1/meters/1/relay", steps[i].body),
                    steps[i].status, steps[i].error);
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
    struct person p = world_cashier(w);
    struct client *c = open_stream(w, &p, "/api/v1/stream?project=1", NULL);
    check_reply(world_post(w, &p, "key-00000001", SELL, ORDER), 201, "-");
    api_notify_event(w->api, world_number(w, "SELECT max(id) FROM event"));
    client_wait(c, "event: order");
    client_wait(c, "event: event");
    client_wait(c, "event: wall");
    client_wait(c, "\"rows\":[{\"id\":1,");
    client_close(c);
}

/* Twenty pages of one person; the next is told when to come back, and comes in when one is closed.
 */
static void test_stream_is_full(void **state)
{
    enum { MOST = 20 };
    struct world *w = *state;
    struct person p = world_cashier(w);
    struct client *open[MOST];
    for (int i = 0; i < MOST; i++)
        open[i] = open_stream(w, &p, "/api/v1/stream?project=1", NULL);
    struct client *one_more = client_open(w);
    client_write_ask(
        one_more, &(struct ask){.method = "GET", .path = "/api/v1/stream?project=1", .person = &p});
    client_wait(one_more, "API_STREAMS");
    assert_non_null(strstr(one_more->reply, "HTTP/1.1 503"));
    assert_non_null(strstr(one_more->reply, "Retry-After: 10\r\n"));
    client_close(one_more);
    assert_int_equal(stream_clients(w->api->stream), MOST);
    /* What the page shows is to be had without a stream, and others have theirs. */
    check_reply(world_get(w, &p, "/api/v1/projects/1/wall"), 200, "-");
    struct person other = world_admin(w);
    client_close(open_stream(w, &other, "/api/v1/stream?project=1", NULL));
    for (int i = 0; i < MOST; i++)
        client_close(open[i]);
}

static void test_stream_resumes(void **state)
{
    struct world *w = *state;
    struct person p = world_cashier(w);
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
    struct person p = world_cashier(w);
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
        CASE(test_old_answers_go),
        CASE(test_double_submit_hammer),
        CASE(test_relay_and_keep),
        CASE(test_no_circuit_returns_while_the_whole_is_cut),
        CASE(test_warden_restores_but_does_not_cut),
        CASE(test_stream_tells_of_a_sale),
        CASE(test_stream_is_full),
        CASE(test_stream_resumes),
        CASE(test_stream_stays_in_its_scope),
        CASE(test_files),
        CASE(test_health_and_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
