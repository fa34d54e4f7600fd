/*
 * Giving standing permissions: the decision that would be taken when the money is used up, taken
 * beforehand. What only time stands against becomes windows and a grace; any other guard means that
 * nothing is permitted. What is merely not known now (or is what the permission leads to) leaves
 * the last permission as it is: it was right when it was given, and ends by itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/away_impl.h"
#include "control/fee_impl.h"
#include "control/protect.h"
#include "headend/headend.h"
#include "headend/permit.h"

#define READING_S 900 /* an older reading gives no permission */
#define RENEW_S 3600
#define HOUR_S 3600
#define KEEP_S (90 * INT64_C(86'400)) /* cuts that were allowed are remembered so long */

#define BY_TIME                                                                                    \
    (STRATEGY_GUARD(STRATEGY_BECAUSE_PROTECTED_HOURS) |                                            \
     STRATEGY_GUARD(STRATEGY_BECAUSE_PROTECTED_DAY) | STRATEGY_GUARD(STRATEGY_BECAUSE_HOLIDAY) |   \
     STRATEGY_GUARD(STRATEGY_BECAUSE_HOLIDAY_UNKNOWN))
#define IN_DOUBT                                                                                   \
    (STRATEGY_GUARD(STRATEGY_BECAUSE_BALANCE_UNKNOWN) |                                            \
     STRATEGY_GUARD(STRATEGY_BECAUSE_READING_STALE) |                                              \
     STRATEGY_GUARD(STRATEGY_BECAUSE_READING_ESTIMATED) |                                          \
     STRATEGY_GUARD(STRATEGY_BECAUSE_CLOCK_UNTRUSTED) |                                            \
     STRATEGY_GUARD(STRATEGY_BECAUSE_OPEN_ALREADY))

struct giving {
    struct loop *l;
    struct away_row old, row;
    struct strategy_facts dry; /* as they will be when the money is used up */
    int64_t owed_fen;          /* for other services: that does not cut */
    struct uplink_permit permit;
    struct uplink_permit_window windows[UPLINK_PERMIT_WINDOWS_MAX];
    struct uplink_permit_meter meters[UPLINK_PERMIT_METERS_MAX];
    bool fresh;            /* a cut was allowed that was not before */
    struct away_more more; /* what the meters have besides the account's money */
    wall_s more_until;     /* and until when nothing is added to that */
};

/* --- the decision, beforehand --------------------------------------------------------------------
 */

/* What available would have to fall to: what does not cut by itself is below it. */
static int64_t cut_at_fen(const struct giving *g)
{
    return g->l->in_force.policy.cut_at_fen - g->owed_fen - g->l->facts.true_up_fen;
}

static enum err foresee(struct giving *g)
{
    struct loop *l = g->l;
    struct episode e = l->episode; /* as the decision left it: a payment may have ended it */
    int64_t sum_fen;
    TRY(fee_other_sum(l->turn.tx, l->outlook.account.id, l->turn.now, &sum_fen));
    g->owed_fen = l->in_force.policy.allow_cut_for_other_services ? 0 : fee_other_owed(sum_fen);
    g->dry = l->facts;
    TRY(fee_notices_count(l->turn.tx, l->outlook.account.id, &e, &l->in_force.policy,
                          &g->dry.notice_channels));
    fee_step_facts(&e, l->local_day, &g->dry);
    g->dry.other_owed_fen = g->owed_fen;
    if (g->dry.available_fen > cut_at_fen(g))
        g->dry.available_fen = cut_at_fen(g);
    g->dry.level = (int)l->in_force.policy.level_count;
    g->dry.level_at.s = 0;
    return ERR_OK;
}

/* What stands against a cut besides the hours, days and the grace. */
static uint64_t standing(const struct giving *g)
{
    return strategy_guards(&g->l->in_force.policy, &g->dry) & ~BY_TIME &
           ~STRATEGY_GUARD(STRATEGY_BECAUSE_GRACE);
}

/* --- times ---------------------------------------------------------------------------------------
 */

static bool is_allowed(struct giving *g, int64_t at_s, int32_t offset_s)
{
    const struct strategy_policy *p = &g->l->in_force.policy;
    struct strategy_facts f = g->dry;
    (void)strategy_facts_time(p, (wall_s){at_s}, offset_s, &f);
    return (strategy_guards(p, &f) & BY_TIME) == 0;
}

/* Minute by minute: rules change at whole minutes only. */
static void find_windows(struct giving *g, int32_t offset_s)
{
    struct uplink_permit *p = &g->permit;
    int64_t at = p->valid_from.s - p->valid_from.s % 60;
    bool inside = false;
    for (; at < p->valid_until.s; at += 60) {
        bool allowed = is_allowed(g, at, offset_s);
        if (allowed && !inside && p->window_count == UPLINK_PERMIT_WINDOWS_MAX)
            break; /* no more than these */
        if (allowed && !inside)
            g->windows[p->window_count++].from.s = at;
        if (allowed)
            g->windows[p->window_count - 1].until.s = at + 60;
        inside = allowed;
    }
}

static enum err find_times(struct giving *g)
{
    struct loop *l = g->l;
    const struct strategy_policy *policy = &l->in_force.policy;
    int64_t change_s;
    int32_t offset_s;
    wall_s *until = &g->permit.valid_until;
    until->s = l->turn.now.s + policy->away_hours * HOUR_S;
    TRY(fee_next_change(l, &change_s));
    if (change_s != 0 && change_s < until->s)
        until->s = change_s;
    if (g->more_until.s < until->s)
        *until = g->more_until;
    if (policy->approval != STRATEGY_APPROVAL_NONE && l->approval.expires_at.s < until->s)
        *until = l->approval.expires_at;
    TRY(control_protect_next(l->turn.tx, l->outlook.account.id, l->turn.now, *until, until));
    g->permit.grace_s = policy->grace_s;
    g->permit.valid_from = l->turn.now;
    if (g->dry.notice_at.s + policy->grace_s > l->turn.now.s)
        g->permit.valid_from.s = g->dry.notice_at.s + policy->grace_s;
    TRY(billing_project_offset(l->turn.tx, l->outlook.account.project_id, l->turn.now, &offset_s));
    find_windows(g, offset_s);
    return ERR_OK;
}

/* --- meters --------------------------------------------------------------------------------------
 */

/* The register as it is believed, and lately. */
static bool read_lately(const struct loop *l, int64_t meter_id, int64_t epoch, int64_t *wh,
                        wall_s *at)
{
    wall_s newest;
    int64_t of = 0;
    return l->readings && readings_newest(l->readings, meter_id, &newest, &of) && of == epoch &&
           readings_value(l->readings, meter_id, POINT_ENERGY_WH, wh, at) &&
           at->s <= l->turn.now.s && l->turn.now.s - at->s <= READING_S;
}

static enum err take_meter(struct giving *g, size_t i, bool *fits)
{
    struct loop *l = g->l;
    const struct billing_meter *b = &l->outlook.meters[i];
    const struct control_row *r = &l->relay[i];
    struct uplink_permit_meter *m = &g->meters[i];
    wall_s at = {0};
    int64_t gateway_id = 0;
    *m = (struct uplink_permit_meter){
        .meter_id = b->meter_id, .epoch = b->epoch, .rise_per_hour = READINGS_POWER_MAX_W};
    *fits = false;
    if (!b->open || b->refusal != ERR_OK || r->next_at.s != 0 || r->desired == CONTROL_OPEN ||
        !read_lately(l, b->meter_id, b->epoch, &m->register_wh, &at))
        return ERR_OK;
    TRY(billing_ratio_at(l->turn.tx, b->meter_id, l->turn.now, &m->ratio));
    enum err e = headend_gateway_of_meter(l->turn.tx, b->meter_id, &gateway_id);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    if (g->permit.at.s == 0 || at.s < g->permit.at.s)
        g->permit.at = at;
    *fits = i == 0 || gateway_id == g->row.gateway_id;
    g->row.gateway_id = gateway_id;
    return ERR_OK;
}

/* All of them, at one gateway, nothing under way. */
static enum err take_meters(struct giving *g, bool *fit)
{
    *fit = g->l->outlook.meter_count <= UPLINK_PERMIT_METERS_MAX;
    for (size_t i = 0; *fit && i < g->l->outlook.meter_count; i++)
        TRY(take_meter(g, i, fit));
    g->permit.meter_count = g->l->outlook.meter_count;
    return ERR_OK;
}

/* --- what is left --------------------------------------------------------------------------------
 */

/* What the cycles have counted says nothing under another plan: that one is settled soon. */
static bool counts_hold(const struct giving *g)
{
    const struct rating_plan *plan = &g->l->outlook.plan;
    bool counts =
        plan->quota.amount_wh != 0 || plan->subsidy_count > 0 || plan->power_factor.row_count > 0;
    for (size_t i = 0; counts && i < g->l->outlook.meter_count; i++)
        if (!g->l->outlook.meters[i].in_force)
            return false;
    return true;
}

static enum err find_more(struct giving *g)
{
    struct loop *l = g->l;
    const struct rating_plan *plan = &l->outlook.plan;
    int32_t offset_s;
    TRY(billing_project_offset(l->turn.tx, l->outlook.account.project_id, l->turn.now, &offset_s));
    if (plan->has_zone)
        offset_s = plan->zone_offset_s;
    int32_t day = civil_local_day(l->turn.now, offset_s);
    g->more = (struct away_more){.until_day = INT32_MAX};
    for (size_t i = 0; i < l->outlook.meter_count; i++)
        TRY(away_more(plan, &l->outlook.meters[i].position, day, &g->more));
    g->more_until.s = INT64_MAX;
    if (g->more.until_day != INT32_MAX)
        g->more_until = civil_day_start(g->more.until_day, offset_s);
    return ERR_OK;
}

/* A settlement a day and meter is a bill; one is running. */
static int64_t bills(const struct giving *g)
{
    int64_t days = (g->permit.valid_until.s - g->l->turn.now.s) / (24 * HOUR_S) + 2;
    return days * (int64_t)g->l->outlook.meter_count;
}

static enum err find_left(struct giving *g, int64_t price_e8)
{
    int64_t fen = g->l->facts.available_fen - cut_at_fen(g);
    TRY(units_add(fen > 0 ? fen : 0, g->more.credit_fen, &fen));
    TRY(units_add(fen, away_rounding_fen(&g->l->outlook.plan, bills(g)), &fen));
    return units_add(away_energy_wh(fen, price_e8), g->more.free_wh, &g->permit.left_wh);
}

/* --- cuts ----------------------------------------------------------------------------------------
 */

static enum err find_allowed(struct giving *g, size_t i, int64_t version, int64_t *id)
{
    enum err e = store_int(g->l->turn.tx, id,
                           "SELECT id FROM away_meter WHERE meter_id = $1 AND version = $2 "
                           "AND account_id = $3",
                           "iii", g->meters[i].meter_id, version, g->permit.account_id);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err write_audit(struct giving *g, size_t i)
{
    char object[64];
    struct detail d = {};
    detail_int(&d, "permission", g->meters[i].command_id);
    detail_int(&d, "version", g->meters[i].version);
    detail_int(&d, "left_wh", g->permit.left_wh);
    detail_int(&d, "register_wh", g->meters[i].register_wh);
    detail_int(&d, "until", g->permit.valid_until.s);
    detail_text(&d, "strategy", g->row.strategy);
    snprintf(object, sizeof object, "relay:%lld/0", (long long)g->meters[i].meter_id);
    return journal_append(
        g->l->turn.tx,
        &(struct journal_act){g->l->turn.now, "system", "away.permit", object, detail_end(&d)});
}

/* The same cut as before, or a new one of a version that is reserved for it. */
static enum err allow_cut(struct giving *g, size_t i)
{
    struct loop *l = g->l;
    struct control_row *r = &l->relay[i];
    struct uplink_permit_meter *m = &g->meters[i];
    bool goes_on = g->old.state == AWAY_LIVE && g->old.gateway_id == g->row.gateway_id;
    if (goes_on)
        TRY(find_allowed(g, i, r->version, &m->command_id));
    if (m->command_id == 0) {
        r->version++;
        TRY(control_row_save(l->turn.tx, r));
        m->command_id = (int64_t)(rand_u64(&l->turn.ids) >> 1) | 1;
        g->fresh = true;
        m->version = r->version;
        TRY(write_audit(g, i));
    }
    m->version = r->version;
    return store_exec(l->turn.tx,
                      "INSERT INTO away_meter (id, account_id, meter_id, version, register_wh, "
                      "ratio, left_wh, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
                      "ON CONFLICT (id) DO UPDATE SET register_wh = excluded.register_wh, "
                      "ratio = excluded.ratio, left_wh = excluded.left_wh, "
                      "made_at = excluded.made_at",
                      "iiiiiiii", m->command_id, g->permit.account_id, m->meter_id, m->version,
                      m->register_wh, m->ratio, g->permit.left_wh, l->turn.now.s);
}

static enum err allow_cuts(struct giving *g)
{
    TRY(store_exec(g->l->turn.tx, "DELETE FROM away_meter WHERE account_id = $1 AND made_at < $2",
                   "ii", g->permit.account_id, g->l->turn.now.s - KEEP_S));
    for (size_t i = 0; i < g->permit.meter_count; i++)
        if (g->l->cuts[i])
            TRY(allow_cut(g, i));
    return ERR_OK;
}

/* --- giving --------------------------------------------------------------------------------------
 */

static enum err tell(struct giving *g)
{
    struct detail d = {};
    detail_int(&d, "left_wh", g->permit.left_wh);
    detail_int(&d, "until", g->permit.valid_until.s);
    detail_text(&d, "strategy", g->row.strategy);
    return fee_tell(g->l, EVENT_FEE_PERMIT, detail_end(&d));
}

/* Nothing moved that it rests on, and it is not old. */
static bool still_good(const struct giving *g)
{
    const struct away_row *a = &g->old, *b = &g->row;
    return a->state == AWAY_LIVE && a->gateway_id == b->gateway_id &&
           b->made_at.s - a->made_at.s < RENEW_S && a->valid_until.s <= b->valid_until.s &&
           a->prepayment_fen == b->prepayment_fen && a->plan_version == b->plan_version &&
           strcmp(a->strategy, b->strategy) == 0;
}

static enum err put(struct giving *g)
{
    TRY(allow_cuts(g));
    g->permit.meters = g->meters;
    g->permit.windows = g->windows;
    TRY(headend_permit_put(g->l->turn.tx, g->row.gateway_id, &g->permit));
    g->row.state = AWAY_LIVE;
    TRY(away_save(g->l->turn.tx, &g->row));
    return g->fresh ? tell(g) : ERR_OK;
}

/* Money came since, while nothing can be read: what was worked out is not true any more. */
static bool got_money(const struct giving *g)
{
    return g->old.state == AWAY_LIVE && g->l->facts.available_known &&
           g->l->facts.available_fen > g->old.available_fen;
}

static enum err give(struct giving *g)
{
    struct loop *l = g->l;
    int64_t price_e8;
    bool fit;
    TRY(take_meters(g, &fit));
    if (!fit || !counts_hold(g)) /* not read lately, or something is under way: later */
        return got_money(g) ? control_away_end(&l->turn, l->outlook.account.id, "payment") : ERR_OK;
    if (away_price(&l->outlook.plan, &price_e8) != AWAY_PLAN_PRICED)
        return control_away_end(&l->turn, l->outlook.account.id, "strategy");
    g->permit.account_id = l->outlook.account.id;
    TRY(find_more(g));
    TRY(find_times(g));
    TRY(find_left(g, price_e8));
    if (g->permit.window_count == 0)
        return control_away_end(&l->turn, l->outlook.account.id, "strategy");
    g->row.account_id = l->outlook.account.id;
    g->row.made_at = l->turn.now;
    g->row.valid_from = g->permit.valid_from;
    g->row.valid_until = g->permit.valid_until;
    g->row.left_wh = g->permit.left_wh;
    g->row.available_fen = l->facts.available_fen;
    g->row.prepayment_fen = l->outlook.prepayment_fen;
    g->row.plan_version = l->outlook.plan_version;
    snprintf(g->row.strategy, sizeof g->row.strategy, "%s", l->in_force.text);
    return still_good(g) ? ERR_OK : put(g);
}

/* The gateway cut, and we know it now: what follows a cut of ours follows. */
static enum err follow(struct giving *g)
{
    struct loop *l = g->l;
    TRY(away_set_state(l->turn.tx, l->outlook.account.id, AWAY_TOLD));
    bool off = l->facts.desired == STRATEGY_DESIRED_OPEN_MONEY;
    return off && l->decision.action != STRATEGY_RESTORE ? fee_cut_taken_over(l) : ERR_OK;
}

enum err fee_away(struct loop *l)
{
    struct giving g = {.l = l};
    int64_t account_id = l->outlook.account.id;
    TRY(away_load(l->turn.tx, account_id, &g.old));
    if (g.old.state == AWAY_USED)
        return follow(&g);
    if (l->in_force.policy.away_hours == 0 && g.old.state != AWAY_LIVE)
        return ERR_OK;
    TRY(foresee(&g));
    uint64_t guards = standing(&g);
    bool unproposed = l->in_force.policy.approval != STRATEGY_APPROVAL_NONE && l->approval.id == 0;
    bool never = l->in_force.policy.away_hours == 0 || (guards & ~IN_DOUBT) != 0 || unproposed ||
                 l->facts.emergency_fen > 0;
    if (never || (guards != 0 && got_money(&g)))
        return control_away_end(&l->turn, account_id, "payment");
    bool acts = l->decision.action == STRATEGY_CUT || l->decision.action == STRATEGY_RESTORE ||
                l->decision.action == STRATEGY_LIMIT;
    return guards != 0 || acts ? ERR_OK : give(&g);
}

/* --- looking in ----------------------------------------------------------------------------------
 */

static enum err look(struct loop *l, int64_t account_id, struct control_away *out)
{
    struct giving g = {.l = l};
    int64_t price_e8;
    TRY(away_load(l->turn.tx, account_id, &g.old));
    out->live = g.old.state == AWAY_LIVE && g.old.valid_until.s > l->turn.now.s;
    out->made_at = g.old.made_at;
    out->valid_from = g.old.valid_from;
    out->valid_until = g.old.valid_until;
    out->left_wh = g.old.left_wh;
    out->gateway_id = g.old.gateway_id;
    enum err e = fee_judge(l, account_id);
    if (e != ERR_OK && (e == ERR_NOT_FOUND || err_class_of(e) != ERR_CLASS_REFUSE))
        return e;
    if (e != ERR_OK) { /* it cannot be judged: then nobody is cut either */
        out->guards = STRATEGY_GUARD(STRATEGY_BECAUSE_BALANCE_UNKNOWN);
        return ERR_OK;
    }
    out->hours = l->in_force.policy.away_hours;
    TRY(foresee(&g));
    out->guards = standing(&g);
    out->plan = away_price(&l->outlook.plan, &price_e8);
    return ERR_OK;
}

enum err control_away_look(struct store_tx *tx, const struct control_fee *fee,
                           struct control_away *out)
{
    struct loop *l = fee_loop_new(tx, fee);
    *out = (struct control_away){};
    if (!l)
        return ERR_MEMORY;
    enum err e = look(l, fee->account_id, out);
    free(l);
    return e;
}
