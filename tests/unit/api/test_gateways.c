/* Gateways over the interface: claims, the legacy seal, meters, how lines fare. */
#include "tests/unit/api/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "headend/line_stats.h"

static void test_claim_code(void **state)
{
    struct world *w = *state;
    struct person p = world_admin(w);
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
    struct person p = world_admin(w);
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

/* What may be cut without the platform: the meter, the account, until when, by which rule. */
static void test_permits(void **state)
{
    struct world *w = *state;
    struct person p = world_admin(w);
    world_execute(w, "INSERT INTO away (account_id, gateway_id, state, made_at, valid_from, "
                     "valid_until, left_wh, available_fen, prepayment_fen, plan_version, strategy) "
                     "VALUES (1, 1, 'live', 900, 1000, 4000000000, 5000, 100, 100, "
                     "1, 'standard@3'), (2, 1, 'ended', 900, 1000, 4000000000, 5000, 100, 100, 1, "
                     "'standard@3')");
    world_execute(w, "INSERT INTO away_meter VALUES (71, 1, 1, 1, 0, 1, 5000, 900), "
                     "(72, 1, 1, 1, 0, 1, 9000, 800), (73, 2, 2, 1, 0, 1, 5000, 900)");
    struct reply r = world_get(w, &p, "/api/v1/gateways/1/permits");
    assert_int_equal(r.status, 200);
    json_t *list = json_object_get(r.json, "permits"), *one = json_array_get(list, 0);
    assert_int_equal(json_array_size(list), 1);
    assert_int_equal(json_integer_value(json_object_get(one, "account_id")), 1);
    assert_int_equal(json_integer_value(json_object_get(one, "meter_id")), 1);
    assert_int_equal(json_integer_value(json_object_get(one, "valid_until")), 4'000'000'000);
    assert_int_equal(json_integer_value(json_object_get(one, "left_wh")), 5'000);
    assert_string_equal(json_string_value(json_object_get(one, "strategy")), "standard@3");
    reply_free(&r);
    check_reply(world_get(w, &p, "/api/v1/gateways/99/permits"), 404, "NOT_FOUND");
}

/* A model that nobody knows stands for itself; what cannot be cut says so. */
static void test_gateway_meters(void **state)
{
    struct world *w = *state;
    struct person p = world_admin(w);
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
    struct person p = world_admin(w);
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

static struct reply push(struct world *w, struct person *p, const char *gateways, const char *key)
{
    char body[400];
    snprintf(body, sizeof body,
             "{\"package_id\": 7, \"gateways\": %s, \"first\": 0, \"from_minute\": 120, "
             "\"until_minute\": 300, \"trial_s\": 600, \"downgrade\": false, \"reason\": "
             "\"because\"}",
             gateways);
    return world_post(w, p, key, "/api/v1/projects/1/gateway-updates", body);
}

static const char *text_at(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

/* Ordered for gateways of the project that are claimed; told with its progress; taken back. */
static void test_gateway_updates(void **state)
{
    struct world *w = *state;
    struct person p = world_admin(w);
    struct ask a = {.method = "POST",
                    .path = "/api/v1/gateway-packages",
                    .person = &p,
                    .type = "application/octet-stream",
                    .body = "YUFUUPDT"};
    check_reply(world_ask(w, &a), 422, "SIGN_KEY"); /* nobody's files are taken here */
    a.type = "text/csv";
    check_reply(world_ask(w, &a), 415, "API_TYPE");
    check_reply(push(w, &p, "[1]", "key-00000001"), 404, "NOT_FOUND"); /* no such file */
    world_execute(w, "INSERT INTO gateway_package (id, sha256, version, machine, store, minimum, "
                     "size, key_id, actor, added_at) VALUES (7, zeroblob(32), '0.2.0', 'arm', 1, "
                     "'0.1.0', 8192, 'aa', 'user:1', 5)");
    check_reply(push(w, &p, "[1]", "key-00000002"), 409, "STATE"); /* not claimed */
    world_execute(w, "UPDATE gateway SET certificate_hash = zeroblob(32)");
    check_reply(push(w, &p, "[]", "key-00000003"), 400, "API_FIELD");
    check_reply(push(w, &p, "1", "key-00000004"), 400, "API_FIELD");
    check_reply(push(w, &p, "[\"1\"]", "key-00000005"), 400, "API_FIELD");
    check_reply(push(w, &p, "[1, 1]", "key-00000006"), 422, "RANGE");
    check_reply(push(w, &p, "[99]", "key-00000007"), 404, "NOT_FOUND");
    check_reply(push(w, &p, "[1]", NULL), 400, "API_KEY");
    struct reply r = push(w, &p, "[1]", "key-00000008");
    assert_int_equal(r.status, 201);
    assert_string_equal(reply_text(&r, "state"), "running");
    reply_free(&r);
    r = push(w, &p, "[1]", "key-00000008"); /* the same one again */
    assert_int_equal(r.status, 201);
    reply_free(&r);
    check_reply(push(w, &p, "[1]", "key-00000009"), 409, "UPDATE_BUSY");
    assert_int_equal(world_number(w, "SELECT count(*) FROM gateway_push"), 1);
    world_execute(w, "UPDATE gateway_push_part SET state = 'fetching', received = 4096");
    r = world_get(w, &p, "/api/v1/projects/1/gateway-updates");
    json_t *file = json_array_get(json_object_get(r.json, "packages"), 0);
    json_t *order = json_array_get(json_object_get(r.json, "pushes"), 0);
    json_t *part = json_array_get(json_object_get(order, "gateways"), 0);
    assert_int_equal(number_at(file, "in_use"), 1);
    assert_string_equal(text_at(order, "actor"), "user:1");
    assert_int_equal(number_at(order, "from_minute"), 120);
    assert_int_equal(number_at(part, "percent"), 50);
    reply_free(&r);
    check_reply(world_post(w, &p, NULL, "/api/v1/gateway-packages/remove", "{\"package_id\": 7}"),
                409, "UPDATE_USED");
    static const struct {
        const char *key, *path;
        int status;
        const char *code;
    } stops[] = {
        {"key-0000000a", "/api/v1/projects/2/gateway-updates/stop", 404, "NOT_FOUND"},
        {"key-0000000b", "/api/v1/projects/1/gateway-updates/stop", 200, "-"},
        {"key-0000000c", "/api/v1/projects/1/gateway-updates/stop", 409, "STATE"},
    };
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        check_reply(
            world_post(w, &p, stops[i].key, stops[i].path, "{\"push_id\": 1, \"reason\": \"x\"}"),
            stops[i].status, stops[i].code);
    world_execute(w, "UPDATE gateway_push_part SET state = 'failed', error = 'UPDATE_SPACE'");
    r = world_get(w, &p, "/api/v1/projects/1/gateways");
    json_t *program =
        json_object_get(json_array_get(json_object_get(r.json, "gateways"), 0), "program");
    assert_string_equal(text_at(json_object_get(program, "update"), "error"), "UPDATE_SPACE");
    assert_non_null(text_at(json_object_get(program, "update"), "error_zh"));
    reply_free(&r);
    check_reply(world_post(w, &p, NULL, "/api/v1/gateway-packages/remove", "{\"package_id\": 7}"),
                200, "-");
    check_reply(world_post(w, &p, NULL, "/api/v1/gateway-packages/remove", "{\"package_id\": 7}"),
                404, "NOT_FOUND");
    assert_int_equal(world_number(w, "SELECT count(*) FROM audit WHERE action LIKE 'gateway.pu%'"),
                     2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_claim_code),    CASE(test_legacy_seal),     CASE(test_gateway_meters),
        CASE(test_claim_code),    CASE(test_permits),         CASE(test_gateway_meters),
        CASE(test_gateway_lines), CASE(test_gateway_updates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
