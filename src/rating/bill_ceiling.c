/*
 * The highest prices of a plan. The ceiling: no price per unit, with its components, may be above
 * the catalogue price and what may be put on it. And a surcharge with its base is no more than a
 * price may be. Every price is looked at where it stands; a surcharge is looked at on top of each
 * base.
 */
#include <string.h>

#include "rating/bill_impl.h"
#include "rating/rating_impl.h"

#define WHOLE_E4 (100 * RATING_PERCENT_SCALE)

struct walk {
    const struct rating_plan *plan;
    struct rating_ceiling ceiling;
    int64_t extra_e8;          /* all components */
    enum rating_reason reason; /* of what is above */
    struct rating_warned *found;
};

static bool is_above(const struct walk *w, int64_t price_e8)
{
    const struct rating_ceiling *c = &w->ceiling;
    __int128 price = (__int128)(price_e8 + w->extra_e8) * WHOLE_E4;
    return price > (__int128)c->catalogue_e8 * (WHOLE_E4 + c->percent_e4);
}

static void look(struct walk *w, int64_t price_e8, struct rating_spot spot)
{
    if (is_above(w, price_e8))
        rating_warn(w->found, w->reason, spot);
}

/* A base as it stands, or, if there are surcharges, the first of them that is too much on it. */
static void look_base(struct walk *w, int64_t price_e8, struct rating_spot spot)
{
    const struct rating_ladder *l = &w->plan->ladder;
    bool steps = w->plan->kind == RATING_LADDER || w->plan->kind == RATING_TIME_OF_USE_LADDER;
    if (!steps || l->form != RATING_BY_SURCHARGE || is_above(w, price_e8)) {
        look(w, price_e8, spot);
        return;
    }
    for (size_t i = 0; i < l->step_count; i++)
        if (is_above(w, price_e8 + l->steps[i].price_e8)) {
            look(w, price_e8 + l->steps[i].price_e8,
                 (struct rating_spot){"steps", (int)i, "surcharge"});
            return;
        }
}

static void look_rates(struct walk *w, unsigned priced, const int64_t *price_e8,
                       struct rating_spot spot)
{
    char path[40];
    for (unsigned rate = 0; rate < RATING_RATES; rate++) {
        if (!(priced & 1u << rate))
            continue;
        const char *name = rating_rate_name((enum rating_rate)rate);
        struct rating_spot at = {spot.name, spot.index, name};
        if (spot.member) {
            rating_path_join(path, sizeof path, spot.member, name);
            at.member = path;
        }
        if (w->plan->ladder.outside & 1u << rate) /* no surcharge comes on it */
            look(w, price_e8[rate], at);
        else
            look_base(w, price_e8[rate], at);
    }
}

static unsigned priced_bits(const struct rating_plan *plan)
{
    unsigned bits = 0;
    for (unsigned rate = 0; rate < RATING_RATES; rate++)
        bits |= plan->priced[rate] ? 1u << rate : 0;
    return bits;
}

static void look_steps(struct walk *w)
{
    const struct rating_ladder *l = &w->plan->ladder;
    for (size_t i = 0; i < l->step_count; i++) {
        const struct rating_step *step = &l->steps[i];
        if (l->form == RATING_BY_PRICE)
            look(w, step->price_e8, (struct rating_spot){"steps", (int)i, "price"});
        else if (l->form == RATING_BY_MATRIX)
            look_rates(w, priced_bits(w->plan), step->rate_price_e8,
                       (struct rating_spot){"steps", (int)i, "prices"});
    }
}

static void look_plan(struct walk *w)
{
    const struct rating_plan *plan = w->plan;
    bool steps = plan->kind == RATING_LADDER || plan->kind == RATING_TIME_OF_USE_LADDER;
    bool rates = plan->kind == RATING_TIME_OF_USE || plan->kind == RATING_TIME_OF_USE_LADDER;
    if (steps)
        look_steps(w);
    if (plan->mix_count > 0 || (steps && plan->ladder.form != RATING_BY_SURCHARGE))
        return;
    if (rates)
        look_rates(w, priced_bits(plan), plan->rate_price_e8,
                   (struct rating_spot){"prices", -1, NULL});
    else
        look_base(w, plan->price_e8, (struct rating_spot){"price", -1, NULL});
}

static void look_mix(struct walk *w)
{
    const struct rating_plan *plan = w->plan;
    for (size_t i = 0; i < plan->mix_count; i++) {
        if (plan->kind == RATING_FLAT)
            look(w, plan->mix[i].price_e8[0], (struct rating_spot){"mix", (int)i, "price"});
        else
            look_rates(w, priced_bits(plan), plan->mix[i].price_e8,
                       (struct rating_spot){"mix", (int)i, "prices"});
    }
}

/* One entry of by_month. A row of STEPS stands for a step: by price its first, else its rates. */
static void look_month(struct walk *w, int i)
{
    const struct rating_plan *plan = w->plan;
    const struct rating_month_entry *e = &plan->months[i];
    size_t rows = e->form == RATING_MONTH_STEPS ? plan->ladder.step_count : 1;
    static const char *const members[] = {"price", "prices", "step_prices"};
    struct rating_spot spot = {"by_month", i, members[e->form]};
    for (size_t k = 0; k < rows && e->first + k < RATING_MONTH_PRICES_MAX; k++) {
        const struct rating_prices_row *row = &plan->month_prices[e->first + k];
        if (e->form == RATING_MONTH_RATES || plan->ladder.form == RATING_BY_MATRIX)
            look_rates(w, row->priced, row->price_e8, spot);
        else if (e->form == RATING_MONTH_ONE)
            look_base(w, row->price_e8[0], spot);
        else
            look(w, row->price_e8[0], spot);
    }
}

static void look_all(struct walk *w)
{
    const struct rating_plan *plan = w->plan;
    look_plan(w);
    look_mix(w);
    for (size_t i = 0; i < plan->schedule_count; i++)
        look_rates(w, plan->schedules[i].priced, plan->schedules[i].rate_price_e8,
                   (struct rating_spot){"schedules", (int)i, "prices"});
    for (size_t i = 0; i < plan->month_count; i++)
        look_month(w, (int)i);
}

void rating_warn_bill(const struct rating_plan *plan, struct rating_warned *found)
{
    struct walk w = {.plan = plan,
                     .ceiling = plan->ceiling,
                     .reason = RATING_PRICE_ABOVE_CEILING,
                     .found = found};
    if (plan->ceiling.catalogue_e8 == 0)
        return;
    for (size_t i = 0; i < plan->component_count; i++)
        w.extra_e8 += plan->components[i].price_e8; /* 16 prices of at most 10^11 each */
    look_all(&w);
}

void rating_warn_unusual(const struct rating_plan *plan, struct rating_warned *found)
{
    static const int64_t usual_e8[RATING_UNITS] = {[RATING_KWH] = 10 * UNITS_PRICE_SCALE,
                                                   [RATING_M3] = 100 * UNITS_PRICE_SCALE,
                                                   [RATING_GJ] = 500 * UNITS_PRICE_SCALE};
    struct walk w = {.plan = plan,
                     .ceiling.catalogue_e8 = usual_e8[plan->unit],
                     .reason = RATING_PRICE_UNUSUAL,
                     .found = found};
    look_all(&w);
}

void rating_warn_sums(const struct rating_plan *plan, struct rating_warned *found)
{
    struct walk w = {.plan = plan,
                     .ceiling.catalogue_e8 = RATING_PRICE_MAX_E8,
                     .reason = RATING_PRICE_TOO_LARGE,
                     .found = found};
    look_all(&w);
}
