#include "tests/unit/check.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/rand.h"
#include "base/text.h"
#include "base/units.h"

static void test_bcd_round_trip(void **state)
{
    (void)state;
    uint8_t buf[6];
    struct writer w = writer_of(buf, sizeof buf);
    writer_bcd_le(&w, 260305510012, 6);
    assert_ok(w.err);
    static const uint8_t wire[] = {0x12, 0x00, 0x51, 0x05, 0x03, 0x26};
    assert_memory_equal(buf, wire, 6);
    struct reader r = reader_of(buf, 6);
    assert_int_equal(reader_bcd_le(&r, 6), 260305510012);
    assert_ok(r.err);
}

static void test_bcd_refuses(void **state)
{
    (void)state;
    static const uint8_t bad[] = {0x1A};
    struct reader r = reader_of(bad, 1);
    assert_int_equal(reader_bcd_le(&r, 1), 0);
    assert_err(ERR_BCD, r.err);
    uint8_t buf[1];
    struct writer w = writer_of(buf, 1);
    writer_bcd_le(&w, 100, 1);
    assert_err(ERR_RANGE, w.err);
}

static void test_reader_sticks(void **state)
{
    (void)state;
    static const uint8_t two[] = {1, 2};
    struct reader r = reader_of(two, 2);
    assert_int_equal(reader_u32le(&r), 0);
    assert_err(ERR_TRUNCATED, r.err);
    assert_int_equal(reader_u8(&r), 0);
    assert_int_equal(reader_left(&r), 0);
}

static void test_checks(void **state)
{
    (void)state;
    static const uint8_t modbus[] = {0x01, 0x03, 0x00, 0x00, 0x00, 0x02};
    assert_int_equal(crc16_modbus(modbus, 6), 0x0BC4);
    assert_int_equal(crc32c((const uint8_t *)"123456789", 9), 0xE3069283);
    uint8_t out[4];
    size_t n;
    assert_ok(hex_decode("68 AA\n16", 8, out, 4, &n));
    assert_int_equal(n, 3);
    assert_err(ERR_SYNTAX, hex_decode("6", 1, out, 4, &n));
    assert_err(ERR_SYNTAX, hex_decode("6G", 2, out, 4, &n));
    assert_err(ERR_FULL, hex_decode("0102030405", 10, out, 4, &n));
}

static void test_civil(void **state)
{
    (void)state;
    for (int32_t day = -200000; day < 200000; day += 7) {
        struct civil c = civil_from_days(day);
        assert_true(civil_valid(c));
        assert_int_equal(civil_days_from_date(c.year, c.month, c.day), day);
    }
    struct civil c = civil_from_wall((wall_s){1795565730}, 8 * 3600);
    assert_int_equal(c.year, 2026);
    assert_int_equal(c.month, 11);
    assert_int_equal(c.day, 25);
    assert_int_equal(c.weekday, 3);
    assert_int_equal(civil_to_wall(c, 8 * 3600).s, 1795565730);
    assert_false(civil_valid((struct civil){.year = 2026, .month = 2, .day = 29}));
    assert_int_equal(civil_local_day((wall_s){-1}, 0), -1);
}

static void test_amount_carries(void **state)
{
    (void)state;
    int64_t carry = 0, fen, sum = 0;
    for (int i = 0; i < 1000; i++) { /* 1 Wh at 0.4883 yuan, a thousand times = 1 kWh */
        assert_ok(units_amount_fen(1, 48'830'000, &carry, &fen));
        sum += fen;
    }
    assert_int_equal(sum, 49);
    carry = 0;
    assert_ok(units_amount_fen(240'000, 48'830'000, &carry, &fen));
    assert_int_equal(fen, 11'719);
    assert_err(ERR_OVERFLOW, units_amount_fen(INT64_MAX, INT64_MAX, &carry, &fen));
    int64_t r;
    assert_ok(units_mul_div(-5, 1, 2, &r));
    assert_int_equal(r, -3);
    assert_err(ERR_OVERFLOW, units_add(INT64_MAX, 1, &r));
}

static void test_errors_have_words(void **state)
{
    (void)state;
    for (int e = 0; e < ERR_COUNT; e++) {
        assert_true(strlen(err_name((enum err)e)) > 0);
        assert_true(strlen(err_text_en((enum err)e)) > 0);
        assert_true(strlen(err_text_zh((enum err)e)) > 0);
    }
    assert_string_equal(err_name((enum err)9999), "BUG");
}

static void test_random_is_repeatable(void **state)
{
    (void)state;
    struct rand_stream a = rand_split(7, "line"), b = rand_split(7, "line"),
                       c = rand_split(7, "disk");
    uint64_t first = rand_u64(&a);
    assert_true(first == rand_u64(&b));
    assert_true(first != rand_u64(&c));
    for (int i = 0; i < 1000; i++)
        assert_true(rand_below(&a, 10) < 10);
}

static void check_int(int64_t value)
{
    char ours[TEXT_INT_MAX], theirs[TEXT_INT_MAX];
    snprintf(theirs, sizeof theirs, "%" PRId64, value);
    assert_int_equal(text_int(ours, value), strlen(theirs));
    assert_string_equal(ours, theirs);
}

static void test_ints_as_printf(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(7, "ints");
    check_int(0);
    check_int(INT64_MIN);
    check_int(INT64_MAX);
    for (int64_t p = 1; p <= INT64_MAX / 10; p *= 10)
        for (int64_t d = -1; d <= 1; d++) {
            check_int(p + d);
            check_int(-p + d);
        }
    for (int i = 0; i < 10'000; i++)
        check_int((int64_t)(rand_u64(&r) >> (i % 64)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ints_as_printf),
        cmocka_unit_test(test_bcd_round_trip),
        cmocka_unit_test(test_bcd_refuses),
        cmocka_unit_test(test_reader_sticks),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_civil),
        cmocka_unit_test(test_amount_carries),
        cmocka_unit_test(test_errors_have_words),
        cmocka_unit_test(test_random_is_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
