/*
 * Cuts that people decide: what may come between the proposal and the meter, at the very second and
 * two at a time. Who says it, when it ends, money, another strategy, a refusal at the last moment,
 * emergency credit, the end of the account.
 */
#include "tests/unit/control/fee_world.h"

#include <string.h>

#include "control/approval.h"
#include "site/site.h"

#define LIFE_S 7'200

#define STRATEGY(until)                                                                            \
    "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"" until "\","               \
    "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true,\"approval\":\"two\","                         \
    "\"approval_life_s\":7200},\"emergency\":{\"credit\":\"20.00\"}}'"

/* In arrears, told, half an hour has passed: a proposal waits for the first of two persons. */
static int proposed(void **state)
{
    setup(state);
    struct world *w = *state;
    sql(w, STRATEGY("24:00"));
    pay(w, "order-0001", 1'000);
    reading(w, 60, 0);
    deliver(w);
    reading(w, 3'600, 11'000);
    deliver(w);
    reading(w, 1'900, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM cut_approval WHERE state = 'proposed'"), 1);
    assert_false(wished(w, "open"));
    return 0;
}

typedef enum err said(struct store_tx *tx, const struct control_verdict *v);

struct say {
    struct world *w;
    said *verdict;
    const char *actor;
    int64_t id;
};

static enum err say_it(struct store_tx *tx, void *arg)
{
    const struct say *s = arg;
    return s->verdict(tx, &(struct control_verdict){.id = s->id,
                                                    .actor = s->actor,
                                                    .reason = "seen",
                                                    .readings = s->w->readings,
                                                    .now = s->w->now,
                                                    .random = ++s->w->random * 4'711});
}

static enum err says(struct world *w, const char *actor, said *verdict)
{
    int64_t id = number(w, "SELECT max(id) FROM cut_approval");
    return store_run(w->ledger, say_it, &(struct say){w, verdict, actor, id});
}

static int64_t count_of(struct world *w, const char *state)
{
    static const char *const texts[][2] = {
        {"withdrawn", "SELECT count(*) FROM cut_approval WHERE state = 'withdrawn'"},
        {"refused", "SELECT count(*) FROM cut_approval WHERE state = 'refused'"},
        {"proposed", "SELECT count(*) FROM cut_approval WHERE state = 'proposed'"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i][0], state) == 0)
            return number(w, texts[i][1]);
    return -1;
}

/* --- who ---------------------------------------------------------------------------------------
 */

static void test_the_second_person_is_another(void **state)
{
    struct world *w = *state;
    assert_int_equal(says(w, "system", control_approve), ERR_CONTROL_SECOND_PERSON);
    assert_int_equal(says(w, "user:1", control_release), ERR_STATE);
    assert_ok(says(w, "user:1", control_approve));
    assert_int_equal(says(w, "user:1", control_release), ERR_CONTROL_SECOND_PERSON);
    assert_int_equal(says(w, "user:2", control_approve), ERR_STATE);
    assert_false(wished(w, "open"));
    assert_ok(says(w, "user:2", control_release));
    assert_true(wished(w, "open"));
}

/* --- when --------------------------------------------------------------------------------------
 */

static void test_the_last_second_of_a_proposal(void **state)
{
    struct world *w = *state;
    int64_t proposed_s = w->now.s;
    w->now.s = proposed_s + LIFE_S;
    assert_int_equal(says(w, "user:1", control_approve), ERR_STATE);
    w->now.s = proposed_s + LIFE_S - 2;
    assert_ok(says(w, "user:1", control_approve));
    w->now.s = proposed_s + LIFE_S;
    assert_int_equal(says(w, "user:2", control_release), ERR_STATE);
    w->now.s = proposed_s + LIFE_S - 1;
    assert_ok(says(w, "user:2", control_release));
    assert_true(wished(w, "open"));
    /* The word of the two holds for one more second: so does the order. */
    assert_int_equal(number(w, "SELECT not_after FROM relay"), w->now.s);
}

static void test_an_order_within_its_time_is_not_shortened(void **state)
{
    struct world *w = *state;
    w->now.s += LIFE_S - CONTROL_CUT_S;
    assert_ok(says(w, "user:1", control_approve));
    assert_ok(says(w, "user:2", control_release));
    assert_int_equal(number(w, "SELECT not_after FROM relay"), w->now.s + CONTROL_CUT_S - 1);
}

/* 12:00 in Shanghai is NOON. The proposal of 13:32:40 lasts until 15:32:40, the hours until 15:00.
 */
static void test_the_hours_end_before_the_proposal(void **state)
{
    struct world *w = *state;
    sql(w, STRATEGY("15:00"));
    assert_ok(says(w, "user:1", control_approve));
    w->now.s = NOON + 3 * 3'600 - 1;
    assert_ok(says(w, "user:2", control_release));
    assert_true(wished(w, "open"));
    assert_int_equal(number(w, "SELECT not_after FROM relay"), w->now.s);
}

static void test_released_in_the_second_in_which_the_hours_are_over(void **state)
{
    struct world *w = *state;
    sql(w, STRATEGY("15:00"));
    assert_ok(says(w, "user:1", control_approve));
    w->now.s = NOON + 3 * 3'600;
    assert_ok(says(w, "user:2", control_release));
    assert_false(wished(w, "open"));
    assert_true(decided(w, "PROTECTED_HOURS"));
}

/* --- money -------------------------------------------------------------------------------------
 */

static void test_paid_while_it_is_proposed(void **state)
{
    struct world *w = *state;
    pay(w, "order-0002", 5'000);
    assert_int_equal(count_of(w, "withdrawn"), 1);
    assert_int_equal(says(w, "user:1", control_approve), ERR_STATE);
}

static void test_paid_while_it_is_approved(void **state)
{
    struct world *w = *state;
    assert_ok(says(w, "user:1", control_approve));
    pay(w, "order-0002", 5'000);
    assert_int_equal(count_of(w, "withdrawn"), 1);
    assert_int_equal(says(w, "user:2", control_release), ERR_STATE);
    assert_false(wished(w, "open"));
}

/* Not enough: the word of the first person still holds, for the same episode. */
static void test_paid_too_little_while_it_is_approved(void **state)
{
    struct world *w = *state;
    assert_ok(says(w, "user:1", control_approve));
    pay(w, "order-0002", 100);
    assert_int_equal(count_of(w, "withdrawn"), 0);
    assert_ok(says(w, "user:2", control_release));
    assert_true(wished(w, "open"));
}

/* A fen above the limit and then in arrears again: that is another proposal. */
static void test_paid_by_a_fen_and_used_again(void **state)
{
    struct world *w = *state;
    assert_ok(says(w, "user:1", control_approve));
    pay(w, "order-0002", 101);
    assert_int_equal(count_of(w, "withdrawn"), 1);
    reading(w, 60, 100);
    assert_int_equal(level(w), 3);
    deliver(w);
    reading(w, 1'801, 0);
    assert_int_equal(count_of(w, "proposed"), 1);
    assert_false(wished(w, "open"));
}

static void test_paid_while_the_order_is_on_its_way(void **state)
{
    struct world *w = *state;
    assert_ok(says(w, "user:1", control_approve));
    assert_ok(says(w, "user:2", control_release));
    assert_true(wished(w, "open"));
    pay(w, "order-0002", 5'000);
    assert_true(wished(w, "closed"));
    assert_int_equal(count_of(w, "withdrawn"), 1);
}

/* --- a refusal ---------------------------------------------------------------------------------
 */

static void test_refused_while_the_order_is_on_its_way(void **state)
{
    struct world *w = *state;
    assert_ok(says(w, "user:1", control_approve));
    assert_ok(says(w, "user:2", control_release));
    assert_true(wished(w, "open"));
    w->now.s += 3;
    assert_ok(says(w, "user:3", control_refuse));
    assert_true(wished(w, "closed"));
    assert_int_equal(
        number(w, "SELECT count(*) FROM command WHERE kind = 'relay' AND state = 'fencing'"), 1);
    reading(w, 60, 0);
    assert_true(wished(w, "closed"));
    assert_int_equal(count_of(w, "refused"), 1);
    assert_int_equal(count_of(w, "proposed"), 0); /* not in this episode */
}

/* --- another strategy, credit, the end of the account ------------------------------------------
 */

static void test_another_strategy_while_it_is_approved(void **state)
{
    struct world *w = *state;
    assert_ok(says(w, "user:1", control_approve));
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "SELECT 2, 1, 's', 2, 1, body FROM strategy WHERE id = 1");
    reading(w, 60, 0);
    assert_int_equal(count_of(w, "withdrawn"), 1);
    assert_int_equal(count_of(w, "proposed"), 1); /* and anew, for two persons */
    assert_int_equal(says(w, "user:2", control_release), ERR_STATE);
    assert_false(wished(w, "open"));
}

static void test_credit_once_and_while_the_order_is_on_its_way(void **state)
{
    struct world *w = *state;
    assert_ok(says(w, "user:1", control_approve));
    assert_ok(says(w, "user:2", control_release));
    assert_ok(store_run(w->ledger, ask_credit, w));
    assert_true(wished(w, "closed"));
    assert_int_equal(store_run(w->ledger, ask_credit, w), ERR_STATE);
    reading(w, 60, 0);
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT emergency_fen FROM fee_state"), 2'000);
    pay(w, "order-0002", 50); /* still the same episode */
    assert_int_equal(store_run(w->ledger, ask_credit, w), ERR_STATE);
}

static enum err close_it(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    TRY(site_account_close(tx, ACCOUNT, w->now));
    return check(tx, w);
}

static void test_a_closed_account_waits_for_nobody(void **state)
{
    struct world *w = *state;
    assert_ok(says(w, "user:1", control_approve));
    assert_ok(store_run(w->ledger, close_it, w));
    assert_int_equal(count_of(w, "withdrawn"), 1);
    assert_int_equal(says(w, "user:2", control_release), ERR_STATE);
}

static void test_an_account_closed_while_the_order_is_on_its_way(void **state)
{
    struct world *w = *state;
    assert_ok(says(w, "user:1", control_approve));
    assert_ok(says(w, "user:2", control_release));
    assert_ok(store_run(w->ledger, close_it, w));
    assert_false(wished(w, "open"));
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, proposed, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_the_second_person_is_another),
        CASE(test_the_last_second_of_a_proposal),
        CASE(test_an_order_within_its_time_is_not_shortened),
        CASE(test_the_hours_end_before_the_proposal),
        CASE(test_released_in_the_second_in_which_the_hours_are_over),
        CASE(test_paid_while_it_is_proposed),
        CASE(test_paid_while_it_is_approved),
        CASE(test_paid_too_little_while_it_is_approved),
        CASE(test_paid_by_a_fen_and_used_again),
        CASE(test_paid_while_the_order_is_on_its_way),
        CASE(test_refused_while_the_order_is_on_its_way),
        CASE(test_another_strategy_while_it_is_approved),
        CASE(test_credit_once_and_while_the_order_is_on_its_way),
        CASE(test_a_closed_account_waits_for_nobody),
        CASE(test_an_account_closed_while_the_order_is_on_its_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
