/*
 * A data centre may send anything: the bytes go into a session that waits for the challenge, for
 * the result and for an acknowledgement, and into the decoder of messages as if deciphered.
 * Promises: nothing is taken as arrived that was not sent, and a dead session says why.
 */
#include <stdlib.h>
#include <string.h>

#include "centre/centre.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct centre_profile profile = {.building = "310101A064",
                                              .gateway = "01",
                                              .secret = "useful",
                                              .key = "0123456789abcdef",
                                              .iv = "fedcba9876543210",
                                              .heartbeat_ms = 60'000};
static struct centre c;

static void check(bool promise)
{
    if (!promise)
        abort();
}

static void feed(enum centre_state state, struct bytes data)
{
    static const struct centre_value v = {.id = "1", .coding = "01A10", .error = "", .decimals = 3};
    static const struct centre_meter m = {"1", &v, 1};
    struct centre_report r = {.sequence = 7, .at = {1'764'101'700}, .meters = &m, .count = 1};
    mono_ms now = {1000};
    centre_begin(&c, &profile, now);
    c.state = state;
    if (state == CENTRE_OPEN)
        check(centre_send(&c, now, &r) == ERR_OK);
    centre_input(&c, now, data);
    if (centre_queried(&c) && centre_output(&c).len == 0)
        check(centre_reply(&c, &r) == ERR_OK);
    int64_t took = centre_took(&c);
    check(took == 0 || (took == 7 && state == CENTRE_OPEN));
    check((c.state == CENTRE_DEAD) == (centre_error(&c) != ERR_OK));
    check(centre_output(&c).len <= sizeof c.output);
    centre_tick(&c, mono_after(now, 10 * CENTRE_ANSWER_MS));
    (void)centre_told_time(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct centre_answer a;
    wall_s t;
    feed(CENTRE_ASKING, (struct bytes){data, size});
    feed(CENTRE_PROVING, (struct bytes){data, size});
    feed(CENTRE_OPEN, (struct bytes){data, size});
    if (centre_answer_take((struct bytes){data, size}, &a) == ERR_OK) {
        check(memchr(a.text, '\0', sizeof a.text) != NULL);
        (void)centre_time_take(a.text, 28'800, &t);
    }
    return 0;
}
