/* Which settings leave a circuit dark, and that they count with the cuts of a project. */
#include "tests/unit/check.h"
#include "tests/unit/store_sql.h"

#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "terminals/terminals.h"

#define ROOMS 30
#define FIRST 100
#define NOON INT64_C(1'767'240'000) /* in Shanghai */
#define NIGHT (NOON + 11 * 3'600 + 1'800)

struct world {
    struct store *store;
    wall_s now;
    uint64_t random;
    struct terminals_wish wish;
    struct terminals_many many;
    struct control_wish cut;
    struct terminals_report read;
    struct uplink_outcome outcome;
    int64_t command;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->now.s = NOON;
    assert_ok(
        store_open(&w->store, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}));
    sql_run(w->store, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')");
    sql_run(w->store, "INSERT INTO project (id, organisation_id, code, name, zone) "
                      "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')");
    sql_run(w->store, "INSERT INTO place (id, project_id, kind, code, name) VALUES "
                      "(1, 1, 'building', 'D', 'D'), (2, 1, 'room', 'D/1', '1')");
    sql_run(w->store, "INSERT INTO gateway (id, project_id, serial, name) VALUES (3, 1, 'g', 'g')");
    sql_run(w->store, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
                      "VALUES (1, 3, 1, 'tcp:1', 2400, 'E')");
    sql_run(w->store,
            "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 129) "
            "INSERT INTO meter (id, project_id, place_id, line_id, address, model, kind, circuits) "
            "SELECT i, 1, 2, 1, printf('%012d', i), 'yufu-dorm3', 'electricity', 3 FROM n");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    store_close(w->store);
    free(w);
    return 0;
}

static int64_t dark(struct world *w)
{
    return sql_number(w->store, "SELECT count(*) FROM control_dark");
}

/* --- registers -----------------------------------------------------------------------------------
 */

struct hours {
    uint16_t begin_min, end_min;
};
struct setting { /* all zero: nothing */
    enum meter_terminal_item item;
    struct hours on[2]; /* of WORKDAY and HOLIDAY */
    bool timed;         /* of LIMITS, and: */
    uint16_t power_w, current_ma, night_w, night_ma;
    uint8_t byte; /* of LOCK, RESET */
};

static const struct hours ALL_DAY = {0, 1440};

static struct bytes bytes_of(const struct setting *s, uint8_t room[METER_TERMINAL_BYTES])
{
    struct writer out = writer_of(room, METER_TERMINAL_BYTES);
    struct meter_terminal_period list[METER_TERMINAL_PERIODS] = {};
    switch (s->item) {
    case METER_TERMINAL_LIMITS:
        meter_terminal_put_limits(
            &(struct meter_terminal_limits){s->timed, false, false, s->power_w, s->current_ma,
                                            s->night_w, s->night_ma, 0, 0, 0, 100, 20, 0},
            &out);
        break;
    case METER_TERMINAL_WORKDAY:
    case METER_TERMINAL_HOLIDAY:
        for (int i = 0; i < 2; i++)
            list[i] = (struct meter_terminal_period){s->on[i].begin_min, s->on[i].end_min,
                                                     s->on[i].end_min != 0};
        meter_terminal_put_hours(list, &out);
        break;
    case METER_TERMINAL_CALENDAR:
        meter_terminal_put_calendar(&(struct meter_terminal_calendar){.weekend = 65}, &out);
        break;
    default:
        writer_u8(&out, s->byte);
        break;
    }
    assert_ok(out.err);
    return (struct bytes){room, out.len};
}

static enum err do_write(struct store_tx *tx, void *arg)
{
    return terminals_write(tx, &((struct world *)arg)->wish);
}

static enum err set(struct world *w, int64_t meter, const struct setting *s)
{
    uint8_t room[METER_TERMINAL_BYTES];
    w->wish = (struct terminals_wish){.meter_id = meter,
                                      .circuit = s->item == METER_TERMINAL_CALENDAR ? 0 : 1,
                                      .item = s->item,
                                      .data = bytes_of(s, room),
                                      .reason = "r",
                                      .actor = "user:1",
                                      .now = w->now,
                                      .random = ++w->random * 1'000'003};
    return store_run(w->store, do_write, w);
}

static enum err answer(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return terminals_outcome(tx, &w->outcome, w->now, ++w->random * 1'000'003);
}

/* Wished, and read back. */
static void hold(struct world *w, int64_t meter, const struct setting *s)
{
    if (s->item == 0)
        return;
    assert_ok(set(w, meter, s));
    w->outcome = (struct uplink_outcome){
        .command_id = sql_number(w->store, "SELECT command_id FROM terminal_register WHERE state = "
                                           "'pending' AND command_id <> 0"),
        .meter_id = meter,
        .epoch = 1,
        .kind = UPLINK_REGISTER,
        .status = UPLINK_DONE,
        .at = w->now};
    uint8_t room[METER_TERMINAL_BYTES];
    struct bytes data = bytes_of(s, room);
    memcpy(w->outcome.data, data.data, data.len);
    w->outcome.data_len = data.len;
    assert_ok(store_run(w->store, answer, w));
}

/* --- what is dark --------------------------------------------------------------------------------
 */

#define LIMITS(...)                                                                                \
    {                                                                                              \
        .item = METER_TERMINAL_LIMITS, __VA_ARGS__                                                 \
    }
#define WORKDAY(...)                                                                               \
    {                                                                                              \
        .item = METER_TERMINAL_WORKDAY, .on = { __VA_ARGS__ }                                      \
    }
#define HOLIDAY(...)                                                                               \
    {                                                                                              \
        .item = METER_TERMINAL_HOLIDAY, .on = { __VA_ARGS__ }                                      \
    }
#define CALENDAR                                                                                   \
    {                                                                                              \
        .item = METER_TERMINAL_CALENDAR                                                            \
    }
#define DAY                                                                                        \
    {                                                                                              \
        360, 1320                                                                                  \
    }

static void test_what_leaves_a_circuit_dark(void **state)
{
    struct world *w = *state;
    static const struct {
        struct setting holds[3]; /* read back before */
        struct setting wished;
        bool dark, at_night;
    } rows[] = {
        {.wished = {.item = METER_TERMINAL_LOCK, .byte = 1}, .dark = true},
        {.wished = {.item = METER_TERMINAL_LOCK, .byte = 0}, .dark = false},
        {.wished = {.item = METER_TERMINAL_RESET, .byte = 1}, .dark = false},
        /* hours */
        {.wished = WORKDAY(ALL_DAY), .dark = false},
        {.wished = WORKDAY(DAY), .dark = false},
        {.wished = WORKDAY(DAY), .dark = true, .at_night = true},
        {.wished = WORKDAY({360, 1319}), .dark = true},
        {.wished = WORKDAY({361, 1320}), .dark = true},
        {.wished = WORKDAY({360, 720}, {720, 1320}), .dark = false},
        {.wished = WORKDAY({360, 720}, {721, 1320}), .dark = true},
        {.wished = WORKDAY({300, 60}), .dark = false}, /* over midnight */
        {.wished = WORKDAY(), .dark = true},
        {.wished = HOLIDAY(), .dark = true},
        {.holds = {LIMITS(.timed = false)}, .wished = WORKDAY(), .dark = false},
        /* limits */
        {.wished = LIMITS(.power_w = 800), .dark = false},
        {.wished = LIMITS(.power_w = 100), .dark = false},
        {.wished = LIMITS(.power_w = 99), .dark = true},
        {.wished = LIMITS(.night_w = 1), .dark = true},
        {.wished = LIMITS(.current_ma = 500), .dark = false},
        {.wished = LIMITS(.current_ma = 499), .dark = true},
        {.wished = LIMITS(.night_ma = 2), .dark = true},
        {.wished = LIMITS(.timed = true), .dark = true}, /* nobody read the hours */
        {.holds = {WORKDAY(DAY)}, .wished = LIMITS(.timed = true), .dark = true},
        {.holds = {WORKDAY(DAY), HOLIDAY(ALL_DAY)}, .wished = LIMITS(.timed = true), .dark = false},
        {.holds = {LIMITS(.timed = false), WORKDAY(DAY), HOLIDAY()},
         .wished = LIMITS(.timed = true),
         .dark = true},
        /* the calendar */
        {.wished = CALENDAR, .dark = false},
        {.holds = {LIMITS(.timed = false), WORKDAY(DAY), HOLIDAY()},
         .wished = CALENDAR,
         .dark = false},
        {.holds = {LIMITS(.timed = true), WORKDAY(DAY), HOLIDAY(DAY)},
         .wished = CALENDAR,
         .dark = false},
        {.holds = {LIMITS(.timed = true), WORKDAY(DAY), HOLIDAY()},
         .wished = CALENDAR,
         .dark = true},
        {.holds = {LIMITS(.timed = true), WORKDAY(DAY)}, .wished = CALENDAR, .dark = true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        w->now.s = rows[i].at_night ? NIGHT : NOON;
        for (size_t k = 0; k < 3; k++)
            hold(w, FIRST, &rows[i].holds[k]);
        sql_run(w->store, "DELETE FROM control_dark");
        assert_ok(set(w, FIRST, &rows[i].wished));
        if (dark(w) != rows[i].dark)
            fail_msg("row %zu: %s", i, rows[i].dark ? "it is dark" : "it is not dark");
        sql_run(w->store, "DELETE FROM terminal_register");
    }
}

/* What is on its way may come before what is wished now, or never. */
static void test_what_is_pending_counts(void **state)
{
    struct world *w = *state;
    const struct setting day = WORKDAY(DAY), rest = HOLIDAY(DAY), none = WORKDAY();
    const struct setting on = LIMITS(.timed = true), off = LIMITS(.timed = false);
    hold(w, FIRST, &off);
    hold(w, FIRST, &day);
    hold(w, FIRST, &rest);
    assert_int_equal(dark(w), 0);
    assert_ok(set(w, FIRST, &none)); /* the hours do not count */
    assert_int_equal(dark(w), 0);
    assert_ok(set(w, FIRST, &on)); /* they begin to */
    assert_int_equal(dark(w), 1);
    assert_ok(set(w, FIRST, &none));
    assert_int_equal(dark(w), 2);
    assert_ok(set(w, FIRST, &off)); /* taken back, each */
    assert_int_equal(dark(w), 1);
    assert_ok(set(w, FIRST, &day));
    assert_int_equal(dark(w), 0);
}

/* --- the breaker ---------------------------------------------------------------------------------
 */

static enum err do_many(struct store_tx *tx, void *arg)
{
    return terminals_write_many(tx, &((struct world *)arg)->many);
}

static enum err set_all(struct world *w, const struct setting *s)
{
    uint8_t room[METER_TERMINAL_BYTES];
    w->many = (struct terminals_many){.wish = {.circuit = 1,
                                               .item = s->item,
                                               .data = bytes_of(s, room),
                                               .reason = "r",
                                               .actor = "user:1",
                                               .now = w->now,
                                               .random = ++w->random * 1'000'003},
                                      .project_id = 1,
                                      .under = "D"};
    return store_run(w->store, do_many, w);
}

static enum err do_release(struct store_tx *tx, void *arg)
{
    return control_breaker_release(tx, 1, "user:2", ((struct world *)arg)->now);
}

static enum err do_cut(struct store_tx *tx, void *arg)
{
    return control_wish(tx, &((struct world *)arg)->cut, NULL);
}

static enum err cut(struct world *w, int64_t meter)
{
    w->cut = (struct control_wish){.meter_id = meter,
                                   .desired = CONTROL_OPEN,
                                   .reason = "manual",
                                   .actor = "user:1",
                                   .now = w->now,
                                   .random = ++w->random * 1'000'003};
    return store_run(w->store, do_cut, w);
}

static const struct setting without_hours = WORKDAY(), by_day = WORKDAY(DAY);

static void test_a_building_is_not_darkened_by_one_person(void **state)
{
    struct world *w = *state;
    assert_err(ERR_CONTROL_BREAKER, set_all(w, &without_hours));
    assert_int_equal(dark(w), 0); /* nothing was written */
    assert_int_equal(sql_number(w->store, "SELECT count(*) FROM terminal_register"), 0);
    assert_int_equal(sql_number(w->store, "SELECT count(*) FROM command"), 0);
    assert_ok(set_all(w, &by_day)); /* what leaves power on needs nobody */
    assert_ok(store_run(w->store, do_release, w));
    assert_ok(set_all(w, &without_hours));
    assert_int_equal(w->many.written, ROOMS);
}

/* Also one by one, with cuts between, and it is over with the window. */
static void test_settings_count_with_cuts(void **state)
{
    struct world *w = *state;
    for (int64_t i = 0; i < CONTROL_BREAKER_MIN / 2; i++)
        assert_ok(set(w, FIRST + i, &without_hours));
    for (int64_t i = CONTROL_BREAKER_MIN / 2; i < CONTROL_BREAKER_MIN; i++)
        assert_ok(cut(w, FIRST + i));
    assert_err(ERR_CONTROL_BREAKER, set(w, FIRST + CONTROL_BREAKER_MIN, &without_hours));
    assert_err(ERR_CONTROL_BREAKER, cut(w, FIRST + CONTROL_BREAKER_MIN));
    assert_ok(set(w, FIRST, &without_hours)); /* the same is no more */
    assert_ok(cut(w, FIRST));
    assert_ok(set(w, FIRST + 1, &by_day)); /* one less */
    assert_ok(cut(w, FIRST + CONTROL_BREAKER_MIN));
    assert_err(ERR_CONTROL_BREAKER, cut(w, FIRST + 1));
    w->now.s += CONTROL_BREAKER_S;
    assert_ok(set(w, FIRST + 1, &without_hours));
    assert_int_equal(dark(w), 1); /* older ones are forgotten */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_leaves_a_circuit_dark),
        CASE(test_what_is_pending_counts),
        CASE(test_a_building_is_not_darkened_by_one_person),
        CASE(test_settings_count_with_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
