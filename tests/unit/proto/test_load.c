/* Load records: streams of them, cut and damaged. What single frames say: tests/vectors. */
#include "tests/unit/check.h"

#include "proto/dlt645_load.h"

/* Demand alone: 3.0125 kW, -0.0015 kvar at 2026-11-25 00:15. */
static const uint8_t one[] = {0xA0, 0xA0, 0x11, 0x15, 0x00, 0x25, 0x11, 0x26, 0xAA, 0xAA, 0xAA,
                              0xAA, 0xAA, 0x25, 0x01, 0x03, 0x15, 0x00, 0x80, 0xAA, 0x7C, 0xE5};

static enum err decode(const uint8_t *data, size_t len, size_t *used)
{
    struct dlt645_load_record rec;
    return dlt645_load_decode((struct bytes){data, len}, 0, &rec, used);
}

static void test_every_cut_is_truncated(void **state)
{
    (void)state;
    size_t used;
    for (size_t len = 0; len < sizeof one; len++) {
        assert_err(ERR_TRUNCATED, decode(one, len, &used));
        assert_int_equal(used, 0); /* it may be the beginning of one */
    }
    assert_ok(decode(one, sizeof one, &used));
    assert_int_equal(used, sizeof one);
}

/* Nothing between the first mark and the end can change without being noticed. */
static void test_every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * sizeof one; bit++) {
        uint8_t copy[sizeof one];
        size_t used;
        memcpy(copy, one, sizeof one);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_not_equal(decode(copy, sizeof copy, &used), ERR_OK);
    }
}

static void test_damage_does_not_hide_the_next(void **state)
{
    (void)state;
    uint8_t data[1 + 2 * sizeof one] = {0x00};
    struct dlt645_load_record rec;
    struct bytes rest = {data, sizeof data};
    size_t used;
    unsigned damaged = 0;
    memcpy(data + 1, one, sizeof one);
    memcpy(data + 1 + sizeof one, one, sizeof one);
    data[15] ^= 1;
    enum err e;
    while ((e = dlt645_load_decode(rest, 0, &rec, &used)) != ERR_OK) {
        assert_int_not_equal(e, ERR_TRUNCATED);
        rest = (struct bytes){rest.data + used, rest.len - used};
        damaged++;
    }
    assert_int_equal(damaged, 1);
    assert_int_equal(rest.data + used - data, sizeof data);
    wall_s t;
    assert_ok(dlt645_load_time(&rec, 0, &t));
    assert_int_equal(t.s, civil_to_wall((struct civil){2026, 11, 25, 0, 15, 0, 0}, 0).s);
}

static void test_times_that_no_clock_shows(void **state)
{
    (void)state;
    struct dlt645_load_record rec = {.time = {0x15, 0x24, 0x25, 0x11, 0x26}};
    wall_s t;
    assert_err(ERR_RANGE, dlt645_load_time(&rec, 0, &t));
    rec.time[1] = 0x2A;
    assert_err(ERR_BCD, dlt645_load_time(&rec, 0, &t));
}

static void test_identifiers(void **state)
{
    (void)state;
    unsigned group;
    assert_int_equal(dlt645_load_id(0, DLT645_LOAD_FROM), 0x06000001);
    assert_int_equal(dlt645_load_id(6, DLT645_LOAD_LATEST), 0x06060002);
    assert_true(dlt645_load_is(0x06030000, &group));
    assert_int_equal(group, 3);
    assert_false(dlt645_load_is(0x06070000, &group));
    assert_false(dlt645_load_is(0x06000003, &group));
    assert_false(dlt645_load_is(0x06000101, &group));
    assert_false(dlt645_load_is(0x05060001, &group));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut_is_truncated),
        cmocka_unit_test(test_every_flipped_bit_is_noticed),
        cmocka_unit_test(test_damage_does_not_hide_the_next),
        cmocka_unit_test(test_times_that_no_clock_shows),
        cmocka_unit_test(test_identifiers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
