/* The bill by the book, in exact rationals. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "stretch.h"

#define CARRY_UNITS 1000000000L /* of a fen */

void bill_init(struct bill *b)
{
    memset(b, 0, sizeof *b);
    mpz_init(b->fen);
    mpq_init(b->rest);
    for (int i = 0; i < LINES_MAX; i++) {
        mpz_init(b->lines[i].fen);
        mpq_init(b->lines[i].rest);
    }
}

void bill_free(struct bill *b)
{
    mpz_clear(b->fen);
    mpq_clear(b->rest);
    for (int i = 0; i < LINES_MAX; i++) {
        mpz_clear(b->lines[i].fen);
        mpq_clear(b->lines[i].rest);
    }
}

/* --- steps -------------------------------------------------------------------------------------
 */

static bool month_is_high(const struct plan *p, int month)
{
    if (!p->high_from)
        return false;
    for (int m = p->high_from;; m = m % 12 + 1) {
        if (m == month)
            return true;
        if (m == p->high_to)
            return false;
    }
}

void step_ends(const struct plan *p, int persons, int month, int64_t ends[STEPS_MAX])
{
    bool high = month_is_high(p, month), large = p->household_from && persons >= p->household_from;
    for (int i = 0; i < p->step_count; i++) {
        const struct step *s = &p->steps[i];
        int64_t extra = s->own_surplus ? s->extra : p->extra;
        int64_t each_more = s->own_surplus ? s->each_more : p->each_more;
        ends[i] = s->open ? -1 : high ? s->to_high : s->to;
        if (large && !s->open)
            ends[i] += extra + (persons - p->household_from) * each_more;
    }
}

/* How much of `amount`, used from position `at` on, lies in each step. */
void fill_steps(const struct plan *p, const int64_t *ends, int64_t at, int64_t amount,
                int64_t *parts)
{
    int64_t low = 0;
    for (int i = 0; i < p->step_count; i++) {
        int64_t top = ends[i] < 0 || ends[i] > at + amount ? at + amount : ends[i];
        int64_t bottom = low > at ? low : at;
        parts[i] = top > bottom ? top - bottom : 0;
        low = ends[i] < 0 ? low : ends[i];
    }
}

/* `amount` out of `left`, in proportion; the units that do not divide go to the largest remainders,
 * the earlier rate first. */
void take_share(int64_t amount, int64_t left[RATES], int64_t took[RATES])
{
    mpz_t all, part, rest[RATES];
    int64_t missing = amount;
    bool topped[RATES] = {false};
    mpz_init(part);
    mpz_init_set_si(all, 0);
    for (int r = 0; r < RATES; r++)
        mpz_add_ui(all, all, (unsigned long)left[r]);
    for (int r = 0; r < RATES; r++) {
        mpz_init(rest[r]);
        mpz_set_si(part, left[r]);
        mpz_mul_si(part, part, amount);
        mpz_fdiv_qr(part, rest[r], part, all);
        took[r] = mpz_get_si(part);
        missing -= took[r];
    }
    for (; missing > 0; missing--) {
        int best = -1;
        for (int r = 0; r < RATES; r++)
            if (!topped[r] && (best < 0 || mpz_cmp(rest[r], rest[best]) > 0))
                best = r;
        topped[best] = true;
        took[best]++;
    }
    for (int r = 0; r < RATES; r++) {
        left[r] -= took[r];
        mpz_clear(rest[r]);
    }
    mpz_clears(all, part, NULL);
}

typedef int64_t cells_of[STEPS_MAX][RATES];

static void share_chunk(const struct plan *p, const int64_t *ends, int64_t at,
                        const int64_t rate[RATES], cells_of cells)
{
    int64_t left[RATES], parts[STEPS_MAX], took[RATES], sum = 0;
    for (int r = 0; r < RATES; r++) {
        left[r] = rate[r];
        sum += rate[r];
    }
    fill_steps(p, ends, at, sum, parts);
    for (int i = 0; i < p->step_count; i++) {
        if (parts[i] == 0)
            continue;
        take_share(parts[i], left, took);
        for (int r = 0; r < RATES; r++)
            cells[i][r] += took[r];
    }
}

static void share_all(const struct plan *p, const struct usage *u, const int64_t *ends,
                      const int64_t sums[RATES], cells_of cells)
{
    int64_t at = u->before;
    memset(cells, 0, sizeof(cells_of));
    if (!p->chronological) {
        share_chunk(p, ends, at, sums, cells);
        return;
    }
    for (int i = 0; i < u->row_count; i++) {
        share_chunk(p, ends, at, u->rows[i].rate, cells);
        for (int r = 0; r < RATES; r++)
            at += u->rows[i].rate[r];
    }
}

/* --- prices ------------------------------------------------------------------------------------
 */

int month_entry(const struct plan *p, int month)
{
    for (int i = 0; i < p->entry_count; i++)
        if (p->entries[i].months >> (month - 1) & 1)
            return i;
    return -1;
}

const struct decimal *base_price(const struct plan *p, int entry, int rate)
{
    const struct entry *e = entry < 0 ? NULL : &p->entries[entry];
    if (rate == TOTAL)
        return e && e->form == ENTRY_PRICE ? &e->price[0] : &p->price;
    return e && e->form == ENTRY_RATES && e->names[rate] ? &e->rate_price[0][rate]
                                                         : &p->rate_price[rate];
}

const struct decimal *step_price(const struct plan *p, int entry, int step, int rate)
{
    const struct entry *e = entry < 0 ? NULL : &p->entries[entry];
    if (rate == TOTAL)
        return e && e->form == ENTRY_STEPS ? &e->price[step] : &p->steps[step].price;
    return e && e->form == ENTRY_STEPS ? &e->rate_price[step][rate]
                                       : &p->steps[step].rate_price[rate];
}

/* Percents of a quantity; the units that do not divide go to the largest remainders, the earlier
 * part of the mix first. */
void share_mix(const struct plan *p, int64_t quantity, int64_t parts[MIX_MAX])
{
    mpq_t rest[MIX_MAX];
    int64_t missing = quantity;
    bool topped[MIX_MAX] = {false};
    mpz_t whole;
    mpz_init(whole);
    for (int i = 0; i < p->mix_count; i++) {
        mpq_init(rest[i]);
        mpq_set_si(rest[i], quantity, 100);
        mpq_canonicalize(rest[i]);
        mpq_mul(rest[i], rest[i], p->mix[i].percent.value);
        mpz_fdiv_q(whole, mpq_numref(rest[i]), mpq_denref(rest[i]));
        parts[i] = mpz_get_si(whole);
        missing -= parts[i];
        mpz_submul(mpq_numref(rest[i]), whole, mpq_denref(rest[i]));
    }
    for (; missing > 0; missing--) {
        int best = -1;
        for (int i = 0; i < p->mix_count; i++)
            if (!topped[i] && (best < 0 || mpq_cmp(rest[i], rest[best]) > 0))
                best = i;
        topped[best] = true;
        parts[best]++;
    }
    for (int i = 0; i < p->mix_count; i++)
        mpq_clear(rest[i]);
    mpz_clear(whole);
}

/* --- lines -------------------------------------------------------------------------------------
 */

/* Lines without quantity are left out. */
static void add_line(struct bill *b, enum line_kind kind, int step, int rate, int64_t quantity,
                     const struct decimal *price, int rounding)
{
    struct line *x = &b->lines[b->line_count];
    if (quantity == 0)
        return;
    b->line_count++;
    x->kind = kind;
    x->step = step;
    x->rate = rate;
    x->code = NULL;
    x->quantity = quantity;
    x->price = price;
    x->rounding = rounding < 0 ? CARRY : (enum rounding)rounding;
}

static void add_part(struct bill *b, const struct plan *p, const struct part *part,
                     enum line_kind kind, int64_t quantity)
{
    int before = b->line_count;
    add_line(b, kind, -1, TOTAL, quantity, &part->price,
             part->rounding < 0 ? p->rounding : part->rounding);
    if (b->line_count > before)
        b->lines[before].code = part->code;
}

static void add_mix(struct bill *b, const struct plan *p, int rate, int64_t quantity)
{
    int64_t parts[MIX_MAX];
    share_mix(p, quantity, parts);
    for (int i = 0; i < p->mix_count; i++) {
        int before = b->line_count;
        const struct decimal *price =
            rate == TOTAL ? &p->mix[i].price : &p->mix[i].rate_price[rate];
        add_line(b, ENERGY, -1, rate, parts[i], price, p->rounding);
        if (b->line_count > before)
            b->lines[before].code = p->mix[i].code;
    }
}

static void add_base(struct bill *b, const struct plan *p, int month, const int64_t sums[RATES])
{
    int entry = month_entry(p, month);
    if (p->has_price)
        add_line(b, ENERGY, -1, TOTAL, b->energy, base_price(p, entry, TOTAL), p->rounding);
    for (int r = 0; p->has_prices && r < RATES; r++)
        if (p->priced[r])
            add_line(b, ENERGY, -1, r, sums[r], base_price(p, entry, r), p->rounding);
    if (p->mix_count && !plan_has_rates(p))
        add_mix(b, p, TOTAL, b->energy);
    for (int r = 0; p->mix_count && plan_has_rates(p) && r < RATES; r++)
        if (p->priced[r])
            add_mix(b, p, r, sums[r]);
}

static void add_steps(struct bill *b, const struct plan *p, const struct usage *u,
                      const int64_t sums[RATES])
{
    static cells_of cells;
    int64_t ends[STEPS_MAX];
    int entry = month_entry(p, u->month);
    step_ends(p, u->persons, u->month, ends);
    bool by_rate = plan_has_rates(p);
    fill_steps(p, ends, u->before, by_rate ? plan_climbs(p, sums) : b->energy, b->in_step);
    if (p->form == BY_MATRIX)
        share_all(p, u, ends, sums, cells);
    for (int i = 0; i < p->step_count; i++) {
        const struct decimal *price = step_price(p, entry, i, TOTAL);
        if (p->form == BY_PRICE)
            add_line(b, ENERGY, i, TOTAL, b->in_step[i], price, p->rounding);
        if (p->form == BY_SURCHARGE && mpq_sgn(price->value) != 0)
            add_line(b, SURCHARGE, i, TOTAL, b->in_step[i], price, p->rounding);
        for (int r = 0; p->form == BY_MATRIX && r < RATES; r++)
            if (p->priced[r])
                add_line(b, ENERGY, i, r, cells[i][r], step_price(p, entry, i, r), p->rounding);
    }
}

static int at_least_one(int months)
{
    return months < 1 ? 1 : months;
}

bool fee_is_utilised(const struct part *x, int64_t active, int64_t capacity, int months)
{
    mpz_t kva, wanted;
    if (!x->utilised_from)
        return false;
    mpz_init_set_si(wanted, x->utilised_from);
    mpz_mul_si(wanted, wanted, capacity);
    mpz_mul_si(wanted, wanted, months);
    mpz_init_set_si(kva, active);
    mpz_mul_ui(kva, kva, 1000);
    bool utilised = mpz_cmp(kva, wanted) >= 0;
    mpz_clears(kva, wanted, NULL);
    return utilised;
}

/* What a demand is charged for: at least the floor, and above the limit on a line of its own. */
static void add_demand(struct bill *b, const struct plan *p, const struct part *x,
                       const struct usage *u)
{
    int64_t floor = u->contracted * x->floor_percent / 100;
    int64_t due = u->demand < floor ? floor : u->demand, over = 0;
    int64_t limit = u->contracted * x->over_percent / 100, active = 0;
    if (x->over_percent && due > limit)
        over = due - limit;
    for (int i = 0; i < u->row_count; i++)
        active += u->rows[i].total;
    bool utilised = fee_is_utilised(x, active, u->capacity, at_least_one(u->months));
    int at = b->line_count;
    add_part(b, p, x, FEE, (due - over) * at_least_one(u->months));
    if (b->line_count > at && utilised)
        b->lines[at].price = &x->utilised_price;
    at = b->line_count;
    add_part(b, p, x, FEE, over * at_least_one(u->months));
    if (b->line_count > at)
        b->lines[at].price = utilised ? &x->utilised_over_price : &x->over_price;
}

static void add_parts(struct bill *b, const struct plan *p, const struct usage *u)
{
    for (int i = 0; i < p->component_count; i++)
        add_part(b, p, &p->components[i], COMPONENT, b->energy);
    for (int i = 0; i < p->fee_count; i++) {
        const struct part *x = &p->fees[i];
        int64_t quantities[PERS] = {[PER_DAY] = u->days * INT64_C(1000),
                                    [PER_MONTH] = u->months * INT64_C(1000),
                                    [PER_AREA] =
                                        u->area_milli_m2 * (x->cycle == MONTH ? u->months : 1),
                                    [PER_CAPACITY] = u->capacity * at_least_one(u->months),
                                    [PER_FIRST_RECHARGE] = u->first_recharges * INT64_C(1000)};
        if (x->per == PER_DEMAND)
            add_demand(b, p, x, u);
        else
            add_part(b, p, x, FEE, quantities[x->per]);
    }
}

/* --- money -------------------------------------------------------------------------------------
 */

/* To the nearest whole number, halves away from zero. */
static void round_half(mpz_t whole, const mpq_t x)
{
    mpz_t doubled;
    mpz_init(doubled);
    mpz_mul_2exp(doubled, mpq_numref(x), 1);
    if (mpz_sgn(doubled) < 0)
        mpz_sub(doubled, doubled, mpq_denref(x));
    else
        mpz_add(doubled, doubled, mpq_denref(x));
    mpz_tdiv_q(whole, doubled, mpq_denref(x)); /* toward zero after half a unit away from it */
    mpz_tdiv_q_2exp(whole, whole, 1);
    mpz_clear(doubled);
}

void line_round(struct line *x, mpq_t rest)
{
    mpq_t exact, part;
    mpq_inits(exact, part, NULL);
    mpq_set_si(exact, x->quantity, 10); /* thousandths, and 100 fen a yuan */
    mpq_canonicalize(exact);
    mpq_mul(exact, exact, x->price->value);
    switch (x->rounding) {
    case HALF_UP:
        round_half(x->fen, exact);
        break;
    case UP:
        mpz_cdiv_q(x->fen, mpq_numref(exact), mpq_denref(exact));
        break;
    case DOWN:
        mpz_fdiv_q(x->fen, mpq_numref(exact), mpq_denref(exact));
        break;
    default:
        mpz_set_ui(x->fen, 0);
        if (mpq_sgn(exact) == 0) /* nothing is due: the remainder passes by */
            break;
        mpq_add(exact, exact, rest);
        round_half(x->fen, exact);
        mpq_set_z(part, x->fen);
        mpq_sub(rest, exact, part);
    }
    mpq_set(x->rest, rest);
    mpq_clears(exact, part, NULL);
}

static bool factor_is_on(const struct plan *p, const struct line *x)
{
    if (x->kind == ENERGY || x->kind == SURCHARGE)
        return p->factor_on[0];
    for (int i = 0; i < p->fee_count && x->kind == FEE; i++)
        if (x->code == p->fees[i].code)
            return (p->fees[i].per == PER_CAPACITY && p->factor_on[1]) ||
                   (p->fees[i].per == PER_DEMAND && p->factor_on[2]);
    return false;
}

/* A line without price: a sum of fen. */
static void add_fen(struct bill *b, enum line_kind kind, const char *code, int64_t fen)
{
    struct line *x = &b->lines[b->line_count++];
    x->kind = kind;
    x->step = -1;
    x->rate = TOTAL;
    x->code = code;
    x->quantity = 0;
    x->price = NULL;
    mpz_set_si(x->fen, fen);
    mpq_set(x->rest, b->rest);
    mpz_add(b->fen, b->fen, x->fen);
}

static void add_factor(struct bill *b, const struct plan *p, const struct usage *u)
{
    static struct decimal price;
    static bool ready;
    int64_t on = 0;
    int64_t active = 0;
    for (int i = 0; i < u->row_count; i++)
        active += u->rows[i].total;
    int row = factor_row(p, active, u->reactive);
    if (!ready)
        mpq_init(price.value);
    ready = true;
    for (int i = 0; i < b->line_count; i++)
        on += factor_is_on(p, &b->lines[i]) ? mpz_get_si(b->lines[i].fen) : 0;
    if (row < 0)
        return;
    mpq_set_ui(price.value, 1, 10);
    mpq_mul(price.value, price.value, p->factor_percent[row].value);
    int before = b->line_count;
    if (mpq_sgn(price.value) != 0)
        add_line(b, FACTOR, -1, TOTAL, on, &price, p->rounding);
    if (b->line_count == before)
        return;
    line_round(&b->lines[before], b->rest);
    mpz_add(b->fen, b->fen, b->lines[before].fen);
}

static void add_subsidies(struct bill *b, const struct plan *p, const struct usage *u)
{
    for (int i = 0; i < p->subsidy_count; i++) {
        int64_t give = p->subsidies[i].fen * at_least_one(u->months), left = mpz_get_si(b->fen);
        give = give < left ? give : left;
        if (give > 0)
            add_fen(b, SUBSIDY, p->subsidies[i].code, -give);
    }
}

static void add_money(struct bill *b, const struct plan *p, const struct usage *u)
{
    mpz_set_ui(b->fen, 0);
    mpq_set_si(b->rest, u->carry, CARRY_UNITS);
    mpq_canonicalize(b->rest);
    for (int i = 0; i < b->line_count; i++) {
        line_round(&b->lines[i], b->rest);
        mpz_add(b->fen, b->fen, b->lines[i].fen);
    }
    if (p->factor_count)
        add_factor(b, p, u);
    int64_t minimum = p->minimum_fen * (p->minimum_per == 1 ? at_least_one(u->months) : 1);
    if (minimum && mpz_cmp_si(b->fen, minimum) < 0)
        add_fen(b, MINIMUM, NULL, minimum - mpz_get_si(b->fen));
    add_subsidies(b, p, u);
}

/* --- the whole ---------------------------------------------------------------------------------
 */

/* Sums of the rates; false if a row's rates do not fit its total, or one of them has no price. */
static bool sum_rates(const struct plan *p, const struct usage *u, int64_t sums[RATES])
{
    memset(sums, 0, RATES * sizeof sums[0]);
    for (int i = 0; i < u->row_count; i++) {
        int64_t sum = 0;
        for (int r = 0; r < RATES; r++) {
            if (u->rows[i].rate[r] && !p->priced[r])
                return false;
            sum += u->rows[i].rate[r];
            sums[r] += u->rows[i].rate[r];
        }
        if (llabs(sum - u->rows[i].total) > 50)
            return false;
    }
    return true;
}

static bool anything_negative(const struct plan *p, const struct usage *u)
{
    if (u->before < 0)
        return true;
    for (int i = 0; i < u->row_count; i++) {
        if (u->rows[i].total < 0)
            return true;
        for (int r = 0; plan_has_rates(p) && r < RATES; r++)
            if (u->rows[i].rate[r] < 0)
                return true;
    }
    return false;
}

/* The contracted demand where it is needed: for a floor, a limit, or as long as no demand is told.
 */
static bool demand_unknown(const struct part *x, const struct usage *u)
{
    if (x->utilised_from && u->capacity == 0)
        return true;
    return u->contracted == 0 && (x->floor_percent || x->over_percent || u->demand == 0);
}

static bool fee_uncounted(const struct plan *p, const struct usage *u)
{
    for (int i = 0; i < p->fee_count; i++)
        if ((p->fees[i].per == PER_DAY && u->days == 0) ||
            (p->fees[i].per == PER_MONTH && u->months == 0) ||
            (p->fees[i].per == PER_AREA && u->area_milli_m2 == 0) ||
            (p->fees[i].cycle == MONTH && u->months == 0) ||
            (p->fees[i].per == PER_CAPACITY && (u->capacity == 0 || u->months == 0)) ||
            (p->fees[i].per == PER_DEMAND && (demand_unknown(&p->fees[i], u) || u->months == 0)))
            return true;
    return p->factor_count && !u->reactive_known;
}

enum verdict bill_make(const struct plan *p, const struct usage *u, struct bill *b)
{
    int64_t sums[RATES];
    b->line_count = 0;
    b->energy = 0;
    memset(b->in_step, 0, sizeof b->in_step);
    if (plan_needs_dates(p))
        return DATES_MISSING;
    if (anything_negative(p, u))
        return BACKWARDS;
    if ((p->high_from || p->entry_count) && (u->month < 1 || u->month > 12))
        return MONTH_MISSING;
    if (plan_has_rates(p) && !sum_rates(p, u, sums))
        return RATES_WRONG;
    if (fee_uncounted(p, u))
        return FEE_COUNT_MISSING;
    for (int i = 0; i < u->row_count && !plan_has_rates(p); i++)
        b->energy += u->rows[i].total;
    for (int r = 0; plan_has_rates(p) && r < RATES; r++)
        b->energy += sums[r];
    b->after = u->before + (plan_has_rates(p) ? plan_climbs(p, sums) : b->energy);
    add_base(b, p, u->month, sums);
    if (plan_has_steps(p))
        add_steps(b, p, u, sums);
    add_parts(b, p, u);
    add_money(b, p, u);
    return BILLED;
}

void bill_exact(const struct bill *b, mpq_t fen)
{
    mpq_set_z(fen, b->fen);
    mpq_add(fen, fen, b->rest);
}

void bill_print(const struct bill *b, struct text *out)
{
    static const char *const kinds[] = {"energy",  "surcharge", "component", "fee",
                                        "minimum", "free",      "factor",    "subsidy"};
    for (int i = 0; i < b->line_count; i++) {
        const struct line *x = &b->lines[i];
        char *fen = mpz_get_str(NULL, 10, x->fen), *rest = mpq_get_str(NULL, 10, x->rest);
        text_add(out, "  %s/%d/%s = %" PRId64 " x %s -> %s fen, rest %s\n", kinds[x->kind], x->step,
                 x->code       ? x->code
                 : x->rate < 0 ? "total"
                               : rate_words[x->rate],
                 x->quantity, x->price ? x->price->text : "-", fen, rest);
        free(fen);
        free(rest);
    }
    char *fen = mpz_get_str(NULL, 10, b->fen), *rest = mpq_get_str(NULL, 10, b->rest);
    text_add(out, "  energy %" PRId64 ", after %" PRId64 ", %s fen, rest %s\n", b->energy, b->after,
             fen, rest);
    free(fen);
    free(rest);
}
