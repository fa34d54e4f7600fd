#include "control/nday.h"

#include <stdlib.h>
#include <string.h>

#include "control/control_impl.h"
#include "control/policy.h"
#include "journal/aside.h"
#include "site/site.h"

#define DAY_S 86'400
#define AGAIN_S 600 /* a selected account that nobody judged is made due again */
#define LEAST_DAYS 1
#define UNKNOWN_S 3'600 /* what could not be foreseen is tried again so much later */

/* --- pure ----------------------------------------------------------------------------------------
 */

int32_t nday_need(const struct strategy_policy *policy, const struct nday *f, int64_t available_fen)
{
    struct strategy_policy any = *policy;
    any.rate_days = 1;
    for (int32_t n = 1; n <= f->days; n++)
        if (strategy_rate_soon(&any, available_fen, f->cost_fen[n - 1][FORECAST_P99]))
            return n;
    return 0;
}

int32_t nday_tune(const int64_t accounts[NDAY_AHEAD_MAX + 1], int64_t budget, int32_t n_days,
                  int32_t least)
{
    int64_t selected = 0;
    int32_t n = 0;
    if (budget == 0)
        return n_days;
    while (n < NDAY_AHEAD_MAX && selected + accounts[n + 1] <= budget)
        selected += accounts[++n];
    return n < least ? least : n;
}

static bool is_reached(const struct strategy_policy *policy, const struct strategy_facts *facts,
                       int base, int64_t used_fen)
{
    struct strategy_facts f = *facts;
    f.available_fen -= used_fen;
    return f.available_fen <= policy->cut_at_fen || strategy_level_of(policy, &f) > base;
}

/* By halving: once a threshold is reached it stays reached, the more is used. */
int64_t nday_headroom(const struct strategy_policy *policy, const struct strategy_facts *facts)
{
    int base = strategy_level_of(policy, facts);
    int64_t low = 0, high;
    if (facts->available_fen <= policy->cut_at_fen)
        return 0;
    high = facts->available_fen - policy->cut_at_fen;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (is_reached(policy, facts, base, middle))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* --- looking at one account
 * ------------------------------------------------------------------------ */

/* One call: what is the same for many accounts. */
struct look {
    struct store_tx *tx;
    const struct nday_turn *turn;
    char strategy[CONTROL_STRATEGY_TEXT_MAX]; /* whose n was tuned last */
    int32_t n_days;
    struct billing_outlook outlook;
    struct nday ahead;
    struct control_policy policy;
};

/* By need; those that need nobody's look for a month are very many, and do not count. */
static enum err count_needs(const struct look *l, int64_t accounts[NDAY_AHEAD_MAX + 1])
{
    struct query q = query_open(l->tx,
                                "SELECT need_days, count(*) FROM nday WHERE strategy = $1 "
                                "AND need_days BETWEEN 1 AND $2 GROUP BY need_days",
                                "ti", l->policy.text, (int64_t)NDAY_AHEAD_MAX);
    while (query_step(&q))
        accounts[query_int(&q, 0)] = query_int(&q, 1);
    return query_end(&q);
}

static enum err tune(struct look *l)
{
    int64_t accounts[NDAY_AHEAD_MAX + 1] = {};
    const struct strategy_policy *p = &l->policy.policy;
    if (strcmp(l->strategy, l->policy.text) == 0)
        return ERR_OK;
    if (p->rate_days && p->rate_budget)
        TRY(count_needs(l, accounts));
    memcpy(l->strategy, l->policy.text, sizeof l->strategy);
    l->n_days =
        p->rate_days ? nday_tune(accounts, p->rate_budget, (int32_t)p->rate_days, LEAST_DAYS) : 0;
    return ERR_OK;
}

/* Due at once; what was due earlier stays so. */
static enum err make_due(struct store_tx *tx, int64_t account_id, wall_s now)
{
    return store_exec(tx,
                      "INSERT INTO fee_state (account_id, due_at) VALUES ($1, $2) ON CONFLICT "
                      "(account_id) DO UPDATE SET due_at = min(coalesce(due_at, $2), $2)",
                      "ii", account_id, now.s);
}

/* The strategy's hour of the next local day. */
static int64_t next_look(const struct strategy_policy *p, wall_s now, int32_t offset_s)
{
    int32_t tomorrow = civil_local_day(now, offset_s) + 1;
    return civil_day_start(tomorrow, offset_s).s + p->rate_from * 60;
}

static enum err write_row(struct look *l, int64_t account_id, int32_t need, int64_t next_at)
{
    int32_t offset_s;
    wall_s now = l->turn->now;
    bool selected = need > 0 && need <= l->n_days;
    TRY(billing_project_offset(l->tx, l->outlook.account.project_id, now, &offset_s));
    TRY(store_exec(l->tx,
                   "INSERT INTO nday (account_id, strategy, day, need_days, n_days, selected, "
                   "looked_at, next_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT "
                   "(account_id) DO UPDATE SET strategy = excluded.strategy, day = excluded.day, "
                   "need_days = excluded.need_days, n_days = excluded.n_days, selected = "
                   "excluded.selected, looked_at = excluded.looked_at, next_at = "
                   "excluded.next_at, judged_at = NULL",
                   "itiiiiii", account_id, l->policy.text, (int64_t)civil_local_day(now, offset_s),
                   (int64_t)need, (int64_t)l->n_days, (int64_t)selected, now.s, next_at));
    return selected ? make_due(l->tx, account_id, now) : ERR_OK;
}

static enum err look_at(struct look *l, int64_t account_id)
{
    wall_s now = l->turn->now;
    int32_t offset_s;
    TRY(billing_outlook(l->tx, l->turn->readings, account_id, now, &l->outlook));
    TRY(control_policy_of(l->tx, &l->outlook.account, now, &l->policy));
    TRY(tune(l));
    TRY(billing_project_offset(l->tx, l->outlook.account.project_id, now, &offset_s));
    int64_t next_at = next_look(&l->policy.policy, now, offset_s);
    if (l->n_days == 0 || !l->outlook.available_known)
        return write_row(l, account_id, 0, l->n_days == 0 ? next_at : now.s + UNKNOWN_S);
    TRY(nday_foresee(l->tx, l->turn->readings, account_id, now, NDAY_AHEAD_MAX, &l->ahead));
    int32_t need = nday_need(&l->policy.policy, &l->ahead, l->outlook.available_fen);
    return write_row(l, account_id, need, next_at);
}

/* An account that cannot be looked at (no price, no strategy) must not keep the others waiting. */
static enum err pass_over(struct look *l, int64_t account_id)
{
    return store_exec(l->tx,
                      "INSERT INTO nday (account_id, strategy, day, need_days, n_days, selected, "
                      "looked_at, next_at) VALUES ($1, '', 0, 0, 0, 0, $2, $3) ON CONFLICT "
                      "(account_id) DO UPDATE SET need_days = 0, selected = 0, looked_at = "
                      "excluded.looked_at, next_at = excluded.next_at",
                      "iii", account_id, l->turn->now.s, l->turn->now.s + UNKNOWN_S);
}

/* --- the scan
 * -------------------------------------------------------------------------------------- */

static enum err find(struct store_tx *tx, const struct nday_turn *turn, int64_t *ids,
                     int64_t *count)
{
    *count = 0;
    struct query q = query_open(tx,
                                "SELECT account_id FROM nday WHERE next_at <= $1 UNION ALL SELECT "
                                "id FROM account WHERE closed_at IS NULL AND id > (SELECT "
                                "coalesce(max(account_id), 0) FROM nday) LIMIT $2",
                                "ii", turn->now.s, turn->limit);
    while (query_step(&q) && *count < turn->limit)
        ids[(*count)++] = query_int(&q, 0);
    return query_end(&q);
}

/* Selected, and nobody has judged it since: it is made due again until somebody has. */
static enum err remind(struct store_tx *tx, wall_s now)
{
    return store_exec(
        tx,
        "UPDATE fee_state SET due_at = min(coalesce(due_at, $1), $1) WHERE account_id "
        "IN (SELECT account_id FROM nday WHERE selected = 1 AND judged_at IS NULL AND "
        "looked_at <= $2)",
        "ii", now.s, now.s - AGAIN_S);
}

struct one {
    struct look *look;
    int64_t account_id;
};

static enum err look_at_one(struct store_tx *tx, void *arg)
{
    const struct one *one = arg;
    (void)tx; /* the look's */
    enum err e = look_at(one->look, one->account_id);
    bool refused = e != ERR_OK && e != ERR_STORE_CONSTRAINT && err_class_of(e) == ERR_CLASS_REFUSE;
    return refused ? pass_over(one->look, one->account_id) : e;
}

static enum err look_at_each(struct look *l, const int64_t *ids, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        struct one one = {l, ids[i]};
        enum err e;
        TRY(store_part(l->tx, look_at_one, &one, &e));
        if (aside_is_of_machine(e))
            return e;
        if (e == ERR_OK)
            continue;
        struct aside a = {"forecast", ids[i], .now = l->turn->now, .account_id = ids[i]};
        TRY(pass_over(l, ids[i]));
        TRY(aside_tell(l->tx, &a, e));
    }
    return ERR_OK;
}

static enum err look_at_all(struct store_tx *tx, const struct nday_turn *turn, const int64_t *ids,
                            int64_t count)
{
    if (count == 0)
        return ERR_OK; /* mostly: room for a look is large */
    struct look *l = calloc(1, sizeof *l);
    if (!l)
        return ERR_MEMORY;
    l->tx = tx;
    l->turn = turn;
    enum err e = look_at_each(l, ids, count);
    free(l);
    return e;
}

enum err nday_tick(struct store_tx *tx, const struct nday_turn *turn, int64_t *worked)
{
    int64_t *ids = calloc((size_t)turn->limit + 1, sizeof *ids);
    *worked = 0;
    enum err e = ids ? find(tx, turn, ids, worked) : ERR_MEMORY;
    if (e == ERR_OK)
        e = look_at_all(tx, turn, ids, *worked);
    if (e == ERR_OK)
        e = remind(tx, turn->now);
    free(ids);
    return e;
}

enum err nday_get(struct store_tx *tx, int64_t account_id, struct nday_row *out)
{
    struct query q = query_open(tx,
                                "SELECT day, need_days, n_days, selected, looked_at, judged_at "
                                "FROM nday WHERE account_id = $1",
                                "i", account_id);
    bool found = query_step(&q);
    if (found)
        *out = (struct nday_row){.day = (int32_t)query_int(&q, 0),
                                 .need_days = query_int(&q, 1),
                                 .n_days = query_int(&q, 2),
                                 .selected = query_int(&q, 3) != 0,
                                 .looked_at = {query_int(&q, 4)},
                                 .judged_at = {query_int(&q, 5)}};
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}
