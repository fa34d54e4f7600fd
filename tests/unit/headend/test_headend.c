/* Who may connect: sessions, epochs, claims; and what a line tells. */
#include "tests/unit/headend/headend_rig.h"

/* --- lines
 * --------------------------------------------------------------------------------------------- */

static void test_a_line_is_told_by_its_own_gateway_only(void **state)
{
    struct rig *w = *state;
    struct uplink_message m = {
        .kind = UPLINK_LINE,
        .line = {.number = 1, .period_ms = 300'000, .exchanges = 5, .answered = 4}};
    struct peer *p = rig_dial(w, 1, rig_certificate, GATEWAY, 4);
    rig_turn(w);
    rig_say(w, p, &m); /* before its HELLO: nobody listens yet */
    rig_turn(w);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM line_told"), 0);
    rig_hello(w, p, 5);
    rig_say(w, p, &m);
    rig_turn(w);
    assert_int_equal(rig_number(w, "SELECT exchanges FROM line_hour WHERE line_id = 1"), 5);
    m.line.number = 2; /* no such line: the session goes on */
    rig_say(w, p, &m);
    m.line.number = 1;
    m.line.answered = -1;
    rig_say(w, p, &m);
    rig_turns(w);
    assert_false(p->closed);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM line_hour"), 1);
    assert_int_equal(rig_number(w, "SELECT received_seq FROM gateway WHERE id = 3"), 0);
    rig_sql(w, "UPDATE gateway SET boot_epoch = 9 WHERE id = 3"); /* a newer connection stands */
    w->now.wall.s += 60;
    m.line.answered = 4;
    rig_say(w, p, &m);
    rig_turn(w);
    assert_int_equal(rig_number(w, "SELECT exchanges FROM line_hour"), 5);
}

/* --- who may connect
 * ----------------------------------------------------------------------------------- */

static void test_live_only_after_the_epoch_is_committed(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_dial(w, 1, rig_certificate, GATEWAY, 4);
    rig_hello(w, p, 5); /* too early: it waits */
    assert_false(headend_online(w->headend, GATEWAY));
    assert_int_equal(p->welcome_epoch, 0);
    rig_turn(w);
    assert_true(headend_online(w->headend, GATEWAY));
    assert_int_equal(p->welcome_epoch, 50);
    assert_int_equal(rig_number(w, "SELECT boot_epoch FROM gateway WHERE id = 3"), 4);
    rig_turn(w);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.online'"), 1);
}

/* A platform that doubts its clock tells no time: gateways keep their own. */
static void test_a_doubted_clock_is_not_told(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_dial(w, 1, rig_certificate, GATEWAY, 4);
    w->now.doubted = true;
    rig_hello(w, p, 5);
    rig_turn(w);
    assert_int_equal(p->welcome_epoch, 50);
    assert_int_equal(p->welcome_wall.s, 0);
    w->now.doubted = false;
    rig_hello(w, p, 5);
    rig_turn(w);
    assert_int_equal(p->welcome_wall.s, w->now.wall.s);
}

static void refused(struct rig *w, struct peer *p, enum err why)
{
    rig_turns(w);
    assert_true(p->closed);
    assert_err(why, uplink_error(&p->link));
    assert_int_equal(headend_sessions(w->headend), 0);
}

static void test_wrong_certificate(void **state)
{
    struct rig *w = *state;
    uint8_t other[32] = {1};
    refused(w, rig_dial(w, 1, other, GATEWAY, 4), ERR_HEADEND_CERTIFICATE);
    refused(w, rig_dial(w, 2, NULL, GATEWAY, 4), ERR_HEADEND_CERTIFICATE);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.refused'"), 2);
}

static void test_unknown_unclaimed_revoked(void **state)
{
    struct rig *w = *state;
    refused(w, rig_dial(w, 1, rig_certificate, 99, 4), ERR_NOT_FOUND);
    refused(w, rig_dial(w, 2, rig_certificate, 4, 4), ERR_NOT_FOUND); /* not claimed yet */
    rig_sql(w, "UPDATE gateway SET revoked = 1 WHERE id = 3");
    refused(w, rig_dial(w, 3, rig_certificate, GATEWAY, 4), ERR_HEADEND_REVOKED);
}

static void test_revoked_while_live_is_kicked(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    rig_sql(w, "UPDATE gateway SET revoked = 1 WHERE id = 3");
    rig_say_event(w, p, 1, 7); /* not believed any more */
    rig_turns(w);
    assert_int_equal(w->event_count, 0);
    assert_true(p->closed);
    assert_false(headend_online(w->headend, GATEWAY));
}

static void legacy_events(struct rig *w, int64_t used, int64_t refused_ones)
{
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.legacy'"),
                     used);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.refused'"),
                     refused_ones);
}

/* The legacy seal needs a leave for this gateway whose time is not over. */
static void test_legacy_needs_a_leave(void **state)
{
    struct rig *w = *state;
    w->legacy = true;
    refused(w, rig_dial(w, 1, rig_certificate, GATEWAY, 4), ERR_UPLINK_LEGACY);
    rig_sql(w,
            "INSERT INTO gateway_legacy VALUES (4, 9000000000, 'another gateway''s', 'a', 1, 0)");
    refused(w, rig_dial(w, 2, rig_certificate, GATEWAY, 4), ERR_UPLINK_LEGACY);
    rig_sql(w, "INSERT INTO gateway_legacy VALUES (3, 1, 'over', 'a', 1, 0)");
    refused(w, rig_dial(w, 3, rig_certificate, GATEWAY, 4), ERR_UPLINK_LEGACY);
    legacy_events(w, 0, 3);
    rig_sql(w,
            "UPDATE gateway_legacy SET until_at = 9000000000, reason = 'tender 7' WHERE gateway_id "
            "= 3");
    struct peer *p = rig_connect(w, 4, 4);
    assert_true(headend_online(w->headend, GATEWAY));
    assert_int_equal(w->warned_until, INT64_C(9'000'000'000));
    legacy_events(w, 1, 3);
    assert_int_equal(
        rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.legacy' AND detail "
                      "LIKE '%tender 7%' AND detail LIKE '%2255-03-14 16:00%'"),
        1);
    assert_true(rig_number(w, "SELECT used_at FROM gateway_legacy WHERE gateway_id = 3") > 0);
    rig_say_event(w, p, 1, 7);
    rig_turns(w);
    assert_int_equal(w->event_count, 1);
}

/* Nobody is warned of a session under the usual seal, whatever is allowed. */
static void test_leave_changes_nothing_for_the_usual_seal(void **state)
{
    struct rig *w = *state;
    rig_sql(w, "INSERT INTO gateway_legacy VALUES (3, 9000000000, 'tender 7', 'a', 1, 0)");
    struct peer *p = rig_connect(w, 1, 4);
    legacy_events(w, 0, 0);
    assert_int_equal(w->warned_until, 0);
    rig_sql(w, "DELETE FROM gateway_legacy");
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    assert_false(p->closed);
}

static void test_legacy_ends_with_its_leave(void **state)
{
    struct rig *w = *state;
    w->legacy = true;
    rig_sql(w, "INSERT INTO gateway_legacy VALUES (3, 9000000000, 'tender 7', 'a', 1, 0)");
    struct peer *p = rig_connect(w, 1, 4);
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    assert_false(p->closed);
    rig_sql(w, "DELETE FROM gateway_legacy WHERE gateway_id = 3");
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    assert_true(p->closed);
    assert_err(ERR_UPLINK_LEGACY, uplink_error(&p->link)); /* told under its seal */
    assert_false(headend_online(w->headend, GATEWAY));
    rig_sql(w, "INSERT INTO gateway_legacy VALUES (3, 9000000000, 'tender 7', 'a', 1, 0)");
    p = rig_connect(w, 2, 5);
    w->now.wall.s = INT64_C(9'000'000'000); /* its time is over */
    headend_tick(w->headend, w->now);
    assert_true(p->closed);
    assert_err(ERR_UPLINK_LEGACY, uplink_error(&p->link));
}

static void test_kick_and_housekeeping(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    headend_kick(w->headend, GATEWAY, w->now);
    assert_true(p->closed);
    p = rig_connect(w, 2, 5);
    rig_sql(w, "UPDATE gateway SET revoked = 1 WHERE id = 3");
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    assert_true(p->closed);
}

static void test_equal_and_older_epochs_are_refused(void **state)
{
    struct rig *w = *state;
    struct peer *live = rig_connect(w, 1, 4);
    struct peer *equal = rig_dial(w, 2, rig_certificate, GATEWAY, 4);
    rig_turns(w);
    assert_true(equal->closed);
    assert_err(ERR_UPLINK_EPOCH, uplink_error(&equal->link));
    assert_int_equal(uplink_refused_epoch(&equal->link), 4);
    struct peer *older = rig_dial(w, 3, rig_certificate, GATEWAY, 3);
    rig_turns(w);
    assert_true(older->closed);
    assert_false(live->closed);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.refused'"), 2);
}

static void test_newer_epoch_fences_the_older_session(void **state)
{
    struct rig *w = *state;
    struct peer *old = rig_connect(w, 1, 4);
    struct peer *fresh = rig_dial(w, 2, rig_certificate, GATEWAY, 5);
    assert_false(old->closed);
    rig_turn(w);
    assert_true(old->closed);
    assert_err(ERR_UPLINK_EPOCH, uplink_error(&old->link));
    assert_false(fresh->closed);
    rig_turn(w);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.fenced'"), 1);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.offline'"), 0);
}

static void test_late_message_of_a_fenced_session_is_dropped(void **state)
{
    struct rig *w = *state;
    struct peer *old = rig_connect(w, 1, 4);
    struct peer *fresh =
        rig_dial(w, 2, rig_certificate, GATEWAY, 5); /* its epoch commits first ... */
    rig_say_event(w, old, 1, 7);                     /* ... in the same flush */
    rig_turns(w);
    assert_int_equal(w->event_count, 0);
    assert_int_equal(rig_number(w, "SELECT received_seq FROM gateway WHERE id = 3"), 0);
    rig_hello(w, fresh, 5);
    rig_say_event(w, fresh, 1, 7);
    rig_turns(w);
    assert_int_equal(w->event_count, 1);
    assert_int_equal(fresh->acked_seq, 1);
}

static void test_two_new_sessions_in_one_turn(void **state)
{
    struct rig *w = *state;
    struct peer *five = rig_dial(w, 1, rig_certificate, GATEWAY, 5);
    struct peer *four = rig_dial(w, 2, rig_certificate, GATEWAY, 4);
    rig_turns(w);
    assert_false(five->closed);
    assert_true(four->closed);
    assert_int_equal(headend_sessions(w->headend), 1);
}

static void test_closed_stream_goes_offline(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    rig_say_event(w, p, 1, 7);
    headend_closed(w->headend, 1, w->now); /* with work still queued */
    headend_closed(w->headend, 1, w->now);
    assert_false(headend_online(w->headend, GATEWAY));
    rig_turns(w);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.offline'"), 1);
}

static void test_garbage_ends_a_session(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    static const uint8_t garbage[64] = {0, 0, 0, 20, 99};
    headend_data(w->headend, 1, w->now, garbage, sizeof garbage);
    assert_true(p->closed);
    assert_int_equal(headend_sessions(w->headend), 0);
}

static void test_silence_ends_a_session(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    assert_true(headend_wake(w->headend).ms <= w->now.mono.ms + UPLINK_ASK_MS);
    w->now.mono.ms += UPLINK_SILENT_MS + 1;
    headend_tick(w->headend, w->now);
    assert_true(p->closed);
}

/* --- claims
 * ---------------------------------------------------------------------------------------------- */

static void claim(struct rig *w, struct peer *p, const char *serial, const char *code)
{
    struct uplink_message m = {.kind = UPLINK_CLAIM,
                               .claim = {.request = {(const uint8_t *)"REQUEST", 7}}};
    snprintf(m.claim.serial, sizeof m.claim.serial, "%s", serial);
    snprintf(m.claim.code, sizeof m.claim.code, "%s", code);
    rig_deliver(w, p);
    rig_say(w, p, &m);
}

static void test_claim(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_dial(w, 1, NULL, 0, 0);
    claim(w, p, "YG-2", "OPEN-SESAME");
    assert_int_equal(p->claimed.gateway_id, 0); /* not before the commit */
    rig_turn(w);
    assert_int_equal(p->claimed.gateway_id, 4);
    assert_int_equal(rig_number(w, "SELECT length(secret) FROM gateway WHERE id = 4"), 32);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.claimed'"), 1);
    /* With what it was given it may connect. */
    struct peer *again = rig_peer_of(w, 0);
    uint8_t random[HEADEND_RANDOM] = {5};
    *again = (struct peer){.conn = 9};
    assert_ok(headend_open(w->headend, &(struct headend_peer){9, rig_certificate, random}, w->now));
    uplink_client_init(&again->link, &(struct uplink_client){4, 1, p->secret, random}, w->now);
    rig_deliver(w, again);
    rig_deliver(w, again);
    rig_turn(w);
    assert_true(headend_online(w->headend, 4));
}

static void claim_refused(struct rig *w, int64_t conn, const char *serial, const char *code)
{
    struct peer *p = rig_dial(w, conn, NULL, 0, 0);
    claim(w, p, serial, code);
    rig_turns(w);
    assert_int_equal(p->claimed.gateway_id, 0);
    assert_string_equal(p->claimed.refusal, err_name(ERR_SITE_CLAIM));
}

static void test_claim_refusals_all_look_the_same(void **state)
{
    struct rig *w = *state;
    claim_refused(w, 1, "YG-2", "WRONG");
    claim_refused(w, 2, "YG-9", "OPEN-SESAME");
    w->now.wall.s += 7200;
    claim_refused(w, 3, "YG-2", "OPEN-SESAME"); /* too late */
    w->now.wall.s -= 7200;
    struct peer *p = rig_dial(w, 4, NULL, 0, 0);
    claim(w, p, "YG-2", "OPEN-SESAME");
    rig_turns(w);
    assert_int_equal(p->claimed.gateway_id, 4);
    claim_refused(w, 5, "YG-2", "OPEN-SESAME"); /* used */
}

static void test_claims_are_limited(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_dial(w, 1, NULL, 0, 0);
    for (int i = 0; i < HEADEND_CLAIMS_PER_MINUTE; i++)
        claim(w, p, "YG-2", "GUESS");
    assert_string_equal(p->claimed.refusal, err_name(ERR_SITE_CLAIM));
    claim(w, p, "YG-2", "OPEN-SESAME");
    assert_string_equal(p->claimed.refusal, err_name(ERR_HEADEND_CLAIMS));
    w->now.mono.ms += 61'000;
    headend_tick(w->headend, w->now);
    p = rig_dial(w, 2, NULL, 0, 0);
    claim(w, p, "YG-2", "OPEN-SESAME");
    rig_turns(w);
    assert_int_equal(p->claimed.gateway_id, 4);
}

static void test_unclaimed_session_may_say_nothing_else(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_dial(w, 1, NULL, 0, 0);
    assert_err(ERR_STATE, uplink_send(&p->link, &(struct uplink_message){.kind = UPLINK_HELLO}));
    rig_turns(w);
    assert_int_equal(w->event_count, 0);
}

/* --- configuration
 * ----------------------------------------------------------------------------------------- */

static void test_config_in_parts_when_it_differs(void **state)
{
    struct rig *w = *state;
    rig_sql(w, "WITH RECURSIVE n (i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < 1449) "
               "INSERT INTO meter (id, project_id, place_id, line_id, address, model, kind) "
               "SELECT i, 1, 1, 1, printf('%012d', i), 'yufu-shop', 'electricity' FROM n");
    struct peer *p = rig_connect(w, 1, 4);
    assert_int_equal(p->config_parts, 0); /* the gateway has version 5 already */
    rig_sql(w, "UPDATE gateway SET config_version = 6 WHERE id = 3");
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    assert_int_equal(p->config_parts, 3);
    assert_int_equal(p->config_meters, 450);
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now); /* not again and again */
    assert_int_equal(p->config_parts, 3);
    rig_say(w, p, &(struct uplink_message){.kind = UPLINK_APPLIED, .config_version = 6});
    rig_turn(w);
    assert_int_equal(rig_number(w, "SELECT config_applied FROM gateway WHERE id = 3"), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_line_is_told_by_its_own_gateway_only),
        CASE(test_live_only_after_the_epoch_is_committed),
        CASE(test_a_doubted_clock_is_not_told),
        CASE(test_wrong_certificate),
        CASE(test_unknown_unclaimed_revoked),
        CASE(test_revoked_while_live_is_kicked),
        CASE(test_kick_and_housekeeping),
        CASE(test_legacy_needs_a_leave),
        CASE(test_leave_changes_nothing_for_the_usual_seal),
        CASE(test_legacy_ends_with_its_leave),
        CASE(test_equal_and_older_epochs_are_refused),
        CASE(test_newer_epoch_fences_the_older_session),
        CASE(test_late_message_of_a_fenced_session_is_dropped),
        CASE(test_two_new_sessions_in_one_turn),
        CASE(test_closed_stream_goes_offline),
        CASE(test_garbage_ends_a_session),
        CASE(test_silence_ends_a_session),
        CASE(test_claim),
        CASE(test_claim_refusals_all_look_the_same),
        CASE(test_claims_are_limited),
        CASE(test_unclaimed_session_may_say_nothing_else),
        CASE(test_config_in_parts_when_it_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
