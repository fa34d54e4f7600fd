/* The session: opening, every refusal, recorded frames, silence, age, back-pressure; all of it
 * under the usual seal and once more under the legacy one. */
#include "tests/unit/uplink/session_rig.h"

#include <stdlib.h>

static const uint8_t OTHER_SECRET[UPLINK_SECRET] = "the secret of gateway forty-one";

/* ---- opening -------------------------------------------------------------------------------- */

static void messages_go_both_ways(void **state)
{
    (void)state;
    for (int dribble = 0; dribble <= 1; dribble++) {
        struct session_pair p;
        session_init(&p, 7, SESSION_SECRET);
        p.dribble = dribble;
        session_settle(&p, SESSION_SECRET, 6);
        struct uplink_message up = session_hello(3), down = session_fence(99);
        assert_ok(uplink_send(&p.gateway, &up));
        assert_ok(uplink_send(&p.gateway, &up));
        assert_ok(uplink_send(&p.platform, &down));
        session_settle(&p, SESSION_SECRET, 6);
        assert_int_equal(p.platform_got, 2);
        assert_int_equal(p.at_platform[1].hello.config_version, 3);
        assert_int_equal(p.gateway_got, 1);
        assert_int_equal(p.at_gateway[0].fence_id, 99);
        session_end(&p);
    }
}

static void encoded_messages_are_the_same(void **state)
{
    (void)state;
    struct session_pair p;
    session_open(&p);
    uint8_t wire[64];
    struct writer w = writer_of(wire, sizeof wire);
    struct uplink_message up = {
        .kind = UPLINK_EVENT, .epoch = 5, .seq = 6, .event = {.kind = UPLINK_LINE_UP, .line = 2}};
    uplink_message_encode(&up, &w);
    assert_ok(uplink_send_encoded(&p.gateway, (struct bytes){wire, w.len}));
    session_carry(&p, &p.gateway, &p.platform);
    struct uplink_message got;
    assert_int_equal(uplink_next(&p.platform, p.now, session_arena, &got), UPLINK_STEP_MESSAGE);
    assert_int_equal(got.seq, 6);
    struct bytes last = uplink_last(&p.platform);
    assert_int_equal(last.len, w.len);
    assert_memory_equal(last.data, wire, w.len);
    session_end(&p);
}

static void nothing_is_said_in_clear(void **state)
{
    (void)state;
    struct session_pair p;
    session_open(&p);
    struct uplink_message up = session_hello(1);
    strcpy(up.hello.program, "findable text");
    assert_ok(uplink_send(&p.gateway, &up));
    struct bytes out = uplink_output(&p.gateway);
    assert_null(memmem(out.data, out.len, "findable", 8));
    session_end(&p);
}

static void nothing_can_be_sent_before_it_is_open(void **state)
{
    (void)state;
    struct session_pair p;
    session_init(&p, 7, SESSION_SECRET);
    struct uplink_message up = session_hello(1);
    assert_err(ERR_STATE, uplink_send(&p.gateway, &up));
    assert_err(ERR_STATE, uplink_send(&p.platform, &up));
    assert_err(ERR_STATE, uplink_accept(&p.platform, SESSION_SECRET, 0));
    session_end(&p);
}

static void each_side_says_only_its_own(void **state)
{
    (void)state;
    struct session_pair p;
    session_open(&p);
    struct uplink_message up = session_hello(1), down = session_fence(1);
    struct uplink_message claim = {.kind = UPLINK_CLAIM};
    assert_err(ERR_STATE, uplink_send(&p.gateway, &down));
    assert_err(ERR_STATE, uplink_send(&p.platform, &up));
    assert_err(ERR_STATE, uplink_send(&p.gateway, &claim));
    /* A gateway that does it all the same, with the right key, is refused. */
    uint8_t wire[64];
    struct writer w = writer_of(wire, sizeof wire);
    uplink_message_encode(&down, &w);
    assert_ok(uplink_send_encoded(&p.gateway, (struct bytes){wire, w.len}));
    session_settle(&p, SESSION_SECRET, 6);
    assert_err(ERR_UPLINK_FRAME, uplink_error(&p.platform));
    assert_err(ERR_UPLINK_FRAME, uplink_error(&p.gateway)); /* and is told why */
    session_end(&p);
}

static void unknown_kinds_are_skipped_and_damaged_ones_are_not(void **state)
{
    (void)state;
    struct session_pair p;
    session_open(&p);
    static const uint8_t NEWER[] = {0xA2, 0x00, 0x18, 0x63, 0x03, 0xA0};
    static const uint8_t DAMAGED[] = {0xA2, 0x00, 0x01, 0x03};
    struct uplink_message up = session_hello(8);
    assert_ok(uplink_send_encoded(&p.gateway, (struct bytes){NEWER, sizeof NEWER}));
    assert_ok(uplink_send(&p.gateway, &up));
    session_settle(&p, SESSION_SECRET, 6);
    assert_int_equal(p.platform_got, 1);
    assert_ok(uplink_send_encoded(&p.gateway, (struct bytes){DAMAGED, sizeof DAMAGED}));
    session_settle(&p, SESSION_SECRET, 6);
    assert_err(ERR_TRUNCATED, uplink_error(&p.platform));
    session_end(&p);
}

/* ---- refusals ------------------------------------------------------------------------------- */

static void wrong_secret_is_refused_at_both_ends(void **state)
{
    (void)state;
    struct session_pair p;
    session_init(&p, 7, OTHER_SECRET);
    session_settle(&p, SESSION_SECRET, 6);
    assert_false(p.gateway_opened || p.platform_opened);
    assert_err(ERR_UPLINK_SEAL, uplink_error(&p.gateway));
    session_end(&p);
    session_init(&p, 7, OTHER_SECRET);
    session_carry(&p, &p.gateway, &p.platform);
    session_turn_platform(&p, SESSION_SECRET, 6);
    session_carry(&p, &p.platform, &p.gateway);
    /* Take what the gateway would have sent had it not looked: its own proof. */
    struct uplink_message m;
    (void)uplink_next(&p.gateway, p.now, session_arena, &m);
    session_carry(&p, &p.gateway, &p.platform);
    session_turn_platform(&p, SESSION_SECRET, 6);
    assert_err(ERR_UPLINK_SEAL, uplink_error(&p.platform));
    assert_false(p.platform_opened);
    session_end(&p);
}

static void unknown_gateway_is_told(void **state)
{
    (void)state;
    struct session_pair p;
    session_init(&p, 7, SESSION_SECRET);
    session_settle(&p, NULL, 0);
    assert_err(ERR_NOT_FOUND, uplink_error(&p.platform));
    assert_err(ERR_NOT_FOUND, uplink_error(&p.gateway));
    session_end(&p);
}

static void used_epoch_is_refused_with_the_one_to_exceed(void **state)
{
    (void)state;
    static const int64_t KNOWN[] = {7, 8, 1000};
    for (int i = 0; i < 3; i++) {
        struct session_pair p;
        session_init(&p, 7, SESSION_SECRET);
        session_settle(&p, SESSION_SECRET, KNOWN[i]);
        assert_err(ERR_UPLINK_EPOCH, uplink_error(&p.platform));
        assert_err(ERR_UPLINK_EPOCH, uplink_error(&p.gateway));
        assert_int_equal(uplink_refused_epoch(&p.gateway), KNOWN[i]);
        assert_false(p.platform_opened);
        session_end(&p);
    }
}

static void newer_session_fences_the_older(void **state)
{
    (void)state;
    struct session_pair older, newer;
    session_open(&older);
    session_init(&newer, 8, SESSION_SECRET);
    session_settle(&newer, SESSION_SECRET, 7);
    assert_true(newer.platform_opened);
    uplink_refuse(&older.platform, ERR_UPLINK_EPOCH, 8);
    session_settle(&older, SESSION_SECRET, 8);
    assert_err(ERR_UPLINK_EPOCH, uplink_error(&older.gateway));
    assert_int_equal(uplink_refused_epoch(&older.gateway), 8);
    struct uplink_message up = session_hello(1);
    assert_err(ERR_STATE, uplink_send(&older.gateway, &up));
    assert_ok(uplink_send(&newer.gateway, &up));
    session_end(&older);
    session_end(&newer);
}

static void keys_differ_between_two_sessions_of_one_epoch(void **state)
{
    (void)state;
    /* A restored gateway may repeat an epoch; the platform refuses it, but even if it did not, no
     * key and so no nonce would repeat: the same text gives other bytes. */
    struct session_pair a, b;
    struct uplink_message up = session_hello(1);
    session_open(&a);
    session_open(&b);
    assert_ok(uplink_send(&a.gateway, &up));
    assert_ok(uplink_send(&b.gateway, &up));
    struct bytes x = uplink_output(&a.gateway), y = uplink_output(&b.gateway);
    assert_int_equal(x.len, y.len);
    assert_memory_not_equal(x.data + 13, y.data + 13, x.len - 13);
    /* And frames of one are nothing to the other. */
    (void)uplink_receive(&b.platform, b.now, x.data, x.len);
    session_turn_platform(&b, SESSION_SECRET, 6);
    assert_err(ERR_UPLINK_SEAL, uplink_error(&b.platform));
    session_end(&a);
    session_end(&b);
}

static void recorded_connection_cannot_be_played_again(void **state)
{
    (void)state;
    struct session_pair p;
    struct uplink_message up = session_hello(1);
    session_tape_len = 0;
    session_open(&p);
    assert_ok(uplink_send(&p.gateway, &up));
    session_settle(&p, SESSION_SECRET, 6);
    assert_int_equal(p.platform_got, 1);
    session_end(&p);
    size_t len = session_tape_len;
    assert_true(len > 55 + 29 + 29); /* greeting, proof, message */
    /* To a platform that has not even committed the epoch (the worst case). */
    session_init(&p, 7, SESSION_SECRET);
    assert_ok(uplink_receive(&p.platform, p.now, session_tape, len));
    assert_int_equal(session_turn_platform(&p, SESSION_SECRET, 0), UPLINK_STEP_DEAD);
    assert_err(ERR_UPLINK_SEAL, uplink_error(&p.platform));
    assert_false(p.platform_opened);
    assert_int_equal(p.platform_got, 0);
    session_end(&p);
}

/* Three sealed messages of an open session, to be bent. */
struct reel {
    struct session_pair p;
    uint8_t data[1024];
    size_t len, frame; /* frame: length of the first one */
};

static void record(struct reel *t)
{
    session_open(&t->p);
    for (int i = 0; i < 3; i++) {
        struct uplink_message up = session_hello(i);
        assert_ok(uplink_send(&t->p.gateway, &up));
        struct bytes out = uplink_output(&t->p.gateway);
        if (i == 0)
            t->frame = out.len;
        t->len = out.len;
        memcpy(t->data, out.data, out.len);
    }
    uplink_output_taken(&t->p.gateway, t->len);
}

static enum err play(struct reel *t, const uint8_t *data, size_t len)
{
    (void)uplink_receive(&t->p.platform, t->p.now, data, len);
    session_turn_platform(&t->p, SESSION_SECRET, 6);
    return uplink_error(&t->p.platform);
}

static void every_altered_bit_is_noticed(void **state)
{
    (void)state;
    struct reel t;
    record(&t);
    size_t bits = t.frame * 8;
    session_end(&t.p);
    for (size_t bit = 0; bit < bits; bit++) {
        record(&t);
        t.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum err e = play(&t, t.data, t.len);
        bool length_grew = e == ERR_OK && bit < 32; /* waits for bytes: silence will end it */
        if (!length_grew) {
            assert_true(e == ERR_UPLINK_SEAL || e == ERR_UPLINK_SEQUENCE || e == ERR_UPLINK_FRAME);
            /* The platform tells the gateway the same name, sealed. */
            session_carry(&t.p, &t.p.platform, &t.p.gateway);
            session_turn_gateway(&t.p);
            assert_err(e, uplink_error(&t.p.gateway));
        }
        assert_int_equal(t.p.platform_got, 0);
        session_end(&t.p);
    }
}

static void repeated_frame_is_refused(void **state)
{
    (void)state;
    struct reel t;
    record(&t);
    assert_ok(play(&t, t.data, t.len));
    assert_int_equal(t.p.platform_got, 3);
    assert_err(ERR_UPLINK_SEQUENCE, play(&t, t.data, t.frame));
    assert_int_equal(t.p.platform_got, 3);
    session_end(&t.p);
}

static void reordered_and_missing_frames_are_refused(void **state)
{
    (void)state;
    struct reel t;
    record(&t);
    assert_err(ERR_UPLINK_SEQUENCE, play(&t, t.data + t.frame, t.len - t.frame));
    assert_int_equal(t.p.platform_got, 0);
    session_end(&t.p);
    /* The sequence number put right by hand: the seal notices. */
    record(&t);
    t.data[t.frame + 12] = t.data[12];
    assert_err(ERR_UPLINK_SEAL, play(&t, t.data + t.frame, t.len - t.frame));
    session_end(&t.p);
}

static void reflected_frame_is_refused(void **state)
{
    (void)state;
    struct reel t;
    record(&t);
    assert_ok(uplink_receive(&t.p.gateway, t.p.now, t.data, t.frame));
    session_turn_gateway(&t.p);
    assert_err(ERR_UPLINK_SEAL, uplink_error(&t.p.gateway));
    session_end(&t.p);
}

static void cut_frame_waits_and_then_dies_of_silence(void **state)
{
    (void)state;
    struct reel t;
    record(&t);
    assert_ok(play(&t, t.data, t.frame - 1));
    assert_int_equal(t.p.platform_got, 0);
    t.p.now.mono.ms += UPLINK_SILENT_MS;
    uplink_tick(&t.p.platform, t.p.now);
    assert_err(ERR_UPLINK_SILENT, uplink_error(&t.p.platform));
    session_end(&t.p);
}

static void oversize_and_empty_frames_are_refused_by_their_head(void **state)
{
    (void)state;
    struct session_pair p;
    static const uint8_t TOO_LONG[] = {0x00, 0x01, 0x00, 0x41, 3};
    static const uint8_t EMPTY[] = {0, 0, 0, 0, 3};
    static const uint8_t SHORT[] = {0, 0, 0, 9, 3, 0, 0, 0, 0, 0, 0, 0, 3};
    static const uint8_t NO_TYPE[] = {0, 0, 0, 40, 7};
    static const struct bytes BAD[] = {{TOO_LONG, 5}, {EMPTY, 5}, {SHORT, 13}, {NO_TYPE, 5}};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        session_open(&p);
        (void)uplink_receive(&p.platform, p.now, BAD[i].data, BAD[i].len);
        assert_int_equal(session_turn_platform(&p, SESSION_SECRET, 6), UPLINK_STEP_DEAD);
        assert_err(ERR_UPLINK_FRAME, uplink_error(&p.platform));
        assert_err(ERR_UPLINK_FRAME, uplink_receive(&p.platform, p.now, EMPTY, 5));
        session_end(&p);
    }
}

static void frames_out_of_turn_are_refused(void **state)
{
    (void)state;
    struct session_pair p;
    for (uint8_t type = 0; type < 8; type++) {
        uint8_t frame[90] = {0, 0, 0, 81, type};
        session_init(&p, 7, SESSION_SECRET);
        (void)uplink_receive(&p.platform, p.now, frame, 85);
        session_turn_platform(&p, SESSION_SECRET, 6);
        if (type == 1) /* HELLO1 of version 0 */
            assert_err(ERR_UPLINK_VERSION, uplink_error(&p.platform));
        else
            assert_err(ERR_UPLINK_FRAME, uplink_error(&p.platform));
        session_end(&p);
        session_open(&p);
        (void)uplink_receive(&p.platform, p.now, frame, 85);
        session_turn_platform(&p, SESSION_SECRET, 6);
        if (type == 3)
            assert_err(ERR_UPLINK_SEQUENCE, uplink_error(&p.platform));
        else
            assert_err(ERR_UPLINK_FRAME, uplink_error(&p.platform));
        session_end(&p);
        /* Nobody without the key can end a gateway's open session by a word in clear. */
        session_open(&p);
        (void)uplink_receive(&p.gateway, p.now, frame, 85);
        session_turn_gateway(&p);
        if (type == 3 || type == 6)
            assert_err(ERR_UPLINK_SEQUENCE, uplink_error(&p.gateway));
        else
            assert_err(ERR_UPLINK_FRAME, uplink_error(&p.gateway));
        session_end(&p);
    }
}

static void odd_greetings_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint8_t version, mode, id_byte, epoch_byte;
        enum err err;
    } CASES[] = {
        {2, 1, 1, 1, ERR_UPLINK_VERSION},
        {1, 3, 1, 1, ERR_UPLINK_FRAME},
        {1, 2, 0, 1, ERR_UPLINK_FRAME},
        {1, 2, 1, 0, ERR_UPLINK_FRAME},
        {1, 1, 0, 1, ERR_UPLINK_FRAME},
        {1, 1, 1, 0, ERR_UPLINK_FRAME},
        {1, 0, 1, 0, ERR_UPLINK_FRAME} /* mode 0 with a whole name: below */,
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct session_pair p;
        session_init(&p, 7, SESSION_SECRET);
        uint8_t frame[55] = {0, 0, 0, 51, 1, CASES[i].version, CASES[i].mode};
        frame[14] = CASES[i].id_byte;
        frame[22] = CASES[i].epoch_byte;
        if (CASES[i].mode == 0)
            frame[22] = 1;
        (void)uplink_receive(&p.platform, p.now, frame, sizeof frame);
        session_turn_platform(&p, SESSION_SECRET, 0);
        assert_err(CASES[i].err, uplink_error(&p.platform));
        session_carry(&p, &p.platform, &p.gateway);
        session_turn_gateway(&p);
        assert_err(CASES[i].err, uplink_error(&p.gateway)); /* told in clear: no keys yet */
        session_end(&p);
    }
    struct session_pair p;
    session_init(&p, 7, SESSION_SECRET);
    uint8_t high_epoch[55] = {0, 0, 0, 51, 1, 1, 1, [14] = 1, [18] = 1}; /* epoch 2^32 */
    (void)uplink_receive(&p.platform, p.now, high_epoch, sizeof high_epoch);
    session_turn_platform(&p, SESSION_SECRET, 0);
    assert_err(ERR_UPLINK_FRAME, uplink_error(&p.platform));
    session_end(&p);
}

static void reason_unknown_to_this_version_is_still_a_refusal(void **state)
{
    (void)state;
    struct session_pair p;
    session_init(&p, 7, SESSION_SECRET);
    static const uint8_t NEWER[] = "\0\0\0\x08\x05NEWNAME";
    assert_ok(uplink_receive(&p.gateway, p.now, NEWER, 12));
    session_turn_gateway(&p);
    assert_err(ERR_UPLINK_REFUSED, uplink_error(&p.gateway));
    session_end(&p);
}

/* ---- unclaimed ------------------------------------------------------------------------------ */

static void unclaimed_gateway_may_claim_and_nothing_else(void **state)
{
    (void)state;
    struct session_pair p;
    session_init(&p, 0, NULL);
    session_settle(&p, NULL, 0);
    assert_true(p.gateway_opened && p.platform_opened);
    assert_int_equal(uplink_gateway(&p.platform), 0);
    struct uplink_message claim = {.kind = UPLINK_CLAIM};
    strcpy(claim.claim.serial, "GW-7");
    struct uplink_message up = session_hello(1), down = session_fence(1);
    assert_err(ERR_STATE, uplink_send(&p.gateway, &up));
    assert_err(ERR_STATE, uplink_send(&p.platform, &down));
    assert_ok(uplink_send(&p.gateway, &claim));
    session_settle(&p, NULL, 0);
    assert_int_equal(p.platform_got, 1);
    assert_string_equal(p.at_platform[0].claim.serial, "GW-7");
    struct uplink_message claimed = {.kind = UPLINK_CLAIMED, .claimed.gateway_id = 3};
    assert_ok(uplink_send(&p.platform, &claimed));
    session_settle(&p, NULL, 0);
    assert_int_equal(p.at_gateway[0].claimed.gateway_id, 3);

    /* By hand, in clear: a HELLO, and a sealed frame. */
    static const uint8_t PLAIN_HELLO[] = {0, 0, 0, 6, 4, 0xA2, 0x00, 0x01, 0x03, 0xA0};
    assert_ok(uplink_receive(&p.platform, p.now, PLAIN_HELLO, sizeof PLAIN_HELLO));
    session_turn_platform(&p, NULL, 0);
    assert_err(ERR_UPLINK_FRAME, uplink_error(&p.platform));
    session_settle(&p, NULL, 0);
    assert_err(ERR_UPLINK_FRAME, uplink_error(&p.gateway));
    session_end(&p);
}

static void claimed_session_takes_nothing_in_clear(void **state)
{
    (void)state;
    struct session_pair p;
    session_open(&p);
    static const uint8_t PLAIN_CLAIM[] = {0, 0, 0, 6, 4, 0xA2, 0x00, 0x0D, 0x03, 0xA0};
    assert_ok(uplink_receive(&p.platform, p.now, PLAIN_CLAIM, sizeof PLAIN_CLAIM));
    session_turn_platform(&p, SESSION_SECRET, 6);
    assert_err(ERR_UPLINK_FRAME, uplink_error(&p.platform));
    session_end(&p);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void silence_asks_and_then_ends(void **state)
{
    (void)state;
    struct session_pair p;
    session_open(&p);
    int64_t start = p.now.mono.ms;
    assert_int_equal(uplink_wake(&p.platform).ms, start + UPLINK_ASK_MS);
    p.now.mono.ms = start + UPLINK_ASK_MS - 1;
    uplink_tick(&p.platform, p.now);
    assert_int_equal(uplink_output(&p.platform).len, 0);
    p.now.mono.ms = start + UPLINK_ASK_MS;
    uplink_tick(&p.platform, p.now);
    size_t asked = uplink_output(&p.platform).len;
    assert_true(asked > 0);
    uplink_tick(&p.platform, p.now);
    assert_int_equal(uplink_output(&p.platform).len, asked); /* once */

    session_settle(&p, SESSION_SECRET, 6); /* answered by the session itself */
    session_carry(&p, &p.gateway, &p.platform);
    session_turn_platform(&p, SESSION_SECRET, 6);
    assert_int_equal(p.gateway_got, 0);
    assert_int_equal(p.platform_got, 1);
    assert_int_equal(p.at_platform[0].kind, UPLINK_PONG);
    assert_int_equal(p.at_platform[0].wall.s, p.now.wall.s);

    p.now.mono.ms += UPLINK_ASK_MS; /* and again, later, without an answer */
    uplink_tick(&p.platform, p.now);
    assert_int_equal(uplink_output(&p.platform).len, asked);
    p.now.mono.ms = uplink_wake(&p.platform).ms;
    uplink_tick(&p.platform, p.now);
    assert_err(ERR_UPLINK_SILENT, uplink_error(&p.platform));
    assert_true(uplink_wake(&p.platform).ms == MONO_NEVER.ms);
    session_end(&p);
}

static void a_doubted_clock_is_not_told(void **state)
{
    (void)state;
    struct session_pair p;
    session_open(&p);
    p.now.mono.ms += UPLINK_ASK_MS;
    p.now.doubted = true;
    uplink_tick(&p.platform, p.now);
    session_settle(&p, SESSION_SECRET, 6);
    session_carry(&p, &p.gateway, &p.platform);
    session_turn_platform(&p, SESSION_SECRET, 6);
    assert_int_equal(p.platform_got, 1);
    assert_int_equal(p.at_platform[0].kind, UPLINK_PONG);
    assert_int_equal(p.at_platform[0].wall.s, 0);
    session_end(&p);
}

static void opening_takes_not_for_ever(void **state)
{
    (void)state;
    struct session_pair p;
    session_init(&p, 7, SESSION_SECRET);
    assert_int_equal(uplink_wake(&p.platform).ms, p.now.mono.ms + UPLINK_OPENING_MS);
    p.now.mono.ms += UPLINK_OPENING_MS;
    uplink_tick(&p.platform, p.now);
    uplink_tick(&p.gateway, p.now);
    assert_err(ERR_UPLINK_SILENT, uplink_error(&p.platform));
    assert_err(ERR_UPLINK_SILENT, uplink_error(&p.gateway));
    session_end(&p);
}

static void keys_grow_old(void **state)
{
    (void)state;
    struct session_pair p;
    session_open(&p);
    int64_t birth = p.now.mono.ms;
    while (p.now.mono.ms < birth + UPLINK_AGE_MS - UPLINK_ASK_MS) {
        p.now.mono.ms += UPLINK_ASK_MS;
        uplink_tick(&p.gateway, p.now);
        session_settle(&p, SESSION_SECRET, 6);
        assert_ok(uplink_error(&p.gateway));
    }
    p.now.mono.ms = birth + UPLINK_AGE_MS;
    uplink_tick(&p.gateway, p.now);
    assert_err(ERR_UPLINK_AGED, uplink_error(&p.gateway));
    session_end(&p);
    session_open(&p);
    p.gateway.seq[0] = UPLINK_SEQ_MAX;
    struct uplink_message up = session_hello(1);
    assert_err(ERR_UPLINK_AGED, uplink_send(&p.gateway, &up));
    session_end(&p);
}

/* ---- bounds --------------------------------------------------------------------------------- */

static void a_peer_that_does_not_read_is_bounded(void **state)
{
    (void)state;
    static uint8_t large[UPLINK_MESSAGE_MAX + 1];
    struct session_pair p;
    session_open(&p);
    assert_err(ERR_OVERFLOW, uplink_send_encoded(&p.gateway, (struct bytes){large, sizeof large}));
    int sent = 0;
    while (uplink_send_encoded(&p.gateway, (struct bytes){large, UPLINK_MESSAGE_MAX}) == ERR_OK)
        sent++;
    assert_in_range(sent, 60, 70);
    assert_err(ERR_FULL,
               uplink_send_encoded(&p.gateway, (struct bytes){large, UPLINK_MESSAGE_MAX}));
    assert_ok(uplink_error(&p.gateway)); /* a full queue is no death */
    struct bytes out = uplink_output(&p.gateway);
    uplink_output_taken(&p.gateway, out.len / 2);
    assert_ok(uplink_send_encoded(&p.gateway, (struct bytes){large, 100}));

    /* A server that is fed and never asked keeps a bounded heap. */
    enum err e = ERR_OK;
    for (int i = 0; i < 100 && e == ERR_OK; i++)
        e = uplink_receive(&p.platform, p.now, large, sizeof large);
    assert_err(ERR_FULL, e);
    session_end(&p);
}

static void a_closed_session_is_dead(void **state)
{
    (void)state;
    struct session_pair p;
    session_open(&p);
    session_end(&p);
    struct uplink_message m = session_hello(1);
    assert_int_equal(uplink_next(&p.gateway, p.now, session_arena, &m), UPLINK_STEP_DEAD);
    assert_err(ERR_STATE, uplink_send(&p.gateway, &m));
    assert_int_equal(uplink_output(&p.gateway).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_both_ways),
        cmocka_unit_test(encoded_messages_are_the_same),
        cmocka_unit_test(nothing_is_said_in_clear),
        cmocka_unit_test(nothing_can_be_sent_before_it_is_open),
        cmocka_unit_test(each_side_says_only_its_own),
        cmocka_unit_test(unknown_kinds_are_skipped_and_damaged_ones_are_not),
        cmocka_unit_test(wrong_secret_is_refused_at_both_ends),
        cmocka_unit_test(unknown_gateway_is_told),
        cmocka_unit_test(used_epoch_is_refused_with_the_one_to_exceed),
        cmocka_unit_test(newer_session_fences_the_older),
        cmocka_unit_test(keys_differ_between_two_sessions_of_one_epoch),
        cmocka_unit_test(recorded_connection_cannot_be_played_again),
        cmocka_unit_test(every_altered_bit_is_noticed),
        cmocka_unit_test(repeated_frame_is_refused),
        cmocka_unit_test(reordered_and_missing_frames_are_refused),
        cmocka_unit_test(reflected_frame_is_refused),
        cmocka_unit_test(cut_frame_waits_and_then_dies_of_silence),
        cmocka_unit_test(oversize_and_empty_frames_are_refused_by_their_head),
        cmocka_unit_test(frames_out_of_turn_are_refused),
        cmocka_unit_test(odd_greetings_are_refused),
        cmocka_unit_test(reason_unknown_to_this_version_is_still_a_refusal),
        cmocka_unit_test(unclaimed_gateway_may_claim_and_nothing_else),
        cmocka_unit_test(claimed_session_takes_nothing_in_clear),
        cmocka_unit_test(silence_asks_and_then_ends),
        cmocka_unit_test(a_doubted_clock_is_not_told),
        cmocka_unit_test(opening_takes_not_for_ever),
        cmocka_unit_test(keys_grow_old),
        cmocka_unit_test(a_peer_that_does_not_read_is_bounded),
        cmocka_unit_test(a_closed_session_is_dead),
    };
    int failed = cmocka_run_group_tests_name("usual seal", tests, NULL, NULL);
    session_legacy = true;
    return failed + cmocka_run_group_tests_name("legacy seal", tests, NULL, NULL);
}
