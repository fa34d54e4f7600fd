#include "base/must.h"
#include "strategy/strategy_impl.h"

static const char *const action_names[] = {"none", "warn", "cut", "restore", "hold"};

const char *strategy_action_name(enum strategy_action action)
{
    return action <= STRATEGY_HOLD ? action_names[action] : "none";
}

struct sentence {
    const char *name, *en, *zh;
};

static const struct sentence reasons[] = {
#define STRATEGY_REASON(name, en, zh) {#name, en, zh},
#include "strategy/reason_table.h"
#undef STRATEGY_REASON
};

static const struct sentence *reason_of(enum strategy_reason reason)
{
    return &reasons[reason < STRATEGY_REASON_COUNT ? reason : STRATEGY_BECAUSE_ENOUGH];
}

const char *strategy_reason_name(enum strategy_reason reason)
{
    return reason_of(reason)->name;
}

const char *strategy_reason_en(enum strategy_reason reason)
{
    return reason_of(reason)->en;
}

const char *strategy_reason_zh(enum strategy_reason reason)
{
    return reason_of(reason)->zh;
}

int strategy_level(const struct strategy_policy *policy, int64_t available_fen)
{
    int level = 0;
    for (int i = 0; i < STRATEGY_LEVELS; i++)
        if (available_fen <= policy->level_fen[i])
            level = i + 1;
    return level;
}

int64_t strategy_notices_counted(const wall_s *at, size_t count, int64_t spacing_s, wall_s *last)
{
    int64_t counted = 0;
    *last = (wall_s){0};
    for (size_t i = 0; i < count; i++) {
        if (counted > 0 && at[i].s - last->s < spacing_s)
            continue;
        *last = at[i];
        counted++;
    }
    return counted;
}

int64_t strategy_sale_max_fen(const struct strategy_policy *policy, int64_t balance_fen)
{
    if (policy->hoard_max_fen == 0)
        return INT64_MAX;
    int64_t left;
    if (__builtin_sub_overflow(policy->hoard_max_fen, balance_fen, &left))
        return balance_fen < 0 ? INT64_MAX : 0;
    return left > 0 ? left : 0;
}

/* --- guards ------------------------------------------------------------------------------------
 */

typedef bool guard_stands(const struct strategy_policy *p, const struct strategy_facts *f);

static bool account_closed(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return !f->account_open;
}

static bool meter_decides(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return f->wallet == STRATEGY_WALLET_METER;
}

static bool keep_power(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return f->keep_power;
}

static bool no_contract(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return !f->contract_signed;
}

static bool cut_by_staff(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)f;
    return !p->cut_automatic;
}

static bool opened_by_person(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return f->desired == STRATEGY_DESIRED_OPEN_PERSON;
}

static bool open_already(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return f->relay == STRATEGY_RELAY_OPEN;
}

static bool payment_pending(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return f->payment_pending;
}

static bool vend_unresolved(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return f->vend_unresolved;
}

static bool balance_unknown(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return !f->available_known;
}

/* A reading from the future is as little worth as one that is too old. */
static bool reading_stale(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return f->reading_age_s < 0 || f->reading_age_s > p->reading_age_max_s;
}

static bool reading_estimated(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return f->reading_estimated;
}

static bool clock_untrusted(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return !f->clock_trusted;
}

static bool protected_hours(const struct strategy_policy *p, const struct strategy_facts *f)
{
    unsigned m = f->local_minute;
    if (p->window_from < p->window_to)
        return m < p->window_from || m >= p->window_to;
    return m < p->window_from && m >= p->window_to;
}

static bool protected_day(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return !(p->weekdays >> f->weekday & 1);
}

static bool holiday(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return f->holiday && !p->cut_on_holidays;
}

static bool notice_missing(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return f->warned_level < p->notice_level;
}

static bool notices_few(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return f->notices < p->notices;
}

/* The grace runs from the later of arrears and the last notice that counts; arrears that are found
 * now begin now. */
static wall_s grace_end(const struct strategy_policy *p, const struct strategy_facts *f)
{
    int64_t from = f->level == STRATEGY_LEVELS ? f->level_at.s : f->now.s;
    if (f->notice_at.s > from)
        from = f->notice_at.s;
    return (wall_s){from + p->grace_s};
}

static bool grace(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return p->grace_s > 0 && f->now.s < grace_end(p, f).s;
}

static const struct {
    enum strategy_reason reason;
    guard_stands *stands;
} guards[] = {
    {STRATEGY_BECAUSE_ACCOUNT_CLOSED, account_closed},
    {STRATEGY_BECAUSE_METER_DECIDES, meter_decides},
    {STRATEGY_BECAUSE_KEEP_POWER, keep_power},
    {STRATEGY_BECAUSE_NO_CONTRACT, no_contract},
    {STRATEGY_BECAUSE_CUT_BY_STAFF, cut_by_staff},
    {STRATEGY_BECAUSE_OPENED_BY_PERSON, opened_by_person},
    {STRATEGY_BECAUSE_OPEN_ALREADY, open_already},
    {STRATEGY_BECAUSE_PAYMENT_PENDING, payment_pending},
    {STRATEGY_BECAUSE_VEND_UNRESOLVED, vend_unresolved},
    {STRATEGY_BECAUSE_BALANCE_UNKNOWN, balance_unknown},
    {STRATEGY_BECAUSE_READING_STALE, reading_stale},
    {STRATEGY_BECAUSE_READING_ESTIMATED, reading_estimated},
    {STRATEGY_BECAUSE_CLOCK_UNTRUSTED, clock_untrusted},
    {STRATEGY_BECAUSE_PROTECTED_HOURS, protected_hours},
    {STRATEGY_BECAUSE_PROTECTED_DAY, protected_day},
    {STRATEGY_BECAUSE_HOLIDAY, holiday},
    {STRATEGY_BECAUSE_NOTICE_MISSING, notice_missing},
    {STRATEGY_BECAUSE_NOTICES_FEW, notices_few},
    {STRATEGY_BECAUSE_GRACE, grace},
};

#define GUARD_COUNT (sizeof guards / sizeof *guards)

static uint64_t standing(const struct strategy_policy *p, const struct strategy_facts *f)
{
    uint64_t set = 0;
    for (size_t i = 0; i < GUARD_COUNT; i++)
        if (guards[i].stands(p, f))
            set |= STRATEGY_GUARD(guards[i].reason);
    return set;
}

static enum strategy_reason first_guard(uint64_t set)
{
    size_t i = 0;
    while (!(set & STRATEGY_GUARD(guards[i].reason)))
        i++;
    return guards[i].reason;
}

/* --- decision ----------------------------------------------------------------------------------
 */

static void decide(struct strategy_decision *d, enum strategy_action action,
                   enum strategy_reason reason)
{
    d->action = action;
    d->reason = reason;
}

/* Supply is off by our own cut. Nothing stands against a restore but the money. */
static void decide_restore(struct strategy_decision *d, const struct strategy_policy *p,
                           const struct strategy_facts *f)
{
    if (f->keep_power)
        decide(d, STRATEGY_RESTORE, STRATEGY_BECAUSE_KEPT);
    else if (!f->account_open)
        decide(d, STRATEGY_HOLD, STRATEGY_BECAUSE_ACCOUNT_CLOSED);
    else if (!f->available_known)
        decide(d, STRATEGY_HOLD, STRATEGY_BECAUSE_BALANCE_UNKNOWN);
    else if (f->available_fen <= p->restore_above_fen)
        decide(d, STRATEGY_HOLD, STRATEGY_BECAUSE_STILL_BELOW);
    else if (!p->restore_automatic)
        decide(d, STRATEGY_HOLD, STRATEGY_BECAUSE_BY_STAFF);
    else
        decide(d, STRATEGY_RESTORE, STRATEGY_BECAUSE_PAID_UP);
}

static void decide_cut(struct strategy_decision *d, const struct strategy_policy *p,
                       const struct strategy_facts *f)
{
    d->guards = standing(p, f);
    if (d->guards == 0)
        decide(d, STRATEGY_CUT, STRATEGY_BECAUSE_ARREARS);
    else if (d->warn)
        decide(d, STRATEGY_WARN, STRATEGY_BECAUSE_LEVEL_REACHED);
    else
        decide(d, STRATEGY_HOLD, first_guard(d->guards));
    if (d->guards == STRATEGY_GUARD(STRATEGY_BECAUSE_GRACE))
        d->not_before = grace_end(p, f);
}

static void decide_level(struct strategy_decision *d, const struct strategy_facts *f)
{
    if (!f->available_known)
        decide(d, STRATEGY_NONE, STRATEGY_BECAUSE_BALANCE_UNKNOWN);
    else if (d->warn)
        decide(d, STRATEGY_WARN, STRATEGY_BECAUSE_LEVEL_REACHED);
    else if (d->level > 0)
        decide(d, STRATEGY_NONE, STRATEGY_BECAUSE_WARNED);
    else
        decide(d, STRATEGY_NONE, STRATEGY_BECAUSE_ENOUGH);
}

struct strategy_decision strategy_decide(const struct strategy_policy *policy,
                                         const struct strategy_facts *facts)
{
    MUST(facts->weekday < 7 && facts->local_minute < STRATEGY_DAY_MINUTES);
    struct strategy_decision d = {.level = facts->level};
    if (facts->available_known)
        d.level = strategy_level(policy, facts->available_fen);
    d.warn = facts->available_known && facts->account_open && d.level > facts->warned_level;
    d.cut_due = facts->available_known && facts->available_fen <= policy->cut_at_fen;
    if (facts->desired == STRATEGY_DESIRED_OPEN_MONEY)
        decide_restore(&d, policy, facts);
    else if (d.cut_due)
        decide_cut(&d, policy, facts);
    else
        decide_level(&d, facts);
    return d;
}
