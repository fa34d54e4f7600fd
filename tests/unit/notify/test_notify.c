#include "tests/unit/check.h"
#include "tests/unit/store_sql.h"

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
    size_t rows;
    int handed;
    int64_t last_at;
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
    const struct notify n = {.channels = {&notify_console}, .delivered = on_delivered, .arg = f};
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
    return notify_list(tx, f->account_id, 0, 10, count_row, f);
}

static void test_lists_what_was_delivered(void **state)
{
    struct fixture *f = *state;
    note(f, "{\"template\":\"balance_low\",\"level\":1,\"episode\":1,\"facts\":{\"available_fen\":1}}");
    note(f, "{\"template\":\"arrears\",\"level\":3,\"episode\":1,\"facts\":{\"available_fen\":-1}}");
    note(f, "{\"template\":\"payment\",\"subject\":\"o1\",\"facts\":{\"amount_fen\":2000}}");
    assert_ok(store_read(f->store, look, f));
    assert_int_equal(f->rows, 3);
}

/* --- several channels ---------------------------------------------------------------------------- */

/* A channel as a text message is: handed over now, its receipt comes later. */
static enum err hand_over(void *self, struct store_tx *tx, const struct notify_message *m,
                          bool *delivered)
{
    struct fixture *f = self;
    (void)tx;
    assert_string_equal(m->channel, "sms");
    f->handed++;
    *delivered = false;
    return ERR_OK;
}

struct call {
    struct fixture *f;
    const char *json;
    struct notify_report report;
};

static enum err on_channel(void *arg, struct store_tx *tx, const struct notify_message *m, wall_s at)
{
    struct fixture *f = arg;
    (void)tx;
    f->delivered++;
    f->last_at = at.s;
    snprintf(f->last_en, sizeof f->last_en, "%s %s %s", m->channel,
             notify_template_name(m->template), m->subject);
    return ERR_OK;
}

static enum err run_two(struct store_tx *tx, void *arg)
{
    struct call *c = arg;
    struct notify_channel sms = {.name = "sms", .send = hand_over, .self = c->f};
    const struct notify n = {
        .channels = {&notify_console, &sms}, .delivered = on_channel, .arg = c->f};
    if (!c->json)
        return notify_report(&n, tx, &c->report);
    TRY(journal_outbox_put(tx, NOTIFY_TOPIC, c->f->account_id, c->json, AT));
    return notify_run(&n, tx, AT, 10, &c->f->done);
}

static int64_t number(struct fixture *f, const char *sql)
{
    return sql_number(f->store, sql);
}

static void test_each_channel_is_counted_by_itself(void **state)
{
    struct fixture *f = *state;
    struct call c = {.f = f, .json = "{\"template\":\"arrears\",\"level\":3,\"episode\":1,"
                                     "\"subject\":\"2\",\"channels\":[\"console\",\"sms\"],"
                                     "\"facts\":{\"available_fen\":-1}}"};
    assert_ok(store_run(f->store, run_two, &c));
    assert_int_equal(f->done.sent, 2);
    assert_int_equal(f->handed, 1);
    assert_int_equal(f->delivered, 1);
    assert_string_equal(f->last_en, "console arrears 2");
    assert_ok(store_run(f->store, run_two, &c)); /* once a channel */
    assert_int_equal(f->done.repeated, 2);
    assert_int_equal(f->handed, 1);
    int64_t id = number(f, "SELECT id FROM message WHERE channel = 'sms' AND state = 'waiting'");
    struct call late = {.f = f, .report = {id, true, {AT.s + 90}}};
    assert_ok(store_run(f->store, run_two, &late));
    assert_int_equal(f->delivered, 2);
    assert_int_equal(f->last_at, AT.s + 90);
    assert_string_equal(f->last_en, "sms arrears 2");
    assert_int_equal(number(f, "SELECT delivered_at FROM message WHERE channel = 'sms'"), AT.s + 90);
    assert_err(ERR_STATE, store_run(f->store, run_two, &late));
    late.report.message_id = 999;
    assert_err(ERR_NOT_FOUND, store_run(f->store, run_two, &late));
}

static void test_a_receipt_may_say_no(void **state)
{
    struct fixture *f = *state;
    struct call c = {.f = f, .json = "{\"template\":\"arrears\",\"level\":3,\"episode\":1,"
                                     "\"channels\":[\"sms\"],\"facts\":{\"available_fen\":-1}}"};
    assert_ok(store_run(f->store, run_two, &c));
    struct call late = {.f = f, .report = {number(f, "SELECT id FROM message"), false, AT}};
    assert_ok(store_run(f->store, run_two, &late));
    assert_int_equal(f->delivered, 0);
    assert_int_equal(number(f, "SELECT count(*) FROM message WHERE state = 'failed'"), 1);
    assert_int_equal(number(f, "SELECT count(*) FROM event WHERE kind = 'message.failed'"), 1);
}

static void test_a_channel_that_is_not_connected_fails(void **state)
{
    struct fixture *f = *state;
    struct call c = {.f = f, .json = "{\"template\":\"arrears\",\"level\":3,\"episode\":1,"
                                     "\"channels\":[\"voice\",\"console\"],"
                                     "\"facts\":{\"available_fen\":-1}}"};
    assert_ok(store_run(f->store, run_two, &c));
    assert_int_equal(f->done.failed, 1);
    assert_int_equal(f->done.sent, 1);
    assert_int_equal(f->delivered, 1);
    assert_int_equal(number(f, "SELECT count(*) FROM message WHERE channel = 'voice' "
                               "AND state = 'failed' AND delivered_at IS NULL"),
                     1);
}

static enum err hang_water(struct store_tx *tx, void *arg)
{
    (void)arg;
    TRY(store_exec(tx, "INSERT INTO gateway (id, project_id, serial, name) SELECT 1, id, 'g', 'g' "
                       "FROM project", ""));
    TRY(store_exec(tx, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
                       "VALUES (1, 1, 1, 'tcp:1', 2400, 'E')", ""));
    return store_exec(tx, "INSERT INTO meter (id, project_id, account_id, place_id, line_id, "
                          "address, model, kind, circuits) SELECT 1, a.project_id, a.id, "
                          "a.place_id, 1, '01', 'water-valve-188', 'water', 1 FROM account a", "");
}

static enum err hang_both(struct store_tx *tx, void *arg)
{
    (void)arg;
    return store_exec(tx, "INSERT INTO meter (id, project_id, account_id, place_id, line_id, "
                          "address, model, kind, circuits) SELECT 2, a.project_id, a.id, "
                          "a.place_id, 1, '02', 'yufu-plain', 'electricity', 1 FROM account a", "");
}

/* Nobody whose water was cut is told of his power. */
static void test_speaks_of_what_is_cut(void **state)
{
    struct fixture *f = *state;
    static const char *const cuts[] = {
        "{\"template\":\"cut\",\"subject\":\"1\",\"facts\":{\"available_fen\":-100}}",
        "{\"template\":\"cut\",\"subject\":\"2\",\"facts\":{\"available_fen\":-100}}",
        "{\"template\":\"cut\",\"subject\":\"3\",\"facts\":{\"available_fen\":-100}}"};
    note(f, cuts[0]);
    assert_non_null(strstr(f->last_zh, "停电通知"));
    assert_non_null(strstr(f->last_zh, "自动恢复供电"));
    assert_ok(store_run(f->store, hang_water, f));
    note(f, cuts[1]);
    assert_non_null(strstr(f->last_zh, "停水通知"));
    assert_non_null(strstr(f->last_zh, "自动恢复供水"));
    assert_ok(store_run(f->store, hang_both, f));
    note(f, cuts[2]);
    assert_non_null(strstr(f->last_zh, "停供通知"));
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

/* A message that cannot be written keeps no other waiting: it failed, whole, and that is told. */
static void test_an_odd_message_stops_no_other(void **state)
{
    struct fixture *f = *state;
    sql_run(f->store, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
                      "strategy_code, opened_at) SELECT 2, project_id, place_id, 'R302', '302', wallet, "
                      "plan_code, strategy_code, opened_at FROM account");
    sql_run(f->store, "CREATE TRIGGER odd BEFORE INSERT ON message WHEN NEW.account_id = 2 "
                      "BEGIN SELECT raise(ABORT, 'odd'); END");
    sql_run(f->store, "INSERT INTO outbox (id, at, topic, account_id, body) VALUES (1, 1, 'message', 2, "
                      "'{\"template\":\"balance_low\",\"level\":1,\"episode\":1,"
                      "\"facts\":{\"available_fen\":1}}')");
    sql_run(f->store, "INSERT INTO sequence (name, last) VALUES ('outbox', 1)");
    note(f, "{\"template\":\"balance_low\",\"level\":1,\"episode\":1,\"facts\":{\"available_fen\":1}}");
    assert_int_equal(f->delivered, 1);
    assert_int_equal(f->done.refused, 1);
    assert_int_equal(sql_number(f->store, "SELECT count(*) FROM event WHERE kind = 'message.failed' "
                                          "AND account_id = 2"),
                     1);
    assert_int_equal(sql_number(f->store, "SELECT count(*) FROM outbox WHERE taken_at IS NULL"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_renders_both_languages),
        CASE(test_once_an_episode_and_level),
        CASE(test_speaks_of_what_is_cut),
        CASE(test_refuses_what_it_cannot_say),
        CASE(test_lists_what_was_delivered),
        CASE(test_each_channel_is_counted_by_itself),
        CASE(test_a_receipt_may_say_no),
        CASE(test_a_channel_that_is_not_connected_fails),
        CASE(test_an_odd_message_stops_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
