#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/commands.h"
#include "app/frame/frame.h"
#include "app/frame/frame_dump.h"

struct found {
    json_t *list[8];
    size_t count;
    bool good;
};

static void keep(void *arg, json_t *object)
{
    struct found *f = arg;
    assert_true(f->count < 8);
    f->list[f->count++] = object;
}

static struct found decode(const char *text)
{
    struct found f = {.count = 0};
    f.good = frame_decode_text(text, (struct frame_wish){.protocol = FRAME_AUTO}, keep, &f);
    return f;
}

static void drop(struct found *f)
{
    for (size_t i = 0; i < f->count; i++)
        json_decref(f->list[i]);
}

static const char *text_at(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "(none)";
}

static const json_t *value_at(const json_t *o, size_t i)
{
    return json_array_get(json_object_get(o, "values"), i);
}

static void test_energy(void **state)
{
    (void)state;
    struct found f = decode("FEFEFEFE6812345678101268910833333333583334335D16");
    assert_true(f.good);
    assert_int_equal(f.count, 1);
    assert_string_equal(text_at(f.list[0], "protocol"), "DL/T 645-2007");
    assert_string_equal(text_at(f.list[0], "address"), "121078563412");
    assert_string_equal(text_at(f.list[0], "direction"), "answer");
    assert_string_equal(text_at(f.list[0], "identifier"), "00000000");
    assert_string_equal(text_at(value_at(f.list[0], 0), "value"), "100.25");
    assert_string_equal(text_at(value_at(f.list[0], 0), "unit"), "kWh");
    assert_int_equal(json_integer_value(json_object_get(f.list[0], "preamble")), 4);
    drop(&f);
}

static void test_absent_phases(void **state)
{
    (void)state;
    struct found f = decode("6812000000102068910A333234358955323232322116");
    assert_true(f.good);
    assert_string_equal(text_at(value_at(f.list[0], 0), "name"), "voltage, phase A");
    assert_string_equal(text_at(value_at(f.list[0], 0), "value"), "225.6");
    assert_true(json_is_null(json_object_get(value_at(f.list[0], 1), "value")));
    assert_true(json_is_true(json_object_get(value_at(f.list[0], 1), "absent")));
    drop(&f);
}

static void test_refusal_is_a_valid_frame(void **state)
{
    (void)state;
    struct found f = decode("6812005105032668C3025333AC16");
    assert_true(f.good);
    assert_string_equal(text_at(f.list[0], "error"), "COUNT");
    assert_string_equal(text_at(f.list[0], "error_code"), "0020");
    drop(&f);
}

static void test_unknown_identifier_has_no_unit(void **state)
{
    (void)state;
    struct found f = decode("681200510503266891083434F337343536376216");
    assert_true(f.good);
    assert_true(json_is_false(json_object_get(f.list[0], "known")));
    assert_null(json_object_get(f.list[0], "values"));
    assert_string_equal(text_at(f.list[0], "data"), "01020304");
    drop(&f);
}

static void test_several_frames_blanks_and_garbage(void **state)
{
    (void)state;
    struct found f = decode("00 11,68 12 00 51 05 03 26 68 11 04 33 35 C3 33 D4 16 0xFE fe"
                            "6812005105032668C301345916 77");
    assert_true(f.good);
    assert_int_equal(f.count, 2);
    assert_string_equal(text_at(f.list[0], "skipped"), "0011");
    assert_string_equal(text_at(f.list[0], "name"), "remaining money");
    assert_string_equal(text_at(f.list[1], "error"), "OTHER");
    drop(&f);
}

static void test_lines_of_logs(void **state)
{
    (void)state;
    struct found f = decode("[2026-11-22 08:15:30.123] COM3 RX: "
                            "FE FE FE FE 68 12 00 51 05 03 26 68 C3 01 34 59 16");
    assert_true(f.good);
    assert_int_equal(f.count, 1);
    assert_string_equal(text_at(f.list[0], "address"), "260305510012");
    drop(&f);
}

/* As people paste them: dates, marks of direction, 0x1, suffixes, full-width
 * colons. */
static void test_lines_as_pasted(void **state)
{
    static const char *const lines[] = {
        "2024-05-01 12:30:45.123 Tx: 68 12 00 51 05 03 26 68 11 04 33 35 C3 33 "
        "D4 16",
        "2024/05/01T12:30:45 [TX] - <68 12 00 51 05 03 26 68 11 04 33 35 C3 33 "
        "D4 16>",
        "\\x68\\x12\\x00\\x51\\x05\\x03\\x26\\x68\\x11\\x04\\x33\\x35\\xC3\\x33\\"
        "xD4\\x16",
        "0x68,0x12,0x0,0x51,0x5,0x3,0x26,0x68,0x11,0x4,0x33,0x35,0xc3,0x33,0xd4,"
        "0x16",
        "68H 12H 00H 51H 05H 03H 26H 68H 11H 04H 33H 35H C3H 33H D4H 16H",
        "发送：681200510503266811043335c333d416",
        "TX>681200510503266811043335C333D416",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct found f = decode(lines[i]);
        assert_true(f.good);
        assert_int_equal(f.count, 1);
        assert_string_equal(text_at(f.list[0], "name"), "remaining money");
        drop(&f);
    }
    struct found f = decode("[12:30:45] Rx<- 01 03 04 00 01 86 A0 C9 EB");
    assert_true(f.good);
    assert_string_equal(text_at(f.list[0], "protocol"), "Modbus RTU");
    drop(&f);
}

static json_int_t number_at(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static void test_damage_has_a_place(void **state)
{
    (void)state;
    struct found f = decode("FEFE681200510503266811043335C333D516");
    assert_int_equal(number_at(f.list[0], "offset"), 2);
    assert_int_equal(number_at(f.list[0], "checksum_at"), 16);
    assert_string_equal(text_at(f.list[0], "checksum_expected"), "D4");
    drop(&f);
    f = decode("010300000002C40C");
    assert_string_equal(text_at(f.list[0], "checksum_expected"), "C40B");
    drop(&f);
    f = decode("6812005105032668110433");
    assert_int_equal(number_at(f.list[0], "bytes"), 11);
    assert_int_equal(number_at(f.list[0], "bytes_expected"), 16);
    drop(&f);
}

static void expect_error(const char *text, const char *error, size_t count)
{
    struct found f = decode(text);
    assert_false(f.good);
    assert_int_equal(f.count, count);
    assert_string_equal(text_at(f.list[0], "error"), error);
    assert_true(json_is_false(json_object_get(f.list[0], "valid")));
    drop(&f);
}

static void test_errors_by_name(void **state)
{
    (void)state;
    expect_error("68120051050326681104333334334416", "FRAME_CHECKSUM", 1);
    expect_error("68120051050326681104333334334317", "FRAME_END", 1);
    expect_error("6812005105032668110433333433", "TRUNCATED", 1);
    expect_error("6812", "TRUNCATED", 1);
    expect_error("FEFEFE", "FRAME_UNKNOWN", 1);
    expect_error("", "FRAME_UNKNOWN", 1);
    expect_error("00112233445566778899", "FRAME_UNKNOWN", 1);
    expect_error("681200510503266", "FRAME_DIGITS", 1);
    expect_error("hello", "SYNTAX", 1);
    expect_error("RX: 68 12 00 51", "TRUNCATED", 1);
    expect_error("68 12 00 51 0G 03 26 68 C3 01 34 59 16", "SYNTAX", 1);
    expect_error("68120051050326689108333334334D333333AD16", "BCD", 1);
    expect_error("6812005105032668910735343337933333C516", "RANGE", 1);
    expect_error("68120051050326689107333334333435366516", "FRAME_LENGTH", 1);
    /* a damaged frame does not hide the good one behind it */
    expect_error("68120051050326681104333334334416681200510503266811043335C333D416",
                 "FRAME_CHECKSUM", 2);
    expect_error("6812005105032668112033333433681200510503266811043335C333D416", "TRUNCATED", 2);
}

static void test_every_vector_gives_an_object(void **state)
{
    (void)state;
    FILE *file = fopen("tests/vectors/dlt645.txt", "r");
    assert_non_null(file);
    char line[4096];
    int checked = 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "#|\n")] = '\0';
        if (!line[0])
            continue;
        struct found f = decode(line);
        assert_true(f.count >= 1);
        assert_non_null(json_object_get(f.list[0], "valid"));
        drop(&f);
        checked++;
    }
    (void)fclose(file); /* read only */
    assert_true(checked > 150);
}

/* As tests/vectors/frame_forms.txt writes it. */
static void put_found(const struct found *f, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < f->count; i++) {
        const json_t *o = f->list[i], *skipped = json_object_get(o, "skipped"),
                     *after = json_object_get(o, "skipped_after");
        bool valid = json_is_true(json_object_get(o, "valid"));
        len += (size_t)snprintf(out + len, cap - len, "%s%s %s%s%s%s%s%s", i > 0 ? "; " : "",
                                text_at(o, "protocol"), text_at(o, valid ? "frame" : "error"),
                                skipped ? " +" : "", skipped ? json_string_value(skipped) : "",
                                after ? " " : "", after ? json_string_value(after) : "",
                                after ? "+" : "");
        assert_true(len < cap);
    }
}

static void expect_form(const char *expected, const char *line)
{
    char said[1024];
    struct found f = decode(line);
    put_found(&f, said, sizeof said);
    if (strcmp(expected, "none") != 0)
        assert_string_equal(said, expected);
    for (size_t i = 0; i < f.count && strcmp(expected, "none") == 0; i++)
        assert_string_equal(text_at(f.list[i], "protocol"), "unknown");
    drop(&f);
}

static void test_forms(void **state)
{
    (void)state;
    FILE *file = fopen("tests/vectors/frame_forms.txt", "r");
    assert_non_null(file);
    char line[1024];
    int checked = 0;
    while (fgets(line, sizeof line, file)) {
        char *bar = strstr(line, " | ");
        if (line[0] == '#' || !bar)
            continue;
        *bar = '\0';
        bar[3 + strcspn(bar + 3, "\n")] = '\0';
        expect_form(line, bar + 3);
        checked++;
    }
    (void)fclose(file); /* read only */
    assert_true(checked > 90);
}

struct dump_case {
    const char *line;
    size_t bytes; /* 0: no dump */
    unsigned long offset;
};

static void test_dumps(void **state)
{
    static const struct dump_case cases[] = {
        {"00000010: 6833 2211 0000 2068 9106 3334 35  h3\"... h..345", 13, 0x10}, /* xxd */
        {"00000000  68 33 22 11 00 00 20 68  91 06 33 34  |h3\"... h..34|", 12, 0},
        {"0000   68 33 22 11 00 00 20 68 91 06 33 34 35 36 8a 56   h3\"... "
         "h..3456.V",
         16, 0},
        {"0010   68 33 22 11 00 00 20 68 91   h3\"... h .", 9, 0x10},
        {"0000020 68 33", 2, 0x20},
        {"    68 33 22 11 00 00 20 68   h3\"... h\t", 8, 0}, /* no offset */
        {"0000000C  68 33 22 11 00   h3\"..", 5, 0x0C},
        {"\t0x0010:  6833 2211 0000  h3\"...", 6, 0x10}, /* tcpdump */
        {"    68 33 22 11 00 00 20 68   something", 0, 0},
        {"68 33 22 11 00 00 20 68", 0, 0},
        {"6833 2211 0000 2068", 0, 0},
        {"0004: 68 33", 0, 0},
        {"2026: 68 33", 0, 0},
        {"0000: hello", 0, 0},
        {"0000: 68 3G", 0, 0},
        {"", 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame_dump d;
        bool is = frame_dump_line(cases[i].line, &d);
        assert_int_equal(is, cases[i].bytes > 0);
        if (!is)
            continue;
        assert_int_equal(d.bytes, cases[i].bytes);
        assert_int_equal(d.offset, cases[i].offset);
    }
}

/* Enciphered by openssl enc -aes-128-cbc; key and initial value: 0123456789abcdef. */
static const char REPORT[] =
    "1F1F03000000B0A08EFB782F05E77B295DF35F7C362AEB031308A7EC741A45951726F77952E1B0A204D8E1FB"
    "E5A608DEEA0DBCD61B3357623563033CDB988013EF91F4C47B1E3E6A0285F17780F239F97C1444A443D77E20"
    "08BBB00EDFF1B437A1BE598C77FBD72966660E83FB17037A59EB475C8C7ED7D1F61F5663654068738DCB32E7"
    "95E475E53E4C7F61901A6F8B8A727403950E2103BBA2913FCBC4C1FEF05C15A1E35709F9FB3373DB8E4B705F"
    "436BE72A223A8D";
static const char ZIPPED[] =
    "1F1F04000000902A05203822AC782489AC3081D00E6F266D5ABA40C2D624D7F443D3D249A7B9629D3CC6A237"
    "1B7006590904BC0831CEC0743488EFB496E0CA999517D9038C9EB8C9E60F899F55945A2075EA685BC656FC4E"
    "1918C617D9C76386AAF2C8164AD2848F1E61B3B239F05BA0030133BEF9AC029BCBB3B875F3E97FCD00B24D45"
    "6083799102A482A2B6F710A8829242B00D5B44";
static const char PASSED_ON[] =
    "1F1FF1000000204ECE007A5EAEB28BD53330EF5255A832CD713964D63DA104C5905C92BB1C1D39";
static const char CENTRE_CLEAR[] =
    "686816162A010000050000003C726F6F743E3C636F6D6D6F6E3E3C6275696C64696E675F69643E42313C2F62"
    "75696C64696E675F69643E3C676174657761795F69643E47313C2F676174657761795F69643E3C747970653E"
    "646174613C2F747970653E3C2F636F6D6D6F6E3E3C64617461206F7065726174696F6E3D227265706F727422"
    "3E3C73657175656E63653E373C2F73657175656E63653E3C7061727365723E7965733C2F7061727365723E3C"
    "74696D653E32303236313132373039333030303C2F74696D653E3C6D657465722069643D2231322220636F6E"
    "6E3D2231223E3C66756E6374696F6E2069643D22312220636F64696E673D22303141313022206572726F723D"
    "2230223E31322E35303C2F66756E6374696F6E3E3C2F6D657465723E3C2F646174613E3C2F726F6F743EA429"
    "55AA55AA";
static const char CENTRE_SEALED[] =
    "686816163401000006000000695AE6A88BD8ED289C748ADAE197712C61F563FA4BFE9538CEAD4D50C4BD058E"
    "A5F9214CBB0EBF3ADEBDE2C1B91946E1DCF24EDA5E92A8215E4641B99F17FC548E051E2BD538250CAA2465E3"
    "88012E384B98032D954196662C9D957D749439F003F6A6A7C4391A69F57087BA0F074725BA10D0936A5F86F3"
    "C5819F07EE61B3EAF46D5352AB4A22005674EFBFEB6D89041960E10E99A49277933C7FFE5411CD395F5DAC15"
    "053A4AD15D3FE84F3A82196F8116B07473D9154089EDB7091A087028E986EF7BEE7CFEB8CFBCBE406E94EFA6"
    "B24B4C72CD82850B09FB45EA237C1C5DE095B428E78CF063EEDFB63C5C49007D9B3D45C4ED66F6CC0EF1F1B0"
    "439435D127E61F92E25992410DD920AC52EBEF22FE35185DE09B1D9BE4B634BAC25892020BFB1348614F9AB5"
    "156DA76508322DA3314355AA55AA";

static struct found decode_with(const char *text, const char *key)
{
    struct found f = {.count = 0};
    struct frame_wish wish = {.protocol = FRAME_AUTO, .key = (const uint8_t *)key};
    f.good = frame_decode_text(text, wish, keep, &f);
    assert_int_equal(f.count, 1);
    return f;
}

#define KEY "0123456789abcdef"

static void test_enciphered_reports_are_opened(void **state)
{
    (void)state;
    const char *const frames[] = {REPORT, ZIPPED};
    for (size_t i = 0; i < 2; i++) {
        struct found f = decode_with(frames[i], KEY);
        assert_true(f.good);
        assert_string_equal(text_at(value_at(f.list[0], 0), "name"), "01002 WPP");
        assert_string_equal(text_at(value_at(f.list[0], 0), "value"), "433.31");
        assert_string_equal(text_at(value_at(f.list[0], 1), "value"), "20261127093000");
        drop(&f);
    }
}

static void test_what_is_passed_on_is_decoded(void **state)
{
    (void)state;
    struct found f = decode_with(PASSED_ON, KEY);
    const json_t *inner = json_object_get(f.list[0], "inner");
    assert_true(f.good);
    assert_string_equal(text_at(value_at(f.list[0], 0), "value"), "01001");
    assert_string_equal(text_at(inner, "protocol"), "Modbus RTU");
    assert_string_equal(text_at(inner, "frame"), "010300000002C40B");
    drop(&f);
}

static void test_without_its_key_nothing_is_opened(void **state)
{
    (void)state;
    struct found f = decode_with(REPORT, NULL);
    assert_true(f.good);
    assert_string_equal(text_at(value_at(f.list[0], 0), "name"), "enciphered bytes");
    drop(&f);
    f = decode_with(REPORT, "another key ....");
    assert_false(f.good);
    assert_string_equal(text_at(f.list[0], "error"), "UPLINK_SEAL");
    drop(&f);
    f = decode_with(CENTRE_SEALED, NULL);
    assert_true(f.good);
    assert_string_equal(text_at(value_at(f.list[0], 0), "name"), "enciphered bytes");
    drop(&f);
    f = decode_with(CENTRE_SEALED, "another key ....");
    assert_false(f.good);
    drop(&f);
}

static void test_energy_data(void **state)
{
    (void)state;
    for (int sealed = 0; sealed < 2; sealed++) {
        struct found f = decode_with(sealed ? CENTRE_SEALED : CENTRE_CLEAR, sealed ? KEY : NULL);
        assert_true(f.good);
        assert_string_equal(text_at(f.list[0], "protocol"), "energy data (XML)");
        assert_int_equal(json_integer_value(json_object_get(f.list[0], "serial")), 5 + sealed);
        assert_string_equal(text_at(value_at(f.list[0], 0), "name"), "12 1");
        assert_string_equal(text_at(value_at(f.list[0], 0), "value"), "12.50");
        assert_non_null(strstr(text_at(f.list[0], "xml"), "operation=\"report\""));
        drop(&f);
    }
}

/* argv as a shell would give it: words of one text, in memory that may be
 * changed. */
static int run(const char *words)
{
    char text[200], *argv[9] = {0};
    int argc = 0;
    snprintf(text, sizeof text, "%s", words);
    for (char *w = strtok(text, " "); w && argc < 8; w = strtok(NULL, " "))
        argv[argc++] = w;
    return app_frame_main(argc, argv);
}

static void test_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(run("frame decode 681200510503266811043335C333D416"), 0);
    assert_int_equal(run("frame decode 68 12 00 51 05 03 26"), 1);
    assert_int_equal(run("frame decode 681200510503266811043335C333D416 "
                         "681200510503266811043335"),
                     1);
    assert_int_equal(run("frame decode --proto x"), 2);
    assert_int_equal(run("frame decode --proto"), 2);
    assert_int_equal(run("frame decode --key 0123"), 2);
    assert_int_equal(run("frame decode --what"), 2);
    assert_int_equal(run("frame"), 2);
    assert_int_equal(run("frame encode"), 2);
    assert_int_equal(run("frame --help"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enciphered_reports_are_opened),
        cmocka_unit_test(test_what_is_passed_on_is_decoded),
        cmocka_unit_test(test_without_its_key_nothing_is_opened),
        cmocka_unit_test(test_energy_data),
        cmocka_unit_test(test_energy),
        cmocka_unit_test(test_absent_phases),
        cmocka_unit_test(test_refusal_is_a_valid_frame),
        cmocka_unit_test(test_unknown_identifier_has_no_unit),
        cmocka_unit_test(test_several_frames_blanks_and_garbage),
        cmocka_unit_test(test_lines_of_logs),
        cmocka_unit_test(test_lines_as_pasted),
        cmocka_unit_test(test_damage_has_a_place),
        cmocka_unit_test(test_errors_by_name),
        cmocka_unit_test(test_every_vector_gives_an_object),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_dumps),
        cmocka_unit_test(test_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
