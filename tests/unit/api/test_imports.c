/* Imports in steps: brought, looked at in slices, written, listed, undone; who may see whose. */
#include "tests/unit/api/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api_import.h"

#define IMPORTS "/api/v1/projects/1/imports"
#define HEADER "project,building,room,account,wallet,plan,strategy,gateway,line,endpoint,address,model\n"
#define ROW_GOOD "A,D9,500,A500,platform,flat,standard,GW-A,1,tcp:127.0.0.1:9,000000000500,yufu-shop3p\n"
#define ROW_BAD "A,D9,501,A501,purse,flat,standard,GW-A,1,,000000000501,abacus\n"

static struct person admin(struct world *w)
{
    world_person(w, AUTH_ADMIN, 0);
    return world_login(w, "admin");
}

static struct reply bring(struct world *w, const struct person *p, const char *body)
{
    return world_ask(w, &(struct ask){.method = "POST",
                                      .path = IMPORTS "/checks?file=site.csv",
                                      .person = p,
                                      .type = "text/csv",
                                      .body = body});
}

static void path_of(const char *id, const char *rest, char out[128])
{
    snprintf(out, 128, IMPORTS "/checks/%s%s", id, rest);
}

/* Brings a file and waits until it is looked through. */
static void look_through(struct world *w, const struct person *p, const char *body, char id[20],
                         const char *state)
{
    char path[128], now[20] = "";
    struct reply r = bring(w, p, body);
    assert_int_equal(r.status, 202);
    snprintf(id, 20, "%s", reply_text(&r, "id"));
    reply_free(&r);
    path_of(id, "", path);
    for (int i = 0; i < 2000; i++) {
        r = world_get(w, p, path);
        assert_int_equal(r.status, 200);
        snprintf(now, sizeof now, "%s", reply_text(&r, "state"));
        reply_free(&r);
        if (strcmp(now, "reading") != 0 && strcmp(now, "comparing") != 0)
            break;
    }
    assert_string_equal(now, state);
}

static struct reply write_it(struct world *w, const struct person *p, const char *id,
                             const char *key)
{
    char path[128];
    path_of(id, "/write", path);
    return world_ask(w, &(struct ask){.method = "POST", .path = path, .person = p, .key = key});
}

static struct reply undo(struct world *w, const struct person *p, const char *key, int64_t id)
{
    char body[96];
    snprintf(body, sizeof body, "{\"import\":%lld,\"reason\":\"wrong file\"}", (long long)id);
    return world_post(w, p, key, IMPORTS "/undo", body);
}

static void test_brought_looked_at_written_undone(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    char id[20], path[128];
    int64_t meters = world_number(w, "SELECT count(*) FROM meter");
    look_through(w, &p, HEADER ROW_GOOD, id, "ready");
    assert_int_equal(world_number(w, "SELECT count(*) FROM meter"), meters);
    path_of(id, "/rows?change=new", path);
    struct reply r = world_get(w, &p, path);
    json_t *row = json_array_get(json_object_get(r.json, "rows"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "place")), "D9/500");
    assert_int_equal(json_integer_value(json_object_get(row, "row")), 2);
    check_reply(r, 200, "-");
    path_of(id, "/rows?change=odd", path);
    check_reply(world_get(w, &p, path), 400, "API_FIELD");

    r = write_it(w, &p, id, "import-0001");
    int64_t import = reply_int(&r, "import");
    assert_int_equal(reply_int(&r, "added"), 1);
    check_reply(r, 200, "-");
    assert_int_equal(world_number(w, "SELECT count(*) FROM meter"), meters + 1);
    r = write_it(w, &p, id, "import-0001"); /* the answer was lost: told again */
    assert_int_equal(reply_int(&r, "import"), import);
    check_reply(r, 200, "-");
    r = write_it(w, &p, id, "import-0002"); /* everything is the same by now */
    assert_true(json_is_null(json_object_get(r.json, "import")));
    check_reply(r, 200, "-");

    r = world_get(w, &p, IMPORTS);
    row = json_array_get(json_object_get(r.json, "imports"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "file")), "site.csv");
    check_reply(r, 200, "-");
    check_reply(world_get(w, &p, IMPORTS "/undo?import=1"), 200, "-");
    check_reply(world_get(w, &p, IMPORTS "/undo?import=99"), 404, "NOT_FOUND");
    check_reply(world_get(w, &p, IMPORTS "/undo"), 400, "API_FIELD");
    check_reply(undo(w, &p, "undo-00001", import), 200, "-");
    assert_int_equal(world_number(w, "SELECT count(*) FROM meter"), meters);
    check_reply(undo(w, &p, "undo-00002", import), 409, "SITE_UNDONE");
}

static void test_undo_is_refused_by_name(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    char id[20];
    look_through(w, &p, HEADER ROW_GOOD, id, "ready");
    check_reply(write_it(w, &p, id, "import-0001"), 200, "-");
    world_execute(w, "INSERT INTO other_bill (account_id, bill_id, service, title, amount_fen, "
                     "billed_at, billed_by) SELECT id, 'bill-0001', 'rent', 'x', 1, 1, 'user:1' "
                     "FROM account WHERE code = 'A500'");
    struct reply r = undo(w, &p, "undo-00001", 1);
    json_t *b = json_array_get(json_object_get(r.json, "blockers"), 0);
    assert_string_equal(json_string_value(json_object_get(b, "code")), "A500");
    assert_string_equal(json_string_value(json_object_get(b, "reason")), "money");
    check_reply(r, 409, "SITE_UNDO");
    r = world_get(w, &p, IMPORTS "/undo?import=1");
    assert_int_equal(reply_int(&r, "blocker_count"), 1);
    check_reply(r, 200, "-");
    assert_int_equal(world_number(w, "SELECT count(*) FROM account WHERE code = 'A500'"), 1);
}

static void test_errors_are_told_and_come_as_a_file(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    char id[20], path[128];
    look_through(w, &p, HEADER ROW_GOOD ROW_BAD ROW_BAD, id, "faulty");
    path_of(id, "?limit=2&skip=1", path);
    struct reply r = world_get(w, &p, path);
    assert_int_equal(reply_int(&r, "error_count"), 4);
    assert_int_equal(json_array_size(json_object_get(r.json, "errors")), 2);
    assert_int_equal(json_array_size(json_object_get(r.json, "groups")), 2);
    check_reply(r, 200, "-");
    check_reply(write_it(w, &p, id, "import-0001"), 409, "STATE");
    path_of(id, "/failed", path);
    r = world_get(w, &p, path);
    assert_non_null(strstr(r.head, "text/csv"));
    assert_non_null(strstr(r.body, "CSV_WALLET"));
    assert_null(strstr(r.body, "A500"));
    check_reply(r, 200, "-");
}

/* A thousand and more rows take several turns of the loop. */
static void test_progress(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    size_t len = 0, cap = 400'000;
    char *text = malloc(cap), id[20], path[128];
    len += (size_t)snprintf(text, cap, HEADER);
    for (int i = 0; i < 3000; i++)
        len += (size_t)snprintf(text + len, cap - len,
                                "A,D9,%d,,,,,GW-Z,%d,tcp:127.0.0.1:%d,%d,yufu-shop3p\n", i,
                                i / 60 + 1, 9000 + i / 60, i);
    struct reply r = bring(w, &p, text);
    snprintf(id, sizeof id, "%s", reply_text(&r, "id"));
    check_reply(r, 202, "-");
    path_of(id, "", path);
    int busy = 0;
    for (int i = 0; i < 2000; i++) {
        r = world_get(w, &p, path);
        assert_true(reply_int(&r, "done") <= reply_int(&r, "total"));
        bool over = strcmp(reply_text(&r, "state"), "ready") == 0;
        check_reply(r, 200, "-");
        if (over)
            break;
        busy++;
    }
    assert_true(busy > 2); /* somebody else was answered in between */
    path_of(id, "/rows?change=new&after=2990&limit=5", path);
    r = world_get(w, &p, path);
    assert_int_equal(reply_int(&r, "next"), 2995);
    check_reply(r, 200, "-");
    free(text);
}

static void test_whose_it_is(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    char id[20], path[128];
    look_through(w, &p, HEADER ROW_GOOD, id, "ready");
    world_person(w, AUTH_ENGINEER, 1);
    struct person other = world_login(w, "engineer");
    path_of(id, "", path);
    check_reply(world_get(w, &other, path), 404, "SITE_FORGOTTEN");
    snprintf(path, sizeof path, "/api/v1/projects/2/imports/checks/%s", id);
    check_reply(world_get(w, &p, path), 404, "SITE_FORGOTTEN");
    path_of("0123456789abcdef", "/failed", path);
    check_reply(world_get(w, &p, path), 404, "SITE_FORGOTTEN");
    look_through(w, &other, "project,building,room,gateway,line,endpoint,address,model\n"
                            "B,D9,500,GW-B,1,tcp:127.0.0.1:9,500,yufu-shop3p\n", id, "foreign");
    check_reply(write_it(w, &other, id, "import-0001"), 409, "STATE");
    path_of(id, "/rows?change=new", path);
    check_reply(world_get(w, &other, path), 409, "STATE");
    look_through(w, &other, HEADER ROW_GOOD, id, "ready"); /* replaces the one before */
    check_reply(world_get(w, &other, path), 404, "SITE_FORGOTTEN");
    struct ask a = {.method = "POST", .path = IMPORTS "/checks", .person = &p,
                    .type = "application/json", .body = "{}"};
    check_reply(world_ask(w, &a), 415, "API_TYPE");
    check_reply(undo(w, &p, NULL, 1), 400, "API_KEY");
    check_reply(world_post(w, &p, "undo-00009", IMPORTS "/undo", "{\"import\":1,\"reason\":\"\"}"),
                400, "API_FIELD");
}

#define OTHERS "B,D1,401,401,platform,flat,standard,GW-B,1,tcp:127.0.0.1:9,000000000401,yufu-shop3p\n"
#define OF_B "A,D1,401,401,platform,flat,standard,GW-A,1,tcp:127.0.0.1:9,000000000401,yufu-shop3p\n"

/* A row of a project that one may not see is an error, and not a question about it. */
static void test_the_second_project_of_a_file(void **state)
{
    struct world *w = *state;
    char id[20], path[128];
    world_person(w, AUTH_ENGINEER, 1);
    struct person p = world_login(w, "engineer");
    look_through(w, &p, HEADER OF_B OTHERS, id, "faulty");
    path_of(id, "", path);
    struct reply r = world_get(w, &p, path);
    assert_int_equal(reply_int(&r, "error_count"), 1);
    assert_int_equal(reply_int(&r, "added"), 1);
    assert_int_equal(reply_int(&r, "same"), 0);
    const json_t *error = json_array_get(json_object_get(r.json, "errors"), 0);
    assert_string_equal(json_string_value(json_object_get(error, "code")), "CSV_PROJECT");
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(r.json, "objects"), i, one)
        if (strcmp(json_string_value(json_object_get(one, "object")), "account") == 0)
            assert_int_equal(json_integer_value(json_object_get(one, "added")), 1);
    check_reply(r, 200, "-");
    r = world_ask(w, &(struct ask){.method = "POST", .path = "/api/v1/projects/1/import?dry_run=1",
                                   .person = &p, .type = "text/csv", .body = HEADER OF_B OTHERS});
    assert_int_equal(reply_int(&r, "added"), 1);
    check_reply(r, 422, "SITE_IMPORT");
}

/* Forty Chinese characters are 120 bytes: the history shows as many as fit, and only whole ones. */
static void test_long_names_are_cut_between_characters(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    char path[1024] = IMPORTS "/checks?file=", name[97] = "", id[20];
    for (int i = 0; i < 40; i++) {
        snprintf(path + strlen(path), sizeof path - strlen(path), "%%E8%%A1%%A8");
        if (i < 32)
            strncat(name, "表", sizeof name - strlen(name) - 1);
    }
    struct reply r = world_ask(w, &(struct ask){.method = "POST", .path = path, .person = &p,
                                                .type = "text/csv", .body = HEADER ROW_GOOD});
    assert_string_equal(reply_text(&r, "file"), name);
    snprintf(id, sizeof id, "%s", reply_text(&r, "id"));
    check_reply(r, 202, "-");
    path_of(id, "", path);
    for (int i = 0; i < 100; i++)
        check_reply(world_get(w, &p, path), 200, "-");
    check_reply(write_it(w, &p, id, "import-0001"), 200, "-");
    r = world_get(w, &p, IMPORTS);
    const json_t *row = json_array_get(json_object_get(r.json, "imports"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "file")), name);
    check_reply(r, 200, "-");
}

/* One answer names a thousand errors, and says how many there are. */
static void test_errors_at_once_are_limited(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    size_t len = 0, cap = 400'000;
    char *text = malloc(cap);
    len += (size_t)snprintf(text, cap, HEADER);
    for (int i = 0; i < 1500; i++)
        len += (size_t)snprintf(text + len, cap - len, "A,D9,%d,,,,,GW-Z,1,tcp:127.0.0.1:9,%d,abacus\n",
                                i, i);
    struct reply r =
        world_ask(w, &(struct ask){.method = "POST", .path = "/api/v1/projects/1/import",
                                   .person = &p, .type = "text/csv", .body = text});
    assert_int_equal(json_array_size(json_object_get(r.json, "errors")), 1000);
    assert_int_equal(reply_int(&r, "error_count"), 1500);
    check_reply(r, 422, "SITE_IMPORT");
    free(text);
}

/* Whoever goes away gives the room back; only one's own. */
static void test_released(void **state)
{
    struct world *w = *state;
    struct person p = admin(w);
    world_person(w, AUTH_ENGINEER, 1);
    struct person other = world_login(w, "engineer");
    char id[20], path[128], release[128];
    look_through(w, &p, HEADER ROW_GOOD, id, "ready");
    path_of(id, "", path);
    path_of(id, "/release", release);
    check_reply(world_post(w, &other, NULL, release, ""), 404, "SITE_FORGOTTEN");
    check_reply(world_get(w, &p, path), 200, "-");
    check_reply(world_post(w, &p, NULL, release, ""), 204, "-");
    check_reply(world_get(w, &p, path), 404, "SITE_FORGOTTEN");
    check_reply(world_post(w, &p, NULL, release, ""), 404, "SITE_FORGOTTEN");
}

#define MINUTES 60'000

static void test_whose_room_a_new_file_takes(void **state)
{
    (void)state;
    static const struct {
        struct api_import_slot slots[4]; /* person, project, idle, used, busy */
        int expected;
    } cases[] = {
        {{{1, 1, 0, true}, {0}, {0}, {0}}, 1},
        {{{1, 1, 0, true}, {7, 2, 0, true, true}, {0}, {0}}, 1}, /* one file in each project */
        /* one's own, the longest untouched, before anybody else's */
        {{{1, 1, 90 * MINUTES, true}, {7, 1, 1, true}, {7, 3, 2, true}, {2, 1, 0, true}}, 2},
        {{{7, 1, 9, true, true}, {7, 3, 2, true}, {2, 1, 0, true}, {3, 1, 0, true}}, 1},
        /* then whoever has not touched his for five minutes */
        {{{1, 1, 6 * MINUTES, true}, {2, 1, 7 * MINUTES, true}, {3, 1, 1, true}, {4, 1, 1, true}}, 1},
        {{{1, 1, 6 * MINUTES, true, true}, {2, 1, 5 * MINUTES, true}, {3, 1, 1, true}, {4, 1, 1, true}},
         1},
        {{{1, 1, 5 * MINUTES - 1, true}, {2, 1, 4 * MINUTES, true}, {3, 1, 1, true}, {4, 1, 1, true}},
         -1},
        {{{1, 1, 9 * MINUTES, true, true}, {2, 1, 1, true}, {7, 1, 9, true, true}, {4, 1, 1, true}}, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(api_import_slot(cases[i].slots, 4, 7, 2), cases[i].expected);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
    const struct CMUnitTest tests[] = {
        CASE(test_brought_looked_at_written_undone),
        CASE(test_undo_is_refused_by_name),
        CASE(test_errors_are_told_and_come_as_a_file),
        CASE(test_progress),
        CASE(test_whose_it_is),
        CASE(test_the_second_project_of_a_file),
        CASE(test_long_names_are_cut_between_characters),
        CASE(test_errors_at_once_are_limited),
        CASE(test_released),
        cmocka_unit_test(test_whose_room_a_new_file_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
