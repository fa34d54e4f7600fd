/* After a decision: is the account short, watched or quiet until the next one (billing/quiet.h)? */
#include "billing/quiet.h"
#include "control/fee_impl.h"
#include "control/nday.h"

#define DAY_S 86'400
#define WAIT_S 900 /* after midnight, until the readings of the day's end are in */
#define MEAN_S (7 * DAY_S)
#define MARGIN_MAX_FEN (INT64_C(1) << 40)

/* --- until when ----------------------------------------------------------------------------------
 */

/* Everybody is rated once a day, when the policy's hours for it begin. */
static wall_s next_full(const struct loop *l, wall_s midnight)
{
    int64_t from_s = (int64_t)l->in_force.policy.rate_from * 60;
    return (wall_s){midnight.s + (from_s > WAIT_S ? from_s : WAIT_S)};
}

static void bring_forward(wall_s *until, int64_t at_s)
{
    if (at_s != 0 && at_s < until->s)
        until->s = at_s;
}

enum err fee_next_change(struct loop *l, int64_t *at_s)
{
    return fee_change_after(l->turn.tx, &l->outlook.account, l->turn.now, at_s);
}

enum err fee_change_after(struct store_tx *tx, const struct site_account *a, wall_s at,
                          int64_t *at_s)
{
    return store_int(tx, at_s,
                     "SELECT coalesce(min(at), 0) FROM ("
                     "SELECT min(effective_at) AS at FROM price_plan WHERE project_id = $1 "
                     "AND effective_at > $3 UNION ALL "
                     "SELECT min(effective_at) FROM strategy WHERE project_id = $1 "
                     "AND effective_at > $3 UNION ALL "
                     "SELECT min(effective_at) FROM strategy_package WHERE project_id = $1 "
                     "AND effective_at > $3 UNION ALL "
                     "SELECT min(from_at) FROM account_term WHERE account_id = $2 "
                     "AND from_at > $3) AS changes",
                     "iii", a->project_id, a->id, at.s);
}

static bool uses_mean(const struct strategy_policy *p)
{
    bool days = false, percent = false;
    for (int i = 0; i < STRATEGY_LEVELS_MAX - 1; i++) {
        days = days || p->level_days[i] > 0;
        percent = percent || p->level_percent[i] > 0;
    }
    return days || (percent && p->percent_of == STRATEGY_OF_WARNING);
}

/* The mean of the settled days stands until the oldest of them is too old. false: it moves with
 * every reading. */
static enum err mean_stands(struct loop *l, wall_s *until, bool *stands)
{
    struct query q = query_open(l->turn.tx,
                                "SELECT coalesce(max(closed_at) - min(opened_at), 0), "
                                "coalesce(min(closed_at), 0) FROM settlement "
                                "WHERE account_id = $1 AND closed_at > $2",
                                "ii", l->outlook.account.id, l->turn.now.s - MEAN_S);
    *stands = true;
    if (query_step(&q)) {
        *stands = query_int(&q, 0) >= DAY_S;
        if (*stands)
            bring_forward(until, query_int(&q, 1) + MEAN_S);
    }
    return query_end(&q);
}

/* --- quiet? --------------------------------------------------------------------------------------
 */

/* Nothing runs but the meter. */
static bool is_calm(const struct loop *l)
{
    const struct strategy_facts *f = &l->facts;
    const struct strategy_decision *d = &l->decision;
    bool rated = true;
    for (size_t i = 0; i < l->outlook.meter_count; i++)
        rated = rated && l->outlook.meters[i].open && l->outlook.meters[i].refusal == ERR_OK;
    return rated && f->wallet == STRATEGY_WALLET_PLATFORM && f->available_known &&
           f->clock_trusted && d->level == 0 && l->episode.level == 0 &&
           d->action == STRATEGY_NONE && d->not_before.s == 0 && f->emergency_fen == 0 &&
           f->desired <= STRATEGY_DESIRED_CLOSED && l->approval.id == 0 &&
           l->episode.limited_at.s == 0 && !f->some_limited;
}

/* The most that can be lost with the level still 0. */
static int64_t margin_fen(const struct loop *l)
{
    struct strategy_facts f = l->facts;
    int64_t low = 0, high = MARGIN_MAX_FEN;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        f.available_fen = l->facts.available_fen - middle;
        if (strategy_level_of(&l->in_force.policy, &f) == 0)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static enum err seek_quiet(struct loop *l, wall_s midnight, struct quiet_row *row)
{
    wall_s until = midnight;
    int64_t change_s;
    bool stands = true;
    if (!is_calm(l))
        return ERR_OK;
    if (uses_mean(&l->in_force.policy))
        TRY(mean_stands(l, &until, &stands));
    TRY(fee_next_change(l, &change_s));
    bring_forward(&until, change_s);
    if (!stands || until.s <= l->turn.now.s)
        return ERR_OK;
    TRY(quiet_allow(l->turn.tx, l->readings, &l->outlook, margin_fen(l), until, &row->allow_wh));
    if (row->allow_wh > 0) {
        row->state = QUIET_QUIET;
        row->quiet_until = until;
    }
    return ERR_OK;
}

/* --- all -----------------------------------------------------------------------------------------
 */

static enum err is_selected(struct loop *l, bool *selected)
{
    struct nday_row row = {};
    enum err e = nday_get(l->turn.tx, l->outlook.account.id, &row);
    *selected = row.selected;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Supply is off already: nothing can come that is urgent. */
static bool is_off(const struct loop *l)
{
    return l->facts.desired == STRATEGY_DESIRED_OPEN_MONEY && !l->facts.partly_cut;
}

static enum err classify(struct loop *l, struct quiet_row *row)
{
    int32_t offset_s;
    bool selected;
    TRY(billing_project_offset(l->turn.tx, row->project_id, l->turn.now, &offset_s));
    wall_s midnight = civil_day_start(l->local_day + 1, offset_s);
    row->next_at = next_full(l, midnight);
    TRY(is_selected(l, &selected));
    if (!selected)
        return seek_quiet(l, midnight, row);
    row->state = QUIET_SHORT;
    if (!is_off(l))
        row->next_at.s = l->turn.now.s + QUIET_SHORT_S;
    return ERR_OK;
}

/* Most checks of accounts that are looked at often end without a write. */
static bool stays(const struct quiet_row *old, const struct quiet_row *row)
{
    if (old->state != row->state || row->state == QUIET_QUIET)
        return false;
    int64_t soon_s = row->state == QUIET_SHORT ? QUIET_SHORT_S / 2 : 0;
    return old->next_at.s > row->rated_at.s + soon_s;
}

enum err fee_watch(struct loop *l)
{
    struct quiet_row old = {}, row = {.account_id = l->outlook.account.id,
                                      .project_id = l->outlook.account.project_id,
                                      .state = QUIET_WATCHED,
                                      .rated_at = l->turn.now};
    enum err e = quiet_get(l->turn.tx, row.account_id, &old);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (l->in_force.policy.rate_days == 0)
        return e == ERR_OK ? quiet_drop(l->turn.tx, row.account_id) : ERR_OK;
    TRY(classify(l, &row));
    return e == ERR_OK && stays(&old, &row) ? ERR_OK : quiet_put(l->turn.tx, l->readings, &row);
}
