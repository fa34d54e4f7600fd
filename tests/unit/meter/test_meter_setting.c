/* Parameters: frames that read and write them, what is refused before anything is sent. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "meter/meter_model.h"

static struct meter_unit u;
static uint8_t room[METER_FRAME_MAX];

static void unit(const char *model, const char *address)
{
    assert_ok(meter_unit_init(&u, model, address, "", 0));
}

static unsigned setting(const char *name)
{
    int i = meter_setting_find(u.model, name);
    assert_true(i >= 0);
    return (unsigned)i;
}

static const char *asked(const char *name)
{
    static char hex[2 * METER_FRAME_MAX + 1];
    struct writer w = writer_of(room, sizeof room);
    meter_ask_setting(&u, setting(name), &w);
    assert_ok(w.err);
    hex_encode(room, w.len, hex);
    return hex;
}

static const char *set(const char *name, int64_t value)
{
    static char hex[2 * METER_FRAME_MAX + 1];
    struct writer w = writer_of(room, sizeof room);
    enum err e = meter_ask_set(&u, setting(name), value, &w);
    if (e != ERR_OK) {
        assert_int_equal(w.len, 0);
        return err_name(e);
    }
    hex_encode(room, w.len, hex);
    return hex;
}

static int64_t taken(const char *name, const char *hex)
{
    size_t len;
    int64_t value;
    assert_ok(hex_decode(hex, strlen(hex), room, sizeof room, &len));
    enum err e = meter_take_setting(&u, setting(name), (struct bytes){room, len}, &value);
    return e == ERR_OK ? value : -(int64_t)e;
}

static void test_dlt645(void **state)
{
    (void)state;
    unit("private-645", "260305510012");
    /* 04001001, 100.00 yuan */
    assert_string_equal(asked("alarm_limit_1_fen"), "FEFEFEFE68120051050326681104344333375716");
    assert_string_equal(set("alarm_limit_1_fen", 10'000),
                        "FEFEFEFE6812005105032668141034433337353333333333333333333433CD16");
    assert_string_equal(set("alarm_limit_1_fen", -1), "RANGE");
    assert_string_equal(set("alarm_limit_1_fen", 100'000'000), "RANGE");
    assert_int_equal(taken("alarm_limit_1_fen", "681200510503266891083443333733333433A816"),
                     10'000);
    assert_int_equal(taken("alarm_limit_1_fen", "681200510503266891083443333732323232A316"),
                     -ERR_METER_REFUSED); /* FF: it has none */
    assert_int_equal(taken("alarm_limit_1_fen", "6812005105032668D101356816"), -ERR_METER_REFUSED);
    assert_int_equal(meter_setting_find(u.model, "colour"), -1);
}

static void test_cjt188(void **state)
{
    (void)state;
    unit("water-188", "01020304050607");
    /* published: settlement day 28's layout with serial number 1 */
    assert_string_equal(set("settlement_day", 28), "FEFEFEFE6810070605040302010404A01101287616");
    assert_string_equal(asked("settlement_day"), "FEFEFEFE68100706050403020101030381011D16");
    assert_string_equal(set("settlement_day", 32), "RANGE");
    assert_string_equal(set("settlement_day", 0), "RANGE");
}

static void test_modbus(void **state)
{
    (void)state;
    static const char text[] =
        "{\"format\":1,\"name\":\"m-set\",\"title\":{\"en\":\"M\",\"zh\":\"M\"},\"kind\":"
        "\"electricity\","
        "\"driver\":\"modbus-rtu\",\"class\":{\"letter\":\"D\",\"evidence\":\"e\"},\"rows\":[{"
        "\"name\":"
        "\"e\",\"every_s\":60,\"points\":[{\"point\":\"energy_wh\",\"form\":\"unsigned\",\"bytes\":"
        "4}]}],"
        "\"settings\":[{\"name\":\"limit_w\",\"id\":\"0100\",\"form\":\"signed\",\"bytes\":2,"
        "\"multiply\":10,\"low\":-1000,\"high\":400000}]}";
    static struct meter_faults faults;
    assert_ok(meter_models_add(text, sizeof text - 1, &faults));
    unit("m-set", "1");
    assert_string_equal(asked("limit_w"), "01030100000185F6");
    assert_string_equal(set("limit_w", -10), "01100100000102FFFFB720");
    assert_string_equal(set("limit_w", 15), "RANGE");      /* it holds tens */
    assert_string_equal(set("limit_w", 400'000), "RANGE"); /* two bytes do not */
    assert_int_equal(taken("limit_w", "010302FFFFB9F4"), -10);
    assert_int_equal(taken("limit_w", "018302C0F1"), -ERR_METER_REFUSED);
    assert_int_equal(taken("limit_w", "010304000186A0C9EB"), -ERR_FRAME_LENGTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dlt645),
        cmocka_unit_test(test_cjt188),
        cmocka_unit_test(test_modbus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
