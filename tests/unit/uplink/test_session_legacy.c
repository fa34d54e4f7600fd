/* The rules of the legacy seal alone: by leave, for a time, for so many blocks. */
#include "tests/unit/uplink/session_rig.h"

static void legacy_is_refused_unless_allowed(void **state)
{
    (void)state;
    struct session_pair p;
    session_legacy_until = 0;
    session_init(&p, 7, SESSION_SECRET);
    session_settle(&p, SESSION_SECRET, 6);
    assert_err(ERR_UPLINK_LEGACY, uplink_error(&p.platform));
    assert_err(ERR_UPLINK_LEGACY, uplink_error(&p.gateway)); /* told in clear: no keys yet */
    assert_false(p.gateway_opened || p.platform_opened);
    session_legacy_until = INT64_MAX;
    session_end(&p);
}

static void legacy_ends_with_its_time(void **state)
{
    (void)state;
    for (int by_frame = 0; by_frame <= 1; by_frame++) {
        struct session_pair p;
        struct uplink_message up = session_hello(1);
        session_legacy_until = 1'700'000'060;
        session_open(&p);
        assert_true(uplink_is_legacy(&p.platform));
        p.now.wall.s = session_legacy_until - 1;
        uplink_tick(&p.platform, p.now);
        assert_ok(uplink_send(&p.gateway, &up));
        session_settle(&p, SESSION_SECRET, 6);
        assert_int_equal(p.platform_got, 1);
        p.now.wall.s++;
        if (by_frame)
            assert_ok(uplink_send(&p.gateway, &up));
        else
            uplink_tick(&p.platform, p.now);
        session_settle(&p, SESSION_SECRET, 6);
        assert_int_equal(p.platform_got, 1);
        assert_err(ERR_UPLINK_LEGACY, uplink_error(&p.platform));
        assert_err(ERR_UPLINK_LEGACY, uplink_error(&p.gateway)); /* told under the seal */
        session_legacy_until = INT64_MAX;
        session_end(&p);
    }
}

/* The leave for the legacy seal says nothing to a session that does not use it. */
static void usual_seal_does_not_end_with_it(void **state)
{
    (void)state;
    struct session_pair p;
    session_legacy = false;
    session_open(&p);
    uplink_allow_legacy(&p.platform, (wall_s){1});
    struct uplink_message up = session_hello(1);
    assert_ok(uplink_send(&p.gateway, &up));
    session_settle(&p, SESSION_SECRET, 6);
    assert_int_equal(p.platform_got, 1);
    session_legacy = true;
    session_end(&p);
}

/* Whoever changes the wish on its way brings about no session at all. */
static void nobody_between_can_choose_the_seal(void **state)
{
    (void)state;
    for (int wished = 0; wished <= 1; wished++) {
        struct session_pair p;
        uint8_t greeting[55];
        session_legacy = wished;
        session_init(&p, 7, SESSION_SECRET);
        struct bytes out = uplink_output(&p.gateway);
        assert_int_equal(out.len, sizeof greeting);
        memcpy(greeting, out.data, sizeof greeting);
        uplink_output_taken(&p.gateway, out.len);
        assert_int_equal(greeting[6], wished ? 2 : 1);
        greeting[6] = wished ? 1 : 2;
        assert_ok(uplink_receive(&p.platform, p.now, greeting, sizeof greeting));
        session_settle(&p, SESSION_SECRET, 6);
        assert_false(p.gateway_opened || p.platform_opened);
        assert_true(uplink_error(&p.gateway) == ERR_UPLINK_SEAL ||
                    uplink_error(&p.gateway) == ERR_UPLINK_FRAME);
        session_end(&p);
    }
    session_legacy = true;
}

/* 2^20 blocks are 8 MiB: the session ends before, the next one has fresh keys. */
static void legacy_keys_seal_no_more_than_they_may(void **state)
{
    (void)state;
    static uint8_t big[60'000] = {0xA2, 0x00, 0x18, 0x63, 0x03, 0x59, 0xEA, 0x58};
    struct session_pair p;
    uint64_t sealed = 2; /* the proof */
    enum err e = ERR_OK;
    session_open(&p);
    while ((e = uplink_send_encoded(&p.gateway, (struct bytes){big, sizeof big})) == ERR_OK) {
        sealed += 1 + sizeof big / 8 + 1;
        session_carry(&p, &p.gateway, &p.platform);
        assert_int_equal(session_turn_platform(&p, SESSION_SECRET, 6), UPLINK_STEP_IDLE);
        assert_true(sealed < 1 << 20);
    }
    assert_err(ERR_UPLINK_AGED, e);
    assert_err(ERR_UPLINK_AGED, uplink_error(&p.gateway));
    assert_true(sealed > (1 << 20) - 8'000);
    assert_err(ERR_OK, uplink_error(&p.platform));
    session_end(&p);
    struct uplink_message up = session_hello(1);
    session_open(&p);
    assert_ok(uplink_send(&p.gateway, &up));
    session_end(&p);
}

/* A gateway that does not keep the limit is not listened to. */
static void legacy_keys_open_no_more_than_they_may(void **state)
{
    (void)state;
    static uint8_t big[60'000] = {0xA2, 0x00, 0x18, 0x63, 0x03, 0x59, 0xEA, 0x58};
    struct session_pair p;
    session_open(&p);
    for (int i = 0; i < 200 && uplink_error(&p.platform) == ERR_OK; i++) {
        p.gateway.blocks[0] = 0; /* it forgets what it has sent */
        assert_ok(uplink_send_encoded(&p.gateway, (struct bytes){big, sizeof big}));
        session_carry(&p, &p.gateway, &p.platform);
        session_turn_platform(&p, SESSION_SECRET, 6);
    }
    assert_err(ERR_UPLINK_AGED, uplink_error(&p.platform));
    assert_true(p.platform.blocks[1] > 1 << 20);
    session_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(legacy_is_refused_unless_allowed),
        cmocka_unit_test(legacy_ends_with_its_time),
        cmocka_unit_test(usual_seal_does_not_end_with_it),
        cmocka_unit_test(nobody_between_can_choose_the_seal),
        cmocka_unit_test(legacy_keys_seal_no_more_than_they_may),
        cmocka_unit_test(legacy_keys_open_no_more_than_they_may),
    };
    session_legacy = true;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
