#include "tests/unit/check.h"

#include "proto/inflate.h"

static enum err inflate(const char *hex, uint8_t *out, size_t cap, size_t *len)
{
    uint8_t in[256];
    size_t n;
    assert_ok(hex_decode(hex, strlen(hex), in, sizeof in, &n));
    return inflate_zlib((struct bytes){in, n}, out, cap, len);
}

/* Written by zlib: a stored block, a fixed one, one with codes of its own. */
static const struct {
    const char *hex, *text;
} streams[] = {
    {"7801010F00F0FF73746F7265642061732069742069732DED057F", "stored as it is"},
    {"78014BCBAC484D5148CE4F492DD65148C3C10100FD2F0D53", "fixed codes, fixed codes, fixed codes"},
    {"78DA6D8ED911C2300C445BD902A8806E645912E68821245CD5B3D1F88B617F34F3F47624EDD5EEE88EB6703CA73DA"
     "41455AD8C6DF10811B2A4E4244E96943CCDF4B6449A3AFAD5D294D12F9AA68F7EFC1CC27230DCD6A62794999FC0FB"
     "0BC7F572E55F0F9B737D96CF1BB5C7EEAF2C216DFA0293314ED5",
     "codes of its own: "
     "abbcccddddeeeeefggaaabbbbcccccdeefffggggaaaaabccdddeeeefffffgaabbbccccdddddeffgggaaaabbbbbcdd"
     "eeeffffgggggabbcccddddeeeee the quick brown fox jumps over the lazy dog, the quick brown fox "
     "again"},
};

static void test_streams_of_zlib(void **state)
{
    (void)state;
    uint8_t out[600];
    size_t len;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        assert_ok(inflate(streams[i].hex, out, sizeof out, &len));
        assert_int_equal(len, strlen(streams[i].text));
        assert_memory_equal(out, streams[i].text, len);
    }
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    uint8_t in[256], out[600];
    size_t n, len;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        assert_ok(hex_decode(streams[i].hex, strlen(streams[i].hex), in, sizeof in, &n));
        for (size_t cut = 0; cut < n; cut++)
            assert_int_equal(inflate_zlib((struct bytes){in, cut}, out, sizeof out, &len),
                             ERR_TRUNCATED);
        in[n - 1] ^= 1;
        assert_int_equal(inflate_zlib((struct bytes){in, n}, out, sizeof out, &len),
                         ERR_FRAME_CHECKSUM);
        assert_int_equal(inflate_zlib((struct bytes){in, n}, out, 3, &len), ERR_FULL);
    }
}

static void test_what_is_none(void **state)
{
    (void)state;
    uint8_t out[64];
    size_t len;
    static const char *const bad[] = {
        "789D0300",                 /* the head's own check */
        "78BB0300",                 /* a dictionary that nobody has */
        "770503000000",             /* another method */
        "789C07",                   /* a fourth kind of block */
        "789C010500FAFF",           /* its five bytes are missing */
        "789C0105000000AAAAAAAAAA", /* two lengths that differ */
        "789C0302",                 /* copies what was never written */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum err e = inflate(bad[i], out, sizeof out, &len);
        assert_int_equal(e, i == 4 ? ERR_TRUNCATED : ERR_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_of_zlib),
        cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
