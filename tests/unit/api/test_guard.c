/* Protections, approvals, packages over the interface. */
#include "tests/unit/api/world.h"

#include <stdio.h>
#include <stdlib.h>

#define PROTECTIONS "/api/v1/projects/1/protections"
#define APPROVALS "/api/v1/projects/1/approvals"
#define PACKAGES "/api/v1/projects/1/fee-packages"

static struct person log_in(struct world *w, enum auth_role role)
{
    world_person(w, role, 1);
    return world_login(w, auth_role_name(role));
}

static size_t length(const struct reply *r, const char *list)
{
    return json_array_size(json_object_get(r->json, list));
}

/* ---- protections ---- */

static void test_protect_and_lift(void **state)
{
    struct world *w = *state;
    struct person p = log_in(w, AUTH_OFFICER);
    struct reply r = world_post(w, &p, "key-00000001", PROTECTIONS,
                                "{\"scope\": \"account\", \"object_id\": 1, \"kind\": \"medical\", "
                                "\"from\": 0, \"until\": 0, \"reason\": \"oxygen\"}");
    assert_int_equal(r.status, 201);
    int64_t id = reply_int(&r, "id");
    assert_true(json_is_null(json_object_get(r.json, "until")));
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/accounts/1/protections?now=1");
    assert_int_equal(length(&r, "protections"), 1);
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/accounts/2/protections");
    assert_int_equal(length(&r, "protections"), 0);
    reply_free(&r);
    char body[100];
    snprintf(body, sizeof body, "{\"id\": %lld, \"reason\": \"over\"}", (long long)id);
    r = world_post(w, &p, "key-00000002", PROTECTIONS "/lift", body);
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_text(&r, "lift_reason"), "over");
    reply_free(&r);
    check_reply(world_post(w, &p, "key-00000003", PROTECTIONS "/lift", body), 409, "STATE");
    r = world_get(w, &p, PROTECTIONS "?now=1");
    assert_int_equal(length(&r, "protections"), 0);
    reply_free(&r);
}

static void test_refused_protections(void **state)
{
    struct world *w = *state;
    struct person p = log_in(w, AUTH_OFFICER);
    static const struct {
        const char *body;
        int status;
        const char *code;
    } rows[] = {
        {"{\"scope\": \"account\", \"object_id\": 3, \"kind\": \"exam\", \"from\": 0, \"until\": "
         "0, "
         "\"reason\": \"x\"}",
         404, "NOT_FOUND"}, /* of the other project */
        {"{\"scope\": \"town\", \"object_id\": 1, \"kind\": \"exam\", \"from\": 0, \"until\": 0, "
         "\"reason\": \"x\"}",
         400, "API_FIELD"},
        {"{\"scope\": \"account\", \"object_id\": 1, \"kind\": \"mood\", \"from\": 0, \"until\": "
         "0, "
         "\"reason\": \"x\"}",
         400, "API_FIELD"},
        {"{\"scope\": \"account\", \"object_id\": 1, \"kind\": \"exam\", \"from\": 9, \"until\": "
         "8, "
         "\"reason\": \"x\"}",
         422, "RANGE"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char key[20];
        snprintf(key, sizeof key, "key-0000010%zu", i);
        check_reply(world_post(w, &p, key, PROTECTIONS, rows[i].body), rows[i].status,
                    rows[i].code);
    }
    assert_int_equal(world_number(w, "SELECT count(*) FROM protection"), 0);
    check_reply(
        world_post(w, &p, "key-00000120", PROTECTIONS "/lift", "{\"id\": 77, \"reason\": \"x\"}"),
        404, "NOT_FOUND");
}

/* ---- approvals ---- */

static void propose(struct world *w)
{
    world_execute(w, "INSERT INTO cut_approval (id, project_id, account_id, episode, state, "
                     "persons, available_fen, detail, proposed_at, expires_at) "
                     "VALUES (1, 1, 1, 0, 'proposed', 2, -500, '{}', 1, 4000000000)");
}

static void test_two_people_decide(void **state)
{
    struct world *w = *state;
    struct person officer = log_in(w, AUTH_OFFICER), manager = log_in(w, AUTH_MANAGER);
    propose(w);
    struct reply r = world_get(w, &officer, APPROVALS "?open=1");
    assert_int_equal(length(&r, "approvals"), 1);
    reply_free(&r);
    r = world_post(w, &officer, "key-00000001", APPROVALS "/decide",
                   "{\"id\": 1, \"act\": \"approve\", \"reason\": \"asked twice\"}");
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_text(&r, "state"), "approved");
    reply_free(&r);
    check_reply(world_post(w, &officer, "key-00000002", APPROVALS "/decide",
                           "{\"id\": 1, \"act\": \"release\", \"reason\": \"myself\"}"),
                409, "CONTROL_SECOND_PERSON");
    r = world_post(w, &manager, "key-00000003", APPROVALS "/decide",
                   "{\"id\": 1, \"act\": \"refuse\", \"reason\": \"he paid in cash\"}");
    assert_int_equal(r.status, 200);
    assert_string_equal(reply_text(&r, "state"), "refused");
    reply_free(&r);
    r = world_get(w, &officer, APPROVALS "?open=1");
    assert_int_equal(length(&r, "approvals"), 0);
    reply_free(&r);
}

static void propose_many(struct world *w)
{
    world_execute(w,
                  "WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 13) "
                  "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
                  "strategy_code, opened_at) SELECT i, 1, (SELECT place_id FROM account WHERE "
                  "id = 1), 'n' || i, 'n', 'platform', 'x', 'x', 1 FROM n");
    world_execute(w, "INSERT INTO cut_approval (id, project_id, account_id, episode, state, "
                     "persons, available_fen, detail, proposed_at, expires_at, approved_at, "
                     "approved_by) VALUES "
                     "(10, 1, 10, 0, 'proposed', 1, -500, '{}', 1, 4000000000, NULL, NULL), "
                     "(11, 1, 11, 0, 'proposed', 2, -600, '{}', 1, 4000000000, NULL, NULL), "
                     "(12, 1, 12, 0, 'approved', 2, -700, '{}', 1, 4000000000, 2, 'user:99'), "
                     "(13, 1, 13, 0, 'proposed', 1, -800, '{}', 1, 2, NULL, NULL)");
}

static const char *code_of(const struct reply *r, size_t i)
{
    const json_t *one = json_array_get(json_object_get(r->json, "results"), i);
    return json_string_value(json_object_get(one, "code"));
}

static void check_codes(struct reply r, const char *codes[], size_t count)
{
    assert_int_equal(r.status, 200);
    assert_int_equal(length(&r, "results"), count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(code_of(&r, i), codes[i]);
    reply_free(&r);
}

/* Each on its own: what may not be, is refused beside what may; what is not as it was seen is left.
 */
static void test_many_are_decided_at_once(void **state)
{
    struct world *w = *state;
    struct person p = log_in(w, AUTH_OFFICER);
    const char *body = "{\"items\": [{\"id\": 10, \"state\": \"proposed\"}, {\"id\": 11, "
                       "\"state\": \"proposed\"}, {\"id\": 12, \"state\": \"proposed\"}, "
                       "{\"id\": 13, \"state\": \"proposed\"}, {\"id\": 77, \"state\": "
                       "\"proposed\"}, {\"id\": 11, \"state\": \"proposed\"}], "
                       "\"act\": \"approve\", \"reason\": \"told three times\"}";
    const char *codes[] = {"OK", "OK", "STATE", "STATE", "NOT_FOUND", "STATE"};
    propose_many(w);
    check_codes(world_post(w, &p, "key-00000001", APPROVALS "/decide-many", body), codes, 6);
    assert_int_equal(world_number(w, "SELECT count(*) FROM cut_approval WHERE state = 'approved'"),
                     3);
    /* The same request again, after a lost answer or a double click, is the same act. */
    check_codes(world_post(w, &p, "key-00000001", APPROVALS "/decide-many", body), codes, 6);
    assert_int_equal(world_number(w, "SELECT count(*) FROM audit WHERE action = 'fee.approved'"),
                     2);
    body = "{\"items\": [{\"id\": 11, \"state\": \"approved\"}, {\"id\": 12, \"state\": "
           "\"approved\"}], \"act\": \"release\", \"reason\": \"second\"}";
    check_codes(world_post(w, &p, "key-00000002", APPROVALS "/decide-many", body),
                (const char *[]){"CONTROL_SECOND_PERSON", "OK"}, 2);
    /* A refusal of what was seen as only proposed does not undo what a colleague approved since. */
    body = "{\"items\": [{\"id\": 11, \"state\": \"proposed\"}], \"act\": \"refuse\", "
           "\"reason\": \"paid\"}";
    check_codes(world_post(w, &p, "key-00000003", APPROVALS "/decide-many", body),
                (const char *[]){"STATE"}, 1);
}

static void test_many_refused_as_a_whole(void **state)
{
    struct world *w = *state;
    struct person p = log_in(w, AUTH_OFFICER), finance = log_in(w, AUTH_FINANCE);
    const char *bodies[] = {
        "{\"items\": [], \"act\": \"approve\", \"reason\": \"x\"}",
        "{\"items\": [{\"id\": 10}], \"act\": \"approve\", \"reason\": \"x\"}",
        "{\"items\": [{\"id\": 10, \"state\": \"proposed\"}, {\"id\": 0, \"state\": "
        "\"proposed\"}], "
        "\"act\": \"approve\", \"reason\": \"x\"}",
        "{\"items\": [{\"id\": 10, \"state\": \"proposed\"}], \"act\": \"wait\", \"reason\": "
        "\"x\"}",
    };
    propose_many(w);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char key[20];
        snprintf(key, sizeof key, "key-0000020%zu", i);
        check_reply(world_post(w, &p, key, APPROVALS "/decide-many", bodies[i]), 400, "API_FIELD");
    }
    check_reply(world_post(w, &finance, "key-00000300", APPROVALS "/decide-many",
                           "{\"items\": [{\"id\": 10, \"state\": \"proposed\"}], "
                           "\"act\": \"approve\", \"reason\": \"x\"}"),
                403, "AUTH_FORBIDDEN");
    assert_int_equal(world_number(w, "SELECT count(*) FROM cut_approval WHERE state = 'approved'"),
                     1);
}

static void test_refused_verdicts(void **state)
{
    struct world *w = *state;
    struct person p = log_in(w, AUTH_OFFICER);
    check_reply(world_post(w, &p, "key-00000001", APPROVALS "/decide",
                           "{\"id\": 1, \"act\": \"approve\", \"reason\": \"x\"}"),
                404, "NOT_FOUND");
    propose(w);
    check_reply(world_post(w, &p, "key-00000002", APPROVALS "/decide",
                           "{\"id\": 1, \"act\": \"wait\", \"reason\": \"x\"}"),
                400, "API_FIELD");
    check_reply(world_post(w, &p, "key-00000003", APPROVALS "/decide",
                           "{\"id\": 1, \"act\": \"release\", \"reason\": \"x\"}"),
                409, "STATE");
}

/* ---- packages ---- */

#define PACKAGE                                                                                    \
    "{\"code\": \"gentle\", \"name_zh\": \"温和\", \"name_en\": \"Gentle\", \"strategy\": "      \
    "\"%s\", \"channels\": \"%s\", \"restore\": \"safe\", \"offered\": true, "                     \
    "\"effective_at\": 1790000000}"

static void test_packages(void **state)
{
    struct world *w = *state;
    struct person p = log_in(w, AUTH_MANAGER);
    char body[400];
    snprintf(body, sizeof body, PACKAGE, "standard", "console sms");
    check_reply(world_post(w, &p, "key-00000001", PACKAGES, body), 201, "-");
    check_reply(world_post(w, &p, "key-00000002", "/api/v1/projects/1/fee-baseline",
                           "{\"strategy\": \"standard\"}"),
                200, "-");
    struct reply r = world_get(w, &p, PACKAGES);
    json_t *one = json_array_get(json_object_get(r.json, "packages"), 0);
    assert_int_equal(json_array_size(json_object_get(one, "channels")), 2);
    assert_string_equal(reply_text(&r, "baseline"), "standard");
    reply_free(&r);
    check_reply(world_post(w, &p, "key-00000003", "/api/v1/accounts/1/fee-package",
                           "{\"package\": \"gentle\"}"),
                200, "-");
    r = world_get(w, &p, PACKAGES);
    one = json_array_get(json_object_get(r.json, "users"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "package")), "gentle");
    assert_int_equal(json_integer_value(json_object_get(one, "accounts")), 1);
    assert_int_equal(reply_int(&r, "baseline_accounts"), 0);
    reply_free(&r);
    check_reply(world_post(w, &p, "key-00000004", "/api/v1/accounts/1/fee-package",
                           "{\"package\": \"none\"}"),
                422, "CONTROL_PACKAGE");
    snprintf(body, sizeof body, PACKAGE, "unknown", "");
    check_reply(world_post(w, &p, "key-00000005", PACKAGES, body), 422, "SITE_STRATEGY_UNKNOWN");
    snprintf(body, sizeof body, PACKAGE, "standard", "drums");
    check_reply(world_post(w, &p, "key-00000006", PACKAGES, body), 400, "API_FIELD");
}

static void test_who_chose_what(void **state)
{
    struct world *w = *state;
    struct person p = log_in(w, AUTH_MANAGER);
    world_execute(w, "INSERT INTO strategy_package (id, project_id, code, version, effective_at, "
                     "name_zh, name_en, strategy_code, restore) "
                     "VALUES (1, 1, 'pk', 1, 1, 'p', 'p', 'standard', 'direct')");
    world_execute(w, "INSERT INTO account_package VALUES (1, 10, 1, 'old', 'user:7'), "
                     "(1, 20, 2, 'pk', 'user:8'), (2, 30, 1, 'pk', 'user:9')");
    struct reply r = world_get(w, &p, PACKAGES "/choices?package=pk&limit=1");
    json_t *one = json_array_get(json_object_get(r.json, "choices"), 0);
    assert_int_equal(json_integer_value(json_object_get(one, "account_id")), 1);
    assert_int_equal(json_integer_value(json_object_get(one, "chosen_at")), 20);
    assert_string_equal(json_string_value(json_object_get(one, "actor")), "user:8");
    assert_int_equal(reply_int(&r, "next"), 1);
    reply_free(&r);
    r = world_get(w, &p, PACKAGES "/choices?after=1");
    assert_int_equal(json_array_size(json_object_get(r.json, "choices")), 1);
    reply_free(&r);
    r = world_get(w, &p, PACKAGES "/choices?package=old");
    assert_int_equal(json_array_size(json_object_get(r.json, "choices")), 0);
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/accounts/1/fee-package");
    assert_string_equal(reply_text(&r, "package"), "pk");
    assert_string_equal(reply_text(&r, "strategy"), "standard");
    assert_int_equal(json_array_size(json_object_get(r.json, "choices")), 2);
    reply_free(&r);
    /* the account itself tells the strategy that it lives under, not the one that it names */
    world_execute(w, "UPDATE account SET strategy_code = 'elsewhere' WHERE id = 1");
    r = world_get(w, &p, "/api/v1/accounts/1");
    one = json_object_get(r.json, "strategy");
    assert_string_equal(json_string_value(json_object_get(one, "code")), "standard");
    reply_free(&r);
    world_execute(w, "UPDATE account_package SET package_code = '' WHERE account_id = 1");
    r = world_get(w, &p, "/api/v1/accounts/1/fee-package");
    assert_true(json_is_null(json_object_get(r.json, "strategy"))); /* it names none that exists */
    reply_free(&r);
    check_reply(world_get(w, &p, PACKAGES "/choices?after=x"), 400, "-");
    check_reply(world_get(w, &p, "/api/v1/accounts/3/fee-package"), 404, "-");
}

/* ---- on behalf of a customer ---- */

static void test_nothing_to_give(void **state)
{
    struct world *w = *state;
    struct person p = log_in(w, AUTH_OFFICER);
    check_reply(world_post(w, &p, "key-00000001", "/api/v1/accounts/1/emergency-credit", NULL), 409,
                "-");
    check_reply(world_post(w, &p, "key-00000002", "/api/v1/accounts/1/confirm-restore", NULL), 409,
                "STATE");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_protect_and_lift),        CASE(test_refused_protections),
        CASE(test_two_people_decide),       CASE(test_many_are_decided_at_once),
        CASE(test_many_refused_as_a_whole), CASE(test_refused_verdicts),
        CASE(test_who_chose_what),          CASE(test_packages),
        CASE(test_nothing_to_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
