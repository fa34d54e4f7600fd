/*
 * Every combination of facts against a slow and obvious model that is written the other way round:
 * the model asks sentence by sentence what the documents say, and knows nothing of guard tables.
 */
#include "tests/unit/check.h"

#include "base/rand.h"
#include "strategy/strategy.h"

static bool in_window(const struct strategy_policy *p, unsigned minute)
{
    for (unsigned m = p->window_from, steps = 0; steps < 1440; m = (m + 1) % 1440, steps++) {
        if (m == p->window_to % 1440 && steps > 0)
            return false;
        if (m == minute)
            return true;
    }
    return true; /* all day */
}

/* C1 of the fault model, read aloud. */
static bool may_cut(const struct strategy_policy *p, const struct strategy_facts *f)
{
    if (!f->available_known || f->available_fen > p->cut_at_fen)
        return false;
    if (f->keep_power || !f->contract_signed || !f->account_open || !p->cut_automatic)
        return false;
    if (f->wallet == STRATEGY_WALLET_METER)
        return false;
    if (!in_window(p, f->local_minute) || (p->weekdays & 1 << f->weekday) == 0)
        return false;
    if (f->day == CALENDAR_HOLIDAY && !p->cut_on_holidays)
        return false;
    if (!f->clock_trusted || f->reading_estimated || f->reading_age_s > p->reading_age_max_s ||
        f->reading_age_s < 0)
        return false;
    if (f->warned_level < p->notice_level || f->notices < p->notices)
        return false;
    if (f->payment_pending || f->vend_unresolved)
        return false;
    if (f->desired == STRATEGY_DESIRED_OPEN_PERSON || f->relay == STRATEGY_RELAY_OPEN)
        return false;
    int64_t arrears_for = f->level == 3 ? f->now.s - f->level_at.s : 0;
    return p->grace_s == 0 || (arrears_for >= p->grace_s && f->now.s - f->notice_at.s >= p->grace_s);
}

static enum strategy_action model(const struct strategy_policy *p, const struct strategy_facts *f)
{
    int level = !f->available_known                        ? -1
                : f->available_fen <= p->level_fen[2] ? 3
                : f->available_fen <= p->level_fen[1] ? 2
                : f->available_fen <= p->level_fen[0] ? 1
                                                      : 0;
    if (f->desired == STRATEGY_DESIRED_OPEN_MONEY) {
        bool money_back = f->available_fen > p->restore_above_fen;
        bool back = f->keep_power || (f->account_open && money_back && p->restore_automatic);
        return back ? STRATEGY_RESTORE : STRATEGY_HOLD;
    }
    if (may_cut(p, f))
        return STRATEGY_CUT;
    if (level > f->warned_level && f->account_open)
        return STRATEGY_WARN;
    return f->available_known && f->available_fen <= p->cut_at_fen ? STRATEGY_HOLD : STRATEGY_NONE;
}

struct walk {
    struct strategy_policy policy;
    struct strategy_facts facts;
    uint64_t compared, actions[STRATEGY_ACTION_COUNT];
};

static void compare(struct walk *w)
{
    struct strategy_decision d = strategy_decide(&w->policy, &w->facts);
    enum strategy_action wanted = model(&w->policy, &w->facts);
    if (d.action != wanted)
        print_error("available=%lld desired=%d relay=%d reason=%s\n",
                    (long long)w->facts.available_fen, w->facts.desired, w->facts.relay,
                    strategy_reason_name(d.reason));
    assert_int_equal(d.action, wanted);
    if ((d.action == STRATEGY_CUT) != (d.guards == 0 && d.cut_due &&
                                       w->facts.desired != STRATEGY_DESIRED_OPEN_MONEY))
        fail_msg("a cut and its guards disagree");
    w->compared++;
    w->actions[d.action]++;
}

/* Money and the state of supply: 6 balances x 3 relays x 4 desired x known or not. */
static void each_money(struct walk *w)
{
    static const int64_t around[] = {-501, -500, -499, 0, 1000, 3001};
    struct strategy_facts *f = &w->facts;
    for (unsigned i = 0; i < 6 * 3 * 4; i++) {
        f->available_known = true;
        f->available_fen = around[i % 6];
        f->relay = (enum strategy_relay)(i / 6 % 3);
        f->desired = (enum strategy_desired)(i / 18);
        compare(w);
        f->available_known = false;
        compare(w);
    }
}

/* What was told to the customer, and when. */
static void each_notice(struct walk *w)
{
    static const struct {
        int level, warned;
        int64_t since, notices, notice_at;
    } cases[] = {
        {3, 2, 1000, 1, 1000}, {3, 2, 1000, 1, 999},  {3, 2, 1001, 1, 1000}, {3, 2, 1000, 1, 1001},
        {3, 1, 1000, 1, 1000}, {3, 3, 1000, 0, 0},    {2, 2, 1000, 1, 1000}, {0, 0, 0, 0, 0},
        {3, 3, 1000, 2, 1000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        w->facts.level = cases[i].level;
        w->facts.warned_level = cases[i].warned;
        w->facts.level_at.s = cases[i].since;
        w->facts.notices = cases[i].notices;
        w->facts.notice_at.s = cases[i].notice_at;
        each_money(w);
    }
}

/* Twelve facts that are true or false, all 4096 ways. */
static void each_flag(struct walk *w)
{
    struct strategy_facts *f = &w->facts;
    for (unsigned bits = 0; bits < 1u << 12; bits++) {
        f->clock_trusted = !(bits & 1);
        f->account_open = !(bits & 2);
        f->contract_signed = !(bits & 4);
        f->keep_power = bits & 8;
        f->payment_pending = bits & 16;
        f->vend_unresolved = bits & 32;
        f->reading_estimated = bits & 64;
        f->day = bits & 128 ? CALENDAR_HOLIDAY : CALENDAR_WORKDAY;
        f->wallet = bits & 256 ? STRATEGY_WALLET_METER : STRATEGY_WALLET_PLATFORM;
        f->reading_age_s = bits & 512 ? 901 : 900;
        f->local_minute = bits & 1024 ? 20 * 60 : 20 * 60 - 1;
        f->weekday = bits & 2048 ? 5 : 4;
        each_notice(w);
    }
}

static struct strategy_policy policy_at_minus_five(void)
{
    struct strategy_policy p = strategy_policy_default();
    p.cut_at_fen = -500;
    p.restore_above_fen = -500;
    p.reading_age_max_s = 900;
    return p;
}

static void test_all_combinations(void **state)
{
    (void)state;
    struct walk w = {.policy = policy_at_minus_five(), .facts = {.now = {2800}}};
    each_flag(&w);
    print_message("%llu combinations: none %llu, warn %llu, cut %llu, restore %llu, hold %llu\n",
                  (unsigned long long)w.compared, (unsigned long long)w.actions[0],
                  (unsigned long long)w.actions[1], (unsigned long long)w.actions[2],
                  (unsigned long long)w.actions[3], (unsigned long long)w.actions[4]);
    for (int i = 0; i <= STRATEGY_HOLD; i++)
        assert_true(w.actions[i] > 0);
}

/* The same with other policies, drawn at random, so that every member of a policy matters. */
static struct strategy_policy random_policy(struct rand_stream *r)
{
    struct strategy_policy p = policy_at_minus_five();
    p.cut_automatic = rand_chance(r, 800);
    p.restore_automatic = rand_chance(r, 700);
    p.cut_on_holidays = rand_chance(r, 500);
    p.notice_level = (int64_t)rand_below(r, 4);
    p.notices = (int64_t)rand_below(r, 3);
    p.grace_s = rand_chance(r, 500) ? 0 : (int64_t)rand_below(r, 200);
    p.reading_age_max_s = 1 + (int64_t)rand_below(r, 1000);
    p.window_from = (uint16_t)rand_below(r, 1440);
    p.window_to = (uint16_t)rand_below(r, 1441);
    p.weekdays = rand_chance(r, 500) ? 0x7F : (uint8_t)(1 + rand_below(r, 127));
    p.restore_above_fen = p.cut_at_fen + (int64_t)rand_below(r, 600);
    return p;
}

static void random_facts(struct rand_stream *r, struct strategy_facts *f)
{
    *f = (struct strategy_facts){.now = {10'000}};
    f->local_minute = (unsigned)rand_below(r, 1440);
    f->weekday = (unsigned)rand_below(r, 7);
    f->day = rand_chance(r, 200) ? CALENDAR_HOLIDAY : CALENDAR_WORKDAY;
    f->clock_trusted = rand_chance(r, 970);
    f->wallet = rand_chance(r, 970) ? STRATEGY_WALLET_PLATFORM : STRATEGY_WALLET_METER;
    f->account_open = rand_chance(r, 970);
    f->contract_signed = rand_chance(r, 970);
    f->available_known = rand_chance(r, 970);
    f->available_fen = (int64_t)rand_below(r, 1200) - 1000;
    f->reading_age_s = (int64_t)rand_below(r, 600) - 10;
    f->reading_estimated = rand_chance(r, 30);
    f->keep_power = rand_chance(r, 30);
    f->relay = (enum strategy_relay)rand_below(r, 3);
    f->desired = rand_chance(r, 500) ? STRATEGY_DESIRED_NONE : (enum strategy_desired)rand_below(r, 4);
    f->payment_pending = rand_chance(r, 30);
    f->vend_unresolved = rand_chance(r, 30);
    f->level = rand_chance(r, 500) ? 3 : (int)rand_below(r, 4);
    f->level_at = (wall_s){9800 + (int64_t)rand_below(r, 200)};
    f->warned_level = rand_chance(r, 500) ? 3 : (int)rand_below(r, 4);
    f->notices = (int64_t)rand_below(r, 3);
    f->notice_at = (wall_s){9800 + (int64_t)rand_below(r, 200)};
}

static void test_random_policies(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(5, "policies");
    struct walk w = {};
    for (int i = 0; i < 300'000; i++) {
        w.policy = random_policy(&r);
        if (strategy_policy_check(&w.policy, NULL) != ERR_OK)
            continue;
        random_facts(&r, &w.facts);
        compare(&w);
    }
    assert_true(w.compared > 200'000);
    assert_true(w.actions[STRATEGY_CUT] > 1000);
}

/* Adding one thing that protects never makes a cut out of no cut. */
static void test_protection_is_monotone(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(6, "monotone");
    int cuts = 0;
    for (int i = 0; i < 300'000; i++) {
        struct strategy_policy p = random_policy(&r);
        struct strategy_facts f;
        if (strategy_policy_check(&p, NULL) != ERR_OK)
            continue;
        random_facts(&r, &f);
        bool before = strategy_decide(&p, &f).action == STRATEGY_CUT;
        struct strategy_facts kept = f, paid = f, unclear = f;
        kept.keep_power = true;
        paid.available_fen += 5000;
        unclear.payment_pending = true;
        assert_int_not_equal(strategy_decide(&p, &kept).action, STRATEGY_CUT);
        assert_int_not_equal(strategy_decide(&p, &paid).action, STRATEGY_CUT);
        assert_int_not_equal(strategy_decide(&p, &unclear).action, STRATEGY_CUT);
        cuts += before;
    }
    assert_true(cuts > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_combinations),
        cmocka_unit_test(test_random_policies),
        cmocka_unit_test(test_protection_is_monotone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
