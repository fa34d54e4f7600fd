#include "billing/nday.h"

#include <stdlib.h>
#include <string.h>

#include "billing/billing_impl.h"

#define HISTORY_DAYS 400
#define SHARE_DAYS 28

struct look {
    struct store_tx *tx;
    const struct readings *readings;
    wall_s now;
    int32_t offset_s, today;
    struct site_account account;
    struct forecast_history history;
    struct forecast forecast;
    struct rating_bill bill;
    int64_t share_wh[RATING_METER_RATES]; /* how the rates shared the last weeks */
    int64_t most_wh;
    /* What the meters so far leave of what the account shares: now, and after each forecast. */
    struct rating_shared now_shared, shared[NDAY_AHEAD_MAX][FORECAST_QUANTILES];
    struct nday *out;
};

/* --- what was used -------------------------------------------------------------------------------
 */

/* Settlements by day. A day that was never settled is one nobody knows; one that covers a gap was
 * shared out by billing, and is an estimate at worst. */
static enum err read_history(struct look *l, int64_t meter_id)
{
    enum err e = ERR_OK;
    l->history = (struct forecast_history){};
    struct query q = query_open(
        l->tx,
        "SELECT s.business_day, sum(coalesce(b.energy_wh, s.energy_wh)) FROM settlement s "
        "LEFT JOIN settlement_basis b ON b.account_id = s.account_id AND b.meter_id = s.meter_id "
        "AND b.epoch = s.epoch AND b.opened_at = s.opened_at WHERE s.account_id = $1 AND "
        "s.meter_id = $2 AND s.business_day > $3 GROUP BY s.business_day ORDER BY s.business_day",
        "iii", l->account.id, meter_id, (int64_t)l->today - HISTORY_DAYS);
    while (e == ERR_OK && query_step(&q)) {
        int64_t used_wh = query_int(&q, 1);
        if (used_wh >= 0 && used_wh <= FORECAST_USED_MAX && query_int(&q, 0) <= l->today)
            e = forecast_tell(&l->history, (int32_t)query_int(&q, 0), used_wh, FORECAST_KNOWN);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static enum err read_shares(struct look *l, int64_t meter_id)
{
    struct query q =
        query_open(l->tx,
                   "SELECT coalesce(sum(to_rate1_wh - from_rate1_wh), 0), "
                   "coalesce(sum(to_rate2_wh - from_rate2_wh), 0), "
                   "coalesce(sum(to_rate3_wh - from_rate3_wh), 0), "
                   "coalesce(sum(to_rate4_wh - from_rate4_wh), 0) FROM "
                   "settlement_basis WHERE account_id = $1 AND meter_id = $2 "
                   "AND closed_at > $3",
                   "iii", l->account.id, meter_id, l->now.s - SHARE_DAYS * BILLING_DAY_S);
    if (query_step(&q))
        for (int r = 0; r < RATING_METER_RATES; r++)
            l->share_wh[r] = query_int(&q, r) > 0 ? query_int(&q, r) : 0;
    return query_end(&q);
}

/* --- what it will cost ---------------------------------------------------------------------------
 */

/* Where the meter's open period leaves the ladder, at its newest registers. */
struct standing {
    struct rating_case c;
    struct rating_position position;
    wall_s at;
};

static enum err stand(struct look *l, const struct charge *c, const struct billing_plan *plan,
                      struct standing *s)
{
    struct readings_registers r;
    struct case_made made;
    if (!newest_registers(l->readings, c->meter_id, &r) || r.epoch != c->epoch)
        return ERR_NOT_FOUND;
    struct case_source source = {.tx = l->tx,
                                 .readings = l->readings,
                                 .account = &l->account,
                                 .plan = &plan->plan,
                                 .meter_id = c->meter_id,
                                 .ratio = c->ratio,
                                 .opened_at = c->opened_at,
                                 .from = {.at = c->reading_at},
                                 .to = {.at = r.at},
                                 .offset_s = l->offset_s};
    memcpy(source.from.wh, c->wh, sizeof source.from.wh);
    memcpy(source.to.wh, r.wh, sizeof source.to.wh);
    s->at.s = r.at.s > c->opened_at.s ? r.at.s + 1 : c->opened_at.s + 1;
    source.closed_at = s->at;
    TRY(position_load(l->tx, c, &s->position));
    if (l->now_shared.until_s != 0)
        s->position.shared = l->now_shared;
    TRY(case_make(&source, &made));
    enum err e = ladder_load(l->tx, l->account.project_id, made.holder, &s->position);
    if (e == ERR_OK)
        e = rating_period(&plan->plan, &made.c, &s->position, &l->bill);
    s->c = made.c;
    l->now_shared = s->position.shared;
    case_free(&made);
    return e;
}

/* The energy among the meter's rates as they shared the last weeks; what no week says is flat. */
static void share_out(const struct look *l, int64_t used_wh, struct rating_registers *to)
{
    int64_t all_wh = 0, given_wh = 0;
    int largest = RATING_FLAT_RATE;
    for (int r = 0; r < RATING_METER_RATES; r++) {
        all_wh += l->share_wh[r];
        largest = l->share_wh[r] > l->share_wh[largest] ? r : largest;
    }
    for (int r = 0; r < RATING_METER_RATES && all_wh > 0; r++) {
        int64_t part_wh = (int64_t)((__int128)used_wh * l->share_wh[r] / all_wh);
        to->rate_wh[r] += part_wh;
        given_wh += part_wh;
    }
    to->rate_wh[largest] += used_wh - given_wh;
    to->total_wh += used_wh;
}

#define VARH_MAX (INT64_C(1) << 56)

/* Reactive energy goes on beside the active as in the month so far. */
static int64_t reactive_of(const struct rating_position *p, int64_t used_wh)
{
    if (p->active_wh <= 0)
        return 0;
    __int128 varh = (__int128)used_wh * p->reactive_wh / p->active_wh;
    return varh < VARH_MAX ? (int64_t)varh : VARH_MAX;
}

/* The bill of the next `days` days with that much energy. Standing charges that need a month's word
 * (demand, first recharge) are those of the month so far. */
static enum err price(struct look *l, const struct billing_plan *plan, const struct standing *s,
                      int32_t days, int64_t used_wh, struct rating_shared *shared,
                      int64_t *cost_fen)
{
    struct rating_position position = s->position;
    if (shared->until_s != 0)
        position.shared = *shared;
    struct rating_case c = s->c;
    struct rating_row row = {.from = s->at, .to = {s->at.s + days * BILLING_DAY_S}};
    c.opened_at = s->at;
    c.reading_at = c.closed_at = row.to;
    c.from = s->c.to;
    c.to = c.from;
    share_out(l, used_wh, &c.to);
    row.used.total_wh = used_wh;
    for (int r = 0; r < RATING_METER_RATES; r++)
        row.used.rate_wh[r] = c.to.rate_wh[r] - c.from.rate_wh[r];
    row.reactive_wh = c.reactive_wh = reactive_of(&position, used_wh);
    row.has_rates = true;
    c.rows = rating_plan_wants_rows(&plan->plan) ? &row : NULL;
    c.row_count = c.rows ? 1 : 0;
    c.first_recharges = 0;
    TRY(rating_period(&plan->plan, &c, &position, &l->bill));
    *shared = position.shared;
    *cost_fen = l->bill.amount_fen;
    return ERR_OK;
}

/* --- meters --------------------------------------------------------------------------------------
 */

static enum err add_meter(struct look *l, const struct charge *c)
{
    struct billing_plan plan;
    struct standing s = {};
    struct nday *out = l->out;
    TRY(billing_plan_in_force(l->tx, l->account.project_id, l->account.plan_code, l->now, &plan));
    TRY(read_history(l, c->meter_id));
    TRY(read_shares(l, c->meter_id));
    TRY(forecast_make(&l->history, calendar_find("CN"), l->today - 1, out->days, &l->forecast));
    TRY(stand(l, c, &plan, &s));
    for (int32_t n = 1; n <= out->days; n++)
        for (int q = FORECAST_P50; q < FORECAST_QUANTILES; q++) {
            int64_t fen;
            TRY(price(l, &plan, &s, n, l->forecast.sum[n - 1][q], &l->shared[n - 1][q], &fen));
            TRY(units_add(out->cost_fen[n - 1][q], fen, &out->cost_fen[n - 1][q]));
        }
    int64_t used_wh = l->forecast.sum[0][FORECAST_P50];
    if (used_wh >= l->most_wh) {
        l->most_wh = used_wh;
        out->reason = l->forecast.reason;
    }
    return ERR_OK;
}

/* A bill of more days, or of more energy, is never smaller: subsidies and roundings must not say
 * otherwise. */
static void make_rising(struct nday *f)
{
    for (int32_t n = 0; n < f->days; n++)
        for (int q = FORECAST_P50; q < FORECAST_QUANTILES; q++) {
            int64_t least = q > FORECAST_P50 ? f->cost_fen[n][q - 1] : 0;
            if (n > 0 && f->cost_fen[n - 1][q] > least)
                least = f->cost_fen[n - 1][q];
            if (f->cost_fen[n][q] < least)
                f->cost_fen[n][q] = least;
        }
}

static enum err foresee(struct look *l)
{
    struct charge charges[BILLING_METERS_MAX];
    size_t count;
    TRY(charge_list(l->tx, l->account.id, charges, &count));
    if (count == 0)
        return ERR_FORECAST_SHORT;
    for (size_t i = 0; i < count; i++)
        TRY(add_meter(l, &charges[i]));
    make_rising(l->out);
    return ERR_OK;
}

enum err nday_foresee(struct store_tx *tx, const struct readings *readings, int64_t account_id,
                      wall_s now, int32_t days, struct nday *out)
{
    *out = (struct nday){.days = days};
    if (days < 1 || days > NDAY_AHEAD_MAX)
        return ERR_RANGE;
    struct look *l = calloc(1, sizeof *l);
    if (!l)
        return ERR_MEMORY;
    *l = (struct look){.tx = tx, .readings = readings, .now = now, .out = out};
    enum err e = site_account_get(tx, account_id, &l->account);
    if (e == ERR_OK)
        e = billing_project_offset(tx, l->account.project_id, now, &l->offset_s);
    l->today = civil_local_day(now, l->offset_s);
    enum err seen = e == ERR_OK ? foresee(l) : e;
    free(l);
    TRY(e);
    out->known = seen == ERR_OK;
    if (seen == ERR_OK)
        return ERR_OK;
    *out = (struct nday){.days = days};
    return err_class_of(seen) == ERR_CLASS_REFUSE || seen == ERR_NOT_FOUND ? ERR_OK : seen;
}

int32_t nday_lasts(const struct nday *f, int64_t available_fen, enum forecast_quantile q)
{
    int32_t n = 0;
    if (available_fen < 0)
        return 0;
    while (n < f->days && available_fen >= f->cost_fen[n][q])
        n++;
    return n;
}
