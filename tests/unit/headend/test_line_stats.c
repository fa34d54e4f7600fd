/* What gateways tell of their lines: the newest, the sums by the hour, damage and its end. */
#include "tests/unit/check.h"

#include <string.h>

#include "headend/line_stats.h"

#define START INT64_C(1'767'240'000) /* a full hour */

struct world {
    struct store *ledger;
    struct site_gateway gateway;
    wall_s now;
};

static enum err exec(struct store_tx *tx, void *sql)
{
    return store_exec(tx, sql, "");
}

static void sql(struct world *w, const char *text)
{
    assert_ok(store_run(w->ledger, exec, (void *)(uintptr_t)text));
}

struct number {
    const char *sql;
    int64_t value;
};

static enum err get_number(struct store_tx *tx, void *arg)
{
    struct number *n = arg;
    return store_int(tx, &n->value, n->sql, "");
}

static int64_t number(struct world *w, const char *text)
{
    struct number n = {text, 0};
    assert_ok(store_read(w->ledger, get_number, &n));
    return n.value;
}

static int setup(void **state)
{
    static struct world world;
    struct world *w = &world;
    *w = (struct world){.now = {START}};
    *state = w;
    w->gateway = (struct site_gateway){.id = 3, .project_id = 1, .serial = "YG-1"};
    assert_ok(
        store_open(&w->ledger, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}));
    sql(w, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')");
    sql(w, "INSERT INTO project (id, organisation_id, code, name, zone) "
           "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')");
    sql(w, "INSERT INTO gateway (id, project_id, serial, name) VALUES (3, 1, 'YG-1', 'g')");
    sql(w, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
           "VALUES (7, 3, 2, 'tcp:1', 2400, 'E')");
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    store_close(w->ledger);
    return 0;
}

struct telling {
    struct world *w;
    struct uplink_line told;
};

static enum err tell_work(struct store_tx *tx, void *arg)
{
    struct telling *t = arg;
    uint8_t body[1024];
    struct writer out = writer_of(body, sizeof body);
    uplink_message_encode(&(struct uplink_message){.kind = UPLINK_LINE, .line = t->told}, &out);
    TRY(out.err);
    return headend_line_told(tx, &t->w->gateway, &t->told, (struct bytes){body, out.len},
                             t->w->now);
}

static enum err tell(struct world *w, const struct uplink_line *told)
{
    struct telling t = {w, *told};
    return store_run(w->ledger, tell_work, &t);
}

/* Five minutes with so many of 100 answers damaged. */
static void five_minutes(struct world *w, int64_t damaged)
{
    w->now.s += 300;
    assert_ok(tell(w, &(struct uplink_line){.number = 2,
                                            .period_ms = 300'000,
                                            .meters = 20,
                                            .exchanges = 110,
                                            .answered = 100 - damaged,
                                            .retries = 3,
                                            .timeouts = 10,
                                            .damaged = damaged,
                                            .foreign = 1,
                                            .busy_ms = 200'000,
                                            .useful_ms = 150'000,
                                            .silent = damaged / 10}));
}

static int64_t events(struct world *w)
{
    return number(w, "SELECT count(*) FROM event");
}

static void test_damage_is_told_once_and_its_end(void **state)
{
    struct world *w = *state;
    five_minutes(w, 10);
    five_minutes(w, 10);
    assert_int_equal(events(w), 0); /* ten minutes: not yet */
    five_minutes(w, 12);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'line.damaged' AND "
                               "project_id = 1 AND json_extract(detail, '$.percent') = 12 AND "
                               "json_extract(detail, '$.minutes') = 15 AND "
                               "json_extract(detail, '$.serial') = 'YG-1' AND "
                               "json_extract(detail, '$.line') = 2"),
                     1);
    for (int i = 0; i < 10; i++)
        five_minutes(w, 7); /* between the bounds: it stays */
    assert_int_equal(events(w), 1);
    five_minutes(w, 4);
    five_minutes(w, 4);
    five_minutes(w, 5); /* once not below: from the beginning */
    five_minutes(w, 4);
    five_minutes(w, 4);
    assert_int_equal(events(w), 1);
    five_minutes(w, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'line.clean'"), 1);
    for (int i = 0; i < 10; i++)
        five_minutes(w, 9);
    assert_int_equal(events(w), 2);
}

static void test_damage_is_not_guessed(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 10; i++) { /* nine answers say nothing */
        w->now.s += 300;
        assert_ok(tell(w, &(struct uplink_line){
                              .number = 2, .period_ms = 300'000, .exchanges = 9, .damaged = 9}));
    }
    for (int i = 0; i < 10; i++) { /* long silences in between */
        w->now.s += HEADEND_LINE_GAP_S + 1;
        five_minutes(w, 90);
        five_minutes(w, 90);
    }
    assert_int_equal(events(w), 0);
    five_minutes(w, 90);
    assert_int_equal(events(w), 1);
}

static enum err take_line(void *arg, const struct headend_line *line)
{
    struct headend_line *out = arg;
    *out = *line;
    assert_non_null(line->told);
    assert_int_equal(line->told->damaged, 30);
    assert_int_equal(line->told->slow_count, 1);
    assert_int_equal(line->told->slow[0].ms, 480);
    return ERR_OK;
}

struct hours {
    struct headend_line_hour list[200];
    size_t count;
};

static enum err take_hour(void *arg, const struct headend_line_hour *hour)
{
    struct hours *h = arg;
    assert_true(h->count < 200);
    h->list[h->count++] = *hour;
    return ERR_OK;
}

struct looking {
    headend_line_each *each;
    struct headend_line line;
    wall_s from;
    struct hours hours;
};

static enum err look(struct store_tx *tx, void *arg)
{
    struct looking *l = arg;
    if (l->each)
        TRY(headend_lines(tx, 3, l->each, &l->line));
    return headend_line_hours(tx, 7, l->from, take_hour, &l->hours);
}

static void test_newest_and_hours(void **state)
{
    struct world *w = *state;
    static struct looking l;
    struct uplink_line_meter slow = {11, 480};
    for (int i = 0; i < 23; i++) /* at 5, 10 ... 115 minutes */
        five_minutes(w, i == 2 ? 20 : 0);
    w->now.s += 100;
    assert_ok(tell(w, &(struct uplink_line){.number = 2, .period_ms = 100'000, .damaged = 30,
                                            .slow = &slow, .slow_count = 1}));
    l = (struct looking){.each = take_line, .from = {START}};
    assert_ok(store_read(w->ledger, look, &l));
    assert_int_equal(l.line.told_at.s, START + 23 * 300 + 100);
    assert_int_equal(l.line.line.number, 2);
    assert_int_equal(l.hours.count, 2);
    const struct headend_line_hour *first = &l.hours.list[0];
    assert_int_equal(first->from.s, START);
    assert_int_equal(first->covered_ms, 11 * 300'000);
    assert_int_equal(first->exchanges, 11 * 110);
    assert_int_equal(first->answered, 11 * 100 - 20);
    assert_int_equal(first->damaged, 20);
    assert_int_equal(first->foreign, 11);
    assert_int_equal(first->useful_ms, 11 * 150'000);
    assert_int_equal(first->silent, 2);
    assert_int_equal(l.hours.list[1].covered_ms, 12 * 300'000 + 100'000);
    l = (struct looking){.from = {START + 3600}};
    assert_ok(store_read(w->ledger, look, &l));
    assert_int_equal(l.hours.count, 1);
}

static void test_a_week_is_kept(void **state)
{
    struct world *w = *state;
    static struct looking l;
    for (int i = 0; i < 200; i++) {
        w->now.s += 3300;
        five_minutes(w, 0);
    }
    l = (struct looking){.from = {0}};
    assert_ok(store_read(w->ledger, look, &l));
    assert_int_equal(l.hours.count, HEADEND_LINE_HOURS);
    assert_int_equal(number(w, "SELECT count(*) FROM line_hour"), HEADEND_LINE_HOURS);
    assert_int_equal(number(w, "SELECT count(*) FROM line_told"), 1);
    sql(w, "DELETE FROM line"); /* an import that is taken back takes them along */
    assert_int_equal(number(w, "SELECT count(*) FROM line_hour"), 0);
}

static void test_refusals_change_nothing(void **state)
{
    struct world *w = *state;
    struct uplink_line good = {.number = 2, .period_ms = 300'000, .answered = 100};
    assert_err(ERR_NOT_FOUND, tell(w, &(struct uplink_line){.number = 3, .period_ms = 1000}));
    for (int i = 0; i < 5; i++) {
        struct uplink_line bad = good;
        *(int64_t *const[]){&bad.damaged, &bad.useful_ms, &bad.period_ms, &bad.period_ms,
                            &bad.meters}[i] =
            (const int64_t[]){-1, INT64_C(100'000'001), 0, 3'600'001, INT64_MAX}[i];
        assert_err(ERR_RANGE, tell(w, &bad));
    }
    assert_int_equal(number(w, "SELECT count(*) FROM line_told"), 0);
    assert_ok(tell(w, &good));
    w->now.s += 9; /* too soon to be true */
    assert_ok(tell(w, &good));
    assert_int_equal(number(w, "SELECT answered FROM line_hour"), 100);
    w->now.s -= 3600; /* the platform's clock was set back: the newest still counts */
    assert_ok(tell(w, &good));
    assert_int_equal(number(w, "SELECT at FROM line_told"), w->now.s);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_damage_is_told_once_and_its_end),
        CASE(test_damage_is_not_guessed),
        CASE(test_newest_and_hours),
        CASE(test_a_week_is_kept),
        CASE(test_refusals_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
