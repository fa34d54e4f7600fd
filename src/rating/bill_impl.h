/*
 * The rules of a bill besides its energy: fees, the power factor, the minimum, subsidies, the
 * ceiling. Shared by the parts of rating/ only; pure like the rest. bill_due.c makes lines of them.
 */
#ifndef YUFU_RATING_BILL_IMPL_H
#define YUFU_RATING_BILL_IMPL_H

#include "rating/period_impl.h"

/* The part of an area that falls to the days first..last of the fee's cycles, thousandths of m²:
 * floor(area * days so far / days of the cycle), so that the days of a cycle add up to the area. */
int64_t rating_area_share(const struct rating_part *fee, int64_t area_milli_m2, int32_t first_day,
                          int32_t last_day);

/* Of a price by the month: the part that its first `day_count` days come to, rounded down. */
int64_t rating_month_part(enum rating_part_month how, int64_t price_e8, int32_t day_count,
                          int32_t month_days);

/* The heating season of a bill by area in which a local day lies. */
struct rating_season {
    int32_t first; /* its first day; 0: the day is in none */
    int32_t next;  /* the first day after it, or of the next one */
};
struct rating_season rating_season_of(const struct rating_area_bill *bill, int32_t local_day);
/* The part of an area that falls to these days of seasons, as rating_area_share. */
int64_t rating_season_share(const struct rating_area_bill *bill, int64_t area_milli_m2,
                            int32_t first_day, int32_t last_day);

/* Of a month: what the meter showed, and what the contract says. */
struct rating_demand {
    int64_t highest_milli_kw, contracted_milli_kw;
    int64_t active_wh, capacity_milli_kva; /* for a fee with utilised_wh */
};
struct rating_demand_due {
    int64_t plain_milli_kw, over_milli_kw;
    bool utilised;
    int64_t price_e8, over_price_e8; /* as they then are */
};
struct rating_demand_due rating_demand_due(const struct rating_part *fee, struct rating_demand d);
/* False: the contract says too little for this fee, or there is neither contract nor demand. */
bool rating_demand_known(const struct rating_part *fee, struct rating_demand d);

/* Percent times 10^4 to the price of a fen: see RATING_ITEM_FACTOR. */
#define RATING_FACTOR_PRICE_PER_E4 INT64_C(1000)
#define RATING_FACTOR_NONE 101 /* nothing flowed: there is no power factor */
/* active / sqrt(active^2 + reactive^2), cut to hundredths; exact. Both from 0 to
 * RATING_FACTOR_ENERGY_MAX. */
#define RATING_FACTOR_ENERGY_MAX INT64_C(90'000'000'000'000'000)
unsigned rating_factor_hundredths(int64_t active_wh, int64_t reactive_wh);
/* The same by the nearest hundredth, half up. */
unsigned rating_factor_nearest(int64_t active_wh, int64_t reactive_wh);
/* 0 for RATING_FACTOR_NONE. */
int32_t rating_factor_percent_e4(const struct rating_power_factor *f, int64_t active_wh,
                                 int64_t reactive_wh);

/* What a subsidy pays of a month that has come to month_fen. */
int64_t rating_subsidy_of(const struct rating_subsidy *subsidy, int64_t month_fen);

#endif
