#include "tests/unit/check.h"

#include <stdio.h>

#include "meter/meter_impl.h"
#include "proto/dlt645_ask.h"

static struct meter_unit dorm, shop, plain;

static int start(void **state)
{
    (void)state;
    assert_ok(meter_unit_init(&dorm, "yufu-dorm3", "260305510012", "123456", 0));
    assert_ok(meter_unit_init(&shop, "yufu-shop3p", "13", "", 1));
    assert_ok(meter_unit_init(&plain, "yufu-plain", "14", "0", 1));
    dorm.offset_s = shop.offset_s = plain.offset_s = 28'800;
    return 0;
}

/* The answer of `u` to its request, with the data behind the identifier as hex text. */
static struct bytes answer(const struct meter_unit *u, uint32_t id, const char *hex)
{
    static uint8_t out[METER_FRAME_MAX];
    uint8_t data[64] = {(uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16), (uint8_t)(id >> 24)};
    size_t len = 0;
    struct dlt645_frame request, f;
    struct writer w = writer_of(out, sizeof out);
    assert_ok(hex_decode(hex, strlen(hex), data + 4, sizeof data - 4, &len));
    dlt645_ask_read(&request, u->address, id);
    assert_ok(dlt645_answer(&f, &request, u->address, (struct bytes){data, len + 4}));
    dlt645_encode(&f, 0, &w);
    return (struct bytes){out, w.len};
}

static struct bytes refusal(const struct meter_unit *u, uint8_t control, uint16_t bits, bool two)
{
    static uint8_t out[METER_FRAME_MAX];
    struct dlt645_frame request = {.control = control}, f;
    struct writer w = writer_of(out, sizeof out);
    dlt645_refuse(&f, &request, u->address, bits, two);
    dlt645_encode(&f, 0, &w);
    return (struct bytes){out, w.len};
}

static unsigned item_of(const struct meter_unit *u, const char *name)
{
    for (unsigned i = 0; i < u->model->item_count; i++)
        if (strcmp(u->model->items[i].name, name) == 0)
            return i;
    fail_msg("no row %s", name);
    return 0;
}

static struct meter_values take(const struct meter_unit *u, const char *name, const char *hex)
{
    struct meter_values v;
    unsigned item = item_of(u, name);
    assert_ok(meter_take_item(u, item, answer(u, u->model->items[item].id, hex), &v));
    return v;
}

static int64_t get(const struct meter_values *v, enum meter_point point)
{
    return meter_values_get(v, point, INT64_MIN);
}

static void test_units(void **state)
{
    (void)state;
    struct meter_unit u;
    assert_err(ERR_NOT_FOUND, meter_unit_init(&u, "nobody", "1", "", 1));
    assert_err(ERR_SYNTAX, meter_unit_init(&u, "yufu-plain", "12x", "", 1));
    assert_err(ERR_SYNTAX, meter_unit_init(&u, "yufu-plain", "AAAAAAAAAAAA", "", 1));
    assert_err(ERR_SYNTAX, meter_unit_init(&u, "yufu-plain", "1", "1234567890123", 1));
    assert_int_equal(dorm.circuits, 3);
    assert_memory_equal(dorm.customer, "\x56\x34\x12\0\0\0", 6);
}

/* Every model's plan fits, and every row asks something that its own answer satisfies. */
static void test_models_are_whole(void **state)
{
    (void)state;
    const struct meter_model *m;
    for (size_t i = 0; (m = meter_model_at(i)); i++) {
        assert_true(m->item_count <= METER_ITEMS_MAX);
        assert_true(m->state_item < m->item_count && m->relay_item < m->item_count);
        assert_ptr_equal(meter_model_find(m->name), m);
        assert_true(m->circuits >= 1 && m->circuits <= 3);
    }
    assert_int_equal(meter_model_find("yufu-plain")->class, METER_CLASS_D);
    assert_null(meter_model_find(""));
}

static void test_energy(void **state)
{
    (void)state;
    struct meter_values v = take(&dorm, "energy", "2900000062000000600000000300000002000000");
    assert_int_equal(get(&v, POINT_ENERGY_WH), 290);
    assert_int_equal(get(&v, POINT_ENERGY_RATE1_WH), 620);
    assert_int_equal(get(&v, POINT_ENERGY_RATE4_WH), 20);
    v = take(&dorm, "energy", "29000000FFFFFFFF"); /* a meter without rates */
    assert_int_equal(get(&v, POINT_ENERGY_WH), 290);
    assert_int_equal(get(&v, POINT_ENERGY_RATE1_WH), INT64_MIN);
}

static void test_circuits(void **state)
{
    (void)state;
    struct meter_values v = take(&dorm, "circuits",
                                 "03"
                                 "100000003412000000"
                                 "200000000000000103"
                                 "300000000000800200");
    assert_int_equal(v.count, METER_CIRCUITS_POINTS);
    assert_int_equal(get(&v, POINT_CIRCUIT1_WH), 100);
    assert_int_equal(get(&v, POINT_CIRCUIT1_W), 123);
    assert_int_equal(get(&v, POINT_RELAY_OPEN), 2);
    assert_int_equal(get(&v, POINT_OPEN_REASON), 3);
    assert_int_equal(get(&v, POINT_CIRCUIT_REASONS), 3 << 8); /* of open circuits only */
    assert_int_equal(get(&v, POINT_ALARM_LEVEL), 1);
    assert_int_equal(get(&v, POINT_POWER_W), 123);
    struct meter_values more = take(&dorm, "state", "8010");
    assert_int_equal(get(&more, POINT_RELAY_OPEN), INT64_MIN); /* the block knows better */
    meter_values_merge(&v, &more);
    assert_int_equal(get(&v, POINT_ALARM_LEVEL), 2);
    assert_int_equal(get(&v, POINT_KEEP_POWER), 1);
}

static void test_state_of_one_relay(void **state)
{
    (void)state;
    struct meter_values v = take(&shop, "state", "5012");
    assert_int_equal(get(&v, POINT_RELAY_OPEN), 1);
    assert_int_equal(get(&v, POINT_KEEP_POWER), 1);
}

static void test_balance_leads_to_overdraft(void **state)
{
    (void)state;
    struct meter_values v = take(&shop, "balance", "56981900");
    assert_int_equal(get(&v, POINT_BALANCE_FEN), 199856);
    assert_int_equal(v.next_item, -1);
    v = take(&shop, "balance", "00000000");
    assert_int_equal(v.next_item, (int)item_of(&shop, "overdraft"));
    struct meter_values more = take(&shop, "overdraft", "50120000");
    meter_values_merge(&v, &more);
    assert_int_equal(get(&v, POINT_BALANCE_FEN), -1250);
    assert_int_equal(get(&v, POINT_ALARM_LEVEL), 3);
}

static void test_other_rows(void **state)
{
    (void)state;
    struct meter_values v = take(&shop, "power", "155180");
    assert_int_equal(get(&v, POINT_POWER_W), -512); /* -0.5115 kW, away from zero */
    v = take(&shop, "voltage", "0522");
    assert_int_equal(get(&v, POINT_VOLTAGE_DV), 2205);
    v = take(&shop, "current", "345612");
    assert_int_equal(get(&v, POINT_CURRENT_MA), 125634);
    v = take(&shop, "count", "0700");
    assert_int_equal(get(&v, POINT_PURCHASE_COUNT), 7);
    v = take(&shop, "purchased", "45230100");
    assert_int_equal(get(&v, POINT_PURCHASED_FEN), 12345);
    v = take(&shop, "clock", "30150800221126");
    wall_s t = civil_to_wall((struct civil){2026, 11, 22, 8, 15, 30, 0}, 28'800);
    assert_int_equal(get(&v, POINT_CLOCK_S), t.s);
}

/* What must not become a reading. */
static void test_bad_answers(void **state)
{
    (void)state;
    struct meter_values v;
    unsigned count = item_of(&shop, "count"), clock = item_of(&shop, "clock"),
             circuits = item_of(&dorm, "circuits");
    assert_err(ERR_METER_REFUSED,
               meter_take_item(&shop, count, refusal(&shop, 0x11, 2, false), &v));
    assert_err(ERR_METER_REFUSED,
               meter_take_item(&shop, count, answer(&shop, 0x03330201, "FFFF"), &v));
    assert_err(ERR_METER_ANSWER,
               meter_take_item(&shop, count, answer(&shop, 0x03330202, "0700"), &v));
    assert_err(ERR_BCD, meter_take_item(&shop, count, answer(&shop, 0x03330201, "0A00"), &v));
    assert_err(ERR_FRAME_LENGTH,
               meter_take_item(&shop, count, answer(&shop, 0x03330201, "070000"), &v));
    assert_err(ERR_RANGE,
               meter_take_item(&shop, clock, answer(&shop, 0x0400010C, "30150800311126"), &v));
    assert_err(ERR_FRAME_LENGTH,
               meter_take_item(&shop, clock, answer(&shop, 0x0400010C, "301508"), &v));
    assert_err(
        ERR_FRAME_LENGTH,
        meter_take_item(&dorm, circuits, answer(&dorm, 0x048001FF, "01100000003412000000"), &v));
}

/* --- selling ---------------------------------------------------------------------------------- */

static void test_vend_frames(void **state)
{
    (void)state;
    uint8_t out[METER_FRAME_MAX], again[METER_FRAME_MAX];
    char hex[2 * METER_FRAME_MAX + 1];
    struct writer w = writer_of(out, sizeof out), w2 = writer_of(again, sizeof again);
    assert_ok(meter_ask_vend(&dorm, 8, 12345, &w));
    hex_encode(out, w.len, hex);
    assert_string_equal(hex,
                        "FEFEFEFE6812005105032668031E3235343A333333336C6333333B333333333333338967"
                        "4533333333333333"
                        "9216");
    assert_ok(meter_ask_vend(&dorm, 8, 12345, &w2));
    assert_int_equal(w2.len, w.len);
    assert_memory_equal(again, out, w.len);
    w = writer_of(out, sizeof out);
    assert_ok(meter_ask_vend(&dorm, 1, 12345, &w));
    assert_int_equal(out[4 + 10 + 1], 0x34); /* the first one opens the account */
    assert_err(ERR_RANGE, meter_ask_vend(&dorm, 0, 1, &w));
    assert_err(ERR_RANGE, meter_ask_vend(&dorm, 10'000, 1, &w));
    assert_err(ERR_RANGE, meter_ask_vend(&dorm, 1, 0, &w));
    assert_err(ERR_RANGE, meter_ask_vend(&dorm, 1, INT64_C(1) << 32, &w));
    assert_err(ERR_STATE, meter_ask_vend(&plain, 1, 1, &w));
}

static void test_vend_replies(void **state)
{
    (void)state;
    const struct {
        uint16_t bits;
        bool two;
        enum meter_reply reply;
    } rows[] = {{0x0002, true, METER_REPLY_REPEAT},   {0x0020, true, METER_REPLY_COUNT},
                {0x0010, true, METER_REPLY_CUSTOMER}, {0x0040, true, METER_REPLY_HOARD},
                {0x0008, true, METER_REPLY_AUTH},     {0x0100, true, METER_REPLY_OTHER},
                {0x80, false, METER_REPLY_COUNT},     {0x81, false, METER_REPLY_CUSTOMER},
                {0x82, false, METER_REPLY_HOARD},     {0x01, false, METER_REPLY_OTHER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(meter_take_vend(&dorm, refusal(&dorm, 0x03, rows[i].bits, rows[i].two)),
                         rows[i].reply);
}

static void test_wallet_reads(void **state)
{
    (void)state;
    int64_t n;
    assert_ok(meter_take_wallet(&dorm, METER_WALLET_RECORD_COUNT, 2,
                                answer(&dorm, 0x03330202, "0600"), &n));
    assert_int_equal(n, 6);
    assert_err(ERR_METER_ANSWER, meter_take_wallet(&dorm, METER_WALLET_RECORD_COUNT, 2,
                                                   answer(&dorm, 0x03330201, "0700"), &n));
    assert_err(ERR_BCD, meter_take_wallet(&dorm, METER_WALLET_RECORD_AMOUNT, 1,
                                          answer(&dorm, 0x03330301, "0A000000"), &n));
}

/* --- relays ----------------------------------------------------------------------------------- */

static void expect_order(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                         wall_s expires, const char *data)
{
    uint8_t out[METER_FRAME_MAX];
    char hex[2 * METER_FRAME_MAX + 1];
    struct dlt645_frame f;
    size_t used;
    struct writer w = writer_of(out, sizeof out);
    assert_ok(meter_ask_order(u, order, circuit, expires, &w));
    assert_ok(dlt645_decode(out, w.len, &f, &used));
    assert_int_equal(f.control, DLT645_CONTROL);
    hex_encode(f.data, f.len, hex);
    assert_string_equal(hex, data);
}

static void test_orders(void **state)
{
    (void)state;
    wall_s t = civil_to_wall((struct civil){2026, 11, 22, 8, 15, 30, 0}, 28'800), never = {0};
    struct writer w = {0};
    expect_order(&dorm, METER_ORDER_OPEN, 2, t,
                 "02000000"
                 "00000000"
                 "1A02301508221126");
    expect_order(&dorm, METER_ORDER_CLOSE, 0, never,
                 "02000000"
                 "00000000"
                 "1C00999999999999");
    expect_order(&shop, METER_ORDER_OPEN, 1, t,
                 "02000000"
                 "00000000"
                 "1A00301508221126");
    expect_order(&dorm, METER_ORDER_KEEP_ON, 1, never,
                 "02000000"
                 "00000000"
                 "3A00999999999999");
    expect_order(&dorm, METER_ORDER_KEEP_OFF, 0, never,
                 "02000000"
                 "00000000"
                 "3B00999999999999");
    assert_err(ERR_RANGE, meter_ask_order(&shop, METER_ORDER_OPEN, 2, never, &w));
}

static void test_order_met(void **state)
{
    (void)state;
    struct meter_values v = {.next_item = -1};
    assert_int_equal(meter_order_met(&dorm, METER_ORDER_OPEN, 0, &v), -1);
    meter_values_add(&v, POINT_RELAY_OPEN, 2);
    assert_int_equal(meter_order_met(&dorm, METER_ORDER_OPEN, 0, &v), 0);
    assert_int_equal(meter_order_met(&dorm, METER_ORDER_OPEN, 2, &v), 1);
    assert_int_equal(meter_order_met(&dorm, METER_ORDER_CLOSE, 2, &v), 0);
    assert_int_equal(meter_order_met(&dorm, METER_ORDER_CLOSE, 1, &v), 1);
    assert_int_equal(meter_order_met(&dorm, METER_ORDER_KEEP_ON, 0, &v), -1);
    meter_values_add(&v, POINT_KEEP_POWER, 1);
    assert_int_equal(meter_order_met(&dorm, METER_ORDER_KEEP_ON, 0, &v), 1);
    assert_int_equal(meter_order_met(&dorm, METER_ORDER_KEEP_OFF, 0, &v), 0);
    assert_int_equal(meter_order_item(&dorm, METER_ORDER_OPEN), item_of(&dorm, "circuits"));
    assert_int_equal(meter_order_item(&dorm, METER_ORDER_KEEP_ON), item_of(&dorm, "state"));
}

static void test_order_replies(void **state)
{
    (void)state;
    assert_int_equal(meter_take_order(&dorm, refusal(&dorm, 0x1C, 4, false)), METER_REPLY_AUTH);
    assert_int_equal(meter_take_order(&dorm, refusal(&dorm, 0x1C, 0x20, true)), METER_REPLY_OTHER);
    struct dlt645_frame request = {.control = DLT645_CONTROL}, f;
    uint8_t out[METER_FRAME_MAX];
    struct writer w = writer_of(out, sizeof out);
    assert_ok(dlt645_answer(&f, &request, dorm.address, (struct bytes){0}));
    dlt645_encode(&f, 0, &w);
    assert_int_equal(meter_take_order(&dorm, (struct bytes){out, w.len}), METER_REPLY_OK);
}

#define CASE(f) cmocka_unit_test_setup(f, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_units),
        CASE(test_models_are_whole),
        CASE(test_energy),
        CASE(test_circuits),
        CASE(test_state_of_one_relay),
        CASE(test_balance_leads_to_overdraft),
        CASE(test_other_rows),
        CASE(test_bad_answers),
        CASE(test_vend_frames),
        CASE(test_vend_replies),
        CASE(test_wallet_reads),
        CASE(test_orders),
        CASE(test_order_met),
        CASE(test_order_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
