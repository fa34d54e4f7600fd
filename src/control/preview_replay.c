/* Living through the past again under a policy: the decision of strategy/ and the step of the
 * fee-control loop, with facts of the past. Pure. */
#include <string.h>

#include "control/preview_impl.h"

#define MEAN_DAYS 7
#define READ_DAILY_S (PREVIEW_DAY_S + PREVIEW_HOUR_S) /* a period up to this was read all along */
#define NOTICES_MAX 128

struct life {
    const struct preview_history *h;
    const struct strategy_policy *policy;
    size_t moves, periods; /* behind us: booked */
    size_t paid;           /* orders up to here are in recharge_fen */
    int64_t balance_fen, other_fen, due_fen, recharge_fen;
    struct strategy_facts facts;
    struct episode episode;
    wall_s noted[NOTICES_MAX]; /* of the running episode */
    size_t noted_count;
    int64_t episode_noted; /* the number of that episode */
    int32_t local_day;
    wall_s begins;
    bool cut;
};

/* --- facts of a moment
 * -----------------------------------------------------------------------------
 */

static void pass(struct life *l, wall_s at)
{
    const struct preview_move *m = l->h->moves.items;
    const struct preview_period *p = l->h->periods.items;
    for (; l->moves < l->h->moves.count && m[l->moves].at.s <= at.s; l->moves++) {
        l->balance_fen += m[l->moves].amount_fen;
        l->other_fen += m[l->moves].other_fen;
        l->due_fen += m[l->moves].due_fen;
    }
    while (l->periods < l->h->periods.count && p[l->periods].booked_at.s <= at.s)
        l->periods++;
}

static const struct preview_hour *hours_of(const struct preview_history *h, int64_t meter_id)
{
    for (size_t i = 0; i < h->meter_count; i++)
        if (h->meters[i].id == meter_id)
            return h->meters[i].hours;
    return NULL;
}

/* Energy since the beginning, an hour's in equal parts. */
static int64_t used_wh(const struct preview_history *h, const struct preview_hour *hours, wall_s at)
{
    int64_t into = at.s - h->from.s, i = into / PREVIEW_HOUR_S;
    if (into <= 0)
        return 0;
    if (i >= (int64_t)h->hour_count)
        return hours[h->hour_count - 1].used_wh;
    int64_t before = i > 0 ? hours[i - 1].used_wh : 0;
    return before + (hours[i].used_wh - before) * (into % PREVIEW_HOUR_S) / PREVIEW_HOUR_S;
}

/* How much of a period lies behind `at`: part of whole, by energy or else by time. */
struct share {
    int64_t part, whole;
};

static struct share share_of(const struct preview_history *h, const struct preview_period *p,
                             wall_s at)
{
    const struct preview_hour *hours = hours_of(h, p->meter_id);
    bool covered = hours && p->opened_at.s >= h->from.s && p->closed_at.s <= h->until.s;
    if (covered) {
        int64_t opened = used_wh(h, hours, p->opened_at);
        struct share s = {used_wh(h, hours, at) - opened, used_wh(h, hours, p->closed_at) - opened};
        if (s.whole > 0)
            return s;
    }
    return (struct share){at.s - p->opened_at.s, p->closed_at.s - p->opened_at.s};
}

/* The share of a period's money that was used by now. */
static int64_t share_fen(const struct preview_history *h, const struct preview_period *p, wall_s at)
{
    int64_t part_fen;
    if (at.s >= p->closed_at.s)
        return p->amount_fen;
    struct share s = share_of(h, p, at);
    return units_mul_div(p->amount_fen, s.part, s.whole, &part_fen) == ERR_OK ? part_fen
                                                                              : p->amount_fen;
}

/* When the registers of a period were read last. */
static wall_s read_at(const struct preview_history *h, const struct preview_period *p, wall_s at)
{
    const struct preview_hour *hours = hours_of(h, p->meter_id);
    if (hours && at.s >= h->from.s && at.s < h->until.s) {
        int64_t i = (at.s - h->from.s) / PREVIEW_HOUR_S, end_s = hours[i].read * PREVIEW_HOUR_S;
        return hours[i].read == i + 1 ? at : (wall_s){h->from.s + end_s};
    }
    if (at.s >= p->closed_at.s)
        return p->closed_at;
    bool daily = p->open || p->closed_at.s - p->opened_at.s <= READ_DAILY_S;
    return daily ? at : p->opened_at;
}

/* What is used and not booked yet, and how old the oldest reading of the running periods is. */
static void gather_use(struct life *l, wall_s at)
{
    const struct preview_period *p = l->h->periods.items;
    int64_t accrued_fen = 0, oldest_s = INT64_MAX;
    for (size_t i = l->periods; i < l->h->periods.count && p[i].opened_at.s <= at.s; i++) {
        if (p[i].booked_at.s <= at.s)
            continue;
        accrued_fen += share_fen(l->h, &p[i], at);
        int64_t read_s = read_at(l->h, &p[i], at).s;
        oldest_s = read_s < oldest_s ? read_s : oldest_s;
    }
    if (oldest_s == INT64_MAX && l->periods > 0)
        oldest_s = p[l->periods - 1].closed_at.s;
    l->facts.available_fen =
        strategy_available(l->policy, l->balance_fen - accrued_fen, fee_other_owed(l->due_fen));
    l->facts.reading_age_s = oldest_s == INT64_MAX ? INT64_MAX : at.s - oldest_s;
    l->facts.available_known = true;
}

/* As the outlook finds it: settled money of the last seven days over the time that it covers. */
static int64_t mean_day_fen(const struct life *l, wall_s at)
{
    const struct preview_period *p = l->h->periods.items;
    int64_t sum_fen = 0, first = INT64_MAX, last = 0, mean = 0;
    size_t i = l->periods;
    for (; i > 0 && p[i - 1].closed_at.s > at.s - MEAN_DAYS * PREVIEW_DAY_S; i--) {
        sum_fen += p[i - 1].amount_fen;
        first = p[i - 1].opened_at.s < first ? p[i - 1].opened_at.s : first;
        last = p[i - 1].closed_at.s > last ? p[i - 1].closed_at.s : last;
    }
    if (sum_fen <= 0 || last - first < PREVIEW_DAY_S ||
        units_mul_div(sum_fen, PREVIEW_DAY_S, last - first, &mean) != ERR_OK)
        return 0;
    return mean;
}

static bool uses_days(const struct strategy_policy *p)
{
    for (size_t i = 0; i < STRATEGY_LEVELS_MAX - 1; i++)
        if (p->level_days[i] > 0 ||
            (p->level_percent[i] > 0 && p->percent_of == STRATEGY_OF_WARNING))
            return true;
    return false;
}

static void gather_lists(struct life *l, wall_s at)
{
    struct strategy_facts *f = &l->facts;
    const struct preview_order *o = l->h->orders.items;
    const struct preview_protection *p = l->h->protections.items;
    const struct preview_flight *w = l->h->flights.items;
    const struct preview_true_up *t = l->h->true_ups.items;
    f->protections = 0;
    f->true_up_fen = 0;
    f->payment_pending = f->vend_unresolved = false;
    for (size_t i = 0; i < l->h->protections.count; i++)
        if (p[i].from.s <= at.s && at.s < p[i].until.s)
            f->protections |= STRATEGY_PROTECTED(p[i].kind);
    for (size_t i = 0; i < l->h->flights.count; i++)
        f->payment_pending = f->payment_pending || (w[i].from.s <= at.s && at.s < w[i].until.s);
    for (size_t i = 0; i < l->h->orders.count && o[i].from.s <= at.s; i++)
        f->vend_unresolved = f->vend_unresolved || at.s < o[i].until.s;
    for (size_t i = 0; i < l->h->true_ups.count; i++)
        if (t[i].from.s <= at.s && at.s < t[i].until.s)
            f->true_up_fen += t[i].amount_fen;
}

static void gather_recharge(struct life *l, wall_s at)
{
    const struct preview_order *o = l->h->orders.items;
    for (; l->paid < l->h->orders.count && o[l->paid].from.s <= at.s; l->paid++)
        if (o[l->paid].paid_at.s != 0)
            l->recharge_fen = o[l->paid].amount_fen;
    l->facts.recharge_fen = l->recharge_fen;
}

static void gather_notices(struct life *l)
{
    struct episode *e = &l->episode;
    if (l->episode_noted != e->number) {
        l->episode_noted = e->number;
        l->noted_count = 0;
    }
    e->notices = strategy_notices_counted(l->noted, l->noted_count, l->policy->notice_spacing_s,
                                          &e->notice_at);
    l->facts.notice_channels = l->noted_count > 0 ? l->policy->channels : 0;
}

static void gather_supply(struct life *l, wall_s at)
{
    const struct strategy_policy *p = l->policy;
    struct strategy_facts *f = &l->facts;
    bool person = l->h->person_at.s != 0 && l->h->person_at.s <= at.s;
    f->keep_power = l->h->keep_power;
    f->no_switch = !l->h->can_cut;
    f->desired = l->cut   ? STRATEGY_DESIRED_OPEN_MONEY
                 : person ? STRATEGY_DESIRED_OPEN_PERSON
                          : STRATEGY_DESIRED_CLOSED;
    f->relay = l->cut || person ? STRATEGY_RELAY_OPEN : STRATEGY_RELAY_CLOSED;
    f->can_limit = false;
    for (size_t i = 0; p->limit_s > 0 && i < l->h->meter_count; i++)
        f->can_limit = f->can_limit || fee_limit_circuits(p, l->h->meters[i].circuits) != 0;
    f->limited_at.s = f->can_limit ? l->episode.limited_at.s : 0;
}

static void gather(struct life *l, wall_s at)
{
    const struct site_account *a = l->h->account;
    struct strategy_facts *f = &l->facts;
    *f = (struct strategy_facts){
        .clock_trusted = true,
        .wallet = a->wallet == SITE_WALLET_METER ? STRATEGY_WALLET_METER : STRATEGY_WALLET_PLATFORM,
        .account_open = true,
        .contract_signed = a->contract_at.s != 0 && a->contract_at.s <= at.s,
        .approval = l->policy->approval,
    };
    pass(l, at);
    l->local_day = strategy_facts_time(l->policy, at, l->h->offset_s, f);
    gather_use(l, at);
    if (uses_days(l->policy))
        f->mean_day_fen = mean_day_fen(l, at);
    if (fee_uses_recharge(l->policy))
        gather_recharge(l, at);
    f->other_owed_fen = fee_other_owed(l->other_fen);
    gather_lists(l, at);
    gather_notices(l);
    gather_supply(l, at);
    fee_step_facts(&l->episode, l->local_day, f);
}

/* --- what follows
 * -----------------------------------------------------------------------------------
 */

/* A notice that is written is had at once. */
static bool tell(struct life *l, const struct fee_step *s)
{
    int level = s->decision->level;
    if (fee_step_tell(&l->episode, s) == FEE_TELL_NOTHING)
        return false;
    if (l->episode_noted != l->episode.number) {
        l->episode_noted = l->episode.number;
        l->noted_count = 0;
    }
    if (l->noted_count < NOTICES_MAX)
        l->noted[l->noted_count++] = s->facts->now;
    l->episode.warned_level = level > l->episode.warned_level ? level : l->episode.warned_level;
    return true;
}

static void switch_supply(struct life *l, enum strategy_action action)
{
    if (action == STRATEGY_LIMIT)
        l->episode.limited_at = l->facts.now;
    if (action == STRATEGY_CUT)
        l->cut = true;
    if (action != STRATEGY_RESTORE)
        return;
    l->cut = false;
    l->episode.limited_at.s = 0;
}

static int weight(enum strategy_action a)
{
    static const int weights[STRATEGY_ACTION_COUNT] = {
        [STRATEGY_NONE] = 0,    [STRATEGY_HOLD] = 1,  [STRATEGY_WARN] = 2,
        [STRATEGY_RESTORE] = 3, [STRATEGY_LIMIT] = 4, [STRATEGY_CUT] = 5};
    return weights[a];
}

static void note(struct control_preview_day *day, const struct strategy_decision *d, bool told)
{
    if (day->reason == STRATEGY_REASON_COUNT || weight(d->action) > weight(day->action)) {
        day->action = d->action;
        day->reason = d->reason;
        day->guards = d->guards;
    }
    day->level = d->level > day->level ? d->level : day->level;
    day->notices += told;
    day->cuts += d->action == STRATEGY_CUT;
}

static void sum_up(struct control_preview_past *past, const struct strategy_decision *d, bool told,
                   wall_s at)
{
    past->notices += told;
    past->cuts += d->action == STRATEGY_CUT;
    past->level = d->level > past->level ? d->level : past->level;
    if (d->cut_due)
        past->held |= d->guards;
    if (told && past->first_warned_at.s == 0)
        past->first_warned_at = at;
    if (d->action == STRATEGY_CUT && past->first_cut_at.s == 0)
        past->first_cut_at = at;
}

/* One decision with all that follows; true: what was told calls for another one at once. */
static bool decide(struct life *l, wall_s at, struct control_preview_day *day,
                   struct control_preview_past *past, wall_s *again)
{
    gather(l, at);
    struct strategy_decision d = strategy_decide(l->policy, &l->facts);
    struct fee_step s = {l->policy, &l->facts, &d, l->local_day};
    fee_step_level(&l->episode, &s);
    bool told = tell(l, &s);
    switch_supply(l, d.action);
    if (day) {
        note(day, &d, told);
        sum_up(past, &d, told, at);
    }
    *again = d.not_before;
    return told;
}

/* --- moments
 * ------------------------------------------------------------------------------------------
 */

/* The next moment after `at` at which something may be different: an hour, money, or a time that
 * the decision itself named. */
static wall_s next_moment(const struct life *l, wall_s at, wall_s again)
{
    const struct preview_move *m = l->h->moves.items;
    wall_s next = {at.s - at.s % PREVIEW_HOUR_S + PREVIEW_HOUR_S};
    if (l->moves < l->h->moves.count && m[l->moves].at.s < next.s)
        next = m[l->moves].at;
    if (again.s > at.s && again.s < next.s)
        next = again;
    return next;
}

/* Before its first money and its first reading nothing is decided about an account. */
static wall_s beginning(const struct preview_history *h)
{
    const struct preview_move *m = h->moves.items;
    const struct preview_period *p = h->periods.items;
    wall_s at = {h->balance_fen != 0 ? h->from.s : INT64_MAX};
    if (h->moves.count > 0 && m->at.s < at.s)
        at = m->at;
    if (h->periods.count > 0 && p->opened_at.s < at.s)
        at = p->opened_at;
    return at;
}

static void live_day(struct life *l, wall_s from, wall_s to, struct control_preview_day *day,
                     struct control_preview_past *past)
{
    wall_s again = {0};
    for (wall_s at = from; at.s < to.s; at = next_moment(l, at, again))
        if (at.s >= l->begins.s && decide(l, at, day, past, &again))
            (void)decide(l, at, day, past, &again);
    if (!day)
        return;
    if (day->reason == STRATEGY_REASON_COUNT)
        day->reason = STRATEGY_BECAUSE_BALANCE_UNKNOWN;
    day->available_fen = l->facts.available_fen;
    day->off = l->cut;
    past->warned_days += day->notices > 0;
    past->off_days += day->off;
}

void preview_replay(const struct preview_history *h, const struct strategy_policy *policy,
                    wall_s first, struct control_preview_day *days,
                    struct control_preview_past *past)
{
    struct life l = {.h = h,
                     .policy = policy,
                     .begins = beginning(h),
                     .balance_fen = h->balance_fen,
                     .other_fen = h->other_fen,
                     .due_fen = h->due_fen,
                     .episode = {.emergency_episode = -1, .level_fen = INT64_MIN}};
    *past = (struct control_preview_past){.days = days};
    for (wall_s at = h->from; at.s < h->until.s; at.s += PREVIEW_DAY_S) {
        struct control_preview_day *day = NULL;
        if (at.s >= first.s) {
            day = &days[past->day_count++];
            *day = (struct control_preview_day){.at = at, .reason = STRATEGY_REASON_COUNT};
        }
        live_day(&l, at, (wall_s){at.s + PREVIEW_DAY_S}, day, past);
    }
}
