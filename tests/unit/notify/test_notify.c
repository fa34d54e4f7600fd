#include "tests/unit/check.h"

#include <stdio.h>

#include "journal/journal.h"
#include "notify/notify.h"
#include "site/site.h"
#include "store/store.h"

#define AT ((wall_s){1'788'000'000})

struct fixture {
    struct store *store;
    int64_t account_id;
    int delivered;
    char last_zh[NOTIFY_TEXT_MAX], last_en[NOTIFY_TEXT_MAX];
    struct notify_done done;
    const char *note;
    size_t rows, notices;
};

static enum err build(struct store_tx *tx, void *arg)
{
    struct fixture *f = arg;
    enum site_change change;
    struct site_project project = {.code = "p", .name = "p", .zone = "Asia/Shanghai"};
    struct site_place place = {.kind = SITE_ROOM, .code = "B/301", .name = "301"};
    TRY(site_organisation_put(tx, "o", "o", &project.organisation_id, &change));
    TRY(site_project_put(tx, &project, &change));
    place.project_id = project.id;
    TRY(site_place_put(tx, &place, &change));
    TRY(store_exec(tx, "INSERT INTO account (id, project_id, place_id, code, name, wallet, "
                       "plan_code, strategy_code, opened_at) VALUES (1, $1, $2, 'R301', '301寝室', "
                       "'platform', 'x', 'x', 1)", "ii", project.id, place.id));
    f->account_id = 1;
    return ERR_OK;
}

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    *state = &f;
    if (store_open(&f.store, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}) !=
        ERR_OK)
        return -1;
    return store_run(f.store, build, &f) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    store_close(((struct fixture *)*state)->store);
    return 0;
}

static enum err on_delivered(void *arg, struct store_tx *tx, const struct notify_message *m,
                             wall_s at)
{
    struct fixture *f = arg;
    (void)tx;
    assert_int_equal(at.s, AT.s);
    snprintf(f->last_zh, sizeof f->last_zh, "%s", m->text_zh);
    snprintf(f->last_en, sizeof f->last_en, "%s", m->text_en);
    f->delivered++;
    return ERR_OK;
}

static enum err put_and_run(struct store_tx *tx, void *arg)
{
    struct fixture *f = arg;
    const struct notify n = {.channel = &notify_console, .delivered = on_delivered, .arg = f};
    if (f->note)
        TRY(journal_outbox_put(tx, NOTIFY_TOPIC, f->account_id, f->note, AT));
    return notify_run(&n, tx, AT, 10, &f->done);
}

static void note(struct fixture *f, const char *json)
{
    f->note = json;
    assert_ok(store_run(f->store, put_and_run, f));
}

static void test_renders_both_languages(void **state)
{
    struct fixture *f = *state;
    note(f, "{\"template\":\"balance_low\",\"level\":1,\"episode\":2,\"facts\":{\"available_fen\":-5}}");
    assert_int_equal(f->delivered, 1);
    assert_non_null(strstr(f->last_en, "-0.05 yuan left for 301寝室 (R301)"));
    assert_non_null(strstr(f->last_zh, "剩余 -0.05 元"));
}

static void test_once_an_episode_and_level(void **state)
{
    struct fixture *f = *state;
    static const char again[] =
        "{\"template\":\"balance_low\",\"level\":1,\"episode\":1,\"facts\":{\"available_fen\":1}}";
    note(f, again);
    note(f, again);
    assert_int_equal(f->delivered, 1);
    assert_int_equal(f->done.repeated, 1);
    note(f, "{\"template\":\"balance_low\",\"level\":1,\"episode\":2,\"facts\":{\"available_fen\":1}}");
    assert_int_equal(f->delivered, 2);
    f->note = NULL;
    assert_ok(store_run(f->store, put_and_run, f));
    assert_int_equal(f->done.taken, 0);
}

static enum err count_failed(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg, "SELECT count(*) FROM event WHERE kind = 'message.failed'", "");
}

static void refused(struct fixture *f, const char *json, int64_t events)
{
    int64_t failed = 0, before = f->delivered;
    note(f, json);
    assert_int_equal(f->done.refused, 1);
    assert_int_equal(f->delivered, before);
    assert_ok(store_read(f->store, count_failed, &failed));
    assert_int_equal(failed, events);
}

static void test_refuses_what_it_cannot_say(void **state)
{
    struct fixture *f = *state;
    refused(f, "not json", 0);
    refused(f, "{\"template\":\"nonsense\",\"facts\":{}}", 0);
    refused(f, "{\"template\":\"balance_low\",\"level\":1,\"facts\":{}}", 1); /* no amount to say */
    note(f, "{\"template\":\"payment\",\"subject\":\"o1\",\"facts\":{\"amount_fen\":2000}}");
    assert_int_equal(f->delivered, 1);
}

static enum err count_row(void *arg, const struct notify_row *row)
{
    struct fixture *f = arg;
    assert_string_equal(row->state, "delivered");
    assert_int_equal(row->delivered_at.s, AT.s);
    f->rows++;
    return ERR_OK;
}

static enum err look(struct store_tx *tx, void *arg)
{
    struct fixture *f = arg;
    wall_s at[8];
    TRY(notify_list(tx, f->account_id, 0, 10, count_row, f));
    return notify_notices(tx, f->account_id, 1, at, 8, &f->notices);
}

static void test_lists_and_counts_notices(void **state)
{
    struct fixture *f = *state;
    note(f, "{\"template\":\"balance_low\",\"level\":1,\"episode\":1,\"facts\":{\"available_fen\":1}}");
    note(f, "{\"template\":\"arrears\",\"level\":3,\"episode\":1,\"facts\":{\"available_fen\":-1}}");
    note(f, "{\"template\":\"payment\",\"subject\":\"o1\",\"facts\":{\"amount_fen\":2000}}");
    assert_ok(store_read(f->store, look, f));
    assert_int_equal(f->rows, 3);
    assert_int_equal(f->notices, 2);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_renders_both_languages),
        CASE(test_once_an_episode_and_level),
        CASE(test_refuses_what_it_cannot_say),
        CASE(test_lists_and_counts_notices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
