/* What an account has, owes and may expect, computed from registers and books at any time. */
#include <stddef.h>
#include <string.h>

#include "billing/billing_impl.h"
#include "ledger/ledger.h"

#define MEAN_DAYS 7
#define MEAN_LEAST_S 3600
#define UNSETTLED_S 180'000 /* a period this long waits for being parted by days */

/* --- one meter -----------------------------------------------------------------------------------
 */

struct preview {
    const struct site_account *account;
    const struct readings *readings;
    const struct charge *charge;
    const struct readings_registers *now;
    struct rating_shared *shared; /* after the meters before it; until_s 0: it is the first */
};

static enum err rate(struct store_tx *tx, const struct preview *p, const struct billing_plan *plan,
                     struct billing_meter *m)
{
    const struct charge *c = p->charge;
    struct rating_position position;
    struct case_made made;
    struct case_source source = {.tx = tx,
                                 .readings = p->readings,
                                 .account = p->account,
                                 .plan = &plan->plan,
                                 .meter_id = c->meter_id,
                                 .ratio = c->ratio,
                                 .opened_at = c->opened_at,
                                 .from = {.at = c->reading_at},
                                 .to = {.at = p->now->at}};
    memcpy(source.from.wh, c->wh, sizeof source.from.wh);
    memcpy(source.to.wh, p->now->wh, sizeof source.to.wh);
    source.closed_at.s = p->now->at.s > c->opened_at.s ? p->now->at.s + 1 : c->opened_at.s + 1;
    TRY(billing_project_offset(tx, p->account->project_id, p->now->at, &source.offset_s));
    TRY(position_load(tx, c, &position));
    if (p->shared->until_s != 0)
        position.shared = *p->shared;
    TRY(case_make(&source, &made));
    enum err e = ladder_load(tx, p->account->project_id, made.holder, &position);
    if (e == ERR_OK)
        m->refusal = rating_period(&plan->plan, &made.c, &position, &m->bill);
    m->position = position;
    *p->shared = position.shared;
    case_free(&made);
    return e;
}

static enum err preview(struct store_tx *tx, const struct preview *p, struct billing_meter *m)
{
    const struct charge *c = p->charge;
    const struct readings_registers *now = p->now;
    struct billing_plan plan;
    if (c->epoch != now->epoch) {
        m->refusal = ERR_STATE;
        return ERR_OK;
    }
    TRY(billing_plan_version(tx, p->account->project_id, c->plan_code, c->plan_version, &plan));
    TRY(rate(tx, p, &plan, m));
    if (m->refusal != ERR_OK)
        m->bill = (struct rating_bill){};
    if (c->estimated != ESTIMATE_NONE)
        bill_mark(&m->bill);
    m->estimated = c->estimated == ESTIMATE_DAYS || now->at.s - c->opened_at.s > UNSETTLED_S;
    return ERR_OK;
}

struct look {
    struct store_tx *tx;
    const struct readings *readings;
    wall_s now;
    struct rating_shared shared; /* after the meters so far */
    struct charge charges[BILLING_METERS_MAX];
    size_t charge_count;
    struct billing_outlook *out;
    int64_t open_s; /* how long the longest open charge has been measured */
};

static const struct charge *charge_of(const struct look *l, int64_t meter_id)
{
    for (size_t i = 0; i < l->charge_count; i++)
        if (l->charges[i].meter_id == meter_id)
            return &l->charges[i];
    return NULL;
}

static void note_age(struct look *l, wall_s at)
{
    int64_t age = l->now.s > at.s ? l->now.s - at.s : 0;
    if (l->out->meter_count == 1 || age > l->out->reading_age_s)
        l->out->reading_age_s = age;
}

/* The state that the balance comes from: registers on the platform, the wallet in the meter. */
static void note_state(struct look *l, bool told, const struct readings_registers *r)
{
    struct billing_outlook *o = l->out;
    bool in_meter = o->account.wallet == SITE_WALLET_METER;
    if (!told || (in_meter && !r->wallet_known)) {
        o->remaining_known = false;
        o->reading_age_s = INT64_MAX;
        return;
    }
    o->remaining_fen += in_meter ? r->balance_fen : 0;
    if (o->reading_age_s != INT64_MAX)
        note_age(l, in_meter ? r->wallet_at : r->at);
}

static enum err look_at_meter(void *arg, const struct site_meter *site)
{
    struct look *l = arg;
    struct readings_registers r;
    if (l->out->meter_count == BILLING_METERS_MAX)
        return ERR_BILLING_METERS;
    struct billing_meter *m = &l->out->meters[l->out->meter_count++];
    *m = (struct billing_meter){.meter_id = site->id, .epoch = site->epoch};
    bool told = newest_registers(l->readings, site->id, &r);
    note_state(l, told, &r);
    if (told)
        m->reading_at = r.at;
    const struct charge *c = charge_of(l, site->id);
    if (!c || !told)
        return ERR_OK;
    m->open = true;
    m->epoch = c->epoch;
    m->in_force = c->plan_version == l->out->plan_version &&
                  strcmp(c->plan_code, l->out->account.plan_code) == 0;
    m->opened_at = c->opened_at;
    if (r.at.s - c->opened_at.s > l->open_s)
        l->open_s = r.at.s - c->opened_at.s;
    TRY(preview(l->tx, &(struct preview){&l->out->account, l->readings, c, &r, &l->shared}, m));
    l->out->estimated = l->out->estimated || m->estimated;
    return units_add(l->out->accrued_fen, m->bill.amount_fen, &l->out->accrued_fen);
}

/* --- the account
 * ----------------------------------------------------------------------------------- */

static enum err read_books(struct store_tx *tx, struct billing_outlook *o)
{
    int64_t books[LEDGER_BOOK_COUNT];
    TRY(ledger_balances(tx, o->account.id, books));
    o->prepayment_fen = books[LEDGER_PREPAYMENT];
    o->transit_fen = books[LEDGER_TRANSIT];
    o->wallet_fen = books[LEDGER_WALLET];
    return ERR_OK;
}

static enum err sum_available(struct billing_outlook *o)
{
    if (o->account.wallet == SITE_WALLET_METER) {
        o->remaining_known = o->remaining_known && o->meter_count > 0;
        o->available_known = o->remaining_known;
        o->available_fen = o->remaining_known ? o->remaining_fen : 0;
        return ERR_OK;
    }
    o->remaining_known = false;
    o->available_known = true;
    for (size_t i = 0; i < o->meter_count; i++)
        o->available_known = o->available_known && o->meters[i].refusal == ERR_OK;
    return units_sub(o->prepayment_fen, o->accrued_fen, &o->available_fen);
}

static enum err find_grace(struct store_tx *tx, struct billing_outlook *o, wall_s now)
{
    return store_int(tx, &o->grace_fen,
                     "SELECT coalesce(sum(amount_fen), 0) FROM true_up "
                     "WHERE account_id = $1 AND grace_until > $2",
                     "ii", o->account.id, now.s);
}

/* Settled money of the last seven days, on the platform as it is rated now, over the time it
 * covers; before the first settlement the open charge, if it is old enough to say something. */
static enum err find_mean(struct look *l)
{
    struct billing_outlook *o = l->out;
    struct query q = query_open(l->tx,
                                "SELECT coalesce(sum(coalesce(b.amount_fen, s.amount_fen)), 0), "
                                "coalesce(max(s.closed_at) - min(s.opened_at), 0) "
                                "FROM settlement s LEFT JOIN settlement_basis b ON $3 = 0 "
                                "AND b.account_id = s.account_id AND b.meter_id = s.meter_id "
                                "AND b.epoch = s.epoch AND b.opened_at = s.opened_at "
                                "WHERE s.account_id = $1 AND s.closed_at > $2",
                                "iii", o->account.id, l->now.s - MEAN_DAYS * BILLING_DAY_S,
                                (int64_t)(o->account.wallet == SITE_WALLET_METER));
    int64_t sum_fen = 0, seconds = 0;
    if (query_step(&q)) {
        sum_fen = query_int(&q, 0);
        seconds = query_int(&q, 1);
    }
    TRY(query_end(&q));
    if (seconds < BILLING_DAY_S) {
        sum_fen += o->accrued_fen;
        seconds += l->open_s;
    }
    if (seconds < MEAN_LEAST_S || sum_fen <= 0)
        return ERR_OK;
    return units_mul_div(sum_fen, BILLING_DAY_S, seconds, &o->mean_day_fen);
}

static void find_days_left(struct billing_outlook *o)
{
    o->days_left = -1;
    if (!o->available_known)
        return;
    if (o->available_fen <= 0)
        o->days_left = 0;
    else if (o->mean_day_fen > 0)
        o->days_left = o->available_fen / o->mean_day_fen;
}

static enum err read_plan(struct store_tx *tx, struct billing_outlook *o, wall_s now)
{
    struct billing_plan plan;
    TRY(billing_plan_in_force(tx, o->account.project_id, o->account.plan_code, now, &plan));
    o->plan_version = plan.version;
    o->plan = plan.plan;
    return ERR_OK;
}

enum err billing_outlook(struct store_tx *tx, const struct readings *readings, int64_t account_id,
                         wall_s now, struct billing_outlook *out)
{
    struct look l = {.tx = tx, .readings = readings, .now = now, .out = out};
    memset(out, 0, offsetof(struct billing_outlook, meters)); /* they are most of it */
    out->remaining_known = true;
    TRY(site_account_get(tx, account_id, &out->account));
    TRY(read_books(tx, out));
    TRY(read_plan(tx, out, now));
    TRY(charge_list(tx, account_id, l.charges, &l.charge_count));
    TRY(site_meters_of_account(tx, account_id, look_at_meter, &l));
    if (out->meter_count == 0)
        out->reading_age_s = INT64_MAX;
    TRY(sum_available(out));
    TRY(find_grace(tx, out, now));
    TRY(find_mean(&l));
    find_days_left(out);
    return ERR_OK;
}
