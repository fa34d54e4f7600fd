#include "tests/unit/check.h"

#include "proto/acrel.h"
#include "proto/acrel4g.h"

static struct bytes text(const char *t)
{
    return (struct bytes){(const uint8_t *)t, strlen(t)};
}

#define same(b, t) assert_true((b).len == strlen(t) && memcmp((b).data, t, (b).len) == 0)

static void test_frames_of_gateways(void **state)
{
    (void)state;
    static const uint8_t wire[] = "\x1f\x1f\x02\x00\x00\x00\x0e"
                                  "20261125083000\x1f";
    struct acrel_frame f;
    size_t used;
    assert_ok(acrel_decode(wire, sizeof wire - 1, &f, &used));
    assert_int_equal(used, 21);
    assert_int_equal(f.type, ACREL_HEARTBEAT);
    same(f.data, "20261125083000");
    for (size_t len = 0; len < 21; len++)
        assert_int_equal(acrel_decode(wire, len, &f, &used), ERR_TRUNCATED);
    assert_int_equal(acrel_decode((const uint8_t *)"\x1f\x1e", 2, &f, &used), ERR_FRAME_UNKNOWN);
    assert_int_equal(acrel_decode((const uint8_t *)"\x1f\x1f\x05", 3, &f, &used),
                     ERR_FRAME_UNKNOWN);
    assert_int_equal(acrel_decode((const uint8_t *)"\x1f\x1f\x03\x00\x01\x00\x01", 7, &f, &used),
                     ERR_FRAME_LENGTH);
}

static void test_who_it_is(void **state)
{
    (void)state;
    uint8_t room[512];
    struct acrel_auth a = {ACREL_OP_SEQUENCE, text("GW-001"), text("B1"), text("2025010101")}, b;
    struct writer w = writer_of(room, sizeof room);
    acrel_auth_write(&a, &w);
    assert_ok(w.err);
    assert_ok(acrel_auth_read((struct bytes){room, w.len}, &b));
    assert_int_equal(b.operation, ACREL_OP_SEQUENCE);
    same(b.gateway_id, "GW-001");
    same(b.building_id, "B1");
    same(b.value, "2025010101");
    assert_ok(
        acrel_auth_read(text("<?xml version='1.0'?>\n<root>\n <common><gateway_id> G </gateway_id>"
                             "<type>id_validate</type></common>\n <id_validate "
                             "operation='request'/>\n</root>\n"),
                        &b));
    assert_int_equal(b.operation, ACREL_OP_REQUEST);
    same(b.gateway_id, "G");
    static const char *const bad[] = {
        "",
        "<root>",
        "<root><gateway_id>G</gateway_id></root>",
        "<gateway_id>G</gateway_id><id_validate operation=\"other\"></id_validate>",
        "<gateway_id>G</gateway_id><id_validate operation=\"md5\"></id_validate>",
        "<gateway_id>G</gateway_id><id_validate operation=\"request\"",
        "<<>",
        "<gateway_id>G</gateway_id><id_validate "
        "operation='result'><result>pass</result></id_validate>"
        "<id_validate operation='request'/>"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(acrel_auth_read(text(bad[i]), &b), ERR_SYNTAX);
    a.gateway_id = text("G<W");
    w = writer_of(room, sizeof room);
    acrel_auth_write(&a, &w);
    assert_int_equal(w.err, ERR_SYNTAX);
}

struct seen {
    char log[512];
};

static void see(void *arg, const struct acrel_value *v)
{
    struct seen *s = arg;
    struct bytes parts[] = {v->meter, v->function, v->value, v->error};
    for (size_t i = 0; i < 4; i++) {
        if (parts[i].len > 0)
            strncat(s->log, (const char *)parts[i].data, parts[i].len);
        strcat(s->log, i < 3 ? " " : ";");
    }
}

static void test_reports(void **state)
{
    (void)state;
    struct seen s = {""};
    struct bytes time;
    assert_ok(acrel_report_read(
        text("<root><common><gateway_id>GW</gateway_id></common><data operation=\"report\">"
             "<time>20260102030405</time><meter id=\"01002\" conn='conn'>"
             "<function id=\"WPP\" error=\"\">433.31</function><function id='PowerLow'/>"
             "<function id=\"PowerHigh\" error=\"1\"> 5 </function></meter>"
             "<function id=\"WPP\">7</function><meter id=\"02017\"><function "
             "id=\"WPP\">8</function></meter></data></root>"),
        &time, see, &s));
    same(time, "20260102030405");
    assert_string_equal(s.log, "01002 WPP 433.31 ;01002 PowerHigh 5 1;02017 WPP 8 ;");
    assert_int_equal(acrel_report_read(text("no XML"), &time, see, &s), ERR_SYNTAX);
    assert_int_equal(acrel_report_read(text("<root><meter id=\"1"), &time, see, &s), ERR_SYNTAX);
}

static void test_numbers_and_times(void **state)
{
    (void)state;
    int64_t v;
    wall_s t;
    unsigned port, address;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"433.31", 433310}, {"0", 0},    {"-1.5", -1500},
                {"1.23456", 1234},  {".5", 500}, {"12.", 12000}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(acrel_decimal(text(good[i].text), 3, &v));
        assert_true(v == good[i].value);
    }
    static const char *const bad[] = {"", "-", ".", "1e3", "1.2.3", "NaN", "0x1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(acrel_decimal(text(bad[i]), 3, &v), ERR_SYNTAX);
    assert_int_equal(acrel_decimal(text("9999999999999999999"), 3, &v), ERR_OVERFLOW);
    assert_ok(acrel_time(text("20261125083000"), 28'800, &t));
    uint8_t room[16];
    struct writer w = writer_of(room, sizeof room);
    acrel_time_write(t, 28'800, &w);
    same(((struct bytes){room, w.len}), "20261125083000");
    assert_int_equal(acrel_time(text("20261325083000"), 0, &t), ERR_SYNTAX);
    assert_int_equal(acrel_time(text("2026112508300"), 0, &t), ERR_SYNTAX);
    assert_ok(acrel_meter_id(text("01002"), &port, &address));
    assert_true(port == 1 && address == 2);
    assert_int_equal(acrel_meter_id(text("01"), &port, &address), ERR_SYNTAX);
    assert_int_equal(acrel_meter_id(text("01x02"), &port, &address), ERR_SYNTAX);
}

static void test_downlinks(void **state)
{
    (void)state;
    uint8_t room[600], rtu[ACREL_RTU_MAX];
    unsigned port, address;
    struct writer w = writer_of(room, sizeof room), r = writer_of(rtu, sizeof rtu);
    acrel_downlink_write(1, (struct bytes){(const uint8_t *)"\x02\x03\xAB", 3}, &w);
    same(((struct bytes){room, w.len}), "01002|0203ab");
    assert_ok(acrel_downlink_read((struct bytes){room, w.len}, &port, &address, &r));
    assert_true(port == 1 && address == 2 && r.len == 3 && rtu[2] == 0xAB);
    static const char *const bad[] = {"", "01002", "01002|", "0102|0a", "01002|0", "01002|zz"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        r = writer_of(rtu, sizeof rtu);
        enum err e = acrel_downlink_read(text(bad[i]), &port, &address, &r);
        assert_true(e == ERR_SYNTAX || (e == ERR_OK && r.len == 0));
    }
    w = writer_of(room, sizeof room);
    acrel_downlink_write(100, (struct bytes){rtu, 8}, &w);
    assert_int_equal(w.err, ERR_RANGE);
}

static void test_frames_of_4g_meters(void **state)
{
    (void)state;
    struct acrel4g_frame f;
    size_t used;
    uint8_t room[64];
    /* 7D 7D among its bytes ends nothing; brackets neither */
    struct acrel4g_frame tricky = {ACREL4G_DOWNLINK, text("\x7d\x7d))]]\x7d\x7d")};
    struct writer w = writer_of(room, sizeof room);
    acrel4g_encode(&tricky, &w);
    assert_ok(acrel4g_decode(room, w.len, &f, &used));
    assert_int_equal(used, w.len);
    same(f.payload, "\x7d\x7d))]]\x7d\x7d");
    for (size_t len = 0; len < w.len; len++)
        assert_int_equal(acrel4g_decode(room, len, &f, &used), ERR_TRUNCATED);
    assert_int_equal(acrel4g_decode((const uint8_t *)"\x7b\x7b\x01", 3, &f, &used),
                     ERR_FRAME_UNKNOWN);
    uint8_t endless[ACREL4G_FRAME_MAX] = "\x7b\x7b\x91";
    assert_int_equal(acrel4g_decode(endless, sizeof endless, &f, &used), ERR_FRAME_CHECKSUM);
    static const uint8_t ack[] = "\x7b\x7b\x84\xbf\x23\x7d\x7d"; /* published */
    assert_ok(acrel4g_decode(ack, 7, &f, &used));
    assert_true(f.command == ACREL4G_REGISTER && f.payload.len == 0);
}

static void test_contents_of_4g_meters(void **state)
{
    (void)state;
    uint8_t room[16], payload[64] = "SN-1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                    "89860012                      ";
    struct acrel4g_register r;
    payload[50] = 21;
    payload[57] = 15;
    assert_ok(acrel4g_register_read((struct bytes){payload, 58}, &r));
    same(r.serial, "SN-1");
    same(r.iccid, "89860012");
    assert_true(r.rssi == 21 && r.interval_min == 15);
    assert_int_equal(acrel4g_register_read((struct bytes){payload, 57}, &r), ERR_FRAME_LENGTH);
    struct writer w = writer_of(room, sizeof room); /* published: 2021-10-21 19:36:42, a Thursday */
    acrel4g_time_write(
        civil_to_wall(
            (struct civil){
                .year = 2021, .month = 10, .day = 21, .hour = 19, .minute = 36, .second = 42},
            28'800),
        28'800, &w);
    assert_memory_equal(room, "\x15\x0a\x15\x04\x13\x24\x2a", 7);
    static const char *const bad[] = {"", "x", "[[1((", "[[1((\x01\x03\x00",
                                      "12345[[1((\x01\x03\x00"
                                      "ab))]]"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bytes serial, rtu;
        struct acrel4g_frame f = {ACREL4G_DATA, text(bad[i])};
        assert_int_equal(acrel4g_modbus(&f, &serial, &rtu), ERR_SYNTAX);
    }
    struct bytes serial, rtu;
    struct acrel4g_frame f = {ACREL4G_DATA,
                              {(const uint8_t *)"[[1((\x01\x03\x00"
                                                "ab))]]",
                               14}};
    assert_int_equal(acrel4g_modbus(&f, &serial, &rtu), ERR_FRAME_CHECKSUM);
    struct acrel4g_energy e;
    assert_int_equal(
        acrel4g_energy_read((struct bytes){(const uint8_t *)"\x01\x03\x02\x00\x01zz", 7}, &e),
        ERR_FRAME_LENGTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_gateways),
        cmocka_unit_test(test_who_it_is),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_numbers_and_times),
        cmocka_unit_test(test_downlinks),
        cmocka_unit_test(test_frames_of_4g_meters),
        cmocka_unit_test(test_contents_of_4g_meters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
