#include "tests/unit/check.h"

#include "base/rand.h"
#include "proto/dtu.h"

struct sink {
    uint8_t data[4096];
    size_t len, calls;
};

static void collect(void *arg, const uint8_t *data, size_t len)
{
    struct sink *s = arg;
    assert_true(s->len + len <= sizeof s->data);
    memcpy(s->data + s->len, data, len);
    s->len += len;
    s->calls++;
}

static struct dtu_packet packet(const char *text)
{
    struct dtu_packet p = {0};
    if (*text)
        assert_ok(dtu_packet_parse(text, strlen(text), &p));
    return p;
}

static struct dtu_filter filter(const char *registration, const char *heartbeat)
{
    struct dtu_filter f;
    struct dtu_packet r = packet(registration), h = packet(heartbeat);
    dtu_filter_init(&f, &r, &h);
    return f;
}

static void test_packets(void **state)
{
    (void)state;
    struct dtu_packet p = packet("0x00ff10"), q = packet("IMEI-1");
    char longest[DTU_PACKET_MAX + 2];
    assert_int_equal(p.len, 3);
    assert_memory_equal(p.data, "\x00\xff\x10", 3);
    assert_int_equal(q.len, 6);
    memset(longest, 'a', sizeof longest);
    assert_ok(dtu_packet_parse(longest, DTU_PACKET_MAX, &p));
    assert_int_equal(dtu_packet_parse(longest, DTU_PACKET_MAX + 1, &p), ERR_RANGE);
    assert_int_equal(dtu_packet_parse("", 0, &p), ERR_SYNTAX);
    assert_int_equal(dtu_packet_parse("0x", 2, &p), ERR_SYNTAX);
    assert_int_equal(dtu_packet_parse("0x123", 5, &p), ERR_SYNTAX);
    assert_int_equal(dtu_packet_parse("0xzz", 4, &p), ERR_SYNTAX);
    struct dtu_packet a = packet("ABCD"), b = packet("ABCDE"), c = packet("XYZ1");
    assert_false(dtu_packets_differ(&a, &b));
    assert_true(dtu_packets_differ(&a, &a));
    assert_true(dtu_packets_differ(&a, &c));
    assert_int_equal(dtu_packet_begun(&b, (const uint8_t *)"xxABC", 5), 3);
    assert_int_equal(dtu_packet_begun(&b, (const uint8_t *)"xxABx", 5), 0);
}

static void test_packets_are_taken_out(void **state)
{
    (void)state;
    struct dtu_filter f = filter("REG-0001", "0x68fe16aa");
    struct sink s = {0};
    static const uint8_t wire[] = "\x68\x01\x68\xfe\x16\xaa\x02REG-0001\x16REG-000\x68\xfe\x16";
    dtu_filter_feed(&f, wire, sizeof wire - 1, collect, &s);
    assert_int_equal(f.taken, 2);
    assert_int_equal(f.held_len, 3); /* may become a heartbeat */
    dtu_filter_release(&f, collect, &s);
    assert_int_equal(s.len, 14);
    assert_memory_equal(s.data, "\x68\x01\x02\x16REG-000\x68\xfe\x16", 14);
}

/* Text between a frame's bytes would be part of it: a short heartbeat counts only by itself. */
static void test_short_heartbeats_stand_alone(void **state)
{
    (void)state;
    struct dtu_filter f = filter("REG-0001", "0x00");
    struct sink s = {0};
    dtu_filter_feed(&f, (const uint8_t *)"\x01\x03\x00\x00", 4, collect, &s);
    assert_int_equal(s.len, 4);
    dtu_filter_feed(&f, (const uint8_t *)"", 1, collect, &s);
    assert_int_equal(s.len, 4);
    assert_int_equal(f.taken, 1);
}

/* However it is cut, the same comes out: against whole streams whose answer is known. */
static void test_any_cut_gives_the_same(void **state)
{
    (void)state;
    struct rand_stream r = {.state = 7};
    for (int round = 0; round < 2'000; round++) {
        static const char *const pieces[] = {"ABAC", "ABABX", "A", "B", "AB", "\x68\x10", "C"};
        struct dtu_filter f = filter("ABAC", "ABABX"), g = f;
        struct sink whole = {0}, cut = {0};
        uint8_t wire[256];
        size_t len = 0;
        for (int i = 0; i < 30; i++) {
            const char *p = pieces[rand_below(&r, 7)];
            memcpy(wire + len, p, strlen(p));
            len += strlen(p);
        }
        dtu_filter_feed(&f, wire, len, collect, &whole);
        dtu_filter_release(&f, collect, &whole);
        for (size_t at = 0; at < len;) {
            size_t n = 1 + rand_below(&r, 5);
            n = n > len - at ? len - at : n;
            dtu_filter_feed(&g, wire + at, n, collect, &cut);
            at += n;
        }
        dtu_filter_release(&g, collect, &cut);
        assert_int_equal(whole.len, cut.len);
        assert_memory_equal(whole.data, cut.data, cut.len);
        assert_int_equal(f.taken, g.taken);
        assert_true(whole.len + 4 * f.taken <= len && whole.len + 5 * f.taken >= len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packets),
        cmocka_unit_test(test_packets_are_taken_out),
        cmocka_unit_test(test_short_heartbeats_stand_alone),
        cmocka_unit_test(test_any_cut_gives_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
