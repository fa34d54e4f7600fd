#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/proto/tests.h"
#include "tests/vectors/frame_text.h"

#define READ_FRAME "68120051050326681104333334334316"

static size_t bytes_of(const char *hex, uint8_t *out, size_t cap)
{
    size_t len = 0;
    assert_ok(hex_decode(hex, strlen(hex), out, cap, &len));
    return len;
}

/* --- vectors ---------------------------------------------------------------------------------- */

/* What was cut must come out again byte by byte. */
static void check_encode(const uint8_t *bytes, size_t len, const struct dlt645_frame *f,
                         size_t used)
{
    uint8_t out[DLT645_FRAME_MAX];
    struct writer w = writer_of(out, sizeof out);
    dlt645_encode(f, 0, &w);
    assert_ok(w.err);
    assert_true(used <= len && used >= w.len);
    assert_memory_equal(out, bytes + used - w.len, w.len);
}

static bool check_line(const char *path, int number, char *line)
{
    char *bar = strstr(line, " | ");
    uint8_t bytes[600];
    size_t len, used;
    struct dlt645_frame f;
    struct line said = {0};
    assert_non_null(bar);
    *bar = '\0';
    len = bytes_of(line, bytes, sizeof bytes);
    enum err e = dlt645_decode(bytes, len, &f, &used);
    if (e == ERR_OK) {
        frame_text(&f, &said);
        check_encode(bytes, len, &f, used);
    } else {
        put_word(&said, err_name(e));
    }
    if (strcmp(said.text, bar + 3) == 0)
        return true;
    print_error("%s:%d: said     %s\n%*sexpected %s\n", path, number, said.text,
                (int)strlen(path) + 5, "", bar + 3);
    return false;
}

static void test_vectors(void **state)
{
    (void)state;
    const char *path = "tests/vectors/dlt645.txt";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[4096];
    int number = 0, checked = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        checked++;
        wrong += !check_line(path, number, line);
    }
    (void)fclose(file); /* read only */
    assert_true(checked > 150);
    assert_int_equal(wrong, 0);
}

/* --- cutting ---------------------------------------------------------------------------------- */

static void test_every_cut_of_a_frame_is_truncated(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t len = bytes_of("FEFEFEFE" READ_FRAME, bytes, sizeof bytes), used;
    struct dlt645_frame f;
    for (size_t n = 0; n < len; n++) {
        assert_err(ERR_TRUNCATED, dlt645_decode(bytes, n, &f, &used));
        assert_int_equal(used, n < 4 ? n : 4); /* the preamble may go, the frame stays */
    }
    assert_ok(dlt645_decode(bytes, len, &f, &used));
    assert_int_equal(used, len);
}

/* A single flipped bit is never taken for the same kind of frame with other content. */
static void test_every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    uint8_t bytes[64], flipped[64];
    size_t len = bytes_of(READ_FRAME, bytes, sizeof bytes), used;
    struct dlt645_frame f;
    for (size_t bit = 0; bit < len * 8; bit++) {
        memcpy(flipped, bytes, len);
        flipped[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_true(dlt645_decode(flipped, len, &f, &used) != ERR_OK);
    }
}

static void test_two_frames_and_garbage(void **state)
{
    (void)state;
    uint8_t bytes[128];
    size_t len = bytes_of("6811FF" READ_FRAME "00FE68" READ_FRAME "68", bytes, sizeof bytes);
    struct dlt645_frame f;
    size_t at = 0, used, found = 0;
    while (at < len && dlt645_decode(bytes + at, len - at, &f, &used) == ERR_OK) {
        assert_int_equal(f.control, DLT645_READ);
        at += used;
        found++;
    }
    assert_int_equal(found, 2);
    assert_int_equal(bytes[at], 0x68);
}

static void test_damaged_frame_does_not_hide_the_next(void **state)
{
    (void)state;
    uint8_t bytes[128];
    size_t len = bytes_of("68120051050326681104333334334416" READ_FRAME, bytes, sizeof bytes);
    struct dlt645_frame f;
    size_t used = 0;
    assert_err(ERR_FRAME_CHECKSUM, dlt645_decode(bytes, len, &f, &used));
    assert_int_equal(used, 1);
    size_t more;
    assert_ok(dlt645_decode(bytes + used, len - used, &f, &more));
    assert_int_equal(used + more, len);
}

/* --- addresses -------------------------------------------------------------------------------- */

static void test_addresses(void **state)
{
    (void)state;
    uint8_t a[6];
    char text[13];
    assert_ok(dlt645_address_parse("260305510012", a));
    assert_memory_equal(a, ((uint8_t[]){0x12, 0x00, 0x51, 0x05, 0x03, 0x26}), 6);
    dlt645_address_text(a, text);
    assert_string_equal(text, "260305510012");
    assert_ok(dlt645_address_parse("161", a));
    dlt645_address_text(a, text);
    assert_string_equal(text, "000000000161");
    assert_ok(dlt645_address_parse("AAAAAAAAAA12", a));
    dlt645_address_text(a, text);
    assert_string_equal(text, "AAAAAAAAAA12");
}

static void test_bad_addresses_are_refused(void **state)
{
    (void)state;
    uint8_t a[6] = {7};
    const char *bad[] = {"", "1234567890123", "12B4", "12 4", "-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_err(ERR_SYNTAX, dlt645_address_parse(bad[i], a));
    assert_int_equal(a[0], 7);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void test_single_numbers(void **state)
{
    (void)state;
    int64_t n = -1;
    const uint8_t good[] = {0x25, 0x00, 0x01, 0x00}, bad[] = {0x2A, 0, 0, 0},
                  none[] = {0xFF, 0xFF, 0xFF, 0xFF};
    assert_ok(dlt645_number(0x00010000, (struct bytes){good, 4}, &n));
    assert_int_equal(n, 10025);
    assert_err(ERR_BCD, dlt645_number(0x00010000, (struct bytes){bad, 4}, &n));
    assert_err(ERR_STATE, dlt645_number(0x00010000, (struct bytes){none, 4}, &n));
    assert_err(ERR_FRAME_LENGTH, dlt645_number(0x00010000, (struct bytes){good, 3}, &n));
    assert_err(ERR_NOT_FOUND, dlt645_number(0x04600101, (struct bytes){good, 4}, &n));
    assert_int_equal(n, 10025);
}

static void test_number_text(void **state)
{
    (void)state;
    char out[24];
    const struct {
        int64_t n;
        unsigned decimals;
        const char *text;
    } rows[] = {{0, 0, "0"},
                {5, 2, "0.05"},
                {-5, 2, "-0.05"},
                {-1250, 2, "-12.50"},
                {10025, 2, "100.25"},
                {INT64_MIN, 0, "-9223372036854775808"},
                {INT64_MAX, 4, "922337203685477.5807"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dlt645_number_text(rows[i].n, rows[i].decimals, out);
        assert_string_equal(out, rows[i].text);
    }
}

/* --- follow-up frames ------------------------------------------------------------------------- */

static struct dlt645_frame cut(const char *hex)
{
    uint8_t bytes[300];
    size_t used, len = bytes_of(hex, bytes, sizeof bytes);
    struct dlt645_frame f;
    assert_ok(dlt645_decode(bytes, len, &f, &used));
    return f;
}

static void test_join(void **state)
{
    (void)state;
    struct dlt645_frame first = cut("6812005105032668B10834323433445566775D16"),
                        second = cut("6812005105032668B209343234333433333334EA16"),
                        third = cut("68120051050326689209343234333533333335CC16"),
                        refusal = cut("6812005105032668D201356916");
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof out);
    struct dlt645_join j = {0};
    assert_err(ERR_STATE, dlt645_join_add(&j, &second, &w)); /* nothing begun */
    assert_ok(dlt645_join_add(&j, &first, &w));
    assert_err(ERR_STATE, dlt645_join_add(&j, &third, &w)); /* out of turn */
    assert_err(ERR_STATE, dlt645_join_add(&j, &refusal, &w));
    assert_ok(dlt645_join_add(&j, &second, &w));
    assert_false(j.complete);
    assert_ok(dlt645_join_add(&j, &third, &w));
    assert_true(j.complete);
    assert_int_equal(w.len, 12);
    assert_memory_equal(out, "\x11\x22\x33\x44\x01\x00\x00\x00\x02\x00\x00\x00", 12);
    assert_err(ERR_STATE, dlt645_join_add(&j, &third, &w));
}

int run_dlt645_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_cut_of_a_frame_is_truncated),
        cmocka_unit_test(test_every_flipped_bit_is_noticed),
        cmocka_unit_test(test_two_frames_and_garbage),
        cmocka_unit_test(test_damaged_frame_does_not_hide_the_next),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_bad_addresses_are_refused),
        cmocka_unit_test(test_single_numbers),
        cmocka_unit_test(test_number_text),
        cmocka_unit_test(test_join),
    };
    return cmocka_run_group_tests_name("dlt645", tests, NULL, NULL);
}
