/* The pure rules of a bill: shares of an area, demand, power factor, subsidies. */
#include "base/must.h"
#include "rating/bill_impl.h"

/* --- area spread by day
 * ---------------------------------------------------------------------------- */

struct span {
    int32_t first, last; /* both included */
};

/* The 29th of February is the 28th in other years. */
static int32_t day_in(int32_t year, struct rating_day day)
{
    int32_t at = civil_days_from_date(year, day.month, 1) + day.day - 1;
    return civil_from_days(at).month == day.month ? at : at - 1;
}

static struct span cycle_of(const struct rating_part *fee, int32_t year)
{
    if (fee->cycle == RATING_YEAR)
        return (struct span){civil_days_from_date(year, 1, 1),
                             civil_days_from_date(year + 1, 1, 1) - 1};
    bool over = fee->end.month < fee->start.month ||
                (fee->end.month == fee->start.month && fee->end.day < fee->start.day);
    return (struct span){day_in(year, fee->start), day_in(over ? year + 1 : year, fee->end)};
}

static int64_t share_at(int64_t area_milli_m2, int32_t day_count, struct span cycle)
{
    return (int64_t)((__int128)area_milli_m2 * day_count / (cycle.last - cycle.first + 1));
}

int64_t rating_area_share(const struct rating_part *fee, int64_t area_milli_m2, int32_t first_day,
                          int32_t last_day)
{
    int64_t share = 0;
    int32_t last_year = civil_from_days(last_day).year;
    for (int32_t year = civil_from_days(first_day).year - 1; year <= last_year; year++) {
        struct span cycle = cycle_of(fee, year);
        int32_t from = first_day > cycle.first ? first_day : cycle.first;
        int32_t to = last_day < cycle.last ? last_day : cycle.last;
        if (from <= to)
            share += share_at(area_milli_m2, to - cycle.first + 1, cycle) -
                     share_at(area_milli_m2, from - cycle.first, cycle);
    }
    return share;
}

/* --- parts of a month
 * --------------------------------------------------------------------------- */

#define THIRTY 30

int64_t rating_month_part(enum rating_part_month how, int64_t price_e8, int32_t day_count,
                          int32_t month_days)
{
    int32_t of = how == RATING_MONTH_THIRTIETHS ? THIRTY : month_days;
    if (how == RATING_MONTH_WHOLE || day_count >= month_days)
        return price_e8;
    return price_e8 * day_count / of; /* at most 10^11 * 30 */
}

/* --- seasons held against a bill by area
 * -------------------------------------------------------- */

static struct rating_part season_fee(const struct rating_area_bill *bill)
{
    return (struct rating_part){.per = RATING_PER_AREA,
                                .by_cycle = true,
                                .cycle = RATING_HEATING_SEASON,
                                .start = bill->start,
                                .end = bill->end};
}

struct rating_season rating_season_of(const struct rating_area_bill *bill, int32_t local_day)
{
    const struct rating_part fee = season_fee(bill);
    int32_t year = civil_from_days(local_day).year - 1;
    struct span season = cycle_of(&fee, year);
    while (season.last < local_day)
        season = cycle_of(&fee, ++year);
    return season.first <= local_day ? (struct rating_season){season.first, season.last + 1}
                                     : (struct rating_season){0, season.first};
}

int64_t rating_season_share(const struct rating_area_bill *bill, int64_t area_milli_m2,
                            int32_t first_day, int32_t last_day)
{
    const struct rating_part fee = season_fee(bill);
    return rating_area_share(&fee, area_milli_m2, first_day, last_day);
}

/* --- demand
 * ---------------------------------------------------------------------------------------- */

static int64_t percent_of(int64_t value, unsigned percent)
{
    return (int64_t)((__int128)value * percent / 100);
}

static bool is_utilised(const struct rating_part *fee, struct rating_demand d)
{
    return fee->utilised_wh != 0 && d.capacity_milli_kva > 0 &&
           (__int128)d.active_wh * 1000 >= (__int128)fee->utilised_wh * d.capacity_milli_kva;
}

struct rating_demand_due rating_demand_due(const struct rating_part *fee, struct rating_demand d)
{
    int64_t floor_kw = percent_of(d.contracted_milli_kw, fee->floor_percent);
    int64_t charged = d.highest_milli_kw > floor_kw ? d.highest_milli_kw : floor_kw;
    int64_t edge = percent_of(d.contracted_milli_kw, fee->over_percent);
    bool over = fee->over_percent != 0 && charged > edge, utilised = is_utilised(fee, d);
    return (struct rating_demand_due){.plain_milli_kw = over ? edge : charged,
                                      .over_milli_kw = over ? charged - edge : 0,
                                      .utilised = utilised,
                                      .price_e8 = utilised ? fee->utilised_price_e8 : fee->price_e8,
                                      .over_price_e8 = utilised ? fee->utilised_over_price_e8
                                                                : fee->over_price_e8};
}

bool rating_demand_known(const struct rating_part *fee, struct rating_demand d)
{
    bool needs_contract = fee->floor_percent != 0 || fee->over_percent != 0;
    if (fee->utilised_wh != 0 && d.capacity_milli_kva <= 0)
        return false;
    return d.contracted_milli_kw > 0 || (!needs_contract && d.highest_milli_kw > 0);
}

/* --- power factor
 * ---------------------------------------------------------------------------------- */

/* h/100 <= a/s  <=>  h^2 * s^2 <= 100^2 * a^2, where s^2 = a^2 + r^2 < 2 * 10^34. */
unsigned rating_factor_hundredths(int64_t active_wh, int64_t reactive_wh)
{
    MUST(active_wh >= 0 && active_wh <= RATING_FACTOR_ENERGY_MAX);
    MUST(reactive_wh >= 0 && reactive_wh <= RATING_FACTOR_ENERGY_MAX);
    unsigned __int128 a2 = (unsigned __int128)active_wh * (unsigned __int128)active_wh;
    unsigned __int128 s2 = a2 + (unsigned __int128)reactive_wh * (unsigned __int128)reactive_wh;
    unsigned h = 100;
    if (s2 == 0)
        return RATING_FACTOR_NONE;
    while (h * h * s2 > 10'000 * a2)
        h--;
    return h;
}

/* (2h - 1)/200 <= a/s  <=>  (2h - 1)^2 * r^2 <= (200^2 - (2h - 1)^2) * a^2, each below 2^128. */
unsigned rating_factor_nearest(int64_t active_wh, int64_t reactive_wh)
{
    MUST(active_wh >= 0 && active_wh <= RATING_FACTOR_ENERGY_MAX);
    MUST(reactive_wh >= 0 && reactive_wh <= RATING_FACTOR_ENERGY_MAX);
    unsigned __int128 a2 = (unsigned __int128)active_wh * (unsigned __int128)active_wh;
    unsigned __int128 r2 = (unsigned __int128)reactive_wh * (unsigned __int128)reactive_wh;
    if (a2 == 0)
        return r2 == 0 ? RATING_FACTOR_NONE : 0;
    for (unsigned h = 100; h > 0; h--) {
        unsigned edge = (2 * h - 1) * (2 * h - 1);
        if (edge * r2 <= (40'000 - edge) * a2)
            return h;
    }
    return 0;
}

int32_t rating_factor_percent_e4(const struct rating_power_factor *f, int64_t active_wh,
                                 int64_t reactive_wh)
{
    unsigned hundredths = f->nearest ? rating_factor_nearest(active_wh, reactive_wh)
                                     : rating_factor_hundredths(active_wh, reactive_wh);
    if (hundredths == RATING_FACTOR_NONE)
        return 0;
    for (unsigned i = 0; i < f->row_count; i++)
        if (hundredths >= f->rows[i].from)
            return f->rows[i].percent_e4;
    return 0;
}

/* --- subsidies
 * ------------------------------------------------------------------------------------- */

int64_t rating_subsidy_of(const struct rating_subsidy *subsidy, int64_t month_fen)
{
    if (month_fen <= 0)
        return 0;
    return month_fen < subsidy->amount_fen ? month_fen : subsidy->amount_fen;
}
