/* The legacy seal of single messages: values made by other programs, and every way to be wrong. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "uplink/seal_legacy.h"

static const struct legacy_keys KEYS = {"three keys of eight byte",
                                        "and one for the signature......"};
static uint8_t room[300];

static struct bytes hex(const char *text, uint8_t *out, size_t cap)
{
    size_t len = 0;
    if (strcmp(text, "-") != 0)
        assert_ok(hex_decode(text, strlen(text), out, cap, &len));
    return (struct bytes){out, len};
}

static void check_line(char *line)
{
    uint8_t k[64], header[16], identity[16], text[128], sealed[256];
    char *part[7];
    struct legacy_keys keys;
    for (int i = 0; i < 7; i++) {
        part[i] = line;
        char *bar = strstr(line, " | ");
        if (bar)
            *bar = '\0';
        assert_true(bar != NULL || i == 6);
        line = bar ? bar + 3 : NULL;
    }
    part[6][strcspn(part[6], "\n")] = '\0';
    assert_int_equal(hex(part[1], k, sizeof k).len, LEGACY_KEYS);
    memcpy(&keys, k, LEGACY_KEYS);
    struct legacy_frame f = {.seq = strtoull(part[4], NULL, 10)};
    f.header = hex(part[2], header, sizeof header);
    f.identity = hex(part[3], identity, sizeof identity);
    struct bytes t = hex(part[5], text, sizeof text), s = hex(part[6], sealed, sizeof sealed), out;
    assert_int_equal(legacy_sealed_len(t.len), s.len);
    memcpy(room, text, t.len);
    legacy_seal(&keys, &f, room, t.len);
    assert_memory_equal(room, sealed, s.len);
    assert_ok(legacy_open(&keys, &f, room, s.len, &out));
    assert_int_equal(out.len, t.len);
    if (t.len > 0)
        assert_memory_equal(out.data, text, t.len);
}

static void test_vectors(void **state)
{
    (void)state;
    char line[1024];
    int lines = 0;
    FILE *file = fopen("tests/vectors/seal_legacy.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (line[0] != '#') {
            check_line(line);
            lines++;
        }
    fclose(file);
    assert_int_equal(lines, 6);
}

static struct legacy_frame frame(uint64_t seq)
{
    static const uint8_t header[] = "header", identity[] = "identity";
    return (struct legacy_frame){{header, 6}, {identity, 8}, seq};
}

static size_t sealed(uint64_t seq, const char *text)
{
    struct legacy_frame f = frame(seq);
    size_t len = strlen(text);
    memcpy(room, text, len);
    legacy_seal(&KEYS, &f, room, len);
    return legacy_sealed_len(len);
}

static enum err open_copy(const struct legacy_keys *keys, struct legacy_frame f, size_t len)
{
    uint8_t copy[sizeof room];
    struct bytes out;
    memcpy(copy, room, len);
    return legacy_open(keys, &f, copy, len, &out);
}

static void test_every_altered_bit_is_noticed(void **state)
{
    (void)state;
    size_t len = sealed(5, "cut the power of room 301");
    assert_ok(open_copy(&KEYS, frame(5), len));
    for (size_t bit = 0; bit < 8 * len; bit++) {
        room[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_err(ERR_UPLINK_SEAL, open_copy(&KEYS, frame(5), len));
        room[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_every_cut_is_noticed(void **state)
{
    (void)state;
    size_t len = sealed(5, "cut the power of room 301");
    for (size_t cut = 0; cut < len; cut++)
        assert_err(ERR_UPLINK_SEAL, open_copy(&KEYS, frame(5), cut));
}

static void test_other_frames_and_keys(void **state)
{
    (void)state;
    struct legacy_keys other = KEYS;
    struct legacy_frame f = frame(5);
    size_t len = sealed(5, "x");
    assert_err(ERR_UPLINK_SEAL, open_copy(&KEYS, frame(6), len)); /* another place in the row */
    f.header.len--;
    assert_err(ERR_UPLINK_SEAL, open_copy(&KEYS, f, len));
    f = frame(5);
    f.identity.len--;
    assert_err(ERR_UPLINK_SEAL, open_copy(&KEYS, f, len));
    other.mac[0] ^= 1;
    assert_err(ERR_UPLINK_SEAL, open_copy(&other, frame(5), len));
    other = KEYS;
    other.cipher[23] ^= 2; /* bit 0 of each byte is parity, which nobody looks at */
    assert_err(ERR_UPLINK_SEAL, open_copy(&other, frame(5), len));
}

/* The same text twice under one key looks different: the sequence makes the IV. */
static void test_no_two_look_alike(void **state)
{
    (void)state;
    uint8_t first[sizeof room];
    size_t len = sealed(1, "aaaaaaaaaaaaaaaa");
    memcpy(first, room, len);
    sealed(2, "aaaaaaaaaaaaaaaa");
    for (size_t at = 0; at + 8 <= len - 32; at += 8)
        for (size_t other = 0; other + 8 <= len - 32; other += 8)
            assert_memory_not_equal(first + at, room + other, 8);
}

static void test_blocks(void **state)
{
    (void)state;
    assert_int_equal(legacy_blocks(0), 2);
    assert_int_equal(legacy_blocks(7), 2);
    assert_int_equal(legacy_blocks(8), 3);
    for (size_t len = 0; len < 100; len++) {
        assert_int_equal(legacy_sealed_len(len), legacy_blocks(len) * 8 + 32);
        assert_true(legacy_sealed_len(len) - len <= LEGACY_GROWTH_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_altered_bit_is_noticed),
        cmocka_unit_test(test_every_cut_is_noticed),
        cmocka_unit_test(test_other_frames_and_keys),
        cmocka_unit_test(test_no_two_look_alike),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
