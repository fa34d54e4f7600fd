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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_two_that_are_selected, setup),
                                       cmocka_unit_test_setup(test_one_that_is_selected, setup)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
