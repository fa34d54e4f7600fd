/* Commands, fences and standing permissions on their way to gateways. */
#include "tests/unit/headend/headend_rig.h"

#include "headend/permit.h"

/* --- commands
 * ---------------------------------------------------------------------------------------------------
 */

struct put {
    struct rig *w;
    enum uplink_command_kind kind;
    wall_s not_after;
    int64_t id;
};

static enum err put(struct store_tx *tx, void *arg)
{
    struct put *p = arg;
    return headend_command_put(
        tx,
        &(struct headend_order){
            .command = {.kind = p->kind, .meter_id = 11, .epoch = 1, .not_after = p->not_after},
            .gateway_id = GATEWAY,
            .account_id = 7,
            .ref = "order-aaaa",
            .now = p->w->now.wall,
            .random = ++p->w->random * 1000},
        &p->id);
}

static int64_t put_command(struct rig *w, enum uplink_command_kind kind, int64_t not_after)
{
    struct put p = {w, kind, {not_after}, 0};
    assert_ok(store_run(w->ledger, put, &p));
    return p.id;
}

struct fence {
    int64_t id;
    enum err result;
};

static enum err fence(struct store_tx *tx, void *arg)
{
    struct fence *f = arg;
    f->result = headend_fence(tx, f->id);
    return ERR_OK;
}

static enum err fence_command(struct rig *w, int64_t id)
{
    struct fence f = {id, ERR_OK};
    assert_ok(store_run(w->ledger, fence, &f));
    return f.result;
}

static void test_command_is_sent_when_poked_and_on_connection(void **state)
{
    struct rig *w = *state;
    int64_t first = put_command(w, UPLINK_VEND, 0);
    headend_poke(w->headend, 0, w->now); /* nobody there */
    struct peer *p = rig_connect(w, 1, 4);
    assert_int_equal(p->command_count, 1);
    assert_int_equal(p->commands[0], first);
    assert_int_equal(rig_number(w, "SELECT sent_at FROM command"), w->now.wall.s);
    int64_t second = put_command(w, UPLINK_READ, 0);
    assert_int_equal(p->command_count, 1);
    headend_poke(w->headend, 0, w->now);
    assert_int_equal(p->command_count, 2);
    assert_int_equal(p->commands[1], second);
    headend_poke(w->headend, 0, w->now);
    headend_poke(w->headend, GATEWAY, w->now);
    assert_int_equal(p->command_count, 2); /* in flight */
    headend_closed(w->headend, 1, w->now);
    p = rig_connect(w, 2, 5);
    assert_int_equal(p->command_count, 2); /* both again, under their ids */
}

static void test_command_is_said_again_after_a_while(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    put_command(w, UPLINK_VEND, 0);
    headend_poke(w->headend, GATEWAY, w->now);
    rig_turn(w);
    w->now.mono.ms += HEADEND_RESEND_MS - 1000;
    headend_tick(w->headend, w->now);
    assert_int_equal(p->command_count, 1);
    w->now.mono.ms += 1000;
    headend_tick(w->headend, w->now);
    assert_int_equal(p->command_count, 2);
}

static void test_commands_in_flight_are_bounded_and_urgent_first(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    static const enum uplink_command_kind patient[] = {UPLINK_READ, UPLINK_EXERCISE,
                                                       UPLINK_REGISTER, UPLINK_EXERCISE};
    int64_t ids[HEADEND_INFLIGHT_MAX + 8];
    for (size_t i = 0; i < HEADEND_INFLIGHT_MAX + 8; i++)
        ids[i] = put_command(w, i < 4 ? patient[i] : UPLINK_VEND, 0);
    headend_poke(w->headend, GATEWAY, w->now);
    assert_int_equal(p->command_count, HEADEND_INFLIGHT_MAX);
    for (size_t i = 0; i < p->command_count; i++)
        for (size_t r = 0; r < 4; r++)
            assert_int_not_equal(p->commands[i], ids[r]);
    rig_say_outcome(w, p, 1, p->commands[0], UPLINK_DONE);
    rig_turn(w);
    headend_poke(w->headend, GATEWAY, w->now);
    assert_int_equal(p->command_count, HEADEND_INFLIGHT_MAX + 1);
}

static void test_outcome_closes_its_command_once(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    int64_t id = put_command(w, UPLINK_VEND, 0);
    rig_say_outcome(w, p, 1, id, UPLINK_DONE);
    rig_say_outcome(w, p, 2, id, UPLINK_DONE);
    rig_turns(w);
    assert_int_equal(w->outcome_count, 1);
    assert_true(w->last_had_command);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM command WHERE state = 'done' "
                                   "AND outcome IS NOT NULL"),
                     1);
    rig_say_outcome(w, p, 3, 4711, UPLINK_DONE); /* not ours: evidence all the same */
    rig_turns(w);
    assert_int_equal(w->outcome_count, 2);
    assert_false(w->last_had_command);
}

static void test_fence_replaces_the_command(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    int64_t id = put_command(w, UPLINK_RELAY, 0);
    headend_poke(w->headend, 0, w->now);
    rig_turn(w);
    assert_ok(fence_command(w, id));
    headend_poke(w->headend, 0, w->now);
    assert_int_equal(p->command_count, 1);
    assert_int_equal(p->fence_count, 1);
    assert_int_equal(p->fences[0], id);
    /* A gateway that never saw the command answers with the id alone. */
    rig_say(w, p,
            &(struct uplink_message){
                .kind = UPLINK_OUTCOME,
                .epoch = 50,
                .seq = 1,
                .outcome = {.command_id = id, .kind = UPLINK_VEND, .status = UPLINK_FENCED}});
    rig_turns(w);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM command WHERE state = 'fenced'"), 1);
    assert_int_equal(w->last_outcome.kind, UPLINK_RELAY);
    assert_int_equal(w->last_outcome.meter_id, 11);
    assert_ok(fence_command(w, id)); /* stays fenced */
    assert_int_equal(rig_number(w, "SELECT count(*) FROM command WHERE state = 'fenced'"), 1);
    /* An outcome that contradicts the tombstone is told as such. */
    rig_say_outcome(w, p, 2, id, UPLINK_DONE);
    rig_turns(w);
    assert_true(w->last_fenced_before);
    assert_err(ERR_NOT_FOUND, fence_command(w, 12345));
}

static void test_fence_of_a_finished_command_changes_nothing(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    int64_t id = put_command(w, UPLINK_VEND, 0);
    rig_say_outcome(w, p, 1, id, UPLINK_DONE);
    rig_turns(w);
    assert_ok(fence_command(w, id));
    assert_int_equal(rig_number(w, "SELECT count(*) FROM command WHERE state = 'done'"), 1);
}

static void test_deadline_passes(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    int64_t id = put_command(w, UPLINK_RELAY, WALL + 60);
    headend_poke(w->headend, 0, w->now);
    rig_turn(w);
    w->now.wall.s += 80;
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    rig_turn(w);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM command WHERE state = 'waiting'"), 1);
    w->now.wall.s += 80;
    w->now.mono.ms += 6000;
    headend_tick(w->headend, w->now);
    rig_turn(w);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM command WHERE state = 'expired'"), 1);
    rig_say_outcome(w, p, 1, id, UPLINK_DONE); /* it was carried out in time, told late */
    rig_turns(w);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM command WHERE state = 'done'"), 1);
    assert_int_equal(w->outcome_count, 1);
}

static enum err put_nowhere(struct store_tx *tx, void *arg)
{
    (void)arg;
    int64_t id;
    return headend_command_put(
        tx,
        &(struct headend_order){.command = {.kind = UPLINK_READ}, .gateway_id = 99, .random = 5},
        &id);
}

/* --- standing permissions ----------------------------------------------------------------------
 */

static enum err put_permit(struct store_tx *tx, void *account)
{
    struct uplink_permit_meter meter = {11, 1, 501, 1, 0, 1, 66'000};
    struct uplink_permit_window window = {{WALL}, {WALL + 3'600}};
    return headend_permit_put(tx, GATEWAY,
                              &(struct uplink_permit){.account_id = *(int64_t *)account,
                                                      .at = {WALL},
                                                      .valid_from = {WALL},
                                                      .valid_until = {WALL + 3'600},
                                                      .windows = &window,
                                                      .window_count = 1,
                                                      .meters = &meter,
                                                      .meter_count = 1});
}

static enum err end_permit(struct store_tx *tx, void *account)
{
    return headend_permit_end(tx, *(int64_t *)account);
}

static void permit(struct rig *w, store_work *work, int64_t account)
{
    assert_ok(store_run(w->ledger, work, &account));
    headend_poke(w->headend, 0, w->now);
}

static void assert_permit(const struct peer *p, size_t index, int64_t account, int64_t meters)
{
    assert_true(index < p->permit_count);
    assert_int_equal(p->permits[index], account);
    assert_int_equal(p->permit_meters[index], meters);
}

static void test_permissions_are_said_as_they_change(void **state)
{
    struct rig *w = *state;
    w->permits = true;
    permit(w, put_permit, 7);
    permit(w, put_permit, 8);
    permit(w, end_permit, 8);
    struct peer *p = rig_connect(w, 1, 4);
    assert_int_equal(p->permit_count, 2); /* what stands, and an end that does no harm */
    assert_permit(p, 0, 7, 1);
    assert_permit(p, 1, 8, 0);
    headend_poke(w->headend, 0, w->now);
    assert_int_equal(p->permit_count, 2);
    permit(w, put_permit, 9);
    permit(w, end_permit, 7);
    permit(w, end_permit, 7); /* nothing changes, nothing is said */
    assert_int_equal(p->permit_count, 4);
    assert_permit(p, 2, 9, 1);
    assert_permit(p, 3, 7, 0);
    headend_closed(w->headend, 1, w->now);
    p = rig_connect(w, 2, 5);
    assert_true(p->permit_count >= 1);
    assert_permit(p, 1, 9, 1); /* all that stands, once more */
}

static void test_many_permissions_fit(void **state)
{
    struct rig *w = *state;
    w->permits = true;
    for (int64_t account = 1; account <= 100; account++)
        permit(w, put_permit, account);
    struct peer *p = rig_connect(w, 1, 4);
    rig_turns(w);
    assert_int_equal(p->permit_count, 100);
    assert_permit(p, 99, 100, 1);
}

static void test_permissions_whose_time_is_over_are_not_said(void **state)
{
    struct rig *w = *state;
    w->permits = true;
    permit(w, put_permit, 7);
    w->now.wall.s = WALL + 3'600;
    assert_int_equal(rig_connect(w, 1, 4)->permit_count, 0);
}

static void test_a_gateway_that_knows_no_permissions_hears_of_none(void **state)
{
    struct rig *w = *state;
    permit(w, put_permit, 7);
    struct peer *p = rig_connect(w, 1, 4);
    permit(w, put_permit, 8);
    assert_int_equal(p->permit_count, 0);
}

static void test_command_for_no_gateway(void **state)
{
    struct rig *w = *state;
    assert_err(ERR_NOT_FOUND, store_run(w->ledger, put_nowhere, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_permissions_are_said_as_they_change),
        CASE(test_many_permissions_fit),
        CASE(test_permissions_whose_time_is_over_are_not_said),
        CASE(test_a_gateway_that_knows_no_permissions_hears_of_none),
        CASE(test_command_is_sent_when_poked_and_on_connection),
        CASE(test_command_is_said_again_after_a_while),
        CASE(test_commands_in_flight_are_bounded_and_urgent_first),
        CASE(test_outcome_closes_its_command_once),
        CASE(test_fence_replaces_the_command),
        CASE(test_fence_of_a_finished_command_changes_nothing),
        CASE(test_deadline_passes),
        CASE(test_command_for_no_gateway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
