#include "rating/bulk.h"

#include <string.h>

#include "base/must.h"
#include "rating/rating_impl.h"
#include "rating/statement.h"

#define HALF_FEN (UNITS_EXACT_PER_FEN / 2)
#define RANGE                                                                                      \
    (INT64_MAX / 2) /* of exact amounts and positions: sums of two stay inside 64 bits             \
                     */
#define INLINE static inline __attribute__((always_inline))

/* What is counted many rows at a time is compiled a second time for processors with AVX-512; which
 * of the two runs is settled when the program is loaded. The results are the same integers. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

/* --- compiling ----------------------------------------------------------------------------------
 */

static bool has_rates(const struct rating_plan *plan)
{
    return plan->kind == RATING_TIME_OF_USE || plan->kind == RATING_TIME_OF_USE_LADDER;
}

static bool has_steps(const struct rating_plan *plan)
{
    return plan->kind == RATING_LADDER || plan->kind == RATING_TIME_OF_USE_LADDER;
}

static bool can_compile(const struct rating_plan *plan)
{
    if (plan->kind >= RATING_KINDS || plan->fee_count != 0 || plan->minimum_fen != 0 ||
        plan->rounding != RATING_CARRY || plan->from_intervals || plan->month_count != 0 ||
        plan->mix_count != 0 || plan->quota.amount_wh != 0 || plan->area_bill.most_price_e8 != 0 ||
        plan->area_bill.least_price_e8 != 0 || plan->ladder.outside != 0)
        return false;
    for (size_t i = 0; i < plan->component_count; i++)
        if (plan->components[i].rounding != RATING_CARRY &&
            plan->components[i].rounding != RATING_ROUNDING_PLAN)
            return false;
    return !has_steps(plan) || (plan->ladder.form != RATING_BY_MATRIX &&
                                plan->ladder.step_count <= RATING_BULK_STEPS_MAX);
}

/* The bounds as they hold for the class: rating_state says so itself. */
static enum err find_bounds(const struct rating_plan *plan, struct rating_class class,
                            int64_t to_wh[RATING_STEPS_MAX])
{
    struct rating_statement s;
    struct rating_request r = {.month = class.month, .persons = class.persons};
    TRY(rating_state(plan, &r, &s));
    for (size_t i = 0; i < plan->ladder.step_count; i++)
        to_wh[i] = s.step_to_wh[i];
    return ERR_OK;
}

static enum err compile_steps(struct rating_compiled *c, int64_t *highest_e8)
{
    const struct rating_ladder *l = &c->plan->ladder;
    int64_t to_wh[RATING_STEPS_MAX], from_wh = 0, before_e8 = 0;
    *highest_e8 = 0;
    for (size_t i = 0; i <= RATING_BULK_STEPS_MAX; i++)
        c->from_wh[i] = INT64_MAX;
    if (!has_steps(c->plan))
        return ERR_OK;
    TRY(find_bounds(c->plan, c->class, to_wh));
    c->step_count = l->step_count;
    for (size_t i = 0; i < l->step_count; i++) {
        c->from_wh[i] = from_wh;
        uint64_t more_e8 = (uint64_t)l->steps[i].price_e8 - (uint64_t)before_e8;
        c->step_e8[i + 1] = c->step_e8[i] + more_e8;
        c->step_less[i + 1] = c->step_less[i] + (uint64_t)from_wh * more_e8;
        before_e8 = l->steps[i].price_e8;
        from_wh = to_wh[i];
        if (before_e8 > *highest_e8)
            *highest_e8 = before_e8;
    }
    return ERR_OK;
}

/* The largest quantities for which the exact amount stays inside RANGE, whatever the mix. */
static void set_limits(struct rating_compiled *c, int64_t highest_e8)
{
    int64_t rate_e8 = 0;
    for (unsigned r = 0; r < RATING_RATES; r++)
        if (c->rate_price_e8[r] > rate_e8)
            rate_e8 = c->rate_price_e8[r];
    c->quantity_max_wh = (RANGE - UNITS_EXACT_PER_FEN) / (rate_e8 + c->price_e8 + highest_e8 + 1);
    c->position_max_wh = RANGE;
    for (unsigned r = 0; r < RATING_RATES; r++)
        c->rate_max_wh[r] =
            has_rates(c->plan) && !c->plan->priced[r] ? 0 : c->quantity_max_wh / RATING_RATES;
}

static void set_prices(struct rating_compiled *c)
{
    const struct rating_plan *plan = c->plan;
    bool ladder_by_price = has_steps(plan) && plan->ladder.form == RATING_BY_PRICE;
    if (has_rates(plan))
        for (unsigned r = 0; r < RATING_RATES; r++)
            c->rate_price_e8[r] = plan->priced[r] ? plan->rate_price_e8[r] : 0;
    else if (!ladder_by_price)
        c->price_e8 = plan->price_e8;
    for (size_t i = 0; i < plan->component_count; i++)
        c->price_e8 += plan->components[i].price_e8;
}

/* --- rating -------------------------------------------------------------------------------------
 */

/* Its sign bit is set unless 0 <= value <= limit. */
INLINE int64_t beyond(int64_t value, int64_t limit)
{
    return value | (int64_t)((uint64_t)limit - (uint64_t)value);
}

struct row {
    int64_t from_wh[RATING_RATES + 1], to_wh[RATING_RATES + 1];
    int64_t position_wh, carry;
};

/* The long way, for what the short one cannot hold or must not decide. */
static enum err rate_slowly(const struct rating_compiled *c, const struct row *row, bool with_total,
                            int64_t *amount_fen, int64_t *carry)
{
    struct rating_used used = {};
    struct rating_statement s;
    *amount_fen = 0;
    *carry = row->carry;
    bool rates = c->by_rate || !with_total;
    for (unsigned r = rates ? 0 : RATING_TOTAL; r <= RATING_RATES; r++)
        if (row->from_wh[r] < 0 || row->to_wh[r] < row->from_wh[r])
            return ERR_RATING_BACKWARDS;
    if (row->carry > HALF_FEN || row->carry < -HALF_FEN)
        return ERR_RANGE;
    for (unsigned r = 0; rates && r < RATING_RATES; r++) {
        used.rate_wh[r] = row->to_wh[r] - row->from_wh[r];
        if (!with_total)
            TRY(units_add(used.total_wh, used.rate_wh[r], &used.total_wh));
    }
    if (with_total)
        used.total_wh = row->to_wh[RATING_TOTAL] - row->from_wh[RATING_TOTAL];
    struct rating_request request = {.rows = &used,
                                     .row_count = 1,
                                     .used_before_wh = row->position_wh,
                                     .persons = c->class.persons,
                                     .month = c->class.month,
                                     .carry = row->carry};
    TRY(rating_state(c->plan, &request, &s));
    *amount_fen = s.amount_fen;
    *carry = s.carry;
    return ERR_OK;
}

/* How many steps begin below x: comparisons that do not wait for each other. */
INLINE size_t steps_below(const struct rating_compiled *c, int64_t x)
{
    size_t n = 0;
    for (size_t k = 0; k < RATING_BULK_STEPS_MAX; k++)
        n += x > c->from_wh[k];
    return n;
}

/* What the steps make of the energy between two positions, which are seldom far apart. */
INLINE uint64_t climb(const struct rating_compiled *c, int64_t from_wh, int64_t to_wh)
{
    size_t n = steps_below(c, from_wh), m = n + (to_wh > c->from_wh[n]);
    while (to_wh > c->from_wh[m])
        m++;
    return (uint64_t)to_wh * c->step_e8[m] - c->step_less[m] -
           ((uint64_t)from_wh * c->step_e8[n] - c->step_less[n]);
}

/* What a row says, whatever its plan. */
struct used {
    int64_t wh[RATING_RATES], sum_wh, total_wh;
    int64_t position_wh, carry; /* the carry and half a fen */
    int64_t odd;                /* its sign bit: something is negative, or the carry is none */
};

struct amount {
    int64_t fen, carry;
    bool done; /* false: the row must go the long way */
};

/* What is looked at; constants where it is used. */
struct shape {
    unsigned rates;
    bool with_total;
    bool checks; /* the plan's own limits; else the row is inside those of every plan */
};

/* Quantities that exceed a limit go the long way. The exact amount is never negative, so that half
 * away from zero is a floor of the sum and half a fen; where nothing is charged the carry goes by
 * untouched, also at half a fen. Unsigned, because differences of surcharges may be negative: the
 * sum is what must fit, and does. */
INLINE struct amount rate_row(const struct rating_compiled *c, struct used u, struct shape shape)
{
    int64_t odd = u.odd, quantity_wh = u.sum_wh;
    uint64_t exact = 0;
    if (shape.checks)
        odd |= beyond(u.position_wh, c->position_max_wh);
    for (unsigned r = 0; r < shape.rates; r++) {
        if (shape.checks)
            odd |= beyond(u.wh[r], c->rate_max_wh[r]);
        exact += (uint64_t)u.wh[r] * (uint64_t)c->rate_price_e8[r];
    }
    if (shape.with_total) {
        int64_t apart = (int64_t)((uint64_t)u.sum_wh - (uint64_t)u.total_wh) & c->by_rate;
        odd |= u.total_wh | beyond((int64_t)((uint64_t)apart + RATING_RATES_TOLERANCE_WH),
                                   2 * RATING_RATES_TOLERANCE_WH);
        quantity_wh = (u.sum_wh & c->by_rate) | (u.total_wh & ~c->by_rate);
    }
    if (shape.checks)
        odd |= beyond(quantity_wh, c->quantity_max_wh);
    exact += (uint64_t)quantity_wh * (uint64_t)c->price_e8;
    exact += climb(c, u.position_wh, (int64_t)((uint64_t)u.position_wh + (uint64_t)quantity_wh));
    uint64_t shifted = exact + (uint64_t)u.carry;
    uint64_t fen = shifted / (uint64_t)UNITS_EXACT_PER_FEN;
    int64_t rest = (int64_t)(shifted - fen * (uint64_t)UNITS_EXACT_PER_FEN - HALF_FEN);
    int64_t charged = -(int64_t)(exact != 0);
    return (struct amount){.fen = (int64_t)fen & charged,
                           .carry = (rest & charged) |
                                    ((int64_t)((uint64_t)u.carry - HALF_FEN) & ~charged),
                           .done = odd >= 0};
}

struct work {
    const struct rating_compiled *plans;
    size_t plan_count;
    const struct rating_columns *in;
    const struct rating_amounts *out;
    bool given[RATING_RATES + 1]; /* columns that are there */
    unsigned rates;               /* that are looked at */
    /* the least that any of the plans allows */
    int64_t rate_max_wh[RATING_RATES], quantity_max_wh, position_max_wh;
};

static struct row load(const struct work *w, size_t i)
{
    struct row row = {.position_wh = w->in->position_wh[i], .carry = w->in->carry[i]};
    for (unsigned r = 0; r <= RATING_RATES; r++) {
        row.from_wh[r] = w->given[r] ? w->in->from_wh[r][i] : 0;
        row.to_wh[r] = w->given[r] ? w->in->to_wh[r][i] : 0;
    }
    return row;
}

static size_t refuse_or_rate(const struct work *w, size_t i)
{
    enum err e = ERR_RANGE;
    w->out->amount_fen[i] = 0;
    w->out->carry[i] = w->in->carry[i];
    if (w->in->plan[i] < w->plan_count) {
        struct row row = load(w, i);
        e = rate_slowly(&w->plans[w->in->plan[i]], &row, w->given[RATING_TOTAL],
                        &w->out->amount_fen[i], &w->out->carry[i]);
    }
    w->out->refused[i] = (uint16_t)e;
    return e != ERR_OK;
}

/* By the limits of its own plan; false: not by them either. */
static bool rate_checked(const struct work *w, size_t i)
{
    struct row row = load(w, i);
    struct used u = {.position_wh = row.position_wh,
                     .carry = (int64_t)((uint64_t)row.carry + HALF_FEN)};
    u.odd = beyond(u.carry, 2 * HALF_FEN);
    for (unsigned r = 0; r <= RATING_RATES; r++) {
        int64_t wh = (int64_t)((uint64_t)row.to_wh[r] - (uint64_t)row.from_wh[r]);
        u.odd |= row.from_wh[r] | row.to_wh[r];
        *(r < RATING_TOTAL ? &u.wh[r] : &u.total_wh) = wh;
        if (r < RATING_TOTAL)
            u.sum_wh = (int64_t)((uint64_t)u.sum_wh + (uint64_t)wh);
    }
    if (w->in->plan[i] >= w->plan_count)
        return false;
    struct amount a = rate_row(&w->plans[w->in->plan[i]], u,
                               (struct shape){RATING_RATES, w->given[RATING_TOTAL], true});
    if (!a.done)
        return false;
    w->out->amount_fen[i] = a.fen;
    w->out->carry[i] = a.carry;
    w->out->refused[i] = ERR_OK;
    return true;
}

/* Meters with four rates and no fifth are the common case. */
#define COMMON_RATES 4
_Static_assert(RATING_RATES == COMMON_RATES + 1, "one more");

/* Rows in two steps: first what does not ask for the plan, many rows at a time; then plan by plan.
 */
#define BLOCK 256

struct block {
    size_t at, count;
    int64_t wh[RATING_RATES + 1][BLOCK], sum_wh[BLOCK], carry[BLOCK], odd[BLOCK];
};

/* One pair of registers: what was used between them; zeros where the columns are not there. */
INLINE void read_column(const struct work *w, struct block *k, unsigned r, int64_t max_wh)
{
    const size_t count = k->count;
    int64_t *wh = k->wh[r];
    if (!w->given[r]) {
        memset(wh, 0, r < w->rates ? count * sizeof *wh : 0);
        return;
    }
    const int64_t *from_wh = w->in->from_wh[r] + k->at, *to_wh = w->in->to_wh[r] + k->at;
    for (size_t j = 0; j < count; j++) {
        wh[j] = (int64_t)((uint64_t)to_wh[j] - (uint64_t)from_wh[j]);
        k->odd[j] |= from_wh[j] | to_wh[j] | beyond(wh[j], max_wh);
    }
}

FOR_EACH_PROCESSOR static void read_block(const struct work *w, struct block *k)
{
    const size_t count = k->count;
    const int64_t *carry = w->in->carry + k->at, *position_wh = w->in->position_wh + k->at;
    const int64_t position_max_wh = w->position_max_wh, quantity_max_wh = w->quantity_max_wh;
    for (size_t j = 0; j < count; j++) {
        k->carry[j] = (int64_t)((uint64_t)carry[j] + HALF_FEN);
        k->odd[j] = beyond(position_wh[j], position_max_wh) | beyond(k->carry[j], 2 * HALF_FEN);
    }
    for (unsigned r = 0; r < RATING_RATES; r++)
        read_column(w, k, r, w->rate_max_wh[r]);
    read_column(w, k, RATING_TOTAL, quantity_max_wh);
    for (size_t j = 0; j < count; j++) {
        uint64_t sum_wh = 0;
        for (unsigned r = 0; r < COMMON_RATES; r++)
            sum_wh += (uint64_t)k->wh[r][j];
        k->sum_wh[j] = (int64_t)sum_wh;
    }
    for (size_t j = 0; w->rates > COMMON_RATES && j < count; j++)
        k->sum_wh[j] = (int64_t)((uint64_t)k->sum_wh[j] + (uint64_t)k->wh[COMMON_RATES][j]);
    for (size_t j = 0; j < count; j++)
        k->odd[j] |= beyond(k->sum_wh[j], quantity_max_wh);
}

/* While one block is counted the next one comes, a line of eight rows of each column at a time. */
INLINE void fetch_ahead(const struct work *w, size_t i, unsigned rates)
{
    size_t ahead = i + BLOCK;
    if (i % 8 != 0 || ahead >= w->in->count)
        return;
    for (unsigned r = 0; r < rates; r++)
        if (w->given[r]) {
            __builtin_prefetch(w->in->from_wh[r] + ahead);
            __builtin_prefetch(w->in->to_wh[r] + ahead);
        }
    __builtin_prefetch(w->in->position_wh + ahead);
    __builtin_prefetch(w->in->carry + ahead);
}

/* Made once for each shape of the columns. */
INLINE size_t rate_block(const struct work *w, const struct block *k, struct shape shape)
{
    size_t refused = 0;
    const struct rating_compiled *plans = w->plans;
    const size_t plan_count = w->plan_count, count = k->count;
    const uint16_t *plan = w->in->plan + k->at;
    const int64_t *position_wh = w->in->position_wh + k->at;
    int64_t *amount_fen = w->out->amount_fen + k->at, *carry = w->out->carry + k->at;
    uint16_t *refusal = w->out->refused + k->at;
    for (size_t j = 0; j < count; j++) {
        struct amount a = {};
        struct used u AS_IT_IS;
        fetch_ahead(w, k->at + j, shape.rates);
        for (unsigned r = 0; r < shape.rates; r++)
            u.wh[r] = k->wh[r][j];
        u.sum_wh = k->sum_wh[j];
        u.total_wh = shape.with_total ? k->wh[RATING_TOTAL][j] : 0;
        u.position_wh = position_wh[j];
        u.carry = k->carry[j];
        u.odd = k->odd[j];
        if (plan[j] < plan_count)
            a = rate_row(&plans[plan[j]], u, shape);
        if (a.done) {
            amount_fen[j] = a.fen;
            carry[j] = a.carry;
            refusal[j] = ERR_OK;
        } else if (!rate_checked(w, k->at + j)) {
            refused += refuse_or_rate(w, k->at + j);
        }
    }
    return refused;
}

static size_t rate_common(const struct work *w, const struct block *k)
{
    return rate_block(w, k, (struct shape){COMMON_RATES, false, false});
}

static size_t rate_common_with_total(const struct work *w, const struct block *k)
{
    return rate_block(w, k, (struct shape){COMMON_RATES, true, false});
}

static size_t rate_any(const struct work *w, const struct block *k)
{
    return rate_block(w, k, (struct shape){RATING_RATES, false, false});
}

static size_t rate_any_with_total(const struct work *w, const struct block *k)
{
    return rate_block(w, k, (struct shape){RATING_RATES, true, false});
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void find_limits(struct work *w)
{
    w->quantity_max_wh = w->position_max_wh = INT64_MAX;
    for (unsigned r = 0; r < RATING_RATES; r++)
        w->rate_max_wh[r] = INT64_MAX;
    for (size_t i = 0; i < w->plan_count; i++) {
        const struct rating_compiled *c = &w->plans[i];
        w->quantity_max_wh = lesser(w->quantity_max_wh, c->quantity_max_wh);
        w->position_max_wh = lesser(w->position_max_wh, c->position_max_wh);
        for (unsigned r = 0; r < RATING_RATES; r++)
            w->rate_max_wh[r] = lesser(w->rate_max_wh[r], c->rate_max_wh[r]);
    }
}

size_t rating_bulk(const struct rating_compiled *plans, size_t plan_count,
                   const struct rating_columns *columns, const struct rating_amounts *out)
{
    struct work w = {.plans = plans, .plan_count = plan_count, .in = columns, .out = out};
    struct block k AS_IT_IS;
    size_t refused = 0;
    MUST(plan_count <= RATING_BULK_PLANS_MAX);
    for (unsigned r = 0; r <= RATING_RATES; r++) {
        w.given[r] = columns->from_wh[r] != NULL;
        MUST(w.given[r] == (columns->to_wh[r] != NULL));
    }
    bool common = !w.given[COMMON_RATES], total = w.given[RATING_TOTAL];
    w.rates = common ? COMMON_RATES : RATING_RATES;
    find_limits(&w);
    for (k.at = 0; k.at < columns->count; k.at += k.count) {
        size_t left = columns->count - k.at;
        k.count = left < BLOCK ? left : BLOCK;
        read_block(&w, &k);
        refused += total ? (common ? rate_common_with_total : rate_any_with_total)(&w, &k)
                         : (common ? rate_common : rate_any)(&w, &k);
    }
    return refused;
}

/* --- the proof ----------------------------------------------------------------------------------
 */

/* A plan may have rules that this part does not know. So what was compiled is tried against
 * rating_state where plans bend: at and around each bound, in each rate, from nothing and with a
 * remainder. */
static bool agrees_at(const struct rating_compiled *c, int64_t position_wh, int64_t wh,
                      unsigned rate)
{
    int64_t slow_fen, slow_carry;
    struct row row = {.position_wh = position_wh, .carry = HALF_FEN / 3};
    struct used u = {
        .sum_wh = wh, .total_wh = wh, .position_wh = position_wh, .carry = row.carry + HALF_FEN};
    row.to_wh[rate] = row.to_wh[RATING_TOTAL] = u.wh[rate] = wh;
    struct amount fast = rate_row(c, u, (struct shape){RATING_RATES, true, true});
    enum err e = rate_slowly(c, &row, true, &slow_fen, &slow_carry);
    return !fast.done || (e == ERR_OK && fast.fen == slow_fen && fast.carry == slow_carry);
}

static bool agrees(const struct rating_compiled *c)
{
    static const int64_t quantities_wh[] = {0, 1, 999, 1'000, 33'333, 7'654'321};
    for (unsigned rate = 0; rate < RATING_RATES; rate++)
        for (size_t k = 0; k == 0 || k < c->step_count; k++)
            for (size_t q = 0; q < sizeof quantities_wh / sizeof *quantities_wh; q++)
                for (int64_t apart = -1; apart <= 1; apart++) {
                    int64_t at = (c->step_count ? c->from_wh[k] : 0) + apart;
                    int64_t wh = quantities_wh[q];
                    if ((at >= 0 && !agrees_at(c, at, wh, rate)) ||
                        (at >= wh && !agrees_at(c, at - wh, wh, rate)))
                        return false;
                }
    return true;
}

enum err rating_compile(const struct rating_plan *plan, struct rating_class class,
                        struct rating_compiled *out)
{
    int64_t highest_e8;
    *out = (struct rating_compiled){.plan = plan, .class = class};
    if (!can_compile(plan))
        return ERR_RATING_BULK;
    out->by_rate = has_rates(plan) ? -1 : 0;
    set_prices(out);
    TRY(compile_steps(out, &highest_e8));
    set_limits(out, highest_e8);
    return agrees(out) ? ERR_OK : ERR_RATING_BULK;
}
