/* Every kind of event there is, and who may hear of it: amounts are only for roles that see money.
 */
#include "tests/unit/api/world.h"

#include <stdio.h>

#include "journal/journal.h"

/* A detail with every {word} of the sentence in it; amounts are the number 70007. */
static void detail_of(const char *text, char out[512])
{
    size_t len = (size_t)snprintf(out, 512, "{");
    for (const char *p = strchr(text, '{'); p; p = strchr(p + 1, '{')) {
        int name = (int)strcspn(p + 1, "}");
        bool amount = name > 4 && strncmp(p + 1 + name - 4, "_fen", 4) == 0;
        len += (size_t)snprintf(out + len, 512 - len, "%s\"%.*s\":%s", len > 1 ? "," : "", name,
                                p + 1, amount ? "70007" : "1");
    }
    snprintf(out + len, 512 - len, "}");
}

static bool names_amount(enum journal_kind k)
{
    return strstr(journal_kind_en(k), "_fen}") || strstr(journal_kind_zh(k), "_fen}");
}

/* One event of each kind, with ids from 1000 on, and two that name an amount only in their detail
 * or not at all. */
static enum err add_all(struct store_tx *tx, void *arg)
{
    (void)arg;
    for (enum journal_kind k = 0; k < EVENT_COUNT; k++) {
        char detail[512];
        detail_of(journal_kind_en(k), detail);
        TRY(store_exec(tx,
                       "INSERT INTO event (id, at, project_id, account_id, kind, severity, detail) "
                       "VALUES ($1, 1790000000, 1, 1, $2, 'info', $3)",
                       "itt", INT64_C(1000) + (int64_t)k, journal_kind_name(k), detail));
    }
    return store_exec(tx,
                      "INSERT INTO event (id, at, project_id, account_id, kind, severity, detail) "
                      "VALUES (5000, 1790000000, 1, 1, 'keep.on', 'info', "
                      "'{\"reason\":\"x\",\"paid_fen\":70007}'), (5001, 1790000000, 1, 1, "
                      "'keep.off', 'info', '{\"reason\":\"the last\"}')",
                      "");
}

static size_t kinds_without_amounts(void)
{
    size_t count = 0;
    static const char *const groups[] = {"order.", "vend.", "wallet.", "charge.", "fee."};
    for (enum journal_kind k = 0; k < EVENT_COUNT; k++) {
        bool money = names_amount(k);
        for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
            money = money || strncmp(journal_kind_name(k), groups[i], strlen(groups[i])) == 0;
        count += !money;
    }
    return count;
}

static struct person person(struct world *w, enum auth_role role)
{
    world_person(w, role, 1);
    return world_login(w, auth_role_name(role));
}

static void test_the_list_hides_amounts(void **state)
{
    struct world *w = *state;
    assert_ok(store_run(w->ledger, add_all, NULL));
    static const enum auth_role blind[] = {AUTH_WARDEN, AUTH_ENGINEER};
    for (size_t i = 0; i < sizeof blind / sizeof *blind; i++) {
        assert_false(auth_role_may(blind[i], AUTH_MONEY));
        struct person p = person(w, blind[i]);
        struct reply r = world_get(w, &p, "/api/v1/projects/1/events?limit=500");
        assert_null(strstr(r.body, "70007"));
        assert_int_equal(json_array_size(json_object_get(r.json, "events")),
                         kinds_without_amounts() + 1);
        check_reply(r, 200, "-");
    }
    struct person p = person(w, AUTH_CASHIER);
    struct reply r = world_get(w, &p, "/api/v1/projects/1/events?limit=500");
    assert_int_equal(json_array_size(json_object_get(r.json, "events")), EVENT_COUNT + 2);
    check_reply(r, 200, "-");
}

/* What is hidden leaves no gaps: a page is full as long as there is more. */
static void test_pages_are_full(void **state)
{
    struct world *w = *state;
    struct person p = person(w, AUTH_WARDEN);
    char path[96] = "/api/v1/projects/1/events?limit=3";
    size_t seen = 0;
    assert_ok(store_run(w->ledger, add_all, NULL));
    for (;;) {
        struct reply r = world_get(w, &p, path);
        size_t n = json_array_size(json_object_get(r.json, "events"));
        bool more = json_is_integer(json_object_get(r.json, "next_before"));
        seen += n;
        assert_true(n == 3 || !more);
        snprintf(path, sizeof path, "/api/v1/projects/1/events?limit=3&before=%lld",
                 more ? (long long)reply_int(&r, "next_before") : 0);
        check_reply(r, 200, "-");
        if (!more)
            break;
    }
    assert_int_equal(seen, kinds_without_amounts() + 1);
}

static struct client *listen(struct world *w, const struct person *p)
{
    struct client *c = client_open(w);
    client_write_ask(
        c, &(struct ask){.method = "GET", .path = "/api/v1/stream?project=1", .person = p});
    client_wait(c, "event: hello");
    return c;
}

static void test_the_stream_hides_amounts(void **state)
{
    struct world *w = *state;
    struct person warden = person(w, AUTH_WARDEN), cashier = person(w, AUTH_CASHIER);
    struct client *blind = listen(w, &warden), *seeing = listen(w, &cashier);
    assert_ok(store_run(w->ledger, add_all, NULL));
    for (enum journal_kind k = 0; k < EVENT_COUNT; k++)
        api_notify_event(w->api, INT64_C(1000) + (int64_t)k);
    api_notify_event(w->api, 5000);
    api_notify_event(w->api, 5001);
    client_wait(blind, "the last");
    client_wait(seeing, "the last");
    assert_null(strstr(blind->reply, "70007"));
    assert_null(strstr(blind->reply, "fee.protected"));
    assert_non_null(strstr(blind->reply, "gateway.online"));
    for (enum journal_kind k = 0; k < EVENT_COUNT; k++) {
        char kind[64];
        snprintf(kind, sizeof kind, "\"kind\":\"%s\"", journal_kind_name(k));
        assert_non_null(strstr(seeing->reply, kind));
        if (names_amount(k))
            assert_null(strstr(blind->reply, kind));
    }
    client_close(blind);
    client_close(seeing);
}

/* A valve is closed, a breaker is opened. */
static void test_events_of_valves(void **state)
{
    struct world *w = *state;
    struct person p = person(w, AUTH_CASHIER);
    world_execute(w, "INSERT INTO event (id, at, project_id, account_id, meter_id, kind, severity, "
                     "detail) VALUES "
                     "(900, 1790000000, 1, 1, 1, 'relay.done', 'info', '{\"state\":\"open\"}'), "
                     "(901, 1790000000, 1, 1, 1, 'relay.leak', 'alarm', '{\"energy_wh\":12}'), "
                     "(902, 1790000000, 1, 1, 1, 'fee.low', 'warning', '{}')");
    static const struct {
        const char *sql, *kind, *done, *leak;
    } cases[] = {
        {"UPDATE meter SET epoch = epoch WHERE id = 1", "electricity",
         "表计已确认：供电状态为断电。", "拉闸后仍有用电：12 Wh。"},
        {"UPDATE meter SET kind = 'water' WHERE id = 1", "water", "表计已确认：阀门已关。",
         "关阀后示值仍在增加：12 L。"},
        {"UPDATE meter SET kind = 'heat' WHERE id = 1", "heat", "its valve is closed.",
         "although the valve is closed: 12 MJ."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char kind[64];
        snprintf(kind, sizeof kind, "\"meter_kind\":\"%s\"", cases[i].kind);
        world_execute(w, cases[i].sql);
        struct reply r = world_get(w, &p, "/api/v1/projects/1/events?limit=3");
        assert_non_null(strstr(r.body, kind));
        assert_non_null(strstr(r.body, cases[i].done));
        assert_non_null(strstr(r.body, cases[i].leak));
        check_reply(r, 200, "-");
        r = world_get(w, &p, "/api/v1/projects/1/wall");
        snprintf(kind, sizeof kind, "\"kinds\":[\"%s\"", cases[i].kind);
        puts(r.body);
        assert_non_null(strstr(r.body, kind));
        check_reply(r, 200, "-");
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_the_list_hides_amounts),
        CASE(test_pages_are_full),
        CASE(test_the_stream_hides_amounts),
        CASE(test_events_of_valves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
