#include "tests/unit/uplink/dialin_world.h"

#include "proto/acrel.h"
#include "proto/acrel4g.h"
#include "uplink/dialin_impl.h"

#define KEY "0123456789abcdef"

static int begin(void **state)
{
    static struct world w = {.frames = true};
    world_open(&w);
    assert_ok(dialin_secret_put(w.d, "GW", KEY));
    dialin_time_set(w.d, (wall_s){1'795'624'000}, 28'800);
    world_line(&w, 1, "acrel:GW/1", ERR_OK);
    world_line(&w, 2, "acrel:GW/2", ERR_OK);
    world_line(&w, 3, "acrel-4g:SN1", ERR_OK);
    *state = &w;
    return 0;
}

static void dial(struct world *w, int64_t conn)
{
    dialin_open(w->d, conn, w->now, (const uint8_t *)"0123456789ABCDEF");
}

static void say(struct world *w, int64_t conn, uint8_t type, struct bytes data)
{
    uint8_t room[2048];
    struct writer out = writer_of(room, sizeof room);
    acrel_encode(&(struct acrel_frame){type, data}, &out);
    assert_ok(out.err);
    w->sent_len = 0;
    dialin_data(w->d, conn, w->now, room, out.len);
}

static void say_plain(struct world *w, int64_t conn, uint8_t type, const char *text)
{
    say(w, conn, type, (struct bytes){(const uint8_t *)text, strlen(text)});
}

static void say_sealed(struct world *w, int64_t conn, uint8_t type, const char *text)
{
    uint8_t room[1024];
    size_t len = dialin_seal((const uint8_t *)KEY,
                             (struct bytes){(const uint8_t *)text, strlen(text)}, room);
    say(w, conn, type, (struct bytes){room, len});
}

static void say_4g(struct world *w, int64_t conn, uint8_t command, struct bytes payload)
{
    uint8_t room[ACREL4G_FRAME_MAX];
    struct writer out = writer_of(room, sizeof room);
    acrel4g_encode(&(struct acrel4g_frame){command, payload}, &out);
    w->sent_len = 0;
    dialin_data(w->d, conn, w->now, room, out.len);
}

#define REQUEST                                                                                    \
    "<root><common><gateway_id>GW</gateway_id></common><id_validate operation=\"request\">"        \
    "</id_validate></root>"
#define MD5(digits)                                                                                \
    "<root><common><gateway_id>GW</gateway_id></common><id_validate "                              \
    "operation=\"md5\"><md5>" digits "</md5></id_validate></root>"
/* by another program: MD5 of the secret and the challenge's digits */
#define PROOF "1ed79b26a704709a14ec9e7eaca7d2ca"

static void enter(struct world *w, int64_t conn)
{
    dial(w, conn);
    say_plain(w, conn, ACREL_AUTH, REQUEST);
    say_plain(w, conn, ACREL_AUTH, MD5(PROOF));
}

/* The text of the downlink that was sent last; "": none. */
static const char *downlink(struct world *w)
{
    static char text[600];
    struct acrel_frame f;
    size_t used, len = 0;
    text[0] = '\0';
    if (w->sent_len > 0 && acrel_decode(w->sent, w->sent_len, &f, &used) == ERR_OK &&
        f.type == ACREL_DOWNLINK)
        assert_true(dialin_unseal((const uint8_t *)KEY, f.data, (uint8_t *)text, &len));
    text[len] = '\0';
    w->sent_len = 0;
    return text;
}

static void ask(struct world *w, int64_t line_id, const char *frame)
{
    assert_ok(dialin_write(w->d, line_id, w->now, (const uint8_t *)frame, strlen(frame)));
}

static void test_endpoints(void **state)
{
    struct world *w = *state;
    struct dialin_endpoint e;
    assert_ok(dialin_endpoint_parse("acrel:A/B/12", &e));
    assert_true(e.name.len == 3 && e.port == 12);
    static const char *const bad[] = {"acrel:",    "acrel:GW",    "acrel:GW/", "acrel:/1",
                                      "acrel:G/0", "acrel:G/100", "acrel:G/x", "acrel-4g:"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(dialin_endpoint_parse(bad[i], &e), ERR_SYNTAX);
    assert_int_equal(dialin_endpoint_parse("acrel-4g:123456789012345678901", &e), ERR_RANGE);
    world_line(w, 9, "acrel:GW/2", ERR_EXISTS);
    world_line(w, 9, "acrel-4g:SN1", ERR_EXISTS);
    world_line(w, 9, "dtu:{{name", ERR_EXISTS); /* would be taken for a meter's frame */
    assert_int_equal(dialin_secret_put(w->d, "GW2", "short"), ERR_SYNTAX);
    assert_int_equal(dialin_secret_put(w->d, "", KEY), ERR_SYNTAX);
}

/* Against another program's AES: openssl enc of "01002|0a0b" under this key. */
static void test_the_cipher(void **state)
{
    (void)state;
    static const uint8_t sealed[] = {0x76, 0x15, 0x55, 0x4C, 0x92, 0x74, 0xE7, 0x20,
                                     0xAA, 0x0B, 0xEF, 0x62, 0xA1, 0x67, 0x8D, 0xBB};
    uint8_t out[32];
    size_t len =
        dialin_seal((const uint8_t *)KEY, (struct bytes){(const uint8_t *)"01002|0a0b", 10}, out);
    assert_int_equal(len, 16);
    assert_memory_equal(out, sealed, 16);
    assert_true(dialin_unseal((const uint8_t *)KEY, (struct bytes){sealed, 16}, out, &len));
    assert_int_equal(len, 10);
    assert_memory_equal(out, "01002|0a0b", 10);
    assert_false(
        dialin_unseal((const uint8_t *)"fedcba9876543210", (struct bytes){sealed, 16}, out, &len));
    assert_false(dialin_unseal((const uint8_t *)KEY, (struct bytes){sealed, 15}, out, &len));
}

static void test_a_gateway_enters_by_its_proof(void **state)
{
    struct world *w = *state;
    struct acrel_frame f;
    struct acrel_auth a;
    size_t used;
    dial(w, 5);
    say_plain(w, 5, ACREL_AUTH, REQUEST);
    assert_ok(acrel_decode(w->sent, w->sent_len, &f, &used));
    assert_ok(acrel_auth_read(f.data, &a));
    assert_int_equal(a.operation, ACREL_OP_SEQUENCE);
    assert_memory_equal(a.value.data, "30313233343536373839414243444546", 32);
    say_plain(w, 5, ACREL_HEARTBEAT, ""); /* not before it has proved itself */
    say_sealed(w, 5, ACREL_DATA, "<root></root>");
    assert_int_equal(w->sent_len, 0);
    expect(w, "");
    say_plain(w, 5, ACREL_AUTH, MD5(PROOF));
    expect(w, "bound 5 GW;up 2;up 1;");
    say_plain(w, 5, ACREL_HEARTBEAT, "");
    assert_ok(acrel_decode(w->sent, w->sent_len, &f, &used));
    assert_int_equal(f.type, ACREL_HEARTBEAT);
    assert_memory_equal(f.data.data, "20261126002640", 14);
}

static void test_others_are_refused(void **state)
{
    struct world *w = *state;
    dial(w, 5);
    say_plain(w, 5, ACREL_AUTH, MD5("00000000000000000000000000000000"));
    expect(w, "unproven 5 GW;close 5;");
    dial(w, 6);
    say_plain(w, 6, ACREL_AUTH,
             "<root><gateway_id>XX</gateway_id><id_validate operation='request'/></root>");
    expect(w, "unknown 6 XX;close 6;");
    world_line(w, 4, "acrel:YY/1", ERR_OK); /* without a secret */
    dial(w, 7);
    say_plain(w, 7, ACREL_AUTH,
             "<root><gateway_id>YY</gateway_id><id_validate operation='request'/></root>");
    expect(w, "unproven 7 YY;close 7;");
    dial(w, 8);
    say_plain(w, 8, ACREL_AUTH, "<root>");
    assert_non_null(strstr(w->log, "broken 8"));
    w->log[0] = '\0';
    enter(w, 9);
    w->log[0] = '\0';
    say(w, 9, ACREL_DATA, (struct bytes){(const uint8_t *)"no cipher at all", 16});
    expect(w, "unproven 9 GW;down 2 UPLINK_SEAL;down 1 UPLINK_SEAL;close 9;");
}

/* Who has not proved itself may begin no long frame: its bytes would be kept for a minute. */
static void test_strangers_are_not_listened_to_for_long(void **state)
{
    static const uint8_t head[] = {0x1F, 0x1F, ACREL_AUTH, 0, 0, 0x08, 0};
    static const uint8_t rest[1024];
    struct world *w = *state;
    dial(w, 5);
    dialin_data(w->d, 5, w->now, head, sizeof head);
    dialin_data(w->d, 5, w->now, rest, 1024 - sizeof head);
    expect(w, "");
    dialin_data(w->d, 5, w->now, rest, 1);
    assert_non_null(strstr(w->log, "broken 5 "));
    assert_non_null(strstr(w->log, ";close 5;"));
    enter(w, 6);
    w->log[0] = '\0';
    dialin_data(w->d, 6, w->now, head, sizeof head);
    dialin_data(w->d, 6, w->now, rest, sizeof rest);
    expect(w, ""); /* a report of a gateway that is known may be long */
}

static void test_one_frame_at_a_time(void **state)
{
    struct world *w = *state;
    enter(w, 5);
    w->log[0] = '\0';
    ask(w, 1,
        "\x03"
        "A");
    assert_string_equal(downlink(w), "01003|0341");
    ask(w, 2,
        "\x04"
        "B");
    ask(w, 2,
        "\x04"
        "C"); /* the newer one counts */
    assert_string_equal(downlink(w), "");
    say_sealed(w, 5, ACREL_DOWNLINK_ACK, "01003|03aa");
    assert_string_equal(downlink(w), "02004|0443");
    expect(w, "got 1 03AA;");
    ask(w, 1,
        "\x03"
        "D");
    assert_string_equal(downlink(w), "");
    w->now = mono_after(w->now, DIALIN_ANSWER_MS); /* no answer: the next one may go */
    dialin_tick(w->d, w->now);
    assert_string_equal(downlink(w), "01003|0344");
    say_sealed(w, 5, ACREL_DOWNLINK_ACK, "nonsense");
    say_sealed(w, 5, ACREL_DOWNLINK_ACK, "07003|0344");
    say_sealed(w, 5, ACREL_DOWNLINK_ACK, "01003|0344");
    expect(w, "got 1 0344;");
    char longer[ACREL_RTU_MAX + 1] = "x";
    assert_int_equal(dialin_write(w->d, 1, w->now, (const uint8_t *)longer, sizeof longer),
                     ERR_RANGE);
}

static void test_reports(void **state)
{
    struct world *w = *state;
    enter(w, 5);
    w->log[0] = '\0';
    say_sealed(w, 5, ACREL_DATA,
               "<root><data><time>20261126002000</time><meter id=\"01007\"><function id=\"WPP\" "
               "error=\"\">1.5</function><function id=\"Ua\">220</function><function "
               "id=\"EPISG\">0.25</function></meter><meter id=\"02008\"><function "
               "id=\"WPP\">2</function></meter><meter id=\"03009\"><function "
               "id=\"WPP\">2</function></meter><meter id=\"5\"><function id=\"WPP\">2</function>"
               "</meter></data></root>");
    expect(w, "told 1 7 at 1795623600 1=1500 6=250;told 2 8 at 1795623600 1=2000;");
    say_sealed(w, 5, ACREL_DATA_ZIP, "no stream");
    expect(w, "broken 5 GW;");
    say_sealed(w, 5, ACREL_DATA, "not XML");
    expect(w, "broken 5 GW;"); /* left out; the connection stays */
    assert_true(dialin_line_is_up(w->d, 1));
}

static void test_twins_and_lines_of_one_gateway(void **state)
{
    struct world *w = *state;
    enter(w, 5);
    enter(w, 6);
    w->log[0] = '\0';
    say_plain(w, 5, ACREL_HEARTBEAT, "");
    expect(w, "twin 6 GW;close 6;");
    dialin_line_remove(w->d, 2); /* the other one goes on */
    assert_true(dialin_line_is_up(w->d, 1));
    expect(w, "");
    dialin_line_remove(w->d, 1);
    expect(w, "close 5;");
}

static void test_a_4g_meter(void **state)
{
    struct world *w = *state;
    uint8_t hello[58] = "SN1";
    dial(w, 5);
    say_4g(w, 5, ACREL4G_HEARTBEAT, (struct bytes){0});
    expect(w, "");
    say_4g(w, 5, ACREL4G_REGISTER, (struct bytes){hello, 58});
    expect(w, "bound 5 SN1;up 3;");
    assert_int_equal(w->sent_len, 7);
    assert_memory_equal(w->sent, "\x7b\x7b\x84\xbf\x23\x7d\x7d", 7); /* published */
    ask(w, 3, "\x01\x03");
    assert_memory_equal(w->sent, "\x7b\x7b\x90\x01\x03", 5);
    say_4g(w, 5, ACREL4G_DOWNLINK, (struct bytes){(const uint8_t *)"\x01\x83\x02\xC0\xF1", 5});
    expect(w, "got 3 018302C0F1;");
    say_4g(w, 5, ACREL4G_DOWNLINK, (struct bytes){(const uint8_t *)"\x01\x83\x02\xC0\xF2", 5});
    say_4g(w, 5, ACREL4G_DATA, (struct bytes){(const uint8_t *)"[[1((\x01\x83))]]", 11});
    expect(w, "");
    assert_int_equal(w->sent_len, 0); /* a damaged report is not answered */
    memcpy(hello, "SN2", 3);
    dial(w, 6);
    say_4g(w, 6, ACREL4G_REGISTER, (struct bytes){hello, 58});
    expect(w, "unknown 6 SN2;close 6;");
    dialin_data(w->d, 5, w->now, (const uint8_t *)"\x7b\x7b\x01", 3);
    expect(w, "broken 5 SN1;down 3 FRAME_UNKNOWN;close 5;");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, world_close)
    const struct CMUnitTest tests[] = {
        T(test_endpoints),
        cmocka_unit_test(test_the_cipher),
        T(test_a_gateway_enters_by_its_proof),
        T(test_others_are_refused),
        T(test_strangers_are_not_listened_to_for_long),
        T(test_one_frame_at_a_time),
        T(test_reports),
        T(test_twins_and_lines_of_one_gateway),
        T(test_a_4g_meter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
