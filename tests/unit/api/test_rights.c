/* Every route x every role x own and foreign project: the answer is what the table of rights says.
 */
#include "tests/unit/api/world.h"

#include <stdio.h>
#include <stdlib.h>

/* The route's address with the ids of a project: 1 is "A", 2 is "B". */
static void address(const struct api_route *r, int project, char out[160])
{
    char id[16];
    static const int account[] = {0, 1, 3};
    int value =
        r->scope == API_SCOPE_ACCOUNT || r->scope == API_SCOPE_METER ? account[project] : project;
    size_t len = 0;
    snprintf(id, sizeof id, "%d", value);
    for (const char *p = r->path; *p;) {
        if (strncmp(p, "{id}", 4) == 0) {
            len += (size_t)snprintf(out + len, 160 - len, "%s", id);
            p += 4;
        } else if (strncmp(p, "{order}", 7) == 0) {
            len += (size_t)snprintf(out + len, 160 - len, "order-%04d", project);
            p += 7;
        } else {
            out[len++] = *p++;
        }
    }
    out[len] = '\0';
}

/* What must come. 0: whatever the handler says, as long as it is not about rights. */
static int expected(const struct api_route *r, enum auth_role role, int project)
{
    if (r->permission == API_PUBLIC || r->permission == API_LOCAL)
        return 0;
    if (!auth_role_may(role, (enum auth_verb)(r->permission - 16)))
        return 403;
    if (r->scope != API_SCOPE_NONE && project == 2 && role != AUTH_ADMIN)
        return 404;
    if (!r->keyed && strstr(r->path, "/imports/checks/{order}"))
        return 404; /* a file that nobody brought */
    return 0;
}

static bool is_stream(const struct api_route *r)
{
    return r->handle == api_stream_open;
}

static int status_of(struct world *w, const struct person *p, const struct api_route *r,
                     int project)
{
    char path[160];
    address(r, project, path);
    struct ask a = {.method = r->method == HTTP_GET ? "GET" : "POST", .path = path, .person = p};
    struct reply reply = world_ask(w, &a);
    int status = reply.status;
    reply_free(&reply);
    return status;
}

static void walk(struct world *w, enum auth_role role, int *checked)
{
    size_t count;
    const struct api_route *routes = api_routes(&count);
    struct person p = world_login(w, auth_role_name(role));
    for (size_t i = 0; i < count; i++) {
        const struct api_route *r = &routes[i];
        if (r->handle == api_logout || is_stream(r))
            continue; /* the one would end the walk, the other never ends itself */
        for (int project = 1; project <= 2; project++, ++*checked) {
            int want = expected(r, role, project), got = status_of(w, &p, r, project);
            bool about_rights = got == 401 || got == 403 || got == 404;
            if (want ? got != want : about_rights && r->permission != API_PUBLIC)
                fail_msg("%s as %s in project %d: %d instead of %d", r->path, auth_role_name(role),
                         project, got, want);
        }
    }
}

static void test_all_routes_all_roles(void **state)
{
    struct world *w = *state;
    int checked = 0;
    for (unsigned role = 0; role < AUTH_ROLE_COUNT; role++)
        world_person(w, (enum auth_role)role, role == AUTH_ADMIN ? 0 : 1);
    struct person p = world_login(w, "admin");
    check_reply(
        world_post(w, &p, "key-00000001", "/api/v1/accounts/1/orders",
                   "{\"order_id\": \"order-0001\", \"amount_fen\": 1, \"method\": \"cash\"}"),
        201, "-");
    check_reply(
        world_post(w, &p, "key-00000002", "/api/v1/accounts/3/orders",
                   "{\"order_id\": \"order-0002\", \"amount_fen\": 1, \"method\": \"cash\"}"),
        201, "-");
    for (unsigned role = 0; role < AUTH_ROLE_COUNT; role++)
        walk(w, (enum auth_role)role, &checked);
    printf("%d answers checked\n", checked);
    assert_true(checked > 300);
}

static void test_nobody_gets_nothing(void **state)
{
    struct world *w = *state;
    size_t count;
    const struct api_route *routes = api_routes(&count);
    struct person stranger = {.cookie = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                              .csrf = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t i = 0; i < count; i++) {
        if (routes[i].permission == API_PUBLIC || routes[i].permission == API_LOCAL)
            continue;
        assert_int_equal(status_of(w, NULL, &routes[i], 1), 401);
        assert_int_equal(status_of(w, &stranger, &routes[i], 1), 401);
    }
}

/* Objects that do not exist look like those that lie outside. */
static void test_absent_and_foreign_look_alike(void **state)
{
    struct world *w = *state;
    world_person(w, AUTH_CASHIER, 1);
    struct person p = world_login(w, "cashier");
    struct reply foreign = world_get(w, &p, "/api/v1/accounts/3");
    struct reply absent = world_get(w, &p, "/api/v1/accounts/333");
    assert_int_equal(foreign.status, 404);
    assert_int_equal(absent.status, 404);
    assert_string_equal(reply_text(&foreign, "code"), reply_text(&absent, "code"));
    assert_string_equal(reply_text(&foreign, "title"), reply_text(&absent, "title"));
    assert_string_equal(reply_text(&foreign, "detail"), reply_text(&absent, "detail"));
    reply_free(&foreign);
    reply_free(&absent);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_all_routes_all_roles),
        CASE(test_nobody_gets_nothing),
        CASE(test_absent_and_foreign_look_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
