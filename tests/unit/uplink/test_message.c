/* The wire form: every kind there and back, every truncation, every refusal. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "tests/unit/uplink/random_message.h"

static uint8_t wire[UPLINK_MESSAGE_MAX], again[UPLINK_MESSAGE_MAX];
static _Alignas(16) uint8_t arena[UPLINK_ARENA];

static size_t encode(const struct uplink_message *m, uint8_t *out)
{
    struct writer w = writer_of(out, UPLINK_MESSAGE_MAX);
    uplink_message_encode(m, &w);
    assert_ok(w.err);
    return w.len;
}

static void assert_bytes(struct bytes a, struct bytes b)
{
    assert_int_equal(a.len, b.len);
    if (a.len > 0)
        assert_memory_equal(a.data, b.data, a.len);
}

/* Compares what pointers point to and then makes them equal, so that the rest is plain memory. */
static void assert_parts(const struct uplink_message *want, struct uplink_message *got)
{
    switch (want->kind) {
    case UPLINK_CONFIG:
        assert_int_equal(got->config.line_count, want->config.line_count);
        assert_int_equal(got->config.meter_count, want->config.meter_count);
        if (want->config.line_count > 0)
            assert_memory_equal(got->config.lines, want->config.lines,
                                want->config.line_count * sizeof *want->config.lines);
        if (want->config.meter_count > 0)
            assert_memory_equal(got->config.meters, want->config.meters,
                                want->config.meter_count * sizeof *want->config.meters);
        got->config.lines = want->config.lines;
        got->config.meters = want->config.meters;
        break;
    case UPLINK_READINGS:
        assert_int_equal(got->readings.count, want->readings.count);
        if (want->readings.count > 0)
            assert_memory_equal(got->readings.readings, want->readings.readings,
                                want->readings.count * sizeof *want->readings.readings);
        got->readings.readings = want->readings.readings;
        break;
    case UPLINK_LINE:
        assert_int_equal(got->line.slow_count, want->line.slow_count);
        assert_int_equal(got->line.quiet_count, want->line.quiet_count);
        if (want->line.slow_count > 0)
            assert_memory_equal(got->line.slow, want->line.slow,
                                want->line.slow_count * sizeof *want->line.slow);
        if (want->line.quiet_count > 0)
            assert_memory_equal(got->line.quiet, want->line.quiet,
                                want->line.quiet_count * sizeof *want->line.quiet);
        got->line.slow = want->line.slow;
        got->line.quiet = want->line.quiet;
        break;
    case UPLINK_PERMIT:
        assert_int_equal(got->permit.window_count, want->permit.window_count);
        assert_int_equal(got->permit.meter_count, want->permit.meter_count);
        if (want->permit.window_count > 0)
            assert_memory_equal(got->permit.windows, want->permit.windows,
                                want->permit.window_count * sizeof *want->permit.windows);
        if (want->permit.meter_count > 0)
            assert_memory_equal(got->permit.meters, want->permit.meters,
                                want->permit.meter_count * sizeof *want->permit.meters);
        got->permit.windows = want->permit.windows;
        got->permit.meters = want->permit.meters;
        break;
    case UPLINK_BLOCK:
        assert_bytes(got->block.data, want->block.data);
        got->block.data = want->block.data;
        break;
    case UPLINK_CLAIM:
        assert_bytes(got->claim.request, want->claim.request);
        got->claim.request = want->claim.request;
        break;
    case UPLINK_CLAIMED:
        assert_bytes(got->claimed.secret, want->claimed.secret);
        assert_bytes(got->claimed.certificate, want->claimed.certificate);
        got->claimed.secret = want->claimed.secret;
        got->claimed.certificate = want->claimed.certificate;
        break;
    default:
        break;
    }
}

static void every_kind_comes_back_as_it_was(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(2, "messages");
    struct uplink_message m, got;
    for (int round = 0; round < 3000; round++) {
        enum uplink_kind kind = (enum uplink_kind)(1 + round % RANDOM_KINDS);
        random_message(&r, kind, &m);
        size_t len = encode(&m, wire);
        assert_ok(uplink_message_decode(wire, len, arena, &got));
        assert_int_equal(encode(&got, again), len);
        assert_memory_equal(again, wire, len);
        assert_parts(&m, &got);
        assert_memory_equal(&got, &m, sizeof m);
    }
}

static void the_largest_of_every_kind_fits(void **state)
{
    (void)state;
    struct uplink_message m, got;
    for (enum uplink_kind kind = 1; kind <= RANDOM_KINDS; kind++) {
        largest_message(kind, &m);
        size_t len = encode(&m, wire); /* MUSTs inside the decoder watch the arena's bound */
        assert_ok(uplink_message_decode(wire, len, arena, &got));
        assert_parts(&m, &got);
        assert_memory_equal(&got, &m, sizeof m);
    }
}

static void every_truncation_is_named(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(3, "messages");
    struct uplink_message m, got;
    for (int round = 0; round < 10 * RANDOM_KINDS; round++) {
        random_message(&r, (enum uplink_kind)(1 + round % RANDOM_KINDS), &m);
        size_t len = encode(&m, wire), step = 1 + len / 4000;
        for (size_t cut = 0; cut < len; cut += step) {
            /* On the heap with nothing behind it: a sanitizer sees any byte read beyond. */
            uint8_t *part = malloc(cut == 0 ? 1 : cut);
            memcpy(part, wire, cut);
            assert_err(ERR_TRUNCATED, uplink_message_decode(part, cut, arena, &got));
            free(part);
        }
        wire[len] = 0;
        assert_err(ERR_UPLINK_SYNTAX, uplink_message_decode(wire, len + 1, arena, &got));
    }
}

static void a_full_writer_is_named_at_every_length(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(4, "messages");
    struct uplink_message m;
    for (enum uplink_kind kind = 1; kind <= RANDOM_KINDS; kind++) {
        random_message(&r, kind, &m);
        size_t len = encode(&m, wire), step = 1 + len / 1000;
        for (size_t cap = 0; cap < len; cap += step) {
            uint8_t *small = malloc(cap == 0 ? 1 : cap);
            struct writer w = writer_of(small, cap);
            uplink_message_encode(&m, &w);
            assert_err(ERR_FULL, w.err);
            assert_true(w.len <= cap);
            free(small);
        }
    }
}

static void bent_bytes_never_break_the_decoder(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(5, "messages");
    struct uplink_message m, got;
    int refused = 0;
    for (int round = 0; round < 20'000; round++) {
        random_message(&r, (enum uplink_kind)(1 + round % RANDOM_KINDS), &m);
        size_t len = encode(&m, wire);
        if (len > 3000)
            continue;
        for (int n = 1 + (int)rand_below(&r, 4); n > 0; n--) {
            size_t at = rand_below(&r, len);
            wire[at] = (uint8_t)rand_u64(&r);
        }
        refused += uplink_message_decode(wire, len, arena, &got) != ERR_OK;
    }
    assert_true(refused > 5000);
}

/* What a message in hexadecimal decodes to. */
static enum err decode_hex(const char *hex, struct uplink_message *m)
{
    uint8_t data[256];
    size_t len;
    assert_ok(hex_decode(hex, strlen(hex), data, sizeof data, &len));
    return uplink_message_decode(data, len, arena, m);
}

static void known_bytes_mean_known_things(void **state)
{
    (void)state;
    struct uplink_message m;
    /* {0: 3, 3: {1: 1000000, 2: 7}}: by the rules of RFC 8949, written by hand */
    assert_ok(decode_hex("A2 00 03 03 A2 01 1A000F4240 02 07", &m));
    assert_int_equal(m.kind, UPLINK_ACK);
    assert_int_equal(m.ack.epoch, 1'000'000);
    assert_int_equal(m.ack.seq, 7);
    /* {0: 12, 1: 5, 2: 6, 3: {1: 1, 2: 1700000000, 3: 9, 5: -2}} */
    assert_ok(decode_hex("A4 00 0C 01 05 02 06 03 A4 01 01 02 1A6553F100 03 09 05 21", &m));
    assert_int_equal(m.kind, UPLINK_EVENT);
    assert_int_equal(m.epoch, 5);
    assert_int_equal(m.seq, 6);
    assert_int_equal(m.event.kind, UPLINK_METER_SILENT);
    assert_int_equal(m.event.at.s, 1'700'000'000);
    assert_int_equal(m.event.value, -2);
    /* an outcome that says nothing about the meter says "not read" */
    assert_ok(decode_hex("A2 00 0B 03 A2 04 01 05 03", &m));
    assert_int_equal(m.outcome.count, -1);
    assert_int_equal(m.outcome.record_n, -1);
    assert_int_equal(m.outcome.record_amount_fen, -1);
    assert_int_equal(m.outcome.purchased_fen, -1);
    assert_true(m.outcome.balance_fen == INT64_MIN);
    assert_int_equal(m.outcome.relay_open, -1);
    assert_int_equal(m.outcome.keep_power, -1);
}

static void unknown_keys_are_skipped(void **state)
{
    (void)state;
    struct uplink_message m;
    /* {0: 7, 3: {1: 9, 30: {"a": [1, 2.5, null, h'00', 1(0)]}}, 9: "more"} */
    assert_ok(decode_hex(
        "A3 00 07 03 A2 01 09 181E A1 6161 85 01 F94100 F6 4100 C100 09 646D6F7265", &m));
    assert_int_equal(m.fence_id, 9);
}

static void wrong_messages_are_named(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        const char *hex, *why;
    } CASES[] = {
        {ERR_UPLINK_SYNTAX, "03", "not a map"},
        {ERR_UPLINK_SYNTAX, "A0", "empty"},
        {ERR_UPLINK_SYNTAX, "A1 00 07", "no body"},
        {ERR_UPLINK_SYNTAX, "A2 03 A0 00 07", "keys fall"},
        {ERR_UPLINK_SYNTAX, "A3 00 07 03 A0 03 A0", "body twice"},
        {ERR_UPLINK_SYNTAX, "A2 00 07 03 A2 01 01 01 02", "field twice"},
        {ERR_UPLINK_SYNTAX, "A2 00 07 03 A1 01 6131", "text for a number"},
        {ERR_UPLINK_SYNTAX, "A2 00 07 03 A1 01 F93C00", "float for a number"},
        {ERR_UPLINK_SYNTAX, "A2 00 07 03 A1 01 1B8000000000000000", "above 2^63"},
        {ERR_UPLINK_SYNTAX, "A2 00 07 03 A1 01 3B8000000000000000", "below -2^63"},
        {ERR_UPLINK_SYNTAX, "A2 00 07 03 A1 20 01", "negative key"},
        {ERR_UPLINK_SYNTAX, "A2 00 07 03 A1 6131 01", "text key"},
        {ERR_UPLINK_SYNTAX, "A2 00 07 03 BF 01 01 FF", "length not told"},
        {ERR_UPLINK_SYNTAX, "A2 00 07 03 A1 01 FF", "stray break"},
        {ERR_UPLINK_SYNTAX, "A2 00 07 03 A1 01 1C", "reserved"},
        {ERR_UPLINK_SYNTAX, "A2 00 06 03 A1 01 05", "command without a kind"},
        {ERR_UPLINK_SYNTAX, "A2 00 06 03 A1 02 07", "command of kind 7"},
        {ERR_UPLINK_SYNTAX, "A2 00 06 03 A2 02 01 0A 01", "number for a flag"},
        {ERR_UPLINK_SYNTAX, "A2 00 01 03 A1 05 610A", "control character"},
        {ERR_UPLINK_SYNTAX, "A2 00 01 03 A1 05 617F", "delete character"},
        {ERR_UPLINK_SYNTAX, "A2 00 01 03 A1 05 6100", "zero in a text"},
        {ERR_UPLINK_SYNTAX, "A2 00 01 03 A1 05 62C285", "C1 control"},
        {ERR_UPLINK_SYNTAX, "A2 00 01 03 A1 05 62C0AF", "overlong"},
        {ERR_UPLINK_SYNTAX, "A2 00 01 03 A1 05 63EDA080", "surrogate"},
        {ERR_UPLINK_SYNTAX, "A2 00 01 03 A1 05 61E5", "half a character"},
        {ERR_UPLINK_SYNTAX, "A2 00 01 03 A1 05 64F4908080", "above 10FFFF"},
        {ERR_UPLINK_SYNTAX, "A2 00 0A 03 A1 01 81 A1 04 83 01 02 03", "half a point"},
        {ERR_UPLINK_SYNTAX, "A2 00 0A 03 A1 01 9841", "65 readings"},
        {ERR_UPLINK_SYNTAX, "A2 00 04 03 A1 04 81 A1 03 01", "a line without parity"},
        {ERR_UPLINK_SYNTAX, "A2 20 07 03 A0", "negative kind key"},
        {ERR_UPLINK_SYNTAX, "A2 00 26 03 A0", "negative kind"},
        {ERR_UPLINK_UNKNOWN, "A2 00 00 03 A0", "kind 0"},
        {ERR_UPLINK_UNKNOWN, "A2 00 16 03 A0", "kind 22"},
        {ERR_UPLINK_SYNTAX, "A2 00 15 03 A1 01 01", "a program in no stage"},
        {ERR_UPLINK_SYNTAX, "A2 00 15 03 A1 02 08", "stage 8"},
        {ERR_TRUNCATED, "A2 00 14 03 A1 03 591000", "a block that is not there"},
        {ERR_UPLINK_SYNTAX, "A2 00 13 03 A1 02 6130", "an offset in letters"},
        {ERR_TRUNCATED, "A2 00 07 03 A1 01 5B7FFFFFFFFFFFFFFF", "endless bytes"},
        {ERR_TRUNCATED, "A2 00 07 03 A2 01 01 09 9A0000FFFF", "a list of nothing"},
    };
    struct uplink_message m;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        enum err e = decode_hex(CASES[i].hex, &m);
        if (e != CASES[i].err)
            fail_msg("%s: %s, expected %s", CASES[i].why, err_name(e), err_name(CASES[i].err));
    }
    /* The bounds of texts and bytes, exactly. */
    uint8_t long_secret[64] = {0xA2, 0x00, 0x0E, 0x03, 0xA1, 0x02, 0x58, 0x21};
    assert_err(ERR_UPLINK_SYNTAX, uplink_message_decode(long_secret, 8 + 33, arena, &m));
    long_secret[7] = 0x20;
    assert_ok(uplink_message_decode(long_secret, 8 + 32, arena, &m));
    uint8_t long_text[80] = {0xA2, 0x00, 0x01, 0x03, 0xA1, 0x05, 0x78, 0x40};
    memset(long_text + 8, 'x', 64);
    assert_err(ERR_UPLINK_SYNTAX, uplink_message_decode(long_text, 8 + 64, arena, &m));
    long_text[7] = 0x3F;
    assert_ok(uplink_message_decode(long_text, 8 + 63, arena, &m));
    assert_int_equal(strlen(m.hello.program), 63);
    static uint8_t huge[UPLINK_MESSAGE_MAX + 1];
    assert_err(ERR_UPLINK_SYNTAX, uplink_message_decode(huge, sizeof huge, arena, &m));
}

static void deep_nesting_costs_no_stack(void **state)
{
    (void)state;
    struct uplink_message m;
    memset(wire, 0x81, sizeof wire); /* [[[[... under an unknown key */
    memcpy(wire, "\xA2\x00\x07\x03\xA1\x09", 6);
    assert_err(ERR_TRUNCATED, uplink_message_decode(wire, sizeof wire, arena, &m));
    memset(wire + 6, 0xC1, sizeof wire - 6); /* tags of tags of tags */
    assert_err(ERR_TRUNCATED, uplink_message_decode(wire, sizeof wire, arena, &m));
}

static void what_may_not_be_said_is_not_written(void **state)
{
    (void)state;
    struct uplink_message m = {.kind = 0};
    struct writer w = writer_of(wire, sizeof wire);
    uplink_message_encode(&m, &w);
    assert_err(ERR_RANGE, w.err);
    static const struct uplink_message BAD[] = {
        {.kind = UPLINK_KINDS},
        {.kind = UPLINK_UPDATE, .update.sha256_len = 33},
        {.kind = UPLINK_BLOCK, .block.data = {wire, UPLINK_BLOCK_MAX + 1}},
        {.kind = UPLINK_PROGRAM},
        {.kind = UPLINK_COMMAND},
        {.kind = UPLINK_COMMAND, .command.kind = UPLINK_EXERCISE + 1},
        {.kind = UPLINK_COMMAND,
         .command = {.kind = UPLINK_REGISTER, .data_len = UPLINK_REGISTER_MAX + 1}},
        {.kind = UPLINK_OUTCOME, .outcome.kind = UPLINK_VEND},
        {.kind = UPLINK_EVENT},
        {.kind = UPLINK_READINGS, .readings.count = UPLINK_READINGS_MAX + 1},
        {.kind = UPLINK_CONFIG, .config.meter_count = UPLINK_CONFIG_METERS_MAX + 1},
        {.kind = UPLINK_CLAIMED, .claimed.secret = {wire, 33}},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        w = writer_of(again, sizeof again);
        uplink_message_encode(&BAD[i], &w);
        assert_err(ERR_RANGE, w.err);
    }
    m = (struct uplink_message){.kind = UPLINK_HELLO};
    memset(m.hello.program, 'x', sizeof m.hello.program); /* not terminated */
    w = writer_of(again, sizeof again);
    uplink_message_encode(&m, &w);
    assert_err(ERR_RANGE, w.err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back_as_it_was),
        cmocka_unit_test(the_largest_of_every_kind_fits),
        cmocka_unit_test(every_truncation_is_named),
        cmocka_unit_test(a_full_writer_is_named_at_every_length),
        cmocka_unit_test(bent_bytes_never_break_the_decoder),
        cmocka_unit_test(known_bytes_mean_known_things),
        cmocka_unit_test(unknown_keys_are_skipped),
        cmocka_unit_test(wrong_messages_are_named),
        cmocka_unit_test(deep_nesting_costs_no_stack),
        cmocka_unit_test(what_may_not_be_said_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
