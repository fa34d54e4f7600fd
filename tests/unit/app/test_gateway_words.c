/* Every point that there is has words. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/check.h"

#include "app/gateway/gateway_words.h"

static void has_words(int point)
{
    char number[24];
    snprintf(number, sizeof number, "%d", point);
    for (int chinese = 0; chinese < 2; chinese++) {
        const char *said = point_words((enum meter_point)point, chinese);
        if (said[0] == '\0' || strcmp(said, number) == 0)
            fail_msg("point %d has no words", point);
    }
}

/* The header itself is read, so that no list here can be forgotten. */
static void test_every_point_has_words(void **state)
{
    (void)state;
    char line[200], name[64];
    int number, count = 0;
    FILE *f = fopen(YUFU_SOURCE_ROOT "/src/meter/point.h", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        /* POINT_VOLUME_L's number stands in the next line */
        if (sscanf(line, " POINT_%63[A-Z0-9_] = %d", name, &number) != 2 &&
            sscanf(line, " %d, /*", &number) != 1)
            continue;
        if (number == POINT_LIMIT)
            break;
        has_words(number);
        count++;
    }
    fclose(f);
    assert_true(count >= 40);
}

static void is_shown(enum meter_point p, int64_t value, bool chinese, const char *want)
{
    char out[96];
    point_value_text(p, value, chinese, out, sizeof out);
    assert_string_equal(out, want);
}

static void test_values(void **state)
{
    (void)state;
    is_shown(POINT_ENERGY_WH, 12'340, false, "12.340 kWh");
    is_shown(POINT_REACTIVE_VARH, -5, false, "-0.005 kvarh");
    is_shown(POINT_VOLUME_L, 123'450, true, "123.450 m3");
    is_shown(POINT_VALVE, METER_VALVE_MOVING, true, "动作中");
    is_shown(POINT_RELAY_OPEN, 5, false, "open (circuits, by bit: 5)");
    is_shown(POINT_CIRCUIT_REASONS, 0x030002, false, "2, 0, 3");
    is_shown(POINT_CLOCK_S, 1'795'833'007, false, "2026-11-28 02:30:07");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_point_has_words),
                                       cmocka_unit_test(test_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
