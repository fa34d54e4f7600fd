#include "rating/bulk.h"

#include "base/must.h"
#include "rating/statement.h"

#define HALF_FEN (UNITS_EXACT_PER_FEN / 2)
#define RANGE                                                                                      \
    (INT64_MAX / 2) /* of exact amounts and positions: sums of two stay inside 64 bits             \
                     */
/* Written before it is read: the zeros that the compiler is told to begin with cost a tenth. */
#define AS_IT_IS __attribute__((uninitialized))
#define INLINE static inline __attribute__((always_inline))

/* The loops are compiled a second time for processors with AVX-512, where they take half the time;
 * which of the two runs is settled when the program is loaded. The results are the same integers.
 */
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
        plan->mix_count != 0 || plan->quota.amount_wh != 0)
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
    if (!has_steps(c->plan))
        return ERR_OK;
    TRY(find_bounds(c->plan, c->class, to_wh));
    c->step_count = l->step_count;
    for (size_t i = 0; i < l->step_count; i++) {
        c->from_wh[i] = from_wh;
        c->more_e8[i] = l->steps[i].price_e8 - before_e8;
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

INLINE int64_t above(int64_t at, int64_t from)
{
    return at > from ? at - from : 0;
}

/* Its sign bit is set unless 0 <= value <= limit. */
INLINE int64_t beyond(int64_t value, int64_t limit)
{
    return value | (limit - (value & INT64_MAX));
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

/* Unsigned, because differences of surcharges may be negative: the sum is what must fit, and does.
 */
INLINE uint64_t surcharge(const struct rating_compiled *c, int64_t from_wh, int64_t to_wh)
{
    uint64_t exact = 0;
    for (size_t k = 0; k < c->step_count; k++) {
        int64_t part = above(to_wh, c->from_wh[k]) - above(from_wh, c->from_wh[k]);
        exact += (uint64_t)part * (uint64_t)c->more_e8[k];
    }
    return exact;
}

/* False: the row must go the long way. `odd` collects sign bits: of negative registers, quantities
 * and what exceeds a limit. The exact amount is never negative, so that half away from zero is a
 * floor of the sum and half a fen; where nothing is charged the carry goes by untouched, also at
 * half a fen. */
INLINE bool rate_row(const struct rating_compiled *c, const struct row *row, unsigned rates,
                     bool with_total, struct row *out)
{
    int64_t carry = (int64_t)((uint64_t)row->carry + (uint64_t)HALF_FEN);
    int64_t odd = beyond(row->position_wh, c->position_max_wh) | beyond(carry, 2 * HALF_FEN);
    int64_t sum_wh = 0, quantity_wh;
    uint64_t exact = 0;
    for (unsigned r = 0; r < rates; r++) {
        int64_t wh = (int64_t)((uint64_t)row->to_wh[r] - (uint64_t)row->from_wh[r]);
        odd |= row->from_wh[r] | row->to_wh[r] | beyond(wh, c->rate_max_wh[r]);
        sum_wh = (int64_t)((uint64_t)sum_wh + (uint64_t)wh);
        exact += (uint64_t)wh * (uint64_t)c->rate_price_e8[r];
    }
    quantity_wh = sum_wh;
    if (with_total) {
        int64_t from = row->from_wh[RATING_TOTAL], to = row->to_wh[RATING_TOTAL];
        int64_t total_wh = (int64_t)((uint64_t)to - (uint64_t)from);
        int64_t apart = (int64_t)((uint64_t)sum_wh - (uint64_t)total_wh) & c->by_rate;
        odd |= from | to | total_wh |
               beyond((int64_t)((uint64_t)apart + RATING_RATES_TOLERANCE_WH),
                      2 * RATING_RATES_TOLERANCE_WH);
        quantity_wh = (sum_wh & c->by_rate) | (total_wh & ~c->by_rate);
    }
    odd |= beyond(quantity_wh, c->quantity_max_wh);
    exact += (uint64_t)quantity_wh * (uint64_t)c->price_e8;
    exact += surcharge(c, row->position_wh,
                       (int64_t)((uint64_t)row->position_wh + (uint64_t)quantity_wh));
    uint64_t shifted = exact + (uint64_t)carry;
    uint64_t fen = shifted / (uint64_t)UNITS_EXACT_PER_FEN;
    int64_t rest = (int64_t)(shifted - fen * (uint64_t)UNITS_EXACT_PER_FEN) - HALF_FEN;
    out->position_wh = exact ? (int64_t)fen : 0; /* here: the amount */
    out->carry = exact ? rest : row->carry;
    return odd >= 0;
}

struct work {
    const struct rating_compiled *plans;
    size_t plan_count;
    const struct rating_columns *in;
    const struct rating_amounts *out;
    bool given[RATING_RATES + 1]; /* columns that are there */
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

/* The inner loop, made once for each shape of the columns. */
INLINE size_t rate_all(const struct work *w, unsigned rates, bool with_total)
{
    size_t refused = 0;
    for (size_t i = 0; i < w->in->count; i++) {
        struct row row AS_IT_IS, out AS_IT_IS;
        bool done = w->in->plan[i] < w->plan_count;
        row.position_wh = w->in->position_wh[i];
        row.carry = w->in->carry[i];
        for (unsigned r = 0; r < rates; r++) {
            row.from_wh[r] = w->in->from_wh[r][i];
            row.to_wh[r] = w->in->to_wh[r][i];
        }
        if (with_total) {
            row.from_wh[RATING_TOTAL] = w->in->from_wh[RATING_TOTAL][i];
            row.to_wh[RATING_TOTAL] = w->in->to_wh[RATING_TOTAL][i];
        }
        if (done && rate_row(&w->plans[w->in->plan[i]], &row, rates, with_total, &out)) {
            w->out->amount_fen[i] = out.position_wh;
            w->out->carry[i] = out.carry;
            w->out->refused[i] = ERR_OK;
        } else {
            refused += refuse_or_rate(w, i);
        }
    }
    return refused;
}

static size_t rate_any(const struct work *w)
{
    size_t refused = 0;
    for (size_t i = 0; i < w->in->count; i++) {
        struct row row = load(w, i), out;
        bool done = w->in->plan[i] < w->plan_count;
        if (done && rate_row(&w->plans[w->in->plan[i]], &row, RATING_RATES, true, &out) &&
            w->given[RATING_TOTAL]) {
            w->out->amount_fen[i] = out.position_wh;
            w->out->carry[i] = out.carry;
            w->out->refused[i] = ERR_OK;
        } else {
            refused += refuse_or_rate(w, i);
        }
    }
    return refused;
}

/* Meters with four rates and no fifth are the common case. */
#define COMMON_RATES 4

FOR_EACH_PROCESSOR static size_t rate_common_with_total(const struct work *w)
{
    return rate_all(w, COMMON_RATES, true);
}

FOR_EACH_PROCESSOR static size_t rate_common(const struct work *w)
{
    return rate_all(w, COMMON_RATES, false);
}

size_t rating_bulk(const struct rating_compiled *plans, size_t plan_count,
                   const struct rating_columns *columns, const struct rating_amounts *out)
{
    struct work w = {plans, plan_count, columns, out, {}};
    bool common = true;
    MUST(plan_count <= RATING_BULK_PLANS_MAX);
    for (unsigned r = 0; r <= RATING_RATES; r++) {
        w.given[r] = columns->from_wh[r] != NULL;
        MUST(w.given[r] == (columns->to_wh[r] != NULL));
        if (r < RATING_TOTAL)
            common = common && w.given[r] == (r < COMMON_RATES);
    }
    if (!common)
        return rate_any(&w);
    return w.given[RATING_TOTAL] ? rate_common_with_total(&w) : rate_common(&w);
}

/* --- the proof ----------------------------------------------------------------------------------
 */

/* A plan may have rules that this part does not know. So what was compiled is tried against
 * rating_state where plans bend: at and around each bound, in each rate, from nothing and with a
 * remainder. */
static bool agrees_at(const struct rating_compiled *c, int64_t position_wh, int64_t wh,
                      unsigned rate)
{
    int64_t fast_fen, fast_carry, slow_fen, slow_carry;
    struct row row = {.position_wh = position_wh, .carry = HALF_FEN / 3}, out;
    row.to_wh[rate] = row.to_wh[RATING_TOTAL] = wh;
    bool fast = rate_row(c, &row, RATING_RATES, true, &out);
    enum err e = rate_slowly(c, &row, true, &slow_fen, &slow_carry);
    fast_fen = out.position_wh;
    fast_carry = out.carry;
    return !fast || (e == ERR_OK && fast_fen == slow_fen && fast_carry == slow_carry);
}

static bool agrees(const struct rating_compiled *c)
{
    static const int64_t quantities_wh[] = {0, 1, 999, 1'000, 33'333, 7'654'321};
    for (unsigned rate = 0; rate < RATING_RATES; rate++)
        for (size_t k = 0; k == 0 || k < c->step_count; k++)
            for (size_t q = 0; q < sizeof quantities_wh / sizeof *quantities_wh; q++)
                for (int64_t apart = -1; apart <= 1; apart++) {
                    int64_t at = c->from_wh[k] + apart, wh = quantities_wh[q];
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
