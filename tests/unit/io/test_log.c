#include "tests/unit/check.h"

#include <stdio.h>

#include "io/log.h"

static char last[LOG_LINE_MAX];
static int lines;
static wall_s clock_now = {1'795'341'600}; /* 2026-11-22 10:00:00 UTC */

static void take(void *arg, const char *line)
{
    (void)arg;
    snprintf(last, sizeof last, "%s", line);
    lines++;
}

static wall_s tell(void *arg)
{
    (void)arg;
    return clock_now;
}

static void a_line_is_event_and_fields(void **state)
{
    (void)state;
    log_event(LOG_LINE_DOWN, LOG_I("line", 3), LOG_S("endpoint", "serial:/dev/ttyS1"),
              LOG_E("error", ERR_IO_FILE));
    assert_string_equal(last, "line.down at=2026-11-22T10:00:00Z level=warn line=3 "
                              "endpoint=serial:/dev/ttyS1 error=IO_FILE");
    log_event(LOG_PROGRAM_STOP);
    assert_string_equal(last, "program.stop at=2026-11-22T10:00:00Z level=info");
}

static void values_cannot_forge_a_line(void **state)
{
    (void)state;
    log_event(LOG_UPLINK_LOST, LOG_S("a", "two words"), LOG_S("b", "q\"uo\\te"),
              LOG_S("c", "x\nuplink.lost at=1\x1b[31m"), LOG_S("d", ""), LOG_S("e", NULL),
              LOG_S("f", "宿舍"));
    assert_non_null(strstr(last, "a=\"two words\" b=\"q\\\"uo\\\\te\" "
                                 "c=\"x\\x0auplink.lost at=1\\x1b[31m\" d=\"\" e=- f=宿舍"));
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_event(LOG_UPLINK_LOST, LOG_S("a", text), LOG_S("b", text));
    assert_int_equal(strlen(last), LOG_LINE_MAX - 2);
}

static void floods_are_counted(void **state)
{
    (void)state;
    clock_now.s += LOG_WINDOW_S;
    lines = 0;
    for (int i = 0; i < LOG_BURST + 25; i++)
        log_event(LOG_TLS_REFUSED, LOG_I("i", i));
    assert_int_equal(lines, LOG_BURST);
    log_event(LOG_UPLINK_LOST, LOG_I("i", 1)); /* another name has a budget of its own */
    assert_int_equal(lines, LOG_BURST + 1);
    clock_now.s += LOG_WINDOW_S;
    log_event(LOG_TLS_REFUSED, LOG_I("i", 99));
    assert_non_null(strstr(last, "i=99 suppressed=25"));
    log_event(LOG_TLS_REFUSED, LOG_I("i", 100));
    assert_null(strstr(last, "suppressed"));
}

static void levels_filter(void **state)
{
    (void)state;
    lines = 0;
    log_set_level(LOG_LEVEL_WARN);
    log_event(LOG_PROGRAM_STOP);
    assert_int_equal(lines, 0);
    log_event(LOG_UPLINK_LOST);
    assert_int_equal(lines, 1);
    log_set_level(LOG_LEVEL_INFO);
}

static const struct {
    const char *text, *en, *zh;
} rows[] = {
#define LOG_ROW(name, text, level, en, zh) [name] = {text, en, zh},
#include "io/log_table.h"
#undef LOG_ROW
};

static void the_table_is_whole(void **state)
{
    (void)state;
    for (enum log_name n = 0; n < LOG_NAME_COUNT; n++) {
        assert_non_null(strchr(rows[n].text, '.'));
        assert_true(strlen(rows[n].en) > 10 && strlen(rows[n].zh) > 5);
        assert_null(strpbrk(rows[n].text, " =\""));
        for (enum log_name m = 0; m < n; m++)
            assert_string_not_equal(rows[n].text, rows[m].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_event_and_fields),
        cmocka_unit_test(values_cannot_forge_a_line),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(floods_are_counted),
        cmocka_unit_test(levels_filter),
        cmocka_unit_test(the_table_is_whole),
    };
    log_set_sink(take, NULL);
    log_set_clock(tell, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
