/*
 * Every guard alone, every two and every three together, and all but one: each stands exactly when
 * its own cause is there, whatever else is; no cut is made while one stands; the sentence is that
 * of the first in the order of the reasons.
 */
#include "tests/unit/check.h"

#include "strategy/strategy.h"

struct one {
    struct strategy_policy p;
    struct strategy_facts f;
};

/* Everything that a cut needs is there: Wednesday 10:00, arrears and a notice of hours ago. */
static struct one due(void)
{
    struct one c = {.p = strategy_policy_default()};
    c.p.limit_circuits = 2;
    c.f = (struct strategy_facts){.now = {1'000'000},
                                  .local_minute = 600,
                                  .weekday = 2,
                                  .clock_trusted = true,
                                  .account_open = true,
                                  .contract_signed = true,
                                  .available_known = true,
                                  .available_fen = -1000,
                                  .reading_age_s = 60,
                                  .relay = STRATEGY_RELAY_CLOSED,
                                  .level = 3,
                                  .level_at = {990'000},
                                  .warned_level = 3,
                                  .notices = 1,
                                  .notice_at = {990'000},
                                  .notice_channels = 1};
    return c;
}

typedef void cause(struct one *c);

static void closed(struct one *c)
{
    c->f.account_open = false;
}
static void in_meter(struct one *c)
{
    c->f.wallet = STRATEGY_WALLET_METER;
}
static void no_valve(struct one *c)
{
    c->f.no_switch = true;
}
static void refused(struct one *c)
{
    c->f.refused_at = (wall_s){1'000'000 - 899};
}
static void kept(struct one *c)
{
    c->f.keep_power = true;
}
#define STRATEGY_PROTECTION(name, text, en, zh)                                                    \
    static void listed_##name(struct one *c)                                                       \
    {                                                                                              \
        c->f.protections |= STRATEGY_PROTECTED(STRATEGY_PROTECTION_##name);                        \
    }
#include "strategy/protection_table.h"
#undef STRATEGY_PROTECTION
static void unsigned_(struct one *c)
{
    c->f.contract_signed = false;
}
static void by_staff(struct one *c)
{
    c->p.cut_automatic = false;
}
static void by_person(struct one *c)
{
    c->f.desired = STRATEGY_DESIRED_OPEN_PERSON;
}
static void open(struct one *c)
{
    c->f.relay = STRATEGY_RELAY_OPEN;
}
static void paying(struct one *c)
{
    c->f.payment_pending = true;
}
static void selling(struct one *c)
{
    c->f.vend_unresolved = true;
}
static void rent(struct one *c)
{
    c->f.other_owed_fen = 1001;
}
static void retroactive(struct one *c)
{
    c->f.true_up_fen = 1001;
}
static void credit(struct one *c)
{
    c->f.emergency_fen = 1001;
}
static void stale(struct one *c)
{
    c->f.reading_age_s = 86'401;
}
static void estimated(struct one *c)
{
    c->f.reading_estimated = true;
}
static void no_clock(struct one *c)
{
    c->f.clock_trusted = false;
}
static void night(struct one *c)
{
    c->f.local_minute = 60;
}
static void sunday(struct one *c)
{
    c->f.weekday = 6;
}
static void feast(struct one *c)
{
    c->f.day = CALENDAR_HOLIDAY;
}
static void no_calendar(struct one *c)
{
    c->f.day = CALENDAR_UNKNOWN;
}
static void not_told(struct one *c)
{
    c->p.notice_level = 3, c->f.warned_level = 2;
}
static void told_once(struct one *c)
{
    c->p.notices = 2;
}
static void one_way(struct one *c)
{
    c->p.notice_channels = 2;
}
static void too_soon(struct one *c)
{
    c->f.notice_at.s = 999'000;
}
static void unapproved(struct one *c)
{
    c->p.approval = STRATEGY_APPROVAL_ONE;
}
static void unreleased(struct one *c)
{
    c->p.approval = STRATEGY_APPROVAL_TWO;
    c->f.approval = STRATEGY_APPROVAL_ONE;
}
static void limitable(struct one *c)
{
    c->p.limit_s = 3600, c->f.can_limit = true;
}

static const struct {
    enum strategy_reason reason;
    cause *make;
} causes[] = {
    {STRATEGY_BECAUSE_ACCOUNT_CLOSED, closed},
    {STRATEGY_BECAUSE_METER_DECIDES, in_meter},
    {STRATEGY_BECAUSE_NO_SWITCH, no_valve},
    {STRATEGY_BECAUSE_KEEP_POWER, kept},
#define STRATEGY_PROTECTION(name, text, en, zh) {STRATEGY_BECAUSE_##name, listed_##name},
#include "strategy/protection_table.h"
#undef STRATEGY_PROTECTION
    {STRATEGY_BECAUSE_NO_CONTRACT, unsigned_},
    {STRATEGY_BECAUSE_CUT_BY_STAFF, by_staff},
    {STRATEGY_BECAUSE_OPENED_BY_PERSON, by_person},
    {STRATEGY_BECAUSE_OPEN_ALREADY, open},
    {STRATEGY_BECAUSE_CUT_REFUSED, refused},
    {STRATEGY_BECAUSE_PAYMENT_PENDING, paying},
    {STRATEGY_BECAUSE_VEND_UNRESOLVED, selling},
    {STRATEGY_BECAUSE_OTHER_SERVICES, rent},
    {STRATEGY_BECAUSE_TRUE_UP, retroactive},
    {STRATEGY_BECAUSE_EMERGENCY, credit},
    {STRATEGY_BECAUSE_READING_STALE, stale},
    {STRATEGY_BECAUSE_READING_ESTIMATED, estimated},
    {STRATEGY_BECAUSE_CLOCK_UNTRUSTED, no_clock},
    {STRATEGY_BECAUSE_PROTECTED_HOURS, night},
    {STRATEGY_BECAUSE_PROTECTED_DAY, sunday},
    {STRATEGY_BECAUSE_HOLIDAY, feast},
    {STRATEGY_BECAUSE_HOLIDAY_UNKNOWN, no_calendar},
    {STRATEGY_BECAUSE_NOTICE_MISSING, not_told},
    {STRATEGY_BECAUSE_NOTICES_FEW, told_once},
    {STRATEGY_BECAUSE_CHANNELS_FEW, one_way},
    {STRATEGY_BECAUSE_GRACE, too_soon},
    {STRATEGY_BECAUSE_APPROVAL_MISSING, unapproved},
    {STRATEGY_BECAUSE_RELEASE_MISSING, unreleased},
    {STRATEGY_BECAUSE_LIMIT_FIRST, limitable},
};
#define CAUSES (sizeof causes / sizeof *causes)

/* Two causes that say two things of one fact: the later one wins. */
static bool exclude_each_other(enum strategy_reason a, enum strategy_reason b)
{
    return (a == STRATEGY_BECAUSE_HOLIDAY && b == STRATEGY_BECAUSE_HOLIDAY_UNKNOWN) ||
           (a == STRATEGY_BECAUSE_APPROVAL_MISSING && b == STRATEGY_BECAUSE_RELEASE_MISSING);
}

static uint64_t add(struct one *c, uint64_t set, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (exclude_each_other(causes[k].reason, causes[i].reason))
            set &= ~STRATEGY_GUARD(causes[k].reason);
    causes[i].make(c);
    return set | STRATEGY_GUARD(causes[i].reason);
}

static void expect(const struct one *c, uint64_t set)
{
    struct strategy_decision d = strategy_decide(&c->p, &c->f);
    if (d.guards != set)
        fail_msg("guards %llx, expected %llx", (unsigned long long)d.guards,
                 (unsigned long long)set);
    assert_true(d.action != STRATEGY_CUT);
    bool limit = set == STRATEGY_GUARD(STRATEGY_BECAUSE_LIMIT_FIRST);
    assert_int_equal(d.action == STRATEGY_LIMIT, limit);
    if (d.action != STRATEGY_HOLD)
        return;
    int first = 0;
    while (!(set >> first & 1))
        first++;
    assert_int_equal(d.reason, first);
}

static void test_each_alone(void **state)
{
    (void)state;
    struct one c = due();
    assert_int_equal(strategy_decide(&c.p, &c.f).action, STRATEGY_CUT);
    for (size_t i = 0; i < CAUSES; i++) {
        c = due();
        expect(&c, add(&c, 0, i));
    }
}

static void test_two_and_three_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < CAUSES; i++)
        for (size_t j = i + 1; j < CAUSES; j++) {
            struct one two = due();
            uint64_t set = add(&two, add(&two, 0, i), j);
            expect(&two, set);
            for (size_t k = j + 1; k < CAUSES; k++) {
                struct one three = two;
                expect(&three, add(&three, set, k));
            }
        }
}

static void test_all_but_one(void **state)
{
    (void)state;
    for (size_t out = 0; out < CAUSES; out++) {
        struct one c = due();
        uint64_t set = 0;
        for (size_t i = 0; i < CAUSES; i++)
            if (i != out)
                set = add(&c, set, i);
        expect(&c, set);
    }
}

/* The list above is whole: every reason that can be a guard has its cause here. */
static void test_every_guard_has_a_cause(void **state)
{
    (void)state;
    uint64_t known =
        STRATEGY_GUARD(STRATEGY_BECAUSE_BALANCE_UNKNOWN); /* then no cut is due at all */
    for (size_t i = 0; i < CAUSES; i++)
        known |= STRATEGY_GUARD(causes[i].reason);
    for (int r = STRATEGY_BECAUSE_ACCOUNT_CLOSED; r < STRATEGY_REASON_COUNT; r++)
        assert_true(known >> r & 1);
}

/* A quarter of an hour after it said no, the meter is asked again. */
static void test_a_refusal_ends(void **state)
{
    (void)state;
    struct one c = due();
    c.f.refused_at = (wall_s){1'000'000 - 900};
    assert_int_equal(strategy_decide(&c.p, &c.f).action, STRATEGY_CUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_alone),
        cmocka_unit_test(test_two_and_three_together),
        cmocka_unit_test(test_all_but_one),
        cmocka_unit_test(test_every_guard_has_a_cause),
        cmocka_unit_test(test_a_refusal_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
