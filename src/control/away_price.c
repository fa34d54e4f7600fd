/* The least that energy can cost: the mirror of the bound in billing/quiet.h. */
#include "base/wide.h"
#include "control/away.h"

#define ROUNDING_FEN RATING_LINES_MAX /* each line of a bill may round down by a fen */
#define ENERGY_MAX_WH (INT64_C(1) << 50)

/* What makes units free, or moves prices in ways that one unit does not tell. */
static bool is_plain(const struct rating_plan *p)
{
    return p->power_factor.row_count == 0 && p->subsidy_count == 0 && p->mix_count == 0 &&
           p->month_count == 0 && p->schedule_count == 0 && p->quota.amount_wh == 0 &&
           !p->from_intervals && p->kind < RATING_KINDS;
}

static int64_t lower(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t lowest_rate(const bool priced[RATING_RATES], const int64_t price_e8[RATING_RATES])
{
    int64_t least = INT64_MAX;
    for (int r = 0; r < RATING_RATES; r++)
        if (priced[r])
            least = lower(least, price_e8[r]);
    return least == INT64_MAX ? 0 : least;
}

static int64_t lowest_step(const struct rating_plan *p)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < p->ladder.step_count; i++)
        least = lower(least, p->ladder.steps[i].price_e8);
    return least == INT64_MAX ? 0 : least;
}

static int64_t lowest_in_matrix(const struct rating_plan *p)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < p->ladder.step_count; i++)
        least = lower(least, lowest_rate(p->priced, p->ladder.steps[i].rate_price_e8));
    return least == INT64_MAX ? 0 : least;
}

/* Before components. A base that a form does not use is 0, which errs on the side of light. */
static int64_t lowest_energy(const struct rating_plan *p)
{
    bool rates = p->kind == RATING_TIME_OF_USE || p->kind == RATING_TIME_OF_USE_LADDER;
    bool ladder = p->kind == RATING_LADDER || p->kind == RATING_TIME_OF_USE_LADDER;
    int64_t base = rates ? lowest_rate(p->priced, p->rate_price_e8) : p->price_e8;
    if (!ladder)
        return base;
    if (p->ladder.form == RATING_BY_MATRIX)
        return lowest_in_matrix(p);
    if (p->ladder.form == RATING_BY_PRICE)
        return lowest_step(p);
    return base + lowest_step(p);
}

bool away_price(const struct rating_plan *plan, int64_t *price_e8)
{
    if (!is_plain(plan))
        return false;
    *price_e8 = lowest_energy(plan);
    for (size_t i = 0; i < plan->component_count; i++)
        *price_e8 += plan->components[i].price_e8;
    return *price_e8 > 0;
}

int64_t away_energy_wh(int64_t margin_fen, int64_t price_e8)
{
    int64_t wh, fen = (margin_fen > 0 ? margin_fen : 0) + ROUNDING_FEN;
    enum err e =
        wide_divide((struct wide_sum){fen, UNITS_PRICE_SCALE / 100 * 1000, 0}, price_e8, &wh, NULL);
    return e != ERR_OK || wh >= ENERGY_MAX_WH ? ENERGY_MAX_WH : wh + 1;
}
