/* Quiet accounts: the bound of a plan, the allowance, and the rows that say who is left alone. */
#include "billing/quiet.h"

#include <string.h>

#include "billing/billing_impl.h"
#include "ledger/ledger.h"

/* --- bounds --------------------------------------------------------------------------------------
 */

static bool has_rates(const struct rating_plan *plan)
{
    return plan->kind == RATING_TIME_OF_USE || plan->kind == RATING_TIME_OF_USE_LADDER;
}

/* What moves prices in ways that one more unit does not tell. */
static bool is_plain(const struct rating_plan *p)
{
    return p->minimum_fen == 0 && p->power_factor.row_count == 0 && p->subsidy_count == 0 &&
           p->mix_count == 0 && p->month_count == 0 && p->schedule_count == 0 &&
           p->area_bill.most_price_e8 == 0 && p->area_bill.least_price_e8 == 0 &&
           !p->from_intervals;
}

static int64_t higher(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t highest_base(const struct rating_plan *p)
{
    int64_t most = 0;
    if (p->kind == RATING_FLAT || p->kind == RATING_LADDER)
        most = p->price_e8;
    for (int r = 0; has_rates(p) && r < RATING_RATES; r++)
        if (p->priced[r])
            most = higher(most, p->rate_price_e8[r]);
    return higher(most, p->price_e8);
}

static int64_t highest_step(const struct rating_plan *p)
{
    const struct rating_ladder *l = &p->ladder;
    int64_t most = 0;
    if (p->kind != RATING_LADDER && p->kind != RATING_TIME_OF_USE_LADDER)
        return 0;
    for (size_t i = 0; i < l->step_count; i++)
        most = higher(most, l->steps[i].price_e8);
    return most;
}

/* A day or a month may begin once more than its number says. */
static bool add_fee(const struct rating_part *f, const struct rating_case *c, int32_t days,
                    struct quiet_bound *out)
{
    __int128 exact;
    if (f->per == RATING_PER_DAY)
        exact = (__int128)f->price_e8 * (days + 1);
    else if (f->per == RATING_PER_MONTH)
        exact = (__int128)f->price_e8 * (days / 28 + 2);
    else if (f->per == RATING_PER_CAPACITY)
        exact = (__int128)f->price_e8 * c->capacity_milli_kva / 1000 * (days / 28 + 2);
    else
        return false;
    exact = exact / (UNITS_PRICE_SCALE / 100) + 2;
    if (exact > INT64_MAX / 4 - out->fees_fen)
        return false;
    out->fees_fen += (int64_t)exact;
    return true;
}

bool quiet_bound(const struct rating_plan *plan, const struct rating_case *terms, int32_t days,
                 struct quiet_bound *out)
{
    *out = (struct quiet_bound){};
    if (!is_plain(plan) || plan->ladder.form == RATING_BY_MATRIX)
        return false;
    out->price_e8 = highest_base(plan) + highest_step(plan);
    for (size_t i = 0; i < plan->component_count; i++)
        out->price_e8 += plan->components[i].price_e8;
    for (size_t i = 0; i < plan->fee_count; i++)
        if (!add_fee(&plan->fees[i], terms, days, out))
            return false;
    return out->price_e8 > 0;
}

int64_t quiet_allowance_wh(const struct quiet_bound *b, int64_t margin_fen)
{
    /* each line of the bill may round up by a fen */
    int64_t fen = margin_fen - b->fees_fen - RATING_LINES_MAX;
    if (margin_fen <= 0 || fen <= 0 || b->price_e8 <= 0)
        return 0;
    __int128 wh = (__int128)fen * (UNITS_PRICE_SCALE / 100) * 1000 / b->price_e8;
    return wh > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)wh;
}

/* --- what surely cannot cost more ----------------------------------------------------------------
 */

struct look {
    struct store_tx *tx;
    const struct readings *readings;
    const struct billing_outlook *o;
    int32_t offset_s, today;
};

/* The terms of a meter as they stand at the beginning of its open charge. */
static enum err terms_of(const struct look *l, const struct charge *c, struct rating_case *terms)
{
    struct case_made made;
    struct case_source source = {.tx = l->tx,
                                 .readings = l->readings,
                                 .account = &l->o->account,
                                 .plan = &l->o->plan,
                                 .meter_id = c->meter_id,
                                 .ratio = c->ratio,
                                 .opened_at = c->opened_at,
                                 .closed_at = {c->opened_at.s + 1},
                                 .from = {.at = c->opened_at},
                                 .to = {.at = c->opened_at},
                                 .offset_s = l->offset_s};
    memcpy(source.from.wh, c->wh, sizeof source.from.wh);
    memcpy(source.to.wh, c->wh, sizeof source.to.wh);
    TRY(case_make(&source, &made));
    *terms = made.c;
    case_free(&made);
    return ERR_OK;
}

/* The charge is of today and of the plan in force, and in the day of the project: then more energy
 * is dearer by no more than the highest price. */
static bool is_todays(const struct look *l, const struct charge *c)
{
    const struct billing_outlook *o = l->o;
    return civil_local_day(c->opened_at, l->offset_s) == l->today &&
           c->plan_version == o->plan_version && strcmp(c->plan_code, o->account.plan_code) == 0 &&
           (!o->plan.has_zone || o->plan.zone_offset_s == l->offset_s) && !c->broken &&
           c->held[0] == '\0';
}

static enum err bound_all(const struct look *l, int32_t days, struct quiet_bound *all,
                          bool *bounded)
{
    struct charge charges[BILLING_METERS_MAX];
    size_t count;
    TRY(charge_list(l->tx, l->o->account.id, charges, &count));
    *bounded = count > 0 && count == l->o->meter_count;
    for (size_t i = 0; *bounded && i < count; i++) {
        struct rating_case terms;
        struct quiet_bound one;
        *bounded = is_todays(l, &charges[i]);
        if (!*bounded)
            break;
        TRY(terms_of(l, &charges[i], &terms));
        *bounded = quiet_bound(&l->o->plan, &terms, days, &one);
        all->price_e8 = one.price_e8 > all->price_e8 ? one.price_e8 : all->price_e8;
        all->fees_fen += one.fees_fen + (i ? RATING_LINES_MAX : 0);
    }
    return ERR_OK;
}

enum err quiet_allow(struct store_tx *tx, const struct readings *readings,
                     const struct billing_outlook *o, int64_t margin_fen, wall_s until, int64_t *wh)
{
    struct look l = {.tx = tx, .readings = readings, .o = o};
    struct quiet_bound bound = {};
    bool bounded;
    *wh = 0;
    wall_s last = {until.s - 1};
    TRY(billing_project_offset(tx, o->account.project_id, last, &l.offset_s));
    l.today = civil_local_day(last, l.offset_s);
    enum err e = bound_all(&l, 1, &bound, &bounded);
    if (e != ERR_OK)
        return err_class_of(e) == ERR_CLASS_REFUSE ? ERR_OK : e;
    *wh = bounded ? quiet_allowance_wh(&bound, margin_fen) : 0;
    return ERR_OK;
}

/* --- rows: whose state is what
 * ------------------------------------------------------------------------------------------- */

static const char *const names[QUIET_STATES] = {"short", "watched", "quiet"};

const char *quiet_state_name(enum quiet_state s)
{
    return s < QUIET_STATES ? names[s] : "?";
}

static enum quiet_state state_of(const char *name)
{
    for (enum quiet_state s = 0; s < QUIET_STATES; s++)
        if (strcmp(names[s], name) == 0)
            return s;
    return QUIET_WATCHED;
}

/* --- what quiet rests on -------------------------------------------------------------------------
 */

struct stamp {
    bool known;
    int64_t meters, registers_wh; /* sum of the totals, as they count */
    int64_t prepayment_fen, other_fen;
};

static enum err add_meter(const struct readings *readings, const struct charge *c, struct stamp *s)
{
    struct readings_registers r;
    int64_t wh;
    if (!readings || !newest_registers(readings, c->meter_id, &r) || r.epoch != c->epoch ||
        c->broken) {
        s->known = false;
        return ERR_OK;
    }
    s->meters++;
    TRY(units_mul(r.wh[0], c->ratio, &wh));
    return units_add(s->registers_wh, wh, &s->registers_wh);
}

static enum err take_stamp(struct store_tx *tx, const struct readings *readings, int64_t account_id,
                           struct stamp *s)
{
    struct charge charges[BILLING_METERS_MAX];
    int64_t books[LEDGER_BOOK_COUNT];
    size_t count;
    *s = (struct stamp){.known = true};
    TRY(ledger_balances(tx, account_id, books));
    s->prepayment_fen = books[LEDGER_PREPAYMENT];
    s->other_fen = books[LEDGER_OTHER_DUE];
    TRY(charge_list(tx, account_id, charges, &count));
    for (size_t i = 0; s->known && i < count; i++) {
        enum err e = add_meter(readings, &charges[i], s);
        if (e == ERR_OVERFLOW)
            s->known = false;
        else if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}

enum err quiet_holds(struct store_tx *tx, const struct readings *readings, int64_t account_id,
                     wall_s now, bool *quiet)
{
    struct stamp then = {}, is;
    int64_t allow_wh = -1;
    *quiet = false;
    struct query q = query_open(tx,
                                "SELECT meters, registers_wh, prepayment_fen, other_fen, allow_wh "
                                "FROM fee_watch WHERE account_id = $1 AND state = 'quiet' "
                                "AND next_at > $2 AND quiet_until > $2 AND rated_at <= $2",
                                "ii", account_id, now.s);
    if (query_step(&q)) {
        then = (struct stamp){true, query_int(&q, 0), query_int(&q, 1), query_int(&q, 2),
                              query_int(&q, 3)};
        allow_wh = query_int(&q, 4);
    }
    TRY(query_end(&q));
    if (allow_wh < 0)
        return ERR_OK;
    TRY(take_stamp(tx, readings, account_id, &is));
    *quiet = is.known && is.meters == then.meters && is.prepayment_fen == then.prepayment_fen &&
             is.other_fen == then.other_fen && is.registers_wh >= then.registers_wh &&
             is.registers_wh - then.registers_wh <= allow_wh;
    return ERR_OK;
}

/* --- rows ----------------------------------------------------------------------------------------
 */

enum err quiet_put(struct store_tx *tx, const struct readings *readings, const struct quiet_row *r)
{
    struct stamp s;
    enum quiet_state state = r->state;
    TRY(take_stamp(tx, readings, r->account_id, &s));
    if (state == QUIET_QUIET && !s.known)
        state = QUIET_WATCHED;
    return store_exec(
        tx,
        "INSERT INTO fee_watch (account_id, project_id, state, rated_at, next_at, quiet_until, "
        "allow_wh, meters, registers_wh, prepayment_fen, other_fen) VALUES ($1, $2, $3, $4, $5, "
        "$6, $7, $8, $9, $10, $11) ON CONFLICT (account_id) DO UPDATE SET project_id = "
        "excluded.project_id, state = excluded.state, rated_at = excluded.rated_at, next_at = "
        "excluded.next_at, quiet_until = excluded.quiet_until, allow_wh = excluded.allow_wh, "
        "meters = excluded.meters, registers_wh = excluded.registers_wh, prepayment_fen = "
        "excluded.prepayment_fen, other_fen = excluded.other_fen",
        "iitiiiiiiii", r->account_id, r->project_id, names[state], r->rated_at.s, r->next_at.s,
        r->quiet_until.s, r->allow_wh, s.meters, s.registers_wh, s.prepayment_fen, s.other_fen);
}

enum err quiet_get(struct store_tx *tx, int64_t account_id, struct quiet_row *row)
{
    struct query q = query_open(tx,
                                "SELECT project_id, state, rated_at, next_at, quiet_until, "
                                "allow_wh FROM fee_watch WHERE account_id = $1",
                                "i", account_id);
    bool found = query_step(&q);
    if (found)
        *row = (struct quiet_row){.account_id = account_id,
                                  .project_id = query_int(&q, 0),
                                  .state = state_of(query_text(&q, 1)),
                                  .rated_at = {query_int(&q, 2)},
                                  .next_at = {query_int(&q, 3)},
                                  .quiet_until = {query_int(&q, 4)},
                                  .allow_wh = query_int(&q, 5)};
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err quiet_drop(struct store_tx *tx, int64_t account_id)
{
    return store_exec(tx, "DELETE FROM fee_watch WHERE account_id = $1", "i", account_id);
}

enum err quiet_postpone(struct store_tx *tx, int64_t account_id, wall_s at)
{
    return store_exec(tx,
                      "UPDATE fee_watch SET next_at = $2, state = 'watched' "
                      "WHERE account_id = $1",
                      "ii", account_id, at.s);
}
