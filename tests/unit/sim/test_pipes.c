/* A line of several meters of other makers: whom a question reaches, and what two answers become.
 */
#include "tests/unit/check.h"

#include <string.h>

#include "proto/mbus.h"
#include "sim/world/pipes.h"

#define WALL0 INT64_C(1'788'220'800)

static struct sim_pipes line;
static mono_ms now;

static const uint8_t select_any[] = {0x68, 0x0B, 0x0B, 0x68, 0x53, 0xFD, 0x52, 0xFF, 0xFF,
                                     0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x9A, 0x16};
static const uint8_t select_second[] = {0x68, 0x0B, 0x0B, 0x68, 0x53, 0xFD, 0x52, 0x68, 0x76,
                                        0x12, 0x11, 0xFF, 0xFF, 0xFF, 0xFF, 0x9F, 0x16};
static const uint8_t ask_selected[] = {0x10, 0x7B, 0xFD, 0x78, 0x16};

static int setup(void **state)
{
    (void)state;
    sim_pipes_init(&line, (wall_s){WALL0});
    now = (mono_ms){0};
    for (uint8_t i = 0; i < 2; i++)
        sim_pipes_add(&line,
                      &(struct vendor_setup){.kind = VENDOR_MBUS_HEAT,
                                             .address = {(uint8_t)(0x67 + i), 0x76, 0x12, 0x11},
                                             .unit = (uint8_t)(i + 1)},
                      now);
    return 0;
}

static size_t ask(const uint8_t *data, size_t len, uint8_t out[VENDOR_FRAME_MAX])
{
    sim_pipes_write(&line, data, len, now);
    now = mono_after(now, SIM_PIPES_ANSWER_MS);
    return sim_pipes_read(&line, now, out, VENDOR_FRAME_MAX);
}

/* Whose data they are, low digits first. */
static enum err decode(const uint8_t *data, size_t len, uint8_t id[4])
{
    struct mbus_frame frame;
    struct mbus_head head;
    struct bytes records;
    size_t used;
    enum err e = mbus_decode(data, len, &frame, &used);
    if (e == ERR_OK)
        e = mbus_head(&frame, &head, &records);
    if (e == ERR_OK)
        memcpy(id, head.id, sizeof head.id);
    return e;
}

/* Acknowledgements of several are one byte and look like one; their data destroy each other. */
static void test_two_that_are_selected(void **state)
{
    uint8_t out[VENDOR_FRAME_MAX];
    uint8_t id[4];
    (void)state;
    assert_int_equal(ask(select_any, sizeof select_any, out), 1);
    assert_int_equal(out[0], 0xE5);
    size_t len = ask(ask_selected, sizeof ask_selected, out);
    assert_true(len > 20);
    assert_int_not_equal(decode(out, len, id), ERR_OK);
}

/* Who is not meant is not selected any more. */
static void test_one_that_is_selected(void **state)
{
    uint8_t out[VENDOR_FRAME_MAX];
    uint8_t id[4];
    (void)state;
    assert_int_equal(ask(select_any, sizeof select_any, out), 1);
    assert_int_equal(ask(select_second, sizeof select_second, out), 1);
    size_t len = ask(ask_selected, sizeof ask_selected, out);
    assert_ok(decode(out, len, id));
    assert_memory_equal(id, ((uint8_t[]){0x68, 0x76, 0x12, 0x11}), sizeof id);
}

/* --- a question in pieces, as a serial server may hand it on --------------------------------- */

#define CHUNK_MS 20

/* The whole answer to data of which the first `cut` bytes come earlier. */
static size_t ask_cut(const uint8_t *data, size_t len, size_t cut, uint8_t out[VENDOR_FRAME_MAX])
{
    sim_pipes_write(&line, data, cut, now);
    now = mono_after(now, CHUNK_MS);
    assert_int_equal(sim_pipes_read(&line, now, out, VENDOR_FRAME_MAX), 0);
    return ask(data + cut, len - cut, out);
}

static void test_question_in_two_pieces(void **state)
{
    uint8_t whole[VENDOR_FRAME_MAX], out[VENDOR_FRAME_MAX];
    (void)state;
    assert_int_equal(ask(select_second, sizeof select_second, out), 1);
    size_t len = ask(ask_selected, sizeof ask_selected, whole);
    assert_true(len > 20);
    for (size_t cut = 1; cut < sizeof select_second; cut++) {
        assert_int_equal(ask_cut(select_second, sizeof select_second, cut, out), 1);
        assert_int_equal(ask_cut(ask_selected, sizeof ask_selected, 1 + cut % 4, out), len);
    }
}

static void test_question_byte_by_byte(void **state)
{
    uint8_t out[VENDOR_FRAME_MAX];
    (void)state;
    for (size_t i = 0; i + 1 < sizeof select_second; i++) {
        sim_pipes_write(&line, select_second + i, 1, now);
        now = mono_after(now, CHUNK_MS);
        assert_int_equal(sim_pipes_read(&line, now, out, VENDOR_FRAME_MAX), 0);
    }
    assert_int_equal(ask(select_second + sizeof select_second - 1, 1, out), 1);
}

/* The line was just asked for a meter that is not there. */
static void test_question_in_pieces_behind_silence(void **state)
{
    static const uint8_t ask_absent[] = {0x10, 0x5B, 0x07, 0x62, 0x16};
    uint8_t out[VENDOR_FRAME_MAX];
    (void)state;
    for (size_t cut = 1; cut < sizeof select_second; cut++) {
        assert_int_equal(ask(ask_absent, sizeof ask_absent, out), 0);
        assert_int_equal(ask_cut(select_second, sizeof select_second, cut, out), 1);
    }
}

/* Nobody waits for ever: the rest of a question that was broken off does not spoil the next. */
static void test_half_a_question_is_forgotten(void **state)
{
    uint8_t out[VENDOR_FRAME_MAX];
    (void)state;
    assert_int_equal(ask(select_second, 5, out), 0);
    assert_int_equal(ask(select_second, sizeof select_second, out), 1); /* at once */
    assert_int_equal(ask(select_second, 5, out), 0);
    now = mono_after(now, SIM_PIPES_SILENCE_MS);
    assert_int_equal(ask(select_second + 5, sizeof select_second - 5, out), 0); /* too late */
    assert_int_equal(ask(select_second, sizeof select_second, out), 1);
    for (int i = 0; i < 1000; i++) /* more than there is room for */
        assert_int_equal(ask(select_second, 5, out), 0);
    assert_int_equal(ask(select_second, sizeof select_second, out), 1);
}

/* An order to all, in pieces, is obeyed by each and answered by nobody. */
static void test_order_to_all_in_pieces(void **state)
{
    static const uint8_t open_relays[] = {0x00, 0x10, 0x00, 0x57, 0x00, 0x02, 0x04,
                                          0x00, 0x01, 0x00, 0x01, 0x23, 0x89};
    uint8_t out[VENDOR_FRAME_MAX];
    struct vendor_meter *m[2];
    (void)state;
    for (uint8_t i = 0; i < 2; i++)
        m[i] = sim_pipes_add(
            &line, &(struct vendor_setup){.kind = VENDOR_ACREL_PREPAID, .unit = (uint8_t)(20 + i)},
            now);
    for (size_t cut = 1; cut < sizeof open_relays; cut++) {
        m[0]->relay_open = m[1]->relay_open = false;
        assert_int_equal(ask_cut(open_relays, sizeof open_relays, cut, out), 0);
        assert_true(m[0]->relay_open && m[1]->relay_open);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_two_that_are_selected, setup),
        cmocka_unit_test_setup(test_one_that_is_selected, setup),
        cmocka_unit_test_setup(test_question_in_two_pieces, setup),
        cmocka_unit_test_setup(test_question_byte_by_byte, setup),
        cmocka_unit_test_setup(test_question_in_pieces_behind_silence, setup),
        cmocka_unit_test_setup(test_half_a_question_is_forgotten, setup),
        cmocka_unit_test_setup(test_order_to_all_in_pieces, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
