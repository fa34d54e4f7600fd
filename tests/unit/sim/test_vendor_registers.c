/*
 * What a master finds who asks the simulated DL/T 645 meter for the standard's tables: energies and
 * demands by tariff and settlement, what is measured, events, parameters, freezes. Understood by
 * src/proto, which shares nothing with it.
 */
#include <stdio.h>

#include "tests/unit/check.h"

#include "proto/dlt645_ask.h"
#include "proto/dlt645_say.h"
#include "sim/vendor/vendor.h"

#define EVENING INT64_C(1'767'182'400) /* 2025-12-31 20:00 in Beijing */

static const uint8_t address[6] = {0x12, 0x00, 0x51, 0x05, 0x03, 0x26};
static struct vendor_meter m;
static struct dlt645_frame answer;

static void pass(int64_t minutes)
{
    while (minutes-- > 0)
        vendor_run(&m, mono_after(m.at, 60'000), (wall_s){m.wall.s + 60});
}

/* 1.2 kW till half past ten, half an hour of 2.4 kW, then 1.2 kW till two o'clock of the new year;
 * 100 kWh stood there before. */
static void begin(void)
{
    struct vendor_setup s = {.kind = VENDOR_DLT645, .password = {0x56, 0x34, 0x12}};
    memcpy(s.address, address, 6);
    vendor_init(&m, &s, (mono_ms){1000}, (wall_s){EVENING});
    m.energy_mwh = 100'000'000;
    m.power_w = 1'200;
    pass(150);
    m.power_w = 2'400;
    pass(30);
    m.power_w = 1'200;
    pass(180);
}

static bool ask(uint32_t id)
{
    uint8_t wire[DLT645_FRAME_MAX], out[VENDOR_FRAME_MAX];
    struct dlt645_frame f;
    struct writer w = writer_of(wire, sizeof wire);
    size_t used;
    dlt645_ask_read(&f, address, id);
    dlt645_encode(&f, 4, &w);
    size_t n = vendor_hear(&m, wire, w.len, out);
    assert_ok(dlt645_decode(out, n, &answer, &used));
    assert_int_equal(used, n);
    return !(answer.control & DLT645_ABNORMAL);
}

/* All values of the answer, with a space behind each. */
static const char *told(uint32_t id)
{
    static char text[1024];
    struct dlt645_say s;
    struct dlt645_walk w;
    struct dlt645_value v;
    size_t len = 0;
    text[0] = '\0';
    if (!ask(id))
        return "refused";
    dlt645_say(&answer, DLT645_ERA_2007, &s);
    assert_ok(dlt645_say_values(&s, &w));
    while (dlt645_walk_next(&w, &v)) {
        char one[64];
        dlt645_value_text(&v, one, sizeof one);
        assert_int_not_equal(v.state, DLT645_DAMAGED);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s ",
                                v.state == DLT645_ABSENT ? "-" : one);
    }
    assert_int_equal(reader_left(&w.data), 0);
    return text;
}

static void check(uint32_t id, const char *want)
{
    const char *text = told(id);
    if (strcmp(text, want) != 0)
        fail_msg("%08X: %s, not %s", id, text, want);
}

static void test_energies(void **state)
{
    (void)state;
    begin();
    check(0x00010000, "107.80 ");
    check(0x0000FF00, "107.80 0.00 0.00 107.80 0.00 ");
    check(0x0001FF01, "105.40 0.00 0.00 105.40 0.00 "); /* at the end of the year */
    check(0x0002FF00, "0.00 0.00 0.00 0.00 0.00 ");
    check(0x00010002, "0.00 "); /* a settlement before it was hung there */
    check(0x000100FF, "107.80 105.40 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 0.00 ");
    check(0x000B0000, "2.40 ");
    check(0x000B0001, "105.40 ");
    check(0x0001FFFF, "refused");
    check(0x00010500, "refused"); /* it has four tariffs */
    check(0x0001000D, "refused");
    check(0x00030000, "refused"); /* reactive energy */
    check(0x00900200, "refused"); /* a wallet */
}

/* The highest quarter of an hour: of this month, and of the one before. */
static void test_demand(void **state)
{
    (void)state;
    begin();
    check(0x01010000, "1.2000 2026-01-01 00:01 ");
    check(0x01010001, "2.4000 2025-12-31 22:45 ");
    check(0x0101FF01,
          "2.4000 2025-12-31 22:45 0.0000 - 0.0000 - 2.4000 2025-12-31 22:45 0.0000 - ");
    check(0x01020000, "0.0000 - ");
    check(0x02800004, "1.2000 ");
    m.power_w = 3'600;
    pass(5);
    check(0x02800004, "2.0000 ");
    check(0x01010000, "2.0000 2026-01-01 02:05 ");
}

static void test_measured(void **state)
{
    (void)state;
    begin();
    check(0x0201FF00, "220.0 - - ");
    check(0x0202FF00, "5.454 - - ");
    check(0x02030000, "1.2000 ");
    check(0x0203FF00, "1.2000 1.2000 - - ");
    check(0x0204FF00, "0.0000 0.0000 - - ");
    check(0x02050000, "1.2000 ");
    check(0x0206FF00, "1.000 1.000 - - ");
    check(0x02010200, "refused"); /* phase B */
    check(0x02800001, "5.454 ");
    check(0x02800002, "50.00 ");
    check(0x02800007, "25.0 ");
    check(0x02800008, "3.60 ");
    check(0x02800020, "refused"); /* it knows no price */
}

static void test_events(void **state)
{
    (void)state;
    begin();
    check(0x03010000, "0 0 0 0 0 0 ");
    check(0x03010101, "refused");
    check(0x03050000, "0 0 ");
    check(0x03110000, "0 ");
    check(0x03110001, "refused");
    m.powered = false;
    pass(30);
    m.powered = true;
    pass(1);
    check(0x03110000, "1 ");
    check(0x03110001, "2026-01-01 02:01:00 2026-01-01 02:31:00 ");
    check(0x03300400, "0 ");
    check(0x03300D00, "0 ");
    check(0x01010000, "1.2000 2026-01-01 00:01 ");
}

static void test_parameters(void **state)
{
    (void)state;
    begin();
    check(0x04000101, "4 2026-01-01 ");
    check(0x04000102, "02:00:00 ");
    check(0x0400010C, "02:00:00 4 2026-01-01 ");
    check(0x04000103, "15 ");
    check(0x04000204, "4 ");
    check(0x04000401, "260305510012 ");
    check(0x04000402, "260305510012 ");
    check(0x04000404, "220V ");
    check(0x04000409, "1200 ");
    check(0x0400040D, "DL/T645-2007 ");
    check(0x040005FF, "0000 0000 0000 0000 0000 0000 0000 ");
    check(0x04000B01, "01 00h ");
    check(0x04010001, "3 00:00 ");
    check(0x04000108, "refused"); /* prices again */
    check(0x04001001, "refused");
}

static void test_freezes(void **state)
{
    (void)state;
    begin();
    check(0x05060001, "2026-01-01 00:00 ");
    check(0x05060101, "105.40 0.00 0.00 105.40 0.00 ");
    check(0x05060901,
          "2.4000 2025-12-31 22:45 0.0000 - 0.0000 - 2.4000 2025-12-31 22:45 0.0000 - ");
    check(0x05061001, "1.2000 1.2000 - - 0.0000 0.0000 - - ");
    check(0x05060002, "refused");
    check(0x05040001, "2026-01-01 02:00 ");
    check(0x05040101, "107.80 ");
    check(0x05040103, "105.40 ");
    check(0x05040006, "2025-12-31 21:00 ");
    check(0x05040007, "refused");
    check(0x05000001, "refused"); /* no agreed freeze was set */
}

/* Whatever it answers is understood to the last byte, if it is known at all. */
static void test_all_that_is_answered_is_understood(void **state)
{
    (void)state;
    unsigned answered = 0;
    begin();
    for (uint32_t head = 0; head < 0x0600; head++)
        for (uint32_t di1 = 0; di1 <= 0x12; di1++)
            for (uint32_t di0 = 0; di0 <= 0x12; di0++) {
                uint32_t id =
                    head << 16 | (di1 == 0x12 ? 0xFF : di1) << 8 | (di0 == 0x12 ? 0xFF : di0);
                if (!ask(id))
                    continue;
                answered++;
                if (dlt645_item_find(id) == NULL)
                    fail_msg("%08X is answered and not known", id);
                told(id);
            }
    assert_true(answered > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_energies),
        cmocka_unit_test(test_demand),
        cmocka_unit_test(test_measured),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_freezes),
        cmocka_unit_test(test_all_that_is_answered_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
