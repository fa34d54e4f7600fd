/* Real lives (replay) and made-up ones (people). */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/world/people.h"
#include "sim/world/replay.h"

static const char *data_file(const char *name)
{
    static char path[512];
    const char *root = getenv("YUFU_DATA");
    snprintf(path, sizeof path, "%s/%s", root != NULL ? root : "../shared/data", name);
    return access(path, R_OK) == 0 ? path : NULL;
}

static void put_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static char scratch[64];

static const char *text_file(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    put_file(path, text);
    return path;
}

static int make_scratch(void **state)
{
    (void)state;
    strcpy(scratch, "/tmp/yufu-lives-XXXXXX");
    return mkdtemp(scratch) == NULL;
}

static int drop_scratch(void **state)
{
    (void)state;
    char path[128];
    static const char *const names[] = {"a.csv", "zzu-2025-01.json", "ecust.js"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", scratch, names[i]);
        unlink(path);
    }
    return rmdir(scratch);
}

static void test_balance_csv(void **state)
{
    (void)state;
    struct replay r;
    assert_ok(replay_load(&r,
                          text_file("a.csv", "time,light_kwh_left,ac_kwh_left\r\n"
                                             "2025-01-15T16:00:00+08:00,100.5,9\r\n"
                                             "2025-01-15T17:00:00+08:00,99.2,9\r\n"
                                             "2025-01-15T18:00:00+08:00,199,8.9\r\n"
                                             "2025-01-15T19:00:00+08:00,198,8.9\r\n"),
                          0));
    const struct replay_series *s = replay_find(&r, "light");
    assert_non_null(s);
    int64_t t = INT64_C(1'736'928'000); /* 16:00 in Beijing */
    assert_int_equal(s->points[0].at_s, t);
    assert_int_equal(replay_used_mwh(s, t - 1), 0);
    assert_int_equal(replay_used_mwh(s, t + 1800), 650'000);
    assert_int_equal(replay_used_mwh(s, t + 3600), 1'300'000);
    assert_int_equal(replay_used_mwh(s, t + 7199), 1'300'000); /* nothing while it was topped up */
    assert_int_equal(replay_used_mwh(s, t + 99'999), 2'300'000);
    assert_int_equal(s->due_count, 2);
    assert_int_equal(s->dues[0].energy_mwh, 100'500'000);
    assert_int_equal(s->dues[1].energy_mwh, 99'800'000);
    assert_int_equal(s->dues[1].at_s, t + 7200);
    assert_int_equal(s->dues[1].number, 2);
    assert_int_equal(replay_find(&r, "ac")->due_count, 1);
    assert_null(replay_find(&r, "other"));
    replay_free(&r);
}

static void test_json_is_the_same(void **state)
{
    (void)state;
    struct replay r;
    assert_ok(replay_load(&r,
                          text_file("zzu-2025-01.json",
                                    "[{\"time\": \"01-15 16:00:00\", \"ac_Balance\": 9.2,"
                                    " \"light_Balance\": 157.8},"
                                    "{\"time\": \"01-15 17:00:00\", \"ac_Balance\": 9.1,"
                                    " \"light_Balance\": 156.8}]"),
                          28'800));
    assert_int_equal(replay_find(&r, "ac")->points[0].at_s, INT64_C(1'736'928'000));
    assert_int_equal(replay_used_mwh(replay_find(&r, "ac"), INT64_C(1'736'931'600)), 100'000);
    assert_int_equal(replay_find(&r, "light")->dues[0].energy_mwh, 157'800'000);
    replay_free(&r);
    assert_ok(replay_load(&r,
                          text_file("ecust.js", "data=[{\"time\": \"2022-12-04\", \"kWh\": 79.4},"
                                                "{\"time\": \"2022-12-05\", \"kWh\": 78}]"),
                          28'800));
    assert_int_equal(replay_find(&r, "kwh")->points[1].used_mwh, 1'400'000);
    replay_free(&r);
}

static void test_bad_files(void **state)
{
    (void)state;
    struct replay r;
    static const struct {
        const char *text;
        enum err err;
    } rows[] = {
        {"", ERR_SYNTAX},
        {"a,b\n1,2\n", ERR_SYNTAX},
        {"date,kwh_left\n", ERR_SYNTAX},
        {"date,kwh_left\n2022-12-04\n", ERR_SYNTAX},
        {"date,kwh_left\n2022-12-04,x\n", ERR_SYNTAX},
        {"date,kwh_left\n2022-12-04,-1\n", ERR_RANGE},
        {"date,kwh_left\n2022-13-04,1\n", ERR_RANGE},
        {"date,kwh_left\n2022-12-04,1\n2022-12-04,1\n", ERR_RANGE},
        {"[1,2]", ERR_SYNTAX},
        {"[", ERR_SYNTAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_err(rows[i].err, replay_load(&r, text_file("a.csv", rows[i].text), 0));
    assert_err(ERR_NOT_FOUND, replay_load(&r, "/nonexistent/file.csv", 0));
}

/* The figures that the data's own description gives. */
static void test_real_rooms(void **state)
{
    (void)state;
    struct replay r;
    const char *path = data_file("dorm-balance/zzu-room-balance.csv");
    if (path == NULL)
        skip();
    assert_ok(replay_load(&r, path, 28'800));
    const struct replay_series *light = replay_find(&r, "light"), *ac = replay_find(&r, "ac");
    assert_int_equal(light->point_count, 2281);
    assert_int_equal(light->points[2280].used_mwh, INT64_C(4'165'700'000));
    assert_int_equal(ac->points[2280].used_mwh, INT64_C(2'336'000'000));
    assert_int_equal(light->due_count, 1 + 23);
    assert_int_equal(ac->due_count, 1 + 23);
    replay_free(&r);
    assert_ok(replay_load(&r, data_file("dorm-balance/originals/ecust-data.js"), 28'800));
    assert_int_equal(r.series[0].due_count, 1 + 38);
    assert_int_equal(r.series[0].points[935].used_mwh / 1'000'000, 2518);
    replay_free(&r);
}

static void test_real_homes(void **state)
{
    (void)state;
    struct replay r;
    const char *path = data_file("household-halfhour/block_62.csv");
    if (path == NULL)
        skip();
    assert_ok(replay_load(&r, path, 0));
    assert_int_equal(r.count, 3);
    const struct replay_series *s = replay_find(&r, "MAC004391");
    assert_int_equal(s->point_count, 20'306);
    assert_int_equal(s->points[20'305].used_mwh / 100'000, 64'226); /* 6,422.6 kWh */
    assert_int_equal(s->due_count, 0);
    replay_free(&r);
}

static int64_t day_wh(enum people_kind kind, uint64_t seed, int32_t day)
{
    int64_t mw_minutes = 0;
    for (int minute = 0; minute < 1440; minute++)
        mw_minutes += people_power_mw(
            kind, seed, civil_from_wall((wall_s){day * INT64_C(86'400) + minute * 60}, 0));
    return mw_minutes / 60 / 1000;
}

static void test_people(void **state)
{
    (void)state;
    int32_t winter = civil_days_from_date(2026, 3, 4);
    int64_t shop = 0, hall = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        int64_t wh = day_wh(PEOPLE_SHOP, seed, winter);
        assert_int_equal(wh, day_wh(PEOPLE_SHOP, seed, winter)); /* the same whenever asked */
        shop += wh;
        hall += day_wh(PEOPLE_PUBLIC, seed, winter);
    }
    assert_in_range(shop / 40, 20'000, 120'000);
    assert_in_range(hall / 40, 8'000, 25'000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_balance_csv), cmocka_unit_test(test_json_is_the_same),
        cmocka_unit_test(test_bad_files),   cmocka_unit_test(test_real_rooms),
        cmocka_unit_test(test_real_homes),  cmocka_unit_test(test_people),
    };
    return cmocka_run_group_tests(tests, make_scratch, drop_scratch);
}
