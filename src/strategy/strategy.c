#include "base/must.h"
#include "strategy/strategy_impl.h"

static bool between_minutes(unsigned m, unsigned from, unsigned to)
{
    return from < to ? m >= from && m < to : m >= from || m < to;
}

static int64_t seconds_until(unsigned minute, const struct strategy_facts *f)
{
    unsigned minutes = (minute + STRATEGY_DAY_MINUTES - f->local_minute) % STRATEGY_DAY_MINUTES;
    return (int64_t)(minutes == 0 ? STRATEGY_DAY_MINUTES : minutes) * 60;
}

/* The beginning of the minute `minute` that comes next. Zones are whole minutes off. */
static wall_s next_minute(unsigned minute, const struct strategy_facts *f)
{
    int64_t into = f->now.s % 60;
    return (wall_s){f->now.s - into + seconds_until(minute, f)};
}

int32_t strategy_facts_time(const struct strategy_policy *policy, wall_s now, int32_t offset_s,
                            struct strategy_facts *facts)
{
    struct civil c = civil_from_wall(now, offset_s);
    int32_t day = civil_local_day(now, offset_s);
    facts->now = now;
    facts->local_minute = c.hour * 60u + c.minute;
    facts->weekday = (c.weekday + 6u) % 7u;
    const struct calendar *calendar = calendar_find(policy->calendar);
    facts->day = calendar_kind_of(calendar, day);
    facts->next_day = calendar_kind_of(calendar, day + 1);
    return day;
}

/* --- levels ------------------------------------------------------------------------------------
 */

int64_t strategy_available(const struct strategy_policy *policy, int64_t available_fen,
                           int64_t due_fen)
{
    int64_t left;
    if (!policy->allow_cut_for_other_services || due_fen <= 0)
        return available_fen;
    return __builtin_sub_overflow(available_fen, due_fen, &left) ? INT64_MIN : left;
}

int strategy_level(const struct strategy_policy *policy, int64_t available_fen)
{
    int level = 0;
    for (int i = 0; i < policy->level_count; i++)
        if (available_fen <= policy->level_fen[i])
            level = i + 1;
    return level;
}

/* One measure of a level: not used or not known, reached or not. */
enum measure { SILENT, REACHED, NOT_REACHED };

/* available * scale <= factor * base */
static enum measure compare(const struct strategy_facts *f, int64_t scale, int64_t factor,
                            int64_t base_fen)
{
    if (factor == 0 || base_fen <= 0)
        return SILENT;
    return (__int128)f->available_fen * scale <= (__int128)factor * base_fen ? REACHED
                                                                             : NOT_REACHED;
}

static enum measure by_days(const struct strategy_policy *p, const struct strategy_facts *f, int i)
{
    return compare(f, 1, p->level_days[i], f->mean_day_fen);
}

static enum measure by_percent(const struct strategy_policy *p, const struct strategy_facts *f,
                               int i)
{
    if (p->percent_of == STRATEGY_OF_RECHARGE)
        return compare(f, 100, p->level_percent[i], f->recharge_fen);
    return compare(f, 100, p->level_percent[i] * p->warning_days, f->mean_day_fen);
}

static bool level_reached(const struct strategy_policy *p, const struct strategy_facts *f, int i)
{
    bool money = f->available_fen <= p->level_fen[i];
    if (i == p->level_count - 1)
        return money; /* the level that cuts */
    enum measure days = by_days(p, f, i), percent = by_percent(p, f, i);
    if (p->level_all)
        return money && days != NOT_REACHED && percent != NOT_REACHED;
    return money || days == REACHED || percent == REACHED;
}

int strategy_level_of(const struct strategy_policy *policy, const struct strategy_facts *facts)
{
    int level = 0;
    for (int i = 0; i < policy->level_count; i++)
        if (level_reached(policy, facts, i))
            level = i + 1;
    return level;
}

bool strategy_rate_soon(const struct strategy_policy *policy, int64_t available_fen,
                        int64_t cost_fen)
{
    if (policy->rate_days == 0)
        return false;
    __int128 overdraft = policy->cut_at_fen < 0 ? -(__int128)policy->cut_at_fen : 0;
    return available_fen < 0 || available_fen + overdraft < cost_fen;
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

#define PROTECTION(name, text, en, zh)                                                             \
    static bool protected_##name(const struct strategy_policy *p, const struct strategy_facts *f)  \
    {                                                                                              \
        (void)p;                                                                                   \
        return f->protections & STRATEGY_PROTECTED(STRATEGY_PROTECTION_##name);                    \
    }
#define STRATEGY_PROTECTION PROTECTION
#include "strategy/protection_table.h"
#undef STRATEGY_PROTECTION

static bool keep_power(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return f->keep_power;
}

static bool no_switch(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return f->no_switch;
}

#define REFUSED_AGAIN_S 900 /* a meter that said no is not asked with every reading */

static wall_s refused_end(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return (wall_s){f->refused_at.s + REFUSED_AGAIN_S};
}

static bool cut_refused(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return f->refused_at.s != 0 && f->now.s < refused_end(p, f).s;
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

/* Money owed for other services: the balance of supply itself is what cuts. */
static __int128 supply_fen(const struct strategy_policy *p, const struct strategy_facts *f)
{
    bool all = p->allow_cut_for_other_services || f->other_owed_fen <= 0;
    return (__int128)f->available_fen + (all ? 0 : f->other_owed_fen);
}

static int64_t credit_fen(const struct strategy_facts *f)
{
    return f->emergency_fen > 0 ? f->emergency_fen : 0;
}

static bool other_services(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return supply_fen(p, f) > p->cut_at_fen;
}

static bool true_up(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return f->true_up_fen > 0 && supply_fen(p, f) + f->true_up_fen > p->cut_at_fen;
}

static bool emergency(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return credit_fen(f) > 0 && supply_fen(p, f) > (__int128)p->cut_at_fen - credit_fen(f);
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

/* The first second in which it will be. */
static wall_s stale_from(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return (wall_s){f->now.s + p->reading_age_max_s - f->reading_age_s + 1};
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
    return !between_minutes(f->local_minute, p->window_from, p->window_to);
}

static wall_s hours_end(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return next_minute(p->window_from, f);
}

static bool protected_day(const struct strategy_policy *p, const struct strategy_facts *f)
{
    if (f->day == CALENDAR_MAKEUP && p->cut_on_makeup)
        return false;
    return !(p->weekdays >> f->weekday & 1);
}

static wall_s day_end(const struct strategy_policy *p, const struct strategy_facts *f)
{
    (void)p;
    return next_minute(0, f);
}

static bool holiday(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return f->day == CALENDAR_HOLIDAY && !p->cut_on_holidays;
}

static bool holiday_unknown(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return f->day == CALENDAR_UNKNOWN && !p->cut_on_holidays;
}

static bool notice_missing(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return f->warned_level < p->notice_level;
}

static bool notices_few(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return f->notices < p->notices;
}

static bool channels_few(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return __builtin_popcount(f->notice_channels) < p->notice_channels;
}

/* The grace runs from the later of the last level and the last notice that counts; a last level
 * that is found now begins now. */
static wall_s grace_end(const struct strategy_policy *p, const struct strategy_facts *f)
{
    int64_t from = f->level >= p->level_count ? f->level_at.s : f->now.s;
    if (f->notice_at.s > from)
        from = f->notice_at.s;
    return (wall_s){from + p->grace_s};
}

static bool grace(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return p->grace_s > 0 && f->now.s < grace_end(p, f).s;
}

static bool approval_missing(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return p->approval != STRATEGY_APPROVAL_NONE && f->approval == STRATEGY_APPROVAL_NONE;
}

static bool release_missing(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return p->approval == STRATEGY_APPROVAL_TWO && f->approval == STRATEGY_APPROVAL_ONE;
}

static wall_s limit_end(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return (wall_s){f->limited_at.s + p->limit_s};
}

static bool limit_first(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return p->limit_s > 0 && f->can_limit && (f->limited_at.s == 0 || f->now.s < limit_end(p, f).s);
}

typedef wall_s guard_end(const struct strategy_policy *p, const struct strategy_facts *f);

static const struct {
    enum strategy_reason reason;
    guard_stands *stands;
    guard_end *end; /* when time alone takes it away, or makes it worth asking again */
} guards[] = {
    {STRATEGY_BECAUSE_ACCOUNT_CLOSED, account_closed},
    {STRATEGY_BECAUSE_METER_DECIDES, meter_decides},
    {STRATEGY_BECAUSE_NO_SWITCH, no_switch},
    {STRATEGY_BECAUSE_KEEP_POWER, keep_power},
#define STRATEGY_PROTECTION(name, text, en, zh) {STRATEGY_BECAUSE_##name, protected_##name, NULL},
#include "strategy/protection_table.h"
#undef STRATEGY_PROTECTION
    {STRATEGY_BECAUSE_NO_CONTRACT, no_contract},
    {STRATEGY_BECAUSE_CUT_BY_STAFF, cut_by_staff},
    {STRATEGY_BECAUSE_OPENED_BY_PERSON, opened_by_person},
    {STRATEGY_BECAUSE_OPEN_ALREADY, open_already},
    {STRATEGY_BECAUSE_CUT_REFUSED, cut_refused, refused_end},
    {STRATEGY_BECAUSE_PAYMENT_PENDING, payment_pending},
    {STRATEGY_BECAUSE_VEND_UNRESOLVED, vend_unresolved},
    {STRATEGY_BECAUSE_OTHER_SERVICES, other_services},
    {STRATEGY_BECAUSE_TRUE_UP, true_up},
    {STRATEGY_BECAUSE_EMERGENCY, emergency},
    {STRATEGY_BECAUSE_BALANCE_UNKNOWN, balance_unknown},
    {STRATEGY_BECAUSE_READING_STALE, reading_stale},
    {STRATEGY_BECAUSE_READING_ESTIMATED, reading_estimated},
    {STRATEGY_BECAUSE_CLOCK_UNTRUSTED, clock_untrusted},
    {STRATEGY_BECAUSE_PROTECTED_HOURS, protected_hours, hours_end},
    {STRATEGY_BECAUSE_PROTECTED_DAY, protected_day, day_end},
    {STRATEGY_BECAUSE_HOLIDAY, holiday, day_end},
    {STRATEGY_BECAUSE_HOLIDAY_UNKNOWN, holiday_unknown, day_end},
    {STRATEGY_BECAUSE_NOTICE_MISSING, notice_missing},
    {STRATEGY_BECAUSE_NOTICES_FEW, notices_few},
    {STRATEGY_BECAUSE_CHANNELS_FEW, channels_few},
    {STRATEGY_BECAUSE_GRACE, grace, grace_end},
    {STRATEGY_BECAUSE_APPROVAL_MISSING, approval_missing},
    {STRATEGY_BECAUSE_RELEASE_MISSING, release_missing},
    {STRATEGY_BECAUSE_LIMIT_FIRST, limit_first, limit_end},
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

uint64_t strategy_guards(const struct strategy_policy *policy, const struct strategy_facts *facts)
{
    return standing(policy, facts);
}

#define TAKES_BACK                                                                                 \
    (STRATEGY_GUARD(STRATEGY_BECAUSE_ACCOUNT_CLOSED) |                                             \
     STRATEGY_GUARD(STRATEGY_BECAUSE_METER_DECIDES) |                                              \
     STRATEGY_GUARD(STRATEGY_BECAUSE_KEEP_POWER) | STRATEGY_GUARD(STRATEGY_BECAUSE_NO_CONTRACT) |  \
     STRATEGY_GUARD(STRATEGY_BECAUSE_CUT_BY_STAFF) |                                               \
     STRATEGY_GUARD(STRATEGY_BECAUSE_PAYMENT_PENDING) |                                            \
     STRATEGY_GUARD(STRATEGY_BECAUSE_VEND_UNRESOLVED) |                                            \
     STRATEGY_GUARD(STRATEGY_BECAUSE_OTHER_SERVICES) | STRATEGY_GUARD(STRATEGY_BECAUSE_TRUE_UP) |  \
     STRATEGY_GUARD(STRATEGY_BECAUSE_EMERGENCY) |                                                  \
     STRATEGY_GUARD(STRATEGY_BECAUSE_BALANCE_UNKNOWN) |                                            \
     STRATEGY_GUARD(STRATEGY_BECAUSE_READING_ESTIMATED) |                                          \
     STRATEGY_GUARD(STRATEGY_BECAUSE_CLOCK_UNTRUSTED))

bool strategy_takes_back(const struct strategy_policy *policy, const struct strategy_facts *facts)
{
    return facts->protections != 0 || (standing(policy, facts) & TAKES_BACK) != 0;
}

static enum strategy_reason first_guard(uint64_t set)
{
    size_t i = 0;
    while (!(set & STRATEGY_GUARD(guards[i].reason)))
        i++;
    return guards[i].reason;
}

/* When the last of the standing guards ends, if time ends them all; else 0. */
static wall_s standing_end(const struct strategy_policy *p, const struct strategy_facts *f,
                           uint64_t set)
{
    wall_s last = {0};
    for (size_t i = 0; i < GUARD_COUNT; i++) {
        if (!(set & STRATEGY_GUARD(guards[i].reason)))
            continue;
        if (!guards[i].end)
            return (wall_s){0};
        wall_s end = guards[i].end(p, f);
        last = end.s > last.s ? end : last;
    }
    return last;
}

/* Tomorrow, as the guards of the day will see it. */
static bool tomorrow_protected(const struct strategy_policy *p, const struct strategy_facts *f)
{
    struct strategy_facts next = *f;
    next.weekday = (f->weekday + 1) % 7;
    next.day = f->next_day;
    return protected_day(p, &next) || holiday(p, &next) || holiday_unknown(p, &next);
}

/* Seconds from now to a time, if that is sooner than `life_s`. */
static int64_t not_longer(int64_t life_s, wall_s now, wall_s end)
{
    return end.s - now.s < life_s ? end.s - now.s : life_s;
}

/* A cut that is ordered at the last moment must not reach the meter after it. */
static int64_t order_life_s(const struct strategy_policy *p, const struct strategy_facts *f)
{
    int64_t life_s = p->not_after_s;
    bool all_day = p->window_from % STRATEGY_DAY_MINUTES == p->window_to % STRATEGY_DAY_MINUTES;
    if (!all_day)
        life_s = not_longer(life_s, f->now, next_minute(p->window_to % STRATEGY_DAY_MINUTES, f));
    if (tomorrow_protected(p, f))
        life_s = not_longer(life_s, f->now, day_end(p, f));
    if (!reading_stale(p, f))
        life_s = not_longer(life_s, f->now, stale_from(p, f));
    return life_s;
}

/* --- decision ----------------------------------------------------------------------------------
 */

#define LIMIT_ALONE STRATEGY_GUARD(STRATEGY_BECAUSE_LIMIT_FIRST)

static void decide(struct strategy_decision *d, enum strategy_action action,
                   enum strategy_reason reason)
{
    d->action = action;
    d->reason = reason;
}

static bool money_back(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return supply_fen(p, f) > (__int128)p->restore_above_fen - credit_fen(f);
}

/* Nothing but an approval is missing; a limit stage comes after it. */
static bool waits_for_approval(uint64_t set)
{
    return (set & ~LIMIT_ALONE) == STRATEGY_GUARD(STRATEGY_BECAUSE_APPROVAL_MISSING);
}

static void decide_cut(struct strategy_decision *d, const struct strategy_policy *p,
                       const struct strategy_facts *f)
{
    d->guards = standing(p, f);
    d->propose = waits_for_approval(d->guards);
    if (d->guards == 0)
        decide(d, STRATEGY_CUT, STRATEGY_BECAUSE_ARREARS);
    else if (d->guards == LIMIT_ALONE && f->limited_at.s == 0)
        decide(d, STRATEGY_LIMIT, STRATEGY_BECAUSE_LIMITED);
    else if (d->warn)
        decide(d, STRATEGY_WARN, STRATEGY_BECAUSE_LEVEL_REACHED);
    else
        decide(d, STRATEGY_HOLD, first_guard(d->guards));
    if (d->action == STRATEGY_HOLD || d->action == STRATEGY_WARN)
        d->not_before = standing_end(p, f, d->guards);
}

/* Supply is off by our own cut. Nothing stands against a restore but the money, and where the
 * customer must be there, a word of the customer. What is still on when the money is not back is
 * cut like everything else. */
static void decide_restore(struct strategy_decision *d, const struct strategy_policy *p,
                           const struct strategy_facts *f)
{
    if (f->keep_power)
        decide(d, STRATEGY_RESTORE, STRATEGY_BECAUSE_KEPT);
    else if (!f->account_open)
        decide(d, STRATEGY_HOLD, STRATEGY_BECAUSE_ACCOUNT_CLOSED);
    else if (!f->available_known && !money_back(p, f))
        decide(d, STRATEGY_HOLD, STRATEGY_BECAUSE_BALANCE_UNKNOWN);
    else if (money_back(p, f) && !p->restore_automatic)
        decide(d, STRATEGY_HOLD, STRATEGY_BECAUSE_BY_STAFF);
    else if (money_back(p, f) && p->restore_safe && !f->confirmed)
        decide(d, STRATEGY_HOLD, STRATEGY_BECAUSE_CONFIRM_WAITED);
    else if (money_back(p, f))
        decide(d, STRATEGY_RESTORE, STRATEGY_BECAUSE_PAID_UP);
    else if (f->partly_cut && d->cut_due && standing(p, f) == 0)
        decide(d, STRATEGY_CUT, STRATEGY_BECAUSE_ARREARS);
    else
        decide(d, STRATEGY_HOLD, STRATEGY_BECAUSE_STILL_BELOW);
    if (d->reason == STRATEGY_BECAUSE_STILL_BELOW && f->partly_cut && d->cut_due)
        d->propose = waits_for_approval(standing(p, f));
}

/* Power is limited, but the account is not to be cut any more, or may be kept: what was switched
 * off comes back under the rules of a restore. */
static bool limit_is_over(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return (f->limited_at.s != 0 || f->some_limited) && f->desired != STRATEGY_DESIRED_OPEN_MONEY &&
           (f->keep_power || (f->account_open && money_back(p, f)));
}

static void decide_level(struct strategy_decision *d, const struct strategy_policy *p,
                         const struct strategy_facts *f)
{
    bool due = f->available_known && f->account_open && d->level > f->warned_level;
    bool quiet = !between_minutes(f->local_minute, p->tell_from, p->tell_to);
    if (!f->available_known)
        decide(d, STRATEGY_NONE, STRATEGY_BECAUSE_BALANCE_UNKNOWN);
    else if (d->warn)
        decide(d, STRATEGY_WARN, STRATEGY_BECAUSE_LEVEL_REACHED);
    else if (due && quiet)
        decide(d, STRATEGY_NONE, STRATEGY_BECAUSE_QUIET_HOURS);
    else if (due)
        decide(d, STRATEGY_NONE, STRATEGY_BECAUSE_DAILY_CAP);
    else if (d->level > 0)
        decide(d, STRATEGY_NONE, STRATEGY_BECAUSE_WARNED);
    else
        decide(d, STRATEGY_NONE, STRATEGY_BECAUSE_ENOUGH);
    if (due && !d->warn)
        d->not_before = next_minute(quiet ? p->tell_from : 0, f);
}

static bool may_tell(const struct strategy_policy *p, const struct strategy_facts *f)
{
    return between_minutes(f->local_minute, p->tell_from, p->tell_to) &&
           (p->daily_cap == 0 || f->told_today < p->daily_cap);
}

/* Days left and percents move without money: an episode does not end because a mean fell. */
static int level_now(const struct strategy_policy *p, const struct strategy_facts *f)
{
    int level = strategy_level_of(p, f);
    bool worse = f->level > level && f->level <= p->level_count;
    return worse && f->available_fen <= f->level_available_fen ? f->level : level;
}

struct strategy_decision strategy_decide(const struct strategy_policy *policy,
                                         const struct strategy_facts *facts)
{
    MUST(facts->weekday < 7 && facts->local_minute < STRATEGY_DAY_MINUTES);
    struct strategy_decision d = {.level = facts->level, .may_tell = may_tell(policy, facts)};
    if (facts->available_known)
        d.level = level_now(policy, facts);
    d.warn = facts->available_known && facts->account_open && d.may_tell &&
             d.level > facts->warned_level;
    d.cut_due = facts->available_known && facts->available_fen <= policy->cut_at_fen;
    d.life_s = order_life_s(policy, facts);
    d.limit_skipped = policy->limit_s > 0 && !facts->can_limit;
    if (facts->desired == STRATEGY_DESIRED_OPEN_MONEY || limit_is_over(policy, facts))
        decide_restore(&d, policy, facts);
    else if (d.cut_due)
        decide_cut(&d, policy, facts);
    else
        decide_level(&d, policy, facts);
    return d;
}
