#include "control/preview.h"

#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "control/preview_impl.h"

struct preview {
    struct store_tx *tx;
    const struct control_preview *asked;
    control_preview_each *each;
    void *arg;
    struct control_preview_sum *sum;
    int32_t offset_s;
    wall_s first, until; /* midnight of the first day that is told, and of today */
    struct control_policy in_force, proposed;
    struct loop loop;
    struct control_preview_day before[CONTROL_PREVIEW_DAYS_MAX], after[CONTROL_PREVIEW_DAYS_MAX];
};

/* --- today ---------------------------------------------------------------------------------------
 */

/* The decision of the loop and what it would write; the loop's own change to another policy. */
static enum err decide_now(struct preview *v, const struct control_policy *policy,
                           struct control_preview_now *now)
{
    struct loop *l = &v->loop;
    l->episode = l->stored;
    l->in_force = *policy;
    if (*l->episode.strategy && strcmp(l->episode.strategy, policy->text) != 0)
        l->episode.level_fen = INT64_MIN;
    TRY(fee_gather(l));
    struct strategy_decision d = strategy_decide(&policy->policy, &l->facts);
    struct fee_step s = {&policy->policy, &l->facts, &d, l->local_day};
    fee_step_level(&l->episode, &s);
    bool lives = l->outlook.meter_count > 0; /* without a meter nothing is decided */
    now->level = d.level;
    now->warn = fee_step_tell(&l->episode, &s) != FEE_TELL_NOTHING && lives;
    now->cut = d.action == STRATEGY_CUT && lives;
    now->restore = d.action == STRATEGY_RESTORE && lives;
    now->held = d.cut_due && d.guards != 0 && l->facts.wallet == STRATEGY_WALLET_PLATFORM &&
                l->facts.desired != STRATEGY_DESIRED_OPEN_MONEY;
    now->action = d.action;
    now->reason = d.reason;
    now->guards = d.guards;
    return ERR_OK;
}

static bool refuses(enum err e)
{
    return e != ERR_OK && err_class_of(e) == ERR_CLASS_REFUSE;
}

static enum err look_at_now(struct preview *v, struct control_preview_row *row)
{
    struct loop *l = &v->loop;
    const struct control_preview *p = v->asked;
    *l = (struct loop){.readings = p->readings,
                       .turn = control_turn_of(v->tx, p->now, "system", 1),
                       .outlook.account = *row->account};
    TRY(fee_episode_load(v->tx, row->account->id, &l->stored));
    row->refusal = billing_outlook(v->tx, p->readings, row->account->id, p->now, &l->outlook);
    if (row->refusal != ERR_OK)
        return refuses(row->refusal) ? ERR_OK : row->refusal;
    row->available_known = l->outlook.available_known;
    row->available_fen = l->outlook.available_fen;
    if (row->compared)
        TRY(decide_now(v, &v->in_force, &row->before.now));
    return decide_now(v, &v->proposed, &row->after.now);
}

/* --- the past
 * --------------------------------------------------------------------------------------
 */

/* Only days that the account lived through from their beginning. */
static wall_s first_day(const struct preview *v, const struct site_account *a)
{
    int64_t warm_up_s = CONTROL_PREVIEW_WARM_UP_DAYS * PREVIEW_DAY_S;
    wall_s from = {v->first.s - warm_up_s};
    while (from.s < a->opened_at.s)
        from.s += PREVIEW_DAY_S;
    return from;
}

static enum err look_back(struct preview *v, struct control_preview_row *row)
{
    struct preview_history h = {.account = row->account,
                                .from = first_day(v, row->account),
                                .until = v->until,
                                .offset_s = v->offset_s};
    bool known = v->asked->readings && row->refusal == ERR_OK;
    if (h.from.s >= h.until.s)
        return ERR_OK;
    struct preview_source source = {v->tx, v->asked->readings, v->asked->readings_store,
                                    known ? &v->loop.outlook : NULL};
    enum err e = preview_history_load(&source, &h);
    if (e == ERR_OK && row->compared)
        preview_replay(&h, &v->in_force.policy, v->first, v->before, &row->before.past);
    if (e == ERR_OK)
        preview_replay(&h, &v->proposed.policy, v->first, v->after, &row->after.past);
    preview_history_free(&h);
    return e;
}

/* --- counting
 * --------------------------------------------------------------------------------------
 */

static void count_side(struct control_preview_count *c, const struct control_preview_side *s)
{
    c->warn += s->now.warn;
    c->cut += s->now.cut;
    c->restore += s->now.restore;
    c->held += s->now.held;
    c->past_warned += s->past.notices > 0;
    c->past_cut += s->past.cuts > 0;
    c->notices += s->past.notices;
    c->cuts += s->past.cuts;
}

static void count_change(int64_t *newly, int64_t *no_longer, bool before, bool after)
{
    *newly += after && !before;
    *no_longer += before && !after;
}

static void count(struct control_preview_sum *sum, const struct control_preview_row *r)
{
    const struct control_preview_side *b = &r->before, *a = &r->after;
    sum->accounts++;
    sum->refused += r->refusal != ERR_OK;
    count_side(&sum->before, b);
    count_side(&sum->after, a);
    count_change(&sum->newly_warned, &sum->no_longer_warned, b->now.warn, a->now.warn);
    count_change(&sum->newly_cut, &sum->no_longer_cut, b->now.cut, a->now.cut);
    count_change(&sum->past_newly_warned, &sum->past_no_longer_warned, b->past.notices > 0,
                 a->past.notices > 0);
    count_change(&sum->past_newly_cut, &sum->past_no_longer_cut, b->past.cuts > 0,
                 a->past.cuts > 0);
}

static bool side_concerns(const struct control_preview_side *s)
{
    return s->now.warn || s->now.cut || s->now.restore || s->now.held || s->past.notices > 0 ||
           s->past.cuts > 0;
}

bool control_preview_concerns(const struct control_preview_row *row)
{
    return row->refusal != ERR_OK || side_concerns(&row->before) || side_concerns(&row->after);
}

/* --- all
 * -------------------------------------------------------------------------------------------
 */

/* The policy in force and the proposed one of an account; *asked: the proposal is about it. */
static enum err find_policies(struct preview *v, struct control_preview_row *row, bool *asked)
{
    const struct control_preview *p = v->asked;
    const struct control_proposal proposal = {p->code, p->policy};
    enum err e =
        control_policy_proposed(v->tx, row->account, p->now, &proposal, &v->proposed, asked);
    if (refuses(e)) /* the strategy that it names is not there */
        *asked = false;
    else
        TRY(e);
    if (!*asked)
        return ERR_OK;
    e = control_policy_of(v->tx, row->account, p->now, &v->in_force);
    row->compared = e == ERR_OK;
    if (!row->compared)
        return refuses(e) ? ERR_OK : e;
    row->strategy = v->in_force.text;
    return ERR_OK;
}

static enum err look_at(struct preview *v, const struct site_account *a)
{
    struct control_preview_row row = {.account = a, .strategy = "", .refusal = ERR_OK};
    bool asked = false;
    TRY(find_policies(v, &row, &asked));
    if (!asked)
        return ERR_OK;
    if (v->asked->readings)
        TRY(look_at_now(v, &row));
    TRY(look_back(v, &row));
    count(v->sum, &row);
    return v->each(v->arg, &row);
}

static enum err look(void *arg, const struct site_account *a)
{
    struct preview *v = arg;
    struct control_preview_sum *sum = v->sum;
    sum->last_id = a->id;
    if (a->closed_at.s != 0)
        return ERR_OK;
    sum->seen++;
    TRY(look_at(v, a));
    if (v->asked->progress && !v->asked->progress(v->asked->progress_arg, sum->seen))
        return ERR_IO_CLOSED;
    return ERR_OK;
}

static enum err is_there_more(struct preview *v)
{
    int64_t left = 0;
    if (v->asked->limit > 0)
        TRY(store_int(v->tx, &left,
                      "SELECT count(*) FROM (SELECT 1 FROM account WHERE project_id = $1 "
                      "AND id > $2 LIMIT 1)",
                      "ii", v->asked->project_id, v->sum->last_id));
    v->sum->more = left > 0 && v->sum->last_id > 0;
    return ERR_OK;
}

static enum err run(struct preview *v)
{
    const struct control_preview *p = v->asked;
    struct site_project project;
    TRY(strategy_policy_check(p->policy, NULL));
    if (p->days < 0 || p->days > CONTROL_PREVIEW_DAYS_MAX)
        return ERR_RANGE;
    TRY(site_project_get(v->tx, p->project_id, &project));
    TRY(billing_wall_offset(project.zone, p->now, &v->offset_s));
    int32_t today = civil_local_day(p->now, v->offset_s);
    v->until = civil_day_start(today, v->offset_s);
    v->first = civil_day_start(today - (int32_t)p->days, v->offset_s);
    TRY(control_breaker_limit(v->tx, p->project_id, &v->sum->breaker));
    TRY(site_accounts(v->tx, p->project_id, p->after, p->limit, look, v));
    return is_there_more(v);
}

enum err control_preview(struct store_tx *tx, const struct control_preview *p,
                         control_preview_each *each, void *arg, struct control_preview_sum *sum)
{
    struct preview *v = calloc(1, sizeof *v);
    if (!v)
        return ERR_MEMORY;
    *sum = (struct control_preview_sum){};
    v->tx = tx;
    v->asked = p;
    v->each = each;
    v->arg = arg;
    v->sum = sum;
    enum err e = run(v);
    free(v);
    return e;
}
