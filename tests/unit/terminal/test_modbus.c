/* The second language: the same data, the same checks. Frames are made by hand here. */
#include "tests/unit/terminal/rig.h"

static struct rig g;
static uint8_t reply[260];
static size_t reply_len;
static enum terminal_port port;

#define UNIT 17

static void begin(void)
{
    struct terminal_setup s = rig_setup();
    s.overdraft_fen = 100'000;
    port = TERMINAL_RS485;
    rig_new(&g, &s);
    assert_int_equal(rig_write_bcd(&g, 0x04800309, UNIT, 2), 0);
}

static uint16_t crc(const uint8_t *p, size_t len)
{
    uint16_t c = 0xFFFF;
    for (size_t i = 0; i < len; i++) {
        c ^= p[i];
        for (int b = 0; b < 8; b++)
            c = (uint16_t)(c & 1 ? c >> 1 ^ 0xA001 : c >> 1);
    }
    return c;
}

static void drain(void)
{
    struct terminal_write w;
    while (terminal_next_write(&g.t, &w))
        memcpy(g.nvram + w.offset, w.data, w.len);
}

/* Sends body + CRC in pieces of `piece` bytes; the body of a right answer is in reply. */
static bool exchange(const uint8_t *body, size_t len, size_t piece)
{
    uint8_t frame[260];
    memcpy(frame, body, len);
    uint16_t c = crc(frame, len);
    frame[len] = (uint8_t)c;
    frame[len + 1] = (uint8_t)(c >> 8);
    for (size_t at = 0; at < len + 2; at += piece) {
        size_t part = piece < len + 2 - at ? piece : len + 2 - at;
        terminal_receive_at(&g.t, port, frame + at, part);
        drain();
    }
    struct bytes b = terminal_take_answer_at(&g.t, port);
    reply_len = 0;
    if (b.len == 0)
        return false;
    assert_int_equal(crc(b.data, b.len), 0);
    memcpy(reply, b.data, b.len - 2);
    reply_len = b.len - 2;
    return true;
}

static int read_words(uint16_t address, uint16_t count)
{
    const uint8_t q[] = {
        UNIT, 3, (uint8_t)(address >> 8), (uint8_t)address, (uint8_t)(count >> 8), (uint8_t)count};
    assert_true(exchange(q, sizeof q, 3));
    if (reply[1] == 0x83)
        return reply[2];
    assert_int_equal(reply_len, 3 + 2 * count);
    assert_int_equal(reply[2], 2 * count);
    return 0;
}

static uint32_t word(unsigned i)
{
    return (uint32_t)reply[3 + 2 * i] << 8 | reply[4 + 2 * i];
}

static uint32_t pair(uint16_t address)
{
    assert_int_equal(read_words(address, 2), 0);
    return word(0) << 16 | word(1);
}

static int write_words(uint16_t address, const uint16_t *v, uint8_t count)
{
    uint8_t q[64] = {UNIT, 0x10,  (uint8_t)(address >> 8), (uint8_t)address,
                     0,    count, (uint8_t)(2 * count)};
    for (unsigned i = 0; i < count; i++) {
        q[7 + 2 * i] = (uint8_t)(v[i] >> 8);
        q[8 + 2 * i] = (uint8_t)v[i];
    }
    assert_true(exchange(q, 7U + 2U * count, 1));
    return reply[1] == 0x90 ? reply[2] : 0;
}

static int write_word(uint16_t address, uint16_t v)
{
    const uint8_t q[] = {UNIT,      6, (uint8_t)(address >> 8), (uint8_t)address, (uint8_t)(v >> 8),
                         (uint8_t)v};
    assert_true(exchange(q, sizeof q, 8));
    return reply[1] == 0x86 ? reply[2] : 0;
}

static void unlock(void)
{
    const uint16_t zero[2] = {0, 0};
    assert_int_equal(write_words(0xF00, zero, 2), 0);
}

static void test_the_same_data(void **state)
{
    (void)state;
    begin();
    assert_int_equal(rig_money(&g, 0x070101FF, 54'321, 1, CUSTOMER), 0);
    rig_use(&g, 2, 12'340'000);
    struct terminal_sample s = {.voltage_dv = {2291},
                                .frequency_chz = 5001,
                                .current_ma = {0, 4'321, 0},
                                .power_mw = {0, 900'100, 0},
                                .reactive_mvar = {0, -50'000, 0},
                                .has_reactive = true};
    rig_measure(&g, &s, 1000);
    assert_int_equal(pair(0x00), 1234);
    assert_int_equal(pair(0x06), 1234); /* rate 3 */
    assert_int_equal(pair(0x0C), 1234); /* circuit 2 */
    assert_int_equal(pair(0x10), 54'321 - 617);
    assert_int_equal(pair(0x14), 1);
    assert_int_equal(pair(0x16), 54'321);
    assert_int_equal(pair(0x1C), 4'321);
    assert_int_equal(pair(0x22), 9'001);
    assert_int_equal((int32_t)pair(0x28), -500);
    assert_int_equal(read_words(0x18, 2), 0);
    assert_int_equal(word(0), 2291);
    assert_int_equal(word(1), 5001);
    assert_int_equal(read_words(0x34, 3), 0);
    assert_int_equal(word(0), 26 << 8 | 1);
    assert_int_equal(word(1), 1 << 8 | 8);
    assert_int_equal(read_words(0x00, 0x37), 0); /* all of it in one frame */
}

static void test_refused_reads(void **state)
{
    (void)state;
    begin();
    assert_int_equal(read_words(0x37, 1), 2);
    assert_int_equal(read_words(0x36, 2), 2);
    assert_int_equal(read_words(0x00, 101), 3);
    assert_int_equal(read_words(0x10B, 1), 2);
}

static void test_writing_needs_the_password(void **state)
{
    (void)state;
    begin();
    const uint16_t wrong[2] = {0, 1};
    assert_int_equal(write_word(0x101, 500), 1);
    assert_int_equal(write_words(0xF00, wrong, 2), 1);
    assert_int_equal(write_word(0x101, 500), 1);
    unlock();
    assert_int_equal(write_word(0x101, 500), 0);
    rig_pass(&g, 61);
    assert_int_equal(write_word(0x101, 600), 1);
    assert_int_equal(read_words(0x101, 1), 0);
    assert_int_equal(word(0), 500);
}

/* One word, several words, and the checks of the other language. */
static void test_rules_of_a_circuit(void **state)
{
    (void)state;
    begin();
    unlock();
    const uint16_t some[] = {1200, 9'500, 300};
    assert_int_equal(write_words(0x121, some, 3), 0); /* circuit 3: power, current, night power */
    assert_true(rig_read(&g, 0x04802403));
    const uint8_t want[] = {0, 0xB0, 4, 0x1C, 0x25, 0x2C, 1};
    assert_memory_equal(g.answer.data + 4, want, sizeof want);
    assert_int_equal(write_word(0x122, 15'001), 3);
    assert_int_equal(write_word(0x120, 0x100), 3);
    assert_int_equal(write_words(0x129, some, 3), 2); /* beyond the last one */
    assert_int_equal(write_word(0x110, 2), 0);
    assert_int_equal(g.t.guard.circuit[1].malignant, true);
}

static void test_limits_and_orders(void **state)
{
    (void)state;
    begin();
    unlock();
    const uint16_t ten_yuan[] = {0, 1000}, too_much[] = {0x7FFF, 0xFFFF};
    assert_int_equal(write_words(0x180, ten_yuan, 2), 0);
    assert_int_equal(pair(0x180), 1000);
    assert_int_equal(write_words(0x180, too_much, 2), 3);
    assert_int_equal(write_words(0x181, ten_yuan, 2), 3);
    assert_int_equal(write_word(0x200, 0x1A02), 0);
    assert_false(rig_closed(&g, 2));
    assert_int_equal(read_words(0x2C, 1), 0);
    assert_int_equal(word(0), 2);
    assert_int_equal(read_words(0x32, 1), 0);
    assert_int_equal(word(0), TERMINAL_REASON_REMOTE);
    assert_int_equal(write_word(0x200, 0x1C00), 0);
    assert_true(rig_closed(&g, 2));
    assert_int_equal(write_word(0x200, 0x1A04), 3); /* no such circuit */
    assert_int_equal(write_word(0x202, 0x0101), 0);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_STAFF);
    assert_int_equal(write_word(0x202, 0x0100), 0);
    assert_true(rig_closed(&g, 1));
    assert_int_equal(write_word(0x202, 0x0102), 3);
    g.t.books.hold[0].cause = TERMINAL_REASON_AIRCON;
    g.t.books.hold[0].locked = true;
    assert_int_equal(write_word(0x201, 1), 0);
    assert_int_equal(g.t.books.hold[0].cause, 0);
    assert_int_equal(write_word(0x203, 1), 2);
}

/* Off from the factory, deaf to others, and beside the first language on the same wire. */
static void test_beside_the_other_language(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    rig_new(&g, &s);
    const uint8_t q[] = {UNIT, 3, 0, 0, 0, 2}, other[] = {UNIT + 1, 3, 0, 0, 0, 2};
    assert_false(exchange(q, sizeof q, 8));
    assert_int_equal(rig_write_bcd(&g, 0x04800309, 104, 2), 1); /* 68H */
    assert_int_equal(rig_write_bcd(&g, 0x04800309, 248, 2), 1);
    begin();
    assert_true(exchange(q, sizeof q, 1));
    rig_pass(&g, 1);
    assert_false(exchange(other, sizeof other, 8));
    assert_true(rig_read(&g, 0x04000401));
    for (unsigned i = 0; i < 6; i++) { /* half a frame of the one, then a whole one of the other */
        terminal_receive(&g.t, q, i);
        drain();
        rig_pass(&g, 1);
        assert_true(rig_read(&g, 0x04000401));
    }
    uint8_t damaged[] = {UNIT, 3, 0, 0, 0, 2, 0, 0};
    terminal_receive(&g.t, damaged, sizeof damaged);
    assert_int_equal(terminal_take_answer(&g.t).len, 0);
    assert_true(rig_read(&g, 0x04000401));
    rig_boot(&g);
    assert_true(exchange(q, sizeof q, 8));
}

/* What one port was allowed, the other one was not. */
static void test_each_port_needs_the_password(void **state)
{
    (void)state;
    static const uint16_t password[] = {0, 0}, limit[] = {0, 777};
    begin();
    assert_int_equal(write_words(0xF00, password, 2), 0);
    port = TERMINAL_INFRARED;
    assert_int_equal(write_words(0x180, limit, 2), 1);
    port = TERMINAL_RS485;
    assert_int_equal(write_words(0x180, limit, 2), 0);
    port = TERMINAL_INFRARED;
    assert_int_equal(write_words(0xF00, password, 2), 0);
    assert_int_equal(write_words(0x182, limit, 2), 0);
}

/* What was refused leaves no trace: neither the operator of the order before, nor a reset of a
 * circuit whose number has more digits. */
static void test_refused_writes_leave_no_trace(void **state)
{
    (void)state;
    static const uint16_t password[] = {0, 0}, endless[] = {0x1D00}, far[] = {0x0101};
    static const uint8_t order[16] = {2,    0,    0,    0,    0x21, 0x43, 0x65, 0x07,
                                      0x1A, 0x00, 0x99, 0x99, 0x99, 0x99, 0x99, 0x99};
    begin();
    assert_true(rig_send(&g, DLT645_CONTROL, order, sizeof order));
    assert_int_equal(g.t.books.operator_code, 0x07654321);
    assert_int_equal(write_words(0xF00, password, 2), 0);
    assert_int_equal(write_words(0x200, endless, 1), 3);
    assert_int_equal(g.t.books.operator_code, 0x07654321);
    assert_int_equal(write_words(0x201, far, 1), 3);
}

/* Both languages say the same where the chip does not tell what is reactive. */
static void test_reactive_power_worked_out(void **state)
{
    (void)state;
    begin();
    struct terminal_sample s = {.voltage_dv = {2200}, .current_ma = {5000}, .power_mw = {880'000}};
    rig_measure(&g, &s, 1000);
    assert_int_equal(pair(0x26), 6600); /* 1,100 VA and 880 W */
    assert_true(rig_read(&g, 0x02040000));
    assert_memory_equal(g.answer.data + 4, "\x00\x66\x00", 3);
}

/* Whatever DL/T 645 reads and writes, by its identifier. */
static void choose(uint32_t di)
{
    const uint16_t words[] = {(uint16_t)(di >> 16), (uint16_t)di};
    assert_int_equal(write_words(0x1000, words, 2), 0);
    assert_int_equal(read_words(0x1000, 2), 0);
    assert_int_equal(word(0) << 16 | word(1), di);
}

static void expect_same(uint32_t di)
{
    assert_true(rig_read(&g, di));
    choose(di);
    unsigned len = g.answer.len - 4U;
    assert_int_equal(read_words(0x1002, (uint16_t)(2 + (len + 1) / 2)), 0);
    assert_int_equal(word(0), len);
    assert_memory_equal(reply + 5, g.answer.data + 4, len);
}

static void test_any_item(void **state)
{
    (void)state;
    /* from 08:30 on, in the bytes of 04802501 */
    static const uint16_t hours[] = {5, 0x3008, 0x0020, 0x0100}, empty[] = {0}, torn[] = {5, 1};
    begin();
    assert_int_equal(read_words(0x1002, 4), 0); /* energy, before any is chosen */
    rig_use(&g, 1, 123'450'000);
    assert_int_equal(rig_order(&g, 0x1A, 0, NULL), 0);
    static const uint32_t items[] = {0x0000FF00, 0x04801001, 0x04804001, 0x04802201,
                                     0x04802700, 0x02060000, 0x04000401, 0x0206FF00};
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        expect_same(items[i]);
    choose(0x03010000);
    assert_int_equal(read_words(0x1002, 4), 2);
    assert_int_equal(read_words(0x1000, 2), 0);
    choose(0x04802501);
    assert_int_equal(write_words(0x1002, hours, 4), 1);
    unlock();
    assert_int_equal(write_words(0x1002, empty, 1), 3);
    assert_int_equal(write_words(0x1002, torn, 2), 3);
    assert_int_equal(write_words(0x1002, hours, 4), 0);
    expect_same(0x04802501);
    assert_memory_equal(g.answer.data + 4, "\x30\x08\x00\x20\x01", 5);
    choose(0x02010100); /* is not set */
    assert_int_equal(write_words(0x1002, hours, 4), 2);
    port = TERMINAL_INFRARED; /* chooses for itself */
    assert_int_equal(read_words(0x1000, 2), 0);
    assert_int_equal(word(0) << 16 | word(1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_data),
        cmocka_unit_test(test_refused_reads),
        cmocka_unit_test(test_writing_needs_the_password),
        cmocka_unit_test(test_rules_of_a_circuit),
        cmocka_unit_test(test_limits_and_orders),
        cmocka_unit_test(test_beside_the_other_language),
        cmocka_unit_test(test_each_port_needs_the_password),
        cmocka_unit_test(test_refused_writes_leave_no_trace),
        cmocka_unit_test(test_reactive_power_worked_out),
        cmocka_unit_test(test_any_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
