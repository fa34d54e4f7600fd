#include "rating/rating.h"

#include "base/must.h"

static const char *const rate_names[] = {"sharp", "peak", "flat", "valley", "deep_valley", "total"};
static const char *const rate_words[] = {"尖", "峰", "平", "谷", "深谷", "总"};
static const char *const kind_names[] = {"flat", "time_of_use", "ladder", "time_of_use_ladder"};
static const char *const unit_names[] = {"kWh", "m3", "GJ"};
static const char *const cycle_names[] = {"month", "two_months", "season", "year",
                                          "heating_season"};

const char *rating_rate_name(enum rating_rate rate)
{
    return rate_names[rate < RATING_TOTAL ? rate : RATING_TOTAL];
}

const char *rating_rate_zh(enum rating_rate rate)
{
    return rate_words[rate < RATING_TOTAL ? rate : RATING_TOTAL];
}

const char *rating_kind_name(enum rating_kind kind)
{
    return kind < RATING_KINDS ? kind_names[kind] : "unknown";
}

const char *rating_unit_name(enum rating_unit unit)
{
    return unit < RATING_UNITS ? unit_names[unit] : "unknown";
}

const char *rating_cycle_name(enum rating_cycle cycle)
{
    return cycle < RATING_CYCLES ? cycle_names[cycle] : "unknown";
}

const char *rating_per_name(enum rating_per per)
{
    static const char *const names[] = {"unit",     "day",    "month",         "area",
                                        "capacity", "demand", "first_recharge"};
    return per < RATING_PERS ? names[per] : "unknown";
}

const char *rating_rounding_name(enum rating_rounding rounding)
{
    static const char *const names[] = {"carry", "half_up", "up", "down"};
    return rounding < RATING_ROUNDINGS ? names[rounding] : "unknown";
}

enum err rating_plan_billable(const struct rating_plan *plan)
{
    bool kind = plan->kind == RATING_FLAT || plan->kind == RATING_TIME_OF_USE;
    bool plain = plan->component_count == 0 && plan->fee_count == 0 && plan->minimum_fen == 0 &&
                 plan->rounding == RATING_CARRY && plan->schedule_count == 0 &&
                 plan->month_count == 0 && plan->mix_count == 0 && plan->subsidy_count == 0 &&
                 plan->quota.amount_wh == 0 && plan->power_factor.row_count == 0 &&
                 plan->area_bill.most_price_e8 == 0 && plan->area_bill.least_price_e8 == 0 &&
                 !plan->from_intervals && !plan->priced[RATING_DEEP_VALLEY];
    return kind && plain && plan->unit == RATING_KWH ? ERR_OK : ERR_RATING_UNBILLABLE;
}

int64_t rating_price_of(const struct rating_plan *plan, enum rating_rate rate)
{
    if (plan->kind == RATING_FLAT)
        return plan->price_e8;
    return rate < RATING_RATES && plan->priced[rate] ? plan->rate_price_e8[rate] : 0;
}

/* One line. Without energy or price nothing is rounded: a carry of exactly half a fen would
 * otherwise turn into a fen and back for ever. */
static enum err add_line(struct rating_bill *bill, const struct rating_line *shape)
{
    MUST(bill->line_count < RATING_LINES_MAX);
    struct rating_line line = *shape;
    line.step = -1;
    line.month_entry = line.schedule = RATING_ENTRY_NONE;
    if (line.from_wh < 0 || line.to_wh < line.from_wh)
        return ERR_RATING_BACKWARDS;
    line.quantity_wh = line.to_wh - line.from_wh;
    line.carry_in = line.carry_out = bill->carry;
    if (line.quantity_wh > 0 && line.price_e8 > 0)
        TRY(units_amount_fen(line.quantity_wh, line.price_e8, &line.carry_out, &line.amount_fen));
    TRY(units_add(bill->energy_wh, line.quantity_wh, &bill->energy_wh));
    TRY(units_add(bill->amount_fen, line.amount_fen, &bill->amount_fen));
    bill->carry = line.carry_out;
    bill->lines[bill->line_count++] = line;
    return ERR_OK;
}

static enum err charge_flat(const struct rating_plan *plan, const struct rating_usage *usage,
                            struct rating_bill *bill)
{
    return add_line(bill, &(struct rating_line){.kind = RATING_ITEM_ENERGY,
                                                .rate = RATING_TOTAL,
                                                .from_wh = usage->from.total_wh,
                                                .to_wh = usage->to.total_wh,
                                                .price_e8 = plan->price_e8});
}

/* The four rates must tell the same story as the total, as far as the registers' grain allows. */
static enum err check_sum(const struct rating_usage *usage, int64_t rates_wh)
{
    int64_t total_wh;
    TRY(units_sub(usage->to.total_wh, usage->from.total_wh, &total_wh));
    if (total_wh < 0)
        return ERR_RATING_BACKWARDS;
    int64_t apart = total_wh > rates_wh ? total_wh - rates_wh : rates_wh - total_wh;
    return apart > RATING_RATES_TOLERANCE_WH ? ERR_RATING_RATES : ERR_OK;
}

static enum err charge_rate(const struct rating_plan *plan, const struct rating_usage *usage,
                            enum rating_rate rate, struct rating_bill *bill)
{
    int64_t from_wh = usage->from.rate_wh[rate], to_wh = usage->to.rate_wh[rate];
    if (!plan->priced[rate])
        return from_wh == to_wh ? ERR_OK : ERR_RATING_RATES;
    return add_line(bill, &(struct rating_line){.kind = RATING_ITEM_ENERGY,
                                                .rate = rate,
                                                .from_wh = from_wh,
                                                .to_wh = to_wh,
                                                .price_e8 = plan->rate_price_e8[rate]});
}

static enum err charge_rates(const struct rating_plan *plan, const struct rating_usage *usage,
                             struct rating_bill *bill)
{
    for (unsigned rate = 0; rate < RATING_METER_RATES; rate++)
        TRY(charge_rate(plan, usage, (enum rating_rate)rate, bill));
    return check_sum(usage, bill->energy_wh);
}

enum err rating_charge(const struct rating_plan *plan, const struct rating_usage *usage,
                       int64_t carry, struct rating_bill *bill)
{
    bill->line_count = 0; /* the lines behind are not cleared: there is room for many */
    bill->energy_wh = bill->amount_fen = 0;
    bill->carry = carry;
    TRY(rating_plan_billable(plan));
    if (plan->kind == RATING_FLAT)
        return charge_flat(plan, usage, bill);
    MUST(plan->kind == RATING_TIME_OF_USE);
    return charge_rates(plan, usage, bill);
}
