/* What a line must know of each protocol: where a frame is, and whose answer it is. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "meter/meter.h"

struct talk {
    const struct meter_link *link;
    const char *request, *answer;
    const char *others[4]; /* well-formed, but not for this request */
};

static const struct talk talks[] = {
    {&meter_link_dlt645,
     "681200510503266811043335C333D416",
     "681200510503266891083335C33383674533BA16",
     {"68120051050326689106343566363A336A16",       /* another identifier */
      "681200000010206891083335C33389CB3433C416"}}, /* another meter */
    {&meter_link_dlt645_1997,
     "FEFEFEFE6827596303000168010243C3C016",
     "6827596303000168810643C3AC594733C316",
     {"6827596303000168810444E95635F416",       /* another identifier */
      "6854071300801368810643C3343333332B16"}}, /* another meter */
    {&meter_link_cjt188,
     "FEFEFEFE6810880527101520000103901F012516",
     "6810880527101520008116901F01000000002C000000002C0620170901172000008E16",
     {"6810180000404092008116901F00290000002C290000002C000000000000000023B516", /* another meter */
      "FEFEFEFE6810690590051533788405A0170100007C16"}},                         /* a write's */
    {&meter_link_modbus_rtu,
     "010300000002C40B",
     "010304000186A0C9EB",
     {"01040200DCB8A9",     /* another function */
      "01030200017984",     /* another number of registers */
      "01060038000A8800"}}, /* a write's */
    {&meter_link_modbus_rtu,
     "01030000000AC5CD",
     "01031400BC614E000000010001000000000000000100015AC4",
     {"010304000186A0C9EB"}},
    {&meter_link_modbus_rtu,
     "01100057000204000100012775",
     "011000570002F018",
     {"010304000186A0C9EB"}},
    {&meter_link_modbus_tcp,
     "000100000006010300000002",
     "000100000007010304000186A0",
     {"000200000007010304000186A0",   /* the answer to another request */
      "000100000007020304000186A0"}}, /* another unit */
    {&meter_link_mbus, "1040084816", "E5", {"6808086808077211121314774216"}},
    {&meter_link_mbus,
     "107B078216",
     "684D4D680807726776121177040B0C0B1000000C78677612110407000000000C16000000003B2D9999990B3B0000"
     "003A5A99993A5E99993B61999999046D2F0B98110227FC0009FD0E1009FD0F210F03205416",
     {"E5", "68515168080B7254029904C51400060C27000004782E254C00046D0A0CCD1304134C01000044134B010000"
            "8401134C"
            "010000426CBF1C026CDF1C043B00000000143B160800000223A70401FD1700049028080000003F16"}},
};

static struct bytes hex(const char *text, uint8_t room[300])
{
    size_t len;
    assert_ok(hex_decode(text, strlen(text), room, 300, &len));
    return (struct bytes){room, len};
}

static void expect_whole(const struct meter_link *link, const uint8_t *data, size_t len,
                         size_t begin_wanted)
{
    size_t begin, end;
    assert_ok(link->cut(data, len, &begin, &end));
    assert_int_equal(end, len);
    assert_int_equal(begin, begin_wanted);
}

/* A frame that comes in byte by byte is nothing until it is whole. */
static void test_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) {
        uint8_t room[300];
        struct bytes a = hex(talks[i].answer, room);
        size_t begin, end;
        for (size_t len = 0; len < a.len; len++) {
            assert_err(ERR_TRUNCATED, talks[i].link->cut(a.data, len, &begin, &end));
            assert_int_equal(end, 0); /* nothing of it may be dropped */
        }
        expect_whole(talks[i].link, a.data, a.len, 0);
    }
}

/* Noise in front: what a line does with it, until the frame is found. */
static void test_noise(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) {
        if (talks[i].link == &meter_link_modbus_tcp)
            continue; /* TCP has no noise */
        uint8_t room[300], stream[310] = {0x00, 0x80, 0x31, 0x68, 0x11};
        struct bytes a = hex(talks[i].answer, room);
        memcpy(stream + 5, a.data, a.len);
        size_t len = 5 + a.len, at = 0, begin, end, steps = 0;
        while (talks[i].link->cut(stream + at, len - at, &begin, &end) != ERR_OK) {
            if (end == 0 && steps > 0) /* the gap after the frame: a line drops the first byte */
                end = 1;
            at += end;
            assert_true(at < len && steps++ < 20);
        }
        assert_int_equal(at + end, len);
        assert_memory_equal(stream + at + begin, a.data, a.len);
    }
}

static void test_whose(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) {
        const struct talk *t = &talks[i];
        uint8_t r[300], a[300];
        struct bytes request = hex(t->request, r);
        assert_int_equal(t->link->match(request, hex(t->answer, a)), METER_MATCH_ANSWER);
        assert_int_equal(t->link->match(request, request), METER_MATCH_NO); /* an echo */
        for (size_t k = 0; k < 4 && t->others[k]; k++)
            assert_int_equal(t->link->match(request, hex(t->others[k], a)), METER_MATCH_NO);
    }
}

static void test_units_of_modbus(void **state)
{
    static const struct {
        const char *address;
        enum err rtu, tcp;
    } units[] = {{"1", ERR_OK, ERR_OK},         {"247", ERR_OK, ERR_OK},
                 {"0", ERR_RANGE, ERR_OK},      {"255", ERR_RANGE, ERR_OK}, /* the device itself */
                 {"248", ERR_RANGE, ERR_RANGE}, {"254", ERR_RANGE, ERR_RANGE},
                 {"256", ERR_RANGE, ERR_RANGE}, {"-1", ERR_SYNTAX, ERR_SYNTAX},
                 {"", ERR_SYNTAX, ERR_SYNTAX}};
    struct meter_unit u;
    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        assert_err(units[i].rtu, meter_unit_init(&u, "energy-modbus", units[i].address, "", 0));
        assert_err(units[i].tcp, meter_unit_init(&u, "energy-modbus-tcp", units[i].address, "", 0));
    }
}

/* A refusal is an answer; an answer of a meter that was asked by wildcard, too. */
static void test_refusals(void **state)
{
    (void)state;
    uint8_t r[300], a[300];
    assert_int_equal(meter_link_modbus_rtu.match(hex("010300000002C40B", r), hex("018302C0F1", a)),
                     METER_MATCH_ANSWER);
    static const struct {
        const char *said; /* by unit 1, asked for holding registers over TCP */
        enum meter_match match;
    } said[] = {
        {"000200000003018301", METER_MATCH_ANSWER}, {"000200000003018304", METER_MATCH_ANSWER},
        {"000200000003018305", METER_MATCH_BUSY},   {"000200000003018306", METER_MATCH_BUSY},
        {"00020000000301830A", METER_MATCH_ABSENT}, {"00020000000301830B", METER_MATCH_ABSENT},
        {"0002000000030183E0", METER_MATCH_NO},     {"00020000000301840B", METER_MATCH_NO},
        {"000200000003028306", METER_MATCH_NO},     {"000300000003018306", METER_MATCH_NO},
    };
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        assert_int_equal(
            meter_link_modbus_tcp.match(hex("000200000006010300000002", r), hex(said[i].said, a)),
            said[i].match);
    assert_int_equal(
        meter_link_cjt188.match(
            hex("6810AAAAAAAAAAAAAA0103901F01D216", r),
            hex("6810880527101520008116901F01000000002C000000002C0620170901172000008E16", a)),
        METER_MATCH_ANSWER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),   cmocka_unit_test(test_noise),
        cmocka_unit_test(test_whose),    cmocka_unit_test(test_units_of_modbus),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
