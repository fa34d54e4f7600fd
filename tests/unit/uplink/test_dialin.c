#include "tests/unit/uplink/dialin_world.h"

static int begin(void **state)
{
    static struct world w;
    world_open(&w);
    world_line(&w, 1, "dtu:UNIT-1;ping", ERR_OK);
    world_line(&w, 2, "dtu:UNIT-12;ping", ERR_OK);
    *state = &w;
    return 0;
}

static void hear(struct world *w, int64_t conn, const char *text)
{
    dialin_data(w->d, conn, w->now, (const uint8_t *)text, strlen(text));
}

static void connect_as(struct world *w, int64_t conn, const char *text)
{
    static const uint8_t random[DIALIN_RANDOM] = "challenge 123456";
    dialin_open(w->d, conn, w->now, random);
    hear(w, conn, text);
}

static void pass(struct world *w, int64_t ms)
{
    mono_ms to = mono_after(w->now, ms);
    while (mono_due(dialin_wake(w->d), to)) {
        w->now = dialin_wake(w->d).ms > w->now.ms ? dialin_wake(w->d) : w->now;
        dialin_tick(w->d, w->now);
    }
    w->now = to;
}

static void test_endpoints(void **state)
{
    (void)state;
    struct dialin_endpoint e;
    assert_true(dialin_is_endpoint("dtu:") && !dialin_is_endpoint("tcp:h:1"));
    assert_ok(dialin_endpoint_parse("dtu:0x8899aabb;0x00", &e));
    assert_int_equal(e.name.len, 4);
    assert_int_equal(e.heartbeat.len, 1);
    assert_int_equal(dialin_endpoint_parse("dtu:", &e), ERR_SYNTAX);
    assert_int_equal(dialin_endpoint_parse("dtu:A;", &e), ERR_SYNTAX);
    assert_int_equal(dialin_endpoint_parse("serial:/dev/x", &e), ERR_SYNTAX);
    assert_int_equal(dialin_endpoint_parse("dtu:UNIT;UNIT-1", &e), ERR_STATE);
    assert_ok(dialin_endpoint_parse("dtu:UNIT;UNIT", &e)); /* registers again as its heartbeat */
}

static void test_a_unit_is_its_line(void **state)
{
    struct world *w = *state;
    connect_as(w, 5, "UN");
    hear(w, 5, "IT-12abc");
    expect(w, "bound 5 UNIT-12;up 2;got 2 abc;");
    assert_true(dialin_line_is_up(w->d, 2) && !dialin_line_is_up(w->d, 1));
    assert_ok(dialin_write(w->d, 2, w->now, (const uint8_t *)"ask", 3));
    hear(w, 5, "pinganswer");
    hear(w, 5, "ping");
    expect(w, "send 5 ask;got 2 answer;");
    hear(w, 5, "pi"); /* held for a moment, then it is data */
    expect(w, "");
    pass(w, 200);
    expect(w, "got 2 pi;");
    dialin_closed(w->d, 5, w->now);
    expect(w, "down 2 IO_CLOSED;");
    assert_int_equal(dialin_write(w->d, 2, w->now, (const uint8_t *)"ask", 3), ERR_IO_CLOSED);
    connect_as(w, 6, "UNIT-12");
    expect(w, "bound 6 UNIT-12;up 2;");
}

/* UNIT-1 is a whole registration, but UNIT-12 begins the same way. */
static void test_the_longer_name_is_waited_for(void **state)
{
    struct world *w = *state;
    connect_as(w, 5, "UNIT-1");
    expect(w, "");
    pass(w, DIALIN_SETTLE_MS);
    expect(w, "bound 5 UNIT-1;up 1;");
    connect_as(w, 6, "UNIT-1");
    hear(w, 6, "2");
    expect(w, "bound 6 UNIT-12;up 2;");
    connect_as(w, 7, "\r\n+UNIT-1 x"); /* others may say something first */
    expect(w, "");
}

static void test_twins_are_refused(void **state)
{
    struct world *w = *state;
    connect_as(w, 5, "UNIT-12");
    connect_as(w, 6, "UNIT-12");
    expect(w, "bound 5 UNIT-12;up 2;");
    connect_as(w, 7, "UNIT-12"); /* one may wait, no more */
    expect(w, "twin 7 UNIT-12;close 7;");
    pass(w, 1'000);
    hear(w, 5, "x");
    expect(w, "twin 6 UNIT-12;close 6;got 2 x;");
}

static void test_a_leftover_is_displaced_but_not_for_ever(void **state)
{
    struct world *w = *state;
    connect_as(w, 5, "UNIT-12");
    connect_as(w, 6, "UNIT-12");
    w->log[0] = '\0';
    pass(w, DIALIN_TWIN_MS);
    expect(w, "displaced 5 UNIT-12;down 2 UPLINK_SILENT;close 5;bound 6 UNIT-12;up 2;");
    connect_as(w, 7, "UNIT-12"); /* the displaced one was alive after all */
    expect(w, "twin 7 UNIT-12;close 7;");
    hear(w, 6, "ping");
    pass(w, DIALIN_SILENT_MS - 1);
    expect(w, "");
    pass(w, 1);
    expect(w, "silent 6 UNIT-12;down 2 UPLINK_SILENT;close 6;");
    connect_as(w, 8, "UNIT-12");
    expect(w, "bound 8 UNIT-12;up 2;");
}

static void test_who_waited_takes_over_when_the_other_ends(void **state)
{
    struct world *w = *state;
    connect_as(w, 5, "UNIT-12");
    connect_as(w, 6, "UNIT-12");
    w->log[0] = '\0';
    dialin_closed(w->d, 5, w->now);
    expect(w, "down 2 IO_CLOSED;bound 6 UNIT-12;up 2;");
}

static void test_strangers_are_refused(void **state)
{
    struct world *w = *state;
    connect_as(w, 5, "OTHER");
    pass(w, DIALIN_REGISTER_MS - 1);
    expect(w, "");
    pass(w, 1);
    expect(w, "unknown 5 OTHER;close 5;");
    char noise[DIALIN_FIRST_MAX + 1];
    memset(noise, 'n', DIALIN_FIRST_MAX);
    noise[DIALIN_FIRST_MAX] = '\0';
    connect_as(w, 6, noise);
    assert_non_null(strstr(w->log, "unknown 6 nnn"));
    assert_true(mono_due(MONO_NEVER, dialin_wake(w->d)));
}

static void test_lines_come_and_go(void **state)
{
    struct world *w = *state;
    world_line(w, 3, "dtu:UNIT-12", ERR_EXISTS);
    connect_as(w, 5, "LATE");
    world_line(w, 3, "dtu:LATE", ERR_OK);
    pass(w, 0);
    expect(w, "bound 5 LATE;up 3;");
    connect_as(w, 6, "LATE");
    dialin_line_remove(w->d, 3);
    assert_non_null(strstr(w->log, "close 5;close 6;"));
    dialin_line_remove(w->d, 3); /* again: nothing */
    assert_false(dialin_line_is_up(w->d, 3));
    assert_true(mono_due(MONO_NEVER, dialin_wake(w->d)));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, world_close)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endpoints),
        T(test_a_unit_is_its_line),
        T(test_the_longer_name_is_waited_for),
        T(test_twins_are_refused),
        T(test_a_leftover_is_displaced_but_not_for_ever),
        T(test_who_waited_takes_over_when_the_other_ends),
        T(test_strangers_are_refused),
        T(test_lines_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
